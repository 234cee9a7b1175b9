"""The information exponent: how long a unit on the sphere needs to find the direction of its teacher.

With Q = P = 1 the population gradient on the sphere moves M by eta (1 - M^2) E[s'(lambda) s*'(nu)], the derivative of
E[s s*] = sum_n n! c_n c*_n M^n (Mehler, Price). The lowest n >= 1 with c_n c*_n != 0 is the information exponent l: near
M = 0 the drift is c M^(l-1), and the time from M0 to M1 is a logarithm for l = 2 and a power of M0 for l >= 3.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.evaluation import to_mp
from theory.gaussian import gaussian_mean
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, Mutant, Regime
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X, activation
from theory.parameter import Constraint, Parameter, positive, text
from theory.source import DERIVED, Source

BEN_AROUS = Source(
    "benarous2021",
    "G. Ben Arous, R. Gheissari, A. Jagannath",
    "Online stochastic gradient descent on non-convex losses from high-dimensional inference",
    2021,
    "2003.10409",
)
_MAX_ORDER = 12
_M = sp.Symbol("M", positive=True)
_ETA = dm.LEARNING_RATE.symbol
_START, _END = sp.Symbol("M0", positive=True), sp.Symbol("M1", positive=True)
UNITS = ("hermite2", "x**3 - 3*x", "x**4 - 6*x**2 + 3", "erf", "x**3 - 3*x + (x**2 - 1)/2", "cos(x)")
_PARAMETERS = (
    dm.ACTIVATION.within(text(*UNITS)),
    dm.TEACHER_ACTIVATION,
    dm.LEARNING_RATE,
    Parameter("initial_overlap", _START, "overlap at the start", positive(0.01, 0.05)),
    Parameter("target_overlap", _END, "overlap where the clock stops", positive(0.08, 0.2)),
)


def hermite_coefficients(name: str, orders: int) -> list[Any]:
    """Return c_n = E[s He_n]/n! for n = 0, 1, ... in closed form.

    >>> hermite_coefficients("hermite2", 4)
    [0, 0, 1, 0]
    """
    found = []
    for n in range(orders):
        polynomial = sp.expand(2 ** sp.Rational(-n, 2) * sp.hermite(n, X / sp.sqrt(2)))
        mean = gaussian_mean(activation(name).expression * polynomial, (X,), sp.Matrix([[1]])).form
        found.append(sp.simplify(mean) / sp.factorial(n))
    return found


@functools.lru_cache(maxsize=64)
def information_exponent(name: str, teacher: str) -> tuple[int, Any]:
    """Return (l, l! c_l c*_l) for the lowest l >= 1 in which student and teacher both have a component."""
    pairs = zip(hermite_coefficients(name, 5), hermite_coefficients(teacher, 5), strict=True)
    for n, (own, other) in list(enumerate(pairs))[1:]:
        if sp.simplify(own * other) != 0:
            return n, sp.factorial(n) * own * other
    raise DerivationError(
        f"{name!r} and {teacher!r} share no Hermite component of degree 1 to 4; choose units with a lower exponent."
    )


def _derive(activation: str = "hermite2", teacher_activation: str = "same") -> Derivation:
    teacher = activation if teacher_activation == "same" else teacher_activation
    exponent, weight = information_exponent(activation, teacher)
    correlation = weight * _M**exponent
    drift = _ETA * sp.diff(correlation, _M)
    time = sp.integrate(1 / drift, (_M, _START, _END))
    return derivation(
        ("correlation of the units", correlation, "lowest term of sum_n n! c_n c*_n M^n, Q = P = 1"),
        ("drift", drift, "eta (1 - M^2) d/dM of it on the sphere; 1 - M^2 -> 1"),
        ("information exponent", sp.Integer(exponent), "drift c M^(l-1)"),
        ("time from M0 to M1", sp.expand_log(sp.simplify(time)), "separate variables"),
    )


def _evaluate(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        numbers = (to_mp(values[k]) for k in ("learning_rate", "initial_overlap", "target_overlap"))
        return sp.lambdify((_ETA, _START, _END), d.result, "mpmath")(*numbers)


def spherical_drift(student: str, teacher: str, overlap: float) -> float:
    """Return E[s'(lambda) (nu - M lambda) s*(nu)] at Q = P = 1, by quadrature of the definition."""
    s, t = (numeric_function(e, (X,)) for e in (activation(student).derivative, activation(teacher).expression))
    matrix = [[1.0, overlap], [overlap, 1.0]]
    return float(smooth_mean(lambda x, y: s(x) * (y - overlap * x) * t(y), matrix, 60))


def _definition(activation: str, teacher_activation: str, **values: Any) -> Any:
    """Lowest power of the drift in M by interpolation of quadratures, then the integral of its inverse."""
    import numpy as np

    teacher = activation if teacher_activation == "same" else teacher_activation
    half = 0.4
    nodes = half * np.cos(np.pi * (np.arange(_MAX_ORDER) + 0.5) / _MAX_ORDER)
    drifts = [spherical_drift(activation, teacher, float(x)) / (1 - x * x) for x in nodes]
    series = np.polynomial.polynomial.polyfit(nodes, drifts, _MAX_ORDER - 1)
    power = next(n for n, c in enumerate(series) if abs(c) > 1e-6)
    c = values["learning_rate"] * mpmath.mpf(float(series[power]))
    return mpmath.quad(lambda m: 1 / (c * m**power), [values["initial_overlap"], values["target_overlap"]])


def _power(change: int) -> Mutant:
    """Time of the wrong exponent l + change in the same drift constant."""

    def wrong(law: Law, values: Any) -> float:
        full = law.complete(values)
        teacher = full["activation"] if full["teacher_activation"] == "same" else full["teacher_activation"]
        exponent, weight = information_exponent(full["activation"], teacher)
        rate, power = full["learning_rate"] * exponent * float(weight), max(exponent + change - 1, 0)
        return float(mpmath.quad(lambda m: m**-power / rate, [full["initial_overlap"], full["target_overlap"]]))

    return Mutant(f"exponent l {'+' if change > 0 else '-'} 1", wrong)


def _scaled(name: str, factor: Callable[[int], float]) -> Mutant:
    """Time with the constant of the drift divided by factor(l)."""

    def wrong(law: Law, values: Any) -> float:
        full = law.complete(values)
        teacher = full["activation"] if full["teacher_activation"] == "same" else full["teacher_activation"]
        return law(**values) * factor(information_exponent(full["activation"], teacher)[0])

    return Mutant(name, wrong)


def _ordered(values: dict[str, Any]) -> bool:
    return values["initial_overlap"] < values["target_overlap"] < 1


def _shared(values: dict[str, Any]) -> bool:
    teacher = values["activation"] if values["teacher_activation"] == "same" else values["teacher_activation"]
    try:
        _, weight = information_exponent(values["activation"], teacher)
    except DerivationError:
        return False
    return bool(weight > 0)


LAWS = (
    Law(
        id="order_parameters.information_exponent.escape_time",
        title="time to find the teacher's direction, by information exponent",
        statement="Unit on the sphere, Q = P = 1, population flow: dM/dt = c M^(l-1) near M = 0, so the time from M0 to "
        "M1 is (M1 - M0)/c for l = 1, ln(M1/M0)/c for l = 2, and (M0^(2-l) - M1^(2-l))/(c (l-2)) for l >= 3.",
        quantity=sp.Symbol("t"),
        parameters=_PARAMETERS,
        derive=_derive,
        definition=_definition,
        evaluator=_evaluate,
        structure=("activation", "teacher_activation"),
        display={"activation": "hermite2", "teacher_activation": "same"},
        constraints=(
            Constraint(_ordered, "the overlaps must obey initial_overlap < target_overlap < 1"),
            Constraint(_shared, "student and teacher must share a Hermite component with a positive product"),
        ),
        sources=(BEN_AROUS, DERIVED),
        regime=Regime("initial_overlap, target_overlap -> 0", "relative O(target_overlap)"),
        rungs=("algebra", "flow"),
        priority="C",
        gate_points=10,
        mutants=(
            _power(1),
            _power(-1),
            _scaled("l! left out of the constant", lambda order: math.factorial(order)),
            _scaled("c = l! c_l c*_l, the factor l of the derivative left out", lambda order: order),
        ),
    ),
)
