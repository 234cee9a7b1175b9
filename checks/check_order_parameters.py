"""Checks of the order-parameter family, from the algebra of its laws to SGD on real inputs."""

from __future__ import annotations

from typing import Any

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


drift_q = Check(
    law="order_parameters.ode.student_overlap",
    rung="chain",
    simulate=sampling.chain_increment,
    statistic=Mean(),
    cases={
        "B=3": {**_GENERIC, "learning_rate": 1.3, "noise_variance": 0.4, "batch_size": 3},
        "sine": {**_GENERIC, "activation": "sine", "learning_rate": 1.7, "noise_variance": 0.5, "batch_size": 2},
    },
    settings={"which": "q", "dimension": 1e6},
    observable=_flat,
    margin=Margin(absolute=0.012, model=_infinite_dimension),
    plan=Plan(first=131072, looks=6),
    chunk=65536,
)

drift_m = Check(
    law="order_parameters.ode.teacher_overlap",
    rung="chain",
    simulate=sampling.chain_increment,
    statistic=Mean(),
    cases={"erf": {**_GENERIC, "learning_rate": 1.6, "noise_variance": 0.4}},
    settings={"which": "m", "dimension": 1e6},
    observable=_flat,
    margin=Margin(absolute=0.012, model=_infinite_dimension),
    plan=Plan(first=131072, looks=6),
    chunk=65536,
)

one_step_q = Check(
    law="order_parameters.one_step.student_overlap",
    rung="sgd",
    simulate=sampling.brute_increment,
    statistic=Mean(),
    cases={"d=7": {**_SINGLE, "learning_rate": 2.5, "noise_variance": 0.3, "batch_size": 3, "dimension": 7}},
    settings={"which": "q"},
    observable=_flat,
    margin=Margin(absolute=0.001),
    plan=Plan(first=131072, looks=6),
    chunk=65536,
)

one_step_infinite = Check(
    law="order_parameters.ode.student_overlap",
    rung="sgd",
    simulate=sampling.brute_increment,
    statistic=Mean(),
    cases={"d=7": {**_SINGLE, "learning_rate": 2.5, "noise_variance": 0.3, "batch_size": 3}},
    settings={"which": "q", "dimension": 7},
    observable=lambda value, **_: [x / 7 for x in flat_numbers(value)],
    margin=Margin(absolute=0.001),
    plan=Plan(first=131072, looks=6),
    chunk=65536,
    expected=REFUTED,
    reason="the drift of the ODE over d is not the mean of one step at d = 7: the length of the input and the pairs of "
    "samples matter",
    rival=lambda **values: _exact_step(values),
)


def _exact_step(values: dict[str, Any]) -> Any:
    import theory

    return [
        [7 * x for x in row] for row in theory.law("order_parameters.one_step.student_overlap")(**values, dimension=7)
    ]


linear_chain = Check(
    law="order_parameters.trajectory.linear",
    rung="chain",
    simulate=sampling.overlaps_at,
    statistic=Mean(),
    cases={
        "B=2": {**_UNIT, "learning_rate": 0.8, "noise_variance": 0.5, "batch_size": 2, "time": 1.2, "dimension": 300}
    },
    settings={"activation": "linear", "component": "overlaps"},
    margin=Margin(absolute=0.008, model=_one_over_d),
    plan=Plan(first=16384, looks=4),
    chunk=8192,
)

linear_sgd = Check(
    law="order_parameters.trajectory.linear",
    rung="sgd",
    simulate=sampling.overlaps_at,
    statistic=Mean(),
    cases={
        "B=2": {**_UNIT, "learning_rate": 1.1, "noise_variance": 0.5, "batch_size": 2, "time": 1.2, "dimension": 100}
    },
    settings={"activation": "linear", "component": "overlaps", "brute": True},
    margin=Margin(absolute=0.01, model=_one_over_d),
    plan=Plan(first=12288, looks=4),
    chunk=1024,
)

trajectory_chain = Check(
    law="order_parameters.trajectory.overlaps",
    rung="chain",
    simulate=sampling.overlaps_at,
    statistic=Mean(),
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
    plan=Plan(first=16384, looks=4),
    chunk=8192,
)

trajectory_twin = Check(
    law="order_parameters.trajectory.overlaps",
    rung="chain",
    simulate=sampling.twin_overlaps_at,
    statistic=Mean(minimum=2000),
    cases={"twin-d=400": {**_GENERIC, "learning_rate": 0.9, "noise_variance": 0.3, "time": 1.0}},
    settings={"dimension": 400},
    margin=Margin(absolute=5e-5, model=lambda prediction, **_: 0.25 / 400),
    plan=Plan(first=4096, looks=3),
    chunk=2048,
    spared={"1/B missing": "the control variate is that of batch one"},
)

trajectory_sgd = Check(
    law="order_parameters.trajectory.overlaps",
    rung="sgd",
    simulate=sampling.overlaps_at,
    statistic=Mean(),
    cases={
        "d=100": {
            **_GENERIC,
            "learning_rate": 1.2,
            "noise_variance": 0.5,
            "batch_size": 2,
            "time": 0.8,
            "dimension": 100,
        }
    },
    settings={"brute": True},
    margin=Margin(absolute=0.01, model=_one_over_d),
    plan=Plan(first=12288, looks=4),
    chunk=1024,
)
