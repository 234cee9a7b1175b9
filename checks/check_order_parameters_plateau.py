"""Checks of the order-parameter family where learning waits: plateaus, mediocrity, information exponents."""

from __future__ import annotations

from typing import Any

from checks.check import Check, Margin
from checks.order_parameters import flow, rates

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
