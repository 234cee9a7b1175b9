"""Minibatch SGD of small models with a rescaling or a scale symmetry, many replicas at once (replica axis last)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from numerics.ensemble import Chunk
from numerics.errors import NumericsError

Observer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _root(covariance: Sequence[Sequence[float]]) -> torch.Tensor:
    return torch.linalg.cholesky(torch.tensor(covariance, dtype=torch.float64))


def _mixed(root: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    return (root[:, :, None, None] * noise[None]).sum(1)


def factor_gradients(
    first: torch.Tensor, second: torch.Tensor, x: torch.Tensor, error: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the batch gradients of |U W x - y|^2 from the residuals U W x - y = ``error``.

    first (d_y, r, R), second (r, d_x, R), x (d_x, S, R), error (d_y, S, R).
    """
    hidden = (second[:, :, None] * x[None]).sum(1)
    back = (first[:, :, None] * error[:, None]).sum(0)
    return 2 * (error[:, None] * hidden[None]).mean(2), 2 * (back[:, None] * x[None]).mean(2)


def linear_network(
    chunk: Chunk,
    *,
    first: Sequence[Sequence[float]],
    second: Sequence[Sequence[float]],
    target: Sequence[Sequence[float]],
    input_covariance: Sequence[Sequence[float]],
    residual_covariance: Sequence[Sequence[float]],
    learning_rate: float,
    steps: int,
    observe: Observer,
    batch_size: int = 1,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    averaged: int = 1,
    binary_inputs: bool = False,
) -> torch.Tensor:
    """Train U W x on y = V x + label noise by minibatch SGD on fresh samples; return an observable's time average.

    Loss |y - U W x|^2, Gaussian inputs and label errors with the given covariances (``binary_inputs``: mixed from +-1
    instead of normal numbers); ``observe(U, W)`` of shape (k, R) is averaged over the last ``averaged`` steps. Returns (R, k).
    """
    if not 1 <= averaged <= steps:
        raise NumericsError(f"averaged = {averaged} does not lie in 1 .. steps = {steps}.")
    size = chunk.replicas
    u, w = (torch.tensor(m, dtype=torch.float64)[:, :, None].repeat(1, 1, size) for m in (first, second))
    v = torch.tensor(target, dtype=torch.float64)
    root_x, root_e = _root(input_covariance), _root(residual_covariance)
    fast_u, fast_w = torch.zeros_like(u), torch.zeros_like(w)
    total = torch.zeros((1, size), dtype=torch.float64)
    for step in range(steps):
        x = chunk.normal(w.shape[1], batch_size, size)
        x = _mixed(root_x, torch.sign(x) if binary_inputs else x)
        noise = _mixed(root_e, chunk.normal(u.shape[0], batch_size, size))
        product = (u[:, :, None] * w[None]).sum(1) - v[:, :, None]
        slope_u, slope_w = factor_gradients(u, w, x, (product[:, :, None] * x[None]).sum(1) - noise)
        fast_u = momentum * fast_u + slope_u + weight_decay * u
        fast_w = momentum * fast_w + slope_w + weight_decay * w
        u, w = u - learning_rate * fast_u, w - learning_rate * fast_w
        if step >= steps - averaged:
            total = total + observe(u, w)
    return (total / averaged).T.contiguous()


def log_ratio(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ln(|U|/|W|), shape (1, R)."""
    return (torch.log((first**2).sum((0, 1))) - torch.log((second**2).sum((0, 1))))[None] / 2


def angular_model(
    chunk: Chunk,
    *,
    start_norm: float,
    dimension: int,
    target_std: float,
    learning_rate: float,
    weight_decay: float,
    steps: int,
    averaged: int = 1,
    batch_size: int = 1,
    momentum: float = 0.0,
) -> torch.Tensor:
    """Train f = x . theta/|theta|, a scale-invariant model, on y = x_1 + label noise; return the mean of |theta|^2."""
    size = chunk.replicas
    theta = torch.zeros(dimension, size, dtype=torch.float64)
    theta[0] = start_norm**0.5
    fast = torch.zeros_like(theta)
    total = torch.zeros(size, dtype=torch.float64)
    for step in range(steps):
        x = chunk.normal(dimension, batch_size, size)
        noise = target_std * chunk.normal(batch_size, size)
        norm = (theta**2).sum(0).sqrt()
        unit = theta / norm
        shadow = (unit[:, None] * x).sum(0)
        error = shadow - x[0] - noise
        slope = 2 * (error[None] * (x - shadow[None] * unit[:, None])).mean(1) / norm
        fast = momentum * fast + slope + weight_decay * theta
        theta = theta - learning_rate * fast
        if step >= steps - averaged:
            total = total + (theta**2).sum(0)
    return (total / averaged)[:, None]


def balanced_product(
    chunk: Chunk,
    *,
    factors: int,
    target_mean: float,
    target_std: float,
    learning_rate: float,
    steps: int,
    batch_size: int = 1,
    weight_decay: float = 0.0,
    input_std: float = 0.0,
    start: float = 1.0,
) -> torch.Tensor:
    """Train u_1 ... u_n x on labels y by SGD from equal factors, which stay equal; return v = u^n of every replica.

    x = 1, or Gaussian of the given standard deviation with y = target_mean * x + noise. Replicas that leave
    [-1e6, 1e6] stay there and come back as infinite.
    """
    u = torch.full((chunk.replicas,), start ** (1 / factors), dtype=torch.float64)
    for _ in range(steps):
        noise = target_std * chunk.normal(batch_size, chunk.replicas)
        v = u**factors
        if input_std:
            x = input_std * chunk.normal(batch_size, chunk.replicas)
            slope = 2 * (((v - target_mean) * x - noise) * x).mean(0)
        else:
            slope = 2 * (v - target_mean - noise.mean(0))
        u = (u - learning_rate * (slope * u ** (factors - 1) + weight_decay * u)).clamp(-1e6, 1e6)
    return torch.where(u.abs() < 1e6, u**factors, torch.inf)


def data_batches(chunk: Chunk, size: int, batch_size: int, replacement: str) -> torch.Tensor:
    """Draw indices (batch_size, R) with or without replacement."""
    if replacement == "without":
        return chunk.subsets(size, batch_size, chunk.replicas)
    return chunk.integers(size, batch_size, chunk.replicas)


def scalar_net(
    chunk: Chunk,
    *,
    first_weight: float,
    second_weight: float,
    inputs: Sequence[float],
    targets: Sequence[float],
    learning_rate: float,
    steps: int,
    batch_size: int = 1,
    weight_decay: float = 0.0,
    replacement: str = "with",
    epochs: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Train f = u w x with the loss (u w x - y)^2 on given data; return (u, w) of all replicas.

    ``epochs=True`` goes through a fresh permutation of the data in every epoch (replacement is then meaningless).
    """
    x, y = (torch.tensor(q, dtype=torch.float64) for q in (inputs, targets))
    u, w = (torch.full((chunk.replicas,), q, dtype=torch.float64) for q in (first_weight, second_weight))
    order = torch.zeros(0, dtype=torch.int64)
    for _ in range(steps):
        if epochs and len(order) < batch_size:
            order = torch.argsort(chunk.uniform(len(x), chunk.replicas), 0)
        if epochs:
            index, order = order[:batch_size], order[batch_size:]
        else:
            index = data_batches(chunk, len(x), batch_size, replacement)
        slope = (2 * (u * w * x[index] - y[index]) * x[index]).mean(0)
        u, w = (
            u - learning_rate * (slope * w + weight_decay * u),
            w - learning_rate * (slope * u + weight_decay * w),
        )
    return u, w


def moments_of_data(first: Any, second: Any, inputs: Any, targets: Any) -> dict[str, float]:
    """Return forms of the scalar net's gradients over its data with A = diag(1, -1): noise (divisor N) and mean."""
    x, y = np.asarray(inputs), np.asarray(targets)
    slope = 2 * (first * second * x - y) * x
    shape = second**2 - first**2
    return {"noise_form": float(slope.var() * shape), "mean_gradient_form": float(slope.mean() ** 2 * shape)}


def growth_at_origin(
    chunk: Chunk,
    *,
    rates: Sequence[float],
    targets: Sequence[float] | None,
    steps: int,
    normal: tuple[float, float] = (0.0, 0.0),
    batch_size: int = 1,
    weight_decay: float = 0.0,
    linear: bool = False,
    start: float = 1e-80,
) -> torch.Tensor:
    """Growth rate per step of ln(u + w) near the origin of f = u w, at several learning rates on the same labels.

    Labels are drawn from ``targets`` with equal chances, or normal with the given mean and standard deviation.
    ``linear`` drops the product u w from the loss; otherwise it is real minibatch SGD. Both start at u = w: a part
    u - w, which grows when u + w shrinks, would swallow its last digits.
    """
    size = chunk.replicas
    rate = torch.tensor(rates, dtype=torch.float64)[:, None]
    u = torch.full((len(rates), size), start, dtype=torch.float64)
    w = u.clone()
    log = torch.zeros_like(u)
    values = None if targets is None else torch.tensor(targets, dtype=torch.float64)
    for _ in range(steps):
        if values is None:
            y = normal[0] + normal[1] / batch_size**0.5 * chunk.normal(size)
        else:
            y = values[chunk.integers(len(values), batch_size, size)].mean(0)
        slope = 2 * ((0.0 if linear else u * w) - y)
        u, w = u - rate * (slope * w + weight_decay * u), w - rate * (slope * u + weight_decay * w)
        if linear:  # the chain is homogeneous: keep it in range
            length = (u + w).abs()
            log, u, w = log + torch.log(length), u / length, w / length
    total = log if linear else torch.log((u + w).abs())
    return ((total - math.log(2.0 * start)) / steps).T.contiguous()


def product_of_factors(
    chunk: Chunk,
    *,
    factors: Sequence[float],
    target_std: float,
    learning_rate: float,
    steps: int,
    batch_size: int = 1,
    weight_decay: float = 0.0,
) -> torch.Tensor:
    """Train v = u_1 ... u_n on labels around the start value of v (x = 1); return u_1^2 - u_2^2 of every replica."""
    u = torch.tensor(factors, dtype=torch.float64)[:, None].repeat(1, chunk.replicas)
    goal = float(u[:, 0].prod())
    for _ in range(steps):
        v = u.prod(0)
        slope = 2 * (v - goal - target_std / batch_size**0.5 * chunk.normal(chunk.replicas))
        u = u - learning_rate * (slope * v / u + weight_decay * u)
    return u[0] ** 2 - u[1] ** 2
