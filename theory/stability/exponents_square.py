"""Exponents of squared normal curvatures, of either sign."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation
from theory.evaluation import converged, evaluate, mp_function
from theory.law import Law, mutant_parameters, mutant_value
from theory.stability import symbols as sy
from theory.stability.asymptotic import asymptotic_sum
from theory.stability.characteristic import VARIABLE, frullani
from theory.stability.exponent_law import batch, exponent_derivation, exponent_law
from theory.stability.potential_gamma import c as C
from theory.stability.potential_gamma import gamma_steps
from theory.stability.potential_gamma import k as K
from theory.stability.potential_normal import g, normal_potential
from theory.stability.quadrature import float_mean, log_mean
from theory.stability.standard import GammaX, NoncentralX, SquareX, Standard
from theory.stability.standard_floats import FLOAT
from theory.stability.symbols import eta, h_, mu_x, s_x


def numeric_mean(x: Standard, intercept: Any, slope: Any, digits: int) -> Any:
    """E log|intercept - slope X| to ``digits`` digits: floats up to 15 digits, mpmath beyond."""
    if digits <= 15:
        plain = replace(x, **{f.name: float(getattr(x, f.name)) for f in fields(x) if f.name != "count"})
        return mpmath.mpf(float_mean(plain, float(intercept), float(slope), FLOAT.log))
    return converged(lambda: log_mean(x, intercept, slope), digits)


def _squared_normal(batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    density = sp.exp(-((h_ - mu_x) ** 2) / (2 * s_x**2)) / (s_x * sp.sqrt(2 * sp.pi))
    r = sp.sqrt(eta)
    if size == 1:
        result = g(1 - r * mu_x, r * s_x) + g(1 + r * mu_x, r * s_x)
        return exponent_derivation(
            density, normal_potential(), result, "1 - eta x^2 = (1 - r x)(1 + r x), r = sqrt(eta), x normal"
        )
    u = eta * VARIABLE / size
    phase = sp.exp(-sp.I * mu_x**2 * u / (1 + 2 * sp.I * s_x**2 * u)) / sp.sqrt(1 + 2 * sp.I * s_x**2 * u)
    result = frullani(sp.re(sp.exp(sp.I * VARIABLE) * phase**size), sp.S.One)
    return exponent_derivation(
        density,
        normal_potential(),
        result,
        "Frullani integral over the characteristic function of x^2 to the power B (noncentral chi-squared)",
    )


def _squared_value(derivation: Derivation, v: dict[str, Any], digits: int) -> Any:
    if not derivation.result.has(sp.Integral):
        return evaluate(derivation.result, SQUARED_NORMAL.parameters, v, digits)
    size = int(v["batch_size"])
    mean, std, rate = (mpmath.mpf(repr(float(v[key]))) for key in ("input_mean", "input_std", "learning_rate"))
    return numeric_mean(NoncentralX(size, size * mean**2 / std**2), 1, rate * std**2 / size, digits)


def _squared_definition(learning_rate: Any, input_mean: Any, input_std: Any, batch_size: int) -> Any:
    if batch_size == 1:
        return log_mean(SquareX(input_mean / input_std), 1, learning_rate * input_std**2)
    # |x|^2 of a batch: the component along the mean vector and a chi-squared rest.
    size, ratio = int(batch_size), input_mean / input_std
    slope = float(learning_rate * input_std**2 / size)
    rest = GammaX((size - 1) / 2)

    def inner(z: float) -> float:
        square = float((z + float(ratio) * size**0.5) ** 2)
        return float_mean(rest, 1 - slope * square, 2 * slope, FLOAT.log)

    edge = 1 / slope
    roots = [-float(ratio) * size**0.5 + s * edge**0.5 for s in (-1, 1)]
    points = sorted({-9.0, 9.0, *(r for r in roots if -9 < r < 9)})
    return mpmath.mpf(mpmath.fp.quad(lambda z: inner(z) * mpmath.fp.npdf(z), points))


SQUARED_NORMAL = exponent_law(
    "squared_normal",
    "Squared normal curvature h = x^2 (linear regression on one input)",
    "g(1 - r mu, r s) + g(1 + r mu, r s), r = sqrt(eta), at B = 1; for batches the Frullani integral of the "
    "characteristic function of a noncentral chi-squared variable",
    (sy.INPUT_MEAN, sy.INPUT_STD),
    _squared_normal,
    _squared_definition,
    (
        mutant_value(
            "one of the two factors",
            lambda learning_rate, input_mean, input_std, **_: _g(
                1 - learning_rate**0.5 * input_mean, learning_rate**0.5 * input_std
            ),
        ),
        mutant_value(
            "r = eta in place of sqrt(eta)",
            lambda learning_rate, input_mean, input_std, **_: (
                _g(1 - learning_rate * input_mean, learning_rate * input_std)
                + _g(1 + learning_rate * input_mean, learning_rate * input_std)
            ),
        ),
    ),
    batch_parameter=batch(2),
    structure=("batch_size",),
    evaluator=_squared_value,
    gate_points=10,
)


def _g(mean: float, std: float) -> float:
    mu, sd = sp.symbols("mu sd", positive=True)
    function = mp_function(g(mu, sd), (mu, sd))
    return float(converged(lambda: function(mpmath.mpf(repr(float(mean))), mpmath.mpf(repr(float(std)))), 15))


def _negative_square(batch_size: int = 1) -> Derivation:
    size = sp.Integer(int(batch_size))
    shape = size / 2
    steps = gamma_steps(shape, -1)
    ratio = size / (2 * eta * s_x**2)
    result = steps[-1].expression
    if size == 1:
        kummer = sp.hyper((shape,), (shape + 1,), C)
        result = result.subs(kummer, sp.sqrt(sp.pi) * sp.erfi(sp.sqrt(C)) / (2 * sp.sqrt(C)))
    density = sp.exp(-(K**2) / (2 * s_x**2)) / (s_x * sp.sqrt(2 * sp.pi))
    return exponent_derivation(
        density,
        steps,
        sp.expand_func(result).subs(C, ratio),
        "h = -x^2: gamma of shape B/2, scale 2 s^2/B with negative slope; c = B/(2 eta s^2)",
    )


def _negative_value(derivation: Derivation, v: dict[str, Any], digits: int) -> Any:
    size = int(v["batch_size"])
    with mpmath.workdps(digits + 15):
        ratio = size / (2 * mpmath.mpf(repr(float(v["learning_rate"]))) * mpmath.mpf(repr(float(v["input_std"]))) ** 2)
        # The closed form loses c/log(10) digits to cancellation; far out the moments of the series are exact.
        terms = ((-1) ** (n + 1) * mpmath.rf(mpmath.mpf(size) / 2, n) / (n * ratio**n) for n in range(1, 400))
        value = asymptotic_sum(terms, digits)
    return evaluate(derivation.result, NEGATIVE_SQUARED_NORMAL.parameters, v, digits) if value is None else value


NEGATIVE_SQUARED_NORMAL = exponent_law(
    "negative_squared_normal",
    "Negative squared normal curvature h = -x^2",
    "psi(1/2) - log c + pi erfi(sqrt c) - 2c 2F2(1,1;3/2,2;c) > 0 always, c = 1/(2 eta s^2), at B = 1",
    (sy.INPUT_STD,),
    _negative_square,
    lambda learning_rate, input_std, batch_size: log_mean(
        GammaX(mpmath.mpf(batch_size) / 2), 1, -2 * learning_rate * input_std**2 / batch_size
    ),
    (
        mutant_value(
            "sign of c: the positive square",
            lambda learning_rate, input_std, batch_size: float(
                log_mean(GammaX(mpmath.mpf(int(batch_size)) / 2), 1, 2 * learning_rate * input_std**2 / int(batch_size))
            ),
        ),
        mutant_parameters("scale not doubled", lambda v: {"input_std": v["input_std"] / 2**0.5}),
    ),
    structure=("batch_size",),
    evaluator=_negative_value,
)
SQUARE_LAWS: tuple[Law, ...] = (SQUARED_NORMAL, NEGATIVE_SQUARED_NORMAL)
