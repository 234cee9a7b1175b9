"""Modified fields of a loss in one dimension from its jet, in a sparse polynomial ring."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.rings import ring


@functools.cache
def jet_terms(order: int) -> tuple[tuple[Any, ...], Any]:
    """Return f_1..f_order as ring polynomials in the jet of E' = g, and the ring.

    From ``(e^(h ft) - 1) x = -h g``: ``f_n = [n=1](-g) - sum_{j>=2} (1/j!) (D^(j-1) ft)_n``, where D is the derivative
    along ft and ``d/dx`` raises a jet variable by one.

    >>> [str(f) for f in jet_terms(3)[0]]
    ['-g0', '-1/2*g0*g1', '-1/12*g0**2*g2 - 1/3*g0*g1**2']
    """
    space = ring([f"g{index}" for index in range(order + 1)], QQ)[0]
    variables = space.gens

    def slope(p: Any) -> Any:
        return sum((p.diff(v) * w for v, w in itertools.pairwise(variables)), space.zero)

    field: list[Any] = [space.zero] * (order + 1)
    powers: dict[int, list[Any]] = {1: field}
    slopes: dict[int, list[Any]] = {1: [space.zero] * (order + 1)}
    for n in range(1, order + 1):
        rest = -variables[0] if n == 1 else space.zero
        for j in range(2, n + 1):
            column = powers.setdefault(j, [space.zero] * (order + 1))
            column[n] = sum((slopes[j - 1][a] * field[n - a] for a in range(1, n)), space.zero)
            slopes.setdefault(j, [space.zero] * (order + 1))[n] = slope(column[n])
            rest -= column[n] / QQ(math.factorial(j))
        field[n] = rest
        slopes[1][n] = slope(rest)
    return tuple(field[1:]), space


def jet_expression(polynomial: Any, base: Any) -> Any:
    """Return a ring polynomial as an expression in ``base[0], base[1], ...`` (an IndexedBase or a list)."""
    space = polynomial.ring
    return polynomial.as_expr(*[base[index] for index in range(len(space.gens))])


def scalar_field(order: int, learning_rate: Any, base: Any) -> Any:
    """The field truncated at ``order`` terms, an expression in the jet."""
    terms, _ = jet_terms(order)
    return sp.Add(*[learning_rate**p * jet_expression(f, base) for p, f in enumerate(terms)])
