"""The four phases of the scalar two-layer network: signs of the exponents along u = w and along u = -w."""

from __future__ import annotations

from theory.law import Law
from theory.stability.phase_data import DATA_NET, EMPIRICAL_NET
from theory.stability.phase_signs import NO_INCORRECT, NORMAL_NET, SCALAR_NET
from theory.stability.phase_two_point import BOUNDARY, OVERSHOOT, QUADRUPLE, TWO_POINT_NET

PHASE_LAWS: tuple[Law, ...] = (
    SCALAR_NET, NORMAL_NET, NO_INCORRECT, DATA_NET, TWO_POINT_NET, BOUNDARY, QUADRUPLE, OVERSHOOT, EMPIRICAL_NET,
)  # fmt: skip
