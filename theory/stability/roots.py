"""Zeros of exponents in the learning rate: found on the closed form, refined on whatever function is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath

from theory import evaluation
from theory.errors import DerivationError
from theory.law import Law

_POINTS_PER_DECADE = 30


def sign_changes(function: Callable[[float], float], low: float, high: float) -> list[tuple[float, float]]:
    """Return brackets [a, b] of a geometric grid between which the function changes sign, ascending."""
    count = max(int(_POINTS_PER_DECADE * math.log10(high / low)), 2)
    grid = [low * (high / low) ** (i / count) for i in range(count + 1)]
    values = [function(x) for x in grid]
    return [
        (grid[i], grid[i + 1])
        for i in range(count)
        if math.isfinite(values[i]) and math.isfinite(values[i + 1]) and values[i] * values[i + 1] < 0
    ]


def refined(function: Callable[[Any], Any], bracket: tuple[Any, Any], digits: int) -> Any:
    """Return the zero in a bracket to ``digits`` digits (bisection-safe, superlinear)."""
    with mpmath.workdps(digits + 8):
        ends = tuple(map(mpmath.mpf, bracket))
        tolerance = mpmath.mpf(10) ** (-digits - 1) * min(ends)
        return mpmath.findroot(function, ends, solver="anderson", tol=tolerance, maxsteps=80, verify=False)


def exponent_roots(law: Law, values: dict[str, Any], scale: float, digits: int, *, reach: float = 8.0) -> list[Any]:
    """Return the zeros of an exponent in the learning rate, ascending, searched around ``1/scale``.

    Raises DerivationError if there is none.
    """
    low, high = 1 / (reach * scale), reach / scale
    brackets = sign_changes(lambda x: law.value({**values, "learning_rate": x}), low, high)
    if not brackets:
        raise DerivationError(
            f"the exponent of {law.id} has no zero for learning rates in [{low:.3g}, {high:.3g}]; "
            "this curvature law has no critical learning rate there."
        )
    return [refined(lambda x: at_precision(law, {**values, "learning_rate": x}, digits), b, digits) for b in brackets]


def at_precision(law: Law, values: dict[str, Any], digits: int) -> Any:
    """Evaluate a law with a fixed number of digits to spare: next to a zero no relative accuracy can be asked for."""
    full = law.complete(values, check=False)
    derivation = law.derivation(**law.structure_of(full))
    if law.evaluator is not None:
        return law.evaluator(derivation, full, digits)
    function = evaluation.mp_function(derivation.result, tuple(evaluation.argument_symbols(law.parameters)))
    with mpmath.workdps(digits + 20):
        return function(*map(evaluation.to_mp, evaluation.arguments(law.parameters, full)))


def near(definition: Callable[..., Any], values: dict[str, Any], guess: Any) -> Any:
    """Return the zero of a definition in the learning rate next to a guess, by at most six secant steps on it alone."""
    start = mpmath.mpf(guess)
    # Wherever the secants begin they end at the definition's own zero; near it, in half the quadratures.
    ends = (start * mpmath.mpf("0.99997"), start * mpmath.mpf("1.00004"))
    return mpmath.findroot(
        lambda x: definition(**{**values, "learning_rate": x}),
        ends,
        solver="secant",
        tol=1e-12,
        maxsteps=6,
        verify=False,
    )
