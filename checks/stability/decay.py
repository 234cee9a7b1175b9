"""Experiments under coupled weight decay: chains of multipliers and real SGD of the scalar network."""

from __future__ import annotations

import math

import torch

from checks.stability.experiments import TINY, scalar_net_data, scalar_net_loss
from numerics.curvature import draw_curvature, mean_log_growth
from numerics.ensemble import Chunk
from numerics.minibatch import minibatch_sgd


def decayed_growth(
    chunk: Chunk, *, learning_rate: float, weight_decay: float, sgd: bool, steps: int, **law: float
) -> torch.Tensor:
    """Growth rate along u = -w, where the multiplier is 1 - eta (z + weight_decay)."""
    if not sgd:
        h = draw_curvature(chunk, "normal", steps, chunk.replicas, **law)
        return mean_log_growth(1 - learning_rate * h - learning_rate * weight_decay)
    start = torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)
    end = minibatch_sgd(
        scalar_net_loss(2),
        {"u": start, "w": -start},
        lambda _: scalar_net_data(chunk, "normal", 1, 2, **law),
        learning_rate,
        steps,
        weight_decay=weight_decay,
    )
    return (torch.log((end["u"] - end["w"]).abs()) - math.log(2 * TINY)) / steps
