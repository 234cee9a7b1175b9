"""Losses with prescribed derivatives at the origin, for torch and NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from theory.principal_flow.losses import cubic_field


def jet_gradient(jet: Sequence[float]) -> Callable[[Any], Any]:
    """g(x) of the Taylor polynomial with jet [g, g', ...] at 0."""
    coefficients = [c / math.factorial(k) for k, c in enumerate(jet)]

    def gradient(x: Any) -> Any:
        value = 0.0 * x
        for c in reversed(coefficients):
            value = value * x + c
        return value

    return gradient


def cubic_gradient(
    gradient: Sequence[float], hessian: Sequence[Sequence[float]], third: Sequence[float] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Gradient (NumPy) of the cubic loss with these derivatives at 0, T(g,g) = third."""
    field = cubic_field(list(gradient), [list(row) for row in hessian], None if third is None else list(third))
    return lambda x: -np.array(field(list(x)))


def cubic_loss(
    gradient: Sequence[float], hessian: Sequence[Sequence[float]], third: Sequence[float] | None = None
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same loss for torch: g.x + x.H x/2 + T(x,x,x)/6 with T = sym(t a a) - 2 (t.g) a a a, a = g/|g|^2."""
    g, h = torch.tensor(gradient, dtype=torch.float64), torch.tensor(hessian, dtype=torch.float64)
    t = torch.zeros_like(g) if third is None else torch.tensor(third, dtype=torch.float64)
    dual = g / (g @ g)

    def loss(x: torch.Tensor) -> torch.Tensor:
        slope, bend, contracted, along = (v.to(x.dtype) for v in (g, h, t, dual))
        a, c = along @ x, contracted @ x
        cubic = 3 * c * a * a - 2 * (contracted @ slope) * a**3
        return slope @ x + x @ (bend @ x) / 2 + cubic / 6

    return loss
