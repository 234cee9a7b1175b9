"""Checks of the order-parameter family where learning waits: plateaus, mediocrity, information exponents."""

from __future__ import annotations

from checks.check import Check, Margin
from checks.order_parameters import flow

plateau_overlaps = Check(
    law="order_parameters.plateau.overlaps",
    rung="flow",
    measure=flow.plateau_overlaps,
    cases={"K=2": {"width": 2, "teacher_norm": 1.3}, "K=3": {"width": 3, "teacher_norm": 0.7}},
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

retrieval = Check(
    law="order_parameters.mediocrity.escape_rate",
    rung="flow",
    measure=flow.retrieval_rate,
    cases={"T=1.2": {"learning_rate": 0.03, "noise_variance": 0.3, "teacher_norm": 1.2}},
    margin=Margin(relative=0.01),
)
