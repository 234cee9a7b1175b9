"""From the third order on the modified field is in general not a gradient."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, mutant_result
from theory.parameter import Constraint, Parameter, real_list, text
from theory.parse import parse_expression
from theory.principal_flow.formal_orbit import euler_terms
from theory.principal_flow.losses import third_term
from theory.source import DERIVED


def _curl_steps(loss: str) -> Derivation:
    u, v = sp.symbols("x y", real=True)
    expression = parse_expression(loss, {"x": u, "y": v}, unknown="error")
    term = third_term(expression, (u, v))
    return derivation(
        ("loss", expression, "given"),
        ("third term of the field", sp.Tuple(*term), "-(H^2 g/3 + T(g,g)/12)"),
        ("curl", sp.expand(sp.diff(term[1], u) - sp.diff(term[0], v)), "d f_y/dx - d f_x/dy"),
    )


def _curl_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(derived.result, tuple(sp.symbols("x y", real=True)))
    return converged(lambda: function(*to_mp(values["point"])), digits)


def _curl_definition(loss: str, point: Any) -> Any:
    """Central differences of the third term of the logarithm of iterates, extrapolated."""
    u, v = sp.symbols("x y", real=True)
    expression = parse_expression(loss, {"x": u, "y": v}, unknown="error")
    field = sp.lambdify((u, v), [-sp.diff(expression, u), -sp.diff(expression, v)], modules="mpmath")

    def term(a: Any, c: Any) -> Any:
        return euler_terms(lambda state: field(*state), [a, c], 3)[2]

    def curl(d: Any) -> Any:
        a, c = point
        return (term(a + d, c)[1] - term(a - d, c)[1] - term(a, c + d)[0] + term(a, c - d)[0]) / (2 * d)

    with mpmath.workdps(60):
        d = mpmath.mpf(10) ** -9
        return (4 * curl(d / 2) - curl(d)) / 3


NOT_A_GRADIENT = Law(
    id="principal_flow.modified_field.not_a_gradient",
    title="From the third order on the modified field is in general not a gradient",
    statement="the curl of f_3 = -(H^2 g/3 + T(g,g)/12) of a polynomial loss in x, y at a point, in general not 0",
    quantity=sp.Symbol("curl(f_3)"),
    parameters=(
        Parameter(
            "loss", None,
            "a polynomial loss in x and y; `sgdlaws derive modified-equation --loss` prints gradient_field of any loss",
            text("x^3/3 + x*y^2 + 0.4*y^4 + x*y", "x^4/4 - x^2*y + y^3/3 + 0.7*y^2", "x^3*y/2 + y^4/4 + x^2"),
        ),
        Parameter("point", None, "the point [x, y]", real_list(-1.2, 1.2, (2, 2))),
    ),
    derive=_curl_steps,
    definition=_curl_definition,
    sources=(DERIVED,),
    mutants=(mutant_result("all orders are gradients", lambda v, **_: 0.0),),
    structure=("loss",),
    constraints=(Constraint(lambda v: len(v["point"]) == 2, "point must have two coordinates, [x, y]"),),
    display={"loss": "x^3/3 + x*y^2 + 0.4*y^4 + x*y"},
    evaluator=_curl_value,
    tolerance=1e-9,
)  # fmt: skip

LAWS = (NOT_A_GRADIENT,)
