"""Checks of the exponent under weight decay, and of the order beyond which measured moments freeze."""

from __future__ import annotations

from checks.check import Check, Margin
from checks.stability.decay import decayed_growth
from checks.stability.freezing import frozen_slope, next_order, slope_beyond_freezing
from numerics.statistics import Mean, Plan


def _decay(rung: str) -> Check:
    return Check(
        law="stability.weight_decay.shift",
        rung=rung,
        simulate=decayed_growth,
        statistic=Mean(),
        cases={"saddle": {"learning_rate": 0.57, "curvature_mean": -0.43, "curvature_std": 0.83, "weight_decay": 0.71}},
        settings={"sgd": rung == "sgd", "steps": 24},
        margin=Margin(relative=0.02, absolute=0.003),
        plan=Plan(first=16384, looks=6),
    )


weight_decay, weight_decay_sgd = _decay("chain"), _decay("sgd")

freezing = Check(
    law="stability.freezing.ensemble_moment",
    rung="chain",
    simulate=slope_beyond_freezing,
    statistic=Mean(minimum=1000),
    observable=frozen_slope,
    cases={
        "saddle": {"learning_rate": 0.57, "curvature_mean": -0.31, "curvature_std": 0.83, "steps": 31, "replicas": 500},
    },
    # The law puts the freezing order at 1.6: both orders lie far beyond it.
    settings={"orders": (12.0, 18.0)},
    margin=Margin(relative=0.01, model=next_order),
    plan=Plan(first=1024, looks=5),
    chunk=512,
)
