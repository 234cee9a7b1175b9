"""Critical learning rates: the largest zero of the exponent, beyond which SGD leaves in probability."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer
from theory.stability.critical_closed import CLOSED_RATES
from theory.stability.critical_empirical import EMPIRICAL_RATES
from theory.stability.critical_roots import by_root, int_batch
from theory.stability.exponents_elementary import NORMAL, UNIFORM
from theory.stability.exponents_gamma import GAMMA_LAWS
from theory.stability.exponents_symmetric import SYMMETRIC_LAWS

_BY_ID = {law.id.rsplit(".", 1)[-1]: law for law in (*GAMMA_LAWS, *SYMMETRIC_LAWS)}
EXPONENTIAL, GAMMA, CHI_SQUARED = (_BY_ID[name] for name in ("exponential", "gamma", "chi_squared"))
LAPLACE, PRODUCT = (_BY_ID[name] for name in ("laplace", "product_normal"))

n_batch, zero = sp.Symbol("B", positive=True), sp.Symbol("c_0", positive=True)
BATCH = Parameter("batch_size", None, "samples per batch B", integer(1, (1, 3)), 1, False)

NORMAL_ZERO_MEAN = by_root(
    "normal_zero_mean",
    "Critical learning rate of normal curvature with mean zero",
    "eta_c = 1.55603647805 sqrt(B)/s: the exponent depends on eta s/sqrt(B) only.",
    (sy.curvature_std(), BATCH),
    NORMAL,
    (
        mutant_value(
            "B in place of sqrt(B)", lambda curvature_std, batch_size: 1.55603647805 * batch_size / curvature_std
        ),
        mutant_value("mean-square value (none: 0)", lambda **_: 0.0),
    ),
    scale=lambda v: v["curvature_std"] / v["batch_size"] ** 0.5,
    full=lambda v: int_batch({**v, "curvature_mean": 0.0 if isinstance(v["curvature_std"], float) else mpmath.mpf(0)}),
    scaling=(zero * sp.sqrt(n_batch) / sy.s, "Lambda is a function of eta s/sqrt(B); c_0 is its zero"),
    structure=("batch_size",),
)


def _exponential_zero(batch_size: int) -> tuple[Any, str]:
    return (1 / (zero * sy.t), "B = 1: Lambda = -exp(-c) Ei(c) with c = 1/(eta t), zero of Ei at c_0 = 0.37250741")


EXPONENTIAL_RATE = by_root(
    "exponential",
    "Critical learning rate of exponential curvature",
    "B = 1: eta_c t = 1/c_0 with Ei(c_0) = 0, c_0 = 0.37250741 = log of the Ramanujan-Soldner constant.",
    (sy.curvature_scale("mean t of the exponential law"), BATCH),
    EXPONENTIAL,
    (
        mutant_value("mean-square value 1/t", lambda curvature_scale, **_: 1 / curvature_scale),
        mutant_value("1/c_0^2", lambda curvature_scale, **_: 7.2065957 / curvature_scale),
    ),
    scale=lambda v: v["curvature_scale"],
    full=int_batch,
    scaling=_exponential_zero(1),
    structure=("batch_size",),
)

ORDERED = Constraint(
    lambda v: v["lower_curvature"] < v["upper_curvature"], "lower_curvature must lie below upper_curvature"
)
CENTRED_UP = Constraint(
    lambda v: v["lower_curvature"] + v["upper_curvature"] >= 0, "the mean curvature must not be negative (a minimum)"
)
UNIFORM_RATE = by_root(
    "uniform",
    "Critical learning rate of uniform curvature",
    "On [0, b]: eta_c b = 1 + exp(1 + W(1/e)) = 4.59112148; on [-b, b]: 2.50429565; else the numerical zero.",
    (*sy.support((-0.8, 0.6), (1.0, 2.5)),),
    UNIFORM,
    (
        mutant_result("mean-square value", lambda _, lower_curvature, upper_curvature: 1.5
                      * (lower_curvature + upper_curvature)
                      / (lower_curvature**2 + lower_curvature * upper_curvature + upper_curvature**2)),
        mutant_result("1/e too small", lambda value, **_: value * 4.0 / 4.59112148),
    ),
    scale=lambda v: max(abs(v["lower_curvature"]), abs(v["upper_curvature"])),
    scaling=((1 + sp.exp(1 + sp.LambertW(sp.exp(-1)))) / sy.b, "a = 0: x log x - x = 1 at x = eta b - 1 gives W(1/e)"),
    constraints=(ORDERED, CENTRED_UP),
)  # fmt: skip

GAMMA_RATE = by_root(
    "gamma",
    "Critical learning rate of gamma curvature",
    "The zero c = 1/(eta t) depends on the shape only; eta_c = 1/(c t), shape k B and scale t/B for batches.",
    (sy.curvature_shape(0.5, 3.5), sy.curvature_scale("scale t of the gamma law"), BATCH),
    GAMMA,
    (mutant_result("scaling with k t only", lambda value, curvature_shape, curvature_scale, **_: 2.68451035
                   / (curvature_shape * curvature_scale)),),
    scale=lambda v: v["curvature_scale"] * max(v["curvature_shape"], 0.5),
    full=int_batch,
    scaling=(1 / (zero * sy.t), "Lambda is a function of c = 1/(eta t) and the shape; c_0 is its zero"),
    structure=("curvature_shape", "batch_size"),
)  # fmt: skip

CHI_RATE = by_root(
    "chi_squared",
    "Critical learning rate of chi-squared curvature",
    "k = 1: eta_c scale = 2.42124952, the square of the zero of normal curvature (1 - eta x^2 factorises).",
    (
        Parameter("degrees_of_freedom", None, "degrees of freedom k", integer(1, (1, 4))),
        sy.curvature_scale("factor of chi-squared"),
    ),
    CHI_SQUARED,
    (mutant_result("the square root", lambda value, curvature_scale, **_: (value * curvature_scale) ** 0.5
                   / curvature_scale),),
    scale=lambda v: v["curvature_scale"] * v["degrees_of_freedom"],
    scaling=(zero**2 / sy.t, "k = 1: 1 - eta x^2 = (1 - sqrt(eta) x)(1 + sqrt(eta) x), twice the normal exponent"),
    structure=("degrees_of_freedom",),
)  # fmt: skip

LAPLACE_RATE = by_root(
    "laplace_zero_mean",
    "Critical learning rate of Laplace curvature with mean zero",
    "eta_c b = 1.13754286.",
    (sy.curvature_scale("scale b (variance 2 b^2)"),),
    LAPLACE,
    (mutant_value("normal of the same variance", lambda curvature_scale: 1.55603647805 / (2**0.5 * curvature_scale)),),
    scale=lambda v: v["curvature_scale"],
    full=lambda v: {**v, "curvature_mean": 0.0, "batch_size": 1},
    scaling=(zero / sy.t, "Lambda is a function of eta b only; c_0 is its zero"),
)

PRODUCT_RATE = by_root(
    "product_normal",
    "Critical learning rate of a product of two normal factors",
    "B = 1: eta_c s1 s2 = 1.53006254; B = 2: 2 * 1.13754286, because the mean of two products is Laplace.",
    (*sy.FACTOR_STDS, Parameter("batch_size", None, "samples per batch, 1 or 2", integer(1, (1, 2)), 1, False)),
    PRODUCT,
    (
        mutant_value("value of B = 1 in batches", lambda first_std, second_std, batch_size: (
            1.53006254 if batch_size > 1 else 1.13754286 * 2) / (first_std * second_std)),
        mutant_value("sqrt(2) scaling", lambda first_std, second_std, batch_size: 1.53006254
                     * 2 ** (0.5 if batch_size > 1 else -0.5) / (first_std * second_std)),
    ),
    scale=lambda v: v["first_std"] * v["second_std"],
    full=int_batch,
    scaling=(zero / (sy.s_1 * sy.s_2), "Lambda is a function of eta s1 s2 only; c_0 is its zero"),
    gate_points=3,
    structure=("batch_size",),
)  # fmt: skip

CRITICAL_LAWS: tuple[Law, ...] = (
    NORMAL_ZERO_MEAN, EXPONENTIAL_RATE, UNIFORM_RATE, GAMMA_RATE, CHI_RATE, LAPLACE_RATE, PRODUCT_RATE,
    *CLOSED_RATES, *EMPIRICAL_RATES,
)  # fmt: skip
