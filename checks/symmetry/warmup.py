"""A warm-up of the learning rate: two stages of minibatch SGD against the large rate from the start."""

from __future__ import annotations

import math
from typing import Any

import torch

from numerics.ensemble import Chunk
from numerics.rescale_models import factor_gradients

_LOST = 1e6
"""|U|^2 + |W|^2 beyond which a run counts as diverged; it is frozen there."""


def _stages(
    chunk: Chunk, u: torch.Tensor, w: torch.Tensor, settings: dict[str, Any], stages: tuple[tuple[float, int], ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ln(|U|/|W|), averaged over the last half of the last stage, and whether the run has diverged; (R,) each."""
    root_x, root_e = (
        torch.linalg.cholesky(torch.tensor(settings[k], dtype=torch.float64))
        for k in ("input_covariance", "residual_covariance")
    )
    target = (u @ w)[..., None]
    u, w = (m[..., None].repeat(1, 1, chunk.replicas) for m in (u, w))
    grow = math.exp(settings["shift"])
    u, w = u * grow, w / grow
    alive = torch.ones(chunk.replicas, dtype=torch.bool)
    total, counted = torch.zeros(chunk.replicas, dtype=torch.float64), 0
    for stage, (rate, steps) in enumerate(stages):
        for step in range(steps):
            x = root_x @ torch.sign(chunk.normal(w.shape[1], chunk.replicas))
            noise = root_e @ chunk.normal(u.shape[0], chunk.replicas)
            error = (((u[:, :, None] * w[None]).sum(1) - target) * x[None]).sum(1) - noise
            slope_u, slope_w = factor_gradients(u, w, x[:, None], error[:, None])
            u, w = (torch.where(alive, m - rate * g, m) for m, g in ((u, slope_u), (w, slope_w)))
            square_u, square_w = (u**2).sum((0, 1)), (w**2).sum((0, 1))
            alive = alive & (square_u + square_w < _LOST)
            if stage == len(stages) - 1 and 2 * step >= steps:
                total, counted = total + torch.log(square_u / square_w) / 2, counted + 1
    return total / counted, ~alive


def warmed_up(
    chunk: Chunk, *, first_weights: list[float], second_weights: list[float], learning_rate: float, low_rate: float,
    low_steps: int, steps: int, **settings: Any,
) -> torch.Tensor:  # fmt: skip
    """Position on the orbit after a stage at the low rate and one at the full rate, share of these runs that diverged,
    and share of runs that diverged at the full rate from the same start without the first stage: (R, 3).

    The position is extrapolated: twice that at half the full rate (four times as many steps) minus that at the full rate,
    because minibatch SGD stays O(eta) off the equilibrium of its SDE.
    """
    u, w = torch.tensor(first_weights, dtype=torch.float64)[:, None], torch.tensor(second_weights, dtype=torch.float64)
    w = w[None]
    ratio = 0.5 * math.log(float((u**2).sum() / (w**2).sum()))
    low = (low_rate, low_steps)
    half, lost_half = _stages(chunk, u, w, settings, (low, (learning_rate / 2, 4 * steps)))
    whole, lost = _stages(chunk, u, w, settings, (low, (learning_rate, steps)))
    _, lost_directly = _stages(chunk, u, w, settings, ((learning_rate, steps),))
    # a run that went far out and came back would outweigh all others in the mean; the rest stay within 0.5
    position = ((2 * half - whole - ratio) / 2).clamp(-1.0, 1.0)
    return torch.stack([position, (lost | lost_half).double(), lost_directly.double()], 1)
