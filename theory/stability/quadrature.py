"""Expectations over a standardised variable, split at the pole of log|A - S X|.

``log_mean`` is the definition of a Lyapunov exponent: ``E log|A - S X|`` by mpmath at the current precision.
``float_mean`` is the fast path in floats (double-exponential rule on every piece, about 1e-13).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath

from theory.stability.standard import Standard
from theory.stability.standard_floats import FLOAT


def _splits(x: Standard, intercept: Any, slope: Any, context: Any) -> tuple[list[Any], list[Any]]:
    points = [context.mpf(u) for u in x.breaks(context)]
    if slope == 0:
        return points, []
    pole = intercept / slope
    poles = [u for u in x.preimages(pole, context) if points[0] <= u <= points[-1]]
    near = [u for u in x.nearly(pole, context) if points[0] < u < points[-1]]
    return sorted({*points, *poles, *near}), poles


def log_mean(x: Standard, intercept: Any, slope: Any) -> Any:
    """E log|intercept - slope X| by mpmath quadrature at the current precision.

    >>> from theory.stability.standard import CauchyX
    >>> with mpmath.workdps(20): print(mpmath.nstr(log_mean(CauchyX(), mpmath.mpf(3), mpmath.mpf(4)), 10))
    1.609437912
    """
    return mean(x, intercept, slope, lambda a: mpmath.log(a))


def mean(x: Standard, intercept: Any, slope: Any, function: Callable[[Any], Any]) -> Any:
    """E function(|intercept - slope X|) by mpmath quadrature at the current precision."""
    intercept, slope = mpmath.mpf(intercept), mpmath.mpf(slope)
    # The logarithm is integrable at its pole: cancellation there costs less than a digit of the mean.
    with mpmath.workdps(mpmath.mp.dps + 1):
        points, _poles = _splits(x, intercept, slope, mpmath.mp)

        def integrand(u: Any) -> Any:
            a = abs(intercept - slope * x.value(u, 0, mpmath.mp))
            return x.weight(u, mpmath.mp) * function(a) if a else mpmath.mpf(0)

        value = mpmath.quad(integrand, points)
    return +value


def plain_mean(x: Standard, function: Callable[[Any], Any], splits: tuple[Any, ...] = ()) -> Any:
    """E function(X) by mpmath quadrature at the current precision, split also at the given values of X."""
    points = {mpmath.mpf(u) for u in x.breaks(mpmath.mp)}
    inner = {u for v in splits for u in x.preimages(mpmath.mpf(v), mpmath.mp) if min(points) < u < max(points)}
    return mpmath.quad(lambda u: x.weight(u, mpmath.mp) * function(x.value(u, 0, mpmath.mp)), sorted(points | inner))


def _rule(step: float = 0.125, end: float = 4.75) -> list[tuple[float, float]]:
    """Nodes of the double-exponential rule on the left half: (distance from the end / length, weight / length)."""
    nodes = []
    for index in range(int(end / step) + 1):
        t = -index * step
        g = math.pi / 2 * math.sinh(t)
        weight = step * math.pi / 4 * math.cosh(t) / math.cosh(g) ** 2
        nodes.append((1 / (1 + math.exp(-2 * g)), weight / 2 if index == 0 else weight))
    return nodes


_NODES = _rule()


def float_mean(x: Standard, intercept: float, slope: float, function: Callable[[float], float]) -> float:
    """E function(|intercept - slope X|) in floats; ``function`` may have an integrable singularity at 0.

    >>> from theory.stability.standard import NormalX
    >>> round(float_mean(NormalX(), 0.5, 1.0, math.log), 10)
    -0.5152206938
    """
    points, poles = _splits(x, intercept, slope, FLOAT)
    total = []
    weight, value, difference = x.weight, x.value, x.difference
    for left, right in itertools.pairwise(points):
        length = right - left
        for base, sign in ((left, 1.0), (right, -1.0)):
            at_pole = base in poles
            for fraction, node_weight in _NODES:
                delta = sign * length * fraction
                density = weight(base + delta, FLOAT)
                if density == 0.0:
                    continue
                if at_pole:
                    a = abs(slope * difference(base, delta, FLOAT))
                else:
                    a = abs(intercept - slope * value(base, delta, FLOAT))
                if a > 0.0:
                    total.append(node_weight * length * density * function(a))
    return math.fsum(total)
