"""Checks of the order-parameter family, from the algebra of its laws to SGD on real inputs."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

from checks.check import REFUTED, Case, Check, Gate, Margin
from checks.order_parameters import flow, sampling
from numerics.statistics import Covariance, Mean, Plan, Slope, Variance
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

floor_linear = Check(
    law="order_parameters.noise_floor.linear_finite_dimension",
    rung="chain",
    simulate=sampling.linear_floor,
    statistic=Mean(),
    cases={"d=5": {"dimension": 5, "learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2}},
    settings={"burn": 60, "average": 40},
    margin=Margin(relative=0.03),
    plan=Plan(first=32768, looks=6),
    chunk=16384,
)

floor_linear_infinite = Check(
    law="order_parameters.noise_floor.linear",
    rung="chain",
    simulate=sampling.linear_floor,
    statistic=Mean(),
    cases={"d=5": {"learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2}},
    settings={"dimension": 5, "burn": 60, "average": 40},
    margin=Margin(relative=0.03),
    plan=Plan(first=32768, looks=6),
    chunk=16384,
    expected=REFUTED,
    reason="at d = 5 the floor is the exact one, 2B - eta (d+B+1)/d in the denominator",
    rival=lambda **values: _finite_floor(values),
)


def _finite_floor(values: dict[str, Any]) -> Any:
    import theory

    return theory.law("order_parameters.noise_floor.linear_finite_dimension")(**values, dimension=5)


fluctuation_linear = Check(
    law="order_parameters.fluctuation.stationary_error.linear",
    rung="chain",
    simulate=sampling.linear_error,
    statistic=Variance(),
    cases={"d=250": {"learning_rate": 0.9, "noise_variance": 0.7, "dimension": 250}},
    settings={"steps": 1200},
    plan=Plan(first=16384, looks=3),
    chunk=8192,
    margin=Margin(relative=0.08, model=lambda prediction, *, dimension, **_: 12 * prediction / dimension),
)

increments_linear = Check(
    law="order_parameters.increment_covariance.linear",
    rung="chain",
    simulate=sampling.chain_pair,
    statistic=Covariance(),
    cases={"B=1": {**_UNIT, "learning_rate": 0.6, "noise_variance": 0.4, "batch_size": 1}},
    settings={"dimension": 1e6, "activation": "linear"},
    margin=Margin(relative=0.04, absolute=0.002),
    plan=Plan(first=262144, looks=5),
    chunk=65536,
)

plateau_overlaps = Check(
    law="order_parameters.plateau.overlaps",
    rung="flow",
    measure=flow.plateau_overlaps,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3}, "K=3": {"width": 3, "teacher_norm": 0.7}},
    margin=Margin(absolute=1e-5),
)

plateau_error = Check(
    law="order_parameters.plateau.error",
    rung="flow",
    measure=flow.plateau_error,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3}},
    margin=Margin(absolute=1e-5),
)

plateau_escape = Check(
    law="order_parameters.plateau.escape_rate",
    rung="flow",
    measure=flow.plateau_escape,
    cases={
        "K=2": {"width": 2, "teacher_norm": 1.3, "learning_rate": 1e-3},
        "K=3": {"width": 3, "teacher_norm": 0.7, "learning_rate": 1e-3},
    },
    margin=Margin(relative=0.01),
)

floor_committee = Check(
    law="order_parameters.noise_floor.committee_erf",
    rung="flow",
    measure=flow.committee_floor,
    cases={"K=2": {"width": 2, "teacher_norm": 1.2, "learning_rate": 0.6, "noise_variance": 1e-3}},
    margin=Margin(relative=0.01),
)

floor_committee_small_rate = Check(
    law="order_parameters.noise_floor.small_rate",
    rung="flow",
    measure=lambda context, *, excess_width, **values: flow.committee_floor(context, teacher_norm=1.0, **values),
    cases={"K=2": {"width": 2, "excess_width": 0, "learning_rate": 0.6, "noise_variance": 1e-3}},
    margin=Margin(relative=0.01),
    expected=REFUTED,
    reason="the small-rate floor leaves out the noise the student makes itself; far off at a third of eta_c",
)

floor_single = Check(
    law="order_parameters.noise_floor.single",
    rung="flow",
    measure=flow.single_floor,
    cases={
        "erf": {
            "activation": "erf",
            "teacher_norm": 1.2,
            "learning_rate": 0.9,
            "noise_variance": 1e-3,
            "batch_size": 2,
        },
        "relu": {
            "activation": "relu",
            "teacher_norm": 0.8,
            "learning_rate": 0.7,
            "noise_variance": 1e-3,
            "batch_size": 1,
        },
    },
    settings={"relaxation": 150.0},
    margin=Margin(relative=0.01),
)

threshold_single = Check(
    law="order_parameters.critical_learning_rate.single",
    rung="flow",
    measure=flow.threshold,
    cases={
        "erf": Case({"activation": "erf", "teacher_norm": 1.3, "batch_size": 2}, settings={"around": 8.0}),
        "sine": Case({"activation": "sine", "teacher_norm": 0.6, "batch_size": 2}, settings={"around": 5.0}),
    },
    margin=Margin(relative=0.01),
)

retrieval = Check(
    law="order_parameters.mediocrity.escape_rate",
    rung="flow",
    measure=flow.retrieval_rate,
    cases={"T=1.2": {"learning_rate": 0.03, "noise_variance": 0.3, "teacher_norm": 1.2}},
    margin=Margin(relative=0.01),
)

_DIGITS: dict[str, Any] = {
    "activation": "erf",
    "student_overlap": [[0.5, 0.1], [0.1, 0.4]],
    "teacher_student_overlap": [[0.2, 0.05], [0.0, 0.25]],
    "teacher_overlap": [[1.0, 0.0], [0.0, 1.0]],
    "learning_rate": 0.9,
    "noise_variance": 0.05,
    "time": 3.0,
}

whitened_digits = Check(
    law="order_parameters.net.whitened_inputs",
    rung="net",
    simulate=sampling.digit_overlaps_at,
    statistic=Mean(minimum=300),
    cases={"40 components": Case(_DIGITS, settings={"inputs": "40"})},
    margin=Margin(absolute=0.02),
    plan=Plan(first=512, looks=4),
    chunk=512,
    spared={"1/B missing": "batch one"},
)

raw_digits = Check(
    law="order_parameters.net.raw_pixels",
    rung="net",
    simulate=sampling.digit_overlaps_at,
    statistic=Mean(minimum=300),
    cases={"pixels": Case(_DIGITS, settings={"inputs": "raw"})},
    margin=Margin(absolute=0.02),
    plan=Plan(first=512, looks=4),
    chunk=512,
    expected=REFUTED,
    reason="the pixels' covariance is far from the identity, which the closure in Q and M needs",
)

fluctuation_clt = Check(
    law="order_parameters.fluctuation.clt",
    rung="chain",
    simulate=sampling.scaled_overlaps,
    statistic=Covariance(),
    cases={
        "B=2": {**_SINGLE, "learning_rate": 1.3, "noise_variance": 0.5, "batch_size": 2, "time": 0.8, "dimension": 600},
    },
    observable=lambda value, **_: [value[0][0], value[0][1], value[1][1]],
    margin=Margin(relative=0.05, absolute=0.004, model=_one_over_d),
    plan=Plan(first=16384, looks=4),
    chunk=8192,
)

if importlib.util.find_spec("sklearn") is not None:
    empirical_loss = Check(
        law="order_parameters.linear.empirical_loss",
        rung="net",
        simulate=sampling.linear_excess_loss,
        statistic=Mean(minimum=4000),
        cases={
            "digits": {
                **sampling.digit_regression(150, 6),
                "initial_weights": [1.0] * 6,
                "learning_rate": 1.2,
                "batch_size": 3,
                "steps": 40,
            }
        },
        margin=Margin(relative=0.02),
        spared={"residual cross term left out": "at this point it changes the loss by less than 1e-4"},
        plan=Plan(first=4096, looks=5),
        chunk=2048,
    )

bad_learning_growth = Check(
    law="order_parameters.bad_learning.growth",
    rung="flow",
    measure=flow.noise_phase_norm,
    cases={"late": {"time": 1e5, "teacher_overlap": 1.3, "noise_variance": 0.4}},
    margin=Margin(relative=0.005),
)

_LOG_D = tuple(math.log(10.0) * n for n in (4, 6, 8))
_PHASES = {
    "perfect": {"kappa": 0.2, "delta": 0.15},
    "plateau": {"kappa": 0.15, "delta": -0.15},
    "bad": {"kappa": 0.1, "delta": -0.35},
    "none": {"kappa": 0.05, "delta": -0.7},
}

phase_learning = Check(
    law="order_parameters.phase.learning_term_exponent",
    rung="chain",
    simulate=sampling.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES | {"plateau": Case(_PHASES["plateau"], spared={"sign of sigma": "sigma is zero: no sign"})},
    settings={"which": "learning", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)

phase_noise = Check(
    law="order_parameters.phase.noise_term_exponent",
    rung="chain",
    simulate=sampling.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES,
    settings={"which": "noise", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)
