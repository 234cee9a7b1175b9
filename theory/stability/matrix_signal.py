"""The two-layer net f = u w.x with vector inputs that carry a mean signal besides their noise."""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero

kappa, dd = sp.symbols("kappa d", positive=True)
s, a, rho = sp.symbols("s a rho", positive=True)
_MONOMIALS = dict[tuple[int, int, int], Any]


def _generator(function: sp.Expr) -> sp.Expr:
    """Drift of a function of s = (u + w_1)/sqrt 2, a = (u - w_1)/sqrt 2 and rho = |w_across|^2, per (eta sigma)^2.

    In the limit of small steps du = kappa w_1 dt + w.dB, dw = kappa u e_1 dt + u dB, by Ito's formula.
    """
    drift = {s: kappa * s, a: -kappa * a, rho: (dd - 1) * (s + a) ** 2 / 2}
    across = rho * (s + a)
    spread = {
        (s, s): s**2 + rho / 2, (a, a): a**2 + rho / 2, (rho, rho): 2 * rho * (s + a) ** 2,
        (s, a): -s * a + rho / 2, (s, rho): across, (a, rho): across,
    }  # fmt: skip
    first = sum(rate * sp.diff(function, z) for z, rate in drift.items())
    second = sum((1 if z == t else 2) * c * sp.diff(function, z, t) for (z, t), c in spread.items())
    return sp.expand(first + second / 2)


def _signal() -> Derivation:
    ratio, tilt = sp.symbols("Q b", real=True)
    at = {rho: ratio * s**2, a: tilt * s}
    growth = sp.expand(sp.simplify(_generator(sp.log(s)).subs(at)))
    require_zero(growth - (kappa - sp.Rational(1, 2) - ratio / 4), "the growth of s")
    change = sp.expand(sp.simplify(_generator(rho / s**2).subs(at)))
    source = change.subs({ratio: 0, tilt: 0})
    rate = sp.diff(change, ratio).coeff(kappa)
    mean = -source / (rate * kappa)
    return derivation(
        ("growth of s", growth, "Ito: log s, s = (u + w_1)/sqrt 2 along the signal, per (eta sigma)^2; Q = rho/s^2"),
        ("drift of Q", change, "rho = |w_across|^2, b = (u - w_1)/(s sqrt 2)"),
        ("mean of Q", mean, "stationary: Q and b are small at large kappa, so the source balances -2 kappa Q"),
        ("exponent", kappa - sp.Rational(1, 2) - mean / 4, "per (eta sigma)^2, error of order 1/kappa^2"),
    )


@functools.lru_cache(maxsize=32)
def _moment_rows(order: int) -> tuple[list[tuple[int, int, int]], list[_MONOMIALS]]:
    """Monomials s^i a^j rho^k of one degree, and their drifts as coefficients: moments close on themselves."""
    basis = [(order - j - 2 * k, j, k) for k in range(order // 2 + 1) for j in range(order - 2 * k + 1)]
    rows = []
    for i, j, k in basis:
        polynomial = sp.Poly(_generator(s**i * a**j * rho**k), s, a, rho)
        rows.append({m: sp.lambdify((kappa, dd), c, "mpmath") for m, c in polynomial.terms()})
    return basis, rows


def _excess(order: int, signal: Any, dimension: Any) -> Any:
    """kappa (L(p) - p kappa - p(p-1)/2), L(p) the growth rate of the moments of order p: the largest eigenvalue."""
    basis, rows = _moment_rows(order)
    place = {m: n for n, m in enumerate(basis)}
    matrix = mpmath.zeros(len(basis))
    for n, row in enumerate(rows):
        for m, coefficient in row.items():
            matrix[n, place[m]] = coefficient(signal, dimension)
    guess = order * signal + mpmath.mpf(order * (order - 1)) / 2
    vector = mpmath.matrix([1] + [0] * (len(basis) - 1))
    value = guess
    for _ in range(4):
        image = mpmath.lu_solve(matrix - (guess + mpmath.mpf(1) / 7) * mpmath.eye(len(basis)), vector)
        value = guess + mpmath.mpf(1) / 7 + vector[0] / image[0]
        vector = image / image[0]
    return signal * (value - guess)


@functools.lru_cache(maxsize=32)
def _slope(dimension: int) -> Any:
    """Coefficient of 1/kappa in the slope of L(p) at p = 0, from even p: in p it is a polynomial, read off at 1e30."""
    orders, large = (2, 4, 6, 8), mpmath.mpf(10) ** 30
    with mpmath.workdps(90):
        slope = mpmath.mpf(0)
        for p in orders:
            others = [q for q in orders if q != p]
            weight = mpmath.fprod(-q for q in others) / (p * mpmath.fprod(p - q for q in others))
            slope += weight * _excess(p, large, dimension)
    return slope


def _by_moments(signal_ratio: Any, dimension: Any) -> Any:
    """The slope at p = 0 of L(p), whose values at even p are eigenvalues, to first order in 1/kappa."""
    return signal_ratio - mpmath.mpf(1) / 2 + _slope(int(dimension)) / signal_ratio


SIGNAL = Law(
    id="stability.matrix.signal_vector",
    title="Growth of the two-layer net f = u w.x under signal and noise on vector inputs",
    statement="y x ~ N(mu e, sigma^2 I_d), kappa = mu/(eta sigma^2): Lambda_1/(eta sigma)^2 = kappa - 1/2 - "
    "(d-1)/(16 kappa) + O(1/kappa^2): noise across the signal, which alone makes the net grow, slows it down.",
    quantity=sp.Symbol("Lambda_1") / (sy.eta * sp.Symbol("sigma", positive=True)) ** 2,
    parameters=(
        Parameter("signal_ratio", kappa, "kappa = mu/(eta sigma^2)", positive(2.0, 9.0)),
        Parameter("dimension", dd, "dimension d of the input", integer(1, (2, 9))),
    ),
    derive=_signal,
    definition=_by_moments,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("the scalar net: kappa - 1/2", lambda signal_ratio, **_: signal_ratio - 0.5),
        mutant_value(
            "noise across drives the growth",
            lambda signal_ratio, dimension: signal_ratio - 0.5 + (dimension - 1) / (16 * signal_ratio),
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    regime=Regime("mu/(eta sigma^2) -> infinity, eta sigma -> 0", "O(1/kappa^2) + O((kappa eta sigma)^2)"),
    gate_points=6,
    priority="C",
)

SIGNAL_LAWS: tuple[Law, ...] = (SIGNAL,)
