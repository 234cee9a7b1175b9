"""Checks of the criteria of stability: in probability on chains, by SGD and in a network, and in mean square."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from checks.check import Case, Check, Margin
from checks.stability import criteria
from checks.stability.digits import SIGNAL_TASK, squared_inputs
from numerics.statistics import Crossing, Mean, Plan, Probability

_ALIKE = "decides alike at this point"

_Point = tuple[float, float, float, tuple[str, ...]]
_POINTS: tuple[_Point, ...] = (
    (0.74, -0.17, 1.12, ()),
    (1.13, -0.11, 0.93, ()),
    (0.57, -0.06, 1.37, ()),
    (0.93, 0.21, 0.87, ("sign", "L1")),
    (1.83, 0.23, 0.71, ("sign",)),
    (0.67, 0.42, 1.23, ("sign", "L1")),
    (2.31, 0.37, 1.13, ("L2", "L1")),
    (1.97, -0.21, 1.31, ("sign", "L2", "L1")),
    (0.37, -0.53, 0.61, ("sign", "L2", "L1")),
    (2.60, 0.13, 0.92, ("L2", "L1")),
    (3.10, 0.45, 0.83, ("L2", "L1")),
    (0.83, -0.61, 0.73, ("sign", "L2", "L1")),
    (1.41, 0.31, 1.61, ("L2", "L1")),
)
_NAMES = {"sign": "sign of the mean curvature", "L2": "mean-square criterion", "L1": "E|1 - eta h| < 1"}


def _criterion_cases(points: tuple[_Point, ...]) -> dict[str, Case]:
    return {
        f"eta={rate:g},m={mean:g}": Case(
            {"learning_rate": rate, "curvature_mean": mean, "curvature_std": std},
            spared={_NAMES[name]: _ALIKE for name in alike},
        )
        for rate, mean, std, alike in points
    }


criterion = Check(
    law="stability.probability.rank_one",
    rung="chain",
    simulate=criteria.chain_collapsed,
    statistic=Probability(),
    cases=_criterion_cases(_POINTS),
    settings={"steps": 3000},
    margin=Margin(absolute=0.02),
    plan=Plan(first=4096, looks=3),
    chunk=2048,
)


def _by_training(rung: str, simulate: Callable[..., Any], points: tuple[_Point, ...]) -> Check:
    return Check(
        law="stability.probability.rank_one",
        rung=rung,
        simulate=simulate,
        statistic=Probability(),
        cases=_criterion_cases(points),
        settings={"steps": 3000},
        margin=Margin(absolute=0.02),
        plan=Plan(first=1024, looks=5),
        chunk=1024,
    )


criterion_sgd = _by_training("sgd", criteria.sgd_collapsed, _POINTS)
criterion_tanh_units = _by_training("net", criteria.tanh_units_collapsed, _POINTS)

moments_grow = Check(
    law="stability.moments.insufficient",
    rung="chain",
    simulate=criteria.multiplier_moment,
    statistic=Mean(),
    cases={"attractive saddle": {"learning_rate": 0.74, "curvature_mean": -0.37}},
    settings={"curvature_std": 1.12},
    observable=lambda value, **_: math.exp(value),
    margin=Margin(relative=0.01),
)


def _typical_vector(rung: str, simulate: Callable[..., Any], steps: dict[str, Any]) -> Check:
    return Check(
        law="stability.lyapunov.furstenberg",
        rung=rung,
        simulate=simulate,
        statistic=Mean(),
        cases={"generic": {"entry_std": 0.83}},
        settings=steps,
        margin=Margin(relative=0.02, absolute=0.003),
    )


furstenberg = _typical_vector("chain", criteria.vector_growth, {"steps": 20})
furstenberg_sgd = _typical_vector("sgd", criteria.quadratic_net_growth, {"steps": 20, "learning_rate": 0.37})

_L2_POINT = {"curvature_mean": 0.63, "curvature_std": 1.17, "batch_size": 3}
_L2_RATES = (1.35, 1.48, 1.61)
_DATA = {"curvatures": [0.37, 1.93, 0.82, 2.61, 0.14], "batch_size": 3, "replacement": "without"}
_DATA_RATES = (1.4, 1.52, 1.64)


def _mean_square(rung: str, simulate: Callable[..., Any], data: bool, **settings: Any) -> Check:
    rates = _DATA_RATES if data else _L2_RATES
    return Check(
        law=f"stability.l2_boundary.{'empirical' if data else 'general'}",
        rung=rung,
        simulate=simulate,
        statistic=Crossing((rates,)),
        cases={"subsets of 3 from 5": _DATA} if data else {"batch=3": _L2_POINT},
        settings={"rates": rates, **settings},
        margin=Margin(relative=0.003 if data else 0.01),
    )


mean_square = _mean_square("chain", criteria.squared_multipliers, data=False, curvature_law="normal")
mean_square_sgd = _mean_square("sgd", criteria.squared_steps_of_sgd, data=False)
mean_square_data = _mean_square("chain", criteria.squared_multipliers, data=True, curvature_law="empirical")
mean_square_data_sgd = _mean_square("sgd", criteria.squared_steps_of_regression, data=True)
_DIGIT_RATES = (1.25, 1.4, 1.55)
mean_square_digits = Check(
    law="stability.l2_boundary.empirical",
    rung="net",
    simulate=criteria.squared_steps_of_regression,
    statistic=Crossing((_DIGIT_RATES,)),
    cases={
        "digits, subsets of 4": Case(
            {"curvatures": squared_inputs(SIGNAL_TASK), "batch_size": 4, "replacement": "without"},
            spared={
                "finite-population factor dropped": "4 of 1797 images: 1.7e-3 of the variance",
                "(N-B)/N": "differs by 1/1797 of the variance",
            },
        )
    },
    settings={"rates": _DIGIT_RATES},
    margin=Margin(relative=0.01),
)
