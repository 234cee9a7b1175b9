"""Windows of learning rates in which a saddle attracts, and the largest batch that still has one."""

from __future__ import annotations

from theory.law import Law
from theory.stability.window_closed import ARCSINE_WINDOW, CAUCHY_NEVER, TWO_POINT_WINDOW
from theory.stability.window_normal import LINEAR_SCALING, MAXIMUM_BATCH, NORMAL_WINDOW

WINDOW_LAWS: tuple[Law, ...] = (
    NORMAL_WINDOW, TWO_POINT_WINDOW, ARCSINE_WINDOW, CAUCHY_NEVER, MAXIMUM_BATCH, LINEAR_SCALING,
)  # fmt: skip
