"""Checks of attractive windows of saddles: their edges, the law that has none, and how they move with the batch."""

from __future__ import annotations

from typing import Any

import torch

from checks.check import Check, Margin
from checks.stability.controlled import controlled_growth, controlled_sgd_growth
from checks.stability.experiments import multiplier_growth, scalar_net_growth
from checks.stability.zeros import around, growth_in_groups, zeros
from numerics.ensemble import Chunk
from numerics.statistics import Crossing, Mean, Plan

_WINDOW = {"curvature_mean": -0.17, "curvature_std": 1.13, "batch_size": 2}
_TWO_POINT = {"curvature_mean": -0.31, "curvature_std": 1.37}
_TWO_ATOMS = {"probability": 0.5, "first_curvature": -0.31 + 1.37, "second_curvature": -0.31 - 1.37}
_ARCSINE = {"lower_curvature": -1.87, "upper_curvature": 1.31}


def _atoms_only(chunk: Chunk, *, curvature_mean: float, curvature_std: float, **v: Any) -> torch.Tensor:
    return growth_in_groups(chunk, **v)


def _window(name: str, law: str, values: dict[str, Any], edges: tuple[float, float], rung: str, **more: Any) -> Check:
    groups = tuple(around(edge, 0.12) for edge in edges)
    margin = Margin(relative=0.02)
    return zeros(f"window.{name}", law, values, groups, rung, margin=margin, **more)


window_normal = _window("normal", "normal", _WINDOW, (0.46, 1.47), "chain")
window_normal_sgd = _window("normal", "normal", _WINDOW, (0.46, 1.47), "sgd")
window_arcsine = _window("arcsine", "arcsine", _ARCSINE, (0.443, 1.258), "chain")
window_arcsine_sgd = _window("arcsine", "arcsine", _ARCSINE, (0.443, 1.258), "sgd")


def _two_point_window(rung: str) -> Check:
    groups = tuple(around(edge, 0.1) for edge in (0.348, 1.248))
    return Check(
        law="stability.window.two_point",
        rung=rung,
        simulate=_atoms_only,
        statistic=Crossing(groups),
        cases={"generic": _TWO_POINT},
        settings={"curvature_law": "two_point", "groups": groups, "sgd": rung == "sgd", **_TWO_ATOMS},
        margin=Margin(relative=0.02),
        plan=Plan(first=16384, looks=7),
    )


window_two_point, window_two_point_sgd = _two_point_window("chain"), _two_point_window("sgd")


def _growth_at_unit_width(
    chunk: Chunk, *, curvature_location: float, curvature_scale: float, sgd: bool
) -> torch.Tensor:
    """Growth rate at eta = 1/g on a chain, or by real SGD of the scalar network along u = -w."""
    simulate = scalar_net_growth if sgd else multiplier_growth
    return simulate(
        chunk,
        curvature_law="cauchy",
        learning_rate=1 / curvature_scale,
        curvature_location=curvature_location,
        curvature_scale=curvature_scale,
    )


def _never(rung: str) -> Check:
    return Check(
        law="stability.window.cauchy_never",
        rung=rung,
        simulate=_growth_at_unit_width,
        statistic=Mean(),
        cases={"generic": {"curvature_location": -0.31, "curvature_scale": 0.83}},
        settings={"sgd": rung == "sgd"},
        margin=Margin(relative=0.02, absolute=0.003),
    )


cauchy_never, cauchy_never_sgd = _never("chain"), _never("sgd")


def _next_order(prediction: float, *, curvature_mean: float, curvature_std: float, batch_size: int) -> float:
    """Relative error B m^2/s^2 of the law, and the third-order term of the threshold, about 3 (eta s)^2/4 /B."""
    ratio = batch_size * curvature_mean**2 / curvature_std**2
    return prediction * (ratio + prediction**2 * curvature_std**2 / batch_size)


def _controlled(chunk: Chunk, *, curvature_mean: float, rates: tuple[float, ...], sgd: bool, **v: Any) -> torch.Tensor:
    simulate = controlled_sgd_growth if sgd else controlled_growth
    return simulate(chunk, curvature_law="normal", rates=rates, mean=curvature_mean, curvature_mean=curvature_mean, **v)


def _scaled(rung: str) -> Check:
    return Check(
        law="stability.batch.linear_scaling",
        rung=rung,
        simulate=_controlled,
        statistic=Crossing((around(0.093),)),
        cases={"batch=3": {"curvature_mean": -0.02, "curvature_std": 1.13, "batch_size": 3}},
        settings={"rates": around(0.093), "sgd": rung == "sgd"},
        margin=Margin(relative=0.01, model=_next_order),
        plan=Plan(first=65536, looks=6),
        chunk=32768,
    )


linear_scaling, linear_scaling_sgd = _scaled("chain"), _scaled("sgd")
