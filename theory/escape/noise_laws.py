"""Laws of the gradient noise: exact covariances, and the approximation on which the power law rests."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation
from theory.escape import noise
from theory.escape.notation import (
    BATCH_SIZE,
    CURVATURE,
    DISPLACEMENT,
    DISPLACEMENTS,
    KURTOSIS,
    NOISE_VARIANCE,
    REPLACEMENT,
    B,
    L,
    N,
)
from theory.escape.sources import MORI, ZIYIN
from theory.evaluation import converged, to_mp
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Domain, Parameter, integer, positive, real, real_list
from theory.source import DERIVED

FEATURES = Parameter("features", noise.features, "features x_i, one per sample", real_list(-1.5, 1.5, (5, 6)), length=N)
TARGETS = Parameter("targets", noise.targets, "targets y_i, one per sample", real_list(-1.5, 1.5, (5, 6)))
PARAMETER = Parameter("parameter", noise.theta, "theta of the model f = theta x", real(-1.0, 1.0))
LOSS = Parameter("loss", L, "loss at the point", positive(0.3, 2.0))


@dataclass(frozen=True)
class CovarianceDomain(Domain):
    """A symmetric positive semidefinite matrix."""

    def problem(self, value: Any) -> str | None:
        """Return why the matrix is no covariance, or None."""
        found = super().problem(value)
        if found is not None:
            return found
        a = np.array(value, dtype=float)
        if a.shape[0] != a.shape[1]:
            return f"must be square, not {a.shape[0]} x {a.shape[1]}"
        scale = float(np.abs(a).max())
        if np.abs(a - a.T).max() > 1e-10 * scale:
            return "must be symmetric"
        low = float(np.linalg.eigvalsh(a)[0])
        return None if low >= -1e-10 * scale else f"must be positive semidefinite, its lowest eigenvalue is {low:.3g}"

    def draw(self, rng: random.Random) -> Any:
        """Draw a generic covariance of one of the sizes."""
        size = rng.randint(*self.sizes)
        factor = np.array([[rng.uniform(-1, 1) for _ in range(size)] for _ in range(size)])
        a = np.round(factor @ factor.T + 0.4 * np.eye(size), 6)
        return a.tolist()


FEATURE_COVARIANCE = Parameter(
    "feature_covariance",
    None,
    "covariance H of the features (the Hessian)",
    CovarianceDomain("matrix", region=(-1.0, 1.0), sizes=(2, 3)),
)


def _sample_gradients(features: Any, targets: Any, parameter: Any) -> list[Any]:
    return [(parameter * x - y) * x for x, y in zip(features, targets, strict=True)]


def _enumerate_batches(features: Any, targets: Any, parameter: Any, batch_size: Any, replacement: str) -> Any:
    g = [float(x) for x in _sample_gradients(features, targets, parameter)]
    size = int(batch_size)
    if replacement == "with":
        batches = itertools.product(g, repeat=size)
    else:
        batches = itertools.combinations(g, size)
    means = np.array([sum(b) / size for b in batches])
    return float(np.mean((means - means.mean()) ** 2))


def _population_variance(features: Any, targets: Any, parameter: Any) -> tuple[float, float, int]:
    g = np.array([float(x) for x in _sample_gradients(features, targets, parameter)])
    return float(g.var()), float(np.mean(g**2)), len(g)


def _wrong_sampling(factor: Any) -> Any:
    def value(features: Any, targets: Any, parameter: Any, batch_size: Any, replacement: str) -> float:
        variance, square, size = _population_variance(features, targets, parameter)
        f = 1.0 if replacement == "with" else (size - batch_size) / (size - 1)
        return factor(variance, square, size, batch_size, f, replacement)

    return value


FINITE_SAMPLE = Law(
    id="escape.gradient_noise.finite_sample",
    title="Variance of a minibatch gradient of finitely many samples",
    statement="Var of the batch gradient = (F/B) [mean of g^2 - (mean of g)^2], F = (N-B)/(N-1) without replacement, "
    "1 with; divisor N throughout.",
    quantity=sp.Symbol("Var_g"),
    parameters=(FEATURES, TARGETS, PARAMETER, BATCH_SIZE.within(integer(1, (1, 4))), REPLACEMENT),
    structure=("replacement",),
    derive=noise.finite_sample,
    definition=_enumerate_batches,
    constraints=(
        Constraint(lambda v: len(v["features"]) == len(v["targets"]), "features and targets must have equal length"),
        Constraint(
            lambda v: v["replacement"] == "with" or 2 <= len(v["features"]) >= v["batch_size"],
            "without replacement the batch_size must not exceed the number of samples (at least 2)",
        ),
    ),
    sources=(MORI,),
    mutants=(
        mutant_value(
            "F = (N-B)/N", _wrong_sampling(lambda v, s, n, b, f, r: (v if r == "with" else v * (n - b) / n) / b)
        ),
        mutant_value("divisor N-1", _wrong_sampling(lambda v, s, n, b, f, r: f * v * n / (n - 1) / b)),
        mutant_value("mean g not subtracted", _wrong_sampling(lambda v, s, n, b, f, r: f * s / b)),
    ),
    rungs=("algebra", "sgd"),
)


def _three_atoms(curvature: Any, feature_kurtosis: Any) -> list[tuple[Any, Any]]:
    """Feature law on {0, a, -a} with E x^2 = curvature and the given kurtosis: atoms and weights."""
    a, weight = mpmath.sqrt(curvature * feature_kurtosis), 1 / feature_kurtosis
    return [(mpmath.mpf(0), 1 - weight), (a, weight / 2), (-a, weight / 2)]


def _enumerated_variance(atoms: list[tuple[Any, Any]], d: Any, noise_variance: Any, batch_size: Any) -> Any:
    """Variance of the batch gradient for three atoms and two-point label noise, by enumeration of a batch."""
    sigma = mpmath.sqrt(noise_variance)
    single = [((x * d - e) * x, w / 2) for x, w in atoms for e in (sigma, -sigma)]
    size = min(int(batch_size), 3)
    first = second = mpmath.mpf(0)
    for batch in itertools.combinations_with_replacement(range(len(single)), size):
        counts = [batch.count(k) for k in set(batch)]
        weight = mpmath.factorial(size)
        for k, count in zip(set(batch), counts, strict=True):
            weight *= single[k][1] ** count / mpmath.factorial(count)
        g = sum(single[k][0] for k in batch) / size
        first += weight * g
        second += weight * g * g
    return (second - first**2) * size / batch_size


def _decoupled_definition(loss: Any, curvature: Any, batch_size: Any) -> Any:
    share = mpmath.mpf("0.37")
    d = mpmath.sqrt(2 * loss * share / curvature)
    return _enumerated_variance(_three_atoms(curvature, mpmath.mpf(2)), d, 2 * loss * (1 - share), batch_size)


DECOUPLED = Law(
    id="escape.gradient_noise.decoupled",
    title="Gradient noise proportional to the loss",
    statement="Var of the batch gradient = 2 L h / B: decouples residual and gradient and drops (grad L)^2; exact for "
    "features of kurtosis 2.",
    quantity=sp.Symbol("Sigma"),
    parameters=(LOSS, CURVATURE, BATCH_SIZE),
    derive=noise.decoupled,
    definition=_decoupled_definition,
    sources=(MORI,),
    mutants=(
        mutant_value("factor 1/N", lambda loss, curvature, batch_size: 2 * loss * curvature / (1000 * batch_size)),
        mutant_value("L h / B", lambda loss, curvature, batch_size: loss * curvature / batch_size),
    ),
    rungs=("algebra", "sgd", "net"),
    regime=Regime("feature kurtosis -> 2 or loss -> minimum", "(K-2) h^2 d^2 / B"),
    assumptions=("residual and feature are decoupled", "(grad L)^2 is dropped"),
    erratum="One circulating version prints an extra factor 1/N.",
)


def _gaussian_entries(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    form = derived.result
    names = {s.name: s for s in form.free_symbols}
    arguments = (names["H_ij"], names["g_i"], names["g_j"], L, B)
    function = sp.lambdify(arguments, form, modules="mpmath")

    def compute() -> list[list[Any]]:
        hessian, d = to_mp(values["feature_covariance"]), to_mp(values["displacement"])
        size = range(len(d))
        g = [mpmath.fsum(hessian[a][b] * d[b] for b in size) for a in size]
        loss = (mpmath.fsum(g[a] * d[a] for a in size) + to_mp(values["noise_variance"])) / 2
        batch = to_mp(values["batch_size"])
        return [[function(hessian[a][b], g[a], g[b], loss, batch) for b in size] for a in size]

    return converged(compute, digits)


def _gauss_hermite_covariance(feature_covariance: Any, displacement: Any, noise_variance: Any, batch_size: Any) -> Any:
    """Covariance of one gradient by tensor Gauss-Hermite quadrature, exact for polynomials of this degree."""
    a = np.array([[float(x) for x in row] for row in feature_covariance])
    d = np.array([float(x) for x in displacement])
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[nodes] * len(d), indexing="ij")])
    w = np.prod(np.stack([g.ravel() for g in np.meshgrid(*[weights] * len(d), indexing="ij")]), axis=0)
    x = np.linalg.cholesky(a) @ grid
    w = w / w.sum()
    residual = d @ x
    mean = (x * residual * w).sum(1)
    second = (x * (residual**2 + float(noise_variance)) * w) @ x.T
    return ((second - np.outer(mean, mean)) / float(batch_size)).tolist()


def _with_rank_one(weight: float) -> Any:
    def value(feature_covariance: Any, displacement: Any, noise_variance: Any, batch_size: Any) -> Any:
        hessian, d = np.array(feature_covariance, dtype=float), np.array(displacement, dtype=float)
        g = hessian @ d
        return (((d @ g + noise_variance) * hessian + weight * np.outer(g, g)) / batch_size).tolist()

    return value


GAUSSIAN_FEATURES = Law(
    id="escape.gradient_noise.gaussian_features",
    title="Exact gradient covariance of linear regression with Gaussian features",
    statement="Sigma = [2 L H + grad L grad L^T] / B with 2 L = d'H d + sigma^2 and grad L = H d.",
    quantity=sp.Symbol("Sigma_ij"),
    parameters=(FEATURE_COVARIANCE, DISPLACEMENTS.within(real_list(-1.4, 1.4, (2, 3))), NOISE_VARIANCE, BATCH_SIZE),
    derive=noise.gaussian_features,
    evaluator=_gaussian_entries,
    definition=_gauss_hermite_covariance,
    constraints=(
        Constraint(
            lambda v: len(v["feature_covariance"]) == len(v["displacement"]),
            "displacement must have one entry per row of feature_covariance",
        ),
    ),
    sources=(DERIVED, ZIYIN),
    mutants=(
        mutant_value("without the rank-one term", _with_rank_one(0.0)),
        mutant_value("minus the rank-one term", _with_rank_one(-1.0)),
        mutant_value("twice the rank-one term", _with_rank_one(2.0)),
    ),
    rungs=("algebra", "sgd"),
)


def _kurtosis_definition(
    curvature: Any, displacement: Any, noise_variance: Any, feature_kurtosis: Any, batch_size: Any
) -> Any:
    return _enumerated_variance(_three_atoms(curvature, feature_kurtosis), displacement, noise_variance, batch_size)


def _wrong_kurtosis(shift: float) -> Any:
    def value(curvature: Any, displacement: Any, noise_variance: Any, feature_kurtosis: Any, batch_size: Any) -> float:
        quadratic = (feature_kurtosis - shift) * curvature**2 * displacement**2
        return (quadratic + noise_variance * curvature) / batch_size

    return value


def _proportional(
    curvature: Any, displacement: Any, noise_variance: Any, feature_kurtosis: Any, batch_size: Any
) -> float:
    return (curvature * displacement**2 + noise_variance) * curvature / batch_size


KURTOSIS_LAW = Law(
    id="escape.gradient_noise.kurtosis",
    title="Exact gradient variance of scalar regression for any feature kurtosis",
    statement="Var of the batch gradient = [(K-1) h^2 d^2 + sigma^2 h] / B; K = 2 makes it 2 L h / B.",
    quantity=sp.Symbol("Sigma"),
    parameters=(CURVATURE, DISPLACEMENT, NOISE_VARIANCE, KURTOSIS, BATCH_SIZE),
    derive=noise.kurtosis,
    definition=_kurtosis_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("K for K-1", _wrong_kurtosis(0.0)),
        mutant_value("K-2 for K-1", _wrong_kurtosis(2.0)),
        mutant_value("2 L h for all K", _proportional),
    ),
    rungs=("algebra", "sgd"),
)

NOISE_LAWS = (FINITE_SAMPLE, DECOUPLED, GAUSSIAN_FEATURES, KURTOSIS_LAW)
