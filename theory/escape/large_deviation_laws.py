"""Laws of the quasi-potential of real SGD: the linear barrier, the jump route, other label noises, the SDE's value."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp

from theory.escape import large_deviations
from theory.escape.notation import (
    BARRIER_RATIO,
    BATCH_SIZE,
    CURVATURE,
    DISPLACEMENT,
    DISPLACEMENTS,
    NOISE_VARIANCE,
)
from theory.evaluation import converged, to_mp
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Parameter, choice, positive, real
from theory.source import DERIVED

SMALL_STEP = Regime("learning_rate -> 0 at fixed batch_size", "O(learning_rate log)")


def _uniform_root(place: float, noise: float) -> float:
    """Nonzero q with E exp(-q g) = 1 for one sample's g = (x place - e) x, x uniform on [-sqrt 3, sqrt 3], e Gaussian.

    Both means are quadratures: Gauss-Legendre over the feature, the trapezoidal rule over the label.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = math.sqrt(3) * nodes[:, None]
    z = np.linspace(-24.0, 24.0, 481)[None, :]
    share = weights[:, None] / 2 * np.exp(-z * z / 2) * (z[0, 1] - z[0, 0]) / math.sqrt(2 * math.pi)
    gradient = (x * place - math.sqrt(noise) * z) * x

    def value(q: float) -> float:
        return float(np.log(np.sum(share * np.exp(-q * gradient)))) / q

    scale = place / noise
    return float(brentq(value, 0.5 * scale, 4.0 * scale, xtol=1e-15, rtol=1e-14))


def _linear_definition(batch_size: Any, noise_variance: Any, displacement: Any) -> Any:
    """Path integral of the root of H = 0 along the ray, uniform features (h = 1, any law will do)."""
    length, noise = float(mpmath.norm(displacement)), float(noise_variance)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    places = length * (nodes + 1) / 2
    roots = [_uniform_root(y, noise) for y in places]
    return mpmath.mpf(float(batch_size) * length / 2 * float(np.dot(weights, roots)))


def _square(displacement: Any) -> float:
    return sum(a * a for a in displacement)


LINEAR_REGRESSION = Law(
    id="escape.quasi_potential.linear_regression",
    title="Quasi-potential of real SGD on linear regression",
    statement="P ~ exp(-W/eta) with W = B |d|^2/sigma^2 for Gaussian label noise and any feature law with finite "
    "exponential moments along the path: the linear barrier B (L-L_*)/(h L_*).",
    quantity=sp.Symbol("W"),
    parameters=(BATCH_SIZE, NOISE_VARIANCE, DISPLACEMENTS),
    derive=large_deviations.linear_regression,
    definition=_linear_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "B |d|^2/(2 sigma^2)",
            lambda batch_size, noise_variance, displacement: batch_size * _square(displacement) / noise_variance / 2,
        ),
        mutant_value(
            "log c",
            lambda batch_size, noise_variance, displacement: (
                batch_size * math.log1p(_square(displacement) / noise_variance)
            ),
        ),
        mutant_value(
            "log(2c-1)/2",
            lambda batch_size, noise_variance, displacement: (
                batch_size * math.log1p(2 * _square(displacement) / noise_variance) / 2
            ),
        ),
    ),
    rungs=("algebra", "sgd"),
    regime=SMALL_STEP,
    assumptions=("no single exceptional step is cheaper: c <= 2, see quasi_potential.one_jump",),
)


def _jump_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    del derived

    def compute() -> Any:
        ratio, size, curvature = (to_mp(values[k]) for k in ("barrier_ratio", "batch_size", "curvature"))
        return size / curvature * large_deviations.one_jump_minimum(mpmath.sqrt(ratio - 1))

    return converged(compute, digits)


def _jump_definition(barrier_ratio: Any, batch_size: Any, curvature: Any) -> Any:
    """Least cost of creeping to a place and one literal update from there to the level, h = sigma = 1.

    An update whose batch has one feature x and label e of size 1/sqrt(eta), d' = d - (eta/B)(x d - e) x, has the
    log probability -(x^2 + e^2)/2. Creeping costs what the quasi-potential of small steps costs, by quadrature.
    """
    b, size, eta = float(mpmath.sqrt(barrier_ratio - 1)), float(batch_size), 1e-3

    def creep(place: float) -> float:
        return float(_linear_definition(batch_size, 1, [abs(place)])) if place else 0.0

    unit = creep(1.0)

    def cost(state: Any) -> float:
        place, x = state[0], math.exp(state[1]) / math.sqrt(eta)
        label = x * place + (b - place) * size / (eta * x)
        # the creeping cost is quadratic in the place, as its own law says and its own definition checks
        return unit * place**2 + eta * (x * x + label * label) / 2

    best = unit * b * b
    for start in (-0.5 * b, -0.1 * b, 0.5 * b):
        found = minimize(cost, [start, 0.5 * math.log(size)], method="BFGS", options={"gtol": 1e-12})
        if abs(found.x[0]) <= b:
            best = min(best, float(found.fun))
    return mpmath.mpf(best) / curvature


def _positive_side(barrier_ratio: float, batch_size: int, curvature: float) -> float:
    b = math.sqrt(barrier_ratio - 1)
    places = np.linspace(0, b, 20001)
    cost = places**2 + (b - places) * (places + np.sqrt(1 + places**2))
    return min(b * b, float(cost.min())) * batch_size / curvature


ONE_JUMP = Law(
    id="escape.quasi_potential.one_jump",
    title="Quasi-potential of real SGD with one exceptional step",
    statement="Gaussian features, n = 1: W = (B/h) min over u0 in [-b, b] of {b^2; u0^2 + (b-u0)(u0+sqrt(1+u0^2))}, "
    "b = sqrt(c-1); beyond c = 2 the jump wins.",
    quantity=sp.Symbol("W"),
    parameters=(BARRIER_RATIO, BATCH_SIZE, CURVATURE),
    derive=large_deviations.one_jump,
    evaluator=_jump_value,
    definition=_jump_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "b^2 for all c", lambda barrier_ratio, batch_size, curvature: (barrier_ratio - 1) * batch_size / curvature
        ),
        mutant_value("minimum over u0 >= 0 only", _positive_side),
    ),
    rungs=("algebra", "sgd"),
    regime=SMALL_STEP,
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
)

FEATURE_LAW = Parameter(
    "feature_law", None, "law of the feature, E x^2 = 1", choice("gaussian", "rademacher"), "gaussian", False
)
LABEL_LAW = Parameter(
    "label_law", None, "law of the label noise", choice("gaussian", "rademacher", "laplace"), "rademacher", False
)


def _label_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    del derived, digits
    sigma = math.sqrt(float(values["noise_variance"]))
    found = large_deviations.label_noise_potential(
        values["feature_law"], values["label_law"], float(values["displacement"]), sigma
    )
    return mpmath.mpf(float(values["batch_size"])) * mpmath.mpf(found)


def _label_nodes(label_law: str, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Label errors and their probabilities: the two atoms, or a quadrature of the density."""
    if label_law == "rademacher":
        return np.array([-sigma, sigma]), np.array([0.5, 0.5])
    if label_law == "gaussian":
        nodes, weights = np.polynomial.hermite_e.hermegauss(100)
        return sigma * nodes, weights / weights.sum()
    # Laplace of variance sigma^2; exponential moments close to the edge need long tails: Gauss-Legendre panels
    scale, (nodes, weights) = sigma / math.sqrt(2), np.polynomial.legendre.leggauss(16)
    edges = np.geomspace(1.0, 601.0, 60) - 1.0
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half * (nodes + 1)).ravel()
    w = (half * weights).ravel() * np.exp(-t) / 2
    return scale * np.concatenate([t, -t]), np.concatenate([w, w])


def _label_definition(displacement: Any, batch_size: Any, noise_variance: Any, feature_law: str, label_law: str) -> Any:
    """W/B = u d - int_0^u d(q) dq with the place d(q) found from E exp(-q g) = 1, averages by quadrature."""
    sigma, target = math.sqrt(float(noise_variance)), float(displacement)
    if feature_law == label_law == "rademacher" and target >= sigma:
        return mpmath.inf
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    square, weights = (nodes**2, weights / weights.sum()) if feature_law == "gaussian" else (np.ones(1), np.ones(1))

    errors, chances = _label_nodes(label_law, sigma)

    def log_label(z: np.ndarray) -> np.ndarray:
        return logsumexp(z[..., None] * errors, b=chances, axis=-1)

    def place(q: float) -> float:
        values = log_label(q * np.sqrt(square))

        def f(y: float) -> float:
            return float(np.log(np.sum(weights * np.exp(values - q * y * square))))

        return float(
            brentq(f, 0.0, float(values.max() / (q * square[np.argmax(values)])) + 1.0, xtol=1e-16, rtol=1e-14)
        )

    edge = math.sqrt(2) / sigma if label_law == "laplace" else 1.0
    low = edge * 1e-2
    while place(low) > target:
        low /= 2
    high = low
    while place(high) < target:
        high = edge - (edge - high) / 2 if label_law == "laplace" else 1.5 * high
    top = brentq(lambda q: place(q) - target, low, high, xtol=1e-15, rtol=1e-13)
    t, w = np.polynomial.legendre.leggauss(60)
    integral = top / 2 * sum(b * place(top * (a + 1) / 2) for a, b in zip(t, w, strict=True))
    return mpmath.mpf(top * target - integral) * batch_size


def _support(v: dict[str, Any]) -> bool:
    return (v["feature_law"], v["label_law"]) != ("gaussian", "laplace")


LABEL_NOISE = Law(
    id="escape.quasi_potential.label_noise",
    title="Quasi-potential of real SGD for other label noises",
    statement="W = B int_0^d u(y) dy with u the nonzero root of H(y, B u) = 0, n = 1, E x^2 = 1; infinite beyond "
    "|d| = sigma for Rademacher features and labels.",
    quantity=sp.Symbol("W"),
    parameters=(
        DISPLACEMENT.within(real(0.15, 0.5)),
        BATCH_SIZE,
        NOISE_VARIANCE.within(positive(0.4, 2.0)),
        FEATURE_LAW,
        LABEL_LAW,
    ),
    structure=("feature_law", "label_law"),
    derive=large_deviations.label_noise,
    evaluator=_label_value,
    definition=_label_definition,
    constraints=(
        Constraint(
            _support, "Gaussian features with Laplace labels have no finite exponential moments; choose another pair"
        ),
    ),
    sources=(DERIVED,),
    # the definition is a double-precision Gauss-Hermite average
    tolerance=1e-8,
    mutants=(
        mutant_value(
            "B d^2/sigma^2",
            lambda displacement, batch_size, noise_variance, **_: batch_size * displacement**2 / noise_variance,
        ),
        mutant_value(
            "SDE value",
            lambda displacement, batch_size, noise_variance, **_: (
                batch_size * math.log1p(2 * displacement**2 / noise_variance) / 2
            ),
        ),
    ),
    rungs=("algebra", "sgd"),
    regime=SMALL_STEP,
    gate_points=8,
)

LARGE_DEVIATION_LAWS = (LINEAR_REGRESSION, ONE_JUMP, LABEL_NOISE)
