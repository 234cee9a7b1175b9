"""Exponents of exponential, gamma, chi-squared and squared normal curvatures."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation
from theory.law import Law, mutant_form, mutant_parameters, mutant_value
from theory.parameter import Domain, Parameter
from theory.stability import symbols as sy
from theory.stability.exponent_law import exact_number, exponent_derivation, exponent_law
from theory.stability.potential_gamma import c as C
from theory.stability.potential_gamma import gamma_steps
from theory.stability.potential_gamma import k as K
from theory.stability.quadrature import log_mean
from theory.stability.standard import GammaX
from theory.stability.symbols import eta, h_, t


def _from_gamma(density: sp.Expr, shape: sp.Expr, symbolic: sp.Expr, scale: sp.Expr, rule: str) -> Derivation:
    """Derivation for a gamma law: finite sum where ``shape`` is an integer, else the form in the symbolic shape."""
    steps = gamma_steps(shape, 1) if shape.is_Integer else gamma_steps(K, 1)
    result = steps[-1].expression.subs({K: symbolic, C: 1 / (eta * scale)}, simultaneous=True)
    return exponent_derivation(density, steps, result, rule)


def _exponential(batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    return _from_gamma(sp.exp(-h_ / t) / t, size, size, t / size, "c = B/(eta t): the batch mean is gamma(B, t/B)")


EXPONENTIAL = exponent_law(
    "exponential",
    "Exponential curvature of mean t",
    "-e^-c Ei(c), c = 1/(eta t), at B = 1; the gamma law of shape B and scale t/B for batches",
    (sy.curvature_scale("mean t of the exponential law"),),
    _exponential,
    lambda learning_rate, curvature_scale, batch_size: log_mean(
        GammaX(mpmath.mpf(batch_size)), 1, learning_rate * curvature_scale / batch_size
    ),
    (
        mutant_form("E1 in place of Ei (no overshoot)", lambda f: f.replace(sp.Ei, lambda z: -sp.expint(1, z))),
        mutant_form("e^c in place of e^-c", lambda f: f.replace(sp.exp, lambda z: sp.exp(-z))),
    ),
    structure=("batch_size",),
)


def _gamma(curvature_shape: float, batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    number = exact_number(curvature_shape) * size
    density = h_ ** (sy.k - 1) * sp.exp(-h_ / t) / (sp.gamma(sy.k) * t**sy.k)
    symbolic = number if number.is_Integer else sy.k * size
    return _from_gamma(density, number, symbolic, t / size, "c = B/(eta t): the batch mean is gamma(B k, t/B)")


def _cotangent_dropped(
    learning_rate: float, curvature_shape: float, curvature_scale: float, batch_size: int, **_: Any
) -> float:
    shape = float(curvature_shape) * int(batch_size)
    true = GAMMA(
        learning_rate=learning_rate,
        curvature_shape=curvature_shape,
        curvature_scale=curvature_scale,
        batch_size=int(batch_size),
    )
    ratio = batch_size / (learning_rate * curvature_scale)
    if shape == round(shape):
        # The cotangent is infinite at integers; there the mutant is the sum one term too short.
        return float(log_mean(GammaX(mpmath.mpf(max(shape - 1, 0.5))), 1, 1 / mpmath.mpf(ratio)))
    return true - float(mpmath.pi * mpmath.cot(mpmath.pi * shape) * mpmath.gammainc(shape, 0, ratio, regularized=True))


GAMMA = exponent_law(
    "gamma",
    "Gamma curvature of shape k and scale t",
    "psi(k) + pi cot(pi k) P(k,c) - c/(k-1) 2F2(1,1;2,2-k;-c) - log c, c = 1/(eta t), with (B k, t/B) for batches; "
    "a finite sum with e^-c Ei(c) at integer shape",
    (sy.curvature_shape(), sy.curvature_scale("scale t of the gamma law")),
    _gamma,
    lambda learning_rate, curvature_shape, curvature_scale, batch_size: log_mean(
        GammaX(mpmath.mpf(repr(float(curvature_shape))) * batch_size), 1, learning_rate * curvature_scale / batch_size
    ),
    (
        mutant_value("cotangent term dropped", _cotangent_dropped),
        mutant_parameters("shape short by one", lambda v: {"curvature_shape": _shorter(v["curvature_shape"])}),
    ),
    structure=("curvature_shape", "batch_size"),
    display={"curvature_shape": 2.5},
)


def _shorter(shape: float) -> float:
    return shape - 1 if shape > 1 else shape / 2


DEGREES = Parameter(
    "degrees_of_freedom",
    sp.Symbol("k", positive=True),
    "degrees of freedom k of the chi-squared law",
    Domain("real", low=1.0, region=(1.0, 7.0)),
)


def _chi_squared(degrees_of_freedom: float, batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    number = exact_number(degrees_of_freedom) * size / 2
    x = h_ / t
    density = x ** (sy.k / 2 - 1) * sp.exp(-x / 2) / (2 ** (sy.k / 2) * sp.gamma(sy.k / 2) * t)
    symbolic = number if number.is_Integer else sy.k * size / 2
    return _from_gamma(
        density, number, symbolic, 2 * t / size, "c = B/(2 eta scale): the batch mean is gamma(B k/2, 2 scale/B)"
    )


CHI_SQUARED = exponent_law(
    "chi_squared",
    "Chi-squared curvature",
    "the gamma law of shape B k/2 and scale 2 curvature_scale/B",
    (DEGREES, sy.curvature_scale("factor of the chi-squared variable", 0.3, 1.5)),
    _chi_squared,
    lambda learning_rate, degrees_of_freedom, curvature_scale, batch_size: log_mean(
        GammaX(mpmath.mpf(repr(float(degrees_of_freedom))) * batch_size / 2),
        1,
        2 * learning_rate * curvature_scale / batch_size,
    ),
    (
        mutant_parameters("shape k", lambda v: {"degrees_of_freedom": 2 * v["degrees_of_freedom"]}),
        mutant_parameters("scale not doubled", lambda v: {"curvature_scale": v["curvature_scale"] / 2}),
    ),
    structure=("degrees_of_freedom", "batch_size"),
    display={"degrees_of_freedom": 2.5},
)


GAMMA_LAWS: tuple[Law, ...] = (EXPONENTIAL, GAMMA, CHI_SQUARED)
