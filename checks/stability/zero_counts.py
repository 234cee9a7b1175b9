"""How many zeros the growth rate of one-parameter regression on finite data has in the learning rate."""

from __future__ import annotations

import itertools

import torch

from checks.stability.digits import regression_at_rates
from checks.stability.experiments import growth_at_rates
from numerics.ensemble import Chunk

_BESIDE = 1e-10
"""Relative distance from a pole: near enough that its logarithm outweighs all other samples."""


def rates_between_poles(curvatures: list[float]) -> tuple[float, ...]:
    """Learning rates before the first pole 1/h, beside and between all poles, and beyond the last zero, ascending."""
    poles = sorted(1 / h for h in curvatures)
    rates = [0.4 * poles[0]]
    for left, right in itertools.pairwise(poles):
        inside = [left + share * (right - left) for share in (0.3, 0.6)]
        rates += [left * (1 + _BESIDE), *inside, right * (1 - _BESIDE)]
    return (*rates, poles[-1] * (1 + _BESIDE), 1.9 * poles[-1])


def zeros_passed(chunk: Chunk, *, curvatures: list[float], steps: int, sgd: bool) -> torch.Tensor:
    """How often growth and decay alternate from one learning rate to the next: (replicas, counts 1, 2, ...) as 0, 1."""
    rates = rates_between_poles(curvatures)
    if sgd:
        growth = regression_at_rates(chunk, curvatures=curvatures, rates=rates, steps=steps)
    else:
        growth = growth_at_rates(chunk, curvature_law="empirical", rates=rates, steps=steps, curvatures=curvatures)
    counts = ((growth[:, 1:] > 0) != (growth[:, :-1] > 0)).sum(1)
    return (counts[:, None] == _possible(curvatures).to(chunk.device)).double()


def count_indicators(count: float, *, curvatures: list[float]) -> list[float]:
    """1 at the count which the law predicts, 0 at every other."""
    return (_possible(curvatures) == count).double().tolist()


def _possible(curvatures: list[float]) -> torch.Tensor:
    return torch.arange(1, 2 * len(curvatures))
