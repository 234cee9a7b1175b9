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
from theory.escape.update_oracles import covariance_step, fixed_square, gauss_hermite_3, regression_square
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


FINITE_VARIANCE = Constraint(
    lambda v: v["learning_rate"] * v["curvature"] * (1 + (v["feature_kurtosis"] - 1) / v["batch_size"]) < 2,
    "the variance is finite only for eta h (1 + (K-1)/B) < 2",
)


def _variance_definition(
    learning_rate: Any, batch_size: Any, curvature: Any, noise_variance: Any, feature_kurtosis: Any
) -> Any:
    """Stationary variance from the literal update, enumerating batches of features on {0, a, -a} and labels +-sigma."""
    place, weight = mpmath.sqrt(curvature * feature_kurtosis), 1 / feature_kurtosis
    atoms = [(mpmath.mpf(0), 1 - weight), (place, weight)]
    return fixed_square(regression_square(learning_rate, int(batch_size), atoms, noise_variance))


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
    """Fixed point of the variances under the literal update, averaged over Gaussian features by quadrature."""
    size, spectrum = len(curvatures), [float(a) for a in curvatures]

    def step(variances: np.ndarray) -> np.ndarray:
        given = float(learning_rate), int(batch_size), spectrum, float(noise_variance)
        return np.diag(covariance_step(*given, np.diag(variances)))

    source = step(np.zeros(size))
    contraction = np.stack([step(row) - source for row in np.eye(size)], 1)
    if max(abs(np.linalg.eigvals(contraction))) >= 1:
        return None
    return [mpmath.mpf(float(v)) for v in np.linalg.solve(np.eye(size) - contraction, source)]


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
    """E v = h E d^2/sigma^2 from the literal chain, its Gaussian noise by quadrature, sigma = 1."""

    def mean_square(d: Any) -> Any:
        deviation = mpmath.sqrt((curvature * d * d + 1) * curvature / batch_size)
        return mpmath.fsum(w * (d - learning_rate * (curvature * d + deviation * z)) ** 2 for z, w in gauss_hermite_3())

    return curvature * fixed_square(mean_square)


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
