"""Laws of the exact stationary moments of real minibatch SGD on linear regression, and of Gaussian chains."""

from __future__ import annotations

import functools
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
from theory.parameter import Constraint
from theory.source import DERIVED


@functools.lru_cache(maxsize=512)
def chi_squared_moment(degrees: Any, power: int) -> Any:
    """E a^power of a chi-squared variable, by quadrature of its density in log a."""
    grid = [-60 / float(degrees), -8, -3, 0, 1, 2, 3, 4, 5.5]
    base = mpmath.quad(lambda t: mpmath.exp(t * degrees / 2 - mpmath.exp(t) / 2), grid)
    return mpmath.quad(lambda t: mpmath.exp(t * (degrees / 2 + power) - mpmath.exp(t) / 2), grid) / base


def stationary_moments(learning_rate: Any, a: list[Any], source: Any) -> tuple[Any, Any]:
    """E d^2 and E d^4 of d' = (1-eta A) d + sqrt(source A) xi by solving the two moment equations numerically."""
    full = [mpmath.mpf(1), *a]

    def mean(power: int, extra: int) -> Any:
        terms = (mpmath.binomial(power, k) * (-learning_rate) ** k * full[k + extra] for k in range(power + 1))
        return mpmath.fsum(terms)

    second = source * full[1] / (1 - mean(2, 0))
    fourth = (6 * mean(2, 1) * source * second + 3 * source**2 * full[2]) / (1 - mean(4, 0))
    return second, fourth


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


DISCRETE_LAWS = (COVARIANCE, VARIANCE)
DISCRETE_LAWS_B = (CHAIN_VARIANCE,)
