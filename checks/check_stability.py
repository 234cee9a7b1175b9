"""Checks of the stability family: saddles, exponents, critical learning rates, phases."""

from __future__ import annotations

from checks.check import Case, Check, Gate, Margin
from checks.stability.digits import SIGNAL_TASK, regression_growth, squared_inputs
from checks.stability.experiments import multiplier_growth, scalar_net_growth
from checks.stability.points import EQUAL_AT_BATCH_ONE, EXPONENTS
from numerics.statistics import Mean, Plan

gate = Gate("stability")

GROWTH = Margin(relative=0.02, absolute=0.003)


def _exponent(name: str, rung: str) -> Check:
    points = EXPONENTS[name]
    single = dict.fromkeys(EQUAL_AT_BATCH_ONE.get(name, ()), "equal at batch size 1")
    return Check(
        law=f"stability.exponent.{name}",
        rung=rung,
        simulate=multiplier_growth if rung == "chain" else scalar_net_growth,
        statistic=Mean(),
        cases={k: Case(v, spared={} if v.get("batch_size", 1) > 1 else single) for k, v in points.items()},
        settings={"curvature_law": name, "steps": 16 if rung == "chain" else 24},
        margin=GROWTH,
        plan=Plan(first=16384, looks=6),
    )


exponent_two_point = _exponent("two_point", "chain")
exponent_normal = _exponent("normal", "chain")
exponent_uniform = _exponent("uniform", "chain")
exponent_exponential = _exponent("exponential", "chain")
exponent_gamma = _exponent("gamma", "chain")
exponent_chi_squared = _exponent("chi_squared", "chain")
exponent_cauchy = _exponent("cauchy", "chain")
exponent_empirical = _exponent("empirical", "chain")
exponent_two_point_sgd = _exponent("two_point", "sgd")
exponent_normal_sgd = _exponent("normal", "sgd")
exponent_uniform_sgd = _exponent("uniform", "sgd")
exponent_exponential_sgd = _exponent("exponential", "sgd")
exponent_gamma_sgd = _exponent("gamma", "sgd")
exponent_chi_squared_sgd = _exponent("chi_squared", "sgd")
exponent_cauchy_sgd = _exponent("cauchy", "sgd")

exponent_digits = Check(
    law="stability.exponent.empirical",
    rung="net",
    simulate=regression_growth,
    statistic=Mean(),
    cases={
        "linear regression": Case(
            {"learning_rate": 0.87, "curvatures": squared_inputs(SIGNAL_TASK)},
            spared={"with and without replacement swapped": "equal at batch size 1"},
        ),
        "linear regression, subsets of 2": Case(
            {
                "learning_rate": 1.43,
                "curvatures": squared_inputs(SIGNAL_TASK),
                "batch_size": 2,
                "replacement": "without",
            },
            spared={"with and without replacement swapped": "two of 1797 images: the difference is of order 1/1797"},
        ),
    },
    settings={"task": SIGNAL_TASK, "steps": 24},
    margin=GROWTH,
    plan=Plan(first=16384, looks=5),
)
