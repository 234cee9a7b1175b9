"""What the laws of whole networks have in common: sources, the limit they hold in, parameters that fit together."""

from __future__ import annotations

from typing import Any

from theory.law import Regime
from theory.order_parameters import domains as dm
from theory.parameter import Constraint, Parameter
from theory.source import Source

VEIGA = Source(
    "veiga2022",
    "R. Veiga, L. Stephan, B. Loureiro, F. Krzakala, L. Zdeborova",
    "Phase diagram of stochastic gradient descent in high-dimensional two-layer neural networks",
    2022,
    "2202.00293",
)
SAAD_SOLLA = Source(
    "saadsolla1995",
    "D. Saad, S. A. Solla",
    "On-line learning in soft committee machines",
    1995,
    venue="Physical Review E 52, 4225",
)
GOLDT = Source(
    "goldt2019",
    "S. Goldt, M. Advani, A. Saxe, F. Krzakala, L. Zdeborova",
    "Dynamics of stochastic gradient descent for two-layer neural networks in the teacher-student setup",
    2019,
    "1906.08632",
)
LIMIT = Regime("d -> infinity", "O(1/d)")

NETWORK: tuple[Parameter, ...] = (
    dm.ACTIVATION,
    dm.TEACHER_ACTIVATION,
    dm.STUDENT_OVERLAP,
    dm.CROSS_OVERLAP,
    dm.TEACHER_OVERLAP,
    dm.STUDENT_LAYER,
    dm.TEACHER_LAYER,
    dm.LEARNING_RATE,
    dm.NOISE,
    dm.BATCH,
    dm.SECOND_RATE,
    dm.DECAY,
)


def fits(values: dict[str, Any]) -> bool:
    """Whether overlaps and second layers of a point belong together."""
    problem = dm.state_problem(
        values["student_overlap"],
        values["teacher_student_overlap"],
        values["teacher_overlap"],
        values.get("student_second_layer"),
        values.get("teacher_second_layer"),
    )
    return problem is None


FITS = Constraint(
    fits,
    "Q (p x p), M (p x k), P (k x k) and the second layers must fit together and [[Q, M], [M', P]] must be positive "
    "semidefinite",
)
