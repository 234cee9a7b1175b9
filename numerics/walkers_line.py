"""Stationary laws, tails and exit-time laws of one-dimensional SDEs from their coefficients, without sampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from numerics.walkers_exact import Array, radial_coefficients


def zero_current_density(
    slope: Callable[[Array], Array], noise: Callable[[Array], Array], edges: Array
) -> tuple[Array, Array]:
    """Unnormalised stationary density at ``edges`` and at their middles: L' P + (D P)' = 0 by cumulative Simpson."""
    x, middle, width = edges, (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    force_x, force_m = slope(x) / noise(x), slope(middle) / noise(middle)
    psi_x = np.concatenate([[0.0], np.cumsum(width / 6 * (force_x[:-1] + 4 * force_m + force_x[1:]))])
    psi_m = psi_x[:-1] + width / 24 * (5 * force_x[:-1] + 8 * force_m - force_x[1:])
    shift = psi_x.min()
    return np.exp(shift - psi_x) / noise(x), np.exp(shift - psi_m) / noise(middle)


def stationary_means(
    slope: Callable[[Array], Array],
    noise: Callable[[Array], Array],
    edges: Array,
    observables: tuple[Callable[[Array], Array], ...],
) -> list[float]:
    """Means of functions under the stationary law."""
    at_edges, at_middles = zero_current_density(slope, noise, edges)
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)

    def total(f: Callable[[Array], Array]) -> float:
        outer, inner = f(edges) * at_edges, f(middle) * at_middles
        return float((width / 6 * (outer[:-1] + 4 * inner + outer[1:])).sum())

    mass = total(np.ones_like)
    return [total(f) / mass for f in observables]


def well_kurtosis(temperature: float, kurtosis: float, cells: int = 20000) -> float:
    """Excess kurtosis of d in the bowl h = sigma = 1, n = 1, D = (T/2) [1 + (K-1) d^2], in x = sinh(s)."""
    edges = np.linspace(-30.0, 30.0, cells + 1)

    def noise(s: Array) -> Array:
        return temperature / 2 * (1 + (kurtosis - 1) * np.sinh(s) ** 2) / np.cosh(s) ** 2

    def slope(s: Array) -> Array:
        # Ito: the drift of s = arsinh(d) is -(tanh s) (1 + D(d) / cosh^2 s)
        return np.tanh(s) * (1 + temperature / 2 * (1 + (kurtosis - 1) * np.sinh(s) ** 2) / np.cosh(s) ** 2)

    second, fourth = stationary_means(slope, noise, edges, (lambda s: np.sinh(s) ** 2, lambda s: np.sinh(s) ** 4))
    return fourth / second**2 - 3


def radial_tail_index(
    kind: str, temperature: float, dimension: int, low: float, high: float, cells: int = 40000
) -> float:
    """-d log P(|d| > r)/d log r between two radii under the stationary law of the radial problem of ``radial_time``."""
    noise, slope = radial_coefficients(kind, temperature, dimension)
    t = np.linspace(2 * np.log(low), 2 * np.log(high) + 80.0, cells + 1)
    at_edges, at_middles = zero_current_density(slope, noise, t)
    pieces = np.diff(t) / 6 * (at_edges[:-1] + 4 * at_middles + at_edges[1:])
    beyond = np.append(np.cumsum(pieces[::-1])[::-1], 0.0)
    share = np.interp(2 * np.log([low, high]), t, np.log(np.maximum(beyond, 1e-300)))
    return float((share[0] - share[1]) / np.log(high / low))


def double_well_survival(temperature: float, barrier_ratio: float, times: NDArray[np.float64]) -> tuple[Array, float]:
    """P(not yet at 1 at time t) of the seed SDE in the double well from -1, and the mean time; finite volumes.

    The generator is made symmetric by the stationary weight, so its tridiagonal eigenproblem gives all times at once.
    """
    q, cells = barrier_ratio - 1, 1200
    x = np.linspace(-2.6, 1.0, cells + 1)
    x = (x[1:] + x[:-1]) / 2
    width = x[1] - x[0]
    mass = (1 + q * (x * x - 1) ** 2) ** (-1 - 1 / temperature) * width
    face = x + width / 2
    flow = temperature * (1 + q * (face * face - 1) ** 2) ** (-1 / temperature) / width
    flow[-1] *= 2
    before = np.concatenate([[0.0], flow[:-1]])
    root = np.sqrt(mass)
    rates, modes = eigh_tridiagonal((flow + before) / mass, -flow[:-1] / (root[1:] * root[:-1]))
    start = int(np.argmin(np.abs(x + 1)))
    weights = modes[start] * (modes.T @ root) / root[start]
    return np.array([float(weights @ np.exp(-rates * t)) for t in times]), float(np.sum(weights / rates))
