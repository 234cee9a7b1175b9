"""Laws on finite data and of expansions: exact loss of linear SGD on a data set, Mehler's series."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian import gaussian_mean
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, mutant_parameters, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X
from theory.order_parameters.activation import activation as unit
from theory.parameter import Constraint, Domain, Parameter, integer, positive, real_list, text
from theory.source import DERIVED

INPUTS = Parameter(
    "inputs", None, "data, one row per sample", dm.MatrixDomain("matrix", region=(-1.6, 1.6), shape=(4, 2))
)
TARGETS = Parameter("targets", None, "one target per sample", real_list(-1.5, 1.5, (4, 4)))
START = Parameter(
    "initial_weights", None, "weights at the start, one per column of inputs", real_list(-1.0, 1.0, (2, 2))
)
STEPS = Parameter("steps", None, "number of steps", integer(0, region=(1, 3)))
_RATE = dm.LEARNING_RATE.within(positive(0.1, 0.8))
_BATCH = dm.BATCH.within(integer(1, region=(1, 2)))


def _loss_derivation() -> Derivation:
    s, g, xi = sp.symbols("S G xi", commutative=False)
    eta, b, d, x = sp.Symbol("eta"), sp.Symbol("B"), sp.Symbol("d"), sp.Symbol("x", commutative=False)
    step = sp.Symbol("delta", commutative=False) - eta / sp.sqrt(d) * (x * sp.Symbol("x'.delta/sqrt(d)") - xi * x)
    update = s - eta / d * (g * s + s * g) + eta**2 / d**2 * (b - 1) / b * g * s * g
    return derivation(
        ("deviation from least squares", step, "w = w_ls + delta, residual xi - x.delta/sqrt d, G = E x x'"),
        ("mean", sp.Symbol("mu'"), "mu' = (I - eta G/d) mu, because E xi x = 0"),
        ("second moment", update, "plus (eta^2/(B d^2)) E x x'S x x' + (eta^2/(B d)) E xi^2 x x' - cross term in mu"),
        ("excess loss", sp.Symbol("tr(G*S)") / (2 * d), "average over the data"),
    )


def _prepare(values: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return (X, residuals of least squares, deviation at the start) in double precision."""
    import numpy as np

    x = np.array(values["inputs"], dtype=float)
    y = np.array(values["targets"], dtype=float)
    root = math.sqrt(x.shape[1])
    best = np.linalg.lstsq(x / root, y, rcond=None)[0]
    return x, y - x @ best / root, np.array(values["initial_weights"], dtype=float) - best


def empirical_loss(values: dict[str, Any], fourth: str = "data", cross: bool = True, pairs: bool = True) -> float:
    """Return the exact mean excess loss after the steps; the options spoil single terms (mutants)."""
    import numpy as np

    x, xi, start = _prepare(values)
    n, d = x.shape
    eta, b = float(values["learning_rate"]), float(values["batch_size"])
    g = x.T @ x / n
    s, mu = np.outer(start, start), start
    noise = (x * (xi**2)[:, None]).T @ x / n
    for _ in range(int(values["steps"])):
        along = np.einsum("ni,ij,nj->n", x, s, x)
        fourfold = (x * along[:, None]).T @ x / n if fourth == "data" else 2 * g @ s @ g + np.trace(g @ s) * g
        mixed = (x * (xi * (x @ mu))[:, None]).T @ x / n
        s = (
            s
            - eta / d * (g @ s + s @ g)
            + eta**2 / d**2 * fourfold / b
            + (eta**2 / d**2 * (b - 1) / b * g @ s @ g) * pairs
            + eta**2 / (b * d) * noise
            - (2 * eta**2 / (b * d**1.5) * mixed) * cross
        )
        mu = mu - eta / d * g @ mu
    return float(np.trace(g @ s) / (2 * d))


def _enumerate(**values: Any) -> float:
    """Run every sequence of batches and average the excess loss: the definition."""
    import itertools

    import numpy as np

    x, xi, start = _prepare(values)
    n, d = x.shape
    eta, b, steps = float(values["learning_rate"]), int(values["batch_size"]), int(values["steps"])
    states = [start]
    for _ in range(steps):
        fresh = []
        for w in states:
            residual = xi - x @ w / math.sqrt(d)
            push = eta / math.sqrt(d) * residual[:, None] * x
            fresh += [w + sum(push[i] for i in batch) / b for batch in itertools.product(range(n), repeat=b)]
        states = fresh
    deviations = np.array(states) @ x.T / math.sqrt(d)
    return float((deviations**2).mean() / 2)


def _fits(values: dict[str, Any]) -> bool:
    x = values["inputs"]
    return len(values["targets"]) == len(x) and len(values["initial_weights"]) == len(x[0])


def _coefficients(name: str, count: int) -> list[Any]:
    x = sp.Symbol("x", real=True)
    found = []
    for n in range(count):
        polynomial = sp.expand(2 ** sp.Rational(-n, 2) * sp.hermite(n, x / sp.sqrt(2)))
        mean = gaussian_mean(unit(name).at(x) * polynomial, (x,), sp.Matrix([[1]])).form
        found.append(mean / sp.factorial(n))
    return found


class _UnitCovariance(Domain):
    """A 2 x 2 correlation matrix."""

    def draw(self, rng: Any) -> Any:
        """Draw a correlation well inside (-1, 1)."""
        r = round(rng.uniform(-0.45, 0.45), 6)
        return [[1.0, r], [r, 1.0]]


_CORRELATION = Parameter(
    "covariance", None, "correlation matrix of two unit fields", _UnitCovariance("matrix", region=(0, 1))
)
_TERMS = 40


def _mehler(activation: str = "erf") -> Derivation:
    coefficients = _coefficients(activation, _TERMS)
    return derivation(
        ("Hermite coefficients", sp.Tuple(*coefficients[:6]), "c_n = E[s He_n]/n!"),
        ("weights", sp.Tuple(*(sp.factorial(n) * c**2 for n, c in enumerate(coefficients))), "I2 = sum n! c_n^2 C12^n"),
    )


def _mehler_sum(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        r = to_mp(values["covariance"])[0][1]
        return mpmath.fsum(mpmath.mpf(sp.N(w, digits + 10)) * r**n for n, w in enumerate(d.result))


def _mehler_definition(activation: str, covariance: Any) -> float:
    """E[s(z1) s(z2)] by quadrature."""
    s = numeric_function(unit(activation).expression, (X,))
    return float(smooth_mean(lambda x, y: s(x) * s(y), [[float(c) for c in row] for row in covariance], 90))


def _without_factorial(activation: str, covariance: Any) -> float:
    coefficients = [float(sp.N(c)) for c in _coefficients(activation, 8)]
    return sum(c * c * float(covariance[0][1]) ** n for n, c in enumerate(coefficients))


LAWS = (
    Law(
        id="order_parameters.linear.empirical_loss",
        title="mean loss of linear SGD on a finite data set, exact",
        statement="Samples drawn iid with replacement, mean gradient: mean excess half-square loss over least squares.",
        quantity=sp.Symbol("excess loss"),
        parameters=(INPUTS, TARGETS, START, _RATE, _BATCH, STEPS),
        derive=_loss_derivation,
        definition=_enumerate,
        evaluator=lambda d, values, digits: empirical_loss(values),
        sources=(DERIVED,),
        rungs=("algebra", "net"),
        priority="B",
        gate_points=10,
        constraints=(Constraint(_fits, "targets need one entry per row, initial_weights one per column of inputs"),),
        mutants=(
            mutant_value("Gaussian fourth moment", lambda **v: empirical_loss(v, fourth="gaussian")),
            mutant_value("residual cross term left out", lambda **v: empirical_loss(v, cross=False)),
            mutant_value("(B-1)/B left out", lambda **v: empirical_loss(v, pairs=False)),
        ),
    ),
    Law(
        id="order_parameters.identity.mehler",
        title="Mehler's series of I2",
        statement="C11 = C22 = 1: I2 = sum_n n! c_n^2 C12^n with the Hermite coefficients of the activation.",
        quantity=sp.Symbol("I2"),
        parameters=(_CORRELATION, dm.ACTIVATION.within(text("erf", "cubic"))),
        derive=_mehler,
        definition=_mehler_definition,
        evaluator=_mehler_sum,
        structure=("activation",),
        display={"activation": "erf"},
        sources=(DERIVED,),
        priority="B",
        gate_points=6,
        constraints=(
            Constraint(
                lambda v: (
                    len(v["covariance"]) == 2 and all(abs(float(v["covariance"][i][i]) - 1) < 1e-12 for i in (0, 1))
                ),
                "both variances must be one",
            ),
        ),
        mutants=(
            mutant_value("n! left out", _without_factorial),
            mutant_parameters(
                "correlation squared",
                lambda v: {"covariance": [[1.0, v["covariance"][0][1] ** 2], [v["covariance"][0][1] ** 2, 1.0]]},
            ),
        ),
    ),
)
