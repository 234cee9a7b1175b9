"""What a small breaking of the symmetry adds to the exact discrete law."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_result
from theory.parameter import Parameter, positive, real
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import pair_model, quadratic, require_zero

EPSILON, BREAKING = sp.Symbol("epsilon", positive=True), sp.Symbol("b", real=True)
breaking = Parameter(
    "breaking", EPSILON, "size epsilon of the breaking part, l = l_0 + epsilon l_1", positive(0.05, 0.5)
)
breaking_form = Parameter("breaking_form", BREAKING, "theta^T A grad l_1", real(-1.5, 1.5))


def _derive() -> Derivation:
    theta, g0 = pair_model()
    g1 = sp.Matrix(sp.symbols("h1:5", real=True))
    keep = 1 - p.ETA * p.DECAY
    g = g0 + EPSILON * g1
    after = keep * theta - p.ETA * g
    cross = sp.expand(quadratic(theta, g))
    require_zero(cross - EPSILON * quadratic(theta, g1), "theta^T A g minus epsilon theta^T A grad l_1")
    form = keep**2 * quadratic(theta, theta) - 2 * p.ETA * keep * cross + p.ETA**2 * quadratic(g, g)
    require_zero(quadratic(after, after) - form, "the expanded square")
    return derivation(
        ("cross term theta^T A g", EPSILON * BREAKING, "only the breaking part contributes"),
        ("C after the step", keep**2 * p.CHARGE - 2 * p.ETA * keep * EPSILON * BREAKING + p.ETA**2 * p.GRADIENT_FORM,
         "expand the square of theta' = (1 - eta wd) theta - eta g"),
    )  # fmt: skip


def _define(charge: Any, gradient_form: Any, breaking: Any, breaking_form: Any, learning_rate: Any,
            weight_decay: Any) -> Any:  # fmt: skip
    theta = witness.point(charge)
    dual = [theta[0], theta[1], -theta[2], -theta[3]]
    broken = [breaking * breaking_form / witness.dot(dual, dual) * a for a in dual]
    gap = gradient_form - witness.form(broken)
    # e is orthogonal to the symmetry direction and to the broken part
    e = [-theta[1], theta[0], 0, 0] if gap > 0 else [0, 0, -theta[3], theta[2]]
    size = mpmath.sqrt(gap / witness.form(e))
    slope = [a + size * b for a, b in zip(broken, e, strict=True)]
    return witness.form(witness.step(theta, slope, learning_rate, weight_decay))


approximate = Law(
    id="symmetry.approximate_symmetry",
    title="one step of SGD under a weakly broken symmetry",
    statement="l = l_0 + epsilon l_1, only l_0 symmetric: C' = (1 - eta wd)^2 C - 2 eta (1 - eta wd) epsilon theta^T A grad l_1 "
    "+ eta^2 g^T A g, g the whole gradient",
    quantity=sp.Symbol("C_next"),
    parameters=(p.charge, p.gradient_form, breaking, breaking_form, p.learning_rate, p.weight_decay),
    derive=_derive,
    definition=_define,
    sources=(DERIVED,),
    mutants=(
        mutant_parameters("symmetry taken as exact", lambda v: {"breaking": 0.0}),
        mutant_result("eta for 2 eta", lambda value, breaking, breaking_form, learning_rate, weight_decay, **_:
                      value + learning_rate * (1 - learning_rate * weight_decay) * breaking * breaking_form),
    ),
    priority="C",
)  # fmt: skip
LAWS = (approximate,)
