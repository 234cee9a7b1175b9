"""Sampled experiments: minibatch orders, additive noise and label noise."""

from __future__ import annotations

import math
from typing import Any

import torch

from numerics.ensemble import Chunk


def stationary_square(
    chunk: Chunk, *, learning_rate: float, curvature: float, gradient_noise_variance: float, steps: int, **_: Any
) -> torch.Tensor:
    """theta^2 after ``steps`` steps of SGD with additive Gaussian noise from 0."""
    x = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    deviation = math.sqrt(gradient_noise_variance)
    for _step in range(steps):
        x = (1 - learning_rate * curvature) * x - learning_rate * deviation * chunk.normal(chunk.replicas)
    return x**2


def label_noise_log(
    chunk: Chunk, *, learning_rate: float, label_noise_std: float, curvature: float, steps: int, **_: Any
) -> torch.Tensor:
    """Mean change of log|u^2 - v^2| per step of SGD on (u v - y -+ s)^2/2 near the minimum with u^2 + v^2 = curvature.

    The curvature falls with the imbalance, by a relative O(h^2 s^2) a step: s and the number of steps must be small.
    """
    target = 0.3 * curvature
    gap = math.sqrt(curvature**2 - 4 * target**2)
    u = torch.full((chunk.replicas,), math.sqrt((curvature + gap) / 2), dtype=torch.float64, device=chunk.device)
    v = target / u
    burn_in = 16
    start = torch.zeros_like(u)
    for step in range(burn_in + steps):
        if step == burn_in:
            start = torch.log((u * u - v * v).abs())
        sign = torch.where(chunk.uniform(chunk.replicas) < 0.5, -1.0, 1.0)
        r = u * v - target - label_noise_std * sign
        u, v = u - learning_rate * r * v, v - learning_rate * r * u
    return (torch.log((u * u - v * v).abs()) - start) / steps


def epoch_displacement(
    chunk: Chunk, *, learning_rate: float, batch_gradients: list[float], batch_curvatures: list[float], shuffled: bool,
    **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Displacement of one epoch over m h, less the noise of first order, on batches C_k = g x + a x^2/2 + c x^3/3."""
    h, m = learning_rate, len(batch_gradients)
    g, a = (torch.tensor(v, dtype=torch.float64, device=chunk.device) for v in (batch_gradients, batch_curvatures))
    c = 0.3 * torch.cos(torch.arange(m, dtype=torch.float64, device=chunk.device))
    if shuffled:
        order = torch.argsort(chunk.uniform(m, chunk.replicas), dim=0)
    else:
        order = chunk.integers(m, m, chunk.replicas)
    x = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    drawn = torch.zeros_like(x)
    for row in order:
        x = x - h * (g[row] + a[row] * x + c[row] * x * x)
        drawn = drawn + g[row] - g.mean()
    return x / (m * h) + drawn / m


def regression_square(
    chunk: Chunk, *, learning_rate: float, curvature: float, gradient_noise_variance: float, steps: int, batch: int,
    **_: Any,
) -> torch.Tensor:  # fmt: skip
    """theta^2 after ``steps`` steps of minibatch SGD of a regression on pure label noise, from 0.

    Inputs are +-sqrt(curvature), so that every batch has the same curvature; labels are +-sigma with the sigma that
    gives the mean gradient of a batch the wanted variance.
    """
    size = math.sqrt(curvature)
    sigma = math.sqrt(gradient_noise_variance * batch / curvature)
    theta = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _step in range(steps):
        slope = torch.zeros_like(theta)
        for _sample in range(batch):
            x = torch.where(chunk.uniform(chunk.replicas) < 0.5, -size, size)
            y = torch.where(chunk.uniform(chunk.replicas) < 0.3, -math.sqrt(7 / 3) * sigma, math.sqrt(3 / 7) * sigma)
            slope = slope + (theta * x - y) * x / batch
        theta = theta - learning_rate * slope
    return theta**2


def residual_chain_log(
    chunk: Chunk, *, learning_rate: float, label_noise_std: float, curvature: float, steps: int, **_: Any
) -> torch.Tensor:
    """Mean of log(1 - h^2 r^2) along the chain of the residual: r = z - e, z' = z - h lambda r, e = +-s."""
    z = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    total = torch.zeros_like(z)
    burn_in = 40
    for step in range(burn_in + steps):
        r = z - torch.where(chunk.uniform(chunk.replicas) < 0.5, -label_noise_std, label_noise_std)
        z = z - learning_rate * curvature * r
        if step >= burn_in:
            total = total + torch.log1p(-((learning_rate * r) ** 2))
    return total / steps
