"""The nonzero root of the generalised exponent L(p) = log E|a|^p, a convex function with L(0) = 0."""

from __future__ import annotations

import math
from collections.abc import Callable

from theory.stability.curvature_bound import Bound, BoundAtoms

LARGEST = 60.0
_BINS = 20_000


def moment_root(law: Bound, eta: float, exponent: float) -> float | None:
    """Return the nonzero root of L(p) in (-1, 60), for finite data in (-60, 60), or None.

    It is positive where the exponent is negative: E|theta_t|^p -> 0 exactly for 0 < p < root.
    """
    if abs(exponent) < 1e-14:
        return None

    # Neighbouring atoms are moved together, with equal mean and variance, where there are very many of them.
    few = law.binned(_BINS) if isinstance(law, BoundAtoms) and len(law.atoms) > 4 * _BINS else law

    def moment(p: float) -> float:
        return few.moment_exponent(eta, p)

    for p in _positive_orders(law) if exponent < 0 else _negative_orders(law):
        if moment(p) > 0:
            return _root(moment, p)
    return None


def _positive_orders(law: Bound) -> list[float]:
    end = min(LARGEST, law.tail_index)
    orders = [x for x in (0.05, 0.2, 0.5, 0.9, 1.5, 2.5, 4.0, 7.0, 12.0, 20.0, 35.0) if x < end]
    return [*orders, end if end == LARGEST else end - 1e-3]


def _negative_orders(law: Bound) -> list[float]:
    if isinstance(law, BoundAtoms):
        return [-x for x in (0.05, 0.2, 0.5, 0.9, 1.5, 2.5, 4.0, 7.0, 12.0, 20.0, 35.0, LARGEST)]
    return [-0.05, -0.2, -0.4, -0.6, -0.75, -0.85, -0.92, -0.96, -0.98]


def _root(moment: Callable[[float], float], positive: float) -> float:
    """The zero between 0 (where L = 0 with the wrong slope) and a point of positive L."""
    inner = positive / 2
    while moment(inner) >= 0:
        positive, inner = inner, inner / 2
        if abs(inner) < 1e-12:
            return inner
    f_in, f_out = moment(inner), moment(positive)
    if not math.isfinite(f_out):
        while not math.isfinite(f_out):
            positive = (positive + inner) / 2
            f_out = moment(positive)
            if f_out < 0:
                inner, f_in = positive, f_out
                positive, f_out = 2 * positive - inner, moment(2 * positive - inner)
    for _ in range(100):
        x = (inner * f_out - positive * f_in) / (f_out - f_in)
        value = moment(x)
        if value == 0 or abs(positive - inner) < 1e-13 * abs(x):
            return x
        if value < 0:
            if abs(x - inner) < 1e-14 * abs(x):
                return x
            inner, f_in, f_out = x, value, f_out / 2
        else:
            if abs(x - positive) < 1e-14 * abs(x):
                return x
            positive, f_out, f_in = x, value, f_in / 2
    return (inner + positive) / 2
