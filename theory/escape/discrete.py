"""Exact stationary moments of the discrete process d' = (1 - eta A) d + noise, from linear moment equations."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import B, K, N, T, eigenvalues, eta, h, i, s2

A = sp.Symbol("A")
a1, a2, a3, a4 = moments = sp.symbols("a1:5", positive=True)
e = sp.Symbol("e", positive=True)


def mean_of(polynomial: Any, table: tuple[Any, ...]) -> Any:
    """Expectation of a polynomial in the batch curvature A, given E A^k for k = 1, 2, ....

    >>> mean_of((1 - A) ** 2, (a1, a2))
    -2*a1 + a2 + 1
    """
    poly = sp.Poly(sp.expand(polynomial), A)
    return sum((k * (table[d[0] - 1] if d[0] else 1) for d, k in poly.terms()), sp.Integer(0))


def second_moment(table: tuple[Any, ...]) -> Any:
    """Stationary E d^2 of d' = (1 - eta A) d + eta sqrt(A/B) sigma xi."""
    m2 = sp.Symbol("m2")
    (root,) = sp.solve(m2 * mean_of((1 - eta * A) ** 2, table) + eta**2 * table[0] * s2 / B - m2, m2)
    return sp.factor(root)


def excess(table: tuple[Any, ...]) -> Any:
    """Stationary excess kurtosis from the equation of the fourth moment."""
    m4 = sp.Symbol("m4")
    m2 = second_moment(table)
    source = 6 * mean_of((1 - eta * A) ** 2 * A, table) * eta**2 * s2 / B * m2
    source += 3 * eta**4 * s2**2 / B**2 * mean_of(A**2, table)
    (root,) = sp.solve(m4 * mean_of((1 - eta * A) ** 4, table) + source - m4, m4)
    return sp.factor(sp.cancel(root / m2**2 - 3))


def excess_general() -> Derivation:
    """3 eta^3 (a1^2 a4 - 2 a1 a2 a3 + a2^3) / {a1^2 (4 a1 - 6 a2 eta + 4 a3 eta^2 - a4 eta^3)}."""
    form = excess(moments)
    numerator = 3 * eta**3 * (a1**2 * a4 - 2 * a1 * a2 * a3 + a2**3)
    compact = numerator / (a1**2 * (4 * a1 - 6 * a2 * eta + 4 * a3 * eta**2 - a4 * eta**3))
    require_zero(form - compact, "collected form of the excess kurtosis")
    return derivation(
        ("second moment", second_moment(moments), "E (1-eta A)^2 m2 + eta^2 sigma2 E A / B = m2"),
        ("fourth moment over second squared minus 3", form, "binomial expansion; the label noise is Gaussian given A"),
        ("excess kurtosis", compact, "collect powers of eta; numerator = a1^3 E_A[A (A - mean)^2] >= 0"),
    )


def excess_gaussian() -> Derivation:
    """The same with A = h chi^2_B / B."""
    table, value = [], sp.Integer(1)
    for k in range(4):
        value = value * h * (B + 2 * k) / B
        table.append(value)
    form = sp.factor(sp.cancel(excess_general().result.subs(dict(zip(moments, table, strict=True)), simultaneous=True)))
    bottom = 4 * B**3 - 6 * B**2 * (B + 2) * e + 4 * B * (B + 2) * (B + 4) * e**2 - (B + 2) * (B + 4) * (B + 6) * e**3
    compact = (6 * e**3 * (B + 2) * (B + 6) / bottom).subs(e, eta * h)
    require_zero(form - compact, "Gaussian features")
    finite = sp.Piecewise((compact, bottom.subs(e, eta * h) > 0), (sp.oo, True))
    return derivation(
        ("moments of A", sp.Tuple(*table), "A = h chi^2_B / B"),
        ("excess kurtosis", compact, "insert in the general form"),
        ("where it is finite", finite, "E (1-eta A)^4 < 1"),
    )


def variance_kurtosis() -> Derivation:
    """(eta sigma2/B) / (2 - eta h (1 + (K-1)/B)) in one dimension."""
    second = h**2 * (1 + (K - 1) / B)
    form = second_moment((h, second))
    compact = eta * s2 / B / (2 - eta * h * (1 + (K - 1) / B))
    require_zero(form - compact, "stationary variance")
    return derivation(
        ("E A and E A^2 of a batch", sp.Tuple(h, second), "B independent samples, E x^4 = K h^2"),
        ("balance", form, "E (1-eta A)^2 m2 + eta^2 sigma2 h / B = m2"),
        ("stationary variance", compact, "divide by eta h"),
    )


def covariance_gaussian() -> Derivation:
    """Var_i = (eta sigma2/B)/[(1-X)(2 - eta h_i (1+1/B))], X = (eta/B) sum_j h_j/(2 - eta h_j (1+1/B))."""
    hi, si, trace = sp.symbols("h_i S_i tau", positive=True)
    balance = -2 * eta * hi * si + eta**2 * ((1 + 1 / B) * hi**2 * si + hi * trace / B) + eta**2 * s2 * hi / B
    (solution,) = sp.solve(balance, si)
    bracket = 2 - eta * hi * (1 + 1 / B)
    require_zero(solution - eta * (trace + s2) / B / bracket, "S_i in terms of tau = Tr H S")
    x = eta / B * sp.Sum(eigenvalues[i] / (2 - eta * eigenvalues[i] * (1 + 1 / B)), (i, 0, N - 1))
    share = sp.Symbol("X", positive=True)
    (tau,) = sp.solve(sp.Eq(trace, share * (trace + s2)), trace)
    form = sp.factor(solution.subs(trace, tau))
    compact = eta * s2 / B / ((1 - share) * bracket)
    require_zero(form - compact, "self-consistency")
    return derivation(
        ("stationarity of direction i", sp.Eq(balance, 0), "E A S A = (1+1/B) H S H + H Tr(H S)/B"),
        ("S_i", eta * (trace + s2) / B / bracket, "solve; tau = Tr H S"),
        ("X", x, "tau = X (tau + sigma2)"),
        ("variance along i", compact, "insert tau"),
    )


def gaussian_chain_variance() -> Derivation:
    """E v = T / (2 - eta h - T) for the chain with Gaussian noise of variance 2 L h / B."""
    v = sp.Symbol("E_v", positive=True)
    balance = sp.Eq(v, (1 - eta * h) ** 2 * v + eta * h * T * (1 + v))
    (root,) = sp.solve(balance, v)
    form = sp.cancel(root).subs(T, eta * h / B)
    return derivation(
        ("balance of v = h d^2/sigma2", balance, "d' = (1-eta h) d + eta sqrt(2 L h/B) xi, 2 L = sigma2 (1+v)"),
        ("E v", sp.cancel(root), "solve"),
        ("in the keys", sp.factor(form), "T = eta h / B"),
    )


def discriminator() -> Derivation:
    """Ratio of the excess kurtosis of the SDE with proportional noise to the exact one, h = n = 1."""
    t = eta / B
    sde = sp.cancel(3 / (1 / t - sp.Rational(3, 2)))
    exact = excess_gaussian().steps[1].expression.subs(h, 1)
    form = sp.factor(sp.cancel(sde / exact))
    lead = sp.limit(form * eta**2, eta, 0)
    return derivation(
        ("SDE", sde, "3/(1/T - 1 - 1/2), T = eta/B"),
        ("exact", exact, "Gaussian features"),
        ("ratio times eta^2 as eta -> 0", sp.factor(lead), "diverges as eta^-2"),
        ("ratio", form, "divide"),
    )


def covariance_general() -> Derivation:
    """H S + S H - eta H S H = eta C in the eigenbasis of H."""
    hi, hj, c_ij, s_ij = sp.symbols("h_i h_j C_ij S_ij", positive=True)
    equation = sp.Eq((1 - eta * hi) * (1 - eta * hj) * s_ij + eta**2 * c_ij, s_ij)
    (root,) = sp.solve(equation, s_ij)
    compact = eta * c_ij / (hi + hj - eta * hi * hj)
    require_zero(root - compact, "entry in the eigenbasis")
    return derivation(
        ("stationarity", equation, "S = (1-eta H) S (1-eta H) + eta^2 C in the eigenbasis of H"),
        ("entry", compact, "solve; the matrix form is H S + S H - eta H S H = eta C"),
    )


def momentum_variance() -> Derivation:
    """Heavy ball with constant noise variance: the fixed point of the three second moments."""
    mu = sp.Symbol("mu", nonnegative=True)
    c = sp.Symbol("C", positive=True)
    vv, dv, dd = sp.symbols("S_vv S_dv S_dd")
    new_vv = mu**2 * vv - 2 * mu * eta * h * dv + eta**2 * h**2 * dd + eta**2 * c
    cross = mu * dv - eta * h * dd
    new_dv = cross + new_vv
    new_dd = dd + 2 * cross + new_vv
    (solution,) = sp.solve([new_vv - vv, new_dv - dv, new_dd - dd], [vv, dv, dd], dict=True)
    compact = eta * c * (1 + mu) / (h * (1 - mu) * (2 * (1 + mu) - eta * h))
    require_zero(solution[dd] - compact, "stationary variance")
    return derivation(
        ("second moments after a step", sp.Tuple(new_vv, new_dv, new_dd), "v' = mu v - eta (h d + noise), d' = d + v'"),
        ("E d^2", compact, "fixed point of the three linear equations"),
    )


def escaping_efficiency() -> Derivation:
    """d E L / dt at t = 0 from the minimum: (eta/2) Tr(H Sigma)."""
    hi, sigma = sp.symbols("h_i Sigma_ii", positive=True)
    t = sp.Symbol("t", positive=True)
    variance = eta * sigma * (1 - sp.exp(-2 * hi * t)) / (2 * hi)
    growth = sp.diff(hi * variance / 2, t).subs(t, 0)
    index = sp.IndexedBase("Sigma")
    form = eta / 2 * sp.Sum(eigenvalues[i] * index[i], (i, 0, N - 1))
    return derivation(
        ("variance along i", variance, "Ornstein-Uhlenbeck from the minimum"),
        ("derivative of h_i variance / 2 at t = 0", sp.simplify(growth), "expand"),
        ("slope of E L", form, "sum over directions, in the eigenbasis of H"),
    )
