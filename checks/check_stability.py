"""Checks of the stability family: saddles, exponents, critical learning rates, phases."""

from __future__ import annotations

from checks.check import Case, Check, Gate, Margin
from checks.stability.digits import SIGNAL_TASK, regression_growth, squared_inputs
from checks.stability.experiments import multiplier_growth, scalar_net_growth
from checks.stability.points import EQUAL_AT_BATCH_ONE, EXPONENTS, SPARED
from numerics.statistics import Mean, Plan

gate = Gate("stability")

GROWTH = Margin(relative=0.02, absolute=0.003)


def _exponent(name: str, rung: str, labels: tuple[str, ...] | None = None) -> Check:
    points = {k: v for k, v in EXPONENTS[name].items() if labels is None or k in labels}
    single = dict.fromkeys(EQUAL_AT_BATCH_ONE.get(name, ()), "equal at batch size 1")
    return Check(
        law=f"stability.exponent.{name}",
        rung=rung,
        simulate=multiplier_growth if rung == "chain" else scalar_net_growth,
        statistic=Mean(),
        cases={
            k: Case(v, spared=({} if v.get("batch_size", 1) > 1 else single) | SPARED.get((name, k), {}))
            for k, v in points.items()
        },
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

exponent_squared_normal = _exponent("squared_normal", "chain")
exponent_squared_normal_sgd = _exponent("squared_normal", "sgd")
exponent_negative_squared_normal = _exponent("negative_squared_normal", "chain")
exponent_negative_squared_normal_sgd = _exponent("negative_squared_normal", "sgd")
exponent_laplace = _exponent("laplace", "chain")
exponent_laplace_sgd = _exponent("laplace", "sgd")
exponent_product_normal = _exponent("product_normal", "chain")
exponent_product_normal_sgd = _exponent("product_normal", "sgd")
exponent_arcsine = _exponent("arcsine", "chain")
exponent_arcsine_sgd = _exponent("arcsine", "sgd")
exponent_semicircle = _exponent("semicircle", "chain")
exponent_semicircle_sgd = _exponent("semicircle", "sgd")

exponent_empirical_sgd = _exponent("empirical", "sgd", ("weighted", "batch=2"))

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
