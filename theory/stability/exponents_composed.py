"""Exponents of composed curvatures: affine images, mixtures, and any batch size by the characteristic function."""

from __future__ import annotations

import functools
import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, interval, positive, real, text
from theory.stability import symbols as sy
from theory.stability.characteristic import VARIABLE
from theory.stability.characteristic_numeric import CharacteristicTable
from theory.stability.curvature import Family
from theory.stability.curvature_bound import BoundFamily
from theory.stability.curvature_numeric import bind_batch
from theory.stability.curvature_text import read_curvature
from theory.stability.exponent_law import batch, exponent_law
from theory.stability.exponents_elementary import NORMAL
from theory.stability.guard import require_zero
from theory.stability.potential_gamma import c as C
from theory.stability.potential_gamma import gamma_potential
from theory.stability.potential_normal import g
from theory.stability.quadrature import log_mean
from theory.stability.standard import GammaX, NormalX
from theory.stability.symbols import eta, h_, t

ALPHA, BETA = sp.symbols("alpha beta", real=True)
M2 = sp.Symbol("m_2", real=True)
S2 = sp.Symbol("s_2", positive=True)


def _affine() -> Derivation:
    x = sp.Symbol("X", real=True)
    changed = eta * BETA / (1 - eta * ALPHA)
    require_zero((1 - eta * ALPHA) * (1 - changed * x) - (1 - eta * (ALPHA + BETA * x)), "the factorisation")
    plus, minus = gamma_potential(sp.S.One, 1, C), gamma_potential(sp.S.One, -1, C)
    ratio = 1 / (changed * t)
    outside = sp.log(sp.Abs(1 - eta * ALPHA))
    result = sp.Piecewise(
        (sp.log(sp.Abs(eta * BETA * t)) - sp.EulerGamma, sp.Eq(eta * ALPHA, 1)),
        (outside + plus.subs(C, ratio), changed > 0),
        (outside + minus.subs(C, -ratio), True),
    )
    return derivation(
        ("multiplier", 1 - eta * (ALPHA + BETA * x), "h = alpha + beta X"),
        ("factorisation", (1 - eta * ALPHA) * (1 - changed * x), "eta' = eta beta/(1 - eta alpha), of either sign"),
        ("exponents of X", sp.Tuple(plus, minus), "X exponential of mean t, slope of either sign, c = 1/|eta' t|"),
        (
            "Lyapunov exponent",
            result,
            "log|1 - eta alpha| + Lambda_X(eta'); log|eta beta| + E log|X| where eta alpha = 1",
        ),
    )


def _affine_definition(
    learning_rate: Any, curvature_shift: Any, curvature_slope: Any, curvature_scale: Any, batch_size: Any
) -> Any:
    return log_mean(
        GammaX(mpmath.mpf(1)), 1 - learning_rate * curvature_shift, learning_rate * curvature_slope * curvature_scale
    )


def _affine_wrong(
    learning_rate: float, curvature_shift: float, curvature_slope: float, curvature_scale: float, **_: Any
) -> float:
    outside = math.log(abs(1 - learning_rate * curvature_shift))
    slope = mpmath.mpf(learning_rate) * curvature_slope * curvature_scale
    return outside + float(log_mean(GammaX(mpmath.mpf(1)), 1, slope))


SLOPE = Parameter("curvature_slope", BETA, "slope beta of h = alpha + beta X, of either sign", real(-2.0, 2.0))

AFFINE = exponent_law(
    "affine",
    "Affine image of an exponential curvature, h = alpha + beta X",
    "log|1 - eta alpha| + Lambda_X(eta beta/(1 - eta alpha)) for any X, here exponential of mean t; log|eta beta| + "
    "E log|X| where eta alpha = 1",
    (
        Parameter("curvature_shift", ALPHA, "shift alpha of h = alpha + beta X", real(-1.2, 1.2)),
        SLOPE,
        sy.curvature_scale("mean t of the exponential X"),
    ),
    _affine,
    _affine_definition,
    (
        mutant_value("eta' = eta beta", _affine_wrong),
        mutant_value(
            "shift logarithm forgotten",
            lambda learning_rate, curvature_shift, **v: (
                AFFINE(learning_rate=learning_rate, curvature_shift=curvature_shift, **v)
                - math.log(abs(1 - learning_rate * curvature_shift))
            ),
        ),
    ),
    batch_parameter=batch(1),
    constraints=(
        Constraint(lambda v: v["curvature_slope"] != 0, "curvature_slope must not be 0"),
        Constraint(lambda v: v["batch_size"] == 1, "this law is for one sample; give batch_size=1"),
    ),
    rungs=("algebra",),
)


def _mixture(batch_size: int = 1) -> Derivation:
    n = sp.Integer(int(batch_size))
    p, m, s = sy.p, sy.m, sy.s
    density = p * _normal_density(m, s) + (1 - p) * _normal_density(M2, S2)
    terms = []
    for j in range(int(n) + 1):
        weight = sp.binomial(n, j) * p**j * (1 - p) ** (n - j)
        mean_, variance = (j * m + (n - j) * M2) / n, (j * s**2 + (n - j) * S2**2) / n**2
        terms.append(weight * g(1 - eta * mean_, eta * sp.sqrt(variance)))
    return derivation(
        ("multiplier", 1 - eta * h_, "Lambda = E log|1 - eta h|"),
        ("law of the curvature", density, "one sample: first normal law with probability p, else the second"),
        (
            "linearity",
            sp.Add(*terms) if n == 1 else sp.Tuple(*terms),
            "at B = 1 the exponent is linear in the law of h",
        ),
        ("Lyapunov exponent", sp.Add(*terms), "over the number j of samples of a batch from the first law"),
    )


def _normal_density(mean_: sp.Expr, std: sp.Expr) -> sp.Expr:
    return sp.exp(-((h_ - mean_) ** 2) / (2 * std**2)) / (std * sp.sqrt(2 * sp.pi))


def _mixture_definition(
    learning_rate: Any,
    probability: Any,
    curvature_mean: Any,
    curvature_std: Any,
    second_mean: Any,
    second_std: Any,
    batch_size: int,
) -> Any:
    p, parts = probability, ((curvature_mean, curvature_std), (second_mean, second_std))
    if batch_size == 1:
        return mpmath.fsum(
            w * log_mean(NormalX(), 1 - learning_rate * m, learning_rate * s)
            for w, (m, s) in zip((p, 1 - p), parts, strict=True)
        )
    text_ = f"Mixture([Normal({float(parts[0][0])!r},{float(parts[0][1])!r}),Normal({float(parts[1][0])!r},"
    law = read_curvature(f"{text_}{float(parts[1][1])!r})],[{float(p)!r},{float(1 - p)!r}])").law
    return mpmath.mpf(bind_batch(law, int(batch_size)).exponent(float(learning_rate)))


def _linear_batch(
    learning_rate: float,
    probability: float,
    curvature_mean: float,
    curvature_std: float,
    second_mean: float,
    second_std: float,
    batch_size: int,
) -> float:
    first = NORMAL(
        learning_rate=learning_rate,
        curvature_mean=curvature_mean,
        curvature_std=curvature_std,
        batch_size=int(batch_size),
    )
    second = NORMAL(
        learning_rate=learning_rate, curvature_mean=second_mean, curvature_std=second_std, batch_size=int(batch_size)
    )
    return probability * first + (1 - probability) * second


MIXTURE = exponent_law(
    "mixture",
    "Mixture of two normal curvatures",
    "linear in the law of h at B = 1; a batch of a mixture is a mixture over how its samples split, not the mixture of "
    "batches",
    (
        Parameter("probability", sy.p, "probability p of the first normal law", interval(0.0, 1.0)),
        sy.curvature_mean(),
        sy.curvature_std(),
        Parameter("second_mean", M2, "mean of the second normal law", real(-1.5, 1.5)),
        Parameter("second_std", S2, "standard deviation of the second normal law", positive(0.3, 1.5)),
    ),
    _mixture,
    _mixture_definition,
    (
        mutant_value("mixture of batches", _linear_batch),
        mutant_parameters("probabilities swapped", lambda v: {"probability": 1 - v["probability"]}),
    ),
    batch_parameter=batch(2),
    structure=("batch_size",),
    rungs=("algebra", "chain"),
    gate_points=12,
)

_EXAMPLES = (
    "Normal(-0.3, 1.1)",
    "Laplace(0.4, 0.7)",
    "0.3 - Exponential(0.8)",
    "Uniform(-0.7, 1.6)",
    "Gamma(1.7, 0.6)",
)


def _characteristic(curvature: str, batch_size: int = 1) -> Derivation:
    law = read_curvature(curvature).law
    n = sp.Integer(int(batch_size))
    phi = law.characteristic(-eta * VARIABLE / n)
    x = sp.Symbol("a", real=True)
    result = sp.Integral((sp.exp(-VARIABLE) - sp.re(sp.exp(sp.I * VARIABLE) * phi**n)) / VARIABLE, (VARIABLE, 0, sp.oo))
    frullani = sp.Integral((sp.exp(-VARIABLE) - sp.cos(x * VARIABLE)) / VARIABLE, (VARIABLE, 0, sp.oo))
    return derivation(
        ("Frullani", sp.Eq(sp.log(sp.Abs(x)), frullani, evaluate=False), "for every real a except 0"),
        ("characteristic function", phi, "of the curvature of one sample at -eta t/B"),
        ("Lyapunov exponent", result, "mean of cos(a t) over the batch: Re[e^{it} phi(-eta t/B)^B]"),
    )


@functools.lru_cache(maxsize=256)
def _exponent(curvature: str, batch_size: int, learning_rate: float) -> float:
    bound = bind_batch(read_curvature(curvature).law, int(batch_size))
    value = error = math.inf
    for periods in (25.0, 100.0, 400.0):
        table = CharacteristicTable(bound.psi, bound.size, bound.moments, periods)
        value, error = table.exponent_with_error(learning_rate)
        if error < 1e-10:
            break
    return value


def _characteristic_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    return mpmath.mpf(_exponent(v["curvature"], int(v["batch_size"]), float(v["learning_rate"])))


def _characteristic_definition(learning_rate: Any, curvature: str, batch_size: int) -> Any:
    law = read_curvature(curvature).law
    whole = law.batch(int(batch_size)) if isinstance(law, Family) else law
    family = BoundFamily(whole.kind, float(whole.shift), float(whole.slope), float(whole.shape), whole.size)
    return log_mean(family.standard, 1 - learning_rate * family.shift, learning_rate * family.slope)


def _unscaled(learning_rate: float, curvature: str, batch_size: int) -> float:
    """phi(-eta t)^B: the sum of the batch in the place of its mean."""
    return _exponent(curvature, int(batch_size), learning_rate * int(batch_size))


CHARACTERISTIC = exponent_law(
    "characteristic",
    "The exponent from the characteristic function, for every batch size",
    "int_0^oo {e^-t - Re[e^{it} phi(-eta t/B)^B]} dt/t with the characteristic function phi of the curvature of one "
    "sample, given as a text such as Normal(-0.3, 1.1)",
    (Parameter("curvature", None, "law of the curvature of one sample, as in `derive lyapunov`", text(*_EXAMPLES)),),
    _characteristic,
    _characteristic_definition,
    (
        mutant_value("phi(-eta t)^B", _unscaled),
        mutant_value(
            "e^-2t in the place of e^-t",
            lambda learning_rate, curvature, batch_size: (
                CHARACTERISTIC(learning_rate=learning_rate, curvature=curvature, batch_size=int(batch_size))
                - math.log(2)
            ),
        ),
    ),
    structure=("curvature", "batch_size"),
    display={"curvature": "Normal(-0.3, 1.1)"},
    evaluator=_characteristic_value,
    rungs=("algebra", "chain"),
)
COMPOSED_LAWS: tuple[Law, ...] = (AFFINE, MIXTURE, CHARACTERISTIC)
