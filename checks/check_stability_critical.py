"""Checks of critical learning rates: zeros of the growth rate at a minimum, and how many of them finite data have."""

from __future__ import annotations

from typing import Any

from checks.check import Check, Margin
from checks.stability import digits as on_digits
from checks.stability.digits import SIGNAL_TASK
from checks.stability.zero_counts import count_indicators, zeros_passed
from checks.stability.zeros import around, zeros
from numerics.statistics import Crossing, Plan, Probability

_NORMAL = {"curvature_std": 1.27, "batch_size": 3}
_EXPONENTIAL = {"curvature_scale": 0.83, "batch_size": 1}
_UNIFORM = {"lower_curvature": -0.37, "upper_curvature": 1.86}
_GAMMA = {"curvature_shape": 1.7, "curvature_scale": 0.61, "batch_size": 2}
_CHI = {"degrees_of_freedom": 1, "curvature_scale": 1.43}
_LAPLACE = {"curvature_scale": 0.87}
_PRODUCT = {"first_std": 1.13, "second_std": 0.74, "batch_size": 2}
_CAUCHY = {"curvature_location": 0.71, "curvature_scale": 0.93}
_ARCSINE = {"lower_curvature": -0.43, "upper_curvature": 2.17}
_ARCSINE_OUTER = {"lower_curvature": 0.83, "upper_curvature": 1.97}
_DATA = {"curvatures": [0.63, 1.17, 2.31, 0.87]}
_CENTRED = {"curvature_mean": 0.0}


def _pair(name: str, curvature_law: str, values: dict[str, Any], centre: float, **more: Any) -> tuple[Check, Check]:
    law, group = f"critical_learning_rate.{name}", (around(centre),)
    return zeros(law, curvature_law, values, group, "chain", **more), zeros(
        law, curvature_law, values, group, "sgd", **more
    )


critical_normal, critical_normal_sgd = _pair("normal_zero_mean", "normal", _NORMAL, 2.12, fixed=_CENTRED)
critical_exponential, critical_exponential_sgd = _pair("exponential", "exponential", _EXPONENTIAL, 3.23)
critical_uniform, critical_uniform_sgd = _pair("uniform", "uniform", _UNIFORM, 2.34)
critical_gamma, critical_gamma_sgd = _pair("gamma", "gamma", _GAMMA, 2.45)
critical_chi_squared, critical_chi_squared_sgd = _pair("chi_squared", "chi_squared", _CHI, 1.69)
critical_laplace, critical_laplace_sgd = _pair("laplace_zero_mean", "laplace", _LAPLACE, 1.31, fixed=_CENTRED)
critical_product, critical_product_sgd = _pair("product_normal", "product_normal", _PRODUCT, 2.72)
critical_cauchy, critical_cauchy_sgd = _pair("cauchy", "cauchy", _CAUCHY, 1.04)
critical_arcsine, critical_arcsine_sgd = _pair("arcsine", "arcsine", _ARCSINE, 1.538, label="pole inside")
critical_arcsine_outer, critical_arcsine_outer_sgd = _pair(
    "arcsine", "arcsine", _ARCSINE_OUTER, 1.572, label="pole below"
)
critical_empirical, critical_empirical_sgd = _pair("empirical", "empirical", _DATA, 2.014)

_IMAGES = on_digits.similar_inputs(SIGNAL_TASK, 0.6, 0.9)
critical_digits = Check(
    law="stability.critical_learning_rate.empirical",
    rung="net",
    simulate=on_digits.regression_at_rates,
    statistic=Crossing((around(2.726),)),
    cases={"regression on similar digits": {"curvatures": _IMAGES}},
    settings={"rates": around(2.726), "steps": 24},
    margin=Margin(relative=0.015),
    plan=Plan(first=16384, looks=6),
)


def _counted(rung: str, label: str, curvatures: list[float], steps: int) -> Check:
    return Check(
        law="stability.concavity.empirical",
        rung=rung,
        simulate=zeros_passed,
        statistic=Probability(),
        cases={label: {"curvatures": curvatures}},
        settings={"steps": steps, "sgd": rung != "chain"},
        observable=count_indicators,
        margin=Margin(absolute=0.04),
        plan=Plan(first=1024, looks=5),
        chunk=1024,
    )


_WIDE = [0.12, 0.47, 2.93, 3.31]
zero_count, zero_count_sgd = (_counted(rung, "four samples", _WIDE, 160) for rung in ("chain", "sgd"))
_FOUR_IMAGES = [on_digits.squared_inputs(SIGNAL_TASK)[index] for index in (1, 20, 300, 1000)]
zero_count_digits = _counted("net", "regression on four digits", _FOUR_IMAGES, 200)
