"""Is a modified field a gradient, and of which modified loss?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError
from theory.principal_flow.differentials import combine, dual_differentials
from theory.principal_flow.model import DECAY, DIGITS, EPSILON, LEARNING_RATE, MOMENTUM, VectorField
from theory.trees.rooted import Tree

_SETTINGS = {MOMENTUM: sp.Rational(5, 13), DECAY: sp.Rational(7, 11), EPSILON: sp.Rational(3, 7)}


def gradient_flags(terms: Sequence[Sequence[Any]], symbols: Sequence[Any]) -> list[bool]:
    """Return for every order whether the curl of its term vanishes identically."""
    return [
        all(
            vanishes(sp.diff(row[b], symbols[a]) - sp.diff(row[a], symbols[b]), symbols)
            for a, b in itertools.combinations(range(len(symbols)), 2)
        )
        for row in terms
    ]


def tree_gradient_flags(field: VectorField, order: int, coefficients: Callable[[Tree], Any]) -> list[bool]:
    """The same for a field on trees: is its Jacobian symmetric at generic points, order by order (25 digits)?

    The derivative along each variable is carried through the elementary differentials as a dual number.
    """
    if field.dimension == 1:
        return [True] * order
    flags, checked = [True] * order, 0

    def number(tree: Tree) -> Any:
        value = sp.sympify(coefficients(tree)).subs(_SETTINGS)
        return mpmath.mpf(int(value.p)) / int(value.q)

    for attempt in range(40):
        values = tuple(sp.Rational(37 * (attempt + 1) * (index + 2) % 101 + 3, 97) for index in range(field.dimension))
        with mpmath.workdps(DIGITS + 5):
            try:
                jacobian = [
                    combine(dual_differentials(field, values, a), order, number) for a in range(field.dimension)
                ]
            except DerivationError:
                continue
            for power in range(order):
                rows = [[c.term(1) for c in jacobian[a][power]] for a in range(field.dimension)]
                scale = max([abs(v) for row in rows for v in row] + [mpmath.mpf(10) ** -10])
                for a, c in itertools.combinations(range(field.dimension), 2):
                    flags[power] &= bool(abs(rows[a][c] - rows[c][a]) <= mpmath.mpf(10) ** -22 * scale)
        checked += 1
        if checked == 2:
            return flags
    raise DerivationError(
        "the expression is smooth at none of 40 generic points in (0, 1.1), so its curl is undecided."
    )


def vanishes(expression: Any, symbols: Sequence[Any]) -> bool:
    """Whether an expression is identically zero: polynomials by expansion, others at generic points to 25 digits."""
    if expression == 0:
        return True
    settled = sp.sympify(expression).subs(_SETTINGS)
    if settled.is_polynomial(*symbols):
        return sp.expand(settled) == 0
    function = sp.lambdify(symbols, settled, modules="mpmath")
    largest = sp.lambdify(symbols, sp.Add(*[sp.Abs(a) for a in sp.Add.make_args(settled)]), modules="mpmath")
    checked = 0
    with mpmath.workdps(50):
        for attempt in range(40):
            point = [mpmath.mpf(37 * (attempt + 1) * (index + 2) % 101 + 3) / 97 for index in range(len(symbols))]
            try:
                value, scale = function(*point), largest(*point)
            except (ValueError, ZeroDivisionError):
                continue
            if not mpmath.isfinite(value) or mpmath.im(value) != 0:
                continue
            if abs(value) > mpmath.mpf(10) ** -25 * max(scale, mpmath.mpf(10) ** -10):
                return False
            checked += 1
            if checked == 3:
                return True
    raise DerivationError("the expression is real at none of 40 generic points in (0, 1.1), so its curl is undecided.")


def modified_loss(loss: Any, terms: Sequence[Sequence[Any]], symbols: Sequence[Any]) -> str | None:
    """Return the loss whose negative gradient the truncated field is, or None where no closed form is known.

    The first two orders are multiples of E and |grad E|^2. Higher ones are integrated where they are polynomials.
    """
    parts = []
    for power, row in enumerate(terms):
        part = _known(loss, row, symbols, power) if loss is not None else None
        if part is None:
            part = _integrated(row, symbols)
        if part is None:
            return None
        parts.append(LEARNING_RATE**power * part)
    return str(sp.Add(*parts))


def _known(loss: Any, row: Sequence[Any], symbols: Sequence[Any], power: int) -> Any:
    """A constant multiple of E (order 1) or of |grad E|^2 (order 2) with the right gradient."""
    if power > 1:
        return None
    candidate = loss if power == 0 else sp.Add(*[sp.diff(loss, v) ** 2 for v in symbols])
    slopes = [-sp.diff(candidate, v) for v in symbols]
    index = next((c for c, slope in enumerate(slopes) if slope != 0), None)
    if index is None:
        return sp.S.Zero
    factor = sp.cancel(sp.together(row[index] / slopes[index]))
    if factor.free_symbols & set(symbols):
        factor = sp.simplify(factor)
    if factor.free_symbols & set(symbols):
        return None
    return factor * candidate if all(vanishes(a - factor * c, symbols) for a, c in zip(row, slopes)) else None


def _integrated(row: Sequence[Any], symbols: Sequence[Any]) -> Any:
    """-int_0^1 x.f(s x) ds for a polynomial field; an unevaluated integral in one variable; else None."""
    scale = sp.Symbol("s", positive=True)
    if all(component.is_polynomial(*symbols) for component in row):
        along = sp.Add(*[v * f.subs({w: scale * w for w in symbols}, simultaneous=True) for v, f in zip(symbols, row)])
        return -sp.integrate(sp.expand(along), (scale, 0, 1))
    if len(symbols) == 1:
        return -sp.Integral(row[0], symbols[0])
    return None
