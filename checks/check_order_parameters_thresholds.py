"""Checks of the order-parameter family: critical learning rates and the rates of convergence near the teacher."""

from __future__ import annotations

from typing import Any

from checks.check import Case, Check, Margin
from checks.order_parameters import rates, thresholds
from checks.order_parameters.floors import per_dimension
from numerics.statistics import Crossing, Plan

_FLOW = Margin(relative=0.005)


def _around(centre: float) -> tuple[float, ...]:
    return (0.85 * centre, centre, 1.15 * centre)


threshold_single = Check(
    law="order_parameters.critical_learning_rate.single",
    rung="flow",
    measure=rates.threshold,
    cases={
        "erf": Case({"activation": "erf", "teacher_norm": 1.3, "batch_size": 2}, settings={"around": 8.0}),
        "sine": Case({"activation": "sine", "teacher_norm": 0.6, "batch_size": 2}, settings={"around": 5.0}),
    },
    margin=_FLOW,
)

threshold_single_chain = Check(
    law="order_parameters.critical_learning_rate.single",
    rung="chain",
    simulate=thresholds.deviation_growth,
    statistic=Crossing((_around(8.24),)),
    cases={
        "erf": Case(
            {"activation": "erf", "teacher_norm": 1.3, "batch_size": 2, "dimension": 400},
            settings={"rates": _around(8.24)},
        ),
    },
    settings={"steps": 40},
    margin=Margin(relative=0.04, model=per_dimension),
    plan=Plan(first=8192, looks=5),
    chunk=8192,
)


def _named_threshold(name: str, norm: float, centre: float) -> Check:
    return Check(
        law=f"order_parameters.critical_learning_rate.{name}",
        rung="flow",
        measure=rates.threshold,
        cases={f"T={norm:g}": {"teacher_norm": norm}},
        settings={"activation": name, "around": centre},
        margin=_FLOW,
    )


def _named_threshold_chain(name: str, norm: float, centre: float) -> Check:
    return Check(
        law=f"order_parameters.critical_learning_rate.{name}",
        rung="chain",
        simulate=thresholds.deviation_growth,
        statistic=Crossing((_around(centre),)),
        cases={f"T={norm:g}": {"teacher_norm": norm, "dimension": 400}},
        settings={"activation": name, "rates": _around(centre), "steps": 40},
        margin=Margin(relative=0.04, model=per_dimension),
        plan=Plan(first=8192, looks=5),
        chunk=8192,
    )


threshold_erf = _named_threshold("erf", 0.2, 3.6)
threshold_quadratic = _named_threshold("quadratic", 0.7, 0.24)
threshold_relu = _named_threshold("relu", 1.2, 2.1)
threshold_linear = _named_threshold("linear", 0.9, 1.9)
threshold_erf_chain = _named_threshold_chain("erf", 0.2, 3.56)
threshold_quadratic_chain = _named_threshold_chain("quadratic", 0.7, 0.238)
threshold_relu_chain = _named_threshold_chain("relu", 1.2, 2.0)
threshold_linear_chain = _named_threshold_chain("linear", 0.9, 2.0)

threshold_committee = Check(
    law="order_parameters.critical_learning_rate.committee_erf",
    rung="flow",
    measure=rates.committee_threshold,
    cases={
        "K=3": Case({"width": 3, "teacher_norm": 0.6}, settings={"around": 1.5},
                    spared={"g_oo without its last term": "(K-2)(K-3) is zero at K = 3"}),
        "K=5": Case({"width": 5, "teacher_norm": 1.1}, settings={"around": 1.0}),
    },
    margin=Margin(relative=3e-4),
)  # fmt: skip

threshold_committee_linear = Check(
    law="order_parameters.critical_learning_rate.committee_linear",
    rung="chain",
    simulate=thresholds.deviation_growth,
    statistic=Crossing((_around(2 / 3),)),
    cases={"K=3": {"width": 3, "dimension": 400}},
    settings={
        "activation": "linear",
        "rates": _around(2 / 3),
        "steps": 40,
        "mode": "collective",
        "teacher_norm": 1.2,
    },
    margin=Margin(relative=0.04, model=per_dimension),
    plan=Plan(first=8192, looks=5),
    chunk=8192,
)


def _mode_of_units(prediction: float, *, dimension: float, width: int, **_: float) -> float:
    """Fourth moments of the input along the deviations raise one step by 2/d; those along the teachers, which the slopes
    weigh down, lower it by at most one per unit."""
    return max(2, width) * prediction / dimension


def _committee_chain(
    name: str, width: int, norm: float, centre: float, spared: dict[str, str] | None = None, **settings: Any
) -> Check:
    return Check(
        law=f"order_parameters.{name}",
        rung="chain",
        simulate=thresholds.committee_growth,
        statistic=Crossing((_around(centre),)),
        cases={f"K={width}": {"width": width, "teacher_norm": norm, "dimension": 400}},
        settings={"rates": _around(centre), "steps": 40, **settings},
        margin=Margin(relative=0.04, model=_mode_of_units),
        plan=Plan(first=8192, looks=5),
        chunk=8192,
        spared=spared or {},
    )


threshold_committee_chain = _committee_chain(
    "critical_learning_rate.committee_erf",
    4,
    0.6,
    1.12,
    {"g_oo without its last term": "a thousandth of the rate; the flow refutes it"},
)
threshold_mean_chain = _committee_chain("phase.critical_learning_rate", 3, 1.2, 15.0, mean_normalised=True)

relaxation_erf = Check(
    law="order_parameters.convergence_rate.erf",
    rung="flow",
    measure=rates.relaxation,
    cases={"eta=.9": {"learning_rate": 0.9, "teacher_norm": 1.3}},
    settings={"activation": "erf"},
    margin=_FLOW,
)

relaxation_quadratic = Check(
    law="order_parameters.convergence_rate.quadratic",
    rung="flow",
    measure=rates.relaxation,
    cases={"eta=.05": {"learning_rate": 0.05, "teacher_norm": 1.2}},
    settings={"activation": "quadratic"},
    margin=_FLOW,
)
