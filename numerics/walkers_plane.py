"""Passage times in the plane with different noise in the two directions: a non-reversible generator."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import spsolve

from numerics.walkers_exact import Array


def _bernoulli(z: Array) -> Array:
    """z/(e^z - 1), by its series near zero."""
    small = np.abs(z) < 1e-6
    safe = np.clip(np.where(small, 1.0, z), -500.0, 500.0)
    return np.where(small, 1 - z / 2, safe / np.expm1(safe))


def anisotropic_well_time(
    temperature: float, barrier_ratio: float, stiffness: float, transverse: float, cells: int = 121
) -> float:
    """L = 1 + (c-1)(x^2-1)^2 + k y^2/2, D_x = T L, D_y = transverse * T L: mean time from (-1, 0) to x = 1.

    Exponentially fitted differences of D u_xx + b u_x: positive rates at any ratio of drift to noise, second order.
    """
    q = barrier_ratio - 1
    x = np.linspace(-1.9, 1.0, 2 * cells + 1)
    dx = x[1] - x[0]
    x = x[:-1] + dx / 2
    reach = np.sqrt(2 * barrier_ratio * np.expm1(14 * temperature * max(1.0, transverse)) / stiffness)
    # odd number of rows, denser near y = 0 where the weight is
    y = np.linspace(0.0, reach, cells)
    dy = y[1] - y[0]
    grid_x, grid_y = np.meshgrid(x, y, indexing="ij")
    loss = 1 + q * (grid_x**2 - 1) ** 2 + stiffness * grid_y**2 / 2
    noise_x, noise_y = temperature * loss, transverse * temperature * loss
    drift_x, drift_y = -4 * q * grid_x * (grid_x**2 - 1), -stiffness * grid_y
    right = noise_x / dx**2 * _bernoulli(-drift_x * dx / noise_x)
    left = noise_x / dx**2 * _bernoulli(drift_x * dx / noise_x)
    up = noise_y / dy**2 * _bernoulli(-drift_y * dy / noise_y)
    down = noise_y / dy**2 * _bernoulli(drift_y * dy / noise_y)
    # mirror symmetry at y = 0; the far left and the top reflect; beyond the last column x = 1 absorbs, half a cell away
    up[:, 0] += down[:, 0]
    down[:, 0] = 0.0
    up[:, -1] = 0.0
    left[0] = 0.0
    diagonal = right + left + up + down
    diagonal[-1] += right[-1]
    size = grid_x.size
    index = np.arange(size).reshape(grid_x.shape)
    rows = [index[:-1], index[1:], index[:, :-1], index[:, 1:], index]
    columns = [index[1:], index[:-1], index[:, 1:], index[:, :-1], index]
    entries = [-right[:-1], -left[1:], -up[:, :-1], -down[:, 1:], diagonal]
    matrix = sparse.csc_matrix(
        (
            np.concatenate([e.ravel() for e in entries]),
            (np.concatenate([r.ravel() for r in rows]), np.concatenate([c.ravel() for c in columns])),
        ),
        shape=(size, size),
    )
    times = spsolve(matrix, np.ones(size)).reshape(grid_x.shape)
    return float(np.interp(-1.0, x, times[:, 0]))
