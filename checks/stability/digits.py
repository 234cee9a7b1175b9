"""The net rung of the stability family: minibatch SGD on the digits data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from checks.stability.experiments import TINY, scalar_net_loss
from numerics.digits import scalar_task
from numerics.ensemble import Chunk
from numerics.minibatch import Batch, minibatch_sgd

SIGNAL_TASK = ("large", 3)
PARITY_TASK = ("parity", 1)


def curvatures(task: tuple[str, int]) -> list[float]:
    """z_i = x_i y_i of the half-square loss: the curvatures of the scalar network on the data."""
    x, y = scalar_task(*task)
    return [float(v) for v in x * y]


def squared_inputs(task: tuple[str, int]) -> list[float]:
    """h_i = x_i^2: the curvatures of one-parameter linear regression on the data."""
    return [float(v) for v in scalar_task(*task)[0] ** 2]


def _data(chunk: Chunk, task: tuple[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = scalar_task(*task)
    return torch.from_numpy(np.ascontiguousarray(x)).to(chunk.device), torch.from_numpy(y).to(chunk.device)


def _indices(chunk: Chunk, size: int, batch_size: int, replacement: str) -> torch.Tensor:
    if replacement == "without":
        return chunk.subsets(size, batch_size, chunk.replicas)
    return chunk.integers(size, batch_size, chunk.replicas)


def regression_growth(
    chunk: Chunk,
    *,
    task: tuple[str, int],
    learning_rate: float,
    steps: int,
    batch_size: int = 1,
    replacement: str = "with",
    **_: Any,
) -> torch.Tensor:
    """Growth rate of the error of f = w x fitted to y = x by minibatch SGD on the data, one number per replica."""
    x, _y = _data(chunk, task)
    start = torch.full((chunk.replicas,), 1.0 + 0.5, dtype=torch.float64, device=chunk.device)

    def batch(_: int) -> Batch:
        return (x[_indices(chunk, len(x), batch_size, replacement)],)

    # The target slope is 0, so that the error w itself keeps its relative precision however small it becomes.
    end = minibatch_sgd(lambda p, inputs: 0.5 * (p["w"] * inputs) ** 2, {"w": start}, batch, learning_rate, steps)
    return (torch.log(end["w"].abs()) - math.log(1.5)) / steps


def similar_inputs(task: tuple[str, int], least: float, most: float) -> list[float]:
    """h_i = x_i^2 of the images with inputs of similar size, so that the last zero is not glued to the last pole."""
    return [h for h in squared_inputs(task) if least < h < most]


def regression_at_rates(chunk: Chunk, *, curvatures: list[float], rates: tuple[float, ...], steps: int) -> torch.Tensor:
    """Growth rates of the error of one-parameter regression at several learning rates on the same images."""
    x = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device).sqrt()
    copies, replicas = len(rates), chunk.replicas
    rate = torch.tensor(rates, dtype=torch.float64, device=chunk.device).repeat_interleave(replicas)
    start = {"w": torch.ones(copies * replicas, dtype=torch.float64, device=chunk.device)}

    def batch(_: int) -> Batch:
        return (x[chunk.integers(len(x), 1, replicas)].repeat(1, copies),)

    end = minibatch_sgd(lambda p, inputs: 0.5 * (p["w"] * inputs) ** 2, start, batch, rate, steps)
    return (torch.log(end["w"].abs()) / steps).reshape(copies, replicas).T


def both_directions(
    chunk: Chunk, draw: Callable[[], Batch], learning_rate: float, loss_factor: int, steps: int
) -> torch.Tensor:
    """Growth rates along u = w and along u = -w of the scalar network on drawn batches: (replicas, 2)."""
    columns = []
    for direction in (1, -1):
        start = torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)
        ends = {"u": start, "w": direction * start}
        end = minibatch_sgd(scalar_net_loss(loss_factor), ends, lambda _: draw(), learning_rate, steps)
        columns.append((torch.log((end["u"] + direction * end["w"]).abs()) - math.log(2 * TINY)) / steps)
    return torch.stack(columns, 1)


def network_growth(
    chunk: Chunk,
    *,
    task: tuple[str, int],
    learning_rate: float,
    steps: int,
    batch_size: int = 1,
    replacement: str = "with",
    **_: Any,
) -> torch.Tensor:
    """Growth rates along u = w and along u = -w of the scalar network trained on the data: (replicas, 2)."""
    x, y = _data(chunk, task)

    def draw() -> Batch:
        index = _indices(chunk, len(x), batch_size, replacement)
        return x[index], y[index]

    return both_directions(chunk, draw, learning_rate, 1, steps)


def predicted_fate(exponents: list[float]) -> list[float]:
    """Fate of a network started near the saddle, long after 1/|Lambda|: [correct sign, wrong sign, collapsed].

    Definite in the phases I (only u = w repels), II (only u = -w) and III (neither).
    """
    plus, minus = exponents
    return [float(plus > 0 >= minus), float(minus > 0 >= plus), float(plus <= 0 and minus <= 0)]


def network_fate(
    chunk: Chunk,
    *,
    task: tuple[str, int],
    learning_rate: float,
    steps: int,
    start: float = 1e-6,
    exit_radius: float = 0.03,
    **_: Any,
) -> torch.Tensor:
    """Fate of the scalar network started near the saddle: (replicas, 3) indicators.

    Columns: left through u = w (the correct sign), left through u = -w (the wrong sign), still inside.
    """
    x, y = _data(chunk, task)
    first = {"u": start * chunk.normal(chunk.replicas), "w": start * chunk.normal(chunk.replicas)}

    def outside(p: dict[str, torch.Tensor]) -> torch.Tensor:
        return (p["u"] ** 2 + p["w"] ** 2) > 2 * exit_radius**2

    def batch(_: int) -> Batch:
        index = chunk.integers(len(x), 1, chunk.replicas)
        return x[index], y[index]

    end = minibatch_sgd(scalar_net_loss(1), first, batch, learning_rate, steps, frozen=outside)
    left = outside(end)
    correct = end["u"] * end["w"] > 0
    return torch.stack([left & correct, left & ~correct, ~left], 1).double()
