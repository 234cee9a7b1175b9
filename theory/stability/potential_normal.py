"""E log|A - S X| for normal X, and for the product of two normals, derived from the absolute moments."""

from __future__ import annotations

import functools

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.stability.guard import require_quadrature, require_zero
from theory.stability.quadrature import float_mean, log_mean
from theory.stability.standard import BesselX, NormalX

A = sp.Symbol("A", real=True)
S = sp.Symbol("S", positive=True)
q, x = sp.symbols("q x", positive=True)
n = sp.Symbol("n", integer=True, positive=True)


@functools.lru_cache(maxsize=1)
def absolute_moment() -> tuple[sp.Expr, Derivation]:
    """E|A - S X|^q of a normal X, a Kummer function, from the power series of the shifted density."""
    half_moment = sp.integrate(x ** (q + 2 * n) * sp.exp(-(x**2) / 2), (x, 0, sp.oo))
    ratio = half_moment / half_moment.subs(n, 0)
    z = sp.Symbol("z", positive=True)
    # e^{z x} contributes its even powers; z^2/2 = X is the expansion variable.
    coefficient = sp.gammasimp(ratio * z ** (2 * n) / sp.factorial(2 * n))
    expected = sp.rf((q + 1) / 2, n) / sp.rf(sp.Rational(1, 2), n) * (z**2 / 2) ** n / sp.factorial(n)
    for order in (1, 2, 3, 4):
        require_zero(sp.expand_func(sp.gammasimp((coefficient - expected).subs(n, order))), "a Kummer coefficient")
    big_x = A**2 / (2 * S**2)
    central = sp.powdenest(S**q * 2 * half_moment.subs(n, 0) / sp.sqrt(2 * sp.pi), force=True)
    first = sp.exp(-big_x) * central * sp.hyper(((q + 1) / 2,), (sp.Rational(1, 2),), big_x)
    second = central * sp.hyper((-q / 2,), (sp.Rational(1, 2),), -big_x)
    steps = derivation(
        ("density of the multiplier", sp.exp(-((x - A) ** 2) / (2 * S**2)) / sp.sqrt(2 * sp.pi * S**2), "a = A - S X"),
        ("half moments", half_moment, "termwise integral of the power series of exp(A a/S^2)"),
        ("absolute moment", first, "the series of even powers is 1F1((q+1)/2; 1/2; X), X = A^2/(2 S^2)"),
        ("Kummer transformation", second, "e^-X 1F1(a; b; X) = 1F1(b-a; b; -X)"),
    )
    return second, steps


@functools.lru_cache(maxsize=1)
def normal_potential() -> Derivation:
    """E log|A - S X| = log S - (gamma + log 2)/2 + X 2F2(1, 1; 3/2, 2; -X), X = A^2/(2 S^2)."""
    moment, steps = absolute_moment()
    big_x = sp.Symbol("X", positive=True)
    prefactor = moment.replace(lambda e: isinstance(e, sp.hyper), lambda e: sp.S.One)
    constant = sp.expand_log(sp.expand_func(sp.diff(prefactor, q).subs(q, 0)), force=True)
    constant = sp.simplify(constant.rewrite(sp.polygamma))
    constant = sp.expand(sp.expand_log(constant, force=True))
    # (-q/2)_n = (-q/2) (1 - q/2)_{n-1}, so its derivative at q = 0 is -(n-1)!/2.
    rising = sp.diff((-q / 2) * sp.rf(1 - q / 2, n - 1), q).subs(q, 0)
    rising = sp.simplify(rising.rewrite(sp.factorial)) if rising.has(sp.rf) else rising
    term = -sp.factorial(n - 1) / 2
    for order in (1, 2, 5):
        require_zero(sp.expand_func((rising - term).subs(n, order)), "a derivative of a rising factorial")
    series = sp.summation(term / sp.rf(sp.Rational(1, 2), n) * (-big_x) ** n / sp.factorial(n), (n, 1, sp.oo))
    result = constant + series.subs(big_x, A**2 / (2 * S**2))
    require_quadrature(result, (A, S), ((0.7, 0.6), (-0.4, 1.3), (2.1, 0.9)), lambda a, s: log_mean(NormalX(), a, s))
    return derivation(
        *((step.name, step.expression, step.rule) for step in steps.steps),
        ("derivative of the prefactor", constant, "d/dq at q = 0; psi(1/2) = -gamma - 2 log 2"),
        ("derivative of the series", series, "d/dq (-q/2)_n = -(n-1)!/2 at q = 0, summed"),
        ("exponent", result, "Lambda = d/dq E|a|^q at q = 0"),
    )


def g(mean: sp.Expr, std: sp.Expr) -> sp.Expr:
    """E log|N(mean, std^2)| as derived by ``normal_potential``."""
    return normal_potential().result.subs({A: mean, S: std}, simultaneous=True)


@functools.lru_cache(maxsize=1)
def product_potential() -> Derivation:
    """E log|1 - S X Y| for independent standard normal X, Y: a Meijer G function of 4 S^2."""
    z = sp.Symbol("z", positive=True)
    density = sp.besselk(0, z) / sp.pi
    square = sp.Symbol("v", positive=True)
    integral = sp.integrate(sp.besselk(0, z) * sp.log(sp.Abs(1 - square * z**2)), (z, 0, sp.oo)) / sp.pi
    result = integral.subs(square, S**2)
    require_quadrature(
        result,
        (S,),
        ((0.4,), (1.3,), (2.6,)),
        lambda s: mpmath.mpf(float_mean(BesselX(0.5), 1.0, float(s), lambda a: float(mpmath.log(a)))),
    )
    return derivation(
        ("density of the product", density, "int dx/(2 pi |x|) exp(-x^2/2 - z^2/(2 x^2)) = K0(|z|)/pi"),
        ("symmetrise", sp.log(sp.Abs(1 - S**2 * z**2)) / 2, "z and -z are equally likely"),
        ("exponent", result, "integral over z > 0, both signs: Meijer G"),
    )
