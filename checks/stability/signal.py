"""Experiments with f = u w.x on vector inputs that carry signal and noise: its exact chain, and real SGD."""

from __future__ import annotations

from typing import Any

import torch

import theory
from checks.stability.experiments import TINY
from numerics.ensemble import Chunk
from numerics.minibatch import minibatch_sgd


def signal_chain_growth(
    chunk: Chunk, *, signal_ratio: float, dimension: int, step: float, steps: int, burn_in: int
) -> torch.Tensor:
    """Growth of |(u, w)| by the exact chain of u, w along the signal and |w| across, less its zero-mean linear part.

    ``step`` is eta sigma, so that the mean of eta y x is signal_ratio step^2 along the signal.
    """
    u = torch.full((chunk.replicas,), 0.5**0.5, dtype=torch.float64, device=chunk.device)
    along, across = u.clone(), torch.zeros_like(u)
    total = torch.zeros_like(u)
    for index in range(burn_in + steps):
        noise = step * chunk.normal(dimension, chunk.replicas)
        first = signal_ratio * step**2 + noise[0]
        moved = u + along * first + across * noise[1]
        width = torch.sqrt((across + u * noise[1]) ** 2 + u**2 * (noise[2:] ** 2).sum(0))
        linear = 2 * u * (along * noise[0] + across * noise[1])
        u, along, across = moved, along + u * first, width
        size = torch.sqrt(u**2 + along**2 + across**2)
        if index >= burn_in:
            total += torch.log(size) - linear
        u, along, across = u / size, along / size, across / size
    return total / steps


def signal_sgd_growth(
    chunk: Chunk, *, signal_ratio: float, dimension: int, step: float, steps: int, burn_in: int
) -> torch.Tensor:
    """The same under real SGD of f = u w.x from 1e-100 at the learning rate 0.3, half-square loss."""
    rate = 0.3
    start = torch.zeros(dimension, chunk.replicas, dtype=torch.float64, device=chunk.device)
    start[0] = TINY
    state = {"u": start[0].clone(), "w": start}
    control = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    marks: dict[str, torch.Tensor] = {}

    def log_size(p: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.log((p["u"] / TINY) ** 2 + ((p["w"] / TINY) ** 2).sum(0)) / 2

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * (p["u"] * (p["w"] * x).sum(0) - y) ** 2

    def batch(index: int) -> tuple[torch.Tensor, ...]:
        noise = step / rate * chunk.normal(dimension, chunk.replicas)
        if index >= burn_in:
            u, w = state["u"] / TINY, state["w"] / TINY
            control.add_(2 * rate * u * (w * noise).sum(0) / (u**2 + (w**2).sum(0)))
        noise[0] += signal_ratio * step**2 / rate
        label = torch.where(chunk.uniform(chunk.replicas) < 0.5, -1.0, 1.0) * (0.5 + chunk.uniform(chunk.replicas))
        return noise / label, label

    def observe(index: int, now: dict[str, torch.Tensor]) -> None:
        state.update(now)
        if index + 1 == burn_in:
            marks["start"] = log_size(now)

    end = minibatch_sgd(loss, state, batch, rate, burn_in + steps, observe=observe)
    return (log_size(end) - marks["start"] - control) / steps


def growth_at_step(coefficient: float, *, signal_ratio: float, step: float, **_: Any) -> float:
    """Growth rate for a coefficient of (eta sigma)^2, the part kappa - 1/2 of which is the scalar exponent, exactly."""
    scalar = theory.law("stability.exponent.normal")(
        learning_rate=step, curvature_mean=-signal_ratio * step, curvature_std=1.0
    )
    return float(scalar) + (coefficient - signal_ratio + 0.5) * step**2


def next_term(_: float, *, signal_ratio: float, dimension: int, step: float) -> float:
    """The next term of the expansion, (d-1)/(32 kappa^2), with the like of what remains of the step."""
    across = (dimension - 1) / (16 * signal_ratio)
    return step**2 * across * (0.6 / signal_ratio + 2 * signal_ratio * step**2)
