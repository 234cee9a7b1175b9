"""Guards of derivations: identities that SymPy must reduce to zero, and forms compared with quadrature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError
from theory.evaluation import converged, mp_function, to_mp


def require_zero(expression: Any, what: str) -> None:
    """Raise DerivationError unless the expression reduces to zero.

    >>> x = sp.Symbol("x")
    >>> require_zero((x + 1) ** 2 - x**2 - 2 * x - 1, "a square")
    """
    for reduce in (sp.expand, sp.cancel, sp.powsimp, sp.gammasimp, sp.simplify):
        expression = reduce(expression)
        if expression == 0:
            return
    raise DerivationError(f"a step of the derivation fails: {what} leaves {sp.sstr(expression)[:120]}.")


def require_quadrature(
    form: Any,
    symbols: Sequence[Any],
    points: Sequence[Sequence[float]],
    definition: Callable[..., Any],
    tolerance: float = 1e-10,
) -> None:
    """Raise DerivationError unless the form agrees with a quadrature of its definition at the points."""
    function = mp_function(sp.sympify(form), tuple(symbols))
    with mpmath.workdps(30):
        for point in points:
            got = converged(lambda point=point: function(*map(to_mp, point)), 20)
            want = definition(*map(to_mp, point))
            if not abs(got - want) <= tolerance * max(1, abs(want)):
                raise DerivationError(
                    f"the form {sp.sstr(form)[:80]} gives {mpmath.nstr(got, 12)} at {point}, "
                    f"its definition {mpmath.nstr(want, 12)}; the derivation is refused."
                )
