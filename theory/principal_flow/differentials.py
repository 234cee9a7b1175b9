"""Elementary differentials of a field on rooted trees, symbolic or at a point."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import sympy as sp

from theory.principal_flow.formal_orbit import Series
from theory.principal_flow.model import VectorField
from theory.trees.rooted import Tree, trees

Differential = Callable[[Tree], tuple[Any, ...]]


def _elementary(
    dimension: int, partial: Callable[[int, tuple[int, ...]], Any], add: Callable[..., Any]
) -> Differential:
    @functools.cache
    def differential(tree: Tree) -> tuple[Any, ...]:
        branches = [differential(child) for child in tree]
        result = []
        for component in range(dimension):
            terms = []
            for directions in itertools.product(range(dimension), repeat=len(branches)):
                term = partial(component, directions)
                for branch, direction in zip(branches, directions):
                    # A vanishing derivative ends the product, which keeps expressions of polynomials short.
                    term = term * branch[direction] if term != 0 else term
                terms.append(term)
            result.append(add(terms))
        return tuple(result)

    return differential


def symbolic_differentials(field: VectorField) -> Differential:
    """F(t) as expressions in the variables."""
    return _elementary(field.dimension, field.partial, lambda terms: sp.Add(*terms))


def numeric_differentials(field: VectorField, values: tuple[Any, ...]) -> Differential:
    """F(t) at a point, as mpf."""

    def partial(component: int, directions: tuple[int, ...]) -> Any:
        return field.number(component, directions, values)

    return _elementary(field.dimension, partial, sum)


def dual_differentials(field: VectorField, values: tuple[Any, ...], direction: int) -> Differential:
    """F(t) at a point with its derivative along one variable, as series of degree 1."""

    def partial(component: int, directions: tuple[int, ...]) -> Any:
        ahead = field.number(component, (*directions, direction), values)
        return Series((field.number(component, directions, values), ahead), 1)

    return _elementary(field.dimension, partial, sum)


def combine(
    differential: Differential, order: int, coefficient: Callable[[Tree], Any], add: Any = sum
) -> list[list[Any]]:
    """Return, order by order, the components of ``sum_t c(t) F(t)``."""
    rows = []
    for size in range(1, order + 1):
        weighted = [tuple(c * value for value in differential(t)) for t in trees(size) if (c := coefficient(t)) != 0]
        dimension = len(differential(()))
        rows.append([add([w[index] for w in weighted]) for index in range(dimension)])
    return rows
