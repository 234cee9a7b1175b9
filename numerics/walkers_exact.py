"""Exact passage times of one- and two-dimensional SDEs by finite volumes: the flow rung without sampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve

Array = NDArray[np.float64]


def line_time(slope: Callable[[Array], Array], noise: Callable[[Array], Array], edges: Array, start: float) -> float:
    """Mean time from ``start`` to the last edge, reflecting at the first; noise(x) is D, slope(x) is L'.

    Cumulative Simpson sums of exp(-Psi)/D and exp(Psi) on a grid; the error is of fourth order in its spacing.
    """
    x = edges
    middle = (x[1:] + x[:-1]) / 2
    width = np.diff(x)
    force_x, force_m = slope(x) / noise(x), slope(middle) / noise(middle)
    psi_x = np.concatenate([[0.0], np.cumsum(width / 6 * (force_x[:-1] + 4 * force_m + force_x[1:]))])
    psi_m = psi_x[:-1] + width / 24 * (5 * force_x[:-1] + 8 * force_m - force_x[1:])
    shift = psi_x.min()
    mass_x, mass_m = np.exp(shift - psi_x) / noise(x), np.exp(shift - psi_m) / noise(middle)
    inner_x = np.concatenate([[0.0], np.cumsum(width / 6 * (mass_x[:-1] + 4 * mass_m + mass_x[1:]))])
    inner_m = inner_x[:-1] + width / 24 * (5 * mass_x[:-1] + 8 * mass_m - mass_x[1:])
    risen = x >= start - 1e-12
    outer_x = np.exp(np.where(risen, psi_x - shift, -np.inf)) * inner_x
    outer_m = np.exp(np.where(middle >= start, psi_m - shift, -np.inf)) * inner_m
    pieces = width / 6 * (outer_x[:-1] + 4 * outer_m + outer_x[1:])
    return float(pieces[middle >= start].sum())


def double_well_time(temperature: float, barrier_ratio: float, kurtosis: float, cells: int = 8000) -> float:
    """Time from -1 to 1 in L = 1 + (c-1)(x^2-1)^2 with D = T [1 + (K-1)(L-1)]."""
    q, k = barrier_ratio - 1, kurtosis - 1
    far = 60.0 if k > 0 else 4.0
    left = -1 - np.expm1(np.linspace(np.log(far), 0.0, cells // 2 + 1))
    edges = np.concatenate([left[:-1], np.linspace(-1.0, 1.0, cells + 1)])
    return line_time(
        lambda x: 4 * q * x * (x * x - 1), lambda x: temperature * (1 + k * q * (x * x - 1) ** 2), edges, -1.0
    )


def radial_coefficients(
    kind: str, temperature: float, dimension: int
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Noise strength and slope (minus the drift) of t = log v in an isotropic bowl, h = 1."""
    along = {
        "seed": lambda v: 1 + v, "gaussian_features": lambda v: 1 + 2 * v, "additive": lambda v: np.ones_like(v)
    }[kind]  # fmt: skip
    trace = {
        "seed": lambda v: dimension * (1 + v),
        "gaussian_features": lambda v: dimension + (dimension + 1) * v,
        "additive": lambda v: np.full_like(v, float(dimension)),
    }[kind]

    def noise(s: Array) -> Array:
        v = np.exp(s)
        return 2 * temperature * along(v) / v

    def slope(s: Array) -> Array:
        v = np.exp(s)
        return -((temperature * trace(v) - 2 * v) / v - 2 * temperature * along(v) / v)

    return noise, slope


def radial_time(kind: str, temperature: float, dimension: int, barrier_ratio: float, cells: int = 20000) -> float:
    """Time 0 -> L = c L_* in an isotropic bowl (h = 1), in t = log v from 2e-16 of the level on."""
    top = np.log(barrier_ratio - 1)
    t = np.linspace(top - 36.0, top, cells + 1)
    noise, slope = radial_coefficients(kind, temperature, dimension)
    return line_time(slope, noise, t, t[0])


def double_well_time_plane(temperature: float, barrier_ratio: float, stiffness: float, cells: int = 161) -> float:
    """n = 2: L = 1 + (c-1)(x^2-1)^2 + k y^2/2, D = T L, from (-1, 0) to x = 1, by symmetric finite volumes."""
    q = barrier_ratio - 1
    x = np.linspace(-2.1, 1.0, 2 * cells + 1)
    x = x[:-1] + (x[1] - x[0]) / 2
    reach = np.sqrt(2 * barrier_ratio * (np.exp(14 * temperature) - 1) / stiffness)
    y = np.linspace(-reach, reach, cells)
    dx, dy = x[1] - x[0], y[1] - y[0]

    def loss(a: Array, b: Array) -> Array:
        return 1 + q * (a * a - 1) ** 2 + stiffness * b * b / 2

    grid_x, grid_y = np.meshgrid(x, y, indexing="ij")
    mass = loss(grid_x, grid_y) ** (-1 - 1 / temperature)
    right = temperature * loss(grid_x[:-1] + dx / 2, grid_y[:-1]) ** (-1 / temperature) / dx**2
    up = temperature * loss(grid_x[:, :-1], grid_y[:, :-1] + dy / 2) ** (-1 / temperature) / dy**2
    sink = temperature * loss(np.ones_like(y), y) ** (-1 / temperature) / dx**2 * 2
    index = np.arange(mass.size).reshape(mass.shape)
    diagonal = np.zeros_like(mass)
    diagonal[:-1] += right
    diagonal[1:] += right
    diagonal[:, :-1] += up
    diagonal[:, 1:] += up
    diagonal[-1] += sink
    rows = np.concatenate(
        [index[:-1].ravel(), index[1:].ravel(), index[:, :-1].ravel(), index[:, 1:].ravel(), index.ravel()]
    )
    columns = np.concatenate(
        [index[1:].ravel(), index[:-1].ravel(), index[:, 1:].ravel(), index[:, :-1].ravel(), index.ravel()]
    )
    entries = np.concatenate([-right.ravel(), -right.ravel(), -up.ravel(), -up.ravel(), diagonal.ravel()])
    matrix = sparse.csr_matrix((entries, (rows, columns)), shape=(mass.size, mass.size))
    times = spsolve(matrix.tocsc(), mass.ravel()).reshape(mass.shape)
    row = times[:, cells // 2]
    return float(np.interp(-1.0, x, row))
