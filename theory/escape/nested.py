"""Nested integrals of mean passage times at any precision: spectral cumulative integration on panels."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import mpmath

from theory.errors import DerivationError

Function = Callable[[Any], Any]


@functools.lru_cache(maxsize=16)
def _rule(order: int, digits: int) -> tuple[list[Any], list[Any], list[list[Any]]]:
    """Gauss-Legendre nodes and weights on [0, 1] and the matrix of integrals from 0 to each node."""
    with mpmath.workdps(digits + 10):
        nodes, weights = _legendre(order)
        # integrate the Legendre interpolant: int_0^x P_k is a difference of neighbouring Legendre polynomials
        table = [_legendre_values(order + 1, t) for t in nodes]
        matrix = []
        for row in table:
            primitive = [(row[1] + 1) / 2] + [(row[k + 1] - row[k - 1]) / (2 * (2 * k + 1)) for k in range(1, order)]
            matrix.append(
                [
                    weights[q] * mpmath.fsum((2 * k + 1) * table[q][k] * primitive[k] for k in range(order))
                    for q in range(order)
                ]
            )
        return [(1 + t) / 2 for t in nodes], weights, matrix


def _legendre(order: int) -> tuple[list[Any], list[Any]]:
    nodes, weights = [], []
    for k in range(order):
        t = mpmath.cos(mpmath.pi * (k + mpmath.mpf(3) / 4) / (order + mpmath.mpf(1) / 2))
        for _ in range(60):
            values = _legendre_values(order, t)
            slope = order * (t * values[order] - values[order - 1]) / (t * t - 1)
            step = values[order] / slope
            t -= step
            if abs(step) < mpmath.eps * 8:
                break
        values = _legendre_values(order, t)
        slope = order * (t * values[order] - values[order - 1]) / (t * t - 1)
        nodes.append(t)
        weights.append(1 / ((1 - t * t) * slope**2))
    return nodes[::-1], weights[::-1]


def _legendre_values(order: int, t: Any) -> list[Any]:
    values = [mpmath.mpf(1), t]
    for k in range(1, order):
        values.append(((2 * k + 1) * t * values[k] - k * values[k - 1]) / (k + 1))
    return values


def nested_integral(
    outer: Function, inner: Function, points: Sequence[Any], start: Any, digits: int, panels: int = 1
) -> Any:
    """Return int_start^end outer(y) int_low^y inner(z) dz dy, where points = (low, ..., start, ..., end).

    Every interval between two points is cut into panels, which are doubled until ``digits`` digits agree. ``start``
    must be one of the points.

    >>> with mpmath.workdps(20):
    ...     print(mpmath.nstr(nested_integral(lambda y: y, lambda z: z**2, [0, 1], 0, 12), 10))
    0.06666666667
    """
    previous = None
    for _ in range(9):
        with mpmath.workdps(digits + 10):
            current = _nested_once(outer, inner, points, start, digits, panels)
            if previous is not None and abs(current - previous) <= abs(current) * mpmath.mpf(10) ** (-digits):
                return current
        previous, panels = current, 2 * panels
    raise DerivationError(f"the passage-time integral did not reach {digits} digits with {panels // 2} panels a piece.")


def _nested_once(outer: Function, inner: Function, points: Sequence[Any], start: Any, digits: int, panels: int) -> Any:
    order = 16 + digits // 2
    nodes, weights, matrix = _rule(order, digits)
    below = total = mpmath.mpf(0)
    for first, last in itertools.pairwise(points):
        width = (mpmath.mpf(last) - first) / panels
        for k in range(panels):
            left = first + k * width
            places = [left + width * t for t in nodes]
            values = [inner(z) for z in places]
            if left >= start:
                total += width * mpmath.fsum(
                    w * outer(y) * (below + width * mpmath.fdot(row, values))
                    for w, y, row in zip(weights, places, matrix, strict=True)
                )
            below += width * mpmath.fdot(weights, values)
    return total
