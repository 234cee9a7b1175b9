"""Sign descent conserves another charge than gradient descent."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive, real
from theory.source import DERIVED
from theory.symmetry import parameters as p

_GOAL = Parameter("target", sp.Symbol("y_0", real=True), "target t of L = (u w - t)^2/2", real(-1.0, 1.0))


def _derive() -> Derivation:
    u, w = sp.Symbol("u", real=True, nonzero=True), sp.Symbol("w", real=True, nonzero=True)
    s = sp.Symbol("s", real=True)
    # sign of dL/du = s sign(w) and of dL/dw = s sign(u), s the sign of dL/d(uw)
    change_u, change_w = (sp.sign(a) * -p.ETA * s * sp.sign(b) for a, b in ((u, w), (w, u)))
    difference = sp.simplify(change_u - change_w)
    return derivation(
        ("change of |u| and of |w|", sp.Tuple(change_u, change_w), "while the signs of u and w stay"),
        ("change of |u| - |w|", difference, "the same for both"),
        ("|u| - |w| after any number of steps", sp.Abs(p.U) - sp.Abs(p.W) + difference, "conserved"),
    )


def sign_descent(u: Any, w: Any, target: Any, learning_rate: Any, steps: int) -> tuple[Any, Any]:
    """Return the weights after steps of theta' = theta - eta sign(grad L), L = (u w - t)^2/2."""
    for _ in range(int(steps)):
        gap = u * w - target
        u, w = u - learning_rate * mpmath.sign(gap * w), w - learning_rate * mpmath.sign(gap * u)
    return u, w


def _define(first_weight: Any, second_weight: Any, target: Any, learning_rate: Any, steps: Any) -> Any:
    u, w = sign_descent(first_weight, second_weight, target, learning_rate, steps)
    return abs(u) - abs(w)


def _squares(first_weight: Any, second_weight: Any, target: Any, learning_rate: Any, steps: Any) -> float:
    """|u| - |w| if u^2 - w^2 were the conserved charge."""
    u, w = sign_descent(first_weight, second_weight, target, learning_rate, steps)
    return float((first_weight**2 - second_weight**2) / (abs(u) + abs(w)))


charge = Law(
    id="symmetry.sign_descent.charge",
    title="charge of a pair of factors under sign descent",
    statement="theta' = theta - eta sign(grad L), f = u w x: |u| - |w| is exactly conserved while the signs of u and w stay; "
    "u^2 - w^2 is not",
    quantity=sp.Symbol("|u|-|w|"),
    parameters=(p.first_weight, p.second_weight, _GOAL, p.learning_rate.within(positive(0.005, 0.02)),
                p.steps.within(integer(0, (3, 14)))),
    derive=_derive,
    definition=_define,
    sources=(DERIVED,),
    mutants=(mutant_value("u^2 - w^2 conserved", _squares),),
    constraints=(Constraint(
        lambda v: min(abs(v["first_weight"]), abs(v["second_weight"])) > v["learning_rate"] * v["steps"],
        "a weight could change its sign; give |first_weight| and |second_weight| > learning_rate*steps"),),
    priority="C",
)  # fmt: skip
LAWS = (charge,)
