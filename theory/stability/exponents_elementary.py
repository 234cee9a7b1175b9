"""Exponents of two-point, normal, uniform, Cauchy, arcsine and semicircle curvatures."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_form, mutant_parameters, mutant_value
from theory.parameter import Constraint
from theory.stability import symbols as sy
from theory.stability.exponent_law import B, batch, batch_mutant, exponent_derivation, exponent_law
from theory.stability.potential_compact import A as A_compact
from theory.stability.potential_compact import S as S_compact
from theory.stability.potential_compact import cauchy_potential, uniform_potential
from theory.stability.potential_normal import g, normal_potential
from theory.stability.quadrature import log_mean
from theory.stability.standard import CauchyX, NormalX, SplineX
from theory.stability.symbols import SEED, eta, h_, m, s

ORDERED = Constraint(
    lambda v: v["lower_curvature"] < v["upper_curvature"],
    "lower_curvature must lie below upper_curvature; swap them or use a two-point law",
)


def _two_point(batch_size: int = 1) -> Derivation:
    p, h1, h2 = sy.p, sy.h1, sy.h2
    atoms = sp.Tuple(sp.Tuple(h1, p), sp.Tuple(h2, 1 - p))
    terms = [
        sp.binomial(batch_size, j)
        * p**j
        * (1 - p) ** (batch_size - j)
        * sp.log(sp.Abs(1 - eta * (j * h1 + (batch_size - j) * h2) / batch_size))
        for j in range(batch_size + 1)
    ]
    return derivation(
        ("multiplier", 1 - eta * h_, "theta <- theta - eta h theta; Lambda = E log|1 - eta h|"),
        ("law of the curvature", atoms, "atoms and probabilities of one sample"),
        ("law of the batch", sp.binomial(batch_size, h_) * p**h_ * (1 - p) ** (batch_size - h_), "binomial"),
        ("Lyapunov exponent", sp.Add(*terms), "sum over the number j of first atoms in the batch"),
    )


def _two_point_definition(
    learning_rate: Any, probability: Any, first_curvature: Any, second_curvature: Any, batch_size: int
) -> Any:
    atoms = {mpmath.mpf(0): mpmath.mpf(1)}
    for _ in range(batch_size):
        grown: dict[Any, Any] = {}
        for total, weight in atoms.items():
            for h, q in ((first_curvature, probability), (second_curvature, 1 - probability)):
                grown[total + h] = grown.get(total + h, 0) + weight * q
        atoms = grown
    return mpmath.fsum(w * mpmath.log(abs(1 - learning_rate * h / batch_size)) for h, w in atoms.items())


def _log_of_mean(
    learning_rate: float, probability: float, first_curvature: float, second_curvature: float, **_: Any
) -> float:
    mean = probability * first_curvature + (1 - probability) * second_curvature
    return float(mpmath.log(abs(1 - mpmath.mpf(learning_rate) * mean)))


TWO_POINT = exponent_law(
    "two_point",
    "Two-point curvature",
    "at B = 1, p log|1 - eta h1| + (1 - p) log|1 - eta h2|; a binomial sum for larger batches",
    sy.TWO_POINT,
    _two_point,
    _two_point_definition,
    (
        mutant_parameters("probabilities swapped", lambda v: {"probability": 1 - v["probability"]}),
        mutant_value("log of the mean multiplier", _log_of_mean),
    ),
    structure=("batch_size",),
)


def _normal() -> Derivation:
    result = g(1 - eta * m, eta * s / sp.sqrt(B))
    density = sp.exp(-((h_ - m) ** 2) / (2 * s**2)) / (s * sp.sqrt(2 * sp.pi))
    return exponent_derivation(
        density, normal_potential(), result, "A = 1 - eta m, S = eta s/sqrt(B): the mean of B normals is normal"
    )


NORMAL = exponent_law(
    "normal",
    "Normal curvature",
    "g(1 - eta m, eta s/sqrt(B)) with g(mu, sd) = log sd - (gamma + log 2)/2 + X 2F2(1,1;3/2,2;-X), X = mu^2/(2 sd^2)",
    (sy.curvature_mean(), sy.curvature_std()),
    _normal,
    lambda learning_rate, curvature_mean, curvature_std, batch_size: log_mean(
        NormalX(), 1 - learning_rate * curvature_mean, learning_rate * curvature_std / mpmath.sqrt(batch_size)
    ),
    (
        batch_mutant("standard deviation s/B", lambda size: size**2),
        mutant_form("plus Euler gamma", lambda form: form + sp.EulerGamma),
        mutant_value(
            "exponent of the diffusion",
            lambda learning_rate, curvature_mean, curvature_std, batch_size: (
                -learning_rate * curvature_mean - learning_rate**2 * curvature_std**2 / (2 * batch_size)
            ),
        ),
    ),
    batch_parameter=batch(symbol=B),
    sources=(SEED, sy.HERE),
)


def _uniform(batch_size: int = 1) -> Derivation:
    lower, upper = sy.a, sy.b
    step = eta * (upper - lower) / batch_size
    result = uniform_potential(batch_size).result.subs({A_compact: 1 - eta * lower, S_compact: step}, simultaneous=True)
    return exponent_derivation(
        1 / (upper - lower),
        uniform_potential(batch_size),
        result,
        "A = 1 - eta a, S = eta (b - a)/B",
    )


def _uniform_definition(learning_rate: Any, lower_curvature: Any, upper_curvature: Any, batch_size: int) -> Any:
    step = learning_rate * (upper_curvature - lower_curvature) / batch_size
    return log_mean(SplineX(batch_size), 1 - learning_rate * lower_curvature, step)


def _uniform_without(
    learning_rate: float, lower_curvature: float, upper_curvature: float, batch_size: int, **_: Any
) -> float:
    size = int(batch_size)
    step = mpmath.mpf(learning_rate) * (upper_curvature - lower_curvature) / size
    total = mpmath.mpf(0)
    for j in range(size + 1):
        z = 1 - mpmath.mpf(learning_rate) * lower_curvature - j * step
        total += (-1) ** j * mpmath.binomial(size, j) * (z**size * mpmath.log(abs(z)) if z else 0)
    return float(total / step**size / mpmath.factorial(size))


UNIFORM = exponent_law(
    "uniform",
    "Uniform curvature",
    "sum_j (-1)^j C(B,j) F_B(1 - eta a - j w)/w^B, w = eta (b - a)/B, F_B(x) = x^B (log|x| - H_B)/B!",
    sy.support(),
    _uniform,
    _uniform_definition,
    (mutant_value("antiderivative without the harmonic number", _uniform_without),),
    structure=("batch_size",),
    constraints=(ORDERED,),
)


def _cauchy() -> Derivation:
    location, width = m, sy.gamma_
    result = cauchy_potential().result.subs({A_compact: 1 - eta * location, S_compact: eta * width}, simultaneous=True)
    density = width / (sp.pi * ((h_ - location) ** 2 + width**2))
    return exponent_derivation(
        density, cauchy_potential(), result, "A = 1 - eta m, S = eta g; the mean of B Cauchy variables has the same law"
    )


CAUCHY = exponent_law(
    "cauchy",
    "Cauchy curvature",
    "log[(1 - eta m)^2 + eta^2 g^2]/2 at every batch size",
    (
        sy.Parameter("curvature_location", m, "location m of the Cauchy law", sy.real(-1.2, 1.2)),
        sy.curvature_scale("half-width g of the Cauchy law", symbol=sy.gamma_),
    ),
    _cauchy,
    lambda learning_rate, curvature_location, curvature_scale, batch_size: log_mean(
        CauchyX(), 1 - learning_rate * curvature_location, learning_rate * curvature_scale
    ),
    (
        mutant_parameters(
            "half-width over sqrt(B), as if the variance were finite",
            lambda v: {"curvature_scale": v["curvature_scale"] / v["batch_size"] ** 0.5},
        ),
        mutant_form("without the factor 1/2", lambda form: 2 * form),
    ),
)

ELEMENTARY: tuple[Law, ...] = (TWO_POINT, NORMAL, UNIFORM, CAUCHY)
