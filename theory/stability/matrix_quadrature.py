"""Expectations over chi-squared and normal variables with a logarithm that diverges at one value, in NumPy arrays.

Nodes of the double-exponential rule on every piece between the breaks; beside each node stands its signed distance
from the pole, without cancellation. The inner variable of a double expectation needs no split: it diverges only at
its end, where the rule gathers its nodes.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, NamedTuple

import mpmath
import numpy as np
from numpy.typing import NDArray

from theory.evaluation import converged

Array = NDArray[np.float64]
_STEP, _END = 1 / 20, 4.0


class Nodes(NamedTuple):
    """Values of a variable, their distances from the pole (value - pole), and their probabilities."""

    value: Array
    distance: Array
    weight: Array


@functools.lru_cache(maxsize=1)
def _unit() -> tuple[Array, Array, Array]:
    """Fractions from the left end, fractions from the right end and weights on (0, 1)."""
    t = np.arange(-_END, _END + _STEP / 2, _STEP)
    g = math.pi / 2 * np.sinh(t)
    weight = _STEP * math.pi / 4 * np.cosh(t) / np.cosh(g) ** 2
    return 1 / (1 + np.exp(-2 * g)), 1 / (1 + np.exp(2 * g)), weight


def _pieces(points: list[float], pole: float) -> tuple[Array, Array, Array]:
    left, right, weight = _unit()
    values, distances, weights = [], [], []
    for a, b in itertools.pairwise(points):
        length = b - a
        values.append(np.where(left <= right, a + length * left, b - length * right))
        from_left, from_right = (a - pole) + length * left, (b - pole) - length * right
        distances.append(np.where(left <= right, from_left, from_right))
        weights.append(length * weight)
    return np.concatenate(values), np.concatenate(distances), np.concatenate(weights)


def chi_squared_nodes(degrees: int, pole: float = 0.0) -> Nodes:
    """Nodes of a chi-squared variable; no degrees of freedom means the constant 0.

    >>> nodes = chi_squared_nodes(3)
    >>> round(float(nodes.weight @ nodes.value), 12)
    3.0
    """
    if degrees == 0:
        return Nodes(np.zeros(1), np.array([-pole]), np.ones(1))
    width = math.sqrt(2 * degrees)
    low = max(degrees - 9 * width, 0.0)
    points = {0.0, low, float(degrees), degrees + 4 * width, degrees + 12 * width + 20, degrees + 24 * width + 80}
    if 0 < pole < max(points):
        points.add(pole)
    x, distance, weight = _pieces(sorted(points), pole)
    half = degrees / 2
    with np.errstate(divide="ignore"):
        density = np.exp((half - 1) * np.log(x / 2) - x / 2 - math.lgamma(half)) / 2
    keep = (x > 0) & (density * weight > 1e-24)
    return Nodes(x[keep], distance[keep], (density * weight)[keep])


def normal_nodes(pole: float = 0.0) -> Nodes:
    """Nodes of a standard normal variable."""
    points = {-14.0, -4.0, 0.0, 4.0, 14.0} | ({pole} if -14 < pole < 14 else set())
    z, distance, weight = _pieces(sorted(points), pole)
    return Nodes(z, distance, np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * weight)


def beta_nodes(first: float, second: float) -> tuple[Array, Array, Array]:
    """Nodes of a beta variable u, the complements 1 - u, and probabilities."""
    left, right, weight = _unit()
    log_norm = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    density = np.exp((first - 1) * np.log(left) + (second - 1) * np.log(right) + log_norm)
    return left, right, density * weight


def mean(weight: Array, function: Array, *others: Array) -> float:
    """Sum of ``function`` over a tensor grid with the probabilities of its axes.

    >>> mean(np.array([0.5, 0.5]), np.array([1.0, 3.0]))
    2.0
    """
    for other in reversed(others):
        function = function @ other
    return float(weight @ function)


def from_laplace(transform: Any, digits: int) -> Any:
    """E log Y from the Laplace transform: int_0^oo (e^-t - E e^(-t Y)) dt/t, by the trapezoidal rule in log t.

    ``transform(t, context)`` decays like t^(-1/2) or faster; the context is NumPy (arrays) up to 15 digits, mpmath
    beyond.

    >>> print(mpmath.nstr(from_laplace(lambda t, _: 1 / (1 + t), 20), 15))
    -0.577215664901533
    """
    if digits <= 15:
        step = 0.125
        nodes = np.exp(step * np.arange(-320, 641))
        return mpmath.mpf(step * math.fsum(np.exp(-nodes) - transform(nodes, np)))

    def integral() -> Any:
        step = mpmath.mpf(8) / (mpmath.mp.dps + 16)
        reach = mpmath.mp.dps * mpmath.log(10)
        # The integrand falls like t towards 0 and at least like t^(-1/2) towards infinity.
        first, last = -int(reach / step), int(2 * reach / step)
        nodes = (mpmath.exp(step * index) for index in range(first, last + 1))
        return step * mpmath.fsum(mpmath.exp(-t) - transform(t, mpmath.mp) for t in nodes)

    return converged(integral, digits)
