"""Rare escapes by multilevel splitting: work to a fixed relative error against brute force."""

from __future__ import annotations

import torch

from benchmarks.timing import row
from numerics.ensemble import Chunk
from numerics.splitting import splitting
from numerics.walkers import chain_step

_RATE, _BATCH, _DEVIATION = 0.02, 1.0, 0.1
_FLOOR = _DEVIATION / 2


def run(device: str = "cpu") -> list[dict]:
    """Return the one line of this module; work is counted in walker-steps, so the ratio is free of timing noise."""
    walkers, repeats, updates = 2000, 20, 0
    chunk = Chunk(walkers * repeats, 5, torch.device(device))
    move = chain_step(chunk, _RATE, _BATCH)

    def step(d: torch.Tensor) -> torch.Tensor:
        nonlocal updates
        updates += d.shape[-1]
        return move(d)

    levels = tuple(_DEVIATION * 1.2**i for i in range(1, 11))
    start = torch.full((1, walkers, repeats), _DEVIATION, dtype=torch.float64, device=device)
    found = splitting(chunk, step, start, lambda d: d[0], levels, _FLOOR)
    probability, relative = found.probability, found.standard_error / found.probability
    # Brute force needs (1-p)/(p error^2) runs, each as long as one that falls back at once: the first stage.
    short = _mean_length(Chunk(20000, 6, torch.device(device)), device)
    brute = (1 - probability) / (probability * relative**2) * short
    detail = f"p = {probability:.1e}, relative error {relative:.2f}"
    return [row("rare escape", "brute force, walker-steps", brute / updates, "1e4x less work", None, detail)]


def _mean_length(chunk: Chunk, device: str) -> float:
    """Mean number of steps of a run that starts on the first level and ends on the floor."""
    move = chain_step(chunk, _RATE, _BATCH)
    d = torch.full((1, chunk.replicas), _DEVIATION, dtype=torch.float64, device=device)
    alive, total = torch.ones(chunk.replicas, dtype=torch.bool, device=device), 0
    while bool(alive.any()):
        d = move(d)
        total += int(alive.sum())
        alive &= d[0] > _FLOOR
    return total / chunk.replicas
