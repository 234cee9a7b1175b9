"""Generalised exponents L(p) = log E|a|^p of the multiplier a = 1 - eta h, and what their zeros mean."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, mutant_value
from theory.parameter import Domain, Parameter
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import ORDERED
from theory.stability.fluctuation_variance import MULTIPLIER, NORMAL_KEYS, normal_multiplier
from theory.stability.guard import require_quadrature, require_zero
from theory.stability.potential_normal import A as MU
from theory.stability.potential_normal import S as SD
from theory.stability.potential_normal import absolute_moment
from theory.stability.potential_normal import q as order
from theory.stability.quadrature import mean
from theory.stability.standard import GammaX, NormalX, UniformX

eta, m, s, h, t = sy.eta, sy.m, sy.s, sy.h_, sy.t
p = sp.Symbol("p", real=True)
count = sp.Symbol("n", integer=True, nonnegative=True)
MOMENT_ORDER = Parameter(
    "moment_order", p, "order p > -1 of the moment", Domain("real", low=-1.0, low_open=True, region=(-0.55, 3.2))
)


def _moment_law(
    name: str,
    text: str,
    keys: tuple[Parameter, ...],
    derive: Any,
    definition: Any,
    mutants: tuple[Mutant, ...],
    **more: Any,
) -> Law:
    return Law(
        id=f"stability.moment_exponent.{name}",
        title=f"Generalised exponent of {name} curvature",
        statement=f"L(p) = log E|1 - eta h|^p per step: {text}; p > -1.",
        quantity=sp.Function("L")(p),
        parameters=(*keys, MOMENT_ORDER),
        derive=derive,
        definition=definition,
        sources=(sy.HERE,),
        mutants=mutants,
        rungs=("algebra", "chain"),
        priority="B",
        **more,
    )


def _normal_moment() -> Derivation:
    moment, steps = absolute_moment()
    at = moment.subs({order: p, MU: 1 - eta * m, SD: eta * s}, simultaneous=True)
    return derivation(
        MULTIPLIER,
        *((step.name, step.expression, step.rule) for step in steps.steps),
        ("generalised exponent", sp.log(at), "A = 1 - eta m, S = eta s; continued from p > 0 to p > -1"),
    )


def _spoiled_normal(kummer_sign: int, gamma: bool) -> Any:
    def value(learning_rate: float, curvature_mean: float, curvature_std: float, moment_order: float) -> float:
        mu, sd = normal_multiplier(learning_rate, curvature_mean, curvature_std)
        x = mu**2 / (2 * sd**2)
        series = abs(mpmath.hyp1f1(-moment_order / 2, 0.5, -kummer_sign * x)) + mpmath.mpf(10) ** -30
        factor = mpmath.gamma((moment_order + 1) / 2) / mpmath.sqrt(mpmath.pi) if gamma else 1
        return float(mpmath.log(sd**moment_order * 2 ** (moment_order / 2) * factor * series))

    return value


MOMENT_NORMAL = _moment_law(
    "normal",
    "log{sd^p 2^(p/2) Gamma((p+1)/2)/sqrt(pi) 1F1(-p/2; 1/2; -mu^2/(2 sd^2))}, mu = 1 - eta m, sd = eta s",
    NORMAL_KEYS,
    _normal_moment,
    lambda learning_rate, curvature_mean, curvature_std, moment_order: mpmath.log(
        mean(NormalX(), 1 - learning_rate * curvature_mean, learning_rate * curvature_std, lambda a: a**moment_order)
    ),
    (
        mutant_value("without the gamma function", _spoiled_normal(1, gamma=False)),
        mutant_value("argument of 1F1 with the other sign", _spoiled_normal(-1, gamma=True)),
    ),
)


def _exponential_moment() -> Derivation:
    c, x = sp.symbols("c x", positive=True)
    r = sp.Symbol("r", positive=True)
    upper = sp.integrate(sp.expand(x**r * sp.exp(-x)), (x, 0, sp.oo)) * sp.exp(-c)
    lower = sp.exp(-c) * c ** (r + 1) / (r + 1) * sp.hyper((r + 1,), (r + 2,), c)
    # The series of e^x integrated term by term.
    term = c ** (r + 1 + count) / (sp.factorial(count) * (r + 1 + count))
    coefficient = sp.rf(r + 1, count) / sp.rf(r + 2, count) / sp.factorial(count) * c**count * c ** (r + 1) / (r + 1)
    for index in (0, 1, 3):
        require_zero(sp.simplify(sp.expand_func((term - coefficient).subs(count, index))), "a term of the lower piece")
    moment = c**-r * (upper + lower)
    require_quadrature(
        moment, (c, r), ((0.7, 1.3), (2.4, 0.6)),
        lambda a, b: mpmath.quad(lambda u: mpmath.exp(-u) * abs(1 - u / a) ** b, [0, a, a + 5, a + 60]),
    )  # fmt: skip
    return derivation(
        ("multiplier", 1 - eta * h, "h exponential of mean t; with h = t u, |a| = |c - u|/c, c = 1/(eta t)"),
        ("beyond the pole", upper, "u > c: int x^p e^(-c-x) dx"),
        ("before the pole", lower, "u < c: int x^p e^(x-c) dx, termwise"),
        ("moment", moment, "c^-p times the sum"),
        ("generalised exponent", sp.log(moment.subs({c: 1 / (eta * t), r: p}, simultaneous=True)), "logarithm"),
    )


def _lower_piece(learning_rate: float, curvature_scale: float, moment_order: float) -> float:
    c = 1 / (mpmath.mpf(learning_rate) * curvature_scale)
    piece = c / (moment_order + 1) * mpmath.exp(-c) * mpmath.hyp1f1(moment_order + 1, moment_order + 2, c)
    return float(mpmath.log(piece))


MOMENT_EXPONENTIAL = _moment_law(
    "exponential",
    "log of c^-p e^-c [Gamma(p+1) + c^(p+1)/(p+1) 1F1(p+1; p+2; c)], c = 1/(eta t)",
    (sy.learning_rate(0.3, 2.0), sy.curvature_scale("mean t of the exponential law")),
    _exponential_moment,
    lambda learning_rate, curvature_scale, moment_order: mpmath.log(
        mean(GammaX(mpmath.mpf(1)), 1, learning_rate * curvature_scale, lambda a: a**moment_order)
    ),
    (mutant_value("lower piece only", _lower_piece),),
)


def _uniform_moment() -> Derivation:
    x = sp.Symbol("x", real=True)
    primitive = sp.sign(x) * sp.Abs(x) ** (p + 1) / (p + 1)
    positive = sp.Symbol("x", positive=True)
    slope = sp.diff(positive ** (p + 1) / (p + 1), positive)
    require_zero(slope - positive**p, "the primitive of |x|^p")
    ends = [primitive.subs(x, 1 - eta * end) for end in (sy.a, sy.b)]
    moment = (ends[0] - ends[1]) / (eta * (sy.b - sy.a))
    return derivation(
        ("multiplier", 1 - eta * h, "h uniform on (a, b): the multiplier is uniform on (1 - eta b, 1 - eta a)"),
        ("primitive", primitive, "of |x|^p, odd in x"),
        ("moment", moment, "difference over the length"),
        ("generalised exponent", sp.log(moment), "logarithm"),
    )


def _uniform_spoiled(
    learning_rate: float, lower_curvature: float, upper_curvature: float, moment_order: float
) -> float:
    def primitive(x: float) -> float:
        return (1 if x > 0 else -1) * abs(x) ** (moment_order + 1) / (moment_order + 1e-9)

    width = learning_rate * (upper_curvature - lower_curvature)
    total = primitive(1 - learning_rate * lower_curvature) - primitive(1 - learning_rate * upper_curvature)
    return float(mpmath.log(abs(total) / width))


MOMENT_UNIFORM = _moment_law(
    "uniform",
    "log of the difference of sign(x) |x|^(p+1)/(p+1) at 1 - eta a and 1 - eta b over eta (b - a)",
    (sy.learning_rate(0.3, 1.8), *sy.support()),
    _uniform_moment,
    lambda learning_rate, lower_curvature, upper_curvature, moment_order: mpmath.log(
        mean(
            UniformX(),
            1 - learning_rate * lower_curvature,
            learning_rate * (upper_curvature - lower_curvature),
            lambda a: a**moment_order,
        )
    ),
    (mutant_value("p for p + 1 in the denominator", _uniform_spoiled),),
    constraints=(ORDERED,),
)

MOMENT_LAWS: tuple[Law, ...] = (MOMENT_NORMAL, MOMENT_EXPONENTIAL, MOMENT_UNIFORM)
