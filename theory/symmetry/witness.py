"""Concrete parameter vectors with prescribed charge and forms: the numeric models behind the definitions.

The model is bilinear: f depends on the outer product u w^T of two vectors in R^2 through any loss, so a sample is a
2 x 2 matrix G = dl/d(u w^T), with gradients g_u = G w and g_w = G^T u. The generator is A = diag(+I, -I).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import mpmath
from mpmath import mpf

Vector = list[Any]
Matrix = list[list[Any]]


def form(v: Sequence[Any]) -> Any:
    """Return v^T A v = |u|^2 - |w|^2 of a stacked vector (u1, u2, w1, w2)."""
    return v[0] ** 2 + v[1] ** 2 - v[2] ** 2 - v[3] ** 2


def bilinear(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Return a^T A b."""
    return a[0] * b[0] + a[1] * b[1] - a[2] * b[2] - a[3] * b[3]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Return the scalar product."""
    return mpmath.fsum(x * y for x, y in zip(a, b, strict=True))


def point(charge: Any) -> Vector:
    """Return a parameter vector (u, w) of the given charge."""
    norm_w = mpf("1.3") + max(-charge, mpf(0))
    norm_u = norm_w + charge
    u, w = mpmath.sqrt(norm_u), mpmath.sqrt(norm_w)
    return [u * mpf("0.6"), u * mpf("0.8"), w * mpf(5) / 13, w * mpf(12) / 13]


def gradient(theta: Sequence[Any], g: Matrix) -> Vector:
    """Return (G w, G^T u)."""
    u, w = theta[:2], theta[2:]
    return [
        g[0][0] * w[0] + g[0][1] * w[1], g[1][0] * w[0] + g[1][1] * w[1],
        g[0][0] * u[0] + g[1][0] * u[1], g[0][1] * u[0] + g[1][1] * u[1],
    ]  # fmt: skip


def sample_with_form(theta: Sequence[Any], value: Any) -> Matrix:
    """Return a sample G whose gradient has g^T A g = value: outer products that switch one block off."""
    u, w = theta[:2], theta[2:]
    if value >= 0:
        left, right = [-u[1], u[0]], w
    else:
        left, right = u, [-w[1], w[0]]
    g = [[a * b for b in right] for a in left]
    scale = mpmath.sqrt(abs(value) / abs(form(gradient(theta, g))))
    return [[scale * x for x in row] for row in g]


def step(theta: Sequence[Any], slope: Sequence[Any], learning_rate: Any, weight_decay: Any) -> Vector:
    """One step of SGD with coupled decay."""
    return [p - learning_rate * (g + weight_decay * p) for p, g in zip(theta, slope, strict=True)]


def mean(vectors: Sequence[Sequence[Any]]) -> Vector:
    """Return the mean of vectors."""
    return [mpmath.fsum(column) / len(vectors) for column in zip(*vectors, strict=True)]


def covariance(vectors: Sequence[Sequence[Any]]) -> Matrix:
    """Return the covariance matrix, divisor N."""
    centre = mean(vectors)
    apart = [[a - b for a, b in zip(v, centre, strict=True)] for v in vectors]
    size = range(len(centre))
    return [[mpmath.fsum(v[i] * v[j] for v in apart) / len(vectors) for j in size] for i in size]


def batches(size: int, batch: int, replacement: str) -> list[tuple[int, ...]]:
    """Return all equally likely batches of ``batch`` out of ``size`` samples."""
    drawn = combinations(range(size), batch) if replacement == "without" else product(range(size), repeat=batch)
    return list(drawn)


def mean_over_batches(samples: Sequence[Any], batch: int, replacement: str, value: Callable[[list[Any]], Any]) -> Any:
    """Return the exact mean of ``value(batch of samples)`` by enumeration of every batch."""
    chosen = batches(len(samples), batch, replacement)
    return mpmath.fsum(value([samples[i] for i in b]) for b in chosen) / len(chosen)
