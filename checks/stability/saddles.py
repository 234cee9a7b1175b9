"""Experiments on saddle types: per-sample gradients and Hessians, by autograd and as seen by steps of SGD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
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
    slopes = torch.func.jacfwd(loss)(origin)
    noise = (slopes @ torch.tensor([1.0, 1.0], dtype=torch.float64) / 2**0.5).var(correction=0)
    hessian = torch.func.jacfwd(torch.func.jacfwd(lambda p: loss(p).mean()))(origin)
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
    """[antisymmetric gradient, diagonal, off-diagonal per r |x|] of u . tanh(W x) with two tied units, on the digits.

    The gradient is the largest over all images, at weights of order one. The entries are those of one image at weights
    of 1e-7, where tanh units are linear to 1e-13: along the separation of u, and of the rows of W in the direction of x.
    """
    pattern = 0.3 * torch.cos(torch.arange(64, dtype=torch.float64))
    tied = {"u": torch.full((2,), 0.63, dtype=torch.float64), "W": torch.stack([pattern, pattern])}
    slopes = _per_sample_gradients(tied, lambda p, image: p["u"] @ torch.tanh(p["W"] @ image))
    apart = (slopes[:, 0] - slopes[:, 1]) ** 2 + ((slopes[:, 2:66] - slopes[:, 66:]) ** 2).sum(1)

    image, label = torch.from_numpy(digits()[0][7]) / 16, 1.0
    size = torch.linalg.vector_norm(image)

    def loss(split: torch.Tensor) -> torch.Tensor:
        turn = torch.tensor([1.0, -1.0], dtype=torch.float64) / 2**0.5
        u = tied["u"] + split[0] * turn
        rows = 1e-7 * tied["W"] + split[1] * turn[:, None] * image / size
        return (u @ torch.tanh(rows @ image) - label) ** 2

    together = torch.zeros(2, dtype=torch.float64)
    block = torch.func.hessian(loss)(together)
    residual = 2 * 0.63 * torch.tanh(1e-7 * pattern @ image) - label
    off_diagonal = block[0, 1] / (residual * size)
    return Measured([apart.max().item() / 2, block[0, 0].item(), off_diagonal.item()], 1e-12)


def tied_units_of_sgd(context: Context, *, learning_rate: float, steps: int) -> Measured:
    """[antisymmetric gradient, diagonal, off-diagonal per r x] of two linear units, from the steps of 1024 runs of SGD.

    Units that start tied are trained for some steps; what moves them apart is the antisymmetric gradient. Then u is
    separated by 1e-5: the next step on a sample moves the separations of u and w by -eta times a column of the block.
    Each number is that of the run in which it is farthest from the mean of all.
    """
    chunk, split = Chunk(1024, context.seed, context.device), 1e-5

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((p["u"] * p["w"] * x[:, None]).sum(1) - y) ** 2

    def batch(_: int) -> tuple[torch.Tensor, torch.Tensor]:
        # Inputs and labels far enough from zero that r x, by which the entry is divided, is too.
        sign = torch.where(chunk.uniform(2, chunk.replicas) < 0.5, -1.0, 1.0)
        size = sign * (chunk.uniform(2, chunk.replicas) + torch.tensor([[0.5], [1.0]], device=chunk.device))
        return size[:1], size[1:]

    def apart(p: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([p["u"][0] - p["u"][1], p["w"][0] - p["w"][1]])

    ones = torch.ones(2, chunk.replicas, dtype=torch.float64, device=chunk.device)
    tied = minibatch_sgd(loss, {"u": 0.31 * ones, "w": -0.42 * ones}, batch, learning_rate, steps)
    gradient = (apart(tied) ** 2).sum(0) / (2 * learning_rate**2)
    start = {"u": tied["u"] + split * torch.stack([ones[0], -ones[0]]), "w": tied["w"]}
    x, y = batch(steps)
    after = minibatch_sgd(loss, start, lambda _: (x, y), learning_rate, 1)
    column = (apart(start) - apart(after)) / (2 * split * learning_rate)
    residual = (start["u"] * start["w"] * x).sum(0) - y[0]
    found = torch.stack([gradient, column[0], column[1] / (residual * x[0])])
    worst = (found - found.mean(1, keepdim=True)).abs().argmax(1, keepdim=True)
    return Measured(found.gather(1, worst)[:, 0].tolist(), 1e-8)


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
