"""Fixed-effort multilevel splitting for rare exits, with errors from independent repeats only.

Trust it for dynamics with Gaussian steps. Heavy single-step jumps skip interfaces and bias the estimate low while the
binomial error stays small; ``skipped`` counts such crossings, so that the caller can see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.walkers import Step

Height = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class SplittingEstimate:
    """Probability of every repeat, and the share of crossings that skipped an interface."""

    repeats: torch.Tensor
    skipped: float

    @property
    def probability(self) -> float:
        """Mean over the repeats."""
        return float(self.repeats.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of the mean, from the scatter of the repeats."""
        return float(self.repeats.std()) / math.sqrt(len(self.repeats))


def splitting(
    chunk: Chunk,
    step: Step,
    start: torch.Tensor,
    height: Height,
    levels: tuple[float, ...],
    floor: float,
    limit: int = 100_000,
) -> SplittingEstimate:
    """Probability that a walker from ``start`` reaches height levels[-1] before it falls to ``floor``.

    ``start`` has the shape (directions, walkers, repeats); all repeats run side by side. Each stage starts its walkers
    at random entrance states of the stage before, drawn by ``chunk`` within the repeat. ``step`` and ``height`` take
    and give places of shape (directions, walkers * repeats) and heights of shape (walkers * repeats,).

    Raises NumericsError if the levels do not increase, for fewer than 2 repeats, or past ``limit`` steps of a stage.
    """
    if start.ndim != 3 or start.shape[2] < 2:
        raise NumericsError(
            f"start has the shape {tuple(start.shape)}; give (directions, walkers, repeats), at least 2 repeats."
        )
    if list(levels) != sorted(set(levels)) or not levels or levels[0] <= floor:
        raise NumericsError(f"the levels {levels} must increase and lie above the floor {floor}.")
    _, walkers, repeats = start.shape
    probability = torch.ones(repeats, dtype=torch.float64, device=start.device)
    entrance, skipped, crossings = start, 0, 0
    for stage, level in enumerate(levels):
        ends, reached = _stage(step, entrance, height, level, floor, limit)
        crossings += int(reached.sum())
        if stage + 1 < len(levels):
            skipped += int((reached & (_heights(height, ends) >= levels[stage + 1])).sum())
        count = reached.sum(0)
        probability = probability * count.double() / walkers
        # successful walkers first; a repeat without one stays at probability zero, whatever it draws
        order = torch.argsort((~reached).to(torch.int8), dim=0, stable=True)
        draw = (chunk.uniform(walkers, repeats) * count.clamp_min(1)).long()
        entrance = ends.gather(1, order.gather(0, draw).expand(ends.shape))
    return SplittingEstimate(probability, skipped / max(crossings, 1))


def _heights(height: Height, places: torch.Tensor) -> torch.Tensor:
    return height(places.flatten(1)).reshape(places.shape[1:])


def _stage(
    step: Step, entrance: torch.Tensor, height: Height, level: float, floor: float, limit: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run every walker until it reaches the level or the floor; the ends and who reached the level."""
    ends = entrance.flatten(1).clone()
    h = height(ends)
    reached = h >= level
    active = torch.nonzero(~reached).flatten()
    d = ends[:, active]
    for _ in range(limit):
        if not len(active):
            return ends.reshape(entrance.shape), reached.reshape(entrance.shape[1:])
        d = step(d)
        h = height(d)
        up, down = h >= level, h <= floor
        stopped = up | down
        if bool(stopped.any()):
            ends[:, active[stopped]] = d[:, stopped]
            reached[active[up]] = True
            d, active = d[:, ~stopped], active[~stopped]
    raise NumericsError(f"a stage did not end within {limit} steps; raise the limit or lower the level.")
