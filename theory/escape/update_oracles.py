"""Numeric oracles of discrete SGD: every moment is a mean over features, labels and noise of one literal update."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np

Atoms = list[tuple[Any, Any]]
"""Places and weights of a discrete law."""


def gauss_hermite_3() -> Atoms:
    """A law on three atoms with the first five moments of a standard normal variable."""
    root = mpmath.sqrt(3)
    return [(mpmath.mpf(0), mpmath.mpf(2) / 3), (root, mpmath.mpf(1) / 6), (-root, mpmath.mpf(1) / 6)]


def atoms_with_moments(moments: list[Any]) -> Atoms:
    """A law on 0 and two positive atoms with the given first four moments of a non-negative variable (Gauss-Radau)."""
    c0, c1, c2, c3 = moments
    # y^2 - s y + t is orthogonal to 1 and y under the law weighted with its variable, whose moments are c0 .. c3
    s, t = mpmath.lu_solve(mpmath.matrix([[c1, -c0], [c2, -c1]]), mpmath.matrix([c2, c3]))
    root = mpmath.sqrt(s * s / 4 - t)
    first, second = s / 2 - root, s / 2 + root
    weighted = mpmath.lu_solve(mpmath.matrix([[1, 1], [first, second]]), mpmath.matrix([c0, c1]))
    inner = [(first, weighted[0] / first), (second, weighted[1] / second)]
    return [(mpmath.mpf(0), 1 - inner[0][1] - inner[1][1]), *inner]


def batches(atoms: Atoms, size: int) -> Iterator[tuple[list[Any], Any]]:
    """All multisets of ``size`` independent draws from a discrete law, with their probabilities."""
    for chosen in itertools.combinations_with_replacement(range(len(atoms)), size):
        weight = mpmath.factorial(size)
        for k in set(chosen):
            weight *= atoms[k][1] ** chosen.count(k) / mpmath.factorial(chosen.count(k))
        yield [atoms[k][0] for k in chosen], weight


def fixed_square(mean_square: Callable[[Any], Any]) -> Any:
    """Stationary E d^2 of a random map whose E d'^2 given d is affine in d^2: probed at d = 0 and d = 1."""
    shift = mean_square(mpmath.mpf(0))
    return shift / (1 - (mean_square(mpmath.mpf(1)) - shift))


def regression_square(
    learning_rate: Any, batch_size: int, feature_atoms: Atoms, noise_variance: Any
) -> Callable[[Any], Any]:
    """E d'^2 given d of d' = d - eta mean over the batch of (x d - e) x, by enumeration of batches, labels +-sigma."""
    sigma = mpmath.sqrt(noise_variance)
    samples = [((x, e), w / 2) for x, w in feature_atoms for e in (sigma, -sigma)]
    merged: dict[tuple[Any, Any], Any] = {}
    for (x, e), w in samples:
        # a sample acts through x^2 and e x only
        merged[x * x, e * x] = merged.get((x * x, e * x), mpmath.mpf(0)) + w
    drawn = list(batches(list(merged.items()), batch_size))

    def mean_square(d: Any) -> Any:
        return mpmath.fsum(
            w * (d - learning_rate * mpmath.fsum(q * d - f for q, f in batch) / batch_size) ** 2 for batch, w in drawn
        )

    return mean_square


def stationary_moments(learning_rate: Any, moments: list[Any], source: Any) -> tuple[Any, Any]:
    """Stationary E d^2 and E d^4 of d' = (1 - eta A) d + sqrt(source A) xi, A with these moments, xi standard normal.

    The update is applied at d = 0, 1, 2 for every atom of A and xi; E d'^2 and E d'^4 are polynomials in d^2.
    """
    drawn = [(a, v * w, z) for a, v in atoms_with_moments(moments) for z, w in gauss_hermite_3()]

    def mean(power: int, d: Any) -> Any:
        return mpmath.fsum(
            w * ((1 - learning_rate * a) * d + mpmath.sqrt(source * a) * z) ** power for a, w, z in drawn
        )

    second = fixed_square(lambda d: mean(2, d))
    values = mpmath.matrix([mean(4, mpmath.mpf(d)) for d in range(3)])
    constant, linear, quadratic = mpmath.lu_solve(mpmath.matrix([[1, d * d, d**4] for d in range(3)]), values)
    return second, (constant + linear * second) / (1 - quadratic)


def _gaussian_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal vectors (size, points) and weights, exact for polynomials of degree five in every entry."""
    axis = [float(z) for z, _ in gauss_hermite_3()]
    weights = [float(w) for _, w in gauss_hermite_3()]
    points = np.array(list(itertools.product(axis, repeat=size))).T
    return points, np.array([np.prod(w) for w in itertools.product(weights, repeat=size)])


def covariance_step(
    learning_rate: float, batch_size: int, curvatures: list[float], noise_variance: float, spread: np.ndarray
) -> np.ndarray:
    """E d' d'^T given E d d^T, Gaussian features of these variances: M = I - (eta/B) sum of x x^T, labels independent."""
    grid, weights = _gaussian_grid(len(curvatures))
    x = np.sqrt(np.array(curvatures))[:, None] * grid
    outer = np.einsum("ip,jp->ijp", x, x)
    mean = outer @ weights
    same = np.einsum("ijp,jk,klp,p->il", outer, spread, outer, weights)
    # two samples of a batch are the same one with probability 1/B, independent otherwise
    pair = (same + (batch_size - 1) * mean @ spread @ mean) / batch_size
    moved = spread - learning_rate * (mean @ spread + spread @ mean) + learning_rate**2 * pair
    return moved + learning_rate**2 * noise_variance / batch_size * mean


def squared_growth(learning_rate: float, batch_size: int, dimension: int) -> float:
    """E |M u|^2 of a unit vector u for M = I - (eta/B) sum of x x^T, isotropic features of unit variance."""
    start = np.zeros((dimension, dimension))
    start[0, 0] = 1.0
    return float(np.trace(covariance_step(learning_rate, batch_size, [1.0] * dimension, 0.0, start)))
