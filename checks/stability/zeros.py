"""Zeros of the growth rate in the learning rate: checks that measure it on common data at rates around every zero."""

from __future__ import annotations

from typing import Any

import torch

from checks.check import Check, Margin
from checks.stability.experiments import growth_at_rates, scalar_net_growth_at_rates
from numerics.ensemble import Chunk
from numerics.statistics import Crossing, Plan


def around(centre: float, width: float = 0.08) -> tuple[float, float, float]:
    """Three learning rates: below, at and above a centre."""
    return (round(centre * (1 - width), 4), round(centre, 4), round(centre * (1 + width), 4))


def growth_in_groups(chunk: Chunk, *, groups: tuple[tuple[float, ...], ...], sgd: bool, **v: Any) -> torch.Tensor:
    """Growth rates at the learning rates of all groups, on the same draws: (replicas, rates)."""
    simulate = scalar_net_growth_at_rates if sgd else growth_at_rates
    return simulate(chunk, rates=tuple(x for group in groups for x in group), **v)


def zeros(
    law: str, curvature_law: str, values: dict[str, Any], groups: tuple[tuple[float, ...], ...], rung: str, **more: Any
) -> Check:
    """Return a check of zeros of the growth rate, one per group of learning rates, on a chain or by real SGD.

    ``fixed`` holds parameters of the curvature which the law does not take.
    """
    fixed = more.pop("fixed", {})
    return Check(
        law=f"stability.{law}",
        rung=rung,
        simulate=more.pop("simulate", growth_in_groups),
        statistic=Crossing(groups),
        cases={more.pop("label", "generic"): values},
        settings={"curvature_law": curvature_law, "groups": groups, "sgd": rung == "sgd", **fixed},
        margin=more.pop("margin", Margin(relative=0.015)),
        plan=Plan(first=16384, looks=7),
        **more,
    )
