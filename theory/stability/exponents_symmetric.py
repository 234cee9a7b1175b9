"""Exponents of Laplace, product-of-normals, arcsine and semicircle curvatures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation
from theory.evaluation import evaluate
from theory.law import Law, mutant_parameters, mutant_value
from theory.stability import symbols as sy
from theory.stability.asymptotic import asymptotic_sum
from theory.stability.characteristic import VARIABLE, frullani
from theory.stability.characteristic_numeric import CharacteristicTable
from theory.stability.exponent_law import batch, exponent_derivation, exponent_law
from theory.stability.exponents_elementary import NORMAL
from theory.stability.exponents_square import numeric_mean
from theory.stability.potential_gamma import A as A_L
from theory.stability.potential_gamma import laplace_potential
from theory.stability.potential_normal import S as S_N
from theory.stability.potential_normal import product_potential
from theory.stability.quadrature import float_mean, log_mean
from theory.stability.standard import BesselX, LaplaceX
from theory.stability.standard_floats import FLOAT
from theory.stability.symbols import eta, h_, m, s_1, s_2, t

S_L = sp.Symbol("S", positive=True)


def _number(value: Any) -> Any:
    return mpmath.mpf(repr(float(value)))


def _damped(decay: Callable[[float], float], intercept: Any, slope: Any, variance: float) -> Any:
    """The Frullani integral for a real even characteristic function: the definition beside a density."""
    ratio = abs(float(intercept)) / float(slope)
    table = CharacteristicTable(lambda s: complex(decay(s)), math.sqrt(variance), (0.0, variance), 40.0)
    return mpmath.log(abs(intercept)) + table.exponent(1 / ratio)


def _laplace(batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    density = sp.exp(-sp.Abs(h_ - m) / t) / (2 * t)
    if size == 1:
        result = laplace_potential().result.subs({A_L: 1 - eta * m, S_L: eta * t}, simultaneous=True)
        return exponent_derivation(density, laplace_potential(), result, "A = 1 - eta m, S = eta b")
    decay = (1 + (eta * t * VARIABLE / size) ** 2) ** (-size)
    return exponent_derivation(
        density,
        laplace_potential(),
        frullani(sp.cos((1 - eta * m) * VARIABLE), decay),
        "Frullani integral; phi(t) = e^{imt}/(1 + b^2 t^2), to the power B at t/B",
    )


def _laplace_value(derivation: Derivation, v: dict[str, Any], digits: int) -> Any:
    if not derivation.result.has(sp.Integral):
        return evaluate(derivation.result, LAPLACE.parameters, v, digits)
    rate, size = _number(v["learning_rate"]), int(v["batch_size"])
    return numeric_mean(
        BesselX(size), 1 - rate * _number(v["curvature_mean"]), rate * _number(v["curvature_scale"]) / size, digits
    )


def _laplace_definition(learning_rate: Any, curvature_mean: Any, curvature_scale: Any, batch_size: int) -> Any:
    intercept, slope = 1 - learning_rate * curvature_mean, learning_rate * curvature_scale / batch_size
    if batch_size == 1:
        return log_mean(LaplaceX(), intercept, slope)
    return _damped(lambda s: (1 + s * s) ** -batch_size, intercept, slope, 2.0 * batch_size)


LAPLACE = exponent_law(
    "laplace",
    "Laplace curvature (mean m, variance 2 b^2)",
    "log|A| + [e^c E1(c) - e^-c Ei(c)]/2, A = 1 - eta m, c = |A|/(eta b), at B = 1; for batches the Frullani integral "
    "of e^{imt}/(1 + b^2 t^2)",
    (sy.curvature_mean(), sy.curvature_scale("scale b of the Laplace law")),
    _laplace,
    _laplace_definition,
    (
        mutant_value("minus the logarithm", lambda **v: _log_sign(LAPLACE, v)),
        mutant_value("halves without 1/2", lambda **v: _halves_doubled(LAPLACE, v)),
    ),
    batch_parameter=batch(3),
    structure=("batch_size",),
    evaluator=_laplace_value,
)


def _shift(v: dict[str, Any]) -> float:
    return math.log(abs(1 - v["learning_rate"] * v["curvature_mean"]))


def _log_sign(law: Law, v: dict[str, Any]) -> float:
    return law(**v) - 2 * _shift(v)


def _halves_doubled(law: Law, v: dict[str, Any]) -> float:
    return 2 * law(**v) - _shift(v)


def _product(batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    density = sp.besselk(0, sp.Abs(h_) / (s_1 * s_2)) / (sp.pi * s_1 * s_2)
    alpha = eta * s_1 * s_2
    if size == 1:
        return exponent_derivation(
            density, product_potential(), product_potential().result.subs(S_N, alpha), "S = eta s1 s2"
        )
    if size == 2:
        half = sp.Symbol("tau", positive=True)
        # ((1 + t^2/4)^{-1/2})^2 is the characteristic function of a Laplace variable of scale 1/2.
        require = sp.simplify(((1 + (half / 2) ** 2) ** sp.Rational(-1, 2)) ** 2 * (1 + half**2 / 4))
        result = laplace_potential().result.subs({A_L: 1, S_L: alpha / 2}, simultaneous=True) * require
        return exponent_derivation(
            density, laplace_potential(), sp.simplify(result), "the mean of two products is Laplace(0, s1 s2/2)"
        )
    return exponent_derivation(
        density,
        product_potential(),
        frullani(sp.cos(VARIABLE), (1 + (alpha * VARIABLE / size) ** 2) ** (-size / 2)),
        "Frullani integral; phi(t) = (1 + s1^2 s2^2 t^2)^{-1/2}, to the power B at t/B",
    )


def _product_value(derivation: Derivation, v: dict[str, Any], digits: int) -> Any:
    size = int(v["batch_size"])
    with mpmath.workdps(digits + 15):
        alpha = _number(v["learning_rate"]) * _number(v["first_std"]) * _number(v["second_std"])
        if derivation.result.has(sp.Integral):
            return numeric_mean(BesselX(mpmath.mpf(size) / 2), 1, alpha / size, digits)
        if size == 1:
            # Far below the scale of the law the Meijer function does not converge, its series in the moments does.
            terms = (-(mpmath.fac2(2 * n - 1) ** 2) * alpha ** (2 * n) / (2 * n) for n in range(1, 200))
            value = asymptotic_sum(terms, digits)
            if value is not None:
                return value
    return evaluate(derivation.result, PRODUCT_NORMAL.parameters, v, digits)


def _product_definition(learning_rate: Any, first_std: Any, second_std: Any, batch_size: int) -> Any:
    alpha = learning_rate * first_std * second_std
    if batch_size <= 2:
        x = BesselX(batch_size / 2)
        return mpmath.mpf(float_mean(x, 1.0, float(alpha / batch_size), FLOAT.log))
    return _damped(lambda s: (1 + s * s) ** (-batch_size / 2), mpmath.mpf(1), alpha / batch_size, float(batch_size))


PRODUCT_NORMAL = exponent_law(
    "product_normal",
    "Curvature h = x y of independent normal x, y",
    "G(4 alpha^2)/2 with alpha = eta s1 s2 and a Meijer function G at B = 1; Laplace(0, s1 s2/2) exactly at B = 2; the "
    "Frullani integral of (1 + s1^2 s2^2 t^2)^{-1/2} for larger batches",
    sy.FACTOR_STDS,
    _product,
    _product_definition,
    (
        mutant_value(
            "normal of the same variance",
            lambda learning_rate, first_std, second_std, batch_size: NORMAL(
                learning_rate=learning_rate,
                curvature_mean=0.0,
                curvature_std=first_std * second_std,
                batch_size=int(batch_size),
            ),
        ),
        mutant_parameters("alpha halved", lambda v: {"first_std": v["first_std"] / 2}),
    ),
    batch_parameter=batch(3),
    structure=("batch_size",),
    evaluator=_product_value,
)


SYMMETRIC_LAWS: tuple[Law, ...] = (LAPLACE, PRODUCT_NORMAL)
