"""Checks of the exponent under weight decay."""

from __future__ import annotations

from checks.check import Check, Margin
from checks.stability.decay import decayed_growth
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
