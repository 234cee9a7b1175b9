"""Laws of fluctuations: moments, tails, finite times, escape times, reshuffled epochs."""

from __future__ import annotations

from theory.law import Law
from theory.stability.fluctuation_dropout import DROPOUT
from theory.stability.fluctuation_epoch import EPOCH_LAWS
from theory.stability.fluctuation_escape import ESCAPE_LAWS
from theory.stability.fluctuation_moments import MOMENT_LAWS
from theory.stability.fluctuation_roots import ROOT_LAWS
from theory.stability.fluctuation_times import TIME_LAWS
from theory.stability.fluctuation_variance import LOG_VARIANCE

FLUCTUATION_LAWS: tuple[Law, ...] = (
    LOG_VARIANCE,
    *MOMENT_LAWS,
    *ROOT_LAWS,
    *TIME_LAWS,
    *ESCAPE_LAWS,
    *EPOCH_LAWS,
    DROPOUT,
)
