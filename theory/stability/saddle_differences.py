"""Finite differences of small losses on a generic data set: what the laws of saddle types are gated against."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import mpmath

DATA = ((0.7, 0.9), (-1.1, 0.4), (0.4, -1.3), (1.6, 0.8), (-0.3, -0.6))
"""A generic data set (x_i, y_i) on which the definitions evaluate their finite sums."""


def sample_mean(function: Callable[[Any, Any], Any], data: Sequence[tuple[Any, Any]] = DATA) -> Any:
    """Mean of a function of (x, y) over the data."""
    return mpmath.fsum(function(*point) for point in data) / len(data)


def gradient_by_differences(
    loss: Callable[..., Any], size: int, sample: tuple[Any, Any], at: Sequence[Any]
) -> list[Any]:
    """Gradient of one sample by central differences, exact for polynomials of degree 2 and to 1e-12 otherwise."""
    step = mpmath.mpf("1e-6")
    result = []
    for i in range(size):
        ends = [[a + sign * step * (i == j) for j, a in enumerate(at)] for sign in (1, -1)]
        result.append((loss(*ends[0], *sample) - loss(*ends[1], *sample)) / (2 * step))
    return result


def hessian_by_differences(
    loss: Callable[..., Any], size: int, sample: tuple[Any, Any], at: Sequence[Any]
) -> list[list[Any]]:
    """Hessian of one sample by central differences."""
    step = mpmath.mpf("1e-4")

    def moved(i: int, j: int, a: int, c: int) -> Any:
        return loss(*[t + step * (a * (k == i) + c * (k == j)) for k, t in enumerate(at)], *sample)

    return [
        [
            mpmath.fsum(a * c * moved(i, j, a, c) for a, c in itertools.product((1, -1), repeat=2)) / (4 * step**2)
            for j in range(size)
        ]
        for i in range(size)
    ]


def noise_along(loss: Callable[..., Any], direction: Sequence[Any], at: Sequence[Any]) -> Any:
    """Variance over the data of the gradient component along a direction."""
    parts = [
        mpmath.fsum(d * g for d, g in zip(direction, gradient_by_differences(loss, len(at), sample, at), strict=True))
        for sample in DATA
    ]
    mean = mpmath.fsum(parts) / len(parts)
    return mpmath.fsum((p - mean) ** 2 for p in parts) / len(parts)
