"""Mean number of updates to leave an interval: u = 1 + K u for chains whose step is a mixture of Gaussians."""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import gammaln, ndtr

Mixture = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Weights (components,), means and standard deviations (components, places) of the next place."""


def feature_mixture(places: np.ndarray, learning_rate: float, batch_size: float, components: int) -> Mixture:
    """Real SGD at h = sigma = 1: N((1 - eta A) d, eta^2 A / B) over A = chi^2_B / B, quadrature in sqrt(A)."""
    nodes, weights = np.polynomial.legendre.leggauss(components)
    top = np.sqrt(batch_size) + 9.0 + 2.0 * np.sqrt(np.log(1 + 1 / learning_rate))
    # more nodes where the feature vanishes: s = top t^2 resolves narrow kernels
    t = (nodes + 1) / 2
    s = top * t**1.5
    log_density = (batch_size - 1) * np.log(s) - s**2 / 2 + (1 - batch_size / 2) * np.log(2) - gammaln(batch_size / 2)
    w = weights / 2 * top * 1.5 * np.sqrt(t) * np.exp(log_density)
    curvature = s**2 / batch_size
    mean = (1 - learning_rate * curvature)[:, None] * places[None, :]
    deviation = learning_rate * np.sqrt(curvature / batch_size)[:, None] * np.ones_like(places)[None, :]
    return w / w.sum(), mean, deviation


def gaussian_mixture(places: np.ndarray, learning_rate: float, batch_size: float, components: int) -> Mixture:
    """The Gaussian chain with noise proportional to the loss: one component."""
    del components
    deviation = learning_rate * np.sqrt((1 + places**2) / batch_size)
    return np.ones(1), (1 - learning_rate) * places[None, :], deviation[None, :]


def mean_updates(kind: str, learning_rate: float, batch_size: float, level: float, size: int, components: int) -> float:
    """Mean number of updates from 0 until |d| > level by collocation with hat functions on ``size`` intervals.

    ``kind`` is ``features`` or ``gaussian``. The diagonal is filled so that rows of K sum to one minus the exit
    probability, which keeps long times accurate.
    """
    grid = np.linspace(-level, level, 2 * size + 1)
    rows = grid[size:]
    build = feature_mixture if kind == "features" else gaussian_mixture
    weights, means, deviations = build(rows, learning_rate, batch_size, components)
    kernel = np.zeros((len(rows), len(grid)))
    leak = np.zeros(len(rows))
    for weight, mean, deviation in zip(weights, means, deviations, strict=True):
        if weight < 1e-30:
            continue
        part, exit_probability = _hat_means(grid, mean, deviation)
        kernel += weight * part
        leak += weight * exit_probability
    folded = kernel[:, size:].copy()
    folded[:, 1:] += kernel[:, :size][:, ::-1]
    operator = -folded
    np.fill_diagonal(operator, 0.0)
    np.fill_diagonal(operator, leak - operator.sum(1))
    return float(np.linalg.solve(operator, np.ones(len(rows)))[0])


def _hat_means(grid: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expectations of all hat functions under N(mean, deviation^2), and the probability of leaving the grid."""
    z = (grid[None, :] - mean[:, None]) / deviation[:, None]
    below, above = ndtr(z), ndtr(-z)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    step = (grid[1] - grid[0]) / deviation[:, None]
    # second antiderivatives from the left and from the right: each is used on its own side, against cancellation
    left, right = z * below + density, -z * above + density
    use_left = z[:, 1:-1] < 0
    second = np.where(
        use_left,
        left[:, 2:] - 2 * left[:, 1:-1] + left[:, :-2],
        right[:, 2:] - 2 * right[:, 1:-1] + right[:, :-2],
    )
    inner = second / step
    first = (left[:, 1:2] - left[:, 0:1]) / step - below[:, 0:1]
    last = (right[:, -2:-1] - right[:, -1:]) / step - above[:, -1:]
    return np.concatenate([first, inner, last], axis=1), below[:, 0] + above[:, -1]


@functools.lru_cache(maxsize=512)
def extrapolated_updates(
    kind: str, learning_rate: float, batch_size: float, level: float, factor: float = 1.0
) -> float:
    """Richardson extrapolation of ``mean_updates`` from two grids fitted to the width of one step."""
    width = learning_rate / np.sqrt(batch_size)
    size = int(np.clip(np.ceil(factor * 6 * level / width), 50, 200))
    components = int(160 * factor**0.5)
    coarse = mean_updates(kind, learning_rate, batch_size, level, size, components)
    fine = mean_updates(kind, learning_rate, batch_size, level, 2 * size, components)
    return (4 * fine - coarse) / 3
