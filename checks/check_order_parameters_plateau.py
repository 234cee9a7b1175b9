"""Checks of the order-parameter family where learning waits: plateaus, mediocrity, information exponents."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from checks.check import Check, Margin
from checks.order_parameters import escapes, flow, rates
from numerics.statistics import Crossing, Plan, Slope

plateau_overlaps = Check(
    law="order_parameters.plateau.overlaps",
    rung="flow",
    measure=flow.plateau_overlaps,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3}, "K=3": {"width": 3, "teacher_norm": 0.7}},
    margin=Margin(absolute=1e-5),
)

plateau_rectangular = Check(
    law="order_parameters.plateau.rectangular",
    rung="flow",
    measure=flow.rectangular_overlaps,
    cases={
        "p=3, k=2": {"students": 3, "teachers": 2, "teacher_norm": 1.3},
        "p=2, k=3": {"students": 2, "teachers": 3, "teacher_norm": 0.8},
    },
    margin=Margin(absolute=1e-5),
)

plateau_error = Check(
    law="order_parameters.plateau.error",
    rung="flow",
    measure=flow.plateau_error,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3}},
    margin=Margin(absolute=1e-5),
)

plateau_escape = Check(
    law="order_parameters.plateau.escape_rate",
    rung="flow",
    measure=flow.plateau_escape,
    cases={
        "K=2": {"width": 2, "teacher_norm": 1.3, "learning_rate": 1e-3},
        "K=3": {"width": 3, "teacher_norm": 0.7, "learning_rate": 1e-3},
    },
    margin=Margin(relative=0.01),
)

plateau_length = Check(
    law="order_parameters.plateau.escape_time",
    rung="flow",
    measure=rates.plateau_time,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3, "learning_rate": 1e-3, "initial_asymmetry": 1e-4}},
    margin=Margin(relative=0.01),
)


def _finite_rate(prediction: float, *, learning_rate: float, **_: Any) -> float:
    """The escape at a finite rate: its relative shift on the derived ODE is .079 eta at K = 2, T = 1.3."""
    return 0.1 * learning_rate * prediction


_TIMES = (5.0, 10.0, 15.0, 20.0)
_SIMULATED: dict[str, Any] = {"width": 2, "teacher_norm": 1.3, "learning_rate": 0.5, "dimension": 40}
plateau_escape_chain = Check(
    law="order_parameters.plateau.escape_rate",
    rung="chain",
    simulate=escapes.plateau_response,
    statistic=Slope(_TIMES, log=True),
    cases={"K=2": _SIMULATED},
    settings={"times": _TIMES, "tilt": 0.02},
    margin=Margin(relative=0.03, model=_finite_rate),
    plan=Plan(first=1024, looks=4),
    chunk=1024,
)

_GROWTH = 1.5
# times from a first observation to the passage
_LATER = (8.0, 10.0, 12.0)
plateau_length_chain = Check(
    law="order_parameters.plateau.escape_time",
    rung="chain",
    simulate=partial(escapes.passages, response=escapes.plateau_response),
    statistic=Crossing((_LATER,)),
    cases={"K=2": {**_SIMULATED, "initial_asymmetry": 1e-4}},
    settings={"initial": "initial_asymmetry", "growth": _GROWTH, "tilt": 0.02,
              "times": (2.0, *(2.0 + t for t in _LATER))},
    observable=lambda value, *, initial_asymmetry, **_: value * math.log(_GROWTH) / -math.log(initial_asymmetry),
    margin=Margin(relative=0.04, model=_finite_rate),
    plan=Plan(first=1024, looks=4),
    chunk=1024,
)  # fmt: skip

_RETRIEVAL: dict[str, Any] = {"learning_rate": 0.03, "noise_variance": 0.3, "teacher_norm": 1.2}
retrieval_norm = Check(
    law="order_parameters.mediocrity.overlap",
    rung="flow",
    measure=flow.retrieval_norm,
    cases={"T=1.2": _RETRIEVAL},
    margin=Margin(absolute=1e-4),
)

retrieval = Check(
    law="order_parameters.mediocrity.escape_rate",
    rung="flow",
    measure=flow.retrieval_rate,
    cases={"T=1.2": _RETRIEVAL},
    margin=Margin(relative=0.01),
)

retrieval_length = Check(
    law="order_parameters.mediocrity.escape_time",
    rung="flow",
    measure=rates.retrieval_time,
    cases={"T=1.2": {**_RETRIEVAL, "initial_overlap": 1e-3, "target_overlap": 0.05}},
    margin=Margin(relative=0.01),
)

_TRIAL_NORMS = (0.36, 0.44, 0.52)
retrieval_norm_chain = Check(
    law="order_parameters.mediocrity.overlap",
    rung="chain",
    simulate=escapes.norm_change,
    statistic=Crossing((_TRIAL_NORMS,)),
    cases={"T=1.2": {**_RETRIEVAL, "dimension": 1000}},
    settings={"trials": _TRIAL_NORMS, "time": 0.5},
    margin=Margin(relative=0.03),
    plan=Plan(first=2048, looks=4),
    chunk=2048,
)

# the same for phase retrieval
_RETRIEVED = (4.0, 5.0, 6.0)
_EARLY = (2.0, 4.0, 6.0, 8.0)
retrieval_chain = Check(
    law="order_parameters.mediocrity.escape_rate",
    rung="chain",
    simulate=escapes.retrieval_response,
    statistic=Slope(_EARLY, log=True),
    cases={"T=1.2": {**_RETRIEVAL, "dimension": 300}},
    settings={"times": _EARLY, "start": 0.01, "norm": 0.444},
    margin=Margin(relative=0.04),
    plan=Plan(first=1024, looks=4),
    chunk=1024,
)

retrieval_length_chain = Check(
    law="order_parameters.mediocrity.escape_time",
    rung="chain",
    simulate=partial(escapes.passages, response=escapes.retrieval_response),
    statistic=Crossing((_RETRIEVED,)),
    cases={"T=1.2": {**_RETRIEVAL, "initial_overlap": 1e-3, "target_overlap": 0.05, "dimension": 300}},
    settings={"initial": "initial_overlap", "growth": 2.0, "start": 0.01,
              "norm": 0.444, "times": (1.0, *(1.0 + t for t in _RETRIEVED))},
    observable=lambda value, *, initial_overlap, target_overlap, **_: (
        value * math.log(2.0) / math.log(target_overlap / initial_overlap)
    ),
    margin=Margin(relative=0.04),
    plan=Plan(first=1024, looks=4),
    chunk=1024,
)  # fmt: skip

information = Check(
    law="order_parameters.information_exponent.escape_time",
    rung="flow",
    measure=rates.spherical_passage,
    cases={
        "l=2": {"activation": "hermite2", "learning_rate": 0.5, "initial_overlap": 0.002, "target_overlap": 0.04},
        "l=3": {"activation": "x**3 - 3*x", "learning_rate": 0.4, "initial_overlap": 0.004, "target_overlap": 0.04},
    },
    margin=Margin(relative=0.005, model=lambda prediction, *, target_overlap, **_: 0.5 * target_overlap * prediction),
)

idle = Check(
    law="order_parameters.overparametrised.relaxation",
    rung="flow",
    measure=flow.idle_pair,
    cases={
        "k=1": {"width": 1, "idle_overlap": 0.8, "learning_rate": 0.05, "noise_variance": 0.2, "time": 2000.0},
    },
    margin=Margin(
        relative=0.005,
        model=lambda prediction, *, learning_rate, noise_variance, **_: [
            0.2 * (learning_rate + noise_variance) * x for x in prediction
        ],
    ),
)
