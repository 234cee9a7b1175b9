"""Checks of the order-parameter family near the teacher: noise floors."""

from __future__ import annotations

import theory
from checks.check import REFUTED, Case, Check, Margin
from checks.order_parameters import floors
from checks.order_parameters.floors import per_dimension
from numerics.statistics import Mean, Plan

_FLOW = Margin(relative=0.005)

floor_single = Check(
    law="order_parameters.noise_floor.single",
    rung="flow",
    measure=floors.single_floor,
    cases={
        "erf": {"activation": "erf", "teacher_norm": 1.2, "learning_rate": 0.9, "noise_variance": 1e-3,
                "batch_size": 2},
        "relu": {"activation": "relu", "teacher_norm": 0.8, "learning_rate": 0.7, "noise_variance": 1e-3,
                 "batch_size": 1},
    },
    settings={"relaxation": 100.0},
    margin=Margin(relative=0.01),
)  # fmt: skip

floor_single_chain = Check(
    law="order_parameters.noise_floor.single",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=200),
    cases={
        "relu": {"activation": "relu", "teacher_norm": 0.8, "learning_rate": 0.8, "noise_variance": 0.02,
                 "batch_size": 1, "dimension": 100},
        "erf": {"activation": "erf", "teacher_norm": 0.6, "learning_rate": 1.6, "noise_variance": 0.02,
                "batch_size": 1, "dimension": 100},
    },
    settings={"burn": 700, "average": 1600},
    margin=Margin(relative=0.05, model=per_dimension),
    plan=Plan(first=256, looks=5),
    chunk=256,
)  # fmt: skip

floor_quadratic = Check(
    law="order_parameters.noise_floor.quadratic",
    rung="flow",
    measure=floors.single_floor,
    cases={"6 eta T=.3": {"learning_rate": 0.05, "noise_variance": 0.2, "teacher_norm": 1.1}},
    settings={"relaxation": 60.0},
    margin=_FLOW,
)

floor_committee = Check(
    law="order_parameters.noise_floor.committee_erf",
    rung="flow",
    measure=floors.committee_floor,
    cases={"K=2": {"width": 2, "teacher_norm": 1.2, "learning_rate": 0.6, "noise_variance": 1e-3}},
    margin=Margin(relative=0.01),
)

floor_committee_linear = Check(
    law="order_parameters.noise_floor.committee_linear",
    rung="flow",
    measure=floors.committee_floor,
    cases={"K=3": {"width": 3, "learning_rate": 0.3, "noise_variance": 0.4}},
    settings={"activation": "linear", "relaxations": 2.0},
    margin=_FLOW,
)

floor_committee_linear_chain = Check(
    law="order_parameters.noise_floor.committee_linear",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=200),
    cases={"K=2": {"width": 2, "learning_rate": 0.4, "noise_variance": 0.3, "dimension": 100}},
    settings={"activation": "linear", "burn": 600, "average": 1600},
    margin=Margin(relative=0.05, model=per_dimension),
    plan=Plan(first=256, looks=5),
    chunk=256,
)

floor_small_rate = Check(
    law="order_parameters.noise_floor.small_rate",
    rung="flow",
    measure=floors.committee_floor,
    cases={
        "k=2, L=1": Case(
            {"width": 2, "excess_width": 1, "learning_rate": 0.02, "noise_variance": 1e-3},
            settings={"relaxations": 6.0},
        ),
        "a third of eta_c": Case(
            {"width": 2, "excess_width": 0, "learning_rate": 0.6, "noise_variance": 1e-3},
            settings={"relaxations": 8.0},
            margin=Margin(relative=0.01),
            expected=REFUTED,
            reason="the small-rate floor leaves out the noise the student makes itself; far off at a third of eta_c",
        ),
    },
    margin=Margin(relative=0.01, model=lambda prediction, *, learning_rate, **_: learning_rate * prediction),
)

floor_weight_decay = Check(
    law="order_parameters.noise_floor.linear_weight_decay",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=200),
    cases={
        "omega=.3": {
            "learning_rate": 0.6,
            "teacher_overlap": 1.2,
            "noise_variance": 0.2,
            "weight_decay_rate": 0.3,
            "dimension": 100,
        }
    },
    settings={"burn": 800, "average": 1600},
    margin=Margin(relative=0.03, model=per_dimension),
    plan=Plan(first=256, looks=5),
    chunk=256,
)

floor_linear = Check(
    law="order_parameters.noise_floor.linear_finite_dimension",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=1000),
    cases={"d=5": {"dimension": 5, "learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2}},
    settings={"burn": 40, "average": 96, "every": 4},
    margin=Margin(relative=0.03),
    plan=Plan(first=8192, looks=5),
    chunk=8192,
)

floor_linear_sgd = Check(
    law="order_parameters.noise_floor.linear_finite_dimension",
    rung="sgd",
    simulate=floors.simulated_floor,
    statistic=Mean(),
    cases={"d=5": {"dimension": 5, "learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2}},
    settings={"burn": 40, "average": 0, "brute": True},
    margin=Margin(relative=0.03),
    plan=Plan(first=65536, looks=4),
    chunk=65536,
)

floor_linear_infinite = Check(
    law="order_parameters.noise_floor.linear",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=1000),
    cases={
        "d=5": Case(
            {"learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2, "dimension": 5},
            margin=Margin(relative=0.03),
            expected=REFUTED,
            reason="at d = 5 the floor is the exact one, 2B - eta (d+B+1)/d in the denominator",
        ),
    },
    rival=lambda **values: theory.law("order_parameters.noise_floor.linear_finite_dimension")(**values, dimension=5),
    settings={"burn": 40, "average": 96, "every": 4},
    margin=Margin(relative=0.03),
    plan=Plan(first=8192, looks=4),
    chunk=8192,
)

floor_linear_chain = Check(
    law="order_parameters.noise_floor.linear",
    rung="chain",
    simulate=floors.simulated_floor,
    statistic=Mean(minimum=200),
    cases={"d=200": {"learning_rate": 1.1, "noise_variance": 0.6, "batch_size": 2, "dimension": 200}},
    settings={"burn": 700, "average": 1600},
    margin=Margin(relative=0.03, model=per_dimension),
    plan=Plan(first=256, looks=5),
    chunk=256,
)


floor_anisotropic = Check(
    law="order_parameters.noise_floor.linear_anisotropic",
    rung="sgd",
    simulate=floors.anisotropic_floor,
    statistic=Mean(minimum=1000),
    cases={
        "six variances": {
            "input_variances": [0.3, 0.6, 1.0, 1.5, 2.0, 2.5],
            "learning_rate": 0.9,
            "noise_variance": 0.5,
            "batch_size": 2,
        }
    },
    settings={"burn": 80, "average": 60},
    margin=Margin(relative=0.02),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
)

_SCALED = {"scaled_learning_rate": 0.2, "scaled_width": 1.0, "noise_variance": 1e-3, "kappa": 0.2, "delta": 0.15}
phase_floor = Check(
    law="order_parameters.phase.noise_floor",
    rung="flow",
    measure=floors.scaled_floor,
    cases={"p=2": {**_SCALED, "dimension": 32}, "p=3": {**_SCALED, "dimension": 243}},
    margin=Margin(
        relative=0.005,
        model=lambda prediction, *, scaled_learning_rate, scaled_width, kappa, delta, dimension, **_: (
            prediction * scaled_learning_rate * dimension ** -(kappa + delta) / scaled_width
        ),
    ),
)

phase_floor_exponent = Check(
    law="order_parameters.phase.noise_floor_exponent",
    rung="flow",
    measure=floors.floor_slope,
    cases={"sigma=.7": {"kappa": 0.2, "delta": 0.5}},
    settings={"widths": (2, 3)},
    margin=Margin(absolute=0.02),
)
