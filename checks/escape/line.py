"""Flow rung: tails, kurtosis, exit-time laws and barriers of the SDE by exact one-dimensional quadrature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from numerics import walkers_exact, walkers_line
from numerics.ensemble import Chunk
from numerics.walkers_models import log_distance_drift

DECADE = (0.02, 0.2)
"""Learning rates over which the barriers of real SGD are fitted: one decade."""
COLD_DECADE = (0.005, 0.05)
"""The same for the SDE, whose exact times have no lower limit of the learning rate."""


def log_slope(rates: np.ndarray, times: list[float]) -> float:
    """W of log time = W/eta + k log eta + a + b eta, by least squares over the given learning rates.

    The power of eta and the first correction are the prefactor; a plain slope would mistake them for the barrier.
    """
    columns = np.stack([1 / rates, np.log(rates), np.ones_like(rates), rates], 1)
    return float(np.linalg.lstsq(columns, np.log(times), rcond=None)[0][0])


def diffusion_barrier(context: Context, *, barrier_ratio: float, batch_size: int, curvature: float) -> Measured:
    """W_2 from exact passage times of the SDE with the exact covariance, T = eta h/B over a decade of eta."""
    del context
    found, rates = [], np.geomspace(*COLD_DECADE, 7)
    for cells in (20000, 10000):
        times = [
            walkers_exact.radial_time("gaussian_features", float(eta) * curvature / batch_size, 1, barrier_ratio, cells)
            for eta in rates
        ]
        found.append(log_slope(rates, times))
    return Measured(found[0], abs(found[0] - found[1]) + 1e-9)


def excess_kurtosis(
    context: Context, *, temperature: float, feature_kurtosis: float = 2.0, dimension: int = 1
) -> Measured:
    """Excess kurtosis of the stationary law of the SDE, n = 1."""
    del context, dimension
    fine, coarse = (walkers_line.well_kurtosis(temperature, feature_kurtosis, cells) for cells in (20000, 10000))
    return Measured(fine, abs(fine - coarse) + 1e-9)


def tail_index(context: Context, *, kind: str, temperature: float, dimension: int) -> Measured:
    """-d log P(|d| > r)/d log r of the SDE from r = 100 to 1000, a decade."""
    del context
    fine, coarse = (
        walkers_line.radial_tail_index(kind, temperature, dimension, 1e2, 1e3, cells) for cells in (40000, 20000)
    )
    return Measured(fine, abs(fine - coarse) + 1e-9)


def survival(context: Context, *, relative_time: float, temperature: float, barrier_ratio: float) -> Measured:
    """P(not yet escaped at relative_time * MFPT) in the double well, minimum to far minimum."""
    del context
    _, mean = walkers_line.double_well_survival(temperature, barrier_ratio, np.zeros(1))
    share, _ = walkers_line.double_well_survival(temperature, barrier_ratio, np.array([relative_time * mean]))
    return Measured(float(share[0]), 1e-4)


def survival_gap(context: Context, *, relative_time: float, temperature: float, barrier_ratio: float) -> Measured:
    """Largest distance of the survival curve from exp(-t/MFPT) over two decades of t, added to the law at one t."""
    del context
    times = np.geomspace(0.05, 5.0, 60)
    _, mean = walkers_line.double_well_survival(temperature, barrier_ratio, np.zeros(1))
    share, _ = walkers_line.double_well_survival(temperature, barrier_ratio, times * mean)
    return Measured(math.exp(-relative_time) + float(np.abs(share - np.exp(-times)).max()), 1e-4)


def atlas_point(context: Context, *, temperature: float, barrier_ratio: float, **_: Any) -> Measured:
    """One over the exact passage time by finite volumes: independent of the quadrature that draws the atlas."""
    del context
    fine, coarse = (walkers_exact.double_well_time(temperature, barrier_ratio, 2.0, cells) for cells in (16000, 8000))
    return Measured(1 / fine, abs(1 / fine - 1 / coarse))


def loss_drift(chunk: Chunk, *, temperature: float, dimension: int, curvature: float) -> torch.Tensor:
    """Drift of log v far away, where the label noise is negligible."""
    return 2 * log_distance_drift(chunk, temperature, dimension, curvature)


def distance_drift(chunk: Chunk, *, temperature: float, dimension: int, curvature: float) -> torch.Tensor:
    """Drift of log |d| without label noise."""
    return log_distance_drift(chunk, temperature, dimension, curvature)


def threshold_drifts(chunk: Chunk, *, temperature: float, below: int, above: int) -> torch.Tensor:
    """Drifts of log v with fewer and with more directions than the threshold: (replicas, 2)."""
    return 2 * torch.stack([log_distance_drift(chunk, temperature, n, 1.0) for n in (below, above)], 1)


def short_time_growth(
    chunk: Chunk, *, learning_rate: float, curvatures: list[float], noise_variances: list[float], time: float
) -> torch.Tensor:
    """(L(t) - L(0))/t of d d_i = -h_i d_i dt + sqrt(eta Sigma_i) dW from the minimum, 40 Euler steps."""
    h = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device)[:, None]
    variance = torch.tensor(noise_variances, dtype=torch.float64, device=chunk.device)[:, None]
    dt = time / 40
    d = torch.zeros(len(curvatures), chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(40):
        d = (1 - dt * h) * d + (learning_rate * dt * variance).sqrt() * chunk.normal(*d.shape)
    return (h * d * d).sum(0) / 2 / time
