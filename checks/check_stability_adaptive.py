"""Checks of Adam near a saddle: epsilon far above the gradient, and no epsilon at all."""

from __future__ import annotations

import math

import torch

from checks.check import Check, Margin
from checks.stability.experiments import scalar_net_data, scalar_net_loss
from numerics.curvature import draw_curvature
from numerics.ensemble import Chunk
from numerics.minibatch import gradients
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


def fading_chain(chunk: Chunk, *, learning_rate: float, second_decay: float, steps: int, **law: float) -> torch.Tensor:
    """Log growth under Adam's recursion without epsilon, far below the root of its memory, which starts at one."""
    theta = torch.full((chunk.replicas,), _START, dtype=torch.float64, device=chunk.device)
    memory = torch.ones_like(theta)
    for _ in range(steps):
        gradient = draw_curvature(chunk, "normal", 1, chunk.replicas, **law)[0] * theta
        memory = second_decay * memory + (1 - second_decay) * gradient**2
        theta = theta - learning_rate * gradient / memory.sqrt()
    return torch.log(theta.abs() / _START)


def fading_sgd(chunk: Chunk, *, learning_rate: float, second_decay: float, steps: int, **law: float) -> torch.Tensor:
    """The same for f = u w x along u = -w, gradients of minibatches of one by autograd, a memory for u and one for w."""
    start = torch.full((chunk.replicas,), _START, dtype=torch.float64, device=chunk.device)
    state = {"u": start, "w": -start}
    memory = {name: torch.ones_like(start) for name in state}
    for _ in range(steps):
        slope = gradients(scalar_net_loss(1), state, scalar_net_data(chunk, "normal", 1, 1, **law))
        for name, gradient in slope.items():
            memory[name] = second_decay * memory[name] + (1 - second_decay) * gradient**2
            state[name] = state[name] - learning_rate * gradient / memory[name].sqrt()
    return torch.log((state["u"] - state["w"]).abs()) - math.log(2 * _START)


def _fading(rung: str) -> Check:
    return Check(
        law="stability.adam.small_epsilon",
        rung=rung,
        simulate=fading_chain if rung == "chain" else fading_sgd,
        statistic=Mean(),
        cases={
            "approach": {
                "learning_rate": 0.29, "curvature_mean": 0.63, "curvature_std": 0.71, "second_decay": 0.93, "steps": 11,
            },
            "beyond the turn": {
                "learning_rate": 0.43, "curvature_mean": 0.47, "curvature_std": 0.83, "second_decay": 0.83, "steps": 24,
            },
        },
        margin=Margin(relative=0.02, absolute=0.02),
        plan=Plan(first=16384, looks=6),
    )  # fmt: skip


small_epsilon, small_epsilon_sgd = _fading("chain"), _fading("sgd")
