"""The gain of the principal flow over a truncation where the gradient lies along a stiff direction: a measured claim."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.principal_flow import symbols as s
from theory.principal_flow.flow_laws import truncated_steps
from theory.source import DERIVED

EXPERIMENT = "measured, not computed: run sgdlaws check aligned_gain"
"""What stands in place of a number: the experiment which decides the claim."""


def _steps() -> Derivation:
    g, t = sp.symbols("|g| |Tgg|", positive=True)
    missing = sp.log(1 - s.x) / s.x - truncated_steps(3).result
    third, principal = s.h * sp.Abs(missing) * g, s.h**3 * t / 12
    return derivation(
        (
            "third-order flow over a step",
            third,
            "the ladders beyond x^2 along the stiff direction, first order of the log",
        ),
        ("principal flow over a step", principal, "local_error.principal: the first tree that is no ladder"),
        ("gain", third / principal, "large where |T(g,g)| is small against |g|; by how much is measured"),
    )


def _named(derived: Derivation, values: dict[str, Any], digits: int) -> str:
    del derived, values, digits
    return EXPERIMENT


ALIGNED_GAIN = Law(
    id="principal_flow.aligned_gain",
    title="Gain of the principal flow over the third-order flow with the gradient along a stiff direction",
    statement="one-step error of the third-order flow over that of the principal flow is above 20 at h lambda_0 = 0.62, 1.33 "
    "and 2.13 on a tanh network on digits displaced along its sharpest direction; no such gain at random points",
    quantity=sp.Symbol("gain"),
    parameters=(),
    derive=_steps,
    evaluator=_named,
    definition=None,
    sources=(DERIVED,),
    mutants=(mutant_value("no gain", lambda: "no gain"),),
    rungs=("net",),
    regime=Regime("gradient along a stiff direction", "empirical"),
)

LAWS = (ALIGNED_GAIN,)
