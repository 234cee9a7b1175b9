"""Critical learning rates of finite data: the zero beyond the last pole, and how many zeros lie before it."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.parameter import Parameter, real_list
from theory.stability.critical_roots import Values, critical, eta
from theory.stability.exponents_empirical import EMPIRICAL
from theory.stability.roots import refined


def _last_zero(values: Values, digits: int) -> Any:
    lowest = min(values["curvatures"])
    weights = values.get("weights")

    def growth(x: Any) -> Any:
        return EMPIRICAL.evaluate(digits + 5, curvatures=values["curvatures"], weights=weights, learning_rate=x)

    # Beyond the last pole 1/h_min the exponent rises from -infinity; at 2/h_min every factor is at least one.
    return refined(
        growth,
        (mpmath.mpf(1) / lowest * mpmath.mpf("1.000000001"), mpmath.mpf(2) / lowest * mpmath.mpf("1.000001")),
        digits,
    )


def _empirical_definition(curvatures: list[Any], weights: Any) -> Any:
    shares = [mpmath.mpf(1)] * len(curvatures) if weights is None else weights
    lowest = min(curvatures)

    def product(x: Any) -> Any:
        return mpmath.fsum(w * mpmath.log(abs(1 - x * h)) for w, h in zip(shares, curvatures, strict=True))

    low, high = 1 / lowest, 2 / lowest
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (middle, high) if product(middle) < 0 else (low, middle)
    return (low + high) / 2


def _positive_data(sizes: tuple[int, int], low: float, high: float) -> Parameter:
    domain = real_list(low, high, sizes, positive=True)
    return Parameter("curvatures", sy.curvature_list, "curvatures h_i > 0", domain, length=sy.size)


EMPIRICAL_RATE = Law(
    id="stability.critical_learning_rate.empirical",
    title="Critical learning rate of a finite data set",
    statement="All h_i > 0: exactly one zero beyond the last pole, in (1/h_min, 2/h_min]; learning rates stable in "
    "probability reach beyond 1/h_min although the mean-square boundary is far below.",
    quantity=critical,
    parameters=(
        _positive_data((3, 6), 0.3, 2.5),
        sy.WEIGHTS,
    ),
    derive=lambda: derivation(
        ("exponent", EMPIRICAL.closed_form, "derived in stability.exponent.empirical"),
        (
            "beyond the last pole",
            sp.Gt(eta, 1 / sp.Symbol("h_min", positive=True)),
            "each log(eta h_i - 1) increases: one zero",
        ),
        ("bracket", sp.Symbol("eta_c"), "-infinity at 1/h_min; at 2/h_min every |1 - eta h_i| >= 1"),
    ),
    evaluator=lambda _, values, digits: _last_zero(values, digits),
    definition=_empirical_definition,
    sources=(sy.HERE, sy.SEED),
    mutants=(
        mutant_value("2/h_max", lambda curvatures, **_: 2 / max(curvatures)),
        mutant_value(
            "mean-square boundary", lambda curvatures, **_: 2 * sum(curvatures) / sum(h**2 for h in curvatures)
        ),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
)


def _zero_count(curvatures: list[Any], **_: Any) -> int:
    """Count the zeros of sum log|1 - eta h_i| over eta > 0 by bisection between poles and stationary points."""
    h = sorted(float(x) for x in curvatures)
    poles = sorted(1 / x for x in h)

    def value(x: float) -> float:
        return float(sum(mpmath.log(abs(1 - x * c)) for c in h))

    count = 0
    for left, right in itertools.pairwise(poles):
        a, b = left * (1 + 1e-12), right * (1 - 1e-12)
        for _step in range(200):
            first, second = a + (b - a) * 0.382, a + (b - a) * 0.618
            a, b = (first, b) if value(first) < value(second) else (a, second)
        count += 2 if value((a + b) / 2) > 0 else 0
    return count + 1


def _count_by_derivative(_: Derivation, values: Values, digits: int) -> int:
    # Concave between poles, -infinity at both: two zeros where the maximum, the zero of the derivative, is positive.
    h = [mpmath.mpf(repr(float(x))) for x in values["curvatures"]]
    poles = sorted(1 / x for x in h)
    count = 1
    for left, right in itertools.pairwise(poles):
        low, high = left, right
        for _step in range(120):
            middle = (low + high) / 2
            slope = mpmath.fsum(-c / (1 - middle * c) for c in h)
            low, high = (middle, high) if slope > 0 else (low, middle)
        if mpmath.fsum(mpmath.log(abs(1 - low * c)) for c in h) > 0:
            count += 2
    return count


CONCAVITY = Law(
    id="stability.concavity.empirical",
    title="Between consecutive poles the exponent of a finite data set is strictly concave",
    statement="Lambda'' = -sum w_i h_i^2/(1 - eta h_i)^2 < 0: at most two zeros between consecutive poles 1/h_i, so "
    "that "
    "all can be isolated. Value: the number of critical learning rates for distinct positive curvatures.",
    quantity=sp.Symbol("n_c"),
    parameters=(_positive_data((3, 5), 0.05, 4.0),),
    derive=lambda: derivation(
        ("exponent", EMPIRICAL.closed_form, "derived in stability.exponent.empirical"),
        (
            "second derivative of one term",
            sp.diff(sp.log(1 - eta * sy.h_), eta, 2),
            "negative on both sides of its pole",
        ),
        ("zeros", sp.Symbol("n_c"), "one beyond the last pole, and two between poles where the maximum is positive"),
    ),
    evaluator=_count_by_derivative,
    definition=_zero_count,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("one zero per interval", lambda curvatures: len(curvatures)),
        mutant_value("two zeros in every interval (convex)", lambda curvatures: 2 * len(curvatures) - 1),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
)

EMPIRICAL_RATES: tuple[Law, ...] = (EMPIRICAL_RATE, CONCAVITY)
