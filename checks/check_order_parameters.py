"""Checks of the order-parameter family, from the algebra of its laws to SGD on real inputs."""

from __future__ import annotations

from typing import Any

import theory
from checks.check import REFUTED, Check, Gate, Margin
from checks.order_parameters import sampling
from numerics.statistics import Mean, Plan
from theory.evaluation import flat_numbers

gate = Gate("order_parameters")

_GENERIC: dict[str, Any] = {
    "activation": "erf",
    "student_overlap": [[0.9, 0.1], [0.1, 0.7]],
    "teacher_student_overlap": [[0.35, 0.1], [-0.2, 0.3]],
    "teacher_overlap": [[1.1, 0.2], [0.2, 0.9]],
    "student_second_layer": [0.8, 1.2],
    "teacher_second_layer": [1.0, -0.7],
}

_UNIT: dict[str, Any] = {"student_overlap": [[0.9]], "teacher_student_overlap": [[0.4]], "teacher_overlap": [[1.2]]}

_SINGLE: dict[str, Any] = {"activation": "erf", **_UNIT}


def _flat(value: Any, **_: Any) -> list[float]:
    return flat_numbers(value)


def _one_over_d(prediction: Any, *, dimension: float, **_: Any) -> float:
    """Bias of the mean of order 1/d: at these points its measured coefficient is below one."""
    return 1.0 / dimension


def _infinite_dimension(prediction: Any, **_: Any) -> float:
    return 1e-5


def _drift(law: str, which: str, cases: dict[str, Any]) -> Check:
    """One step of the projected chain at d = 1e6, where the exact step is the drift to 1e-5."""
    return Check(
        law=f"order_parameters.ode.{law}",
        rung="chain",
        simulate=sampling.chain_increment,
        statistic=Mean(),
        cases=cases,
        settings={"which": which, "dimension": 1e6},
        observable=_flat,
        margin=Margin(absolute=0.012, model=_infinite_dimension),
        plan=Plan(first=65536, looks=7),
        chunk=65536,
    )


_STEEP: dict[str, Any] = {**_GENERIC, "learning_rate": 1.3, "noise_variance": 0.4}
drift_q = _drift(
    "student_overlap",
    "q",
    {
        "B=3": {**_STEEP, "batch_size": 3},
        "sine": {**_STEEP, "activation": "sine", "learning_rate": 1.7, "noise_variance": 0.5, "batch_size": 2},
    },
)
drift_m = _drift("teacher_overlap", "m", {"erf": {**_STEEP, "learning_rate": 1.6}})
drift_a = _drift(
    "second_layer", "a", {"eta2=.4": {**_STEEP, "second_layer_learning_rate": 0.4, "weight_decay_rate": 0.1}}
)
retrieval_drift = Check(
    law="order_parameters.ode.quadratic_single",
    rung="chain",
    simulate=sampling.chain_increments,
    statistic=Mean(),
    cases={"B=2": {**_UNIT, "activation": "quadratic", "learning_rate": 0.3, "noise_variance": 0.5, "batch_size": 2}},
    settings={"dimension": 1e6},
    observable=_flat,
    margin=Margin(absolute=0.02, relative=0.01, model=_infinite_dimension),
    plan=Plan(first=131072, looks=5),
    chunk=131072,
)


def _step(law: str, which: str, values: dict[str, Any], width: float, **more: Any) -> Check:
    """One step of SGD with d-dimensional weights."""
    return Check(
        **{
            "law": f"order_parameters.{law}",
            "rung": "sgd",
            "simulate": sampling.brute_increment,
            "statistic": Mean(),
            "cases": {"d=7": values},
            "settings": {"which": which},
            "observable": _flat,
            "margin": Margin(absolute=width),
            "plan": Plan(first=65536, looks=6),
            "chunk": 65536,
        }
        | more
    )


_AT_SEVEN: dict[str, Any] = {"learning_rate": 2.5, "noise_variance": 0.3, "batch_size": 3, "dimension": 7}
one_step_q = _step("one_step.student_overlap", "q", {**_SINGLE, **_AT_SEVEN}, 0.001)
one_step_m = _step("one_step.teacher_overlap", "m", {**_GENERIC, **_AT_SEVEN}, 0.003)
drift_m_sgd = _step(
    "ode.teacher_overlap",
    "m",
    {**_GENERIC, "learning_rate": 1.6, "noise_variance": 0.4, "dimension": 7},
    0.015,
    settings={"which": "m", "scaled": True},
)
drift_a_sgd = _step(
    "ode.second_layer",
    "a",
    {**_STEEP, "second_layer_learning_rate": 0.4, "dimension": 7},
    0.008,
    settings={"which": "a", "scaled": True},
)
one_step_infinite = _step(
    "ode.student_overlap",
    "q",
    {**_SINGLE, **_AT_SEVEN},
    0.001,
    observable=lambda value, **_: [x / 7 for x in flat_numbers(value)],
    expected=REFUTED,
    reason="the drift of the ODE over d is not the mean of one step at d = 7: the length of the input and the pairs of "
    "samples matter",
    rival=lambda **values: _exact_step(values),
)


def _exact_step(values: dict[str, Any]) -> Any:
    exact = theory.law("order_parameters.one_step.student_overlap")(**values, dimension=7)
    return [[7 * x for x in row] for row in exact]


identical = Check(
    law="order_parameters.ode.identical_students",
    rung="sgd",
    simulate=sampling.twin_rates,
    statistic=Mean(),
    cases={
        "d=60": {
            "activation": "erf",
            "student_overlap": [[0.9]],
            "teacher_student_overlap": [[0.4]],
            "teacher_overlap": [[1.2]],
            "student_second_layer": [0.8],
            "teacher_second_layer": [1.1],
            "learning_rate": 2.0,
            "noise_variance": 0.6,
            "second_layer_learning_rate": 0.7,
            "dimension": 60,
        }
    },
    observable=_flat,
    margin=Margin(absolute=0.02, model=_one_over_d),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)

_ERRORS: dict[str, Any] = {"law": "order_parameters.generalisation_error", "simulate": sampling.fresh_error}
_ERRORS |= {"statistic": Mean(), "margin": Margin(relative=0.02), "chunk": 65536}
error_chain = Check(
    **_ERRORS, rung="chain", cases={"erf": _STEEP, "relu": {**_STEEP, "activation": "relu"}}, plan=Plan(131072, 4)
)
error_sgd = Check(
    **_ERRORS, rung="sgd", cases={"d=30": {**_STEEP, "activation": "sine"}}, settings={"dimension": 30},
    plan=Plan(131072, 4),
)  # fmt: skip

# Every replica sums hundreds of steps, so that its overlaps are almost normal.
_SUMS = Mean(minimum=4000)

linear_chain = Check(
    law="order_parameters.trajectory.linear",
    rung="chain",
    simulate=sampling.overlaps_at,
    statistic=_SUMS,
    cases={
        "B=2": {**_UNIT, "learning_rate": 0.8, "noise_variance": 0.5, "batch_size": 2, "time": 1.2, "dimension": 300}
    },
    settings={"activation": "linear", "component": "overlaps"},
    margin=Margin(absolute=0.008, model=_one_over_d),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
)

linear_sgd = Check(
    law="order_parameters.trajectory.linear",
    rung="sgd",
    simulate=sampling.overlaps_at,
    statistic=_SUMS,
    cases={
        "B=2": {**_UNIT, "learning_rate": 1.1, "noise_variance": 0.5, "batch_size": 2, "time": 1.2, "dimension": 100}
    },
    settings={"activation": "linear", "component": "overlaps", "brute": True},
    margin=Margin(absolute=0.01, model=_one_over_d),
    plan=Plan(first=4096, looks=5),
    chunk=1024,
)

trajectory_chain = Check(
    law="order_parameters.trajectory.overlaps",
    rung="chain",
    simulate=sampling.overlaps_at,
    statistic=_SUMS,
    cases={
        "two-layer": {
            **_GENERIC,
            "learning_rate": 1.2,
            "noise_variance": 0.5,
            "batch_size": 2,
            "time": 1.1,
            "second_layer_learning_rate": 0.4,
            "weight_decay_rate": 0.1,
            "dimension": 300,
        },
    },
    margin=Margin(absolute=0.008, model=_one_over_d),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
)

trajectory_twin = Check(
    law="order_parameters.trajectory.overlaps",
    rung="chain",
    simulate=sampling.twin_overlaps_at,
    statistic=Mean(minimum=2000),
    cases={"twin-d=400": {**_GENERIC, "learning_rate": 0.9, "noise_variance": 0.3, "time": 1.0}},
    settings={"dimension": 400},
    margin=Margin(absolute=5e-5, model=lambda prediction, **_: 0.25 / 400),
    plan=Plan(first=2048, looks=3),
    chunk=2048,
    spared={"1/B missing": "the control variate is that of batch one"},
)

trajectory_sgd = Check(
    law="order_parameters.trajectory.overlaps",
    rung="sgd",
    simulate=sampling.overlaps_at,
    statistic=_SUMS,
    cases={
        "d=100": {
            **_GENERIC,
            "learning_rate": 1.2,
            "noise_variance": 0.5,
            "batch_size": 2,
            "time": 0.8,
            "second_layer_learning_rate": 0.4,
            "dimension": 100,
        }
    },
    settings={"brute": True},
    margin=Margin(absolute=0.01, model=_one_over_d),
    plan=Plan(first=4096, looks=5),
    chunk=1024,
)
