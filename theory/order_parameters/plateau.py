"""The symmetric ansatz of a committee, Q_ii, Q_ij, M_ii, M_ij, driven by the general right-hand side at eta -> 0."""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError
from theory.order_parameters.expectations import arguments_for, closed_form

K = sp.Symbol("K", integer=True, positive=True)


@functools.lru_cache(maxsize=32)
def symmetric_jacobian(width: int) -> sp.ImmutableMatrix:
    """Return the exact Jacobian over eta u of (Q_ii, Q_ij, M_ii/M, M_ij/M) at the plateau, T = 1.

    Its entries are multiples of 1/(2K(2K-1)); they are read off 50-digit values and must agree to 40 digits.
    u = (2/pi) K (2K-1)^(1/2) (2K+1)^(-3/2). The drifts are sums of I3 over the classes of equal fields.
    """
    common = 2 * width * (2 * width - 1)
    with mpmath.workdps(50):
        k = mpmath.mpf(width)
        q, m = 1 / (2 * k - 1), 1 / mpmath.sqrt(k * (2 * k - 1))
        unit = 2 / mpmath.pi * k * mpmath.sqrt(2 * k - 1) / (2 * k + 1) ** mpmath.mpf("1.5")
        values, scale = (q, q, m, m), (1, 1, m, m)
        rows_ = [
            [
                sum(w * _slope(fields, x, values) for w, fields in drift) * scale[x] / scale[i] / unit * common
                for x in range(4)
            ]
            for i, drift in enumerate(_drift_terms(width))
        ]
        whole = [[int(mpmath.nint(e)) for e in row] for row in rows_]
        gap = max(
            abs(e - n) for row, numbers in zip(rows_, whole, strict=True) for e, n in zip(row, numbers, strict=True)
        )
    if gap > 1e-40:
        raise DerivationError(f"an entry of the plateau's Jacobian at K = {width} is no multiple of 1/{common}.")
    return sp.ImmutableMatrix([[sp.Rational(n, common) for n in row] for row in whole])


@functools.lru_cache(maxsize=1)
def characteristic_polynomial() -> Any:
    """Return (2K - 1) det(x - J) over u for symbolic K: interpolated through exact widths, confirmed at two more."""
    x = sp.Symbol("x")
    widths = range(2, 9)
    polynomials = {w: sp.Poly((2 * w - 1) * symmetric_jacobian(w).charpoly(x).as_expr(), x) for w in widths}
    result = sp.Integer(0)
    for degree in range(5):
        data = [(w, polynomials[w].coeff_monomial(x**degree)) for w in widths]
        through = sp.interpolate(data[:5], K)
        if any(sp.expand(through.subs(K, w) - c) != 0 for w, c in data[5:]):
            raise DerivationError("the characteristic polynomial of the plateau is no polynomial in K of degree 4.")
        result += through * x**degree
    return sp.factor(result)


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _class(a: tuple[str, int], b: tuple[str, int]) -> int | None:
    """Return which of Q_ii, Q_ij, M_ii, M_ij is the overlap of two fields, None for two teachers."""
    if a[0] == b[0] == "t":
        return None
    return (0 if a[0] == b[0] else 2) + (a[1] != b[1])


def _slope(fields: tuple[tuple[str, int], ...], x: int, values: tuple[Any, ...]) -> Any:
    """Return the derivative of I3 of three fields by overlap class x at the plateau."""
    classes = [_class(fields[a], fields[b]) for a, b in _PAIRS]
    point = [
        values[c] if c is not None else mpmath.mpf(fields[a][1] == fields[b][1])
        for c, (a, b) in zip(classes, _PAIRS, strict=True)
    ]
    return mpmath.fsum(_slope_function(position)(*point) for position, c in enumerate(classes) if c == x)


@functools.lru_cache(maxsize=8)
def _slope_function(position: int) -> Any:
    form, _ = closed_form("I3", "erf", ("erf",), (1, 2, 3))
    symbols = arguments_for((1, 2, 3))
    return sp.lambdify(symbols, sp.diff(form, symbols[position]), "mpmath")


def _drift_terms(width: Any) -> list[list[tuple[Any, tuple[tuple[str, int], ...]]]]:
    """Return the drifts over eta of Q_ii, Q_ij, M_ii, M_ij as (weight, fields of I3); equal units are counted."""

    def total(field: tuple[str, int], factor: int) -> list[tuple[Any, tuple[tuple[str, int], ...]]]:
        seen, own = sorted({0, field[1]}), ("s", 0)
        result = []
        for kind, sign in (("t", factor), ("s", -factor)):
            result += [(sign, (own, field, (kind, u))) for u in seen]
            result.append((sign * (width - len(seen)), (own, field, (kind, 9))))
        return result

    return [total(("s", 0), 2), total(("s", 1), 2), total(("t", 0), 1), total(("t", 1), 1)]
