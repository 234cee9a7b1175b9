"""Rooted trees as nested tuples of children in canonical order, with level sequences, symmetry and density.

A tree is the tuple of its children; the leaf is ``()``. Canonical: at each node the child with the lexicographically
larger level sequence comes first. Trees of one order are listed by descending canonical level sequence.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import combinations_with_replacement, groupby, pairwise
from typing import Any

from theory.errors import DomainError

Tree = tuple[Any, ...]


@functools.cache
def levels(tree: Tree) -> tuple[int, ...]:
    """Return the level sequence: depths in preorder, the root at 0.

    >>> levels((((),), ()))
    (0, 1, 2, 1)
    """
    return (0, *(d + 1 for child in tree for d in levels(child)))


def canonical(children: Sequence[Tree]) -> Tree:
    """Return the tree whose root has these (canonical) children."""
    return tuple(sorted(children, key=levels, reverse=True)) if len(children) > 1 else tuple(children)


def from_levels(sequence: Sequence[Any]) -> Tree:
    """Return the canonical tree of a level sequence, in whatever order its branches come.

    Raises DomainError if the numbers are not the preorder depths of a rooted tree.

    >>> display(from_levels([0, 1, 1, 2]))
    '[[.].]'
    """
    numbers = list(sequence)
    depths = [int(d) if isinstance(d, (int, float)) and d == int(d) else -1 for d in numbers]
    valid = bool(depths) and depths[0] == 0 and all(1 <= b <= a + 1 for a, b in pairwise(depths))
    if not valid:
        raise DomainError(
            f"{numbers} is no level sequence: it starts with 0, and each further depth is at least 1 and at most one "
            "more than the depth before it, as in [0, 1, 2, 1]."
        )
    return _parse(depths)


def _parse(depths: list[int]) -> Tree:
    starts = [i for i, d in enumerate(depths) if d == 1] + [len(depths)]
    branches = [[d - 1 for d in depths[a:b]] for a, b in pairwise(starts)]
    return canonical([_parse(branch) for branch in branches])


@functools.cache
def order_of(tree: Tree) -> int:
    """Return the number of nodes."""
    return 1 + sum(map(order_of, tree))


@functools.cache
def trees(order: int) -> tuple[Tree, ...]:
    """Return all rooted trees with ``order`` nodes, in descending order of their level sequences.

    >>> [len(trees(n)) for n in range(1, 8)]
    [1, 1, 2, 4, 9, 20, 48]
    """
    return tuple(sorted((canonical(forest) for forest in _forests(order - 1, order - 1)), key=levels, reverse=True))


@functools.cache
def _forests(size: int, largest: int) -> tuple[tuple[Tree, ...], ...]:
    """All multisets of trees with ``size`` nodes in all and at most ``largest`` in each."""
    if size == 0:
        return ((),)
    found: list[tuple[Tree, ...]] = []
    for biggest in range(min(size, largest), 0, -1):
        for copies in range(1, size // biggest + 1):
            rest = _forests(size - copies * biggest, biggest - 1)
            found += [head + tail for head in combinations_with_replacement(trees(biggest), copies) for tail in rest]
    return tuple(found)


@functools.cache
def symmetry(tree: Tree) -> int:
    """Return the number of automorphisms: product over groups of m equal children of m! sigma(child)^m.

    >>> symmetry(((), (), ()))
    6
    """
    result = 1
    for child, copies in groupby(tree):
        count = len(list(copies))
        result *= math.factorial(count) * symmetry(child) ** count
    return result


@functools.cache
def density(tree: Tree) -> int:
    """Return gamma: the number of nodes times the densities of the children.

    >>> density((((),),))
    6
    """
    return order_of(tree) * math.prod(map(density, tree))


@functools.cache
def display(tree: Tree) -> str:
    """Return the bracket notation: ``.`` is a leaf, ``[ab]`` a root with children a and b.

    >>> display((((),), ()))
    '[[.].]'
    """
    return "[" + "".join(map(display, tree)) + "]" if tree else "."


def path(order: int) -> Tree:
    """Return the ladder with ``order`` nodes."""
    tree: Tree = ()
    for _ in range(order - 1):
        tree = (tree,)
    return tree


def bush(leaves: int) -> Tree:
    """Return the root with ``leaves`` leaves."""
    return ((),) * leaves
