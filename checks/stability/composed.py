"""Experiments on mixtures, batches of any curvature text, phases as fates, and the largest collapsing batch."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.stability.criteria import in_stretches
from checks.stability.experiments import both_growths, scalar_net_both_growths, scalar_net_growth
from numerics.curvature import draw_curvature, mean_log_growth
from numerics.ensemble import Chunk


def mixture_growth(
    chunk: Chunk,
    *,
    learning_rate: float,
    probability: float,
    curvature_mean: float,
    curvature_std: float,
    second_mean: float,
    second_std: float,
    batch_size: int = 1,
    steps: int = 16,
) -> torch.Tensor:
    """Growth rate where every sample of every batch picks its normal law by itself."""
    shape = (batch_size, steps, chunk.replicas)
    first = chunk.uniform(*shape) < probability
    mean, std = (
        torch.where(first, a, b).double() for a, b in ((curvature_mean, second_mean), (curvature_std, second_std))
    )
    return mean_log_growth(1 - learning_rate * (mean + std * chunk.normal(*shape)).mean(0))


_LAWS: dict[str, tuple[str, float, float, dict[str, float]]] = {
    "Laplace(0.4, 0.7)": ("laplace", 0.0, 1.0, {"curvature_mean": 0.4, "curvature_scale": 0.7}),
    "0.3 - Exponential(0.8)": ("exponential", 0.3, -1.0, {"curvature_scale": 0.8}),
    "Semicircle(-0.2, 1.9)": ("semicircle", 0.0, 1.0, {"curvature_mean": -0.2, "curvature_radius": 1.9}),
}
"""Curvature texts with what draws them: law, shift and slope of its affine image, parameters."""


def text_growth(
    chunk: Chunk, *, curvature: str, learning_rate: float, batch_size: int = 1, steps: int = 16
) -> torch.Tensor:
    """Growth rate under batches of the law that the text names."""
    name, shift, slope, parameters = _LAWS[curvature]
    h = shift + slope * draw_curvature(chunk, name, steps, chunk.replicas, batch_size=batch_size, **parameters)
    return mean_log_growth(1 - learning_rate * h)


def fates(chunk: Chunk, *, sgd: bool, steps: int, **values: Any) -> torch.Tensor:
    """1 where the distance from the saddle has grown: along u = w, along u = -w; (replicas, 2)."""
    simulate = scalar_net_both_growths if sgd else both_growths
    return (simulate(chunk, curvature_law="normal", steps=steps, **values) > 0).double()


def fates_of_phase(phase: str, **_: Any) -> list[float]:
    """Probabilities, long after 1/|Lambda|, of growth along u = w and along u = -w."""
    return [float(phase in ("I", "IV")), float(phase in ("II", "IV"))]


def collapsing_batches(
    chunk: Chunk, *, curvature_mean: float, curvature_std: float, batches: tuple[int, ...], steps: int
) -> torch.Tensor:
    """1 where a product of multipliers has shrunk, by batch size, at the learning rate best for collapse."""
    columns = []
    for size in batches:
        rate = 0.70726249 * math.sqrt(size) / curvature_std
        total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
        for _ in range(steps // 50):
            h = draw_curvature(
                chunk, "normal", 50, chunk.replicas, batch_size=size,
                curvature_mean=curvature_mean, curvature_std=curvature_std,
            )  # fmt: skip
            # The product of 50 multipliers stays inside the range of doubles: one logarithm for all of them.
            total += torch.log((1 - rate * h).prod(0).abs())
        columns.append((total < 0).double())
    return torch.stack(columns, 1)


def collapsing_batches_of_sgd(
    chunk: Chunk, *, batches: tuple[int, ...], steps: int, curvature_std: float, **law: float
) -> torch.Tensor:
    """1 where runs of real SGD have shrunk, by batch size, at the learning rate best for collapse: (replicas, batches)."""
    columns = []
    for index, size in enumerate(batches):
        rate = 0.70726249 * math.sqrt(size) / curvature_std

        def grow(part: Chunk, count: int, size: int = size, rate: float = rate) -> torch.Tensor:
            return scalar_net_growth(
                part, curvature_law="normal", learning_rate=rate, batch_size=size, steps=count,
                curvature_std=curvature_std, **law,
            )  # fmt: skip

        fork = Chunk(chunk.replicas, chunk.seed + index, chunk.device)
        columns.append((in_stretches(fork, steps, grow) < 0).double())
    return torch.stack(columns, 1)


def kicked_out(chunk: Chunk, *, noise_std: float, learning_rate: float, steps: int) -> torch.Tensor:
    """Escape noise seen in theta^2 of runs on (w^2-1)^2/4 + y w that start exactly at the saddle w = 0.

    Near it every kick eta y grows by 1 + eta a step, so that theta^2 has the mean eta^2 E y^2 sum_k (1 + eta)^(2 k).
    """
    theta = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        theta = theta - learning_rate * (theta**3 - theta + noise_std * chunk.normal(chunk.replicas))
    return theta**2 / (learning_rate**2 * sum((1 + learning_rate) ** (2 * k) for k in range(steps)))
