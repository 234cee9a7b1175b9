"""Chain rung: injected Gaussian noise, by the exact operator and by walkers."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.optimize import brentq
from torch.quasirandom import SobolEngine

from checks.check import Context, Measured
from numerics.ensemble import Chunk
from numerics.transfer_operator import (
    double_well_chain,
    exit_rate,
    exit_updates,
    gaussian_chain,
    mean_exit_updates,
    regression_sgd,
)
from numerics.walkers import chain_step, time_average
from numerics.walkers_models import covariant_chain_step, growth, linear_chain_step


def well_rate(
    context: Context,
    *,
    step: float,
    temperature: float,
    barrier_ratio: float,
    feature_kurtosis: float = 2.0,
    **_: Any,
) -> Measured:
    """Escape rate per unit t of the chain in the double well, minimum to far minimum, extrapolated to zero step.

    The exact rates at eta h = ``step`` and half of it differ by the first order in the step, which is taken out; four
    times the square of that relative difference bounds what is left. The grids follow the width of a step, so that
    both rates have the same relative error of the grid, and so has their combination.
    """
    del context
    values = temperature, barrier_ratio, feature_kurtosis
    (whole, first), (half, second) = (_rate_at(s, *values) for s in (step, step / 2))
    found = 2 * half - whole
    return Measured(found, max(first, second) + 4 * (half - whole) ** 2 / found)


def _rate_at(step: float, temperature: float, barrier_ratio: float, feature_kurtosis: float) -> tuple[float, float]:
    """Exact rate of the chain at eta h = ``step``, and its numerical error."""
    eta = step / (8 * (barrier_ratio - 1))
    components = double_well_chain(eta, temperature, barrier_ratio, feature_kurtosis)
    width = math.sqrt(2 * eta * temperature)
    # the two-grid value still has an error of fourth order in the cell over the step: take it out with a third grid
    coarse, fine = (
        exit_updates(components, -2.0, 1.0, -1.0, math.ceil(per_step * 3 / width)) for per_step in (4 / 3, 2.0)
    )
    best = fine + (fine - coarse) / (1.5**4 - 1)
    return 1 / (eta * best), abs(1 / best - 1 / fine) / (4 * eta)


def chain_updates(
    context: Context, *, learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float
) -> Measured:
    """Mean number of updates of the Gaussian chain to the loss level."""
    del context
    e, level = learning_rate * curvature, math.sqrt(barrier_ratio - 1)
    fine, coarse = (mean_exit_updates(gaussian_chain(e, batch_size), level, cells) for cells in (80, 60))
    return Measured(fine, abs(fine - coarse))


def real_updates(
    context: Context, *, learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float
) -> Measured:
    """The same for real minibatch SGD."""
    del context
    e, level = learning_rate * curvature, math.sqrt(barrier_ratio - 1)
    components = (regression_sgd(e, int(batch_size), nodes) for nodes in (80, 60))
    fine, coarse = (mean_exit_updates(c, level, cells) for c, cells in zip(components, (80, 60), strict=True))
    return Measured(fine, abs(fine - coarse))


def inverse_exit_rate(
    context: Context, *, learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float
) -> Measured:
    """One over the quasi-stationary exit rate of the chain: for rare exits the mean number of updates."""
    del context
    e, level = learning_rate * curvature, math.sqrt(barrier_ratio - 1)
    fine, coarse = (1 / exit_rate(gaussian_chain(e, batch_size), level, cells) for cells in (150, 110))
    return Measured(fine, abs(fine - coarse))


def bounded_loss(
    chunk: Chunk, *, learning_rate: float, batch_size: float, curvature: float, dimension: int
) -> torch.Tensor:
    """Time average of v/(1+v) in the Gaussian chain: n/(2 phi) under the L^-phi law."""
    step = chain_step(chunk, learning_rate, batch_size, curvature)
    temperature = learning_rate * curvature / batch_size
    start = (temperature / (2 * curvature)) ** 0.5 * chunk.normal(dimension, chunk.replicas)
    relax = math.ceil(1 / (learning_rate * curvature))

    def observe(d: torch.Tensor) -> torch.Tensor:
        v = curvature * (d * d).sum(0)
        return v / (1 + v)

    return time_average(step, start, observe, 5 * relax, relax, 20)


def covariant_squares(
    chunk: Chunk, *, learning_rate: float, batch_size: float, curvatures: list[float], noise_variance: float
) -> torch.Tensor:
    """Time averages of d_i^2 of the Gaussian chain with the exact covariance of Gaussian features."""
    h = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device)
    step = covariant_chain_step(chunk, learning_rate, batch_size, h, noise_variance)
    start = torch.zeros(len(curvatures), chunk.replicas, dtype=torch.float64, device=chunk.device)
    relax = math.ceil(1 / (learning_rate * min(curvatures)))
    return time_average(step, start, lambda d: d * d, 10 * relax, 2 * relax, 15).T


def linear_products(
    chunk: Chunk, *, learning_rate: float, hessian: list[list[float]], noise_covariance: list[list[float]]
) -> torch.Tensor:
    """Time averages of theta_1^2, theta_1 theta_2 and theta_2^2 under constant noise."""
    h, c = (torch.tensor(a, dtype=torch.float64, device=chunk.device) for a in (hessian, noise_covariance))
    step = linear_chain_step(chunk, learning_rate, h, torch.linalg.cholesky(c))
    start = torch.zeros(2 * len(hessian), chunk.replicas, dtype=torch.float64, device=chunk.device)

    def observe(state: torch.Tensor) -> torch.Tensor:
        return torch.stack([state[0] * state[0], state[0] * state[1], state[1] * state[1]])

    return time_average(step, start, observe, 100, 12, 20).T


def heavy_ball_square(
    chunk: Chunk, *, learning_rate: float, momentum: float, curvature: float, gradient_variance: float
) -> torch.Tensor:
    """Time average of d^2 of the heavy ball under constant noise."""
    h, root = (
        torch.full((1, 1), a, dtype=torch.float64, device=chunk.device) for a in (curvature, gradient_variance**0.5)
    )
    step = linear_chain_step(chunk, learning_rate, h, root, momentum)
    start = torch.zeros(2, chunk.replicas, dtype=torch.float64, device=chunk.device)
    return time_average(step, start, lambda state: state[0] * state[0], 150, 15, 25)


def squared_growth(chunk: Chunk, *, learning_rate: float, batch_size: int, dimension: int, **_: Any) -> torch.Tensor:
    """|M u|^2 of one update of real SGD far away."""
    return growth(chunk, learning_rate, batch_size, dimension)


def log_growth(chunk: Chunk, *, learning_rate: float, batch_size: int, dimension: int, **_: Any) -> torch.Tensor:
    """log |M u| of one update of real SGD far away."""
    return growth(chunk, learning_rate, batch_size, dimension).log() / 2


def stationary_limit(context: Context, *, batch_size: int, dimension: int, curvature: float) -> Measured:
    """Learning rate at which the mean of log |M u| over sampled batches vanishes.

    Sixteen independently scrambled quasi-random sets of batches; the error is 4 standard errors of their means.
    """
    sets, size = 16, 1 << 16
    engines = (SobolEngine(batch_size * dimension, scramble=True, seed=context.seed + k) for k in range(sets))
    uniform = torch.stack([e.draw(size, dtype=torch.float64) for e in engines]).to(context.device)
    x = torch.special.ndtri(uniform.clamp(1e-10, 1 - 1e-10)).reshape(sets, size, batch_size, dimension)
    pulled = (x[..., :1] * x).sum(2) * (curvature / batch_size)
    along, across = pulled[..., 0], (pulled[..., 1:] ** 2).sum(-1)

    def means(rate: float) -> torch.Tensor:
        return ((1 - rate * along) ** 2 + rate**2 * across).log().mean(1) / 2

    root = brentq(lambda rate: float(means(rate).mean()), 0.3 / curvature, 12.0 / curvature, xtol=1e-4)
    slope = float((means(1.02 * root) - means(0.98 * root)).mean()) / (0.04 * root)
    return Measured(float(root), 4 * float(means(root).std()) / sets**0.5 / slope)
