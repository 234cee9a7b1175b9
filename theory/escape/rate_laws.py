"""Laws of escape rates of the SDE, in one and in several dimensions, with proportional, additive and general noise."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.escape import rates
from theory.escape.notation import (
    BARRIER_RATIO,
    DIMENSION,
    KURTOSIS,
    MINIMUM_CURVATURE,
    MINIMUM_CURVATURES,
    SADDLE_CURVATURE,
    SADDLE_CURVATURES,
    SAME_LENGTH,
    TEMPERATURE,
)
from theory.escape.rate_oracles import kramers, laplace_correction, reversible_rate
from theory.escape.sources import MORI
from theory.law import Law, Regime, mutant_value
from theory.source import DERIVED

ONE_DIMENSION = (TEMPERATURE, BARRIER_RATIO, MINIMUM_CURVATURE, SADDLE_CURVATURE)
LOW_TEMPERATURE = Regime("temperature -> 0", "O(T), coefficient C1 of rate_correction.double_well")


def _prefactor(minimum_curvature: float, saddle_curvature: float) -> float:
    return math.sqrt(-minimum_curvature * saddle_curvature) / (2 * math.pi)


def seed_rate(temperature: float, barrier_ratio: float, minimum_curvature: float, saddle_curvature: float) -> float:
    """The power law, in floats, for mutants and rivals."""
    return _prefactor(minimum_curvature, saddle_curvature) * barrier_ratio ** (-0.5 - 1 / temperature)


def additive_rate(temperature: float, barrier_ratio: float, minimum_curvature: float, saddle_curvature: float) -> float:
    """The exponential law, in floats, for mutants and rivals."""
    return _prefactor(minimum_curvature, saddle_curvature) * math.exp(-(barrier_ratio - 1) / temperature)


ONE = Law(
    id="escape.escape_rate.one_dimensional",
    title="Power-law escape rate in one dimension",
    statement="kappa = sqrt(h |h_s|)/(2 pi) c^-(1/2 + 1/T) per unit t, minimum to far minimum, D = T L.",
    quantity=sp.Symbol("kappa"),
    parameters=ONE_DIMENSION,
    derive=rates.one_dimensional,
    definition=lambda temperature, barrier_ratio, minimum_curvature, saddle_curvature: kramers(
        temperature, barrier_ratio, minimum_curvature, saddle_curvature, mpmath.mpf(2)
    ),
    sources=(MORI,),
    published=seed_rate,
    mutants=(
        mutant_value("c^-1/T, without 1/2", lambda **v: seed_rate(**v) * v["barrier_ratio"] ** 0.5),
        mutant_value("additive rate", additive_rate),
        mutant_value("1/pi for 1/(2 pi)", lambda **v: 2 * seed_rate(**v)),
        mutant_value("exponent 1 + 1/T", lambda **v: seed_rate(**v) * v["barrier_ratio"] ** -0.5),
    ),
    rungs=("algebra", "flow", "chain", "sgd"),
    regime=LOW_TEMPERATURE,
)

ADDITIVE = Law(
    id="escape.escape_rate.additive",
    title="Escape rate with the noise frozen at the minimum",
    statement="kappa = sqrt(h |h_s|)/(2 pi) exp[-(c-1)/T] per unit t for D = T L_*: the linear barrier.",
    quantity=sp.Symbol("kappa_add"),
    parameters=ONE_DIMENSION,
    derive=rates.additive,
    definition=lambda temperature, barrier_ratio, minimum_curvature, saddle_curvature: kramers(
        temperature, barrier_ratio, minimum_curvature, saddle_curvature, mpmath.mpf(1)
    ),
    sources=(MORI,),
    mutants=(
        mutant_value(
            "exp[-(c-1)/(2T)]",
            lambda **v: additive_rate(**v) * math.exp((v["barrier_ratio"] - 1) / (2 * v["temperature"])),
        ),
        mutant_value("power law", seed_rate),
    ),
    rungs=("algebra", "flow"),
    regime=LOW_TEMPERATURE,
)


def kurtosis_rate(
    temperature: float, barrier_ratio: float, minimum_curvature: float, saddle_curvature: float, feature_kurtosis: float
) -> float:
    """The rate for any kurtosis, in floats, for mutants and rivals."""
    if feature_kurtosis == 1:
        return additive_rate(temperature, barrier_ratio, minimum_curvature, saddle_curvature)
    k = feature_kurtosis - 1
    bracket = 1 + k * (barrier_ratio - 1)
    return _prefactor(minimum_curvature, saddle_curvature) * bracket ** (-0.5 - 1 / (k * temperature))


def _kurtosis_evaluator(derived: Any, values: dict[str, Any], digits: int) -> Any:
    from theory import evaluation

    parameters = (*ONE_DIMENSION, KURTOSIS)
    form = rates.additive().result if values["feature_kurtosis"] == 1 else derived.result
    return evaluation.evaluate(form, parameters, values, digits)


def _bracket(v: dict[str, Any]) -> float:
    return 1 + (v["feature_kurtosis"] - 1) * (v["barrier_ratio"] - 1)


KURTOSIS_RATE = Law(
    id="escape.escape_rate.kurtosis",
    title="Escape rate for any feature kurtosis",
    statement="kappa = sqrt(h |h_s|)/(2 pi) [1+(K-1)(c-1)]^-(1/2+1/((K-1)T)); K -> 1 additive, K = 2 the power law.",
    quantity=sp.Symbol("kappa_K"),
    parameters=(*ONE_DIMENSION, KURTOSIS),
    derive=rates.kurtosis_rate,
    evaluator=_kurtosis_evaluator,
    definition=lambda temperature, barrier_ratio, minimum_curvature, saddle_curvature, feature_kurtosis: kramers(
        temperature, barrier_ratio, minimum_curvature, saddle_curvature, feature_kurtosis
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "c for the bracket",
            lambda **v: (
                kurtosis_rate(**v)
                * (v["barrier_ratio"] / _bracket(v)) ** (-0.5 - 1 / ((v["feature_kurtosis"] - 1) * v["temperature"]))
            ),
        ),
        mutant_value("K for K-1", lambda **v: kurtosis_rate(**{**v, "feature_kurtosis": v["feature_kurtosis"] + 1})),
        mutant_value("without 1/2", lambda **v: kurtosis_rate(**v) * _bracket(v) ** 0.5),
    ),
    rungs=("algebra", "flow", "chain"),
    regime=LOW_TEMPERATURE,
)


def _ratio_definition(temperature: Any, barrier_ratio: Any) -> Any:
    curvatures = (mpmath.mpf("1.3"), mpmath.mpf("-0.9"))
    return kramers(temperature, barrier_ratio, *curvatures, mpmath.mpf(2)) / kramers(
        temperature, barrier_ratio, *curvatures, mpmath.mpf(1)
    )


RATE_RATIO = Law(
    id="escape.rate_ratio.additive",
    title="Power-law rate over additive rate",
    statement="kappa/kappa_add = c^-(1/2+1/T) exp[(c-1)/T].",
    quantity=sp.Symbol("kappa/kappa_add"),
    parameters=(TEMPERATURE, BARRIER_RATIO),
    derive=rates.rate_ratio,
    definition=_ratio_definition,
    sources=(MORI,),
    mutants=(
        mutant_value(
            "without 1/2",
            lambda temperature, barrier_ratio: (
                barrier_ratio ** (-1 / temperature) * math.exp((barrier_ratio - 1) / temperature)
            ),
        ),
        mutant_value(
            "exp[(c-1)/(2T)]",
            lambda temperature, barrier_ratio: (
                barrier_ratio ** (-0.5 - 1 / temperature) * math.exp((barrier_ratio - 1) / (2 * temperature))
            ),
        ),
    ),
)


def _multi(
    temperature: float, barrier_ratio: float, minimum_curvatures: Any, saddle_curvatures: Any, **change: float
) -> float:
    size = len(minimum_curvatures)
    ratio = math.prod(minimum_curvatures) / abs(math.prod(saddle_curvatures))
    exponent = 1 / temperature + 1 - change.get("size", size) / 2
    power = change.get("power", 0.5)
    return abs(saddle_curvatures[0]) / (2 * math.pi) * ratio**power * barrier_ratio**-exponent


MULTI = Law(
    id="escape.escape_rate.multi_dimensional",
    title="Power-law escape rate in n dimensions",
    statement="kappa = |h_e|/(2 pi) sqrt(det H_*/|det H_s|) c^-(1/T+1-n/2) per unit t, isotropic D = T L, h_e the "
    "negative curvature of the saddle, T defined with the curvature of that direction.",
    quantity=sp.Symbol("kappa_n"),
    parameters=(TEMPERATURE, BARRIER_RATIO, MINIMUM_CURVATURES, SADDLE_CURVATURES),
    derive=rates.multi_dimensional,
    definition=reversible_rate,
    constraints=(SAME_LENGTH,),
    sources=(MORI,),
    published=_multi,
    mutants=(
        mutant_value("exponent of n = 1", lambda **v: _multi(**v, size=1)),
        mutant_value("determinant ratio inverted", lambda **v: _multi(**v, power=-0.5)),
        mutant_value("square root missing", lambda **v: _multi(**v, power=1.0)),
    ),
    rungs=("algebra", "flow", "sgd"),
    regime=LOW_TEMPERATURE,
)


def _exponent_definition(temperature: Any, dimension: Any) -> Any:
    well = [mpmath.mpf(k + 2) / 3 for k in range(int(dimension))]
    top = [-well[0], *well[1:]]
    low, high = mpmath.mpf("1.7"), mpmath.mpf("3.1")
    first, second = (reversible_rate(temperature, level, well, top) for level in (low, high))
    return -mpmath.log(second / first) / mpmath.log(high / low)


EXPONENT = Law(
    id="escape.escape_exponent.multi_dimensional",
    title="Exponent of the escape rate in n dimensions",
    statement="-d log kappa / d log c = 1/T + 1 - n/2.",
    quantity=sp.Symbol("exponent"),
    parameters=(TEMPERATURE, DIMENSION),
    derive=rates.exponent,
    definition=_exponent_definition,
    sources=(MORI,),
    published=lambda temperature, dimension: 1 / temperature + 1 - dimension / 2,
    mutants=(
        mutant_value("+ n/2", lambda temperature, dimension: 1 / temperature + 1 + dimension / 2),
        mutant_value("without 1", lambda temperature, dimension: 1 / temperature - dimension / 2),
    ),
    rungs=("algebra", "flow", "sgd"),
    regime=Regime("temperature -> 0", "O(T)"),
)

CORRECTION = Law(
    id="escape.rate_correction.double_well",
    title="First correction to the rate in the double well",
    statement="L = 1 + (c-1)(x^2-1)^2: kappa MFPT = 1 + C1 T + O(T^2) with C1 = 3/(8(c-1)) - 5(K-1)/16.",
    quantity=sp.Symbol("C1"),
    parameters=(BARRIER_RATIO, KURTOSIS),
    derive=rates.double_well_correction,
    definition=lambda barrier_ratio, feature_kurtosis: laplace_correction(
        float(barrier_ratio), float(feature_kurtosis)
    ),
    sources=(DERIVED,),
    # the definition is a numerical derivative at temperature zero in double precision
    tolerance=2e-8,
    mutants=(
        mutant_value(
            "sign of the second term",
            lambda barrier_ratio, feature_kurtosis: 3 / (8 * (barrier_ratio - 1)) + 5 * (feature_kurtosis - 1) / 16,
        ),
        mutant_value("plain Kramers", lambda barrier_ratio, feature_kurtosis: 3 / (8 * (barrier_ratio - 1))),
        mutant_value(
            "5 K/16", lambda barrier_ratio, feature_kurtosis: 3 / (8 * (barrier_ratio - 1)) - 5 * feature_kurtosis / 16
        ),
    ),
    rungs=("algebra", "flow"),
)


RATE_LAWS = (ONE, MULTI, EXPONENT, ADDITIVE, RATE_RATIO, KURTOSIS_RATE, CORRECTION)
