"""Charges of gradient and momentum flow counted on trajectories, without any algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from numerics.conserved import independent_charges, monomials, null_space
from numerics.symmetric_flows import flow_ends, momentum_flow_ends


def _relu(theta: torch.Tensor, x: torch.Tensor, widths: tuple[int, int, int]) -> torch.Tensor:
    n, r, m = widths
    w, b, u, c = torch.split(theta, [n * r, r, m * r, m])
    return u.reshape(m, r) @ torch.relu(w.reshape(r, n) @ x + b) + c


def _quadratic(theta: torch.Tensor, x: torch.Tensor, dimension: int, width: int) -> torch.Tensor:
    return (theta[:width] @ (theta[width:].reshape(width, dimension) @ x) ** 2)[None]


def _unit(theta: torch.Tensor, x: torch.Tensor, kind: str) -> torch.Tensor:
    size = len(x)
    inside = theta[1 : 1 + size] @ x
    if kind == "gated":
        return (theta[0] * inside * torch.sigmoid(theta[1 + size :] @ x))[None]
    return (theta[0] * {"tanh": torch.tanh, "gelu": torch.nn.functional.gelu,
                        "swish": torch.nn.functional.silu}[kind](inside))[None]  # fmt: skip


def _count(outputs: Callable[..., torch.Tensor], size: int, inputs: int, results: int, seed: int) -> Measured:
    """Count the charges of degree <= 2 which no flow changes: null space of the changes of all monomials."""
    rng = np.random.default_rng(seed)
    count = size * (size + 3) // 2 + 12
    points, data, goals = (torch.from_numpy(rng.normal(size=(count, k))) for k in (size, inputs, results))
    ends = flow_ends(outputs, points, data, goals, 0.05)
    rows = monomials(ends.numpy()) - monomials(points.numpy())
    return Measured(independent_charges(rows, rng.normal(size=size)), 0.0)


def relu_count(context: Context, *, widths: list[int], **_: Any) -> Measured:
    """Charges of a ReLU network with biases under gradient flow."""
    n, r, m = (int(w) for w in widths)
    return _count(lambda z, x: _relu(z, x, (n, r, m)), n * r + r + m * r + m, n, m, context.seed)


def quadratic_count(context: Context, *, dimension: int, width: int, **_: Any) -> Measured:
    """Charges of sum_j a_j (w_j.x)^2 under gradient flow."""
    size = int(width) * (1 + int(dimension))
    return _count(lambda z, x: _quadratic(z, x, int(dimension), int(width)), size, int(dimension), 1, context.seed)


def unit_count(context: Context, *, unit: str, dimension: int, **_: Any) -> Measured:
    """Charges of one unit under gradient flow."""
    size = 1 + int(dimension) * (2 if unit == "gated" else 1)
    return _count(lambda z, x: _unit(z, x, unit), size, int(dimension), 1, context.seed)


def momentum_count(context: Context, *, input_width: int, width: int, output_width: int, friction: float,
                   **_: Any) -> Measured:  # fmt: skip
    """Number of bilinear forms e^{tau t} theta^T A theta' which no momentum flow of a linear network changes."""
    n, r, m = int(input_width), int(width), int(output_width)
    size, duration = r * (n + m), 0.15
    rng = np.random.default_rng(context.seed)
    count = size * size + 12
    points, speeds, data, goals = (torch.from_numpy(rng.normal(size=(count, k))) for k in (size, size, n, m))

    def outputs(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return z[: m * r].reshape(m, r) @ (z[m * r :].reshape(r, n) @ x)

    ends, final = momentum_flow_ends(outputs, points, speeds, data, goals, friction, duration)
    products = [
        torch.einsum("ni,nj->nij", p, v).reshape(count, -1).numpy() for p, v in ((points, speeds), (ends, final))
    ]
    return Measured(len(null_space(math.exp(friction * duration) * products[1] - products[0])), 0.0)
