"""Checks of the small-step series of the exponent and of the learning rates beyond which saddles attract."""

from __future__ import annotations

from typing import Any

import mpmath

from checks.check import REFUTED, Check, Margin
from checks.stability.controlled import controlled_growth
from numerics.statistics import Crossing, Mean, Plan


def _series_error(prediction: float, *, learning_rate: float, **_: Any) -> float:
    """Fourth term of the series, eta^4 E h^4 / 4, for the uniform law of the check."""
    low, high = _SUPPORT
    return learning_rate**4 * (high**5 - low**5) / (5 * (high - low)) / 4


_SUPPORT = (-1.31, 0.87)


def _moment(n: int) -> float:
    low, high = _SUPPORT
    return (high ** (n + 1) - low ** (n + 1)) / ((n + 1) * (high - low))


def _first_rate(chunk: Any, *, learning_rate: float, **_: Any) -> Any:
    """Growth at one learning rate with the control variate, for the uniform law of the check."""
    growth = controlled_growth(
        chunk,
        curvature_law="uniform",
        rates=(learning_rate,),
        mean=_moment(1),
        lower_curvature=_SUPPORT[0],
        upper_curvature=_SUPPORT[1],
    )
    return growth[:, 0]


series = Check(
    law="stability.exponent.series",
    rung="chain",
    simulate=_first_rate,
    statistic=Mean(),
    cases={
        f"eta={rate:g}": {
            "learning_rate": rate,
            "curvature_mean": _moment(1),
            "second_moment": _moment(2),
            "third_moment": _moment(3),
        }
        for rate in (0.11, 0.23)
    },
    margin=Margin(relative=0.004, model=_series_error),
)


def _second_order(prediction: float, *, mean_curvature_deficit: float, second_moment: float, **_: Any) -> float:
    """Next terms of the threshold for normal curvature, where c3 = -delta (delta^2 + 3 s^2) and c4 is about 3."""
    d, q = mean_curvature_deficit, second_moment
    third = d * (d**2 + 3 * (q - d**2))
    return 8 * third * d**2 / (3 * q**3) + 4 * 3 * d**3 / q**2


def _normal_growth(chunk: Any, *, mean_curvature_deficit: float, rates: tuple[float, ...], **_: Any) -> Any:
    """Growth near a saddle of normal curvature with standard deviation one."""
    mean = -mean_curvature_deficit
    return controlled_growth(
        chunk, curvature_law="normal", rates=rates, mean=mean, curvature_mean=mean, curvature_std=1.0
    )


def _exact_edge(**_: float) -> float:
    """Lower edge of the attractive window for normal curvature, mean -0.2, standard deviation 1."""
    return 0.34915718


def _threshold(delta: float, rates: tuple[float, ...], **more: Any) -> Check:
    return Check(
        law="stability.escape_threshold.leading",
        rung="chain",
        simulate=_normal_growth,
        statistic=Crossing((rates,)),
        cases={f"delta={delta:g}": {"mean_curvature_deficit": delta, "second_moment": delta**2 + 1.0}},
        settings={"rates": rates},
        plan=Plan(first=65536, looks=6),
        chunk=32768,
        **more,
    )


threshold_leading = _threshold(
    0.029,
    (0.05, 0.058, 0.066),
    margin=Margin(relative=0.02, model=_second_order),
    spared={"variance in place of E h^2": "differs by delta^2/q = 0.0008 here"},
)
threshold_leading_far = _threshold(
    0.2,
    (0.3, 0.35, 0.4),
    margin=Margin(relative=0.02),
    expected=REFUTED,
    reason="delta/sqrt(q) = 0.2 is not small: the attractive window begins at 0.349/s, the formula says 0.385/s",
    rival=_exact_edge,
)
_ATOMS = {"probability": 0.6, "first_curvature": 0.75, "second_curvature": -1.35}


def _atom_moment(n: int) -> float:
    share = _ATOMS["probability"]
    return share * _ATOMS["first_curvature"] ** n + (1 - share) * _ATOMS["second_curvature"] ** n


def _fourth_order(prediction: float, *, mean_curvature_deficit: float, **_: Any) -> float:
    """Next term of the threshold, delta^4 [x^3] (x/f(x))^4 / 4 with f = sum_n c_(n+1) x^n/(n+1)."""
    c = [_atom_moment(n) / n for n in (2, 3, 4, 5)]
    coefficient = mpmath.taylor(lambda x: sum(c[n] * x**n for n in range(4)) ** -4, 0, 3)[3] / 4
    return float(abs(coefficient)) * mean_curvature_deficit**4


def _two_point_growth(chunk: Any, *, rates: tuple[float, ...], **_: Any) -> Any:
    return controlled_growth(chunk, curvature_law="two_point", rates=rates, mean=_atom_moment(1), steps=64, **_ATOMS)


_THIRD_RATES = (0.165, 0.18, 0.195)
threshold_third_order = Check(
    law="stability.escape_threshold.third_order",
    rung="chain",
    simulate=_two_point_growth,
    statistic=Crossing((_THIRD_RATES,)),
    cases={
        "two-point": {
            "mean_curvature_deficit": -_atom_moment(1),
            "second_moment": _atom_moment(2),
            "third_moment": _atom_moment(3),
            "fourth_moment": _atom_moment(4),
        }
    },
    settings={"rates": _THIRD_RATES},
    margin=Margin(relative=0.0007, model=_fourth_order),
    plan=Plan(first=65536, looks=6),
    chunk=32768,
)
