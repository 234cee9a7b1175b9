"""Laws of moments and tails of the stationary distribution of the SDE, and of its failure in anisotropic wells."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.escape import stationary
from theory.escape.notation import (
    BARRIER_RATIO,
    BATCH_SIZE,
    DIMENSION,
    KURTOSIS_ABOVE_ONE,
    LEARNING_RATE,
    MINIMUM_LOSS,
    MOMENT_ORDER,
    TEMPERATURE,
    B,
    L_min,
    eta,
)
from theory.escape.oracles import beta_prime_integral
from theory.escape.stationary_laws import NORMALISABLE
from theory.evaluation import converged, to_mp
from theory.law import Law, Mutant, mutant_value
from theory.parameter import Constraint, Parameter, positive, real_list
from theory.source import DERIVED


def _moment_definition(temperature: Any, dimension: Any, moment_order: Any) -> Any:
    power = 1 + 1 / temperature
    if moment_order >= power - dimension / 2:
        return mpmath.inf
    return beta_prime_integral(dimension / 2 - 1 + moment_order, power) / beta_prime_integral(dimension / 2 - 1, power)


def _moment_with(power: Any, order: Any, dimension: Any) -> Any:
    low = power - dimension / 2
    if order >= low or low <= 0:
        return mpmath.inf
    return mpmath.beta(dimension / 2 + order, low - order) / mpmath.beta(dimension / 2, low)


MOMENT = Law(
    id="escape.relative_loss.moment",
    title="Moments of the relative loss under L^-phi",
    statement="E v^m = B(n/2+m, phi-n/2-m)/B(n/2, phi-n/2) for m < phi - n/2, else infinite; phi = 1 + 1/T.",
    quantity=sp.Symbol("E_v^m"),
    parameters=(TEMPERATURE, DIMENSION, MOMENT_ORDER),
    derive=stationary.relative_loss_moment,
    definition=_moment_definition,
    constraints=(
        NORMALISABLE,
        Constraint(
            lambda v: v["moment_order"] > -v["dimension"] / 2, "the moment exists for moment_order > -dimension/2"
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "phi = 1/T",
            lambda temperature, dimension, moment_order: float(_moment_with(1 / temperature, moment_order, dimension)),
        ),
        mutant_value(
            "m times n/2 only",
            lambda temperature, dimension, moment_order: moment_order * dimension / 2,
        ),
    ),
    rungs=("algebra", "flow"),
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
)


def _survival_definition(temperature: Any, dimension: Any, barrier_ratio: Any) -> Any:
    power = 1 + 1 / temperature
    tail = beta_prime_integral(dimension / 2 - 1, power, 1, barrier_ratio - 1)
    return tail / beta_prime_integral(dimension / 2 - 1, power)


def _survival(a: Any, b: Any, x: Any) -> float:
    return float(1 - mpmath.betainc(a, b, 0, x, regularized=True))


SURVIVAL = Law(
    id="escape.relative_loss.survival",
    title="Probability of a loss above c L_* under L^-phi",
    statement="P(L > c L_*) = 1 - I_{(c-1)/c}(n/2, phi - n/2), phi = 1 + 1/T.",
    quantity=sp.Symbol("P_above"),
    parameters=(TEMPERATURE, DIMENSION, BARRIER_RATIO),
    derive=stationary.survival,
    definition=_survival_definition,
    constraints=(NORMALISABLE,),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "argument 1/c",
            lambda temperature, dimension, barrier_ratio: _survival(
                dimension / 2, 1 + 1 / temperature - dimension / 2, 1 / barrier_ratio
            ),
        ),
        mutant_value(
            "shape parameters swapped",
            lambda temperature, dimension, barrier_ratio: _survival(
                1 + 1 / temperature - dimension / 2, dimension / 2, 1 - 1 / barrier_ratio
            ),
        ),
    ),
    rungs=("algebra", "flow", "sgd"),
    gate_points=8,
)


def coordinate_kurtosis(dimension: Any, power: Any, scale: Any) -> Any:
    """Excess kurtosis of one coordinate under the density (1 + scale v)^-power, by quadrature."""
    total = beta_prime_integral(dimension / 2 - 1, power, scale)
    first = beta_prime_integral(dimension / 2, power, scale) / total
    second = beta_prime_integral(dimension / 2 + 1, power, scale) / total
    return 3 * (dimension / (dimension + 2) * second / first**2 - 1)


POWER_LAW_KURTOSIS = Law(
    id="escape.excess_kurtosis.power_law",
    title="Excess kurtosis of one coordinate of the L^-phi law",
    statement="3/(1/T - 1 - n/2) for 1/T > 1 + n/2.",
    quantity=sp.Symbol("kappa_4"),
    parameters=(TEMPERATURE.within(positive(0.04, 0.25)), DIMENSION),
    derive=stationary.power_law_kurtosis,
    definition=lambda temperature, dimension: coordinate_kurtosis(dimension, 1 + 1 / temperature, 1),
    constraints=(
        Constraint(
            lambda v: 1 / v["temperature"] > 1 + v["dimension"] / 2,
            "the kurtosis is finite for 1/temperature > 1 + dimension/2",
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value("without 1", lambda temperature, dimension: 3 / (1 / temperature - dimension / 2)),
        mutant_value("6 T", lambda temperature, dimension: 6 * temperature),
    ),
    rungs=("algebra", "flow", "sgd"),
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
)


KURTOSIS_SDE_KURTOSIS = Law(
    id="escape.excess_kurtosis.kurtosis_sde",
    title="Excess kurtosis of the SDE with the exact covariance",
    statement="n = 1, D = T [L_* + (K-1)(L - L_*)]: 3/(1/((K-1) T) - 3/2).",
    quantity=sp.Symbol("kappa_4"),
    parameters=(TEMPERATURE.within(positive(0.03, 0.14)), KURTOSIS_ABOVE_ONE),
    derive=stationary.kurtosis_sde_kurtosis,
    definition=lambda temperature, feature_kurtosis: coordinate_kurtosis(
        mpmath.mpf(1), 1 + 1 / ((feature_kurtosis - 1) * temperature), feature_kurtosis - 1
    ),
    constraints=(
        Constraint(
            lambda v: (v["feature_kurtosis"] - 1) * v["temperature"] < 2 / 3,
            "the kurtosis is finite for (feature_kurtosis - 1) temperature < 2/3",
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "K for K-1", lambda temperature, feature_kurtosis: 3 / (1 / (feature_kurtosis * temperature) - 1.5)
        ),
        mutant_value(
            "the law of real SGD, O(T^3)",
            lambda temperature, feature_kurtosis: 3 * temperature**3 * (feature_kurtosis - 1) ** 2,
        ),
    ),
    rungs=("algebra", "flow", "sgd"),
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
)


def _residual_definition(
    learning_rate: Any, batch_size: Any, curvatures: Any, minimum_loss: Any, displacement: Any
) -> Any:
    h, ratio = curvatures, learning_rate / batch_size
    power = 1 + 1 / (ratio * h[0])
    x, y = displacement

    def loss(a: Any, b: Any) -> Any:
        return minimum_loss + (h[0] * a * a + h[1] * b * b) / 2

    with mpmath.workdps(40):
        total = mpmath.diff(lambda a: h[0] * a * loss(a, y) ** -power, x)
        total += mpmath.diff(lambda b: h[1] * b * loss(x, b) ** -power, y)
        total += ratio * h[0] * mpmath.diff(lambda a: loss(a, y) ** (1 - power), x, 2)
        total += ratio * h[1] * mpmath.diff(lambda b: loss(x, b) ** (1 - power), y, 2)
        return total * loss(x, y) ** power


def _residual_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    names = {s.name: s for s in derived.result.free_symbols}
    order = [names.get(k, sp.Symbol(k)) for k in ("h1", "h2", "x", "y")]
    function = sp.lambdify((eta, B, L_min, *order), derived.result, modules="mpmath")
    numbers = [values["learning_rate"], values["batch_size"], values["minimum_loss"]]
    numbers += [*values["curvatures"], *values["displacement"]]
    return converged(lambda: function(*map(to_mp, numbers)), digits)


def _without_loss(law: Any, values: Any) -> Any:
    full = law.complete(values)
    h, x = full["curvatures"], full["displacement"]
    return law.value(full) * (full["minimum_loss"] + sum(a * b * b for a, b in zip(h, x, strict=True)) / 2)


RESIDUAL = Law(
    id="escape.stationarity_residual.anisotropic",
    title="L^-phi is not stationary in an anisotropic well",
    statement="D_i = (eta/B) L h_i, two directions: the Fokker-Planck operator on P = L^-(1+B/(eta h1)), over P, is "
    "h2 (h1-h2) [2 L_* eta h1 + eta h1^2 x^2 - (2B + eta h1) h2 y^2] / (2 eta h1^2 L).",
    quantity=sp.Symbol("residual"),
    parameters=(
        LEARNING_RATE,
        BATCH_SIZE,
        Parameter("curvatures", None, "h1 (escape direction) and h2", real_list(0.6, 4.0, (2, 2), positive=True)),
        MINIMUM_LOSS,
        Parameter("displacement", None, "the point x, y", real_list(-1.4, 1.4, (2, 2))),
    ),
    derive=stationary.anisotropic_residual,
    evaluator=_residual_value,
    definition=_residual_definition,
    constraints=(
        Constraint(
            lambda v: len(v["curvatures"]) == len(v["displacement"]) == 2, "give two curvatures and two coordinates"
        ),
    ),
    sources=(DERIVED,),
    mutants=(mutant_value("zero", lambda **_: 0.0), Mutant("without the factor 1/L", _without_loss)),
)

MOMENT_LAWS = (MOMENT, SURVIVAL, POWER_LAW_KURTOSIS, KURTOSIS_SDE_KURTOSIS, RESIDUAL)
