"""The exact one-dimensional transfer operator of minibatch SGD: mean exit times and quasi-stationary exit rates.

The next place given the present one is a mixture of normals (over the batch curvature). Functions are expanded in hat
functions, whose means under a normal law are elementary, so a kernel that is narrower than a cell does no harm (cell
averages and plain quadrature fail silently there). The linear system is solved by GTH elimination, which has no
subtraction and keeps full relative accuracy for times far beyond 1e13.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, roots_genlaguerre

from numerics.errors import NumericsError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Component:
    """One law of the mixture: weight, mean and standard deviation as functions of the place; normal or Laplace."""

    weight: float
    mean: Callable[[Array], Array]
    deviation: Callable[[Array], Array]
    laplace: bool = False


def regression_sgd(learning_rate: float, batch_size: int, nodes: int = 100) -> list[Component]:
    """Real minibatch SGD with Gaussian features and labels, h = sigma = 1: A = chi^2_B / B by Gauss-Laguerre nodes.

    Raises NumericsError for a batch size below one.
    """
    if batch_size < 1:
        raise NumericsError(f"batch_size = {batch_size}: a batch holds at least one sample.")
    half, weights = roots_genlaguerre(nodes, batch_size / 2 - 1)
    share = weights / weights.sum()
    return [
        _linear(
            float(w),
            learning_rate * float(2 * x / batch_size),
            learning_rate**2 * float(2 * x / batch_size) / batch_size,
        )
        for x, w in zip(half, share, strict=True)
        if w > 1e-25
    ]


def _linear(weight: float, pull: float, variance: float) -> Component:
    return Component(weight, lambda d: (1 - pull) * d, lambda d: np.full_like(d, np.sqrt(variance)))


def gaussian_chain(learning_rate: float, batch_size: float) -> list[Component]:
    """The chain with Gaussian noise proportional to the loss, h = sigma = 1, any batch size > 0."""
    return [
        Component(1.0, lambda d: (1 - learning_rate) * d, lambda d: learning_rate * np.sqrt((1 + d * d) / batch_size))
    ]


def double_well_chain(
    learning_rate: float, temperature: float, barrier_ratio: float, kurtosis: float = 2.0
) -> list[Component]:
    """Gaussian chain in L = 1 + q (x^2-1)^2, q = c-1: drift -eta L', variance 2 eta T [1 + (K-1)(L-1)] of a step."""
    q, k = barrier_ratio - 1, kurtosis - 1

    def deviation(x: Array) -> Array:
        return np.sqrt(2 * learning_rate * temperature * (1 + k * q * (x * x - 1) ** 2))

    return [Component(1.0, lambda x: x - 4 * learning_rate * q * x * (x * x - 1), deviation)]


def laplace_labels(learning_rate: float, noise_variance: float = 1.0) -> list[Component]:
    """Real SGD with one sample a batch, features +-1 and Laplace labels: d' = (1 - eta) d + eta e."""
    spread = learning_rate * np.sqrt(noise_variance)
    return [Component(1.0, lambda d: (1 - learning_rate) * d, lambda d: np.full_like(d, spread), laplace=True)]


def _tails(component: Component, z: Array) -> tuple[Array, Array, Array, Array]:
    """P(Z < z), P(Z > z), E (z - Z)^+ and E (Z - z)^+ of the standard law, each accurate on its own side."""
    if component.laplace:
        # scale b = 1/sqrt 2; |z| keeps both exponentials below one
        small = np.exp(-np.sqrt(2) * np.abs(z)) / 2
        low, high = np.where(z < 0, small, 1 - small), np.where(z > 0, small, 1 - small)
        part = small / np.sqrt(2)
        return low, high, np.maximum(z, 0) + part, np.maximum(-z, 0) + part
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    low, high = ndtr(z), ndtr(-z)
    return low, high, z * low + density, density - z * high


def kernel(components: list[Component], grid: Array) -> tuple[Array, Array]:
    """Matrix of hat-function means from every grid point, and the probability of leaving the grid in one step."""
    matrix, leak = np.zeros((len(grid), len(grid))), np.zeros(len(grid))
    step = grid[1] - grid[0]
    for c in components:
        mean, deviation = c.mean(grid)[:, None], c.deviation(grid)[:, None]
        z = (grid[None, :] - mean) / deviation
        low, high, below, above = _tails(c, z)
        under, over = deviation * below, deviation * above
        bend = np.where(
            z[:, 1:-1] < 0,
            under[:, 2:] - 2 * under[:, 1:-1] + under[:, :-2],
            over[:, 2:] - 2 * over[:, 1:-1] + over[:, :-2],
        )
        matrix[:, 1:-1] += c.weight * bend / step
        matrix[:, 0] += c.weight * ((under[:, 1] - under[:, 0]) / step - low[:, 0])
        matrix[:, -1] += c.weight * ((over[:, -2] - over[:, -1]) / step - high[:, -1])
        leak += c.weight * (low[:, 0] + high[:, -1])
    return np.maximum(matrix, 0.0), leak


def gth_solve(matrix: Array, leak: Array) -> Array:
    """Mean times to absorption of a sub-stochastic matrix with absorption probabilities ``leak``; no subtractions.

    >>> gth_solve(np.array([[0.5, 0.25], [0.25, 0.5]]), np.array([0.25, 0.25]))
    array([4., 4.])
    """
    a, out, right = matrix.copy(), leak.copy(), np.ones(len(leak))
    size = len(leak)
    total = np.empty(size)
    for k in range(size - 1, -1, -1):
        total[k] = a[k, :k].sum() + out[k]
        if total[k] <= 0:
            raise NumericsError(f"state {k} never leaves: the chain is reducible; use a finer grid.")
        factor = a[:k, k] / total[k]
        a[:k, :k] += factor[:, None] * a[k, :k][None, :]
        out[:k] += factor * out[k]
        right[:k] += factor * right[k]
    times = np.empty(size)
    for k in range(size):
        times[k] = (right[k] + a[k, :k] @ times[:k]) / total[k]
    return times


def exit_updates(components: list[Component], low: float, high: float, start: float, cells: int) -> float:
    """Mean number of updates from ``start`` until the chain leaves [low, high], extrapolated from two grids."""
    times = []
    for size in (cells, 2 * cells):
        grid = np.linspace(low, high, size + 1)
        times.append(float(np.interp(start, grid, gth_solve(*kernel(components, grid)))))
    return (4 * times[1] - times[0]) / 3


def mean_exit_updates(components: list[Component], level: float, cells: int = 120) -> float:
    """Mean number of updates from 0 until |d| > level, from 2 ``cells`` and 4 ``cells`` intervals."""
    return exit_updates(components, -level, level, 0.0, 2 * cells)


def exit_rate(components: list[Component], level: float, cells: int = 100) -> float:
    """Quasi-stationary exit probability per update, Richardson-extrapolated from ``cells`` and twice as many."""
    coarse, fine = (_leading_leak(components, level, size) for size in (2 * cells, 4 * cells))
    return (4 * fine - coarse) / 3


def _leading_leak(components: list[Component], level: float, size: int) -> float:
    """Mean leak under the leading left eigenvector: one minus the eigenvalue without the cancellation."""
    matrix, leak = kernel(components, np.linspace(-level, level, size + 1))
    density = np.ones(size + 1) / (size + 1)
    for _ in range(100_000):
        new = density @ matrix
        new /= new.sum()
        if np.abs(new - density).max() < 1e-15:
            break
        density = new
    return float(density @ leak)
