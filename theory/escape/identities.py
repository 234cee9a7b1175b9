"""Guards inside derivations: an identity that a step relies on is verified, not believed."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.errors import DerivationError


def require_zero(expression: Any, claim: str) -> None:
    """Raise DerivationError unless the rational expression vanishes identically.

    >>> x = sp.Symbol("x")
    >>> require_zero((x + 1) ** 2 - x**2 - 2 * x - 1, "square")
    """
    rest = sp.cancel(sp.together(sp.expand(expression)))
    if rest != 0:
        raise DerivationError(f"{claim}: the difference {sp.sstr(rest)[:80]} does not vanish.")
