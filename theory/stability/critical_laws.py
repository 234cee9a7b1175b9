"""Laws of the stability family: critical (being written by another contributor right now; exports CRITICAL_LAWS)."""

from __future__ import annotations

from theory.law import Law

CRITICAL_LAWS: tuple[Law, ...] = ()
