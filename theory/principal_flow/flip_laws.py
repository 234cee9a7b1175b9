"""The orbit of period two just above the edge of stability, and the reduced map of self-stabilisation."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, positive, real
from theory.principal_flow import symbols as s
from theory.source import DERIVED

_l2, _l3, _l4, _delta = (
    sp.Symbol("L2", positive=True),
    *sp.symbols("L3 L4", real=True),
    sp.Symbol("delta", positive=True),
)
_EXCESS = Parameter("excess", _delta, "delta in h L'' = 2 + delta", positive(1e-4, 1e-2))
_L2 = Parameter("second_derivative", _l2, "second derivative at the minimum", positive(0.4, 2.5))
_L3 = Parameter("third_derivative", _l3, "third derivative at the minimum", real(-3.0, 3.0))
_L4 = Parameter("fourth_derivative", _l4, "fourth derivative at the minimum", real(-6.0, 6.0))
_SUPERCRITICAL = Constraint(
    lambda v: 3 * v["third_derivative"] ** 2 > v["second_derivative"] * v["fourth_derivative"],
    "3 * third_derivative^2 must exceed second_derivative * fourth_derivative; else no stable 2-cycle exists",
)


def _flip_steps() -> Derivation:
    x, _a, d = sp.symbols("x a d")
    h = (2 + d) / _l2
    move = sp.expand(x - h * (_l2 * x + _l3 * x**2 / 2 + _l4 * x**3 / 6))
    # Orbit of period two x = a, and a - h L'(a): to the order needed x_(1,2) = +-A + shift.
    twice = sp.expand(move.subs(x, move))
    cubic = [sp.simplify(twice.coeff(x, p)) for p in range(4)]
    linear = sp.series(cubic[1], d, 0, 2).removeO()
    quadratic = sp.series(cubic[2], d, 0, 2).removeO()
    third = cubic[3].subs(d, 0)
    # twice(x) - x = (2 d) x + (q d) x^2 - c x^3: x^2 = 2 d/c to leading order.
    amplitude = sp.sqrt(sp.factor(sp.simplify((linear - 1).coeff(d, 1) * _delta / (-third))))
    return derivation(
        ("map", move, "gradient descent with h = (2 + delta)/L2"),
        ("two steps", sp.Tuple(linear, quadratic, third), "coefficients of x, x^2, x^3"),
        ("half amplitude", amplitude, "x^2 = 2 delta/c where the cubic term balances the linear one"),
    )


def _flip_definition(excess: Any, second_derivative: Any, third_derivative: Any, fourth_derivative: Any) -> Any:
    """Leading order sqrt(excess): period-two orbits at two tiny excesses, extrapolated to zero."""
    l2, l3, l4 = second_derivative, third_derivative, fourth_derivative

    def half(d: Any) -> Any:
        h = (2 + d) / l2

        def step(x: Any) -> Any:
            return x - h * (l2 * x + l3 * x * x / 2 + l4 * x**3 / 6)

        guess = mpmath.sqrt(d) / mpmath.sqrt(abs((l3 / l2) ** 2 - l4 / (3 * l2)))
        # Scaled by the guess and the excess: the trivial fixed point is divided out.
        root = mpmath.findroot(lambda y: (step(step(guess * y)) / (guess * y) - 1) / d, (1, mpmath.mpf("1.01")))
        low = guess * root
        return abs(low - step(low)) / 2 / mpmath.sqrt(d)

    with mpmath.workdps(60):
        # The relative correction is a power series in the excess: two extrapolations leave O(d^3).
        d = mpmath.mpf(10) ** -8
        values = [half(d), half(d / 2), half(d / 4)]
        once = [2 * values[1] - values[0], 2 * values[2] - values[1]]
        return (4 * once[1] - once[0]) / 3 * mpmath.sqrt(excess)


def _amplitude(change: Any) -> Any:
    def value(excess: float, second_derivative: float, third_derivative: float, fourth_derivative: float) -> float:
        inner = change(second_derivative, third_derivative, fourth_derivative)
        return math.sqrt(excess / inner) if inner > 0 else float("nan")

    return value


AMPLITUDE = Law(
    id="principal_flow.flip.amplitude",
    title="Half amplitude of the orbit of period two just above the edge of stability",
    statement="sqrt(delta / ((L3/L2)^2 - L4/(3 L2))), where h L2 = 2 + delta",
    quantity=sp.Symbol("A"),
    parameters=(_EXCESS, _L2, _L3, _L4),
    derive=_flip_steps,
    definition=_flip_definition,
    sources=(s.CHEN,),
    mutants=(
        mutant_value("L4/L2", _amplitude(lambda a, c, d: (c / a) ** 2 - d / a)),
        mutant_value("sign of L4", _amplitude(lambda a, c, d: (c / a) ** 2 + d / (3 * a))),
        mutant_result("sqrt 2", lambda v, **_: math.sqrt(2) * v),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("excess -> 0", "O(delta), relative"),
    constraints=(_SUPERCRITICAL,),
    priority="B",
)  # fmt: skip


def _existence_definition(second_derivative: Any, third_derivative: Any, fourth_derivative: Any) -> Any:
    """Iterate the map just above the edge from a small start: 1 if the orbit stays small and of period two."""
    l2, l3, l4 = float(second_derivative), float(third_derivative), float(fourth_derivative)
    d = 5e-4
    h = (2 + d) / l2
    bound = 40 * math.sqrt(d / abs((l3 / l2) ** 2 - l4 / (3 * l2)))
    x = 1e-3 * bound / 40
    for _ in range(80000):
        x -= h * (l2 * x + l3 * x * x / 2 + l4 * x**3 / 6)
        if abs(x) > bound:
            return mpmath.mpf(0)
    return mpmath.mpf(1)


EXISTENCE = Law(
    id="principal_flow.flip.existence",
    title="Whether a stable orbit of period two appears above the edge of stability",
    statement="it exists for small delta iff 3 L3^2 > L2 L4 (value 1, else 0)",
    quantity=sp.Symbol("exists"),
    parameters=(_L2, _L3, _L4),
    derive=lambda: derivation(
        ("half amplitude squared over delta", sp.simplify(_flip_steps().result ** 2 / _delta), "flip.amplitude"),
        ("it must be positive", sp.Piecewise((1, 3 * _l3**2 > _l2 * _l4), (0, True)), "common denominator 3 L2^2 > 0"),
    ),
    definition=_existence_definition,
    sources=(s.CHEN,),
    mutants=(
        mutant_value("L3^2 > L2 L4", lambda second_derivative, third_derivative, fourth_derivative: float(
            third_derivative**2 > second_derivative * fourth_derivative)),
        mutant_result("always", lambda v, **_: 1.0),
        mutant_result("never", lambda v, **_: 0.0),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("excess -> 0", "O(delta)"),
    constraints=(Constraint(
        lambda v: abs(3 * v["third_derivative"] ** 2 - v["second_derivative"] * v["fourth_derivative"]) > 1e-9,
        "3 L3^2 must differ from L2 L4"),),
    gate_points=24,
    priority="B",
)  # fmt: skip


_alpha = sp.Symbol("alpha", positive=True)
_SHARPENING = Parameter("sharpening_rate", _alpha, "progressive sharpening alpha", positive(0.3, 2.5))
_REDUCED = (s.learning_rate.within(positive(0.05, 0.6)), _SHARPENING)


def _jacobian_steps(what: str) -> Any:
    def derive() -> Derivation:
        r, y = sp.symbols("r y", real=True)
        h = sp.Symbol("h_", positive=True)
        move = sp.Matrix([r * (1 + h * y), y + h * (_alpha - r**2 / 2)])
        fixed = {y: 0, r: sp.sqrt(2 * _alpha)}
        jacobian = move.jacobian([r, y]).subs(fixed)
        eigenvalue = next(e for e in jacobian.eigenvals() if sp.im(e.subs({h: 1, _alpha: 1})) > 0)
        real_part, imaginary = eigenvalue.as_real_imag()
        modulus = sp.simplify(real_part**2 + imaginary**2)
        angle = sp.atan(sp.simplify(imaginary / real_part))
        result = 2 * sp.pi / angle if what == "period" else sp.log(modulus) / 2
        return derivation(
            ("map", sp.ImmutableMatrix(move).subs(h, s.h), "r along the top eigenvector, y = excess sharpness"),
            ("Jacobian at r = sqrt(2 alpha), y = 0", sp.ImmutableMatrix(jacobian).subs(h, s.h), "fixed point"),
            ("eigenvalue", eigenvalue.subs(h, s.h), "a complex pair outside the unit circle"),
            (what, result.subs(h, s.h), "2 pi over the angle" if what == "period" else "logarithm of the modulus"),
        )

    return derive


def _top_eigenvalue(learning_rate: Any, sharpening_rate: Any) -> Any:
    r = mpmath.sqrt(2 * sharpening_rate)

    def first(a: Any, c: Any) -> Any:
        return a * (1 + learning_rate * c)

    def second(a: Any, c: Any) -> Any:
        return c + learning_rate * (sharpening_rate - a * a / 2)

    with mpmath.workdps(40):
        point = (r, mpmath.mpf(0))
        rows = [[mpmath.diff(f, point, n) for n in ((1, 0), (0, 1))] for f in (first, second)]
        values = mpmath.eig(mpmath.matrix(rows), left=False, right=False)
        return max(values, key=mpmath.im)


PERIOD = Law(
    id="principal_flow.self_stabilization.period",
    title="Period of the reduced map of self-stabilisation",
    statement="r' = r (1 + h y), y' = y + h (alpha - r^2/2) circles in 2 pi/atan(h sqrt(2 alpha)) steps",
    quantity=sp.Symbol("period"),
    parameters=_REDUCED,
    derive=_jacobian_steps("period"),
    definition=lambda learning_rate, sharpening_rate: (
        2 * mpmath.pi / mpmath.arg(_top_eigenvalue(learning_rate, sharpening_rate))
    ),
    sources=(s.DAMIAN,),
    mutants=(
        mutant_value("2 pi/(h sqrt(2 alpha))", lambda learning_rate, sharpening_rate: (
            2 * math.pi / (learning_rate * math.sqrt(2 * sharpening_rate)))),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("linearised at the fixed point"),
    priority="B",
)  # fmt: skip

SPIRAL = Law(
    id="principal_flow.self_stabilization.growth",
    title="The reduced map of self-stabilisation spirals out",
    statement="(1/2) log(1 + 2 h^2 alpha) per step; its differential equation has a centre instead",
    quantity=sp.Symbol("growth"),
    parameters=_REDUCED,
    derive=_jacobian_steps("growth"),
    definition=lambda learning_rate, sharpening_rate: mpmath.log(abs(_top_eigenvalue(learning_rate, sharpening_rate))),
    sources=(DERIVED, s.DAMIAN),
    mutants=(
        mutant_value("0 (centre)", lambda learning_rate, sharpening_rate: 0.0),
        mutant_value("without the half", lambda learning_rate, sharpening_rate: (
            math.log(1 + 2 * learning_rate**2 * sharpening_rate))),
    ),
    rungs=("algebra", "flow", "chain"),
    regime=Regime("linearised at the fixed point"),
    priority="B",
)  # fmt: skip

LAWS = (AMPLITUDE, EXISTENCE, PERIOD, SPIRAL)
