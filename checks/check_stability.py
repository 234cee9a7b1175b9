"""Checks of the stability family: saddles, exponents, critical learning rates, phases."""

from __future__ import annotations

from checks.check import Case, Check, Gate, Margin
from checks.stability.experiments import multiplier_growth, scalar_net_growth
from checks.stability.points import EQUAL_AT_BATCH_ONE, EXPONENTS
from numerics.statistics import Mean, Plan

gate = Gate("stability")

GROWTH = Margin(relative=0.02, absolute=0.003)


def _exponent(name: str, rung: str) -> Check:
    points = EXPONENTS[name]
    single = {m: "equal at batch size 1" for m in EQUAL_AT_BATCH_ONE.get(name, ())}
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
