"""Extrema of the principal coefficient and zeros of its truncations."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer
from theory.principal_flow import symbols as s
from theory.principal_flow.flow_laws import contour, truncated_steps, truncation
from theory.source import DERIVED


def _largest_zero(order: int) -> Any:
    """Largest negative zero of alpha_N for even N, the field from the logarithm of iterates on a quadratic."""
    # alpha_N changes sign once for x < 0
    return -mpmath.findroot(lambda x: truncation(x, order), (-3, -1), solver="anderson")


def _sign_change_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(derived.result.doit() if derived.result.has(sp.Sum) else derived.result, (s.x,))

    def root() -> Any:
        low, high = mpmath.mpf(-3), mpmath.mpf(-1)
        return mpmath.findroot(lambda y: function(y), (low, high), solver="anderson", verify=False)

    return converged(root, digits)


SIGN_CHANGE = Law(
    id="principal_flow.coefficient.truncated_sign_change",
    title="Where a truncation turns a repelling direction of a saddle into an attracting one",
    statement="largest negative zero of alpha_N for even N; odd N have none",
    quantity=sp.Symbol("x_N"),
    parameters=(Parameter("order", s.N, "even number of terms kept", integer(2, (2, 10), 60)),),
    derive=lambda order: derivation(
        ("alpha_N", truncated_steps(int(order)).result, "coefficient.truncated"),
        ("equation for its zero", sp.expand(truncated_steps(int(order)).result), "alpha_N(x) = 0, x < 0"),
    ),
    definition=lambda order: -_largest_zero(order),
    sources=(DERIVED,),
    mutants=(
        mutant_value("-1", lambda order: -1.0),
        mutant_result("+root", lambda v, **_: -v),
    ),
    rungs=("algebra", "flow"),
    structure=("order",),
    display={"order": 4},
    constraints=(
        Constraint(
            lambda v: int(v["order"]) % 2 == 0, "order must be even; for odd order alpha_N has no negative zero"
        ),
    ),
    evaluator=_sign_change_value,
    priority="B",
)


def _maximum_steps() -> Derivation:
    w, _y = sp.symbols("w y", positive=True)
    real_part = sp.log(s.x - 1) / s.x
    stationary = sp.simplify(sp.diff(real_part, s.x) * s.x**2)
    substituted = sp.simplify(stationary.subs(s.x, 1 + 1 / w))
    root = sp.solve(sp.Eq(w + sp.log(w) + 1, 0), w)[0]
    if sp.simplify(sp.expand_log(substituted, force=True) - (1 + w + sp.log(w))) != 0:
        raise ArithmeticError("the substitution w = 1/(x-1) does not give 1 + w + ln w = 0")
    location = 1 + 1 / root
    return derivation(
        ("real part for x > 2", real_part, "Re log(1-x) = ln(x-1)"),
        ("derivative times x^2", stationary, "stationary point: ln(x-1) = x/(x-1)"),
        ("with w = 1/(x-1)", sp.Eq(w * sp.exp(w), sp.exp(-1)), "w e^w = 1/e"),
        ("location", location, "Lambert's function"),
    )


def _maximum_value_steps() -> Derivation:
    before = _maximum_steps()
    # At the stationary point ln(x-1)/x = 1/(x-1) = w.
    return Derivation((*before.steps, *derivation(
        ("maximum", sp.simplify(1 / (before.result - 1)), "ln(x-1)/x = 1/(x-1) there")).steps))  # fmt: skip


def _maximise() -> Any:
    """Where the real part of the contour integral is stationary."""
    return mpmath.findroot(lambda y: mpmath.re(mpmath.diff(contour, y)), 4.6, tol=1e-30)


_W = {name: float(mpmath.lambertw(v)) for name, v in (("W(1)", 1), ("W(e)", mpmath.e))}
MAXIMUM = Law(
    id="principal_flow.coefficient.maximum_growth",
    title="Largest real part of the principal coefficient",
    statement="max over x > 2 of Re alpha(x) = W(1/e), W Lambert's function",
    quantity=sp.Symbol("max Re(alpha)"),
    parameters=(),
    derive=_maximum_value_steps,
    definition=lambda: mpmath.re(contour(_maximise())),
    sources=(DERIVED,),
    mutants=tuple(mutant_value(name, lambda v=v: v) for name, v in _W.items()),
    priority="B",
)
LOCATION = Law(
    id="principal_flow.coefficient.maximum_growth_location",
    title="Where the real part of the principal coefficient is largest",
    statement="x = 1 + exp(1 + W(1/e)), the solution of ln(x-1) = x/(x-1)",
    quantity=sp.Symbol("x_max"),
    parameters=(),
    derive=_maximum_steps,
    definition=_maximise,
    sources=(DERIVED,),
    mutants=tuple(mutant_value(name, lambda v=v: 1 + math.exp(1 + v)) for name, v in _W.items()),
    priority="B",
)


LAWS = (MAXIMUM, LOCATION, SIGN_CHANGE)
