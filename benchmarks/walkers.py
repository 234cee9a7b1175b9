"""Escape walkers near a minimum: against torchsde, NumPy and the time of their random numbers alone."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from benchmarks.timing import interleaved, ratio, row
from numerics.ensemble import Chunk
from numerics.walkers import sde_step

_TEMPERATURE, _STEP = 0.3, 0.01


def _numpy(directions: int, replicas: int, steps: int) -> None:
    rng = np.random.Generator(np.random.SFC64(0))
    d = np.full((directions, replicas), 0.1)
    for _ in range(steps):
        bracket = np.sqrt(1 + (d * d).sum(0))
        d = (1 - _STEP) * d + (_TEMPERATURE * _STEP) ** 0.5 * bracket * rng.standard_normal(d.shape)


def _torchsde(directions: int, replicas: int, steps: int) -> Any:
    """Return the same run by torchsde, or None where it is not installed."""
    try:
        torchsde = importlib.import_module("torchsde")
    except ImportError:
        return None

    class Walker(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return -y

        def g(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return (_TEMPERATURE * (1 + (y * y).sum(1, keepdim=True))).sqrt().expand_as(y)

    walker, start = Walker(), torch.full((replicas, directions), 0.1, dtype=torch.float64)
    ends = torch.tensor([0.0, _STEP * steps], dtype=torch.float64)
    return lambda: torchsde.sdeint(walker, start, ends, dt=_STEP, method="euler")


def run(device: str = "cpu") -> list[dict]:
    """Return the lines of this module."""
    rows = []
    replicas, steps = 16384, 40
    for n in (1, 2, 4):
        chunk = Chunk(replicas, 1, torch.device(device))
        step = sde_step(chunk, _TEMPERATURE, _STEP)

        def ours(n: int = n, step: Any = step) -> None:
            d = torch.full((n, replicas), 0.1, dtype=torch.float64, device=device)
            for _ in range(steps):
                d = step(d)

        contestants = {
            "ours": ours,
            "normals": lambda n=n, c=chunk: [c.normal(n, replicas, dtype=torch.float32) for _ in range(steps)],
            "numpy": lambda n=n: _numpy(n, replicas, steps),
        }
        peer = _torchsde(n, replicas, steps) if device == "cpu" else None
        if peer is not None:
            contestants["torchsde"] = peer
        with torch.no_grad():
            times = interleaved(contestants, device=device)
        floor = 1 / ratio(times, "ours", "normals")
        rows.append(row(f"walkers n={n}", "NumPy", ratio(times, "numpy", "ours"), "3x, 75 % of floor", floor))
        against = ratio(times, "torchsde", "ours") if peer is not None else None
        rows.append(row(f"walkers n={n}", "torchsde", against, "6x", floor, "" if peer else "not installed"))
    return rows
