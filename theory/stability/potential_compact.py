"""E log|A - S X| for uniform, Cauchy, arcsine and semicircle X."""

from __future__ import annotations

import functools
import math

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.stability.guard import require_quadrature, require_zero
from theory.stability.quadrature import float_mean, log_mean
from theory.stability.standard import ArcsineX, CauchyX, SemicircleX, SplineX

A = sp.Symbol("A", real=True)
S, y, beta = sp.symbols("S y beta", positive=True)
_T = sp.Symbol("t", real=True)


@functools.lru_cache(maxsize=64)
def iterated_logarithm(order: int) -> sp.Expr:
    """The ``order``-fold antiderivative x^n (log x - H_n)/n! of log x for x > 0, by induction over n."""
    x, n = sp.Symbol("x", positive=True), sp.Symbol("n", integer=True, nonnegative=True)

    def antiderivative(k: sp.Expr, harmonic: sp.Expr) -> sp.Expr:
        return x**k * (sp.log(x) - harmonic) / sp.gamma(k + 1)

    known = sp.Symbol("H_n", real=True)
    step = sp.diff(antiderivative(n + 1, known + 1 / (n + 1)), x) - antiderivative(n, known)
    require_zero(step, "the induction over the iterated antiderivatives")
    return antiderivative(sp.Integer(order), sum((sp.Rational(1, j) for j in range(1, order + 1)), sp.S.Zero))


@functools.lru_cache(maxsize=64)
def uniform_potential(count: int) -> Derivation:
    """E log|A - S (U_1 + ... + U_count)| of uniform U on (0, 1): a divided difference of order ``count``."""
    compact = iterated_logarithm(count)
    positive = next(iter(compact.free_symbols))

    def antiderivative(z: sp.Expr) -> sp.Expr:
        value = compact.subs(sp.log(positive), sp.log(sp.Abs(z))).subs(positive, z)
        return sp.Piecewise((0, sp.Eq(z, 0)), (value, True))

    terms = [(-1) ** j * sp.binomial(count, j) * antiderivative(A - j * S) for j in range(count + 1)]
    result = sum(terms, sp.S.Zero) / S**count
    require_quadrature(
        result,
        (A, S),
        ((0.7, 0.6), (-0.4, 1.3), (2.1, 0.7)),
        lambda a, s: float_mean(SplineX(count), float(a), float(s), math.log),
        1e-9,
    )
    return derivation(
        ("antiderivative", compact, f"log x integrated {count} times; for x < 0 the real part has log|x|"),
        ("exponent", result, "each uniform variable is one integral: backward difference over S"),
    )


@functools.lru_cache(maxsize=1)
def cauchy_potential() -> Derivation:
    """E log|A - S X| = log(A^2 + S^2)/2 of a standard Cauchy X."""
    x = sp.Symbol("x", real=True)
    level = sp.Symbol("A", positive=True)
    fractions = sp.apart(1 / ((1 + x**2) * (level - S * x)), x)
    regular = sp.together(fractions.subs(x, 0) - _pole_part(fractions, level, x).subs(x, 0))
    # Odd parts vanish as principal values, and int dx/(1 + x^2) = pi.
    derivative = sp.simplify(regular)
    integral = sp.integrate(derivative, (level, 0, level))
    result = sp.logcombine(sp.simplify(sp.expand_log(integral + sp.log(S), force=True)), force=True)
    require_zero(sp.diff(result, level) - derivative, "the derivative of the potential")
    result = sp.log(A**2 + S**2) / 2
    require_zero(sp.diff(result, A) - derivative.subs(level, A), "the derivative of the potential")
    require_quadrature(result, (A, S), ((0.7, 0.6), (-0.4, 1.3), (2.1, 0.3)), lambda a, s: log_mean(CauchyX(), a, s))
    return derivation(
        ("derivative in A", fractions, "PV E 1/(A - S X) in partial fractions over pi"),
        ("principal value", derivative, "odd parts vanish, int dx/(1 + x^2) = pi"),
        ("value at A = 0", sp.log(S), "E log|X| = 0, because X and 1/X have one law"),
        ("exponent", result, "integrated over A: log|A + i S|, the Poisson integral in the half plane"),
    )


def _pole_part(fractions: sp.Expr, level: sp.Symbol, x: sp.Symbol) -> sp.Expr:
    return sum((f for f in sp.Add.make_args(fractions) if sp.denom(sp.together(f)).subs(x, level / S) == 0), sp.S.Zero)


def _fourier(weight: sp.Expr, order: int) -> sp.Expr:
    return sp.integrate(sp.expand(sp.cos(order * _T) * weight), (_T, 0, sp.pi))


@functools.lru_cache(maxsize=2)
def circle_potential(semicircle: bool) -> Derivation:
    """E log|A - S cos t| where t is uniform on (0, pi) (arcsine law) or has density 2 sin^2 t/pi (semicircle)."""
    weight = 2 * sp.sin(_T) ** 2 / sp.pi if semicircle else 1 / sp.pi + 0 * _T
    require_zero(
        sp.expand_complex(sp.Abs(1 - beta * sp.exp(sp.I * _T)) ** 2) - (1 - 2 * beta * sp.cos(_T) + beta**2),
        "the factorisation of 1 - 2 beta cos t + beta^2",
    )
    coefficients = [sp.simplify(_fourier(weight, order)) for order in range(7)]
    # log|y - cos t| = -log(2 beta) - sum 2 beta^n cos(n t)/n for y = (beta + 1/beta)/2 > 1; on |y| <= 1 the same
    # with beta^n replaced by cos(n phi), y = cos phi, and beta = 1 in the logarithm.
    outer = -sp.log(2 * beta) - sum((2 * beta**j * f / j for j, f in enumerate(coefficients) if j), sp.S.Zero)
    inner = -sp.log(2) - sum((2 * sp.chebyshevt(j, y) * f / j for j, f in enumerate(coefficients) if j), sp.S.Zero)
    root = sp.solve(y - (beta + 1 / beta) / 2, beta)
    small = min(root, key=lambda r: float(r.subs(y, 2)))
    large = sp.simplify(1 / small)
    require_zero(sp.simplify(small * (y + sp.sqrt(y**2 - 1)) - 1), "the small root beta")
    outer = sp.log((y + sp.sqrt(y**2 - 1)) / 2) + (outer + sp.log(2 * beta)).subs(beta, y - sp.sqrt(y**2 - 1))
    ratio = sp.Abs(A) / S
    result = sp.log(S) + sp.Piecewise((sp.expand(inner).subs(y, ratio), sp.Abs(A) <= S), (outer.subs(y, ratio), True))
    x = SemicircleX() if semicircle else ArcsineX()
    require_quadrature(result, (A, S), ((0.7, 0.6), (-0.4, 1.3), (2.1, 0.3)), lambda a, s: log_mean(x, a, s))
    return derivation(
        ("weight of the angle", weight, "X = cos t"),
        ("Fourier coefficients", sp.Tuple(*coefficients), "E cos(n t), n = 0..6; all later ones vanish too"),
        ("inside |A| <= S", inner, "log|cos phi - cos t| = -log 2 - sum 2 cos(n phi) cos(n t)/n"),
        ("outside", sp.Tuple(small, large, outer), "y = (beta + 1/beta)/2 and |1 - beta e^{it}|^2 expanded"),
        ("exponent", result, "y = |A|/S, plus log S"),
    )
