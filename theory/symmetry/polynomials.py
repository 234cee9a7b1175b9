"""Sparse polynomials with integer coefficients in numbered variables, as plain dictionaries.

A monomial is a tuple of (variable, exponent) pairs in ascending order; a polynomial maps monomials to integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Monomial = tuple[tuple[int, int], ...]
Poly = dict[Monomial, int]
Field = dict[int, Poly]
PRIME = 2**31 - 1


def times(a: Monomial, b: Monomial) -> Monomial:
    """Return the product of two monomials.

    >>> times(((0, 1),), ((0, 1), (2, 1)))
    ((0, 2), (2, 1))
    """
    if not a:
        return b
    if not b:
        return a
    powers = dict(a)
    for variable, exponent in b:
        powers[variable] = powers.get(variable, 0) + exponent
    return tuple(sorted(powers.items()))


def derivative(poly: Poly, variable: int) -> Poly:
    """Return the partial derivative."""
    result: Poly = {}
    for monomial, coefficient in poly.items():
        for position, (v, e) in enumerate(monomial):
            if v == variable:
                lower = ((v, e - 1),) if e > 1 else ()
                rest = monomial[:position] + lower + monomial[position + 1 :]
                result[rest] = result.get(rest, 0) + coefficient * e
                break
    return result


def variables(poly: Poly) -> set[int]:
    """Return the variables which occur."""
    return {v for monomial in poly for v, _ in monomial}


def gradient(poly: Poly) -> Field:
    """Return the gradient: variable -> partial derivative."""
    return {v: derivative(poly, v) for v in sorted(variables(poly))}


def value(poly: Poly, point: Sequence[int], modulus: int = PRIME) -> int:
    """Return the value at an integer point modulo a prime."""
    total = 0
    for monomial, coefficient in poly.items():
        term = coefficient
        for v, e in monomial:
            term = term * pow(point[v], e, modulus) % modulus
        total += term
    return total % modulus


def add_product(target: Poly, a: Poly, b: Poly, sign: int, modulus: int = PRIME) -> None:
    """Add sign * a * b to ``target`` modulo a prime, dropping zeros."""
    for m, c in a.items():
        for n, d in b.items():
            key = times(m, n)
            new = (target.get(key, 0) + sign * c * d) % modulus
            if new:
                target[key] = new
            else:
                target.pop(key, None)


def product(factors: Iterable[int]) -> Poly:
    """Return the product of distinct or repeated variables as a polynomial."""
    powers: dict[int, int] = {}
    for v in factors:
        powers[v] = powers.get(v, 0) + 1
    return {tuple(sorted(powers.items())): 1}
