"""A bound on the effort of a symbolic search that may never end, counted in function calls and not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


class _EffortSpent(Exception):
    """More calls than allowed."""


def within_effort(search: Callable[[], Any], calls: int) -> Any:
    """Return ``search()``, or None once it has made more than ``calls`` Python calls.

    SymPy's rule-based integrator runs for ever on some integrands. A count of calls, unlike a clock, gives the same
    answer on a fast and on a slow machine, and needs no signal and no other process.

    >>> within_effort(lambda: sum(map(abs, [-1, 2])), 100)
    3
    >>> within_effort(lambda: [sorted([k], key=lambda q: q) for k in range(1000)], 100) is None
    True
    """
    spent = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal spent
        if event == "call":
            spent += 1
            if spent > calls:
                raise _EffortSpent

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        return search()
    except _EffortSpent:
        return None
    finally:
        sys.setprofile(before)
