"""Fixed-effort multilevel splitting for rare exits, with errors from independent repeats only.

Trust it for dynamics with Gaussian steps. Heavy single-step jumps skip interfaces and bias the estimate low while the
binomial error stays small; ``skipped`` counts such crossings, so that the caller can see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.errors import NumericsError


@dataclass(frozen=True)
class SplittingEstimate:
    """Probability, standard error from repeats, all repeats, and the share of crossings that skipped an interface."""

    probability: float
    standard_error: float
    repeats: tuple[float, ...]
    skipped: float


def splitting(
    step: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    height: Callable[[torch.Tensor], torch.Tensor],
    levels: tuple[float, ...],
    floor: float,
    repeats: int = 20,
    limit: int = 100_000,
) -> SplittingEstimate:
    """Probability that a walker from ``start`` reaches height levels[-1] before it falls to ``floor``.

    ``start`` holds one walker per column; each stage runs that many trials from random entrance states of the stage
    before. ``step`` draws its own noise; entrance states are drawn with torch's default generator unless ``start``'s
    caller seeds it.

    Raises NumericsError if the levels do not increase, if fewer than 2 repeats are asked for, or past ``limit`` steps.
    """
    if repeats < 2:
        raise NumericsError(f"repeats = {repeats}: the error needs at least 2 independent repeats.")
    if list(levels) != sorted(set(levels)) or not levels or levels[0] <= floor:
        raise NumericsError(f"the levels {levels} must increase and lie above the floor {floor}.")
    found, skipped, crossings = [], 0, 0
    for _ in range(repeats):
        probability, entrance = 1.0, start
        for stage, level in enumerate(levels):
            ends, reached, passed = _stage(step, entrance, height, level, floor, limit, levels[stage + 1 :])
            skipped, crossings = skipped + passed, crossings + int(reached.sum())
            share = float(reached.double().mean())
            probability *= share
            if share == 0.0:
                break
            pool = ends[:, reached]
            entrance = pool[:, torch.randint(pool.shape[1], (start.shape[1],), device=start.device)]
        found.append(probability)
    mean = sum(found) / repeats
    variance = sum((p - mean) ** 2 for p in found) / (repeats - 1)
    return SplittingEstimate(mean, math.sqrt(variance / repeats), tuple(found), skipped / max(crossings, 1))


def _stage(
    step: Callable[[torch.Tensor], torch.Tensor],
    entrance: torch.Tensor,
    height: Callable[[torch.Tensor], torch.Tensor],
    level: float,
    floor: float,
    limit: int,
    above: tuple[float, ...],
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Run every walker until it reaches the level or the floor; also count crossings beyond the next interface."""
    d = entrance.clone()
    h = height(d)
    done, reached = h >= level, h >= level
    for _ in range(limit):
        if bool(done.all()):
            passed = int((reached & (height(d) >= above[0])).sum()) if above else 0
            return d, reached, passed
        moved = step(d)
        d = torch.where(done, d, moved)
        h = height(d)
        up = ~done & (h >= level)
        reached = reached | up
        done = done | up | (h <= floor)
    raise NumericsError(f"a stage did not end within {limit} steps; raise the limit or lower the level.")
