"""Symbolic models shared by the derivations: the bilinear pair and its exact step, the scalar net, averages."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.symmetry import parameters as p

A_PAIR = sp.diag(1, 1, -1, -1)


def pair_model() -> tuple[sp.Matrix, sp.Matrix]:
    """Return theta = (u, w) and the gradient of any loss of the outer product u w^T, by differentiation.

    The loss enters through its generic linear part G . (u w^T), so the gradient is that of every loss at this point.
    """
    u, w = sp.Matrix(sp.symbols("u1:3", real=True)), sp.Matrix(sp.symbols("w1:3", real=True))
    slope = sp.Matrix(2, 2, sp.symbols("G11 G12 G21 G22", real=True))
    theta = sp.Matrix([*u, *w])
    loss = sum(slope[i, j] * u[i] * w[j] for i in range(2) for j in range(2))
    return theta, sp.Matrix([sp.diff(loss, q) for q in theta])


def quadratic(a: sp.Matrix, b: sp.Matrix, generator: sp.Matrix = A_PAIR) -> sp.Expr:
    """Return a^T A b, expanded."""
    return sp.expand((a.T * generator * b)[0])


def require_zero(expression: Any, what: str) -> None:
    """Raise DerivationError unless the expression expands to zero."""
    if sp.expand(expression) != 0:
        raise DerivationError(f"{what} does not vanish: {sp.sstr(sp.expand(expression))[:100]}.")


def exact_step(keep: Any, rate: Any) -> sp.Expr:
    """Return C' of theta' = keep * theta - rate * g in terms of C and q = g^T A g.

    The square is expanded for the pair model; its cross term is g^T A theta, which vanishes identically.

    >>> exact_step(1, p.ETA)
    C + eta**2*q
    """
    theta, g = pair_model()
    a, h = sp.symbols("a h")
    after = sp.Poly(quadratic(a * theta - h * g, a * theta - h * g), a, h)
    require_zero(after.coeff_monomial(a * h), "the cross term g^T A theta")
    require_zero(after.coeff_monomial(a**2) - quadratic(theta, theta), "the part without gradient, minus C,")
    require_zero(after.coeff_monomial(h**2) - quadratic(g, g), "the part without parameters, minus g^T A g,")
    return keep**2 * p.CHARGE + rate**2 * p.GRADIENT_FORM


def subset_factor(replacement: str) -> sp.Expr:
    """Return k of Cov(batch mean) = k Sigma/S, from the pair covariance of the sampling scheme.

    >>> subset_factor("without")
    (N - S)/(N - 1)
    """
    variance = sp.Symbol("sigma2")
    size, batch = p.DATA_SIZE, p.BATCH
    # All N centred values add up to zero, hence N variance + N (N - 1) pair covariance = 0.
    pair = sp.Integer(0) if replacement == "with" else -variance / (size - 1)
    return sp.factor((batch * variance + batch * (batch - 1) * pair) / batch**2 * batch / variance)


def scalar_loss() -> sp.Expr:
    """Return the per-sample loss (u w x - y)^2."""
    return (p.U * p.W * p.X - p.Y) ** 2


def scalar_gradient() -> tuple[sp.Expr, sp.Expr]:
    """Return the per-sample gradient of the scalar net."""
    return sp.diff(scalar_loss(), p.U), sp.diff(scalar_loss(), p.W)


def average(expression: Any) -> sp.Expr:
    """Return the mean of an expression in x, y over the data x_i, y_i."""
    i = sp.Symbol("i", integer=True)
    inside = sp.expand(expression).subs({p.X: p.INPUTS[i], p.Y: p.TARGETS[i]}, simultaneous=True)
    return sp.Sum(inside, (i, 0, p.DATA_SIZE - 1)) / p.DATA_SIZE
