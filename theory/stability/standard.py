"""Standardised random variables X behind every curvature law, for quadrature in floats and in mpmath.

A curvature is ``h = shift + slope * X``, so the multiplier is ``1 - eta h = A - S X`` with ``A = 1 - eta shift`` and
``S = eta slope``. Each X is written ``X = value(u)`` where u has density ``weight(u)`` between the break points; the
transform is chosen so that the weight has at most an integrable singularity at a break point. ``context`` is
``mpmath.mp`` or ``FLOAT``, which offer the same functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath

from theory.stability.standard_floats import FLOAT, log_scaled_hyp0f1, scaled_besselk


@dataclass(frozen=True)
class Standard:
    """Base: X = u itself, with density ``weight`` on the real line or a part of it."""

    tail_index = math.inf
    """E|X|^p is finite for p below it."""

    def weight(self, u: Any, context: Any) -> Any:
        """Density of u."""
        raise NotImplementedError

    def breaks(self, context: Any) -> list[Any]:
        """Points between which the weight is smooth, from end to end of what matters numerically."""
        raise NotImplementedError

    def value(self, base: Any, delta: Any, context: Any) -> Any:
        """X at u = base + delta, accurate even where it diverges at the end ``base``."""
        return base + delta

    def difference(self, base: Any, delta: Any, context: Any) -> Any:
        """X(base + delta) - X(base) without cancellation."""
        return delta

    def preimages(self, x: Any, context: Any) -> list[Any]:
        """All u with X(u) = x."""
        return [x]

    def nearly(self, x: Any, context: Any) -> list[Any]:
        """Points u where X comes close to an x outside its range, so that a logarithm changes fast there."""
        return []


_FLOAT_PEAK = 1 / math.sqrt(2 * math.pi)


@lru_cache(maxsize=32)
def _peak(precision: int) -> Any:
    """1/sqrt(2 pi) at a working precision in bits: every node of a quadrature asks for it."""
    with mpmath.workprec(precision):
        return 1 / mpmath.sqrt(2 * mpmath.pi)


@dataclass(frozen=True)
class NormalX(Standard):
    """Standard normal."""

    def weight(self, u: Any, context: Any) -> Any:
        return context.exp(-u * u / 2) * (_FLOAT_PEAK if context is FLOAT else _peak(context.prec))

    def breaks(self, context: Any) -> list[Any]:
        return [-39.0, -9.0, -3.0, 0.0, 3.0, 9.0, 39.0] if context is FLOAT else [-14, 14]


@dataclass(frozen=True)
class SquareX(NormalX):
    """(Z + offset)^2 with Z standard normal."""

    offset: Any

    def value(self, base: Any, delta: Any, context: Any) -> Any:
        return (base + delta + self.offset) ** 2

    def difference(self, base: Any, delta: Any, context: Any) -> Any:
        return delta * (2 * (base + self.offset) + delta)

    def preimages(self, x: Any, context: Any) -> list[Any]:
        if x < 0:
            return []
        root = context.sqrt(x)
        return [-self.offset - root, -self.offset + root]

    def nearly(self, x: Any, context: Any) -> list[Any]:
        return [-self.offset] if x <= 0 else []


@dataclass(frozen=True)
class UniformX(Standard):
    """Uniform on (0, 1)."""

    def weight(self, u: Any, context: Any) -> Any:
        return context.mpf(1)

    def breaks(self, context: Any) -> list[Any]:
        return [context.mpf(0), context.mpf(1)]


@lru_cache(maxsize=200_000)
def _spline(order: int, u: Any) -> Any:
    """Density of a sum of ``order`` uniform variables, by the recursion of B-splines, which has no cancellation."""
    cell = int(u)
    if not 0 <= cell < order:
        return u * 0
    values = [u * 0 + 1]
    # values[j] is the spline of the current order at u - cell + (cell's offset j).
    fraction = u - cell
    for current in range(2, order + 1):
        grown = []
        for j in range(current):
            x = fraction + j
            left = x * values[j] if j < current - 1 else 0
            right = (current - x) * values[j - 1] if j > 0 else 0
            grown.append((left + right) / (current - 1))
        values = grown
    return values[cell]


@dataclass(frozen=True)
class SplineX(Standard):
    """Sum of ``count`` uniform variables on (0, 1) (Irwin-Hall)."""

    count: int

    def weight(self, u: Any, context: Any) -> Any:
        # The symmetric half has fewer terms.
        return _spline(self.count, min(u, self.count - u))

    def breaks(self, context: Any) -> list[Any]:
        return [context.mpf(j) for j in range(self.count + 1)]


@dataclass(frozen=True)
class GammaX(Standard):
    """Gamma of shape k and scale 1."""

    shape: Any

    def weight(self, u: Any, context: Any) -> Any:
        if u <= 0:
            return context.mpf(0)
        return context.exp((self.shape - 1) * context.log(u) - u - context.loggamma(self.shape))

    def breaks(self, context: Any) -> list[Any]:
        k, width = float(self.shape), math.sqrt(float(self.shape))
        if context is FLOAT:
            inner = {
                0.0,
                1.0,
                max(k - 8 * width, 0.0),
                max(k - 3 * width, 0.0),
                k,
                k + 3 * width + 3,
                k + 10 * width + 12,
            }
            return [*sorted(inner), k + 30 * width + 60, k + 60 * width + 700]
        return [0, *([k] if k > 4 else []), k + 16 * width + 120]


@dataclass(frozen=True)
class LaplaceX(Standard):
    """Laplace of scale 1."""

    def weight(self, u: Any, context: Any) -> Any:
        return context.exp(-abs(u)) / 2

    def breaks(self, context: Any) -> list[Any]:
        half = [1.0, 6.0, 20.0, 80.0, 700.0] if context is FLOAT else [80]
        return [-x for x in reversed(half)] + [0] + half


@dataclass(frozen=True)
class BesselX(Standard):
    """Variance-gamma variable with characteristic function (1 + t^2)^(-order)."""

    order: Any

    def weight(self, u: Any, context: Any) -> Any:
        x = max(abs(u), context.mpf("1e-290"))
        power = self.order - context.mpf(1) / 2
        log_factor = power * context.log(x / 2) - context.loggamma(self.order) - context.log(context.pi) / 2
        return scaled_besselk(log_factor, power, x, context)

    def breaks(self, context: Any) -> list[Any]:
        scale = math.sqrt(float(self.order))
        half = (
            [1.0, 6.0 * scale, 20 * scale, 60 * scale + 60, 690.0] if context is FLOAT else [1, 8 * scale, 100 * scale]
        )
        return [-x for x in reversed(half)] + [0] + half


@dataclass(frozen=True)
class CauchyX(Standard):
    """Standard Cauchy, X = tan u with u uniform on (-pi/2, pi/2)."""

    tail_index = 1.0

    def weight(self, u: Any, context: Any) -> Any:
        return 1 / context.pi

    def breaks(self, context: Any) -> list[Any]:
        return [-context.pi / 2, context.mpf(0), context.pi / 2]

    def value(self, base: Any, delta: Any, context: Any) -> Any:
        end = context.pi / 2
        return -1 / context.tan(delta) if abs(base) == end else context.tan(base + delta)

    def difference(self, base: Any, delta: Any, context: Any) -> Any:
        tangent = context.tan(base)
        return context.tan(delta) * (1 + tangent**2) / (1 - tangent * context.tan(delta))

    def preimages(self, x: Any, context: Any) -> list[Any]:
        return [context.atan(x)]


@dataclass(frozen=True)
class ArcsineX(Standard):
    """Arcsine law on (-1, 1), X = cos u with u uniform on (0, pi)."""

    def weight(self, u: Any, context: Any) -> Any:
        return 1 / context.pi

    def breaks(self, context: Any) -> list[Any]:
        return [context.mpf(0), context.pi]

    def value(self, base: Any, delta: Any, context: Any) -> Any:
        return context.cos(base + delta)

    def difference(self, base: Any, delta: Any, context: Any) -> Any:
        return -2 * context.sin(base + delta / 2) * context.sin(delta / 2)

    def preimages(self, x: Any, context: Any) -> list[Any]:
        return [context.acos(x)] if -1 < x < 1 else []

    def nearly(self, x: Any, context: Any) -> list[Any]:
        if abs(x) < 1 or abs(x) > 3:
            return []
        distance = context.sqrt(2 * (abs(x) - 1)) + context.mpf(1) / 10**6
        return [distance] if x > 0 else [context.pi - distance]


@dataclass(frozen=True)
class SemicircleX(ArcsineX):
    """Semicircle law on (-1, 1), X = cos u."""

    def weight(self, u: Any, context: Any) -> Any:
        return 2 * context.sin(u) ** 2 / context.pi


@dataclass(frozen=True)
class NoncentralX(Standard):
    """Sum of ``count`` squares of unit normals whose mean vector has the squared length ``noncentrality``."""

    count: int
    noncentrality: Any

    def weight(self, u: Any, context: Any) -> Any:
        if u <= 0:
            return context.mpf(0)
        half = context.mpf(self.count) / 2
        distance = context.sqrt(u) - context.sqrt(self.noncentrality)
        log_density = (half - 1) * context.log(u / 2) - distance**2 / 2 - context.loggamma(half)
        return context.exp(log_density + log_scaled_hyp0f1(half, self.noncentrality * u / 4, context)) / 2

    def breaks(self, context: Any) -> list[Any]:
        mean = self.count + float(self.noncentrality)
        width = math.sqrt(2 * self.count + 4 * float(self.noncentrality))
        if context is FLOAT:
            inner = {
                0.0,
                *(max(mean - n * width, 0.0) for n in (12, 3)),
                mean,
                mean + 4 * width,
                mean + 12 * width + 20,
            }
            return [*sorted(inner), mean + 40 * width + 100]
        return [0, mean, mean + 8 * width + 10, mean + 25 * width + 120]
