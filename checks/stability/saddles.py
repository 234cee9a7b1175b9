"""Experiments on saddle types and general statements: per-sample gradients, one-step moments, fates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from checks.stability.experiments import TINY, scalar_net_growth, scalar_net_growth_at_rates
from numerics.curvature import draw_curvature
from numerics.digits import digits, scalar_task
from numerics.ensemble import Chunk
from numerics.minibatch import gradients, minibatch_sgd

_ROUNDING = 1e-13


def scalar_net_on_digits(context: Context, **_: Any) -> Measured:
    """[escape noise, Hessian uu, Hessian uw per mean x y] of the scalar network at the origin, on digits."""
    x, y = (torch.from_numpy(np.ascontiguousarray(v)).to(context.device) for v in scalar_task("large", 3))

    def loss(p: torch.Tensor) -> torch.Tensor:
        return (p[0] * p[1] * x - y) ** 2

    origin = torch.zeros(2, dtype=torch.float64, device=context.device)
    slopes = torch.func.jacrev(loss)(origin)
    noise = (slopes @ torch.tensor([1.0, 1.0], dtype=torch.float64) / 2**0.5).var(correction=0)
    hessian = torch.func.hessian(lambda p: loss(p).mean())(origin)
    return Measured([noise.item(), hessian[0, 0].item(), (hessian[0, 1] / (x * y).mean()).item()], _ROUNDING)


def _per_sample_gradients(parameters: dict[str, torch.Tensor], network: Callable[..., torch.Tensor]) -> torch.Tensor:
    images, labels = digits()
    x, y = torch.from_numpy(images) / 16, torch.from_numpy(labels == 3).double()

    def loss(p: dict[str, torch.Tensor], image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return (network(p, image) - label) ** 2

    slopes = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    return torch.cat([s.reshape(len(x), -1) for s in slopes.values()], 1)


def origin_of_tanh_net(context: Context, *, width: int, dimension: int, **_: Any) -> Measured:
    """Trace of the covariance of the per-sample gradients of u . tanh(W x) at the origin, on the digits."""
    zero = {"u": torch.zeros(width).double(), "W": torch.zeros(width, 64).double()}
    slopes = _per_sample_gradients(zero, lambda p, image: p["u"] @ torch.tanh(p["W"] @ image))
    return Measured(slopes.var(0, correction=0).sum().item(), _ROUNDING)


def tied_units_on_digits(context: Context, **_: Any) -> Measured:
    """[antisymmetric gradient, diagonal, off-diagonal per r x] of two tied linear units on one digits sample."""
    x, y = (float(v[7]) for v in scalar_task("large", 3))
    at = torch.tensor([0.63, 0.63, -0.87, -0.87], dtype=torch.float64)

    def loss(p: torch.Tensor) -> torch.Tensor:
        return (p[0] * p[2] * x + p[1] * p[3] * x - y) ** 2

    turn = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]], dtype=torch.float64) / 2**0.5
    slope = turn @ torch.func.grad(loss)(at)
    block = turn @ torch.func.hessian(loss)(at) @ turn.T
    residual = 2 * 0.63 * -0.87 * x - y
    return Measured([(slope**2).sum().item(), block[0, 0].item(), (block[0, 1] / (residual * x)).item()], 1e-12)


def biased_net_noise(chunk: Chunk, *, noise_std: float) -> torch.Tensor:
    """Squares of the per-sample gradients of (u w x + b - y)^2 at u = w = b = 0: on the escape plane, and in all."""
    x, y = 1.3 * chunk.normal(1, chunk.replicas) + 0.4, noise_std * chunk.normal(1, chunk.replicas)
    zero = {name: torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device) for name in "uwb"}
    slope = gradients(lambda p, a, t: (p["u"] * p["w"] * a + p["b"] - t) ** 2, zero, (x, y))
    plane = slope["u"] ** 2 + slope["w"] ** 2
    return torch.stack([plane, plane + slope["b"] ** 2], 1)


def linear_noise(chunk: Chunk, *, noise_std: float) -> torch.Tensor:
    """Squared per-sample gradient of (w^2 - 1)^2/4 + y w at w = 0."""
    y = noise_std * chunk.normal(1, chunk.replicas)
    zero = {"w": torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)}
    return gradients(lambda p, t: (p["w"] ** 2 - 1) ** 2 / 4 + t * p["w"], zero, (y,))["w"] ** 2


def chain_collapsed(chunk: Chunk, *, learning_rate: float, steps: int, **parameters: Any) -> torch.Tensor:
    """1 where the product of ``steps`` multipliers is below its start."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        total += torch.log((1 - learning_rate * draw_curvature(chunk, "normal", chunk.replicas, **parameters)).abs())
    return (total < 0).double()


def sgd_collapsed(chunk: Chunk, *, learning_rate: float, steps: int, **parameters: Any) -> torch.Tensor:
    """1 where real SGD of f = u w x along u = -w has come closer to the saddle."""
    growth = scalar_net_growth(chunk, curvature_law="normal", learning_rate=learning_rate, steps=steps, **parameters)
    return (growth < 0).double()


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


def controlled_growth(
    chunk: Chunk, *, curvature_law: str, rates: tuple[float, ...], mean: float, steps: int = 16, **parameters: Any
) -> torch.Tensor:
    """Growth rates with the control variate eta (h - E h): (replicas, rates)."""
    h = draw_curvature(chunk, curvature_law, steps, chunk.replicas, **parameters)
    return torch.stack([(torch.log((1 - r * h).abs()) + r * (h - mean)).mean(0) for r in rates], 1)


def controlled_sgd_growth(
    chunk: Chunk,
    *,
    curvature_law: str,
    rates: tuple[float, ...],
    mean: float,
    batch_size: int = 1,
    steps: int = 16,
    **parameters: Any,
) -> torch.Tensor:
    """Growth rates of real SGD of f = u w x along u = -w, with the control variate eta (z - E z) of its batches."""
    drawn: list[torch.Tensor] = []

    def keep(x: torch.Tensor, y: torch.Tensor) -> None:
        drawn.append(2 * (x * y).mean(0))

    growth = scalar_net_growth_at_rates(
        chunk, curvature_law=curvature_law, rates=rates, batch_size=batch_size, steps=steps, observe=keep, **parameters
    )
    control = torch.stack(drawn).mean(0) - mean
    return growth + torch.tensor(rates, dtype=torch.float64, device=chunk.device) * control[:, None]


def vector_growth(chunk: Chunk, *, entry_std: float, steps: int = 20) -> torch.Tensor:
    """Growth rate of a vector under 2 x 2 matrices with iid normal entries."""
    v = torch.stack([torch.ones(chunk.replicas), torch.zeros(chunk.replicas)]).to(chunk.device, torch.float64)
    total = torch.zeros_like(v[0])
    for _ in range(steps):
        v = (entry_std * chunk.normal(2, 2, chunk.replicas) * v[None]).sum(1)
        norm = torch.linalg.vector_norm(v, dim=0)
        total, v = total + torch.log(norm), v / norm
    return total / steps


def digits_squared_steps(
    chunk: Chunk, *, curvatures: list[float], rates: tuple[float, ...], batch_size: int, replacement: str
) -> torch.Tensor:
    """Squared error of minibatch regression on the digits after one step relative to its start, minus one."""
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
