"""Laws of the exact stationary moments of real minibatch SGD on linear regression, and of Gaussian chains."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.escape import discrete
from theory.escape.notation import (
    BATCH_SIZE,
    CURVATURE,
    CURVATURES,
    KURTOSIS,
    LEARNING_RATE,
    NOISE_VARIANCE,
    REAL_BATCH,
    eta,
    s2,
)
from theory.escape.notation import B as batch
from theory.escape.sources import ZIYIN
from theory.evaluation import converged, to_mp
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Domain, Parameter, positive
from theory.source import DERIVED


@functools.lru_cache(maxsize=512)
def chi_squared_moment(degrees: Any, power: int) -> Any:
    """E a^power of a chi-squared variable, by quadrature of its density in log a."""
    grid = [-60 / float(degrees), -8, -3, 0, 1, 2, 3, 4, 5.5]
    base = mpmath.quad(lambda t: mpmath.exp(t * degrees / 2 - mpmath.exp(t) / 2), grid)
    return mpmath.quad(lambda t: mpmath.exp(t * (degrees / 2 + power) - mpmath.exp(t) / 2), grid) / base


def _stationary(learning_rate: Any, a: list[Any], source: Any) -> tuple[Any, Any]:
    """E d^2 and E d^4 of d' = (1-eta A) d + sqrt(source A) xi by solving the two moment equations numerically."""
    full = [mpmath.mpf(1), *a]

    def mean(power: int, extra: int) -> Any:
        terms = (mpmath.binomial(power, k) * (-learning_rate) ** k * full[k + extra] for k in range(power + 1))
        return mpmath.fsum(terms)

    second = source * full[1] / (1 - mean(2, 0))
    fourth = (6 * mean(2, 1) * source * second + 3 * source**2 * full[2]) / (1 - mean(4, 0))
    return second, fourth


@dataclass(frozen=True)
class MomentsDomain(Domain):
    """E A, E A^2, E A^3, E A^4 of a non-negative variable."""

    def problem(self, value: Any) -> str | None:
        """Return why these are no moments of a non-negative variable, or None."""
        found = super().problem(value)
        if found is not None:
            return found
        if len(value) != 4:
            return f"must be the four moments E A, .., E A^4, not {len(value)} numbers"
        a = [1.0, *map(float, value)]
        one = np.linalg.eigvalsh([[a[i + j] for j in range(3)] for i in range(3)])[0]
        two = np.linalg.eigvalsh([[a[i + j + 1] for j in range(2)] for i in range(2)])[0]
        return None if min(one, two) > -1e-9 * max(a) else "must be moments of a non-negative variable"

    def draw(self, rng: random.Random) -> Any:
        """Draw the moments of a variable on three atoms."""
        atoms = [rng.uniform(0.1, 2.0) for _ in range(3)]
        weights = [rng.uniform(0.2, 1.0) for _ in range(3)]
        total = sum(weights)
        return [round(sum(w * x**k for w, x in zip(weights, atoms, strict=True)) / total, 9) for k in range(1, 5)]


MOMENTS = Parameter(
    "batch_curvature_moments",
    None,
    "E A, E A^2, E A^3, E A^4 of the batch curvature",
    MomentsDomain("list", region=(0.1, 2.0)),
)


def _general_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    function = sp.lambdify((eta, *discrete.moments), derived.result, modules="mpmath")
    return converged(
        lambda: function(to_mp(values["learning_rate"]), *to_mp(values["batch_curvature_moments"])), digits
    )


def _general_definition(learning_rate: Any, batch_curvature_moments: Any) -> Any:
    second, fourth = _stationary(learning_rate, batch_curvature_moments, mpmath.mpf("0.31"))
    return fourth / second**2 - 3


def _fourth_contracts(values: Any) -> bool:
    a1, a2, a3, a4 = values["batch_curvature_moments"]
    e = values["learning_rate"]
    return 4 * a1 - 6 * a2 * e + 4 * a3 * e**2 - a4 * e**3 > 0


EXCESS_GENERAL = Law(
    id="escape.excess_kurtosis.general",
    title="Excess kurtosis of real SGD for any feature law",
    statement="n = 1, Gaussian label noise: 3 eta^3 (a1^2 a4 - 2 a1 a2 a3 + a2^3)/{a1^2 (4 a1 - 6 a2 eta + 4 a3 eta^2 "
    "- a4 eta^3)}, a_j = E A^j; independent of sigma, >= 0, O(eta^3).",
    quantity=sp.Symbol("kappa_4"),
    parameters=(LEARNING_RATE, MOMENTS),
    derive=discrete.excess_general,
    evaluator=_general_value,
    definition=_general_definition,
    constraints=(Constraint(_fourth_contracts, "the fourth moment is infinite here; reduce learning_rate"),),
    sources=(DERIVED,),
    mutants=(
        mutant_value("eta^2", lambda learning_rate, batch_curvature_moments: EXCESS_GENERAL(
            learning_rate=learning_rate, batch_curvature_moments=batch_curvature_moments) / learning_rate),
        mutant_value("central-moment numerator", lambda learning_rate, batch_curvature_moments: _central(
            learning_rate, *batch_curvature_moments)),
        mutant_value("SDE law", lambda learning_rate, batch_curvature_moments: _sde_kurtosis(
            learning_rate, *batch_curvature_moments[:2])),
    ),
    rungs=("algebra", "sgd"),
)  # fmt: skip


def _central(e: float, a1: float, a2: float, a3: float, a4: float) -> float:
    fourth = a4 - 4 * a1 * a3 + 6 * a1**2 * a2 - 3 * a1**4
    return 3 * e**3 * fourth / (4 * a1 - 6 * a2 * e + 4 * a3 * e**2 - a4 * e**3)


def _sde_kurtosis(e: float, a1: float, a2: float) -> float:
    spread = e * (a2 - a1**2) / a1
    return 3 * spread / (1 - 1.5 * spread)


def _excess_definition(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    a = [chi_squared_moment(batch_size, k) * (curvature / batch_size) ** k for k in (1, 2, 3, 4)]
    second, fourth = _stationary(learning_rate, a, learning_rate**2 / batch_size)
    contracts = 1 - mpmath.fsum(
        mpmath.binomial(4, k) * (-learning_rate) ** k * x for k, x in enumerate([mpmath.mpf(1), *a])
    )
    return fourth / second**2 - 3 if contracts > 0 else mpmath.inf


def _wrong_excess(learning_rate: float, batch_size: int, curvature: float) -> float:
    t = learning_rate * curvature / batch_size
    return 3 / (1 / t - 1.5) if t < 2 / 3 else float("inf")


EXCESS_GAUSSIAN = Law(
    id="escape.excess_kurtosis.gaussian_features",
    title="Excess kurtosis of real SGD with Gaussian features",
    statement="6 e^3 (B+2)(B+6)/[4B^3 - 6B^2(B+2)e + 4B(B+2)(B+4)e^2 - (B+2)(B+4)(B+6)e^3], e = eta h, while the "
    "denominator is positive; else infinite.",
    quantity=sp.Symbol("kappa_4"),
    parameters=(LEARNING_RATE, BATCH_SIZE, CURVATURE),
    derive=discrete.excess_gaussian,
    definition=_excess_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("SDE law", _wrong_excess),
        mutant_value(
            "SDE law with the exact covariance",
            lambda learning_rate, batch_size, curvature: _wrong_excess(2 * learning_rate, batch_size, curvature),
        ),
        mutant_value(
            "without (B+6)",
            lambda learning_rate, batch_size, curvature: EXCESS_GAUSSIAN(
                learning_rate=learning_rate, batch_size=batch_size, curvature=curvature
            ) / (batch_size + 6),
        ),
    ),
    rungs=("algebra", "sgd"),
    # its definition is a quadrature of a tenth of a second
    gate_points=10,
)  # fmt: skip

FINITE_VARIANCE = Constraint(
    lambda v: v["learning_rate"] * v["curvature"] * (1 + (v["feature_kurtosis"] - 1) / v["batch_size"]) < 2,
    "the variance is finite only for eta h (1 + (K-1)/B) < 2",
)


def _variance_definition(
    learning_rate: Any, batch_size: Any, curvature: Any, noise_variance: Any, feature_kurtosis: Any
) -> Any:
    """Stationary variance from E A^2 summed over pairs of the batch."""
    size = int(batch_size)
    square = (
        mpmath.fsum(curvature**2 * (feature_kurtosis if p == q else 1) for p in range(size) for q in range(size))
        / size**2
    )
    source = learning_rate**2 * noise_variance * curvature / batch_size
    return source / (2 * learning_rate * curvature - learning_rate**2 * square)


def _variance(v: dict[str, Any], spread: float) -> float:
    t = v["learning_rate"] * v["noise_variance"] / v["batch_size"]
    return t / (2 - v["learning_rate"] * v["curvature"] * (1 + spread))


VARIANCE = Law(
    id="escape.stationary_variance.kurtosis",
    title="Stationary variance of real SGD for any feature kurtosis",
    statement="(eta sigma^2/B)/(2 - eta h (1 + (K-1)/B)) in one dimension.",
    quantity=sp.Symbol("Var_d"),
    parameters=(LEARNING_RATE, BATCH_SIZE, CURVATURE, NOISE_VARIANCE, KURTOSIS),
    derive=discrete.variance_kurtosis,
    definition=_variance_definition,
    constraints=(FINITE_VARIANCE,),
    sources=(DERIVED,),
    mutants=(
        mutant_value("K for K-1", lambda **v: _variance(v, v["feature_kurtosis"] / v["batch_size"])),
        mutant_value(
            "without 1/B", lambda **v: _variance(v, v["feature_kurtosis"] - 1 if v["batch_size"] > 1 else 0.0)
        ),
    ),
    rungs=("algebra", "sgd"),
)


def _covariance_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    names = {s.name: s for s in derived.result.free_symbols}
    function = sp.lambdify((eta, s2, batch, names["h_i"], names["X"]), derived.result, modules="mpmath")

    def parts() -> tuple[Any, ...]:
        e, size, noise = (to_mp(values[k]) for k in ("learning_rate", "batch_size", "noise_variance"))
        spectrum = to_mp(values["curvatures"])
        brackets = [2 - e * a * (1 + 1 / size) for a in spectrum]
        share = e / size * mpmath.fsum(a / q for a, q in zip(spectrum, brackets, strict=True))
        return e, size, noise, spectrum, share, min(brackets)

    *_, share, lowest = parts()
    if lowest <= 0 or share >= 1:
        return None

    def compute() -> list[Any]:
        e, size, noise, spectrum, x, _ = parts()
        return [function(e, noise, size, a, x) for a in spectrum]

    return converged(compute, digits)


def _covariance_definition(learning_rate: Any, batch_size: Any, curvatures: Any, noise_variance: Any) -> Any:
    """Fixed point of the variances by a linear solve with fourth moments summed over the pairs of a batch."""
    size, e = len(curvatures), learning_rate
    matrix = mpmath.matrix(size, size)
    for a in range(size):
        for b in range(size):
            fourth = curvatures[a] * curvatures[b] * (3 if a == b else 1)
            pair = (fourth + (batch_size - 1) * (curvatures[a] ** 2 if a == b else 0)) / batch_size
            matrix[a, b] = -(e**2) * pair + (2 * e * curvatures[a] if a == b else 0)
    source = mpmath.matrix([e**2 * noise_variance * a / batch_size for a in curvatures])
    spectrum = np.linalg.eigvals(np.array(matrix.tolist(), dtype=float))
    if min(spectrum.real) <= 0:
        return None
    return list(mpmath.lu_solve(matrix, source))


def _covariances(v: dict[str, Any], inverse_batch: float, keep_share: bool, half: float = 1.0) -> Any:
    e, size = v["learning_rate"], v["batch_size"]
    brackets = [2 - e * a * (1 + inverse_batch) for a in v["curvatures"]]
    share = e / size * sum(a / q for a, q in zip(v["curvatures"], brackets, strict=True)) if keep_share else 0.0
    return [half * e * v["noise_variance"] / size / ((1 - share) * q) for q in brackets]


COVARIANCE = Law(
    id="escape.stationary_covariance.gaussian_features",
    title="Stationary variances of real SGD with Gaussian features",
    statement="Var along i = (eta sigma^2/B)/[(1-X)(2 - eta h_i(1+1/B))], X = (eta/B) sum_j h_j/(2 - eta h_j(1+1/B)); "
    "null where X >= 1.",
    quantity=sp.Symbol("Var_i"),
    parameters=(LEARNING_RATE, BATCH_SIZE, CURVATURES, NOISE_VARIANCE),
    derive=discrete.covariance_gaussian,
    evaluator=_covariance_value,
    definition=_covariance_definition,
    sources=(ZIYIN, DERIVED),
    mutants=(
        mutant_value("X dropped", lambda **v: _covariances(v, 1 / v["batch_size"], False)),
        mutant_value("1/B -> 0 in the brackets", lambda **v: _covariances(v, 0.0, True)),
        mutant_value("eta sigma^2/(2B)", lambda **v: _covariances(v, 1 / v["batch_size"], True, 0.5)),
    ),
    rungs=("algebra", "chain", "sgd"),
)


def _chain_definition(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    """Iterate the second moment of the chain to its fixed point."""
    e, value = learning_rate * curvature, mpmath.mpf(0)
    for _ in range(12):
        # composing the affine map with itself doubles the number of steps
        factor, shift = (1 - e) ** 2 + e**2 / batch_size, e**2 / batch_size
        for _ in range(16):
            shift, factor = shift + factor * shift, factor * factor
        value = factor * value + shift
    return value


CHAIN_VARIANCE = Law(
    id="escape.stationary_variance.gaussian_chain",
    title="Mean relative loss of the Gaussian chain",
    statement="E v = T/(2 - eta h - T) for d' = (1-eta h) d + eta sqrt(2 L h/B) xi.",
    quantity=sp.Symbol("E_v"),
    parameters=(LEARNING_RATE, REAL_BATCH, CURVATURE),
    derive=discrete.gaussian_chain_variance,
    definition=_chain_definition,
    constraints=(
        Constraint(
            lambda v: v["learning_rate"] * v["curvature"] * (1 + 1 / v["batch_size"]) < 2, "needs eta h (1+1/B) < 2"
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "T/(2-T)", lambda learning_rate, batch_size, curvature: _chain(learning_rate, batch_size, curvature, 0, 1)
        ),
        mutant_value(
            "T/(2 - eta h)",
            lambda learning_rate, batch_size, curvature: _chain(learning_rate, batch_size, curvature, 1, 0),
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    priority="B",
)


def _chain(learning_rate: float, batch_size: float, curvature: float, first: int, second: int) -> float:
    e = learning_rate * curvature
    return e / batch_size / (2 - first * e - second * e / batch_size)


def _discriminator_definition(learning_rate: Any, batch_size: Any) -> Any:
    t = learning_rate / batch_size
    return 3 / (1 / t - mpmath.mpf(3) / 2) / _excess_definition(learning_rate, batch_size, mpmath.mpf(1))


def _discriminator(learning_rate: float, batch_size: float, power: int) -> float:
    return batch_size**2 / 2 * 4 / ((batch_size + 2) * (batch_size + 6)) * learning_rate**power


DISCRIMINATOR = Law(
    id="escape.excess_kurtosis.discriminator",
    title="Excess kurtosis of the SDE over that of real SGD",
    statement="n = h = 1: the ratio of 3/(1/T - 3/2) to the exact excess kurtosis; diverges as eta^-2.",
    quantity=sp.Symbol("ratio"),
    parameters=(LEARNING_RATE.within(positive(0.03, 0.25)), BATCH_SIZE),
    derive=discrete.discriminator,
    definition=_discriminator_definition,
    constraints=(
        Constraint(
            lambda v: v["learning_rate"] * 3 / 2 < v["batch_size"] and _excess_finite(v),
            "both kurtoses must be finite; reduce learning_rate",
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value("constant", lambda learning_rate, batch_size: _discriminator(learning_rate, batch_size, 0)),
        mutant_value("eta^-1", lambda learning_rate, batch_size: _discriminator(learning_rate, batch_size, -1)),
    ),
    priority="B",
)


def _excess_finite(v: dict[str, Any]) -> bool:
    e, b = v["learning_rate"], v["batch_size"]
    low = 4 * b**3 - 6 * b**2 * (b + 2) * e + 4 * b * (b + 2) * (b + 4) * e**2 - (b + 2) * (b + 4) * (b + 6) * e**3
    return low > 0


DISCRETE_LAWS = (COVARIANCE, VARIANCE, EXCESS_GENERAL, EXCESS_GAUSSIAN)
DISCRETE_LAWS_B = (CHAIN_VARIANCE, DISCRIMINATOR)
