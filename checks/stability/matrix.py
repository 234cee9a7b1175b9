"""Experiments with products of random matrices: chains of the matrices, and real SGD that generates them."""

from __future__ import annotations

import torch

from numerics.ensemble import Chunk
from numerics.matrix_products import lyapunov_spectrum, multiply, orthonormalise, top_exponent
from numerics.minibatch import minibatch_sgd


def iid_spectrum(chunk: Chunk, *, dimension: int, entry_std: float, steps: int) -> torch.Tensor:
    """Spectrum of products of matrices with iid normal entries: (replicas, dimension)."""
    return lyapunov_spectrum(
        lambda frame, _: multiply(entry_std * chunk.normal(dimension, dimension, chunk.replicas), frame),
        dimension,
        chunk.replicas,
        steps,
        device=chunk.device,
    ).T


def iid_step(chunk: Chunk, *, dimension: int) -> torch.Tensor:
    """Logs of the distances in one matrix with iid standard normal entries: (replicas, dimension)."""
    return orthonormalise(chunk.normal(dimension, dimension, chunk.replicas))[1].T


def rank_one_spectrum(
    chunk: Chunk, *, learning_rate: float, dimension: int, input_std: float = 1.0, steps: int
) -> torch.Tensor:
    """Spectrum of products of I - eta x x^T with normal x: (replicas, dimension)."""

    def apply(frame: torch.Tensor, _: int) -> torch.Tensor:
        x = input_std * chunk.normal(dimension, 1, chunk.replicas)
        return frame - learning_rate * x * (x * frame).sum(0)

    return lyapunov_spectrum(apply, dimension, chunk.replicas, steps, device=chunk.device).T


def regression_spectrum(
    chunk: Chunk, *, learning_rate: float, dimension: int, input_std: float = 1.0, steps: int
) -> torch.Tensor:
    """Spectrum from real SGD: linear regression on one normal sample a step, from d starts on the same samples.

    The volumes spanned by the errors of the first k starts grow like the sum of k exponents: (replicas, dimension).
    """
    eye = torch.eye(dimension, dtype=torch.float64, device=chunk.device)
    teacher = 0.3 + 0.1 * torch.arange(dimension, dtype=torch.float64, device=chunk.device)[:, None, None]

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * (((p["w"] * x).sum(0) - y) ** 2).sum(0)

    def batch(_: int) -> tuple[torch.Tensor, ...]:
        x = input_std * chunk.normal(dimension, 1, chunk.replicas)
        return x, (teacher * x).sum(0)

    start = teacher + eye[:, :, None].repeat(1, 1, chunk.replicas)
    end = minibatch_sgd(loss, {"w": start}, batch, learning_rate, steps)
    return orthonormalise(end["w"] - teacher)[1].T / steps


def rank_one_top_at_rates(chunk: Chunk, *, rates: tuple[float, ...], dimension: int, steps: int) -> torch.Tensor:
    """Growth of one vector under I - eta x x^T at several learning rates on the same inputs: (replicas, rates)."""
    columns: list[torch.Tensor] = []
    for rate in rates:
        fork = Chunk(chunk.replicas, chunk.seed, chunk.device)

        def apply(frame: torch.Tensor, _: int, fork: Chunk = fork, rate: float = rate) -> torch.Tensor:
            x = fork.normal(dimension, 1, fork.replicas)
            return frame - rate * x * (x * frame).sum(0)

        columns.append(top_exponent(apply, dimension, chunk.replicas, steps, device=chunk.device))
    return torch.stack(columns, 1)
