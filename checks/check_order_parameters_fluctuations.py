"""Checks of the fluctuations of the overlaps around the ODE, of order d^(-1/2), and of their mean, of order 1/d."""

from __future__ import annotations

from typing import Any

from checks.check import Check, Margin
from checks.order_parameters import sampling
from numerics.statistics import Covariance, Plan, Variance

_UNIT: dict[str, Any] = {"student_overlap": [[0.9]], "teacher_student_overlap": [[0.4]], "teacher_overlap": [[1.2]]}

_SINGLE: dict[str, Any] = {"activation": "erf", **_UNIT}


def _one_over_d(prediction: Any, *, dimension: float, **_: Any) -> float:
    """Bias of the mean of order 1/d: at these points its measured coefficient is below one."""
    return 1.0 / dimension


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
