"""Checks of the four phases of the scalar two-layer network, on chains, by real SGD and on the digits."""

from __future__ import annotations

from typing import Any

import torch

from checks.check import REFUTED, Case, Check, Margin
from checks.stability import digits as on_digits
from checks.stability.digits import PARITY_TASK, SIGNAL_TASK
from checks.stability.experiments import both_growths, scalar_net_both_growths
from checks.stability.zeros import around
from numerics.curvature import draw_curvature, mean_log_growth
from numerics.ensemble import Chunk
from numerics.statistics import Crossing, Mean, Plan, Probability

GROWTH = Margin(relative=0.02, absolute=0.003)

_Z = {"curvature_mean": 0.37, "curvature_std": 1.13}
_PHASE_POINTS = {
    "I": {"learning_rate": 0.31, "curvature_mean": 0.53, "curvature_std": 0.87},
    "III": {"learning_rate": 0.61, "curvature_mean": 0.17, "curvature_std": 1.53},
    "IV": {"learning_rate": 2.4, **_Z},
}
phase_normal = Check(
    law="stability.phase.scalar_net_normal",
    rung="chain",
    simulate=both_growths,
    statistic=Mean(),
    cases=_PHASE_POINTS,
    settings={"curvature_law": "normal"},
    margin=GROWTH,
)
phase_normal_sgd = Check(
    law="stability.phase.scalar_net_normal",
    rung="sgd",
    simulate=scalar_net_both_growths,
    statistic=Mean(),
    cases=_PHASE_POINTS,
    settings={"curvature_law": "normal"},
    margin=GROWTH,
)
phase_diagram = Check(
    law="stability.phase.scalar_net_normal",
    rung="sgd",
    simulate=scalar_net_both_growths,
    statistic=Mean(),
    cases={
        f"eta={rate:g},s={std:g}": {"learning_rate": rate, "curvature_mean": 0.37, "curvature_std": std}
        for rate in (0.23, 0.61, 1.07, 1.63, 2.31)
        for std in (0.53, 0.97, 1.43, 1.97)
    },
    settings={"curvature_law": "normal"},
    margin=GROWTH,
)
"""The four-phase diagram: where both exponents are confirmed and exceed their margin, so is the phase of the cell."""


def _difference(chunk: Chunk, **v: Any) -> torch.Tensor:
    growths = both_growths(chunk, curvature_law="normal", **v)
    return growths[:, 0] - growths[:, 1]


phase_normal_order = Check(
    law="stability.phase.normal_no_incorrect",
    rung="chain",
    simulate=_difference,
    statistic=Mean(),
    cases={"large steps": _PHASE_POINTS["IV"]},
    margin=GROWTH,
)


def _data_z(
    chunk: Chunk, shape: tuple[int, ...], teacher_slope: float, label_noise_std: float, input_std: float
) -> tuple[torch.Tensor, torch.Tensor]:
    x = input_std * chunk.normal(*shape)
    return x, teacher_slope * x + label_noise_std * chunk.normal(*shape)


def _data_growths(chunk: Chunk, *, learning_rate: float, loss_factor: int, **v: Any) -> torch.Tensor:
    x, y = _data_z(chunk, (16, chunk.replicas), **v)
    z = learning_rate * loss_factor * x * y
    return torch.stack([mean_log_growth(1 + z), mean_log_growth(1 - z)], 1)


def _data_sgd(chunk: Chunk, *, learning_rate: float, loss_factor: int, steps: int = 24, **v: Any) -> torch.Tensor:
    return on_digits.both_directions(
        chunk, lambda: _data_z(chunk, (1, chunk.replicas), **v), learning_rate, loss_factor, steps
    )


_TEACHER = {
    "learning_rate": 0.47,
    "teacher_slope": 0.43,
    "label_noise_std": 1.17,
    "input_std": 0.87,
    "loss_factor": 2,
}
phase_data = Check(
    law="stability.phase.scalar_net_normal_data",
    rung="chain",
    simulate=_data_growths,
    statistic=Mean(),
    cases={"noisy teacher": _TEACHER},
    margin=GROWTH,
)
phase_data_sgd = Check(
    law="stability.phase.scalar_net_normal_data",
    rung="sgd",
    simulate=_data_sgd,
    statistic=Mean(),
    cases={"noisy teacher": _TEACHER},
    margin=GROWTH,
)


def _two_point_growths(chunk: Chunk, *, learning_rate: float, anti_ratio: float, steps: int = 32) -> torch.Tensor:
    z = draw_curvature(
        chunk, "two_point", steps, chunk.replicas, probability=0.5, first_curvature=1.0, second_curvature=-anti_ratio
    )
    return torch.stack([mean_log_growth(1 + learning_rate * z), mean_log_growth(1 - learning_rate * z)], 1)


def _two_point_sgd(chunk: Chunk, *, learning_rate: float, anti_ratio: float) -> torch.Tensor:
    return scalar_net_both_growths(
        chunk,
        curvature_law="two_point",
        learning_rate=learning_rate,
        probability=0.5,
        first_curvature=1.0,
        second_curvature=-anti_ratio,
    )


_QUADRANTS = {
    "I": {"learning_rate": 0.33, "anti_ratio": 0.61},
    "II": {"learning_rate": 1.77, "anti_ratio": 0.63},
    "III": {"learning_rate": 1.17, "anti_ratio": 0.59},
    "IV": {"learning_rate": 2.91, "anti_ratio": 0.57},
}
phase_two_point = Check(
    law="stability.phase.two_point",
    rung="chain",
    simulate=_two_point_growths,
    statistic=Mean(),
    cases=_QUADRANTS,
    margin=GROWTH,
)
phase_two_point_sgd = Check(
    law="stability.phase.two_point",
    rung="sgd",
    simulate=_two_point_sgd,
    statistic=Mean(),
    cases=_QUADRANTS,
    margin=GROWTH,
)


def _boundary_growths(chunk: Chunk, *, anti_ratio: float, rates: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    """Growth along u = w at the first two groups of learning rates, along u = -w at the others."""
    columns = []
    for index, group in enumerate(rates):
        for rate in group:
            fork = Chunk(chunk.replicas, chunk.seed, chunk.device)
            growths = _two_point_growths(fork, learning_rate=rate, anti_ratio=anti_ratio, steps=16)
            columns.append(growths[:, 0 if index < 2 else 1])
    return torch.stack(columns, 1)


_EDGES = (around(0.754, 0.05), around(2.288, 0.05), around(1.534, 0.05))
phase_boundary = Check(
    law="stability.phase.two_point_boundary",
    rung="chain",
    simulate=_boundary_growths,
    statistic=Crossing(_EDGES),
    cases={"a=0.57": {"anti_ratio": 0.57}},
    settings={"rates": _EDGES},
    margin=Margin(relative=0.01),
    plan=Plan(first=16384, looks=7),
)


def _around_the_point(chunk: Chunk, *, centre: tuple[float, float]) -> torch.Tensor:
    """Growth along both directions at the four corners around a point (a, eta), by real SGD: (replicas, 8)."""
    ratio, rate = centre
    corners = [(ratio * (1 + i * 0.1), rate * (1 + j * 0.1)) for i in (-1, 1) for j in (-1, 1)]
    return torch.cat([_two_point_sgd(chunk, learning_rate=r, anti_ratio=a) for a, r in corners], 1)


def _corner_values(value: Any, **_: Any) -> list[float]:
    """Both exponents at the corners which the law's point predicts, to first order around it: zero at the point."""
    import theory

    law = theory.law("stability.phase.two_point")
    ratio, rate = value
    corners = [(ratio * (1 + i * 0.1), rate * (1 + j * 0.1)) for i in (-1, 1) for j in (-1, 1)]
    return [x for a, r in corners for x in law(learning_rate=r, anti_ratio=a)]


quadruple_point = Check(
    law="stability.phase.quadruple_point",
    rung="sgd",
    simulate=_around_the_point,
    statistic=Mean(),
    cases={"four corners": {}},
    settings={"centre": (0.381966, 1.618034)},
    observable=_corner_values,
    margin=Margin(relative=0.02, absolute=0.004),
    plan=Plan(first=16384, looks=6),
)
overshoot = Check(
    law="stability.phase.overshoot",
    rung="sgd",
    simulate=lambda chunk, **v: _two_point_sgd(chunk, **v)[:, 1],
    statistic=Mean(),
    cases={"eta below 1": {"learning_rate": 0.83, "anti_ratio": 0.57}},
    margin=GROWTH,
)

_SIGNAL = on_digits.curvatures(SIGNAL_TASK)
phase_digits = Check(
    law="stability.phase.empirical",
    rung="net",
    simulate=on_digits.network_growth,
    statistic=Mean(),
    cases={
        "I": Case(
            {"learning_rate": 0.05, "curvatures": _SIGNAL},
            spared={"normal z with the same two moments": "equal to second order in eta, and eta is 0.05"},
        ),
        "III": {"learning_rate": 0.7, "curvatures": _SIGNAL},
        "II": {"learning_rate": 1.5, "curvatures": _SIGNAL},
        "IV": {"learning_rate": 1.85, "curvatures": _SIGNAL},
        "parity label, no collapse": Case(
            {"learning_rate": 0.9, "curvatures": on_digits.curvatures(PARITY_TASK)}, settings={"task": PARITY_TASK}
        ),
    },
    settings={"task": SIGNAL_TASK, "steps": 40},
    margin=Margin(relative=0.03, absolute=0.0005),
    plan=Plan(first=16384, looks=6),
)
phase_digits_fitted_normal = Check(
    law="stability.phase.scalar_net_normal",
    rung="net",
    simulate=on_digits.network_growth,
    statistic=Mean(),
    cases={"II": {"learning_rate": 1.5, "curvature_mean": 0.0787, "curvature_std": 0.9969}},
    settings={"task": SIGNAL_TASK, "steps": 40},
    margin=Margin(relative=0.03, absolute=0.0005),
    expected=REFUTED,
    reason="normal z with the two moments of the digits predicts phase I where the network learns the wrong sign",
)
fate_digits = Check(
    law="stability.phase.empirical",
    rung="net",
    simulate=on_digits.network_fate,
    statistic=Probability(),
    cases={
        "I: leaves with the correct sign": Case(
            {"learning_rate": 0.05, "curvatures": _SIGNAL},
            settings={"steps": 5000, "start": 1e-3},
            spared={"the Hessian decides: -+ eta mean z": "right at small learning rates, where there is no collapse"},
        ),
        "III: collapses": {"learning_rate": 0.7, "curvatures": _SIGNAL},
    },
    settings={"task": SIGNAL_TASK, "steps": 3000},
    observable=lambda value, **_: on_digits.predicted_fate(value),
    margin=Margin(absolute=0.05),
    plan=Plan(first=1024, looks=3),
    chunk=1024,
    spared={"normal z with the same two moments": "decides alike in these phases"},
)
