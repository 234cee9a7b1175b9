"""Net rung: gradient noise of a ReLU network on the digits; and the tail statistic of the sgd rung."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from scipy.stats import spearmanr

from checks.check import Context, Measured
from numerics.digits import digits, signed_label
from numerics.statistics import Slope


def tail_slope(first: float, second: float) -> Slope:
    """Slope of log P(|d| > r) on log r between two radii: minus the tail index."""
    return Slope(abscissae=(math.log(first), math.log(second)), log=True)


def _gradients(
    x: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Output, hidden activations, and |grad f|^2 of every sample for f = w2 . relu(W1 x + b1) + b2."""
    field = x @ w1.T + b1
    hidden = field.clamp_min(0.0)
    output = hidden @ w2 + b2
    back = (field > 0) * w2
    square = (hidden**2).sum(1) + 1 + (back**2).sum(1) * ((x**2).sum(1) + 1)
    return output, back, square


@functools.lru_cache(maxsize=4)
def training(seed: int, epochs: int = 60, learning_rate: float = 0.05, batch: int = 20, width: int = 32) -> np.ndarray:
    """Train 64-32-1 on parity (+-1, 10 % flipped); rows (loss, Tr of second moment of g, Tr C, |mean g|^2)."""
    images, _ = digits()
    x = torch.from_numpy(images / images.std())
    generator = torch.Generator().manual_seed(seed)
    y = torch.from_numpy(signed_label("parity"))
    y = torch.where(torch.rand(len(y), generator=generator) < 0.1, -y, y)
    w1 = torch.randn(width, x.shape[1], generator=generator, dtype=torch.float64) / x.shape[1] ** 0.5
    w2 = torch.randn(width, generator=generator, dtype=torch.float64) / width**0.5
    b1, b2 = torch.zeros(width, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    rows = []
    for epoch in range(epochs + 1):
        if epoch % max(1, epochs // 15) == 0:
            output, back, square = _gradients(x, w1, b1, w2, b2)
            residual = output - y
            hidden = (x @ w1.T + b1).clamp_min(0.0)
            pull = residual[:, None] * back / len(x)
            mean = (pull.T @ x).square().sum() + pull.sum(0).square().sum()
            mean += (residual @ hidden / len(x)).square().sum() + residual.mean() ** 2
            rows.append(
                [float(v) for v in (residual.square().mean() / 2, (residual**2 * square).mean(), square.mean(), mean)]
            )
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x) - batch + 1, batch):
            xb, yb = x[order[start : start + batch]], y[order[start : start + batch]]
            field = xb @ w1.T + b1
            hidden = field.clamp_min(0.0)
            residual = (hidden @ w2 + b2 - yb) / batch
            back = residual[:, None] * (field > 0) * w2
            w2 = w2 - learning_rate * hidden.T @ residual
            b2 = b2 - learning_rate * residual.sum()
            w1 = w1 - learning_rate * back.T @ xb
            b1 = b1 - learning_rate * back.sum(0)
    return np.array(rows)


def trace_ratio(context: Context) -> Measured:
    """Mean over training of Tr(second moment of g) / (2 L Tr C)."""
    rows = training(context.seed)
    ratios = rows[:, 1] / (2 * rows[:, 0] * rows[:, 2])
    return Measured(float(ratios.mean()), 1e-3)


def trace_loss_correlation(context: Context) -> Measured:
    """Rank correlation of Tr Sigma and L along the first epochs."""
    rows = training(context.seed)
    return Measured(float(spearmanr(rows[:, 1] - rows[:, 3], rows[:, 0]).statistic), 1e-9)
