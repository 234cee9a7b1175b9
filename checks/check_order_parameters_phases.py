"""Checks of the phase diagram in the exponents (kappa, delta), with dimensions up to 1e8."""

from __future__ import annotations

import math
from typing import Any

from checks.check import Case, Check, Margin
from checks.order_parameters import phases
from numerics.statistics import Mean, Plan, Slope

_LOG_D = tuple(math.log(10.0) * n for n in (4, 6, 8))
_PHASES = {
    "perfect": {"kappa": 0.2, "delta": 0.15},
    "plateau": {"kappa": 0.15, "delta": -0.15},
    "bad": {"kappa": 0.1, "delta": -0.35},
    "none": {"kappa": 0.05, "delta": -0.7},
}

phase_learning = Check(
    law="order_parameters.phase.learning_term_exponent",
    rung="chain",
    simulate=phases.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES | {"plateau": Case(_PHASES["plateau"], spared={"sign of sigma": "sigma is zero: no sign"})},
    settings={"which": "learning", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)

phase_noise = Check(
    law="order_parameters.phase.noise_term_exponent",
    rung="chain",
    simulate=phases.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES,
    settings={"which": "noise", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)

_NONE_BY_DELTA = "both tests name the same phase here"
phase_regime = Check(
    law="order_parameters.phase.regime",
    rung="chain",
    measure=phases.simulated_phase,
    cases={
        "perfect": Case(
            {"kappa": 0.5, "delta": -0.2}, spared={"ODE if -delta < (kappa + 1)/2": "it tells bad from none only"}
        ),
        "plateau": Case(
            {"kappa": 0.3, "delta": -0.3}, spared={"ODE if -delta < (kappa + 1)/2": "it tells bad from none only"}
        ),
        "bad": {"kappa": 0.6, "delta": -0.95},
        "none": Case(
            {"kappa": 0.1, "delta": -0.75},
            spared={"ODE if -delta < (kappa + 1)/2": _NONE_BY_DELTA, "boundary at delta alone": _NONE_BY_DELTA},
        ),
    },
    observable=phases.phase_code,
    margin=Margin(absolute=0.1),
)

_FEW, _FAR = (40.0, 160.0, 640.0), (1e4, 1e6, 1e8)


def _logs(dimensions: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(math.log(d) for d in dimensions)


def _squared(value: float | None, **_: Any) -> float:
    return math.nan if value is None else -2 * value


def _distance(law: str, dimensions: tuple[float, ...], cases: dict[str, Any], **settings: Any) -> Check:
    return Check(
        law=law,
        rung="chain",
        simulate=phases.distances,
        statistic=Slope(abscissae=_logs(dimensions), log=True),
        cases=cases,
        settings={"dimensions": dimensions, **settings},
        observable=_squared,
        margin=Margin(absolute=0.1),
        plan=Plan(first=2048, looks=3),
        chunk=2048,
    )


_CONVERGENCE = "order_parameters.phase.convergence_exponent"
_HALF = {"1/2 in every phase": "the exponent is 1/2 here"}
convergence_perfect = _distance(_CONVERGENCE, _FEW, {"perfect": _PHASES["perfect"]}, time=0.25, exponent=-1.35)
convergence_plateau = _distance(
    _CONVERGENCE, _FEW, {"plateau": Case(_PHASES["plateau"], spared=_HALF)}, time=0.5, exponent=-1.0
)
convergence_bad = _distance(_CONVERGENCE, _FAR, {"bad": {"kappa": 0.1, "delta": -0.4}}, time=2.0, exponent=-0.4)

_LIMIT = "order_parameters.phase.limit_exponent"
# the dropped term has to outgrow the fluctuations, whose exponent is larger: much label noise, a long time
limit_perfect = _distance(
    _LIMIT, _FEW, {"perfect": _PHASES["perfect"]}, time=0.5, exponent=-1.35, keep="learning", noise_variance=8.0
)
limit_plateau = _distance(
    _LIMIT,
    _FEW,
    {"plateau": Case(_PHASES["plateau"], spared={"c alone": "nothing is dropped on the plateau"})},
    time=0.5,
    exponent=-1.0,
)
limit_bad = _distance(
    _LIMIT,
    _FAR,
    {
        "bad": Case(
            {"kappa": 0.1, "delta": -0.4}, spared={"c alone": "the fluctuations are larger than the dropped term"}
        )
    },
    time=2.0,
    exponent=-0.4,
    keep="noise",
)


def _passage(label: str, dimensions: tuple[float, ...], point: Any) -> Check:
    return Check(
        law="order_parameters.phase.time_step_exponent",
        rung="chain",
        simulate=phases.passages,
        statistic=Slope(abscissae=_logs(dimensions), log=True),
        cases={label: point},
        settings={"dimensions": dimensions, "far": 0.15},
        observable=lambda value, **_: -value,
        margin=Margin(absolute=0.06),
        plan=Plan(first=1024, looks=3),
        chunk=1024,
    )


collapse_perfect = _passage("perfect", _FEW, _PHASES["perfect"])
collapse_plateau = _passage(
    "plateau",
    (80.0, 320.0, 1280.0),
    Case({"kappa": 0.25, "delta": -0.25}, spared={"the smaller term": "both terms are the same size"}),
)
collapse_bad = _passage("bad", _FAR, {"kappa": 0.15, "delta": -0.45})

frozen = Check(
    law="order_parameters.bad_learning.frozen_overlap",
    rung="chain",
    simulate=phases.frozen_step,
    statistic=Mean(),
    cases={
        "d=1e8": {
            "student_overlap": 1.2,
            "teacher_student_overlap": 0.3,
            "teacher_overlap": 1.4,
            "noise_variance": 0.4,
            "scaled_learning_rate": 1.5,
            "scaled_width": 2.0,
            "kappa": 0.1,
            "delta": -0.5,
            "dimension": 1e8,
        }
    },
    margin=Margin(
        absolute=0.005,
        model=lambda prediction, *, kappa, delta, dimension, **_: 3 * dimension ** (kappa + delta),
    ),
    plan=Plan(first=65536, looks=5),
    chunk=65536,
)

bad_learning_growth = Check(
    law="order_parameters.bad_learning.growth",
    rung="flow",
    measure=phases.noise_phase_norm,
    cases={"late": {"time": 1e5, "teacher_overlap": 1.3, "noise_variance": 0.4}},
    margin=Margin(relative=0.005),
)

bad_learning_error = Check(
    law="order_parameters.bad_learning.error_limit",
    rung="flow",
    measure=phases.noise_phase_error,
    cases={"late": {"teacher_overlap": 1.3}},
    settings={"time": 1e9, "noise_variance": 0.4},
    margin=Margin(absolute=2e-3),
)
