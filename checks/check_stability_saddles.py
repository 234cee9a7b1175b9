"""Checks of the saddle types, the criterion, the thresholds and the mean-square boundaries of the stability family."""

from __future__ import annotations

import math
from typing import Any

import mpmath

from checks.check import REFUTED, Case, Check, Margin
from checks.stability import saddles
from checks.stability.digits import SIGNAL_TASK, squared_inputs
from numerics.statistics import Crossing, Mean, Plan, Probability

_ROUNDING = Margin(absolute=1e-9)
_ALIKE = "decides alike at this point"

scalar_net_origin = Check(
    law="stability.type_two.scalar_net",
    rung="net",
    measure=saddles.scalar_net_on_digits,
    cases={"digits": {}},
    margin=_ROUNDING,
)
local_linear_origin = Check(
    law="stability.type_two.local_linear_net",
    rung="net",
    measure=saddles.origin_of_tanh_net,
    cases={"tanh on digits": {"width": 3, "dimension": 64}},
    margin=_ROUNDING,
)
identical_units = Check(
    law="stability.type_two.identical_neurons",
    rung="net",
    measure=saddles.tied_units_on_digits,
    cases={"digits": {}},
    margin=_ROUNDING,
)
biased_net = Check(
    law="stability.type_two.biased_net",
    rung="sgd",
    simulate=saddles.biased_net_noise,
    statistic=Mean(),
    cases={"generic": {"noise_std": 0.83}},
    margin=Margin(relative=0.03, absolute=1e-9),
)
linear_noise = Check(
    law="stability.type_one.linear_noise",
    rung="sgd",
    simulate=saddles.linear_noise,
    statistic=Mean(),
    cases={"generic": {"noise_std": 1.37}},
    margin=Margin(relative=0.03),
)

_POINTS: tuple[tuple[float, float, float, tuple[str, ...]], ...] = (
    (0.74, -0.17, 1.12, ()),
    (1.13, -0.11, 0.93, ()),
    (0.57, -0.06, 1.37, ()),
    (0.93, 0.21, 0.87, ("sign", "L1")),
    (1.83, 0.23, 0.71, ("sign",)),
    (0.67, 0.42, 1.23, ("sign", "L1")),
    (2.31, 0.37, 1.13, ("L2", "L1")),
    (1.97, -0.21, 1.31, ("sign", "L2", "L1")),
    (0.37, -0.53, 0.61, ("sign", "L2", "L1")),
    (2.60, 0.13, 0.92, ("L2", "L1")),
    (3.10, 0.45, 0.83, ("L2", "L1")),
    (0.83, -0.61, 0.73, ("sign", "L2", "L1")),
    (1.41, 0.31, 1.61, ("L2", "L1")),
)
_NAMES = {"sign": "sign of the mean curvature", "L2": "mean-square criterion", "L1": "E|1 - eta h| < 1"}


def _criterion_cases(points: tuple[tuple[float, float, float, tuple[str, ...]], ...]) -> dict[str, Case]:
    return {
        f"eta={rate:g},m={mean:g}": Case(
            {"learning_rate": rate, "curvature_mean": mean, "curvature_std": std},
            spared={_NAMES[name]: _ALIKE for name in alike},
        )
        for rate, mean, std, alike in points
    }


criterion = Check(
    law="stability.probability.rank_one",
    rung="chain",
    simulate=saddles.chain_collapsed,
    statistic=Probability(),
    cases=_criterion_cases(_POINTS),
    settings={"steps": 3000},
    margin=Margin(absolute=0.02),
    plan=Plan(first=4096, looks=3),
    chunk=2048,
)
criterion_sgd = Check(
    law="stability.probability.rank_one",
    rung="sgd",
    simulate=saddles.sgd_collapsed,
    statistic=Probability(),
    cases=_criterion_cases((_POINTS[2], _POINTS[3], _POINTS[6], _POINTS[7])),
    settings={"steps": 500},
    margin=Margin(absolute=0.02),
    plan=Plan(first=2048, looks=4),
    chunk=2048,
)


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
    growth = saddles.controlled_growth(
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
    return saddles.controlled_growth(
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
    return saddles.controlled_growth(
        chunk, curvature_law="two_point", rates=rates, mean=_atom_moment(1), steps=64, **_ATOMS
    )


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

moments_grow = Check(
    law="stability.moments.insufficient",
    rung="chain",
    simulate=saddles.multiplier_moment,
    statistic=Mean(),
    cases={"attractive saddle": {"learning_rate": 0.74, "curvature_mean": -0.37}},
    settings={"curvature_std": 1.12},
    observable=lambda value, **_: math.exp(value),
    margin=Margin(relative=0.01),
)
furstenberg = Check(
    law="stability.lyapunov.furstenberg",
    rung="chain",
    simulate=saddles.vector_growth,
    statistic=Mean(),
    cases={"generic": {"entry_std": 0.83}},
    margin=Margin(relative=0.02, absolute=0.003),
)

_L2_POINT = {"curvature_mean": 0.63, "curvature_std": 1.17, "batch_size": 3}
_L2_RATES = (1.35, 1.48, 1.61)
mean_square = Check(
    law="stability.l2_boundary.general",
    rung="chain",
    simulate=saddles.squared_multipliers,
    statistic=Crossing((_L2_RATES,)),
    cases={"batch=3": _L2_POINT},
    settings={"curvature_law": "normal", "rates": _L2_RATES},
    margin=Margin(relative=0.01),
)
mean_square_sgd = Check(
    law="stability.l2_boundary.general",
    rung="sgd",
    simulate=saddles.squared_steps_of_sgd,
    statistic=Crossing((_L2_RATES,)),
    cases={"batch=3": _L2_POINT},
    settings={"rates": _L2_RATES},
    margin=Margin(relative=0.01),
)
_DATA = {"curvatures": [0.37, 1.93, 0.82, 2.61, 0.14], "batch_size": 3, "replacement": "without"}
_DATA_RATES = (1.4, 1.52, 1.64)
mean_square_data = Check(
    law="stability.l2_boundary.empirical",
    rung="chain",
    simulate=saddles.squared_multipliers,
    statistic=Crossing((_DATA_RATES,)),
    cases={"subsets of 3 from 5": _DATA},
    settings={"curvature_law": "empirical", "rates": _DATA_RATES},
    margin=Margin(relative=0.003),
)
_DIGIT_RATES = (1.25, 1.4, 1.55)
mean_square_digits = Check(
    law="stability.l2_boundary.empirical",
    rung="net",
    simulate=saddles.digits_squared_steps,
    statistic=Crossing((_DIGIT_RATES,)),
    cases={
        "digits, subsets of 4": Case(
            {"curvatures": squared_inputs(SIGNAL_TASK), "batch_size": 4, "replacement": "without"},
            spared={
                "finite-population factor dropped": "4 of 1797 images: 1.7e-3 of the variance",
                "(N-B)/N": "differs by 1/1797 of the variance",
            },
        )
    },
    settings={"rates": _DIGIT_RATES},
    margin=Margin(relative=0.01),
)
