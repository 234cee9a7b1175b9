"""Checks of the growth of f = u w.x under signal and noise on vector inputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from checks.check import Check, Margin
from checks.stability.signal import growth_at_step, next_term, signal_chain_growth, signal_sgd_growth
from numerics.statistics import Mean, Plan

_STEP = 0.08


def _next_term(prediction: float, **values: Any) -> float:
    return next_term(prediction, step=_STEP, **values)


def _signal(rung: str, simulate: Callable[..., Any], cases: dict[str, dict[str, float]]) -> Check:
    return Check(
        law="stability.matrix.signal_vector",
        rung=rung,
        simulate=simulate,
        statistic=Mean(minimum=4000),
        observable=partial(growth_at_step, step=_STEP),
        cases=cases,
        settings={"step": _STEP, "steps": 300, "burn_in": 100},
        margin=Margin(relative=0.006, model=_next_term),
        plan=Plan(first=16384, looks=5),
        chunk=8192,
    )


signal_chain = _signal(
    "chain",
    signal_chain_growth,
    {"d=5": {"signal_ratio": 2.7, "dimension": 5}, "d=8": {"signal_ratio": 3.1, "dimension": 8}},
)
signal_sgd = _signal("sgd", signal_sgd_growth, {"d=7": {"signal_ratio": 2.9, "dimension": 7}})
