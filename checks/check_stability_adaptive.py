"""Checks of Adam near a saddle: epsilon far above the gradient."""

from __future__ import annotations

import torch

from checks.check import Check, Margin
from numerics.curvature import draw_curvature
from numerics.ensemble import Chunk
from numerics.statistics import Mean, Plan

_START = 1e-30


def adam_growth(
    chunk: Chunk, *, learning_rate: float, epsilon: float, second_decay: float, steps: int, **law: float
) -> torch.Tensor:
    """Growth rate of Adam's recursion, with its bias-corrected second-moment memory and without first moment."""
    theta = torch.full((chunk.replicas,), _START, dtype=torch.float64, device=chunk.device)
    memory = torch.zeros_like(theta)
    for step in range(1, steps + 1):
        gradient = draw_curvature(chunk, "normal", 1, chunk.replicas, **law)[0] * theta
        memory = second_decay * memory + (1 - second_decay) * gradient**2
        theta = theta - learning_rate * gradient / ((memory / (1 - second_decay**step)).sqrt() + epsilon)
    return torch.log(theta.abs() / _START) / steps


large_epsilon = Check(
    law="stability.adam.large_epsilon",
    rung="chain",
    simulate=adam_growth,
    statistic=Mean(),
    cases={
        "attractive": {"learning_rate": 0.083, "curvature_mean": -0.21, "curvature_std": 0.97, "epsilon": 0.13},
        "repelling": {"learning_rate": 0.047, "curvature_mean": -0.53, "curvature_std": 0.89, "epsilon": 0.17},
    },
    settings={"second_decay": 0.93, "steps": 24},
    margin=Margin(relative=0.02, absolute=0.003),
    plan=Plan(first=16384, looks=6),
)
