"""Laws of the stability family: window (being written by another contributor right now; exports WINDOW_LAWS)."""

from __future__ import annotations

from theory.law import Law

WINDOW_LAWS: tuple[Law, ...] = ()
