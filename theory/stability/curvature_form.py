"""Closed forms of E log|1 - eta h| for the laws of ``curvature``, from the derived standard potentials."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.stability.curvature import Atoms, Curvature, Family, Mixture
from theory.stability.potential_compact import A as A_COMPACT
from theory.stability.potential_compact import S as S_COMPACT
from theory.stability.potential_compact import cauchy_potential, circle_potential, uniform_potential
from theory.stability.potential_gamma import A as A_LAPLACE
from theory.stability.potential_gamma import gamma_potential, laplace_potential
from theory.stability.potential_normal import S as S_NORMAL
from theory.stability.potential_normal import g, product_potential

S_LAPLACE = sp.Symbol("S", positive=True)
MAX_TERMS = 200
MAX_INTEGER_SHAPE = 60
MAX_UNIFORM = 24


def closed_exponent(law: Curvature, eta: sp.Symbol) -> sp.Expr | None:
    """Lambda of the multiplier 1 - eta h as an expression, or None where no closed form is known.

    >>> closed_exponent(Family("cauchy", sp.Integer(1), sp.Integer(2)), sp.Symbol("eta", positive=True))
    log(4*eta**2 + (1 - eta)**2)/2
    """
    if isinstance(law, Atoms):
        if len(law.values) > MAX_TERMS:
            return None
        return sp.Add(*[p * sp.log(sp.Abs(1 - eta * h)) for h, p in zip(law.values, law.probabilities, strict=True)])
    if isinstance(law, Mixture):
        parts = [closed_exponent(part, eta) for part in law.parts]
        if any(part is None for part in parts):
            return None
        return sp.Add(*[p * part for p, part in zip(law.probabilities, parts, strict=True)])
    level, slope = 1 - eta * law.shift, eta * law.slope
    return _FORMS[law.kind](law, level, slope)


def _positive(value: sp.Expr) -> sp.Expr:
    return value if value.is_positive else -value if value.is_negative else sp.Abs(value)


def _compact(source: Any, law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr | None:
    if law.size > 1:
        return None
    return source.result.subs({A_COMPACT: level, S_COMPACT: _positive(slope)}, simultaneous=True)


def _uniform(law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr | None:
    if law.size > MAX_UNIFORM:
        return None
    return uniform_potential(law.size).result.subs({A_COMPACT: level, S_COMPACT: slope}, simultaneous=True)


def _laplace(law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr:
    return laplace_potential().result.subs({A_LAPLACE: level, S_LAPLACE: _positive(slope)}, simultaneous=True)


def _bessel(law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr | None:
    if law.shape == 1:
        return _laplace(law, level, slope)
    if law.shape != sp.Rational(1, 2):
        return None
    form, size = product_potential().result, _positive(slope)
    if level == 1:
        return form.subs(S_NORMAL, size)
    # E log|XY| = 2 E log|X| where the shift alone would give the multiplier 0.
    outside = sp.log(sp.Abs(level)) + form.subs(S_NORMAL, size / sp.Abs(level))
    return sp.Piecewise((outside, sp.Ne(level, 0)), (sp.log(size) - sp.EulerGamma - sp.log(2), True))


def _gamma(law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr | None:
    if law.shape.is_Integer and law.shape > MAX_INTEGER_SHAPE:
        return None
    if law.shift.is_nonpositive and (slope.is_positive or slope.is_negative):
        sign = 1 if slope.is_positive else -1
        scale = sp.S.Zero if level == 1 else sp.log(level)
        return scale + gamma_potential(law.shape, sign, level / (sign * slope))
    ratio = level / slope
    start = sp.log(sp.Abs(level))
    return sp.Piecewise(
        (start + gamma_potential(law.shape, 1, ratio), ratio > 0),
        (start + gamma_potential(law.shape, -1, -ratio), ratio < 0),
        (sp.log(sp.Abs(slope)) + sp.digamma(law.shape), True),
    )


def _square(law: Family, level: sp.Expr, slope: sp.Expr) -> sp.Expr | None:
    if not (law.shift.is_nonpositive and slope.is_positive):
        return None
    root, width = sp.sqrt(level), sp.sqrt(slope)
    return g(root - width * law.shape, width) + g(root + width * law.shape, width)


_FORMS: dict[str, Any] = {
    "normal": lambda law, level, slope: g(level, _positive(slope)),
    "cauchy": lambda law, level, slope: _compact(cauchy_potential(), law, level, slope),
    "arcsine": lambda law, level, slope: _compact(circle_potential(False), law, level, slope),
    "semicircle": lambda law, level, slope: _compact(circle_potential(True), law, level, slope),
    "uniform": _uniform,
    "laplace": _laplace,
    "bessel": _bessel,
    "gamma": _gamma,
    "square": _square,
    "noncentral": lambda law, level, slope: None,
}
