"""Derivations of the covariance of a minibatch gradient, from the half-square loss and the way batches are drawn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import B, K, L, N, d, h, i, s2

features, targets = sp.IndexedBase("x"), sp.IndexedBase("y")
theta = sp.Symbol("theta", real=True)


def isserlis(indices: tuple[int, ...], covariance: Any) -> Any:
    """Return E[x_i x_j ...] of a centred Gaussian vector by Isserlis' recursion.

    >>> a = sp.Symbol("a")
    >>> isserlis((0, 0, 0, 0), sp.Matrix([[a]]))
    3*a**2
    """
    return _isserlis(tuple(sorted(indices)), sp.ImmutableMatrix(covariance))


@lru_cache(maxsize=20000)
def _isserlis(indices: tuple[int, ...], covariance: Any) -> Any:
    if not indices:
        return sp.Integer(1)
    first, rest = indices[0], indices[1:]
    return sp.expand(
        sum(
            (covariance[first, k] * _isserlis(rest[:q] + rest[q + 1 :], covariance) for q, k in enumerate(rest)),
            sp.Integer(0),
        )
    )


def finite_sample(replacement: str = "with") -> Derivation:
    """Variance of the mean of B sample gradients, with the indicator moments of the drawing scheme."""
    square, mean = sp.symbols("S2 S1", real=True)
    if replacement == "with":
        same, other = B / N + B * (B - 1) / N**2, B * (B - 1) / N**2
        rule = "counts are multinomial"
    else:
        same, other = B / N, B * (B - 1) / (N * (N - 1))
        rule = "uniformly random subsets"
    variance = ((same - other) * N * square + other * N**2 * mean**2) / B**2 - mean**2
    form = sp.factor(sp.diff(variance, square)) * (square - mean**2)
    require_zero(variance - form, "the variance depends on S2 - S1^2 only")
    gradient = (theta * features[i] - targets[i]) * features[i]
    total = sp.Sum(gradient**2, (i, 0, N - 1)) / N
    average = sp.Sum(gradient, (i, 0, N - 1)) / N
    return derivation(
        ("sample gradient", gradient, "derivative of (theta x - y)^2 / 2"),
        ("E[m_i m_i] and E[m_i m_j]", sp.Tuple(same, other), f"m_i = how often sample i is in the batch; {rule}"),
        ("variance", variance, "Var of sum m_i g_i / B; S2 and S1 are the means of g^2 and g"),
        ("factored", form, "cancel"),
        ("closed form", form.subs({square: total, mean: average}), "insert the sample means"),
    )


def decoupled() -> Derivation:
    """2 L h / B: the residual is decoupled from the feature and the squared mean gradient is dropped."""
    second = (K * h * d**2 + s2) * h
    exact = second - h**2 * d**2
    return derivation(
        ("sample gradient", (d * sp.Symbol("x") - sp.Symbol("e")) * sp.Symbol("x"), "residual times feature"),
        ("second moment", second, "E x^4 = K h^2, E e^2 = sigma2"),
        ("exact covariance", sp.expand(exact / B), "subtract (grad L)^2 = h^2 d^2"),
        ("decoupled second moment", 2 * L * h, "E[r^2 x^2] -> E[r^2] E[x^2] with E r^2 = 2 L"),
        ("error of both approximations together", sp.factor((exact - (h * d**2 + s2) * h) / B), "vanishes at K = 2"),
        ("covariance of the batch mean", 2 * L * h / B, "drop (grad L)^2; B independent samples"),
    )


def gaussian_features() -> Derivation:
    """Entry (i, j) of [2 L H + grad L grad L^T] / B by Isserlis' theorem on (x_i, x_j, d.x)."""
    h_ii, h_jj, h_ij, g_i, g_j, q = sp.symbols("H_ii H_jj H_ij g_i g_j q", real=True)
    joint = sp.Matrix([[h_ii, h_ij, g_i], [h_ij, h_jj, g_j], [g_i, g_j, q]])
    second = isserlis((0, 1, 2, 2), joint) + s2 * h_ij
    entry = sp.expand(second - g_i * g_j)
    compact = (2 * L * h_ij + g_i * g_j) / B
    require_zero(compact.subs(L, (q + s2) / 2) * B - entry, "the covariance is 2 L H + grad L grad L^T")
    return derivation(
        ("joint covariance of x_i, x_j, d.x", sp.ImmutableMatrix(joint), "g = H d = grad L, q = d'H d"),
        ("E[g_i g_j] of one sample", second, "Isserlis; the label noise adds sigma2 H_ij"),
        ("covariance of one sample", entry, "subtract grad L grad L^T"),
        ("entry of the batch covariance", compact, "2 L = q + sigma2; B independent samples"),
    )


def kurtosis() -> Derivation:
    """[(K-1) h^2 d^2 + sigma2 h] / B for a scalar feature of kurtosis K."""
    second = sp.expand((K * h * d**2 + s2) * h)
    form = ((K - 1) * h**2 * d**2 + s2 * h) / B
    return derivation(
        ("second moment of one gradient", second, "g = (d x - e) x, E x^4 = K h^2"),
        ("covariance of one sample", sp.expand(second - h**2 * d**2), "subtract (h d)^2"),
        ("covariance of the batch mean", form, "B independent samples"),
    )


def trace_network() -> Derivation:
    """The decoupled covariance of a network, as the ratio of its trace to 2 L Tr C / B."""
    trace, residual = sp.symbols("TrC r2", positive=True)
    return derivation(
        ("trace of the second moment", residual * trace / B, "E[r^2 |grad f|^2] decoupled, r2 = E r^2"),
        ("in terms of the loss", 2 * L * trace / B, "r2 = 2 L"),
        ("ratio to 2 L Tr C / B", sp.Integer(1), "small corrections are not claimed"),
    )


def proportional_trace() -> Derivation:
    """Rank correlation of Tr Sigma with L along training if Tr Sigma is proportional to L."""
    trace = sp.Symbol("TrC", positive=True)
    return derivation(
        ("trace of the covariance", 2 * L * trace / B, "decoupled"),
        ("derivative in L", 2 * trace / B, "positive if C stays constant along training"),
        ("rank correlation of Tr Sigma and L", sp.Integer(1), "an increasing function of L"),
    )
