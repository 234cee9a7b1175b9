"""Exact coefficients of modified equations on rooted trees, from the orbit of a triangular system.

Every tree t has its own system: the unknown of a node moves along the product of the unknowns of its children
(a leaf moves along 1), and all start at 0. On it all elementary differentials except those of t and of its subtrees
vanish at the start, so the modified field of the root is ``sigma(t) c(t)`` with step 1. Its orbit under the method
is a polynomial in the step number, and the field is the derivative of that polynomial at step 0.

Gradient descent: integer values of the orbit by running sums, and Newton's logarithm of iterates
``sum_m (-1)^(m+1)/m Delta^m``. Heavy ball and Nesterov: the polynomial on the slow manifold, whose coefficient of
n^k is ``P(b) / (1-b)^(2|t|-k)`` with a polynomial P.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from theory.errors import DomainError
from theory.trees.rooted import Tree, density, order_of, symmetry, trees

METHODS = ("gd", "heavy-ball", "nesterov")
MOMENTUM = sp.Symbol("b", nonnegative=True)
_RING, _B = ring("b", QQ)
_ONE = _RING.one


@functools.cache
def _iterates(tree: Tree, count: int) -> tuple[int, ...]:
    """Iterates 0..count of the root of the triangular system under Euler steps of size 1."""
    values, total = [0], 0
    columns = [_iterates(child, count) for child in tree]
    for k in range(count):
        total += math.prod([c[k] for c in columns])
        values.append(total)
    return tuple(values)


@functools.cache
def _logarithm_weights(order: int) -> tuple[tuple[int, ...], int]:
    """Integer weights and their common denominator: sum_m (-1)^(m+1)/m Delta^m at 0 as a sum over iterates."""
    denominator = math.lcm(*range(1, order + 1))
    weights = [0] * (order + 1)
    for m in range(1, order + 1):
        for k in range(m + 1):
            weights[k] += (-1) ** (m + 1 + m - k) * math.comb(m, k) * (denominator // m)
    return tuple(weights), denominator


@functools.cache
def _gd(tree: Tree) -> Fraction:
    order = order_of(tree)
    weights, denominator = _logarithm_weights(order)
    # A subtree is shared by trees of all orders, so its iterates are computed once, for the next even bound.
    values = _iterates(tree, order + order % 2)
    return Fraction(sum(map(int.__mul__, weights, values)), denominator * symmetry(tree))


@functools.cache
def _power(exponent: int) -> Any:
    return (1 - _B) ** exponent


def _times(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    product = [_RING.zero] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        if x:
            for j, y in enumerate(b):
                if y:
                    product[i + j] += x * y
    return product


@functools.cache
def _slow_orbit(tree: Tree, nesterov: bool) -> tuple[Any, ...]:
    """Numerators P_k(b) of the orbit ``sum_k P_k n^k / (1-b)^(2|t|-k)`` on the slow manifold."""
    source = [_ONE]
    for child in tree:
        source = _times(source, _lookahead(child) if nesterov else _slow_orbit(child, False))
    degree = len(source)
    orbit = [_RING.zero] * (degree + 1)
    for j in range(degree, 0, -1):
        rest = source[j - 1]
        for k in range(j + 1, degree + 1):
            # L n^k = sum_i C(k,i) (1 + b (-1)^(k-i)) n^i for L p = (p(n+1)-p(n)) - b (p(n)-p(n-1)).
            weight = math.comb(k, j - 1) * (1 + (-1) ** (k - j + 1) * _B)
            rest -= weight * orbit[k] * _power(k - j - 1)
        orbit[j] = rest / QQ(j)
    return tuple(orbit)


@functools.cache
def _lookahead(tree: Tree) -> tuple[Any, ...]:
    """Numerators of x(n) + b (x(n) - x(n-1)), the point where Nesterov takes its gradient."""
    orbit = _slow_orbit(tree, True)
    ahead = []
    for j, own in enumerate(orbit):
        shift = sum(
            (math.comb(k, j) * (-1) ** (k - j + 1) * orbit[k] * _power(k - j) for k in range(j + 1, len(orbit))),
            _RING.zero,
        )
        ahead.append(own + _B * shift)
    return tuple(ahead)


@functools.cache
def coefficient(tree: Tree, method: str = "gd") -> Any:
    """Return c(t) of ``thetadot = sum_t h^(|t|-1) c(t) F(t)``: a Rational, or a rational function of the momentum b.

    Parameters
    ----------
    tree : a canonical tree (``from_levels`` makes one)
    method : gd, heavy-ball or nesterov

    Raises DomainError for another method.
    Source: Hairer, Lubich, Wanner (gd); derived here with momentum.

    >>> coefficient(((), ())), coefficient(((),), "heavy-ball")
    (1/12, -(b + 1)/(2*(1 - b)**3))
    """
    if method == "gd":
        value = _gd(tree)
        return sp.Rational(value.numerator, value.denominator)
    if method not in METHODS:
        raise DomainError(f"method {method!r} has no tree coefficients; choose one of {', '.join(METHODS)}.")
    order = order_of(tree)
    numerator = _slow_orbit(tree, method == "nesterov")[1] / QQ(symmetry(tree))
    if not numerator:
        return sp.S.Zero
    content, factors = numerator.factor_list()
    top = sp.Mul(*[f.as_expr(MOMENTUM) ** m for f, m in factors])
    number = sp.Rational(int(content.numerator), int(content.denominator))
    return sp.Mul(number, top, sp.Pow(1 - MOMENTUM, -(2 * order - 1)))


def coefficient_table(order: int, method: str = "gd") -> list[list[tuple[Tree, Any]]]:
    """Return, order by order up to ``order``, the pairs (tree, coefficient) in the order of the level sequences.

    >>> [[str(c) for _, c in row] for row in coefficient_table(4)]
    [['1'], ['-1/2'], ['1/3', '1/12'], ['-1/4', '-1/12', '-1/12', '0']]
    """
    return [[(tree, coefficient(tree, method)) for tree in trees(n)] for n in range(1, order + 1)]


def modifying_coefficient(tree: Tree) -> Any:
    """Return 1/(sigma gamma): the field that Euler must be fed in order to follow the flow of f exactly.

    The flow after time 1 of the triangular system is the product of 1/|subtree| over the nodes.

    >>> modifying_coefficient(((),))
    1/2
    """
    return sp.Rational(1, symmetry(tree) * density(tree))


def proximal_coefficient(tree: Tree) -> Any:
    """Return the coefficient for implicit Euler (the proximal step), the adjoint of gradient descent.

    >>> proximal_coefficient(((),))
    1/2
    """
    return (-1) ** (order_of(tree) - 1) * coefficient(tree)
