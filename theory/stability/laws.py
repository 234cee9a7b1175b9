"""All laws of the stability family."""

from __future__ import annotations

from theory.law import Law
from theory.stability.adam_laws import ADAM_LAWS
from theory.stability.critical_laws import CRITICAL_LAWS
from theory.stability.decay_laws import DECAY_LAWS
from theory.stability.exponents_circle import CIRCLE_LAWS
from theory.stability.exponents_composed import COMPOSED_LAWS
from theory.stability.exponents_elementary import ELEMENTARY
from theory.stability.exponents_empirical import EMPIRICAL_LAWS
from theory.stability.exponents_gamma import GAMMA_LAWS
from theory.stability.exponents_square import SQUARE_LAWS
from theory.stability.exponents_symmetric import SYMMETRIC_LAWS
from theory.stability.fluctuation_laws import FLUCTUATION_LAWS
from theory.stability.general_laws import GENERAL_LAWS
from theory.stability.matrix_laws import MATRIX_LAWS
from theory.stability.mean_square_laws import MEAN_SQUARE_LAWS
from theory.stability.phase_laws import PHASE_LAWS
from theory.stability.saddle_laws import SADDLE_LAWS
from theory.stability.window_laws import WINDOW_LAWS

LAWS: tuple[Law, ...] = (
    *ELEMENTARY,
    *GAMMA_LAWS,
    *SQUARE_LAWS,
    *SYMMETRIC_LAWS,
    *CIRCLE_LAWS,
    *EMPIRICAL_LAWS,
    *COMPOSED_LAWS,
    *GENERAL_LAWS,
    *MEAN_SQUARE_LAWS,
    *SADDLE_LAWS,
    *CRITICAL_LAWS,
    *WINDOW_LAWS,
    *PHASE_LAWS,
    *FLUCTUATION_LAWS,
    *DECAY_LAWS,
    *ADAM_LAWS,
    *MATRIX_LAWS,
)
