"""Chains and SGD of scale-invariant weights: gradients of size G/|theta| at a right angle to theta."""

from __future__ import annotations

import numpy as np
import torch

from numerics.ensemble import Chunk
from numerics.minibatch import gradients


def norm_chain(
    start: float, learning_rate: float, weight_decay: float, gradient_scale: float, steps: int, seed: int = 0
) -> np.ndarray:
    """Return |theta|^2 at steps 0 .. steps of a plane vector whose gradient G/|theta| points left or right at random."""
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), steps)
    theta = np.array([start**0.5, 0.0])
    norms = np.empty(steps + 1)
    norms[0] = start
    for step, sign in enumerate(signs, 1):
        side = np.array([-theta[1], theta[0]]) * (sign * gradient_scale / norms[step - 1])
        theta = (1 - learning_rate * weight_decay) * theta - learning_rate * side
        norms[step] = theta @ theta
    return norms


def noisy_norms(
    chunk: Chunk,
    *,
    start: float,
    learning_rate: float,
    weight_decay: float,
    gradient_scale: float,
    momentum: float,
    steps: int,
    averaged: int,
    autograd: bool = False,
) -> torch.Tensor:
    """Heavy ball of plane vectors; return the time averages of n = |theta|^2, 1/n and |Delta theta|^2, shape (R, 3).

    The noise is +-G/|theta| at a right angle to theta. ``autograd``: it is the gradient of the loss z G arg(theta) of a
    sample z = +-1, differentiated by torch.
    """
    size = chunk.replicas
    theta = torch.zeros(2, size, dtype=torch.float64)
    theta[0] = start**0.5
    fast = torch.zeros_like(theta)
    total = torch.zeros(3, size, dtype=torch.float64)
    for step in range(steps):
        z = torch.sign(chunk.uniform(size) - 0.5)
        if autograd:
            found = gradients(lambda p, s: s * gradient_scale * torch.atan2(p["y"], p["x"]),
                              {"x": theta[0], "y": theta[1]}, (z,))  # fmt: skip
            slope = torch.stack([found["x"], found["y"]])
        else:
            slope = torch.stack([-theta[1], theta[0]]) * (z * gradient_scale / (theta**2).sum(0))
        fast = momentum * fast + slope + weight_decay * theta
        theta = theta - learning_rate * fast
        if step >= steps - averaged:
            norm = (theta**2).sum(0)
            total = total + torch.stack([norm, 1 / norm, learning_rate**2 * (fast**2).sum(0)])
    return (total / averaged).T.contiguous()


def diffusing_norm(
    chunk: Chunk,
    *,
    start: float,
    temperature: float,
    weight_decay: float,
    gradient_scale: float,
    duration: float,
    steps: int,
) -> torch.Tensor:
    """Euler-Maruyama of d theta = -wd theta dt + sqrt(T) G/|theta| dW at a right angle; return |theta|^2."""
    dt = duration / steps
    theta = torch.zeros(2, chunk.replicas, dtype=torch.float64)
    theta[0] = start**0.5
    for _ in range(steps):
        side = torch.stack([-theta[1], theta[0]]) / (theta**2).sum(0)
        kick = (temperature * dt) ** 0.5 * gradient_scale * chunk.normal(chunk.replicas)
        theta = (1 - dt * weight_decay) * theta + kick * side
    return (theta**2).sum(0)


def adamw_norm(
    chunk: Chunk,
    *,
    learning_rate: float,
    weight_decay: float,
    dimension: int,
    start: float,
    steps: int,
    averaged: int,
    first_decay: float = 0.9,
) -> torch.Tensor:
    """|theta|^2, averaged over time, of ``torch.optim.AdamW`` fed with independent normal gradients."""
    theta = torch.nn.Parameter((start / dimension) ** 0.5 * chunk.normal(dimension, chunk.replicas))
    optimizer = torch.optim.AdamW([theta], lr=learning_rate, weight_decay=weight_decay, betas=(first_decay, 0.999))
    total = torch.zeros(chunk.replicas, dtype=torch.float64)
    for step in range(steps):
        theta.grad = chunk.normal(dimension, chunk.replicas)
        optimizer.step()
        if step >= steps - averaged:
            total = total + (theta.detach() ** 2).sum(0)
    return total / averaged
