"""Chains of iid multipliers and real minibatch SGD of the scalar two-layer network, for any curvature law."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from numerics.curvature import draw_curvature, mean_log_growth
from numerics.ensemble import Chunk
from numerics.minibatch import minibatch_sgd

TINY = 1e-100
"""Start of the linear regime: u*w underflows no double, and u*w*x is 1e-200 of the label."""


def multiplier_growth(
    chunk: Chunk, *, curvature_law: str, learning_rate: float, steps: int = 16, **parameters: Any
) -> torch.Tensor:
    """Growth rate per step of a product of ``steps`` iid multipliers 1 - eta h, one number per replica."""
    h = draw_curvature(chunk, curvature_law, steps, chunk.replicas, **parameters)
    return mean_log_growth(1 - learning_rate * h)


def scalar_net_loss(loss_factor: int) -> Any:
    """Loss (loss_factor/2) (u w x - y)^2 of the two-layer scalar network, per sample and replica."""

    def loss(p: Mapping[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * loss_factor * (p["u"] * p["w"] * x - y) ** 2

    return loss


def scalar_net_data(
    chunk: Chunk, curvature_law: str, batch_size: int, loss_factor: int, **parameters: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs of varying size and sign, labels such that loss_factor * x * y has the curvature law."""
    shape = (batch_size, chunk.replicas)
    z = draw_curvature(chunk, curvature_law, *shape, **parameters)
    sign = torch.where(chunk.uniform(*shape) < 0.5, -1.0, 1.0)
    x = sign * (0.5 + chunk.uniform(*shape))
    return x, z / (loss_factor * x)


def scalar_net_growth(
    chunk: Chunk,
    *,
    curvature_law: str,
    learning_rate: float,
    batch_size: int = 1,
    steps: int = 24,
    loss_factor: int = 2,
    direction: int = -1,
    **parameters: Any,
) -> torch.Tensor:
    """Growth rate of |u + direction w| under real SGD of f = u w x, from u = direction w = 1e-100.

    Along direction -1 the multiplier is 1 - eta z, along +1 it is 1 + eta z.
    """
    start = torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)
    end = minibatch_sgd(
        scalar_net_loss(loss_factor),
        {"u": start, "w": direction * start},
        lambda _: scalar_net_data(chunk, curvature_law, batch_size, loss_factor, **parameters),
        learning_rate,
        steps,
    )
    return (torch.log((end["u"] + direction * end["w"]).abs()) - math.log(2 * TINY)) / steps


def growth_at_rates(
    chunk: Chunk, *, curvature_law: str, rates: tuple[float, ...], steps: int = 16, **parameters: Any
) -> torch.Tensor:
    """Growth rates at several learning rates on the same draws: (replicas, rates)."""
    h = draw_curvature(chunk, curvature_law, steps, chunk.replicas, **parameters)
    return torch.stack([mean_log_growth(1 - rate * h) for rate in rates], 1)


def scalar_net_growth_at_rates(
    chunk: Chunk,
    *,
    curvature_law: str,
    rates: tuple[float, ...],
    batch_size: int = 1,
    steps: int = 24,
    loss_factor: int = 2,
    direction: int = -1,
    observe: Callable[[torch.Tensor, torch.Tensor], None] | None = None,
    **parameters: Any,
) -> torch.Tensor:
    """Growth rates of real SGD of f = u w x at several learning rates on the same data: (replicas, rates).

    ``observe(inputs, labels)`` sees every batch.
    """
    copies, replicas = len(rates), chunk.replicas
    rate = torch.tensor(rates, dtype=torch.float64, device=chunk.device).repeat_interleave(replicas)
    start = torch.full((copies * replicas,), TINY, dtype=torch.float64, device=chunk.device)

    def batch(_: int) -> tuple[torch.Tensor, ...]:
        x, y = scalar_net_data(chunk, curvature_law, batch_size, loss_factor, **parameters)
        if observe is not None:
            observe(x, y)
        return x.repeat(1, copies), y.repeat(1, copies)

    end = minibatch_sgd(scalar_net_loss(loss_factor), {"u": start, "w": direction * start}, batch, rate, steps)
    growth = (torch.log((end["u"] + direction * end["w"]).abs()) - math.log(2 * TINY)) / steps
    return growth.reshape(copies, replicas).T


def both_growths(
    chunk: Chunk, *, curvature_law: str, learning_rate: float, steps: int = 16, **parameters: Any
) -> torch.Tensor:
    """Growth rates of the multipliers 1 + eta z and 1 - eta z on the same draws: (replicas, 2)."""
    z = draw_curvature(chunk, curvature_law, steps, chunk.replicas, **parameters)
    return torch.stack([mean_log_growth(1 + learning_rate * z), mean_log_growth(1 - learning_rate * z)], 1)


def scalar_net_both_growths(
    chunk: Chunk, *, curvature_law: str, learning_rate: float, steps: int = 24, **parameters: Any
) -> torch.Tensor:
    """Growth rates of real SGD along u = w and along u = -w: (replicas, 2)."""
    columns = [
        scalar_net_growth(
            chunk,
            curvature_law=curvature_law,
            learning_rate=learning_rate,
            steps=steps,
            direction=direction,
            **parameters,
        )
        for direction in (1, -1)
    ]
    return torch.stack(columns, 1)
