"""Chain and sgd rungs: injected noise, real minibatches of linear regression, and the exact transfer operator."""

from __future__ import annotations

import math
from typing import Any

import torch

import theory
from checks.check import Context, Measured
from numerics.ensemble import Chunk
from numerics.transfer_operator import gaussian_chain, mean_exit_updates, regression_sgd
from numerics.walkers import (
    chain_step,
    features,
    first_passage,
    minibatch_step,
    regression_step,
    renewals,
    time_average,
)


def batch_gradient(
    chunk: Chunk,
    *,
    displacement: float,
    batch_size: int,
    noise_variance: float = 1.0,
    curvature: float = 1.0,
    law: str = "gaussian",
    **_: Any,
) -> torch.Tensor:
    """Batch gradient of scalar regression, one per replica."""
    x = curvature**0.5 * features(chunk, law, batch_size, chunk.replicas)
    e = noise_variance**0.5 * chunk.normal(batch_size, chunk.replicas)
    return ((displacement * x - e) * x).mean(0)


def batch_gradient_vector(
    chunk: Chunk,
    *,
    feature_covariance: list[list[float]],
    displacement: list[float],
    noise_variance: float,
    batch_size: int,
) -> torch.Tensor:
    """Batch gradient with correlated Gaussian features: (replicas, n)."""
    root = torch.linalg.cholesky(torch.tensor(feature_covariance, dtype=torch.float64, device=chunk.device))
    d = torch.tensor(displacement, dtype=torch.float64, device=chunk.device)
    x = torch.einsum("ij,bjr->bir", root, chunk.normal(batch_size, len(d), chunk.replicas))
    e = noise_variance**0.5 * chunk.normal(batch_size, chunk.replicas)
    residual = torch.einsum("i,bir->br", d, x) - e
    return (residual[:, None] * x).mean(0).T


def finite_batch(
    chunk: Chunk, *, features: list[float], targets: list[float], parameter: float, batch_size: int, replacement: str
) -> torch.Tensor:
    """Mean gradient of random batches of fixed samples."""
    x, y = (torch.tensor(a, dtype=torch.float64, device=chunk.device) for a in (features, targets))
    g = (parameter * x - y) * x
    if replacement == "with":
        index = chunk.integers(len(g), batch_size, chunk.replicas)
    else:
        index = chunk.subsets(len(g), batch_size, chunk.replicas)
    return g[index].mean(0)


def stationary_square(
    chunk: Chunk,
    *,
    learning_rate: float,
    batch_size: int,
    curvature: float = 1.0,
    noise_variance: float = 1.0,
    law: str = "gaussian",
    directions: int = 1,
    **_: Any,
) -> torch.Tensor:
    """Time average of |d|^2/n in isotropic minibatch SGD."""
    scales = torch.full((directions,), curvature**0.5, dtype=torch.float64, device=chunk.device)
    step = minibatch_step(chunk, learning_rate, batch_size, scales, noise_variance, law)
    start = torch.zeros(directions, chunk.replicas, dtype=torch.float64, device=chunk.device)
    relax = math.ceil(1 / (learning_rate * curvature))
    return time_average(step, start, lambda d: (d * d).mean(0), 12 * relax, 2 * relax, 20)


def stationary_squares(
    chunk: Chunk, *, learning_rate: float, batch_size: int, curvatures: list[float], noise_variance: float
) -> torch.Tensor:
    """Time averages of d_i^2 in anisotropic minibatch SGD: (replicas, n)."""
    scales = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device).sqrt()
    step = minibatch_step(chunk, learning_rate, batch_size, scales, noise_variance)
    start = torch.zeros(len(curvatures), chunk.replicas, dtype=torch.float64, device=chunk.device)
    relax = math.ceil(1 / (learning_rate * min(curvatures)))
    return time_average(step, start, lambda d: d * d, 10 * relax, 2 * relax, 15).T


def chain_relative_loss(chunk: Chunk, *, learning_rate: float, batch_size: float, curvature: float) -> torch.Tensor:
    """Time average of v in the Gaussian chain."""
    step = chain_step(chunk, learning_rate, batch_size, curvature)
    start = torch.zeros(1, chunk.replicas, dtype=torch.float64, device=chunk.device)
    relax = math.ceil(1 / (learning_rate * curvature))
    return time_average(step, start, lambda d: curvature * (d * d).sum(0), 8 * relax, relax, 30)


def fourth_cumulant(
    chunk: Chunk, *, learning_rate: float, batch_size: int, curvature: float = 1.0, **_: Any
) -> torch.Tensor:
    """Time average of d^4/m2^2 - 3 with the exact second moment m2 known: its mean is the excess kurtosis."""
    step = regression_step(chunk, learning_rate, batch_size, curvature)
    e = learning_rate * curvature
    m2 = learning_rate / batch_size / (2 - e * (1 + 2 / batch_size))
    start = m2**0.5 * chunk.normal(1, chunk.replicas)
    relax = math.ceil(1 / e)

    def observe(d: torch.Tensor) -> torch.Tensor:
        # E d^2 = m2 exactly, so the second term has mean zero; it removes most of the variance
        q = (d * d).sum(0) / m2
        return q * q - 3 - 6 * (q - 1)

    return time_average(step, start, observe, 10 * relax, 3 * relax, 40)


def passage(
    chunk: Chunk,
    *,
    learning_rate: float,
    batch_size: int,
    barrier_ratio: float,
    curvature: float = 1.0,
    dimension: int = 1,
    horizon: int = 4000,
    restart: bool = False,
    **_: Any,
) -> torch.Tensor:
    """Exits and exposure of real minibatch SGD from 0 to L = c L_*; ``restart`` makes renewals of it."""
    scales = torch.full((dimension,), curvature**0.5, dtype=torch.float64, device=chunk.device)
    if dimension == 1:
        step = regression_step(chunk, learning_rate, batch_size, curvature)
    else:
        step = minibatch_step(chunk, learning_rate, batch_size, scales)
    start = torch.zeros(dimension, chunk.replicas, dtype=torch.float64, device=chunk.device)
    level = barrier_ratio - 1
    runner = renewals if restart else first_passage
    return runner(step, start, lambda d: curvature * (d * d).sum(0) > level, horizon).sample


def operator_updates(
    context: Context, *, learning_rate: float, batch_size: int, barrier_ratio: float, curvature: float = 1.0, **_: Any
) -> Measured:
    """Mean number of updates of real SGD from the exact operator."""
    del context
    e, level = learning_rate * curvature, math.sqrt(barrier_ratio - 1)
    grids = ((90, 90), (60, 70))
    fine, coarse = (mean_exit_updates(regression_sgd(e, batch_size, nodes), level, cells) for nodes, cells in grids)
    return Measured(fine, abs(fine - coarse))


def chain_updates(
    context: Context, *, learning_rate: float, temperature: float, barrier_ratio: float, curvature: float = 1.0
) -> Measured:
    """Mean number of updates of the Gaussian chain at T = eta h / B."""
    del context
    e, level = learning_rate * curvature, math.sqrt(barrier_ratio - 1)
    step = math.sqrt(e * temperature)
    cells = max(60, math.ceil(5 * level / step))
    fine, coarse = (mean_exit_updates(gaussian_chain(e, e / temperature), level, c) for c in (cells, (3 * cells) // 4))
    return Measured(fine, abs(fine - coarse))


def seed_updates(value: float, *, learning_rate: float, **_: Any) -> float:
    """Exit probability per update of a passage-time law per unit t."""
    return learning_rate / value


def shifted_updates(
    value: float, *, learning_rate: float, temperature: float, curvature: float = 1.0, **_: Any
) -> float:
    """Updates of a chain whose barrier ratio is ``value`` in the radial law."""
    radial = theory.law("escape.mean_passage_time.radial")
    return radial(temperature=temperature, dimension=1, barrier_ratio=value, curvature=curvature) / learning_rate


def tail_share(
    chunk: Chunk,
    *,
    learning_rate: float,
    batch_size: int,
    dimension: int,
    curvature: float = 1.0,
    first: float,
    second: float,
) -> torch.Tensor:
    """Time averages of |d| > r at two radii far out: (replicas, 2)."""
    scales = torch.full((dimension,), curvature**0.5, dtype=torch.float64, device=chunk.device)
    step = minibatch_step(chunk, learning_rate, batch_size, scales)
    start = torch.zeros(dimension, chunk.replicas, dtype=torch.float64, device=chunk.device)

    def observe(d: torch.Tensor) -> torch.Tensor:
        r = (d * d).sum(0).sqrt()
        return torch.stack([(r > first).double(), (r > second).double()])

    return time_average(step, start, observe, 200, 12, 60).T
