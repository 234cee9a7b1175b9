"""Dropout of whole samples: the curvature is masked to zero with some probability."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Parameter, interval
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import NORMAL
from theory.stability.fluctuation_variance import NORMAL_KEYS
from theory.stability.potential_normal import g
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

KEEP = Parameter("probability", sy.p, "probability q that the sample is kept", interval(0.0, 1.0))


def _dropout() -> Derivation:
    kept = g(1 - sy.eta * sy.m, sy.eta * sy.s)
    return derivation(
        ("multiplier", 1 - sy.eta * sy.h_, "h = 0 with probability 1 - q, else N(m, s^2)"),
        ("mixture", sp.Tuple(sp.Tuple(0, 1 - sy.p), sp.Tuple(kept, sy.p)), "Lambda is linear in the law of h"),
        ("exponent", sy.p * kept, "log|1| = 0 on the masked part"),
    )


def _definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, probability: Any) -> Any:
    masked = (1 - probability) * mpmath.log(mpmath.mpf(1))
    return masked + probability * log_mean(NormalX(), 1 - learning_rate * curvature_mean, learning_rate * curvature_std)


def _rescaled(v: dict[str, Any]) -> dict[str, Any]:
    return {"learning_rate": v["learning_rate"] * v["probability"], "probability": 1.0}


DROPOUT = Law(
    id="stability.dropout.mixture",
    title="Exponent under dropout of whole samples",
    statement="A curvature masked to 0 with probability 1 - q has Lambda = q Lambda_h: dropout slows growth and decay "
    "alike and moves no critical learning rate.",
    quantity=sy.exponent,
    parameters=(*NORMAL_KEYS, KEEP),
    derive=_dropout,
    definition=_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("learning rate times q", _rescaled),
        mutant_value(
            "no effect",
            lambda learning_rate, curvature_mean, curvature_std, probability: NORMAL(
                learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std
            ),
        ),
    ),
    rungs=("algebra", "chain"),
    priority="C",
)
