"""Laws of single units: linear and quadratic ones, and phase retrieval."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters.mediocrity import define_escape, define_passage, define_plateau, escape, plateau_overlap
from theory.order_parameters.network_parameters import FITS, LIMIT
from theory.order_parameters.single_unit import (
    ARNABOLDI,
    _evaluate,
    _fixed_point_error,
    _linear_trajectory,
    _linear_trajectory_definition,
    _linear_wrong,
    _linear_wrong_star,
    _quadratic_definition,
    _quadratic_floor,
    _quadratic_single,
    _spoiled,
    _weight_decay,
    spoil,
)
from theory.parameter import Constraint, Parameter, nonnegative, positive
from theory.source import DERIVED

START = Parameter("initial_overlap", sp.Symbol("M0", positive=True), "overlap at the start", positive(1e-4, 1e-2))
TARGET = Parameter(
    "target_overlap", sp.Symbol("M1", positive=True), "overlap where the clock stops", positive(0.05, 0.3)
)


def _escape_time() -> Derivation:
    rate = escape().result
    return derivation(("growth", rate, "rate"), ("time", sp.log(TARGET.symbol / START.symbol) / rate, "linear growth"))


_RATE = dm.LEARNING_RATE.within(positive(0.01, 0.08))
_SMALL_NOISE = dm.NOISE.within(nonnegative(0.05, 0.5))
_RETRIEVAL = (_RATE, _SMALL_NOISE, dm.TEACHER_NORM.within(positive(0.7, 1.4)).with_default(1.0))
_ONE = dm.symmetric("overlap", 1)
SINGLE = (
    dm.STUDENT_OVERLAP.within(_ONE),
    dm.CROSS_OVERLAP.within(dm.MatrixDomain("matrix", region=(-0.6, 0.6), shape=(1, 1))),
    dm.TEACHER_OVERLAP.within(_ONE),
    dm.LEARNING_RATE,
    dm.NOISE,
    dm.BATCH,
)
_SINGLE_ANY = (dm.ACTIVATION.with_default("quadratic"), *SINGLE)
_LINEAR = (*SINGLE, dm.TIME)


def _discriminant(v: dict[str, Any]) -> bool:
    e, t, n = v["learning_rate"], v["teacher_norm"], v["noise_variance"]
    return (3 + 6 * e * t) ** 2 > 60 * e * (t + 3 * e * t * t + e * n)


_PLATEAU = Constraint(_discriminant, "no plateau: the learning rate or the noise is too large, Q* is not real")
_DECAY = (
    dm.LEARNING_RATE.within(positive(0.1, 1.2)),
    dm.TEACHER_OVERLAP.within(positive(0.5, 2.0)),
    dm.NOISE,
    dm.DECAY,
)
_QFLOOR = (
    dm.LEARNING_RATE.within(positive(0.01, 0.08)),
    dm.NOISE,
    dm.TEACHER_NORM.within(positive(0.5, 1.5)).with_default(1.0),
)
_BELOW = Constraint(lambda v: 12 * v["learning_rate"] * v["teacher_norm"] < 2, "6 eta T must lie below 1")


def _q_plateau(learning_rate: float, noise_variance: float, teacher_norm: float, sign: float = -1.0) -> float:
    e, t, n = learning_rate, teacher_norm, noise_variance
    b, c = 3 + 6 * e * t, t + 3 * e * t * t + e * n
    return (b + sign * math.sqrt(b * b - 60 * e * c)) / (30 * e)


def _law(
    name: str, title: str, statement: str, parameters: Any, derive: Any, definition: Any, mutants: Any, **more: Any
) -> Law:
    return Law(
        id=f"order_parameters.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(name.split(".")[-1]),
        parameters=parameters,
        derive=derive,
        definition=definition,
        mutants=mutants,
        **{"sources": (DERIVED,)} | more,
    )


LAWS = (
    _law(
        "ode.quadratic_single",
        "ODE of phase retrieval, p = k = 1",
        "s = x^2, value [dQ, dM].",
        _SINGLE_ANY,
        _quadratic_single,
        lambda activation, **v: _quadratic_definition(**v),
        (
            spoil("12 M^2 T -> 6", _spoiled(lambda q, m, p: -6 * m * m * p)),
            spoil("15 -> 9", _spoiled(lambda q, m, p: -6 * q**3)),
        ),
        evaluator=lambda d, v, n: _evaluate(SINGLE, d, v, n),
        constraints=(FITS,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "chain"),
    ),
    _law(
        "trajectory.linear",
        "overlaps of one linear unit at any time",
        "p = k = 1, s = x, value [Q(t), M(t)].",
        _LINEAR,
        _linear_trajectory,
        _linear_trajectory_definition,
        (mutant_value("rate 2 eta", _linear_wrong), mutant_value("r* with 2 - eta at B > 1", _linear_wrong_star)),
        evaluator=lambda d, v, n: _evaluate(_LINEAR, d, v, n),
        constraints=(FITS,),
        regime=LIMIT,
        rungs=("algebra", "chain", "sgd"),
        gate_points=10,
    ),
    _law(
        "noise_floor.linear_weight_decay",
        "noise floor of a linear unit with weight decay",
        "p = k = 1, batch one.",
        _DECAY,
        _weight_decay,
        lambda learning_rate, teacher_overlap, noise_variance, weight_decay_rate: _fixed_point_error(
            "linear", [1.0, 0.5], p=teacher_overlap, eta=learning_rate, noise=noise_variance, omega=weight_decay_rate
        ),
        (
            mutant_value(
                "omega for 2 omega",
                lambda learning_rate, teacher_overlap, noise_variance, weight_decay_rate: (
                    lambda e, p, n, w, m: (p - 2 * m + (2 * e * m + e * e * (p - 2 * m + n)) / (2 * e - e * e + w)) / 2
                )(
                    learning_rate,
                    teacher_overlap,
                    noise_variance,
                    weight_decay_rate,
                    learning_rate * teacher_overlap / (learning_rate + weight_decay_rate),
                ),
            ),
        ),
        rungs=("algebra", "chain"),
    ),
    _law(
        "noise_floor.quadratic",
        "noise floor of one quadratic unit",
        "Q* = T, exact in Delta: eta Delta T/(1 - 6 eta T).",
        _QFLOOR,
        _quadratic_floor,
        lambda learning_rate, noise_variance, teacher_norm: _fixed_point_error(
            "quadratic",
            [
                float(teacher_norm),
                math.sqrt(
                    float(
                        teacher_norm**2
                        - learning_rate * noise_variance * teacher_norm / (2 - 12 * learning_rate * teacher_norm)
                    )
                ),
            ],
            p=teacher_norm,
            eta=learning_rate,
            noise=noise_variance,
        ),
        (
            mutant_value(
                "12 for 6",
                lambda learning_rate, noise_variance, teacher_norm: (
                    learning_rate * noise_variance * teacher_norm / (1 - 12 * learning_rate * teacher_norm)
                ),
            ),
            mutant_value(
                "no denominator",
                lambda learning_rate, noise_variance, teacher_norm: learning_rate * noise_variance * teacher_norm,
            ),
        ),
        constraints=(_BELOW,),
        rungs=("algebra", "flow"),
    ),
    _law(
        "mediocrity.overlap",
        "student norm before phase retrieval escapes",
        "M = 0: smaller root of a quadratic in Q.",
        _RETRIEVAL,
        plateau_overlap,
        define_plateau,
        (
            mutant_value("larger root", partial(_q_plateau, sign=1.0)),
            mutant_value("T", lambda teacher_norm, **_: teacher_norm),
        ),
        constraints=(_PLATEAU,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "flow", "chain"),
        priority="B",
    ),
    _law(
        "mediocrity.escape_rate",
        "growth rate of the overlap in phase retrieval",
        "6 eta (T - Q*).",
        _RETRIEVAL,
        escape,
        define_escape,
        (
            mutant_value("4 eta T", lambda learning_rate, teacher_norm, **_: 4 * learning_rate * teacher_norm),
            mutant_value(
                "3 eta",
                lambda learning_rate, noise_variance, teacher_norm: (
                    3 * learning_rate * (teacher_norm - _q_plateau(learning_rate, noise_variance, teacher_norm))
                ),
            ),
        ),
        constraints=(_PLATEAU,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "flow", "chain"),
        priority="B",
    ),
    _law(
        "mediocrity.escape_time",
        "time to leave mediocrity",
        "ln(target/initial)/rate + O(1).",
        (*_RETRIEVAL, START, TARGET),
        _escape_time,
        define_passage,
        (
            mutant_value(
                "ln(1/initial) only",
                lambda learning_rate, noise_variance, teacher_norm, initial_overlap, target_overlap: (
                    -math.log(initial_overlap)
                    / (6 * learning_rate * (teacher_norm - _q_plateau(learning_rate, noise_variance, teacher_norm)))
                ),
            ),
        ),
        constraints=(
            _PLATEAU,
            Constraint(lambda v: v["initial_overlap"] < v["target_overlap"], "the target must be larger"),
        ),
        sources=(ARNABOLDI,),
        regime=Regime("initial_overlap -> 0", "O(1)"),
        rungs=("algebra", "flow", "chain"),
        priority="B",
    ),
)
