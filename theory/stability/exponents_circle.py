"""Exponents of arcsine and semicircle curvatures."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation
from theory.evaluation import evaluate
from theory.law import Law, mutant_result, mutant_value
from theory.stability import symbols as sy
from theory.stability.characteristic import VARIABLE, bessel_exponent, frullani
from theory.stability.exponent_law import batch, exponent_derivation, exponent_law
from theory.stability.exponents_elementary import ORDERED
from theory.stability.potential_compact import A as A_C
from theory.stability.potential_compact import S as S_C
from theory.stability.potential_compact import circle_potential
from theory.stability.quadrature import float_mean, log_mean
from theory.stability.standard import ArcsineX, SemicircleX
from theory.stability.standard_floats import FLOAT
from theory.stability.symbols import eta, h_, m


def _number(value: Any) -> Any:
    return mpmath.mpf(repr(float(value)))


def _circle(semicircle: bool, centre: sp.Expr, radius: sp.Expr, density: sp.Expr, batch_size: int) -> Derivation:
    size = sp.Integer(int(batch_size))
    source = circle_potential(semicircle)
    if size == 1:
        result = source.result.subs({A_C: 1 - eta * centre, S_C: eta * radius}, simultaneous=True)
        return exponent_derivation(density, source, result, "A = 1 - eta (centre), S = eta (radius)")
    z = eta * radius * VARIABLE / size
    factor = 2 * sp.besselj(1, z) / z if semicircle else sp.besselj(0, z)
    name = "2 J1(Rt)/(Rt)" if semicircle else "J0(rt)"
    return exponent_derivation(
        density,
        source,
        frullani(sp.cos((1 - eta * centre) * VARIABLE), factor**size),
        f"Frullani integral; phi is e^(i centre t) {name}, to the power B at t/B",
    )


def _circle_value(derivation: Derivation, law: Law, v: dict[str, Any], ends: Any, semicircle: bool, digits: int) -> Any:
    if not derivation.result.has(sp.Integral):
        return evaluate(derivation.result, law.parameters, v, digits)
    rate, size = _number(v["learning_rate"]), int(v["batch_size"])
    centre, radius = ends
    return bessel_exponent(1 - rate * centre, rate * radius / size, size, semicircle, digits)


def _circle_definition(intercept: Any, slope: Any, batch_size: int, semicircle: bool) -> Any:
    x = SemicircleX() if semicircle else ArcsineX()
    if batch_size == 1:
        return log_mean(x, intercept, slope)
    # One variable is integrated by the potential of a single one, the other by quadrature split at its edges.
    ratio, size = float(intercept / slope), int(batch_size)

    def potential(level: float, left: int) -> float:
        if left == 1:
            return float_mean(x, level, 1.0, FLOAT.log)
        edges = [level + e for e in range(1 - left, left) if -1 < level + e < 1]
        points = [0.0, *sorted(math.acos(e) for e in edges), math.pi]
        return float(mpmath.fp.quad(lambda u: x.weight(u, FLOAT) * potential(level - math.cos(u), left - 1), points))

    return mpmath.log(slope) + potential(ratio, size)


def _arcsine(batch_size: int = 1) -> Derivation:
    density = 1 / (sp.pi * sp.sqrt((h_ - sy.a) * (sy.b - h_)))
    return _circle(False, (sy.a + sy.b) / 2, (sy.b - sy.a) / 2, density, batch_size)


def _arcsine_ends(v: dict[str, Any]) -> tuple[Any, Any]:
    lower, upper = _number(v["lower_curvature"]), _number(v["upper_curvature"])
    return (lower + upper) / 2, (upper - lower) / 2


def _outer_branch(law: Law, v: dict[str, Any]) -> float:
    """The outer branch everywhere, its square root taken of the absolute value."""
    centre, radius = map(float, _arcsine_ends(v))
    y = abs(1 / v["learning_rate"] - centre)
    return math.log(v["learning_rate"]) + math.log((y + math.sqrt(abs(y * y - radius * radius))) / 2)


ARCSINE = exponent_law(
    "arcsine",
    "Arcsine curvature on (a, b)",
    "with c = (a+b)/2, r = (b-a)/2, y = |1/eta - c|: log(eta r/2) for y <= r, else log(eta) + log[(y + sqrt(y^2 - "
    "r^2))/2]; for batches the Frullani integral of e^{ict} J0(rt)",
    sy.support(),
    _arcsine,
    lambda learning_rate, lower_curvature, upper_curvature, batch_size: _circle_definition(
        1 - learning_rate * (lower_curvature + upper_curvature) / 2,
        learning_rate * (upper_curvature - lower_curvature) / 2 / batch_size,
        batch_size,
        False,
    ),
    (
        mutant_value("outer branch everywhere", lambda **v: _outer_branch(ARCSINE, v)),
        mutant_result("without the /2", lambda value, **_: value + math.log(2)),
    ),
    batch_parameter=batch(2),
    structure=("batch_size",),
    evaluator=lambda d, v, digits: _circle_value(d, ARCSINE, v, _arcsine_ends(v), False, digits),
    constraints=(ORDERED,),
    gate_points=12,
)


def _semicircle(batch_size: int = 1) -> Derivation:
    density = 2 * sp.sqrt(sy.radius**2 - (h_ - m) ** 2) / (sp.pi * sy.radius**2)
    return _circle(True, m, sy.radius, density, batch_size)


def _inner_branch(v: dict[str, Any]) -> float:
    y = abs(1 / v["learning_rate"] - v["curvature_mean"]) / v["curvature_radius"]
    return math.log(v["learning_rate"] * v["curvature_radius"] / 2) + y * y - 0.5


def _last_term(v: dict[str, Any]) -> float:
    y = abs(1 / v["learning_rate"] - v["curvature_mean"]) / v["curvature_radius"]
    term = (y - math.sqrt(y * y - 1)) ** 2 / 2 if y > 1 else y * y - 0.5
    return SEMICIRCLE(**v) - term


SEMICIRCLE = exponent_law(
    "semicircle",
    "Semicircle curvature (mean m, radius R)",
    "with y = |1/eta - m|/R, v = sqrt(y^2 - 1): log(eta R/2) + y^2 - 1/2 for y <= 1, else log(eta R) + log[(y+v)/2] + "
    "(y-v)^2/2; for batches the Frullani integral of e^{imt} 2 J1(Rt)/(Rt)",
    (
        sy.curvature_mean(),
        sy.Parameter("curvature_radius", sy.radius, "radius R (variance R^2/4)", sy.positive(0.5, 2.5)),
    ),
    _semicircle,
    lambda learning_rate, curvature_mean, curvature_radius, batch_size: _circle_definition(
        1 - learning_rate * curvature_mean, learning_rate * curvature_radius / batch_size, batch_size, True
    ),
    (
        mutant_value("inner branch everywhere", lambda **v: _inner_branch(v)),
        mutant_value("without the last term", lambda **v: _last_term(v)),
    ),
    batch_parameter=batch(2),
    structure=("batch_size",),
    evaluator=lambda d, v, digits: _circle_value(
        d, SEMICIRCLE, v, (_number(v["curvature_mean"]), _number(v["curvature_radius"])), True, digits
    ),
    gate_points=12,
)
CIRCLE_LAWS: tuple[Law, ...] = (ARCSINE, SEMICIRCLE)
