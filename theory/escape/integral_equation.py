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

    ``kind`` is ``features`` or ``gaussian``.
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
    return float(_eliminate(np.maximum(folded, 0.0), leak)[0])


def _eliminate(kernel: np.ndarray, leak: np.ndarray) -> np.ndarray:
    """Mean times to leave a sub-stochastic chain by elimination without a subtraction, exact at any length of time.

    Every diagonal is replaced by minus the sum of the other entries of its row, so that 1 - K never cancels.
    """
    matrix, out, times = kernel.copy(), leak.copy(), np.ones(len(leak))
    total = np.empty(len(leak))
    for k in range(len(leak) - 1, -1, -1):
        total[k] = matrix[k, :k].sum() + out[k]
        factor = matrix[:k, k] / total[k]
        matrix[:k, :k] += np.outer(factor, matrix[k, :k])
        out[:k] += factor * out[k]
        times[:k] += factor * times[k]
    for k in range(len(leak)):
        times[k] = (times[k] + matrix[k, :k] @ times[:k]) / total[k]
    return times


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
def extrapolated_updates(kind: str, learning_rate: float, batch_size: float, level: float) -> float:
    """Richardson extrapolation of ``mean_updates`` from two grids fitted to the width of one step."""
    width = learning_rate / np.sqrt(batch_size)
    # the error goes as the fourth power of the mesh over the width; a Gaussian chain has one component and costs little
    density, most = (20, 400) if kind == "gaussian" else (9, 200)
    size = int(np.clip(np.ceil(density * level / width), 80, most))
    coarse = mean_updates(kind, learning_rate, batch_size, level, size, 160)
    fine = mean_updates(kind, learning_rate, batch_size, level, 2 * size, 160)
    return (4 * fine - coarse) / 3


def _one_step(
    kind: str, places: np.ndarray, learning_rate: float, batch_size: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and deviations of the next place from the literal update, by tanh-sinh panels in the features.

    Features are a vector of length ``r`` in a random direction among the samples; the labels are averaged as a Gaussian
    given the features: d' = d - (eta/B) sum x_k^2 d + (eta/B) sum x_k e_k.
    """
    if kind == "gaussian":
        gradient, spread = places, np.sqrt((places**2 + 1) / batch_size)
        return np.ones(1), (places - learning_rate * gradient)[None, :], learning_rate * spread[None, :]
    t = np.linspace(-3.6, 3.6, 145)
    inner = np.pi / 2 * np.sinh(t)
    r = 14.0 / (1 + np.exp(-2 * inner))
    w = r ** (batch_size - 1) * np.exp(-r * r / 2) * np.cosh(t) / np.cosh(inner) ** 2
    samples = np.ones(int(batch_size)) / np.sqrt(batch_size)
    x = r[:, None] * samples
    pull = learning_rate * (x * x).mean(1)
    push = learning_rate / batch_size * np.sqrt((x * x).sum(1))
    return w / w.sum(), places[None, :] - pull[:, None] * places, push[:, None] * np.ones_like(places)[None, :]


def spectral_updates(kind: str, learning_rate: float, batch_size: float, level: float, order: int = 22) -> float:
    """The same number by Chebyshev collocation of u: another basis, another quadrature, another solver.

    K T_k(d) is the mean of T_k over the part of each normal law inside the interval, by Gauss-Legendre nodes in its
    standard variable. Good to about 1e-16 of the time itself: for times below 1e9 only.
    """
    rows = level * np.cos(np.pi * (np.arange(order) + 0.5) / (2 * order))
    weights, means, deviations = _one_step(kind, rows, learning_rate, batch_size)
    low, high = (np.clip((side * level - means) / deviations, -9.0, 9.0) for side in (-1, 1))
    nodes, node_weights = np.polynomial.legendre.leggauss(40)
    z = low[..., None] + (high - low)[..., None] * (nodes + 1) / 2
    mass = weights[:, None, None] * (high - low)[..., None] / 2 * node_weights * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    angle = np.arccos(np.clip((means[..., None] + deviations[..., None] * z) / level, -1.0, 1.0))
    # u is even: T_0, T_2, T_4, ...
    images = np.stack([np.einsum("arz,arz->r", mass, np.cos(2 * k * angle)) for k in range(order)], 1)
    basis = np.cos(2 * np.arange(order)[None, :] * np.arccos(rows / level)[:, None])
    coefficients = np.linalg.solve(basis - images, np.ones(order))
    return float(np.sum(coefficients * np.cos(np.pi * np.arange(order))))
