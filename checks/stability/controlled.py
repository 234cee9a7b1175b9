"""Growth rates with a control variate, for learning rates at which the exponent is far smaller than its fluctuations."""

from __future__ import annotations

from typing import Any

import torch

from checks.stability.experiments import scalar_net_growth_at_rates
from numerics.curvature import draw_curvature
from numerics.ensemble import Chunk


def controlled_growth(
    chunk: Chunk, *, curvature_law: str, rates: tuple[float, ...], mean: float, steps: int = 16, **parameters: Any
) -> torch.Tensor:
    """Growth rates with the control variate eta (h - E h): (replicas, rates)."""
    h = draw_curvature(chunk, curvature_law, steps, chunk.replicas, **parameters)
    return torch.stack([(torch.log((1 - r * h).abs()) + r * (h - mean)).mean(0) for r in rates], 1)


def controlled_sgd_growth(
    chunk: Chunk,
    *,
    curvature_law: str,
    rates: tuple[float, ...],
    mean: float,
    batch_size: int = 1,
    steps: int = 16,
    **parameters: Any,
) -> torch.Tensor:
    """Growth rates of real SGD of f = u w x along u = -w, with the control variate eta (z - E z) of its batches."""
    drawn: list[torch.Tensor] = []

    def keep(x: torch.Tensor, y: torch.Tensor) -> None:
        drawn.append(2 * (x * y).mean(0))

    growth = scalar_net_growth_at_rates(
        chunk, curvature_law=curvature_law, rates=rates, batch_size=batch_size, steps=steps, observe=keep, **parameters
    )
    control = torch.stack(drawn).mean(0) - mean
    return growth + torch.tensor(rates, dtype=torch.float64, device=chunk.device) * control[:, None]
