"""The SDE of SGD on a product of n equal factors: paths for x = 1, and the stationary law by a chain of small jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from numerics.ensemble import Chunk
from numerics.errors import InvalidSample


@dataclass(frozen=True)
class BalancedSde:
    """du = -(2 u^{n-1} (b1 u^n - b2) + wd u) dt + 2 u^{n-1} sqrt(T A(u^n)) dW (Ito), v = u^n, A = a1 v^2 - 2 a2 v + a3.

    The gradient of (x v - y)^2 in every factor is 2 u^{n-1} (x^2 v - x y), with the variance 4 u^{2n-2} A(v).
    """

    factors: int
    input_second_moment: float
    input_target_moment: float
    noise_quadratic: float
    noise_cross: float
    noise_constant: float
    temperature: float
    weight_decay: float

    def coefficients(self, log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return drift and squared diffusion of ln v at given ln v."""
        v, n = np.exp(log), self.factors
        power = v ** (1 - 2 / n)
        noise = self.noise_quadratic * v * v - 2 * self.noise_cross * v + self.noise_constant
        square = 4 * power * power * self.temperature * noise
        pull = -2 * power * (self.input_second_moment * v - self.input_target_moment) - self.weight_decay
        return n * (pull - square / 2), n * n * square

    def stationary(self, low: float, high: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a grid of ln v and the stationary probabilities of a chain that jumps between neighbours on it.

        Its rates s/(2 h^2) exp(+-d h/s) have the drift d and the squared diffusion s of the SDE up to the order h^2; with
        no circulation the balance of neighbours gives the probabilities.
        """
        grid = np.linspace(low, high, cells)
        h = grid[1] - grid[0]
        drift, square = self.coefficients(grid)
        up, down = (np.log(square / 2) + sign * drift * h / square for sign in (1, -1))
        logs = np.concatenate([[0.0], np.cumsum(up[:-1] - down[1:])])
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        if max(weights[0], weights[-1]) > 1e-6:
            raise InvalidSample(f"the grid of ln v from {low} to {high} cuts off mass; widen it.")
        return grid, weights


def quantile(grid: np.ndarray, weights: np.ndarray, probability: float) -> float:
    """Return the quantile of v from probabilities on a grid of ln v, interpolated between the cells' middles."""
    middle = np.cumsum(weights) - weights / 2
    return float(np.exp(np.interp(probability, middle, grid)))


def normal_paths(
    chunk: Chunk, *, input_target_moment: float, noise_constant: float, temperature: float, weight_decay: float,
    duration: float, steps: int, start: float = 1.0,
) -> torch.Tensor:  # fmt: skip
    """Return ln v of two factors at x = 1 after Euler-Maruyama steps in ln u, whose noise is constant."""
    dt = duration / steps
    square = 4 * temperature * noise_constant
    log = torch.full((chunk.replicas,), math.log(start) / 2, dtype=torch.float64)
    for _ in range(steps):
        pull = -2 * (torch.exp(2 * log) - input_target_moment) - weight_decay - square / 2
        log = log + pull * dt + (square * dt) ** 0.5 * chunk.normal(chunk.replicas)
    return 2 * log
