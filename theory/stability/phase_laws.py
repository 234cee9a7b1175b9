"""Laws of the stability family: phase (being written by another contributor right now; exports PHASE_LAWS)."""

from __future__ import annotations

from theory.law import Law

PHASE_LAWS: tuple[Law, ...] = ()
