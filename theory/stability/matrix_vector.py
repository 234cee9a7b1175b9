"""The two-layer net f = u w.x with vector inputs under pure noise: where the scalar criterion fails."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero

eta = sy.eta
sigma = sp.Symbol("sigma", positive=True)
x, y = sp.symbols("x y", positive=True)
u, r = sp.symbols("u r", positive=True)
dd = sp.Symbol("d", positive=True)
NOISE_STD = Parameter("noise_std", sigma, "standard deviation of every component of y x", positive(0.3, 1.5))


def _generator(function: sp.Expr) -> sp.Expr:
    """Drift of a function of (u, r = |w|) per (eta sigma)^2 in the limit of small steps."""
    drift = (dd - 1) * u**2 / (2 * r) * sp.diff(function, r)
    second = r**2 * sp.diff(function, u, 2) + 2 * u * r * sp.diff(function, u, r) + u**2 * sp.diff(function, r, 2)
    return drift + second / 2


@functools.lru_cache(maxsize=1)
def _angle() -> list[tuple[str, Any, str]]:
    """From the exact reduction of one step to the stationary law of x = u^2/(|w|^2 - u^2)."""
    step, normal, chi = sp.symbols("epsilon z A", positive=True)
    radius = sp.sqrt((r + step * u * normal) ** 2 + step**2 * u**2 * chi)
    expansion = sp.expand(sp.series(radius, step, 0, 3).removeO())
    require_zero(expansion - (r + step * u * normal + step**2 * u**2 * chi / (2 * r)), "the step of the radius")
    ratio = u**2 / (r**2 - u**2)
    at = {u: r * sp.sqrt(x / (1 + x))}
    drift = sp.factor(sp.simplify(_generator(ratio).subs(at)))
    slope = sp.diff(ratio, u) * r + sp.diff(ratio, r) * u
    spread = sp.factor(sp.simplify((slope**2).subs(at)))
    density = x ** sp.Rational(-1, 2) * (1 + x) ** ((dd - 2) / 2) * sp.exp(-(dd - 1) * x / 2)
    # A diffusion without flux: (spread p)'/(spread p) = 2 drift/spread.
    require_zero(sp.diff(sp.log(spread * density), x) - 2 * drift / spread, "the stationary density")
    growth = sp.factor(sp.simplify(_generator(sp.log(r)).subs(at)))
    require_zero(growth - (dd - 2) / 2 * x / (1 + x), "the growth of |w|")
    return [
        ("step", sp.Tuple(u + step * r * normal, radius),
         "exact for (u, |w|): epsilon = eta sigma, z normal along w, A ~ chi2_{d-1} across"),
        ("drift of x", drift, "x = u^2/(|w|^2 - u^2), Ito to second order in epsilon, per epsilon^2"),
        ("spread of x", spread, "squared noise amplitude per epsilon^2"),
        ("stationary density", density, "no flux, up to its norm; x > 0 is never left"),
        ("growth", growth, "drift of log |w| per epsilon^2; x is stationary, so u grows alike"),
    ]  # fmt: skip


def _even_integral(d: int, power: int) -> sp.Expr:
    """int x^(power - 1/2) (1 + x)^((d-2)/2 - power) e^(-(d-1) x/2) dx for even d: a finite sum of gamma functions."""
    rate, order = sp.Rational(d - 1, 2), d // 2 - 1 - power
    half = sp.Rational(1, 2)
    return sp.Add(
        *[sp.binomial(order, i) * sp.gamma(i + power + half) * rate ** -(i + power + half) for i in range(order + 1)]
    )


def _odd_integral(d: int, power: int) -> sp.Expr:
    """The same for odd d, up to a common factor: x = sinh^2(v/2) turns it into Bessel functions of (d-1)/4."""
    cosh = sp.Symbol("C")
    polynomial = sp.Poly(sp.expand((1 + cosh) ** ((d - 1) // 2 - power) * (cosh - 1) ** power), cosh)
    total = sp.Add(
        *[c * (-1) ** i * sp.diff(sp.besselk(0, y), y, i) for (i,), c in polynomial.terms()]
    )  # int cosh^i v e^(-y cosh v) dv = (-d/dy)^i K_0(y)
    return sp.expand(sp.expand_func(total).subs(y, sp.Rational(d - 1, 4)))


def _coefficient(d: int) -> sp.Expr:
    if d == 1:
        return sp.Rational(-1, 2)
    if d == 2:
        return sp.Integer(0)
    integral = _odd_integral if d % 2 else _even_integral
    ratio = integral(d, 1) / integral(d, 0)
    return sp.Rational(d - 2, 2) * (sp.simplify(ratio) if d % 2 == 0 else ratio)


def _vector(dimension: int = 4) -> Derivation:
    d = int(dimension)
    rule = {
        1: "d = 1: x grows without bound, |u| = |w|, and the growth is (d-2)/2",
        2: "the factor d - 2 vanishes",
    }.get(d, "mean of the growth: gamma functions for even d, Bessel functions (x = sinh^2(v/2)) for odd d")
    return derivation(*_angle(), ("exponent", _coefficient(d), rule))


def _vector_definition(dimension: int) -> Any:
    """Average of the drift of log(u^2 + |w|^2)/2 over the speed density of c = u^2/(u^2 + |w|^2), by quadrature."""
    d = int(dimension)

    def growth(c: Any) -> Any:
        return (1 - c + d * c - 8 * c * (1 - c)) / 2

    if d == 1:
        return growth(mpmath.mpf(1) / 2)

    def log_slope(c: Any) -> Any:
        drift = (1 - c) ** 2 - d * c**2 - 8 * c * (1 - c) * (1 - 2 * c)
        return drift / (2 * c * (1 - c) * (1 - 2 * c) ** 2)

    # In v = 1/(1 - 2 c) the slope is smooth and tends to a constant; its part 1/(2 c) is integrated by hand.
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def speed(q: float) -> float:
        v = 1 + q * q
        grid = 1.25 + (v - 1.25) * (nodes + 1) / 2
        c = (1 - 1 / grid) / 2
        inner = (v - 1.25) / 2 * float(weights @ ((log_slope(c) - 1 / (2 * c)) / (2 * grid**2)))
        # Times dc, with c = q^2/(2 v): the square root of c cancels.
        return math.exp(inner) * math.sqrt(2 * v) / (1 - q * q / (2 * v))

    def average(function: Callable[[float], float]) -> float:
        return mpmath.fp.quad(lambda q: speed(q) * function(q * q / (2 + 2 * q * q)), [0, 0.5, 1, 2, 4, 8, 14])

    return average(growth) / average(lambda _: 1.0)


VECTOR_INPUT = Law(
    id="stability.matrix.vector_input_noise",
    title="Growth of the two-layer net f = u w.x under pure noise on vector inputs",
    statement="y x ~ N(0, sigma^2 I_d): Lambda_1/(eta sigma)^2 -> ((d-2)/4) U(3/2,(d+1)/2,(d-1)/2)/"
    "U(1/2,(d+1)/2,(d-1)/2) with the Tricomi function U: -1/2 at d = 1, 0 at d = 2, positive beyond. Value: this "
    "coefficient.",
    quantity=sp.Symbol("Lambda_1") / (eta * sigma) ** 2,
    parameters=(Parameter("dimension", None, "dimension d of the input", integer(1, (1, 9))),),
    derive=_vector,
    definition=_vector_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("scalar value -1/2 in every dimension", lambda dimension: -0.5),
        mutant_value("(d-2)/4", lambda dimension: (dimension - 2) / 4),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    regime=Regime("learning_rate * noise_std -> 0", "relative error O((learning_rate*noise_std)^2)"),
    structure=("dimension",),
    display={"dimension": 4},
    gate_points=8,
    priority="B",
)

VECTOR_LAWS: tuple[Law, ...] = (VECTOR_INPUT,)
