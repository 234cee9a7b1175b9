"""Windows in closed form: two curvatures, arcsine curvature, and Cauchy curvature, which has none."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, positive, real
from theory.stability.exponents_elementary import CAUCHY, NORMAL
from theory.stability.roots import near

eta, m, s = sy.eta, sy.m, sy.s
NEGATIVE = Constraint(lambda v: v["curvature_mean"] < 0, "curvature_mean must be negative (a saddle)")
window = sp.Symbol("window")


def _two_point_window() -> Derivation:
    product = sp.expand((1 - eta * (m + s)) * (1 - eta * (m - s)))
    lower = next(r for r in sp.solve(sp.Eq(product, 1), eta) if r != 0)
    lower_negative, upper = sp.solve(sp.Eq(product, -1), eta)
    edges = sorted((lower_negative, upper), key=lambda r: float(r.subs({m: sp.Rational(-1, 5), s: 1})))
    return derivation(
        ("exponent", sp.log(sp.Abs(product)) / 2, "two atoms m + s and m - s of probability 1/2"),
        (
            "edges",
            sp.Tuple(sp.Eq(product, 1), sp.Eq(product, -1)),
            "Lambda = 0 iff the product of the multipliers is +-1",
        ),
        ("window", sp.Tuple(sp.simplify(lower), sp.simplify(edges[-1])), "the product falls from 1 through 0 to -1"),
    )


def _bisected(function: Any, low: Any, high: Any) -> Any:
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) * function(low) > 0 else (low, middle)
    return (low + high) / 2


def _two_point_edges(curvature_mean: Any, curvature_std: Any) -> list[Any]:
    first, second = curvature_mean + curvature_std, curvature_mean - curvature_std

    def growth(x: Any) -> Any:
        return mpmath.log(abs((1 - x * first) * (1 - x * second)) + mpmath.mpf(10) ** -60)

    pole = 1 / first
    return [_bisected(growth, pole / 10**6, pole), _bisected(growth, pole * (1 + mpmath.mpf(10) ** -12), 60 * pole)]


WIDE = Constraint(
    lambda v: v["curvature_std"] > -v["curvature_mean"], "the window is empty unless curvature_std > |curvature_mean|"
)
TWO_POINT_WINDOW = Law(
    id="stability.window.two_point",
    title="Attractive window of a saddle with two curvatures m +- s",
    statement="[-2m/(s^2 - m^2), (-m + sqrt(2 s^2 - m^2))/(s^2 - m^2)], nonempty iff s > |m|.",
    quantity=window,
    parameters=(Parameter("curvature_mean", m, "mean m < 0", real(-0.6, -0.1)), sy.curvature_std(0.9, 2.0)),
    derive=_two_point_window,
    definition=_two_point_edges,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("-2m/(s^2 + m^2)", lambda value, curvature_mean, curvature_std: [
            -2 * curvature_mean / (curvature_std**2 + curvature_mean**2), value[1]]),
        mutant_result("wrong sign of m in the upper edge", lambda value, curvature_mean, curvature_std: [
            value[0], value[1] + 2 * curvature_mean / (curvature_std**2 - curvature_mean**2)]),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(NEGATIVE, WIDE),
)  # fmt: skip


def _arcsine_window() -> Derivation:
    c, r = sp.symbols("c r", real=True)
    centre = -(sy.a + sy.b) / 2
    radius = (sy.b - sy.a) / 2
    y = 1 / eta + c
    squared = sp.expand((2 / eta - y) ** 2 - (y**2 - r**2))
    outer = sp.solve(sp.Eq(sp.simplify(squared * eta**2), 0), eta)
    lower = next(x for x in outer if x != 0)
    return derivation(
        ("outer branch", sp.log(eta) + sp.log((y + sp.sqrt(y**2 - r**2)) / 2), "h = -c + r cos t, y = 1/eta + |c| > r"),
        ("zero of the outer branch", lower, "y + sqrt(y^2 - r^2) = 2/eta, squared once"),
        ("zero of the inner branch", 2 / r, "log(eta r/2) = 0"),
        (
            "window",
            sp.Tuple(sp.simplify(lower.subs({c: centre, r: radius})), 2 / radius),
            "c = |a + b|/2, r = (b - a)/2",
        ),
    )


def _arcsine_edges(lower_curvature: Any, upper_curvature: Any) -> list[Any]:
    centre, radius = (lower_curvature + upper_curvature) / 2, (upper_curvature - lower_curvature) / 2

    def growth(x: Any) -> Any:
        inside = abs((1 - x * centre) / (x * radius))
        pole = mpmath.acos(min(max((1 - x * centre) / (x * radius), -1), 1))
        points = [0, pole, mpmath.pi] if inside < 1 else [0, mpmath.pi]
        return mpmath.quad(
            lambda t: mpmath.log(abs(1 - x * (centre + radius * mpmath.cos(t))) + mpmath.mpf(10) ** -60), points
        )

    peak = 1 / (radius - abs(centre))
    ends = (4 * abs(centre) / radius**2, 2 / radius)
    found = [near(lambda learning_rate: growth(learning_rate), {}, e) for e in ends]
    return found if peak > 0 else []


ARCSINE_WINDOW = Law(
    id="stability.window.arcsine",
    title="Attractive window of a saddle with arcsine curvature",
    statement="c = (a + b)/2 < 0, r = (b - a)/2: [4|c|/r^2, 2/r], nonempty iff |c| < r/2.",
    quantity=window,
    parameters=sy.support((-2.6, -1.6), (1.1, 1.5)),
    derive=_arcsine_window,
    definition=_arcsine_edges,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("2|c|/(c^2 + r^2/2)", lambda value, lower_curvature, upper_curvature: [
            -(lower_curvature + upper_curvature) / ((lower_curvature + upper_curvature) ** 2 / 4
            + (upper_curvature - lower_curvature) ** 2 / 8), value[1]]),
        mutant_result("4|c|/(r^2 - c^2)", lambda value, lower_curvature, upper_curvature: [
            -2 * (lower_curvature + upper_curvature) / (-lower_curvature * upper_curvature), value[1]]),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(
        Constraint(lambda v: v["lower_curvature"] + v["upper_curvature"] < 0, "the mean curvature must be negative"),
        Constraint(
            lambda v: 3 * v["upper_curvature"] > -v["lower_curvature"],
            "the window is empty unless |c| < r/2",
        ),
    ),
    gate_points=6,
    tolerance=1e-8,
)  # fmt: skip


def _normal_instead(curvature_location: float, curvature_scale: float) -> float:
    mean, std = curvature_location, curvature_scale
    return NORMAL.value({"learning_rate": 1 / std, "curvature_mean": mean, "curvature_std": std})


CAUCHY_NEVER = Law(
    id="stability.window.cauchy_never",
    title="A saddle with Cauchy curvature never attracts",
    statement="m <= 0: Lambda = log((1 - eta m)^2 + eta^2 g^2)/2 > 0 for every eta. Value: the exponent at "
    "eta = 1/g, where a normal law would have its window.",
    quantity=sy.exponent,
    parameters=(
        Parameter("curvature_location", m, "location m <= 0", real(-1.5, -0.05)),
        Parameter("curvature_scale", sy.gamma_, "half-width g", positive(0.4, 2.0)),
    ),
    derive=lambda: derivation(
        ("exponent", CAUCHY.closed_form, "derived in stability.exponent.cauchy"),
        ("lower bound", sp.log(1 + eta**2 * sy.gamma_**2) / 2, "m <= 0 makes (1 - eta m)^2 >= 1: Lambda > 0 always"),
        ("at eta = 1/g", sp.log((1 - m / sy.gamma_) ** 2 + 1) / 2, "substitution"),
    ),
    definition=lambda curvature_location, curvature_scale: mpmath.quad(
        lambda u: mpmath.log(abs(1 - (curvature_location / curvature_scale + mpmath.tan(u)))),
        [-mpmath.pi / 2, mpmath.atan(1 - curvature_location / curvature_scale), mpmath.pi / 2],
    ) / mpmath.pi,
    sources=(sy.HERE,),
    mutants=(mutant_value("the exponent of the normal law", _normal_instead),),
    rungs=("algebra", "chain", "sgd"),
    constraints=(Constraint(lambda v: v["curvature_location"] <= 0, "curvature_location must not be positive"),),
)  # fmt: skip
