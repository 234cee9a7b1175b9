"""The same coefficients by another route: the operator equation of the method, solved on trees by grafting.

D is the derivative along the unknown field. On trees it grafts: ``D F(t)`` along ``F(s)`` is the sum over the nodes
of t of t with s attached there. The methods are

gd ``(e^D - 1) x = f``, heavy ball ``(e^D - 1) x - b (1 - e^-D) x = f``, Nesterov the same left side with
``f(x + b (1 - e^-D) x)`` on the right; the step is absorbed in the grading by nodes. Coefficients are numbers of any
field: Fraction for exact values, mpf or a Fraction momentum for Nesterov and heavy ball.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import groupby
from typing import Any

from theory.trees.rooted import Tree, canonical, order_of, trees

Series = dict[Tree, Any]


@functools.cache
def graft(tree: Tree, branch: Tree) -> tuple[tuple[Tree, int], ...]:
    """Return the trees made by attaching ``branch`` to each node of ``tree``, with multiplicities.

    >>> graft(((),), ())
    ((((), ()), 1), ((((),),), 1))
    """
    found: Counter[Tree] = Counter({canonical((*tree, branch)): 1})
    for index, child in enumerate(tree):
        rest = tree[:index] + tree[index + 1 :]
        for grown, count in graft(child, branch):
            found[canonical((*rest, grown))] += count
    return tuple(found.items())


def _derivative(powers: list[Series], field: list[Series], size: int) -> Series:
    """Part with ``size`` nodes of D applied to the graded series ``powers``."""
    result: Series = {}
    for left in range(1, size):
        for tree, a in powers[left].items():
            for branch, b in field[size - left].items():
                product = a * b
                for grown, count in graft(tree, branch):
                    result[grown] = result.get(grown, 0) + count * product
    return result


def modified_field(order: int, weight: Callable[[int], Any], source: Callable[[int, Any], Series] | None = None) -> Any:
    """Solve ``sum_j weight(j) D^j x = f`` order by order; returns the series of the field by number of nodes.

    ``source(n, delays)`` gives the part of the right side with n nodes, where ``delays[j][n]`` holds D^j x.
    """
    field: list[Series] = [{} for _ in range(order + 1)]
    powers: dict[int, list[Series]] = {1: field}
    for n in range(1, order + 1):
        for j in range(2, n + 1):
            column = powers.setdefault(j, [{} for _ in range(order + 1)])
            column[n] = _derivative(powers[j - 1], field, n)
        right: Series = dict(source(n, powers)) if source is not None else ({(): 1} if n == 1 else {})
        for j in range(2, n + 1):
            w = weight(j)
            for tree, value in powers[j][n].items():
                right[tree] = right.get(tree, 0) - w * value
        lead = weight(1)
        field[n] = {tree: value / lead for tree, value in right.items() if value != 0}
    return field


def gd_field(order: int) -> list[Series]:
    """Coefficients of gradient descent as Fractions, by number of nodes.

    >>> gd_field(3)[3][((), ())]
    Fraction(1, 12)
    """
    return modified_field(order, lambda j: Fraction(1, math.factorial(j)))


def heavy_ball_field(order: int, momentum: Any) -> list[Series]:
    """Coefficients of heavy ball at a given momentum (Fraction or mpf)."""
    return modified_field(order, lambda j: (1 + (-1) ** j * momentum) / math.factorial(j))


def nesterov_field(order: int, momentum: Any) -> list[Series]:
    """Coefficients of Nesterov's method at a given momentum (Fraction or mpf)."""

    def source(n: int, delays: dict[int, list[Series]]) -> Series:
        def displacement(tree: Tree) -> Any:
            size = order_of(tree)
            terms = [
                (-1) ** (j + 1) * delays[j][size].get(tree, 0) * momentum / math.factorial(j)
                for j in range(1, size + 1)
                if j in delays
            ]
            return sum(terms, 0 * momentum)

        result: Series = {}
        for tree in trees(n):
            value = momentum**0
            for child, copies in groupby(tree):
                count = len(list(copies))
                value = value * displacement(child) ** count / math.factorial(count)
            result[tree] = value
        return result

    return modified_field(order, lambda j: (1 + (-1) ** j * momentum) / math.factorial(j), source)
