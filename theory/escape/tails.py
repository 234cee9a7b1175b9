"""Kesten's multiplicative mechanism in real SGD: growth factors, tail index, limits of the learning rate."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import B, T, eta, h, n

alpha_index = sp.Symbol("alpha", positive=True)
a, b = sp.symbols("a b", nonnegative=True)
growth_factor = (1 - eta * h * a / B) ** 2 + (eta * h) ** 2 * a * b / B**2


def power_law_tail() -> Derivation:
    """alpha = 2 + 2/T - n for the L^-phi law."""
    r = sp.Symbol("r", positive=True)
    density = r ** (n - 1) * r ** (-2 * (1 + 1 / T))
    form = sp.expand(-sp.cancel(r * sp.diff(density, r) / density) - 1)
    return derivation(
        ("radial density far out", density, "r^(n-1) L^-phi with L ~ r^2, phi = 1 + 1/T"),
        ("tail index", form, "P(|d| > r) ~ r^-alpha"),
    )


def gaussian_features_tail() -> Derivation:
    """alpha = 1/T + (3-n)/2 for the SDE with the exact covariance."""
    r = sp.Symbol("r", positive=True)
    psi = 1 + 1 / (2 * T) + (n - 1) / 4
    density = r ** (n - 1) * r ** (-2 * psi)
    form = sp.expand(-sp.cancel(r * sp.diff(density, r) / density) - 1)
    return derivation(
        ("radial density far out", density, "r^(n-1) (1 + 2v)^-psi"),
        ("tail index", form, "P(|d| > r) ~ r^-alpha"),
    )


def _contraction_steps() -> tuple[tuple[str, Any, str], ...]:
    """|M e|^2 from the update of two samples in two directions; a and b are the sums of squares it contains."""
    first, second = sp.Matrix(sp.symbols("x1 y1", real=True)), sp.Matrix(sp.symbols("x2 y2", real=True))
    start = sp.Matrix([1, 0])
    # scaled features: x x^T carries the curvature h
    moved = start - eta * h / B * sum((x * (x.T * start)[0] for x in (first, second)), sp.zeros(2, 1))
    square = (moved.T * moved)[0]
    along = first[0] ** 2 + second[0] ** 2
    across = (first[0] * first[1] + second[0] * second[1]) ** 2 / along
    require_zero(square - growth_factor.subs({a: along, b: across}), "|M e|^2")
    return (
        (
            "update far out",
            sp.Symbol("d'"),
            "d' = M d, M = I - (eta/B) sum x x^T; isotropy makes |M e|^2 independent of e",
        ),
        (
            "|M e|^2",
            growth_factor,
            "a = |X e|^2 ~ chi^2_B; X e and the other features are independent: b = |X_perp^T X e|^2/a ~ chi^2_{n-1}",
        ),
    )


def kesten() -> Derivation:
    """Positive root of E |M e|^alpha = 1."""
    mean = sp.Function("E")(growth_factor ** (alpha_index / 2))
    return derivation(
        *_contraction_steps(),
        ("condition", sp.Eq(mean, 1), "Kesten: d' = M d + noise has P(|d| > r) ~ r^-alpha with E|M e|^alpha = 1"),
    )


def small_step() -> Derivation:
    """alpha eta h / B -> exp(1 + W0(1/e))/2 as eta -> 0."""
    y, z = sp.symbols("y z", positive=True)
    rate = y / (2 * sp.log(y - 1))
    condition = sp.Eq(z * (sp.log(z) - 1), 1)
    root = sp.exp(1 + sp.LambertW(sp.exp(-1)))
    stationary = sp.simplify(sp.diff(rate, y).subs(y, z + 1) * 2 * sp.log(z) ** 2)
    require_zero(sp.expand(stationary - (sp.log(z) - (z + 1) / z)), "derivative of the exponent ratio")
    return derivation(
        ("cost against gain of one factor", rate, "P(a > y B/(eta h)) ~ exp(-y B/(2 eta h)); log|M e| = log(y - 1)"),
        ("stationary point z = y - 1", condition, "the alpha for which E|M e|^alpha = 1 is the minimum over y"),
        ("root", root, "log z - 1 = 1/z gives W0(1/e)"),
        ("limit of alpha eta h / B", root / 2, "at the minimum y/(2 log(y-1)) = z/2; the orthogonal part never wins"),
    )


def variance_limit() -> Derivation:
    """alpha = 2: eta h = 2 / (1 + (n+1)/B)."""
    mean = sp.expand(growth_factor)
    table = {(1, 0): B, (2, 0): B * (B + 2), (1, 1): B * (n - 1)}
    poly = sp.Poly(mean, a, b)
    expectation = sum((k * table.get(degrees, 1) for degrees, k in poly.terms()), sp.Integer(0))
    roots = [r for r in sp.solve(sp.Eq(expectation, 1), eta) if r != 0]
    form = 2 / (h * (1 + (n + 1) / B))
    require_zero(roots[0] - form, "root of E |M e|^2 = 1")
    return derivation(
        *_contraction_steps(),
        ("E |M e|^2", sp.factor(expectation), "E a = B, E a^2 = B (B+2), E a b = B (n-1)"),
        ("learning rate", form, "E |M e|^2 = 1"),
    )


def stationary_limit() -> Derivation:
    """E log |M e|^2 = 0."""
    return derivation(
        *_contraction_steps(),
        (
            "condition",
            sp.Eq(sp.Function("E")(sp.log(growth_factor)), 0),
            "Lyapunov exponent zero: no stationary law above",
        ),
    )


@functools.lru_cache(maxsize=256)
def _grid(degrees: float, cut: float, split: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of chi-squared in s = sqrt(a), panels refined at the split point and towards zero."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    top, mark = np.sqrt(cut), np.sqrt(split)
    scales = mark * 0.25 ** np.arange(0, 15)
    fine = mark + np.concatenate([-scales[::-1][:-1], scales[:-1]])
    coarse = np.linspace(0, top, 20)
    near_zero = np.minimum(mark, 1.0) * 0.25 ** np.arange(1, 9)
    edges = np.unique(np.concatenate([[0.0, mark], fine[(fine > 0) & (fine < top)], coarse, near_zero]))
    left, width = edges[:-1, None], np.diff(edges)[:, None]
    s = (left + width * (nodes + 1) / 2).ravel()
    w = (width * weights / 2).ravel()
    log_density = (degrees - 1) * np.log(s) - s**2 / 2 + (1 - degrees / 2) * np.log(2) - gammaln(degrees / 2)
    return s**2, np.log(w) + log_density


def _factors(learning_rate: float, batch_size: float, dimension: float) -> tuple[np.ndarray, np.ndarray]:
    """Return log |M e|^2 on a grid and the log weights, for curvature one."""
    e = learning_rate
    along, first = _grid(float(batch_size), 14 * batch_size / e + 40 * batch_size + 80, batch_size / e)
    if dimension == 1:
        with np.errstate(divide="ignore"):
            return 2 * np.log(np.abs(1 - e * along / batch_size)), first
    across, second = _grid(float(dimension - 1), 14 * batch_size / e + 40 * dimension + 80, batch_size / e)
    keep_first, keep_second = first > first.max() - 500, second > second.max() - 500
    along, first, across, second = along[keep_first], first[keep_first], across[keep_second], second[keep_second]
    square = (1 - e * along[:, None] / batch_size) ** 2 + (e / batch_size) ** 2 * along[:, None] * across[None, :]
    return np.log(square).ravel(), (first[:, None] + second[None, :]).ravel()


def log_growth_moment(power: float, learning_rate: float, batch_size: float, dimension: float) -> float:
    """log E |M e|^power at curvature one, in the log domain."""
    log_square, weights = _factors(learning_rate, batch_size, dimension)
    return float(logsumexp(power / 2 * log_square + weights) - logsumexp(weights))


def mean_log_growth(learning_rate: float, batch_size: float, dimension: float) -> float:
    """E log |M e|^2 at curvature one."""
    log_square, weights = _factors(learning_rate, batch_size, dimension)
    return float(np.sum(np.exp(weights) * log_square) / np.sum(np.exp(weights)))


@functools.lru_cache(maxsize=512)
def kesten_index(learning_rate: float, batch_size: float, dimension: int) -> float | None:
    """Tail index at curvature one; None beyond the stationary limit."""
    log_square, weights = _factors(learning_rate, batch_size, dimension)
    total = logsumexp(weights)
    if np.sum(np.exp(weights) * log_square) >= 0:
        return None

    def level(power: float) -> float:
        return float(logsumexp(power / 2 * log_square + weights) - total) / power

    high = 2.0 * batch_size / learning_rate + 2.0
    while level(high) < 0:
        high *= 1.5
    low = high
    while level(low) > 0:
        low /= 2
    return float(brentq(level, low, high, xtol=1e-13, rtol=1e-13))


@functools.lru_cache(maxsize=512)
def stationary_learning_rate(batch_size: float, dimension: int) -> float:
    """The learning rate times curvature at which E log |M e| = 0."""
    high = 2.0
    while mean_log_growth(high, batch_size, dimension) < 0:
        high *= 1.5
    return float(brentq(lambda e: mean_log_growth(e, batch_size, dimension), 0.05, high, xtol=1e-13, rtol=1e-13))


def growth_oracle(power: float, e: float, batch_size: int, dimension: int, logarithm: bool = False) -> float:
    """log E |M u|^power (or E log |M u|^2) of M = I - (e/B) X^T X on a unit vector, the matrix applied literally.

    Isotropy: the unit vector is the first axis, the samples are rotated so that their first features are (s, 0, ..),
    and the directions so that the first sample is (s, q, 0, ..); s and q have chi laws, taken by tanh-sinh quadrature.
    """
    root = np.sqrt(batch_size / e)
    s, ws = _tanh_sinh((0.0, root, 2 * root + 4, 3.8 * root + 16))
    q, wq = (np.zeros(1), np.ones(1)) if dimension == 1 else _tanh_sinh((0.0, 5.0, 3.8 * root + 16))
    ws = ws * _chi_density(s, batch_size)
    if dimension > 1:
        wq = wq * _chi_density(q, dimension - 1)
    sample = np.stack(np.broadcast_arrays(s[:, None], q[None, :]))
    axis = np.array([1.0, 0.0])[:, None, None]
    moved = axis - e / batch_size * sample * (sample * axis).sum(0)
    square = (moved * moved).sum(0)
    weight = ws[:, None] * wq[None, :]
    if logarithm:
        return float(np.sum(weight * np.log(np.maximum(square, 1e-300))))
    return float(np.log(np.sum(weight * square ** (power / 2))))


def _chi_density(s: np.ndarray, degrees: int) -> np.ndarray:
    return np.exp((degrees - 1) * np.log(s) - s**2 / 2 + (1 - degrees / 2) * np.log(2) - gammaln(degrees / 2))


def _tanh_sinh(edges: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(-3.4, 3.4, 161)
    inner = np.pi / 2 * np.sinh(t)
    share, weight = 1 / (1 + np.exp(-2 * inner)), np.pi / 4 * np.cosh(t) / np.cosh(inner) ** 2 * (t[1] - t[0])
    pairs = list(itertools.pairwise(edges))
    places = np.concatenate([low + (high - low) * share for low, high in pairs])
    return places, np.concatenate([(high - low) * weight for low, high in pairs])
