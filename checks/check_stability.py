"""Checks of the stability family: saddles, exponents, critical learning rates, phases."""

from __future__ import annotations

from checks.check import Check, Gate, Margin
from checks.stability.experiments import multiplier_growth, scalar_net_growth
from checks.stability.points import EXPONENTS
from numerics.statistics import Mean, Plan

gate = Gate("stability")

GROWTH = Margin(relative=0.02, absolute=0.003)


def _exponent(name: str, rung: str) -> Check:
    simulate = multiplier_growth if rung == "chain" else scalar_net_growth
    return Check(
        law=f"stability.exponent.{name}",
        rung=rung,
        simulate=simulate,
        statistic=Mean(),
        cases=EXPONENTS[name],
        settings={"curvature_law": name, "steps": 16 if rung == "chain" else 24},
        margin=GROWTH,
        plan=Plan(first=16384, looks=6),
    )


exponent_two_point = _exponent("two_point", "chain")
exponent_normal = _exponent("normal", "chain")
