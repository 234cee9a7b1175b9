"""One-step maps on losses in one dimension: tree coefficients of order 3 from literal steps and exact flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from checks.check import Context, Measured
from checks.principal_flow.losses import jet_gradient
from numerics.descent import logarithm_of_iterates

_JETS = ([0.7, 1.3, 0.5, -0.8, 0.3], [0.9, -0.6, 1.7, 0.4, -0.5])


def _third_order(curve: Callable[[Callable[[Any], Any], float], float], tree: list[int], scale: float) -> Measured:
    """Solve the h^2 terms of ``curve(slope, h)`` on two losses for the coefficients of the path and of the bush."""
    which = 0 if tree == [0, 1, 2] else 1
    nodes = scale * (1.3 + np.cos(np.pi * (np.arange(12) + 0.5) / 12))
    found = []
    for degree in (7, 8):
        rows, right = [], []
        for jet in _JETS:
            values = [curve(jet_gradient(jet), float(h)) for h in nodes]
            right.append(np.polynomial.Polynomial.fit(nodes, values, degree).convert().coef[2])
            rows.append([-jet[0] * jet[1] ** 2, -(jet[0] ** 2) * jet[2]])
        found.append(float(np.linalg.solve(np.array(rows), np.array(right))[which]))
    return Measured(found[1], abs(found[1] - found[0]))


def modifying_coefficient(_: Context, *, tree: list[int], **__: Any) -> Measured:
    """Coefficient of a tree of order 3 in the field that Euler needs to follow integrated gradient flows."""

    def mean_speed(slope: Callable[[Any], Any], h: float) -> float:
        done = solve_ivp(lambda _t, x: -slope(x), (0.0, h), [0.0], method="DOP853", rtol=1e-13, atol=1e-16)
        return float(done.y[0, -1]) / h

    return _third_order(mean_speed, tree, 0.1)


def runge_kutta_coefficient(
    _: Context, *, tree: list[int], stage_matrix: list[list[float]], stage_weights: list[float], **__: Any
) -> Measured:
    """Coefficient of a tree of order 3 in the field through literal steps of an explicit Runge-Kutta method."""

    def field(slope: Callable[[Any], Any], h: float) -> float:
        x, orbit = 0.0, [np.zeros(1)]
        for _step in range(11):
            slopes: list[float] = []
            for row in stage_matrix:
                slopes.append(-slope(x + h * sum(a * k for a, k in zip(row, slopes))))
            x += h * sum(w * k for w, k in zip(stage_weights, slopes))
            orbit.append(np.array([x]))
        return float(logarithm_of_iterates(np.array(orbit), h)[0])

    return _third_order(field, tree, 0.012)
