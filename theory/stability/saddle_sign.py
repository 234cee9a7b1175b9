"""Signs of eigenvalues, numeric or symbolic, and the type of a critical point that follows from them.

A symbolic eigenvalue takes its sign from laws of the data that realise the moments. If every sign that occurs gives the
same type only ``!= 0`` is a condition; otherwise the case of a saddle is chosen and its signs are the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theory.stability.data_moments import MomentTable
from theory.stability.eigenspaces import Eigenspace, tidy

_LAWS = 12
_ROUNDING = 1e-12
_SADDLES = ("I", "II")


@dataclass(frozen=True)
class SignCase:
    """The type, the order of the eigenspaces (ascending), how many of them are negative, and what is assumed."""

    type: str
    order: tuple[int, ...]
    negative: int
    escape_noise: sp.Expr | None
    conditions: tuple[str, ...]


def is_zero(matrix: sp.MatrixBase, table: MomentTable) -> bool:
    """Whether all entries vanish, symbolically or (with square roots) at generic values."""
    return all(_vanishes(entry, table) for entry in matrix)


def classify_signs(
    gradient: sp.MatrixBase,
    spaces: Sequence[Eigenspace],
    covariance: sp.MatrixBase,
    table: MomentTable,
    tolerance: float,
) -> SignCase:
    """Return the type that the mean gradient, the Hessian's eigenspaces and the noise covariance imply."""
    symbols = sorted(set().union(*(space.value.free_symbols for space in spaces)), key=str)
    laws = table.generic_values(symbols, _LAWS) if symbols else [{}]
    patterns = {}
    for law in laws:
        values = [float(space.value.xreplace(law)) for space in spaces]
        signs = tuple(_sign(v, _ROUNDING if s.value.free_symbols else tolerance) for v, s in zip(values, spaces))
        patterns.setdefault(signs, values)
    cases = [_case(signs, values, spaces, covariance, table, tolerance) for signs, values in patterns.items()]
    agreed = len({case.type for case in cases}) == 1
    chosen = next((case for case in cases if case.type in _SADDLES), cases[0])
    signs = list(patterns)[cases.index(chosen)]
    conditions = [c for space, sign in zip(spaces, signs) for c in _conditions(space, sign, agreed)]
    if chosen.type == "I" and chosen.escape_noise is not None and chosen.escape_noise.free_symbols:
        conditions.append(_nonzero(chosen.escape_noise))
    slopes = [entry for entry in gradient if not _vanishes(entry, table)]
    norm = sum(float(entry) ** 2 for entry in slopes if entry.is_number) ** 0.5
    symbolic = [entry for entry in slopes if not entry.is_number]
    if norm > tolerance or symbolic:
        needed = () if norm > tolerance else (" or ".join(dict.fromkeys(map(_nonzero, symbolic))),)
        return SignCase("not_critical", chosen.order, chosen.negative, chosen.escape_noise, needed)
    return SignCase(chosen.type, chosen.order, chosen.negative, chosen.escape_noise, tuple(dict.fromkeys(conditions)))


def _case(
    signs: tuple[int, ...],
    values: list[float],
    spaces: Sequence[Eigenspace],
    covariance: sp.MatrixBase,
    table: MomentTable,
    tolerance: float,
) -> SignCase:
    order = tuple(sorted(range(len(spaces)), key=lambda i: (signs[i], values[i])))
    negative = signs.count(-1)
    if not negative:
        return SignCase("degenerate" if 0 in signs else "minimum", order, 0, None, ())
    noise = sp.Add(*[(spaces[i].projector * covariance).trace() for i in order[:negative]])
    noise = sp.S.Zero if _vanishes(noise, table) else tidy(noise)
    zero = float(noise) <= tolerance if noise.is_number else False
    return SignCase("II" if zero else "I", order, negative, noise, ())


def _sign(value: float, tolerance: float) -> int:
    return (value > tolerance) - (value < -tolerance)


def _vanishes(value: sp.Expr, table: MomentTable) -> bool:
    expanded = sp.expand(value)
    if expanded == 0:
        return True
    if not expanded.has(sp.Pow, sp.Float) or expanded.is_Rational:
        return False
    laws = table.generic_values(sorted(expanded.free_symbols, key=str), 3)
    return all(abs(complex(expanded.xreplace(law))) < _ROUNDING for law in laws)


def _conditions(space: Eigenspace, sign: int, agreed: bool) -> list[str]:
    if not space.value.free_symbols:
        return []
    if agreed:
        return [_nonzero(space.constant)]
    coefficient, rest = sp.factor_terms(space.value).as_coeff_Mul()
    return [f"{rest} {'>' if (sign > 0) == (coefficient > 0) else '<'} 0"]


def _nonzero(value: sp.Expr) -> str:
    """Return "primitive != 0" with numeric factors, signs and powers removed."""
    factors = [factor for factor in sp.Mul.make_args(sp.factor(value)) if factor.free_symbols]
    bases = [sp.factor_terms(factor.as_base_exp()[0]) for factor in factors]
    primitive = [base.as_coeff_Mul()[1] for base in bases]
    return f"{sp.Mul(*[-p if p.could_extract_minus_sign() else p for p in primitive])} != 0"
