"""Moments of jointly Gaussian variables as polynomials in their covariances (Isserlis, Wick)."""

from __future__ import annotations

import functools

import sympy as sp
from sympy.polys.rings import PolyElement, ring


@functools.lru_cache(maxsize=64)
def _ring(size: int) -> tuple[PolyElement, ...]:
    names = [f"c{i}_{j}" for i in range(size) for j in range(i, size)]
    return ring(names, sp.QQ)[1:][0] if len(names) == 1 else tuple(ring(names, sp.QQ)[1:])


def _entry(size: int, i: int, j: int) -> PolyElement:
    i, j = min(i, j), max(i, j)
    position = i * size - i * (i - 1) // 2 + (j - i)
    generators = _ring(size)
    return generators[position] if isinstance(generators, tuple) else generators


@functools.lru_cache(maxsize=65536)
def _moment(powers: tuple[int, ...]) -> PolyElement:
    size = len(powers)
    entry = _entry(size, 0, 0)
    total = sum(powers)
    if total == 0:
        return entry.ring.one
    if total % 2:
        return entry.ring.zero
    first = next(i for i, n in enumerate(powers) if n)
    rest = list(powers)
    rest[first] -= 1
    result = entry.ring.zero
    for j, n in enumerate(rest):
        if n:
            reduced = list(rest)
            reduced[j] -= 1
            result = result + _moment(tuple(reduced)) * (_entry(size, first, j) * n)
    return result


def moment(powers: tuple[int, ...], covariance: sp.Matrix) -> sp.Expr:
    """Return E[prod z_i^powers_i] for zero-mean Gaussian z, by Stein's recursion on exponents.

    >>> c = sp.Symbol("c")
    >>> moment((4,), sp.Matrix([[c]]))
    3*c**2
    """
    present = [i for i, n in enumerate(powers) if n]
    if not present:
        return sp.S.One
    polynomial = _moment(tuple(powers[i] for i in present))
    size = len(present)
    entries = [covariance[present[i], present[j]] for i in range(size) for j in range(i, size)]
    terms = []
    for exponents, coefficient in polynomial.terms():
        factors = [e**n for e, n in zip(entries, exponents, strict=True) if n]
        terms.append(sp.Mul(sp.Rational(int(coefficient.numerator), int(coefficient.denominator)), *factors))
    return sp.Add(*terms)
