"""Checks of the stability family: products of random matrices."""

from __future__ import annotations

import math
from typing import Any

import mpmath

from checks.check import REFUTED, Case, Check, Margin
from checks.stability.matrix import (
    goe_second_order,
    goe_top,
    heavy_ball_areas,
    heavy_ball_norm,
    heavy_ball_top,
    iid_spectrum,
    iid_step,
    rank_one_spectrum,
    rank_one_top_at_rates,
    regression_spectrum,
    second_order,
    small_step_units,
    vector_net_growth,
    vector_net_sgd_growth,
)
from numerics.statistics import Crossing, Mean, Plan, Variance

SPECTRUM = Margin(relative=0.02, absolute=0.01)
PLAN = Plan(first=8192, looks=7)

product_iid = Check(
    law="stability.matrix.product_iid",
    rung="chain",
    simulate=iid_spectrum,
    statistic=Mean(minimum=1000),
    cases={"d=3": {"dimension": 3, "entry_std": 0.73}, "d=5": {"dimension": 5, "entry_std": 1.37}},
    settings={"steps": 12},
    margin=SPECTRUM,
    plan=PLAN,
)

product_iid_variance = Check(
    law="stability.matrix.product_iid_variance",
    rung="chain",
    simulate=iid_step,
    statistic=Variance(),
    cases={"d=4": {"dimension": 4}},
    margin=Margin(relative=0.05),
    plan=Plan(first=32768, looks=7),
)

rank_one_normal = Check(
    law="stability.matrix.rank_one_normal",
    rung="chain",
    simulate=rank_one_spectrum,
    statistic=Mean(minimum=1000),
    cases={
        "d=2": {"learning_rate": 0.83, "dimension": 2, "input_std": 1.13},
        "d=4": {"learning_rate": 0.57, "dimension": 4},
    },
    settings={"steps": 12},
    margin=SPECTRUM,
    plan=PLAN,
)

rank_one_normal_sgd = Check(
    law="stability.matrix.rank_one_normal",
    rung="sgd",
    simulate=regression_spectrum,
    statistic=Mean(minimum=1000),
    cases={"d=3": {"learning_rate": 0.47, "dimension": 3, "input_std": 0.87}},
    settings={"steps": 10},
    margin=SPECTRUM,
    plan=PLAN,
)

rank_one_normal_critical = Check(
    law="stability.matrix.rank_one_normal_critical",
    rung="chain",
    simulate=rank_one_top_at_rates,
    statistic=Crossing(((0.86, 0.94, 1.02),)),
    cases={"d=2": Case({"dimension": 2}, settings={"rates": (0.86, 0.94, 1.02)})},
    settings={"steps": 16},
    margin=Margin(relative=0.01),
    plan=Plan(first=32768, looks=7),
)

goe = Check(
    law="stability.matrix.goe",
    rung="chain",
    simulate=goe_top,
    statistic=Mean(),
    cases={
        "d=2": {"learning_rate": 0.83, "curvature_mean": 0.37, "curvature_std": 0.71, "dimension": 2},
        "d=5": Case(
            {"learning_rate": 0.46, "curvature_mean": -0.28, "curvature_std": 0.87, "dimension": 5},
            spared={"diagonal of variance one": "one of five entries: half a margin here"},
        ),
    },
    settings={"steps": 12},
    margin=Margin(relative=0.02, absolute=0.005),
    plan=Plan(first=16384, looks=6),
)


def _fourth_order(_: float, learning_rate: float, curvature_std: float, dimension: int, **__: Any) -> float:
    # The next even term of the expansion has coefficients of order (m^2 + d s^2)^2.
    return learning_rate**2 * (1 + dimension * curvature_std**2) ** 2


goe_small_rate = Check(
    law="stability.matrix.goe_small_rate",
    rung="chain",
    simulate=goe_second_order,
    statistic=Mean(),
    observable=second_order,
    cases={
        "d=2": {"learning_rate": 0.041, "curvature_mean": 0.43, "curvature_std": 0.87, "dimension": 2},
        "d=3": {"learning_rate": 0.037, "curvature_mean": 0.61, "curvature_std": 0.93, "dimension": 3},
        "d=5": {"learning_rate": 0.023, "curvature_mean": -0.37, "curvature_std": 0.97, "dimension": 5},
    },
    settings={"steps": 8},
    margin=Margin(relative=0.03, absolute=0.03, model=_fourth_order),
    plan=Plan(first=16384, looks=6),
)

ESCAPES = (
    "for vector inputs the matrices of different samples do not commute: SGD escapes where the scalar net collapses"
)


def _second_order(prediction: float, learning_rate: float, noise_std: float, **_: Any) -> float:
    # Measured at steps of 0.06 to 0.15: relative corrections of 1.1 to 2.0 (eta sigma)^2.
    return 3 * (learning_rate * noise_std) ** 2 * abs(prediction)


vector_input_noise = Check(
    law="stability.matrix.vector_input_noise",
    rung="chain",
    simulate=vector_net_growth,
    statistic=Mean(minimum=4000),
    observable=small_step_units,
    cases={
        "d=2": Case(
            {"learning_rate": 0.31, "noise_std": 0.37, "dimension": 2},
            settings={"burn_in": 800},
            margin=Margin(absolute=0.0005),
            spared={"(d-2)/4": "it is 0 at d = 2, as the law"},
        ),
        "d=3": Case({"learning_rate": 0.31, "noise_std": 0.37, "dimension": 3}),
        "d=6": Case({"learning_rate": 0.23, "noise_std": 0.41, "dimension": 6}),
    },
    settings={"steps": 600, "burn_in": 400},
    margin=Margin(relative=0.02, model=_second_order),
    plan=Plan(first=4096, looks=7),
    chunk=4096,
)

vector_input_noise_sgd = Check(
    law="stability.matrix.vector_input_noise",
    rung="sgd",
    simulate=vector_net_sgd_growth,
    statistic=Mean(minimum=4000),
    observable=small_step_units,
    cases={
        "d=3": {"learning_rate": 0.34, "noise_std": 0.43, "dimension": 3},
        "d=4": {"learning_rate": 0.27, "noise_std": 0.53, "dimension": 4},
    },
    settings={"steps": 300, "burn_in": 200},
    margin=Margin(relative=0.04, model=_second_order),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
)


def _true_growth(learning_rate: float, noise_std: float, dimension: int, **_: Any) -> float:
    z = mpmath.mpf(dimension - 1) / 2
    b = mpmath.mpf(dimension + 1) / 2
    ratio = mpmath.hyperu(1.5, b, z) / mpmath.hyperu(0.5, b, z)
    return float((dimension - 2) / 4 * ratio) * (learning_rate * noise_std) ** 2


scalar_criterion_vector = Check(
    law="stability.matrix.scalar_criterion_vector",
    rung="chain",
    simulate=vector_net_growth,
    statistic=Mean(minimum=4000),
    cases={"d=3": {"learning_rate": 0.29, "noise_std": 0.39, "dimension": 3}},
    settings={"steps": 600, "burn_in": 400},
    margin=Margin(relative=0.1),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
    expected=REFUTED,
    reason=ESCAPES,
    rival=_true_growth,
)

scalar_criterion_vector_sgd = Check(
    law="stability.matrix.scalar_criterion_vector",
    rung="sgd",
    simulate=vector_net_sgd_growth,
    statistic=Mean(minimum=4000),
    cases={"d=4": {"learning_rate": 0.33, "noise_std": 0.41, "dimension": 4}},
    settings={"steps": 250, "burn_in": 150},
    margin=Margin(relative=0.1),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
    expected=REFUTED,
    reason=ESCAPES,
    rival=_true_growth,
)


def _scalar_growth(learning_rate: float, noise_std: float, **_: Any) -> float:
    square = mpmath.mpf(1) / (2 * (learning_rate * noise_std) ** 2)
    constant = math.log(learning_rate * noise_std) - float(mpmath.euler + mpmath.log(2)) / 2
    return constant + float(square * mpmath.hyp2f2(1, 1, 1.5, 2, -square))


norm_bound = Check(
    law="stability.matrix.norm_bound",
    rung="chain",
    simulate=vector_net_growth,
    statistic=Mean(),
    cases={"d=1": {"learning_rate": 0.71, "noise_std": 0.83, "dimension": 1}},
    settings={"steps": 20, "burn_in": 0},
    margin=Margin(relative=0.03),
    plan=Plan(first=16384, looks=5),
    expected=REFUTED,
    reason="the mean log norm is an upper bound: the net collapses although its norms exceed one",
    rival=_scalar_growth,
)

momentum_trace = Check(
    law="stability.momentum.trace",
    rung="chain",
    measure=heavy_ball_areas,
    cases={"beta=0.83": {"momentum": 0.83}},
    settings={"learning_rate": 0.37, "curvature_std": 1.3},
    margin=Margin(absolute=1e-8),
)


def _third_order(
    _: float, learning_rate: float, curvature_mean: float, curvature_std: float, momentum: float, **__: Any
) -> float:
    e, gap = learning_rate / (1 - momentum), 1 - momentum
    small = learning_rate**2 * curvature_std**2 / gap**3
    return small * e**2 * curvature_std**2 + 3 * e**3 * abs(curvature_mean) * (
        curvature_std**2 + curvature_mean**2 / gap**2
    )


momentum_leading = Check(
    law="stability.momentum.leading",
    rung="chain",
    simulate=heavy_ball_top,
    statistic=Mean(minimum=4000),
    cases={
        "beta=0.8": {"learning_rate": 0.005, "curvature_mean": 0.43, "curvature_std": 0.97, "momentum": 0.8},
        "beta=0.5": {"learning_rate": 0.02, "curvature_mean": -0.61, "curvature_std": 1.03, "momentum": 0.5},
    },
    settings={"steps": 200, "burn_in": 80},
    margin=Margin(relative=0.005, model=_third_order),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
)

momentum_leading_large = Check(
    law="stability.momentum.leading",
    rung="chain",
    simulate=heavy_ball_norm,
    statistic=Mean(minimum=4000),
    cases={"beta=0.9": {"learning_rate": 0.031, "curvature_mean": -0.023, "curvature_std": 1.07, "momentum": 0.9}},
    settings={"steps": 400, "burn_in": 200},
    margin=Margin(relative=0.1),
    plan=Plan(first=4096, looks=5),
    chunk=4096,
    expected=REFUTED,
    reason="eta^2 s^2/(1-beta)^3 is about one: the position no longer moves like plain SGD of step eta/(1-beta)",
)
