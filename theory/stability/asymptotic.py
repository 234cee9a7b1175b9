"""Asymptotic series, summed only where their smallest term is below the error asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath


def asymptotic_sum(terms: Iterable[Any], digits: int) -> Any:
    """Sum of an asymptotic series if its smallest term is small enough for ``digits`` digits, else None.

    >>> series = (mpmath.factorial(n) * mpmath.mpf(-1) ** n / 100**n for n in range(200))
    >>> print(mpmath.nstr(asymptotic_sum(series, 12), 10))
    0.9901942287
    """
    total, previous = mpmath.mpf(0), None
    for term in terms:
        if previous is not None and abs(term) > abs(previous):
            return None
        total += term
        if abs(term) <= abs(total) * mpmath.mpf(10) ** (-digits - 3):
            return total
        previous = term
    return None
