"""Experiments on criteria of stability: fates of long runs, moments of one step, growth of a typical vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from checks.stability.experiments import TINY, scalar_net_growth
from numerics.curvature import draw_curvature
from numerics.digits import principal_component
from numerics.ensemble import Chunk
from numerics.minibatch import minibatch_sgd
from numerics.tied_network import tanh_loss


def in_stretches(
    chunk: Chunk, steps: int, grow: Callable[[Chunk, int], torch.Tensor], stretch: int = 250
) -> torch.Tensor:
    """Log growth of long runs by SGD: stretches of some steps, each started again at 1e-100, (replicas,).

    So a run neither leaves the linear regime nor underflows; the stretches of all runs are simulated at once.
    ``grow(chunk, steps)`` returns growth rates per step.
    """
    stretches = math.ceil(steps / stretch)
    rates = grow(Chunk(stretches * chunk.replicas, chunk.seed, chunk.device), stretch)
    return stretch * rates.reshape(stretches, chunk.replicas).sum(0)


def chain_collapsed(chunk: Chunk, *, learning_rate: float, steps: int, **parameters: Any) -> torch.Tensor:
    """1 where the product of ``steps`` multipliers is below its start."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        total += torch.log((1 - learning_rate * draw_curvature(chunk, "normal", chunk.replicas, **parameters)).abs())
    return (total < 0).double()


def sgd_collapsed(chunk: Chunk, *, learning_rate: float, steps: int, **parameters: Any) -> torch.Tensor:
    """1 where real SGD of f = u w x along u = -w has come closer to the saddle."""

    def grow(part: Chunk, count: int) -> torch.Tensor:
        return scalar_net_growth(part, curvature_law="normal", learning_rate=learning_rate, steps=count, **parameters)

    return (in_stretches(chunk, steps, grow) < 0).double()


def tanh_units_collapsed(chunk: Chunk, *, learning_rate: float, steps: int, **parameters: Any) -> torch.Tensor:
    """1 where two tanh units fed with the third component of the digits have come closer to zero along u = -w.

    Every draw of an image carries a random label y such that x y has the curvature law.
    """
    images = torch.from_numpy(principal_component(3)).to(chunk.device)

    def grow(part: Chunk, count: int) -> torch.Tensor:
        start = TINY * torch.tensor([[1.0], [0.6]], dtype=torch.float64, device=part.device).repeat(1, part.replicas)

        def batch(_: int) -> tuple[torch.Tensor, torch.Tensor]:
            x = images[part.integers(len(images), 1, part.replicas)]
            return x[:, None], draw_curvature(part, "normal", 1, part.replicas, **parameters) / x

        end = minibatch_sgd(tanh_loss, {"u": start, "w": -start[:, None]}, batch, learning_rate, count)
        apart = torch.linalg.vector_norm((end["u"] - end["w"][:, 0]) / TINY, dim=0)
        return torch.log(apart / math.hypot(2.0, 1.2)) / count

    # Rounding leaks into u = w, which grows faster: before it matters, start again.
    return (in_stretches(chunk, steps, grow, stretch=25) < 0).double()


def multiplier_moment(
    chunk: Chunk, *, learning_rate: float, curvature_mean: float, curvature_std: float
) -> torch.Tensor:
    """One multiplier per replica."""
    return 1 - learning_rate * draw_curvature(
        chunk, "normal", chunk.replicas, curvature_mean=curvature_mean, curvature_std=curvature_std
    )


def squared_multipliers(
    chunk: Chunk, *, curvature_law: str, rates: tuple[float, ...], **parameters: Any
) -> torch.Tensor:
    """a^2 - 1 at several learning rates on the same curvatures: (replicas, rates)."""
    h = draw_curvature(chunk, curvature_law, chunk.replicas, **parameters)
    return torch.stack([(1 - rate * h) ** 2 - 1 for rate in rates], 1)


def squared_steps_of_sgd(
    chunk: Chunk, *, rates: tuple[float, ...], curvature_mean: float, curvature_std: float, batch_size: int
) -> torch.Tensor:
    """|u - w|^2 after one step of real SGD relative to its start, minus one, at several learning rates."""
    columns = []
    for rate in rates:
        fork = Chunk(chunk.replicas, chunk.seed, chunk.device)
        growth = scalar_net_growth(
            fork, curvature_law="normal", learning_rate=rate, batch_size=batch_size, steps=1,
            curvature_mean=curvature_mean, curvature_std=curvature_std,
        )  # fmt: skip
        columns.append(torch.exp(2 * growth) - 1)
    return torch.stack(columns, 1)


def squared_steps_of_regression(
    chunk: Chunk, *, curvatures: list[float], rates: tuple[float, ...], batch_size: int, replacement: str
) -> torch.Tensor:
    """Squared error of minibatch regression on inputs with these squares after one step relative to its start, minus one."""
    x = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device).sqrt()
    index = (
        chunk.integers(len(x), batch_size, chunk.replicas)
        if replacement == "with"
        else chunk.subsets(len(x), batch_size, chunk.replicas)
    )
    columns = []
    for rate in rates:
        start = {"w": torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)}
        end = minibatch_sgd(lambda p, a: 0.5 * (p["w"] * a) ** 2, start, lambda _: (x[index],), rate, 1)
        columns.append((end["w"] / TINY) ** 2 - 1)
    return torch.stack(columns, 1)


def vector_growth(chunk: Chunk, *, entry_std: float, steps: int = 20) -> torch.Tensor:
    """Growth rate of a vector under 2 x 2 matrices with iid normal entries."""
    v = torch.stack([torch.ones(chunk.replicas), torch.zeros(chunk.replicas)]).to(chunk.device, torch.float64)
    total = torch.zeros_like(v[0])
    for _ in range(steps):
        v = (entry_std * chunk.normal(2, 2, chunk.replicas) * v[None]).sum(1)
        norm = torch.linalg.vector_norm(v, dim=0)
        total, v = total + torch.log(norm), v / norm
    return total / steps


def quadratic_net_growth(chunk: Chunk, *, entry_std: float, learning_rate: float, steps: int) -> torch.Tensor:
    """Growth rate of |theta| under real SGD of f = theta.X theta/2 from 1e-100, X symmetric 2 x 2, loss (f - y)^2/2.

    The Hessian of a sample at the origin is -y X. Gradients only make symmetric matrices I + eta y X: the inputs make
    them the factors S = (M^T M)^(1/2) of matrices M with iid normal entries. The rotation U in M = U S is uniform and
    independent of S, so that products of S grow like products of M.
    """

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        output = (p["theta"][:, None] * x * p["theta"]).sum((0, 1)) / 2
        return 0.5 * (output - y) ** 2

    def batch(_: int) -> tuple[torch.Tensor, torch.Tensor]:
        matrix = entry_std * chunk.normal(2, 2, chunk.replicas)
        square = (matrix[:, :, None] * matrix[:, None]).sum(0)
        size = (matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]).abs()
        eye = torch.eye(2, dtype=torch.float64, device=chunk.device)[:, :, None]
        factor = (square + size * eye) / torch.sqrt(square[0, 0] + square[1, 1] + 2 * size)
        label = torch.where(chunk.uniform(chunk.replicas) < 0.5, -1.0, 1.0) * (0.5 + chunk.uniform(chunk.replicas))
        return (factor - eye) / (learning_rate * label), label

    start = TINY * torch.tensor([[0.6], [-0.8]], dtype=torch.float64, device=chunk.device).repeat(1, chunk.replicas)
    end = minibatch_sgd(loss, {"theta": start}, batch, learning_rate, steps)
    return torch.log(torch.linalg.vector_norm(end["theta"] / TINY, dim=0)) / steps
