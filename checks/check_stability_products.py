"""Checks of the stability family: products of random matrices."""

from __future__ import annotations

from checks.check import Case, Check, Margin
from checks.stability.matrix import (
    iid_spectrum,
    iid_step,
    rank_one_spectrum,
    rank_one_top_at_rates,
    regression_spectrum,
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
    plan=Plan(first=32768, looks=6),
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
    plan=Plan(first=32768, looks=6),
)
