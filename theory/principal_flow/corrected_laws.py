"""The principal flow with its first correction: what a step still differs by."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, real_list, text
from theory.parse import parse_expression
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import flow_series
from theory.source import DERIVED
from theory.trees import coefficient, from_levels

_XY = sp.symbols("x y", real=True)


def _contract(loss: Any, first: Any, second: Any) -> Any:
    """T(first, second): the third derivative of the loss contracted with two vectors."""
    return sp.Matrix(
        [
            sum((sp.diff(loss, w, a, c) * first[p] * second[q] for p, a in enumerate(_XY) for q, c in enumerate(_XY)))
            for w in _XY
        ]
    )


@functools.cache
def _parts(loss: str) -> tuple[Any, Any, Any]:
    """Loss, gradient and Hessian in x and y."""
    expression = parse_expression(loss, {"x": _XY[0], "y": _XY[1]}, unknown="error")
    return expression, sp.Matrix([sp.diff(expression, v) for v in _XY]), sp.hessian(expression, _XY)


def _steps(loss: str) -> Derivation:
    expression, g, hess = _parts(loss)
    inner, outer = _contract(expression, g, hess * g), hess * _contract(expression, g, g)
    # Four nodes give (-1)^4; the ladder belongs to the principal flow.
    mixed, deep = coefficient(from_levels([0, 1, 2, 1])), coefficient(from_levels([0, 1, 2, 2]))
    total = (mixed * inner + deep * outer).applyfunc(sp.expand)
    return derivation(
        ("T(g, Hg)", sp.Tuple(*inner.applyfunc(sp.expand)), f"tree [[.].], coefficient {mixed}"),
        ("H T(g, g)", sp.Tuple(*outer.applyfunc(sp.expand)), f"tree [[..]], coefficient {deep}"),
        ("error of a step", sp.Tuple(*(s.h**4 * c for c in total)), "other trees of order 4: ladder, and [...] with 0"),
    )


def _value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(sp.Tuple(*derived.result), (s.h, *_XY))
    return converged(lambda: list(function(to_mp(values["learning_rate"]), *to_mp(values["point"]))), digits)


@functools.cache
def _corrected_field(loss: str) -> Any:
    """The field with all ladders to order 4 and the first correction, as a function of x, y and h."""
    expression, g, hess = _parts(loss)
    field, ladder = sp.zeros(2, 1), g
    for power in range(4):
        field -= s.h**power * ladder / (power + 1)
        ladder = hess * ladder
    field -= s.h**2 * _contract(expression, g, g) / 12
    return sp.lambdify((*_XY, s.h), list(field), modules="mpmath", cse=True)


def _definition(loss: str, point: Any, learning_rate: Any) -> Any:
    """Step minus flow in powers of h, the flow by Picard iteration of the corrected field."""
    field = _corrected_field(loss)
    flow = flow_series(lambda state, step: field(*state, step), list(point), 4)
    return [-(learning_rate**4) * component.term(4) for component in flow]


def _wrong_tree(loss: str, point: Any, learning_rate: float) -> list[float]:
    """-h^4 H T(g,g)/6: both contractions taken to be equal."""
    expression, g, hess = _parts(loss)
    outer = (hess * _contract(expression, g, g)).subs(dict(zip(_XY, point)))
    return [-(learning_rate**4) * float(c) / 6 for c in outer]


CORRECTED = Law(
    id="principal_flow.local_error.principal_corrected",
    title="Local error of the principal flow with its first correction",
    statement="with -(h^2/12) T(g,g) added to the principal flow, GD minus its flow over one step is "
    "-(h^4/12) (T(g,Hg) + H T(g,g)) + O(h^5)",
    quantity=sp.IndexedBase("error")[s.i],
    parameters=(
        Parameter(
            "loss", None, "a polynomial loss in x and y; `sgdlaws derive principal-flow --quantity next_term` takes any",
            text("x^3/3 + x*y^2 + 0.4*y^4 + x*y", "x^4/4 - x^2*y + y^3/3 + 0.7*y^2", "x^3*y/2 + y^4/4 + x^2"),
        ),
        Parameter("point", None, "the point [x, y]", real_list(-1.2, 1.2, (2, 2))),
        s.learning_rate,
    ),
    derive=_steps,
    definition=_definition,
    sources=(DERIVED, s.ROSCA),
    mutants=(
        mutant_result("opposite sign", lambda v, **_: [-a for a in v]),
        mutant_result("factor 1/6", lambda v, **_: [2 * a for a in v]),
        mutant_value("H T(g,g) twice", _wrong_tree),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("learning_rate -> 0", "O(h^5)"),
    structure=("loss",),
    constraints=(Constraint(lambda v: len(v["point"]) == 2, "point must have two coordinates, [x, y]"),),
    display={"loss": "x^3/3 + x*y^2 + 0.4*y^4 + x*y"},
    evaluator=_value,
    gate_points=5,
)  # fmt: skip

LAWS = (CORRECTED,)
