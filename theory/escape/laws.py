"""All laws of the escape family, in the order of the theory sheet."""

from __future__ import annotations

from theory.escape.moment_laws import MOMENT_LAWS
from theory.escape.noise_laws import NOISE_LAWS
from theory.escape.stationary_laws import STATIONARY_LAWS
from theory.law import Law

LAWS: tuple[Law, ...] = NOISE_LAWS + STATIONARY_LAWS + MOMENT_LAWS
