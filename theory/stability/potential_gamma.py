"""E log|1 -+ u/c| for gamma variables u (either sign of the slope), and for Laplace variables.

Integer shapes go by parts to a principal value and polynomial division, other shapes by the differential equation
of the Hilbert transform of the density, whose power series is integrated termwise.
"""

from __future__ import annotations

import functools

import mpmath
import sympy as sp

from theory.derivation import Derivation, Step, derivation
from theory.stability.guard import require_quadrature, require_zero
from theory.stability.quadrature import log_mean
from theory.stability.standard import GammaX, LaplaceX

c, u, k = sp.symbols("c u k", positive=True)
A = sp.Symbol("A", real=True)
n = sp.Symbol("n", integer=True, nonnegative=True)
_H = sp.Function("H")(c)


def _definition(shape: float, sign: int) -> object:
    return lambda value: log_mean(GammaX(mpmath.mpf(repr(shape))), 1, sign / mpmath.mpf(value))


@functools.lru_cache(maxsize=256)
def integer_gamma(shape: int, sign: int) -> Derivation:
    """E log|1 - sign u/c| for u of integer shape: polynomials, e^-c Ei(c) (sign 1) or e^c E1(c) (sign -1)."""
    density = u ** (shape - 1) * sp.exp(-u) / sp.factorial(shape - 1)
    survival = sum((u**j / sp.factorial(j) for j in range(shape)), sp.S.Zero)
    require_zero(sp.diff(survival * sp.exp(-u), u) + density, "the survival function")
    quotient, remainder = sp.div(sp.Poly(survival, u), sp.Poly(u - sign * c, u))
    regular = sum((sp.factorial(power) * value for (power,), value in quotient.terms()), sp.S.Zero)
    singular = -sp.exp(-c) * sp.Ei(c) if sign == 1 else sp.exp(c) * sp.expint(1, c)
    result = sp.collect(sp.expand(regular), c) + remainder.as_expr() * singular
    require_quadrature(result, (c,), ((0.3,), (1.7,), (4.1,)), _definition(shape, sign))
    return derivation(
        ("density", density, "u is the curvature in units of the scale; c = 1/(eta scale)"),
        (
            "by parts",
            sp.Integral(survival * sp.exp(-u) / (u - sign * c), (u, 0, sp.oo)),
            "principal value; d/du log|1 -+ u/c| = 1/(u -+ c), times the survival function",
        ),
        ("polynomial division", sp.Tuple(quotient.as_expr(), remainder.as_expr()), "quotient and remainder by u -+ c"),
        (
            "principal value",
            singular,
            "PV int e^-u/(u-c) du = -e^-c Ei(c)" if sign == 1 else "int e^-u/(u+c) du = e^c E1(c)",
        ),
        ("exponent", result, "int u^j e^-u du = j!"),
    )


@functools.lru_cache(maxsize=2)
def general_gamma(sign: int) -> Derivation:
    """E log|1 - sign u/c| for u of real (not integer) shape k."""
    f = u ** (k - 1) * sp.exp(-u)
    require_zero(u * sp.diff(f, u) - (k - 1 - u) * f, "the density equation")
    # The same equation holds for the transform: u = (u - c) + c under the integral.
    equation = c * sp.diff(_H, c) - (k - 1 - sign * c) * _H + sign * sp.gamma(k)
    homogeneous = c ** (k - 1) * sp.exp(-sign * c)
    require_zero(sp.expand(equation.subs(_H, homogeneous).doit() - sign * sp.gamma(k)), "the homogeneous solution")
    particular = sign * sp.gamma(k - 1) * sp.hyper((1,), (2 - k,), -sign * c)
    coefficient = sign * sp.gamma(k - 1) * (-sign) ** n / sp.rf(2 - k, n)
    recursion = (n + 1 - (k - 1)) * coefficient.subs(n, n + 1) + sign * coefficient
    for order in (0, 1, 4):
        require_zero(sp.expand_func(recursion.subs(n, order)), "the recursion of the power series")
    amplitude = -sp.pi * sp.cot(sp.pi * k) if sign == 1 else sp.pi / sp.sin(sp.pi * k)
    lower = sp.lowergamma(k, c) / sp.gamma(k)
    if sign == -1:
        lower = c**k * sp.hyper((k,), (k + 1,), c) / sp.gamma(k + 1)
    correction = c / (k - 1) * sp.hyper((1, 1), (2, 2 - k), -sign * c)
    result = sp.digamma(k) - sign * amplitude * lower - sign * correction - sp.log(c)
    for shape in (0.7, 2.6):
        form = result.subs(k, sp.Rational(str(shape)))
        require_quadrature(form, (c,), ((0.3,), (1.7,), (4.1,)), _definition(shape, sign), 1e-9)
    return derivation(
        ("transform", sp.Integral(f / (u - sign * c), (u, 0, sp.oo)), "H(c), a principal value where c is inside"),
        ("equation", sp.Eq(equation, 0), "from u f' = (k - 1 - u) f under the integral"),
        ("particular solution", particular, "power series with the recursion (n - k + 2) H_{n+1} = -+ H_n"),
        (
            "amplitude of the homogeneous solution",
            amplitude * homogeneous,
            "c -> 0: PV int u^{k-1}/(u-1) du = psi(k) - psi(1-k) = -pi cot(pi k); with u+1: pi/sin(pi k)",
        ),
        ("value at c = 0", sp.digamma(k), "E log u = psi(k)"),
        ("exponent", result, "d/dc E log|c -+ u| = -+ H/Gamma(k), integrated termwise from 0, minus log c"),
    )


def gamma_steps(shape: sp.Expr, sign: int) -> tuple[Step, ...]:
    """The steps for a shape; integers take the finite sum, because the general form has removable poles there."""
    if shape.is_Integer:
        return integer_gamma(int(shape), sign).steps
    steps = general_gamma(sign).steps
    return tuple(
        Step(s.name, s.expression.subs(k, shape) if s.name == "exponent" else s.expression, s.rule) for s in steps
    )


def gamma_potential(shape: sp.Expr, sign: int, ratio: sp.Expr) -> sp.Expr:
    """E log|1 - sign u/ratio| with ratio > 0 and a shape which is a number or a symbol."""
    return gamma_steps(shape, sign)[-1].expression.subs(c, ratio)


@functools.lru_cache(maxsize=1)
def laplace_potential() -> Derivation:
    """E log|A - S X| of a Laplace X of scale 1: two exponential halves."""
    S = sp.Symbol("S", positive=True)
    plus, minus = integer_gamma(1, 1).result, integer_gamma(1, -1).result
    halves = (plus + minus) / 2
    ratio = sp.Abs(A) / S
    # E log|X| for A = 0: E log u = psi(1).
    result = sp.Piecewise((sp.log(sp.Abs(A)) + halves.subs(c, ratio), sp.Ne(A, 0)), (sp.log(S) - sp.EulerGamma, True))
    require_quadrature(result, (A, S), ((0.7, 0.6), (-0.4, 1.3), (2.1, 0.3)), lambda a, s: log_mean(LaplaceX(), a, s))
    return derivation(
        ("halves", sp.Tuple(plus, minus), "X = +-u with u exponential; c = |A|/S"),
        ("exponent", result, "log|A| plus the mean of the halves; psi(1) + log S where A = 0"),
    )
