"""Warm-up: the noise equilibrium does not move with the learning rate, only the time to reach it does."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_result
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import (
    VECTOR_SHAPES,
    covariance_constraint,
    first_weights,
    input_covariance,
    residual_covariance,
    second_weights,
)
from theory.symmetry.noise import LAMBDA, SDE
from theory.symmetry.two_layer import (
    NU,
    NW,
    QU,
    QW,
    SE,
    SX,
    bracketed_root,
    evaluate_vectors,
    rank_one_drift,
    rank_one_position,
)

_BOTH = covariance_constraint("input_covariance", "residual_covariance")
_VECTORS = (first_weights, second_weights, input_covariance, residual_covariance)


def _derive_warmup() -> Derivation:
    s_u, s_w = 4 * SE * QW, 4 * SX * QU
    temperature = p.ETA / p.BATCH
    drift = temperature * (s_u * sp.exp(-2 * LAMBDA) - s_w * sp.exp(2 * LAMBDA))
    charge = NU * sp.exp(2 * LAMBDA) - NW * sp.exp(-2 * LAMBDA)
    rate = (-sp.diff(drift, LAMBDA) / sp.diff(charge, LAMBDA)).subs(LAMBDA, rank_one_position())
    return derivation(
        ("lambda*", rank_one_position(), "wd = 0: the temperature drops out"),
        ("rate per unit time", rate, "-D'/C' at lambda*, proportional to eta/S"),
        ("[lambda*, steps]", sp.Tuple(rank_one_position(), 1 / (p.ETA * rate)), "steps = 1/(eta rate), as S/eta^2"),
    )


def _define_warmup(**values: Any) -> Any:
    drift, t = rank_one_drift(values), values["learning_rate"] / values["batch_size"]
    n_u, n_w = (mpmath.fsum(x * x for x in values[k]) for k in ("first_weights", "second_weights"))

    def velocity(x: Any) -> Any:
        return t * drift(x) / (2 * (n_u * mpmath.exp(2 * x) + n_w * mpmath.exp(-2 * x)))

    here = bracketed_root(drift)
    return [here, -1 / (values["learning_rate"] * mpmath.diff(velocity, here))]


warmup = Law(
    id="symmetry.two_layer_linear.warmup",
    title="why a warm-up does not change the noise equilibrium, only when it is reached",
    statement="wd = 0, width one: lambda* does not depend on eta or S; it is reached after a number of steps that scales as "
    "S/eta^2; value [lambda*, steps]",
    quantity=sp.Tuple(sp.Symbol("lambda_star"), sp.Symbol("steps")),
    parameters=(*_VECTORS, p.learning_rate, p.batch_size),
    derive=_derive_warmup,
    definition=_define_warmup,
    evaluator=evaluate_vectors,
    sources=(p.ZIYIN, DERIVED),
    mutants=(
        mutant_result("position depends on eta", lambda value, learning_rate, **_:
                      [value[0] + learning_rate, value[1]]),
        mutant_parameters("batch size without influence", lambda v: {"batch_size": 1.0 + (v["batch_size"] == 1)}),
        mutant_result("steps as 1/eta", lambda value, learning_rate, **_: [value[0], value[1] * learning_rate]),
    ),
    regime=SDE,
    constraints=(VECTOR_SHAPES, _BOTH),
    rungs=("algebra", "sgd"),
    gate_points=4,
)  # fmt: skip

LAWS = (warmup,)
