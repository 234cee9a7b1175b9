"""Laws of tails and of the limits of the learning rate: the SDE's indices against Kesten's."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp
from scipy.optimize import brentq

from theory.escape import tails
from theory.escape.notation import BATCH_SIZE, CURVATURE, DIMENSION, LEARNING_RATE, TEMPERATURE
from theory.escape.sources import GURBUZBALABAN, KESTEN, MORI, ZIYIN
from theory.escape.update_oracles import squared_growth
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, integer, positive
from theory.source import DERIVED

FEW = DIMENSION.within(integer(1, (1, 3)))


def _radial_decay(temperature: Any, dimension: Any, along: Any, across: Any) -> Any:
    """Tail index from the zero radial current at huge r: P'/P = -(r + (r^(n-1) D)'/r^(n-1) - ...)/D_rr."""
    r = mpmath.mpf(10) ** 12
    step = r / 10**5
    noise = lambda x: along(x)  # noqa: E731
    slope = (noise(r + step) - noise(r - step)) / (2 * step)
    log_slope = -(r + slope + (dimension - 1) * (along(r) - across(r)) / r) / along(r)
    return -(log_slope * r + dimension)


POWER_LAW = Law(
    id="escape.tail_index.power_law",
    title="Tail index of the SDE with proportional noise",
    statement="P(|d| > r) ~ r^-alpha with alpha = 2 + 2/T - n.",
    quantity=sp.Symbol("alpha"),
    parameters=(TEMPERATURE, DIMENSION),
    derive=tails.power_law_tail,
    definition=lambda temperature, dimension: _radial_decay(
        temperature, dimension, lambda r: temperature * (1 + r * r) / 2, lambda r: temperature * (1 + r * r) / 2
    ),
    constraints=(
        Constraint(lambda v: 2 + 2 / v["temperature"] > v["dimension"], "needs dimension < 2 + 2/temperature"),
    ),
    sources=(MORI,),
    mutants=(
        mutant_value("2/T", lambda temperature, dimension: 2 / temperature),
        mutant_value("without -n", lambda temperature, dimension: 2 + 2 / temperature),
    ),
    rungs=("algebra", "flow", "sgd"),
)

FEATURES_TAIL = Law(
    id="escape.tail_index.gaussian_features_sde",
    title="Tail index of the SDE with the exact covariance of Gaussian features",
    statement="alpha = 1/T + (3-n)/2.",
    quantity=sp.Symbol("alpha"),
    parameters=(TEMPERATURE, DIMENSION),
    derive=tails.gaussian_features_tail,
    definition=lambda temperature, dimension: _radial_decay(
        temperature, dimension, lambda r: temperature * (1 + 2 * r * r) / 2, lambda r: temperature * (1 + r * r) / 2
    ),
    constraints=(
        Constraint(lambda v: 1 / v["temperature"] + 1.5 > v["dimension"] / 2, "needs dimension < 3 + 2/temperature"),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value("2/T", lambda temperature, dimension: 2 / temperature),
        mutant_value("(3+n)/2", lambda temperature, dimension: 1 / temperature + (3 + dimension) / 2),
        mutant_value("Kesten's small-step index", lambda temperature, dimension: 1.79556 / temperature),
    ),
    rungs=("algebra", "flow", "sgd"),
)


def _index_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    del derived, digits
    e = float(values["learning_rate"]) * float(values["curvature"])
    found = tails.kesten_index(e, int(values["batch_size"]), int(values["dimension"]))
    return None if found is None else mpmath.mpf(found)


def _index_definition(learning_rate: Any, batch_size: Any, dimension: Any, curvature: Any) -> Any:
    """Root of log E |M e|^alpha / alpha with moments by an independent quadrature."""
    e, size, directions = float(learning_rate * curvature), int(batch_size), int(dimension)
    if tails.growth_oracle(0, e, size, directions, logarithm=True) >= 0:
        return None

    def level(power: float) -> float:
        return tails.growth_oracle(power, e, size, directions) / power

    high = 2.0 * size / e + 1.0
    while level(high) < 0:
        high *= 1.3
    low = high
    while level(low) > 0:
        low *= 0.6
    return mpmath.mpf(brentq(level, low, high, xtol=1e-13, rtol=1e-13))


def _power_law_index(learning_rate: float, batch_size: int, dimension: int, curvature: float) -> float:
    return 2 + 2 * batch_size / (learning_rate * curvature) - dimension


def _sde_index(learning_rate: float, batch_size: int, dimension: int, curvature: float) -> float:
    return batch_size / (learning_rate * curvature) + (3 - dimension) / 2


def _without_orthogonal(learning_rate: float, batch_size: int, dimension: int, curvature: float) -> float | None:
    return tails.kesten_index(learning_rate * curvature, batch_size, 1)


KESTEN_INDEX = Law(
    id="escape.tail_index.kesten",
    title="Tail index of real SGD",
    statement="Positive root alpha of E[((1 - e a/B)^2 + e^2 a b/B^2)^{alpha/2}] = 1, e = eta h, a ~ chi^2_B, "
    "b ~ chi^2_{n-1}; null beyond learning_rate_limit.stationary.",
    quantity=sp.Symbol("alpha"),
    parameters=(LEARNING_RATE.within(positive(0.3, 0.9)), BATCH_SIZE.within(integer(1, (1, 4))), FEW, CURVATURE),
    derive=tails.kesten,
    evaluator=_index_value,
    definition=_index_definition,
    sources=(GURBUZBALABAN, KESTEN),
    mutants=(
        mutant_value("power_law", _power_law_index),
        mutant_value("gaussian_features_sde", _sde_index),
        mutant_value("orthogonal part dropped", _without_orthogonal),
    ),
    rungs=("algebra", "sgd"),
    gate_points=4,
)


def _small_step_definition() -> Any:
    """Minimum of y/(2 log(y-1)) by golden section."""
    f = lambda y: y / (2 * mpmath.log(y - 1))  # noqa: E731
    low, high, g = mpmath.mpf(3), mpmath.mpf(8), (mpmath.sqrt(5) - 1) / 2
    for _ in range(90):
        left, right = high - g * (high - low), low + g * (high - low)
        low, high = (low, right) if f(left) < f(right) else (left, high)
    return f((low + high) / 2)


SMALL_STEP = Law(
    id="escape.tail_index.small_step",
    title="Tail index of real SGD at small steps",
    statement="alpha eta h/B -> exp(1 + W0(1/e))/2 = 1.79556 for every n and B.",
    quantity=sp.Symbol("alpha*eta*h/B"),
    parameters=(),
    derive=tails.small_step,
    definition=_small_step_definition,
    sources=(DERIVED,),
    mutants=(mutant_value("2 (the power law)", lambda: 2.0), mutant_value("1 (exact covariance)", lambda: 1.0)),
    regime=Regime("learning_rate -> 0", "O(learning_rate log)"),
)


def _variance_definition(batch_size: Any, dimension: Any, curvature: Any) -> Any:
    """Root of E |M u|^2 = 1, a quadratic in the learning rate, from the mean over Gaussian features at two rates."""

    def slope(e: float) -> float:
        return (squared_growth(e, int(batch_size), int(dimension)) - 1) / e

    first, second = slope(1.0), slope(2.0)
    return (1 - first / (second - first)) / curvature


VARIANCE_LIMIT = Law(
    id="escape.learning_rate_limit.variance",
    title="Learning rate below which the variance is finite",
    statement="eta h = 2/(1 + (n+1)/B), isotropic Gaussian features.",
    quantity=sp.Symbol("eta_max"),
    parameters=(BATCH_SIZE, DIMENSION, CURVATURE),
    derive=tails.variance_limit,
    definition=_variance_definition,
    sources=(DERIVED, ZIYIN),
    mutants=(
        mutant_value("2/h", lambda batch_size, dimension, curvature: 2 / curvature),
        mutant_value(
            "2/(1 + n/B)", lambda batch_size, dimension, curvature: 2 / curvature / (1 + dimension / batch_size)
        ),
    ),
    rungs=("algebra", "sgd"),
)


def _limit_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    del derived, digits
    found = tails.stationary_learning_rate(int(values["batch_size"]), int(values["dimension"]))
    return mpmath.mpf(found) / mpmath.mpf(float(values["curvature"]))


def _limit_definition(batch_size: Any, dimension: Any, curvature: Any) -> Any:
    def drift(e: float) -> float:
        return tails.growth_oracle(0.0, e, int(batch_size), int(dimension), logarithm=True)

    high = 2.0
    while drift(high) < 0:
        high *= 1.4
    return mpmath.mpf(brentq(drift, 0.2, high, xtol=1e-13, rtol=1e-13)) / curvature


STATIONARY_LIMIT = Law(
    id="escape.learning_rate_limit.stationary",
    title="Learning rate above which real SGD has no stationary law",
    statement="eta at which E log[(1 - e a/B)^2 + e^2 a b/B^2] = 0, e = eta h.",
    quantity=sp.Symbol("eta_stat"),
    parameters=(BATCH_SIZE.within(integer(1, (1, 4))), FEW, CURVATURE),
    derive=tails.stationary_limit,
    evaluator=_limit_value,
    definition=_limit_definition,
    sources=(GURBUZBALABAN, DERIVED),
    mutants=(
        mutant_value(
            "variance limit",
            lambda batch_size, dimension, curvature: 2 / curvature / (1 + (dimension + 1) / batch_size),
        ),
        mutant_value("2/h", lambda batch_size, dimension, curvature: 2 / curvature),
    ),
    rungs=("algebra", "sgd"),
    gate_points=4,
)

TAIL_LAWS = (POWER_LAW, FEATURES_TAIL, KESTEN_INDEX, SMALL_STEP, VARIANCE_LIMIT, STATIONARY_LIMIT)
