"""Burnt-in orbits of methods with memory: the field of their slow manifold, term by term."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from checks.check import Context, Measured
from checks.principal_flow.losses import cubic_gradient, jet_gradient
from numerics.descent import Method, extrapolate, logarithm_of_iterates, slow_field


def modified_loss(_: Context, *, method: str, learning_rate: float, momentum: float, **__: Any) -> Measured:
    """C of E/(1-b) + C |g|^2 from the speed of burnt-in orbits through a point, extrapolated in h."""
    jet = [0.7, 1.3, 0.5, -0.8]
    sizes = [0.004, 0.002, 0.001, 0.0005]
    values = []
    for h in sizes:
        speed = slow_field(Method(method, h, momentum), jet_gradient(jet), np.zeros(1), _burn_in(momentum))[0]
        values.append(-(speed + jet[0] / (1 - momentum)) / (2 * h * jet[0] * jet[1]))
    limit, error = extrapolate(values, sizes)
    return Measured(limit * learning_rate, error * learning_rate)


def _burn_in(decay: float) -> int:
    """Steps after which a transient decay^k is below 1e-14."""
    return max(40, int(math.log(1e-14) / math.log(max(decay, 0.05))) + 8)


def tree_coefficient(_: Context, *, method: str, tree: list[int], momentum: float = 0.0, **__: Any) -> Measured:
    """The two coefficients of order 3 from the speeds of orbits through the points of two 1-D losses."""
    which = 0 if tree == [0, 1, 2] else 1
    jets = ([0.7, 1.3, 0.5, -0.8, 0.3], [0.9, -0.6, 1.7, 0.4, -0.5])
    sizes = [0.006, 0.0045, 0.003, 0.002, 0.0015]
    columns = []
    for h in sizes:
        rows, right = [], []
        for jet in jets:
            speeds = _even_odd(method, jet, momentum, h)
            rows.append([-jet[0] * jet[1] ** 2, -(jet[0] ** 2) * jet[2]])
            right.append(speeds)
        columns.append(np.linalg.solve(np.array(rows), np.array(right)))
    limit, error = extrapolate([float(c[which]) for c in columns], sizes)
    return Measured(limit, error)


def _even_odd(method: str, jet: list[float], momentum: float, h: float) -> float:
    """Second difference in h of the speed: f_3 + O(h)."""
    speeds = []
    for size in (h, 2 * h, 3 * h):
        if method == "gd":
            orbit = Method("gd", size).run(jet_gradient(jet), np.zeros(1), 10)
            speeds.append(float(logarithm_of_iterates(orbit, size)[0]))
        else:
            run = Method(method, size, momentum)
            speeds.append(float(slow_field(run, jet_gradient(jet), np.zeros(1), _burn_in(momentum))[0]))
    return (speeds[2] - 2 * speeds[1] + speeds[0]) / (2 * h * h)


def adaptive_term(
    _: Context, *, method: str, second_moment_decay: float, epsilon: float, gradient: list[float],
    hessian: list[list[float]], learning_rate: float, momentum: float = 0.0, **__: Any,
) -> Measured:  # fmt: skip
    """(speed - first term)/h of burnt-in adaptive orbits through the point, extrapolated to h = 0."""
    g = np.array(gradient)
    first = adaptive_first(method, gradient, epsilon)
    slope = cubic_gradient(gradient, hessian)
    sizes = [0.008, 0.004, 0.002, 0.001]
    rows = []
    for h in sizes:
        run = Method(method, h, momentum, second_moment_decay, epsilon)
        speed = slow_field(run, slope, np.zeros(len(g)), _burn_in(max(momentum, second_moment_decay)))
        rows.append((speed - first) / h)
    found = [extrapolate([float(row[c]) for row in rows], sizes) for c in range(len(g))]
    return Measured([v for v, _ in found], [e for _, e in found])


def adaptive_first(method: str, gradient: list[float], epsilon: float) -> np.ndarray:
    """The first term -g/R."""
    g = np.array(gradient)
    return -g / (np.abs(g) + epsilon if method == "adam-outside" else np.sqrt(g * g + epsilon))


def cyclic_loss(_: Context, *, first_learning_rate: float, second_learning_rate: float, **__: Any) -> Measured:
    """C of two alternating rates: logarithm of literal cycles at scaled rates, extrapolated."""
    jet = [0.7, 1.3, 0.5, -0.8]
    slope = jet_gradient(jet)
    total = first_learning_rate + second_learning_rate
    sizes = [0.04, 0.02, 0.01, 0.005]
    values = []
    for scale in sizes:
        x, orbit = np.zeros(1), [np.zeros(1)]
        for _k in range(10):
            x = x - scale * first_learning_rate * slope(x)
            x = x - scale * second_learning_rate * slope(x)
            orbit.append(x)
        field = logarithm_of_iterates(np.array(orbit), scale * total)[0]
        values.append(-(field + jet[0]) / (2 * scale * jet[0] * jet[1]))
    limit, error = extrapolate(values, sizes)
    return Measured(limit, error)


def modified_loss_over_time(_: Context, *, method: str, learning_rate: float, momentum: float, **__: Any) -> Measured:
    """C of E/(1-b) + C |g|^2 from burnt-in orbits over a fixed time against the integrated flow of E/(1-b).

    The flow of the modified loss differs from it at the end X by 2 C (1-b) g(X) log(g(X)/g(0)) to first order in h.
    """
    slope = jet_gradient([0.7, 1.3, 0.5, -0.8])
    burn_in, duration = _burn_in(momentum), 0.4 * (1 - momentum)
    counts = [40, 80, 160, 320]
    sizes = [duration / count for count in counts]
    values = []
    for h, count in zip(sizes, counts):
        orbit = Method(method, h, momentum).run(slope, np.zeros(1), burn_in + count)[:, 0]
        start = orbit[burn_in]
        done = solve_ivp(
            lambda _t, x: -slope(x) / (1 - momentum), (0.0, duration), [start], method="DOP853", rtol=1e-12, atol=1e-14
        )
        end = float(done.y[0, -1])
        weight = 2 * (1 - momentum) * slope(end) * math.log(slope(end) / slope(start))
        values.append(float(orbit[-1] - end) / weight / h)
    limit, error = extrapolate(values, sizes)
    return Measured(limit * learning_rate, error * learning_rate)
