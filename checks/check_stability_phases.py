"""Checks of critical learning rates, attractive windows and the four phases of the stability family."""

from __future__ import annotations

from typing import Any

import torch

from checks.check import REFUTED, Case, Check, Margin
from checks.stability import digits as on_digits
from checks.stability import saddles
from checks.stability.digits import PARITY_TASK, SIGNAL_TASK
from checks.stability.experiments import (
    both_growths,
    growth_at_rates,
    scalar_net_both_growths,
    scalar_net_growth_at_rates,
)
from numerics.curvature import draw_curvature, mean_log_growth
from numerics.ensemble import Chunk
from numerics.statistics import Crossing, Mean, Plan, Probability

GROWTH = Margin(relative=0.02, absolute=0.003)
_ZERO = Margin(relative=0.015)


def _around(centre: float, width: float = 0.08) -> tuple[float, float, float]:
    return (round(centre * (1 - width), 4), round(centre, 4), round(centre * (1 + width), 4))


def _grouped(chunk: Chunk, *, groups: tuple[tuple[float, ...], ...], sgd: bool, **v: Any) -> torch.Tensor:
    simulate = scalar_net_growth_at_rates if sgd else growth_at_rates
    return simulate(chunk, rates=tuple(x for group in groups for x in group), **v)


def _zeros(
    law: str, curvature_law: str, values: dict[str, Any], groups: tuple[tuple[float, ...], ...], rung: str, **more: Any
) -> Check:
    """Zeros of the growth rate, measured on common data at learning rates around them."""
    fixed = more.pop("fixed", {})
    return Check(
        law=f"stability.{law}",
        rung=rung,
        simulate=_grouped,
        statistic=Crossing(groups),
        cases={more.pop("label", "generic"): values},
        settings={"curvature_law": curvature_law, "groups": groups, "sgd": rung == "sgd", **fixed},
        margin=more.pop("margin", _ZERO),
        plan=Plan(first=16384, looks=7),
        **more,
    )


def _critical(name: str, curvature_law: str, values: dict[str, Any], centre: float, rung: str, **more: Any) -> Check:
    return _zeros(f"critical_learning_rate.{name}", curvature_law, values, (_around(centre),), rung, **more)


_NORMAL = {"curvature_std": 1.27, "batch_size": 3}
_EXPONENTIAL = {"curvature_scale": 0.83, "batch_size": 1}
_UNIFORM = {"lower_curvature": -0.37, "upper_curvature": 1.86}
_GAMMA = {"curvature_shape": 1.7, "curvature_scale": 0.61, "batch_size": 2}
_CHI = {"degrees_of_freedom": 1, "curvature_scale": 1.43}
_LAPLACE = {"curvature_scale": 0.87}
_PRODUCT = {"first_std": 1.13, "second_std": 0.74, "batch_size": 2}
_CAUCHY = {"curvature_location": 0.71, "curvature_scale": 0.93}
_DATA = {"curvatures": [0.63, 1.17, 2.31, 0.87]}
_CENTRED = {"curvature_mean": 0.0}


def _pair(name: str, curvature_law: str, values: dict[str, Any], centre: float, **more: Any) -> tuple[Check, Check]:
    return tuple(_critical(name, curvature_law, values, centre, rung, **dict(more)) for rung in ("chain", "sgd"))


critical_normal, critical_normal_sgd = _pair("normal_zero_mean", "normal", _NORMAL, 2.12, fixed=_CENTRED)
critical_exponential, critical_exponential_sgd = _pair("exponential", "exponential", _EXPONENTIAL, 3.23)
critical_uniform, critical_uniform_sgd = _pair("uniform", "uniform", _UNIFORM, 2.34)
critical_gamma, critical_gamma_sgd = _pair("gamma", "gamma", _GAMMA, 2.45)
critical_chi_squared, critical_chi_squared_sgd = _pair("chi_squared", "chi_squared", _CHI, 1.69)
critical_laplace, critical_laplace_sgd = _pair("laplace_zero_mean", "laplace", _LAPLACE, 1.31, fixed=_CENTRED)
critical_product, critical_product_sgd = _pair("product_normal", "product_normal", _PRODUCT, 2.72)
critical_cauchy, critical_cauchy_sgd = _pair("cauchy", "cauchy", _CAUCHY, 1.04)
critical_empirical = _critical("empirical", "empirical", _DATA, 2.014, "chain")

_IMAGES = on_digits.similar_inputs(SIGNAL_TASK, 0.6, 0.9)
critical_digits = Check(
    law="stability.critical_learning_rate.empirical",
    rung="net",
    simulate=on_digits.regression_at_rates,
    statistic=Crossing((_around(2.726),)),
    cases={"regression on similar digits": {"curvatures": _IMAGES}},
    settings={"rates": _around(2.726), "steps": 24},
    margin=_ZERO,
    plan=Plan(first=16384, looks=6),
)

_WINDOW = {"curvature_mean": -0.17, "curvature_std": 1.13, "batch_size": 2}
_TWO_POINT = {"curvature_mean": -0.31, "curvature_std": 1.37}
_TWO_ATOMS = {"probability": 0.5, "first_curvature": -0.31 + 1.37, "second_curvature": -0.31 - 1.37}
_ARCSINE = {"lower_curvature": -1.87, "upper_curvature": 1.31}


def _atoms_only(chunk: Chunk, *, curvature_mean: float, curvature_std: float, **v: Any) -> torch.Tensor:
    return _grouped(chunk, **v)


def _window(name: str, law: str, values: dict[str, Any], edges: tuple[float, float], rung: str, **more: Any) -> Check:
    groups = tuple(_around(edge, 0.12) for edge in edges)
    margin = Margin(relative=0.02)
    return _zeros(f"window.{name}", law, values, groups, rung, margin=margin, **more)


window_normal = _window("normal", "normal", _WINDOW, (0.46, 1.47), "chain")
window_normal_sgd = _window("normal", "normal", _WINDOW, (0.46, 1.47), "sgd")
window_arcsine = _window("arcsine", "arcsine", _ARCSINE, (0.443, 1.258), "chain")
window_arcsine_sgd = _window("arcsine", "arcsine", _ARCSINE, (0.443, 1.258), "sgd")


def _two_point_window(rung: str) -> Check:
    groups = tuple(_around(edge, 0.1) for edge in (0.348, 1.248))
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


def _growth_at_unit_width(chunk: Chunk, *, curvature_location: float, curvature_scale: float) -> torch.Tensor:
    return growth_at_rates(
        chunk,
        curvature_law="cauchy",
        rates=(1 / curvature_scale,),
        curvature_location=curvature_location,
        curvature_scale=curvature_scale,
    )


cauchy_never = Check(
    law="stability.window.cauchy_never",
    rung="chain",
    simulate=_growth_at_unit_width,
    statistic=Mean(),
    cases={"generic": {"curvature_location": -0.31, "curvature_scale": 0.83}},
    margin=GROWTH,
)


def _next_order(prediction: float, *, curvature_mean: float, curvature_std: float, batch_size: int) -> float:
    """Relative error B m^2/s^2 of the law, and the third-order term of the threshold, about 3 (eta s)^2/4 /B."""
    ratio = batch_size * curvature_mean**2 / curvature_std**2
    return prediction * (ratio + prediction**2 * curvature_std**2 / batch_size)


def _controlled(chunk: Chunk, *, curvature_mean: float, rates: tuple[float, ...], **v: Any) -> torch.Tensor:
    return saddles.controlled_growth(
        chunk, curvature_law="normal", rates=rates, mean=curvature_mean, curvature_mean=curvature_mean, **v
    )


linear_scaling = Check(
    law="stability.batch.linear_scaling",
    rung="chain",
    simulate=_controlled,
    statistic=Crossing((_around(0.093),)),
    cases={"batch=3": {"curvature_mean": -0.02, "curvature_std": 1.13, "batch_size": 3}},
    settings={"rates": _around(0.093)},
    margin=Margin(relative=0.01, model=_next_order),
    plan=Plan(first=65536, looks=6),
    chunk=32768,
)

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


_EDGES = (_around(0.754, 0.05), _around(2.288, 0.05), _around(1.534, 0.05))
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
            settings={"steps": 8000, "start": 1e-4},
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
