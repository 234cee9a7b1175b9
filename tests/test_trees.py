"""Rooted trees and the coefficients of modified equations on them, by two routes and against known tables."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import DomainError
from theory.trees import (
    coefficient,
    coefficient_table,
    density,
    display,
    from_levels,
    levels,
    modifying_coefficient,
    proximal_coefficient,
    symmetry,
    trees,
)
from theory.trees.coefficients import MOMENTUM
from theory.trees.grafting import gd_field, heavy_ball_field, nesterov_field
from theory.trees.rooted import bush, path

ALL = [t for size in range(1, 9) for t in trees(size)]


def _fraction(value):
    return Fraction(int(value.p), int(value.q))


def test_trees_are_counted_and_ordered_by_descending_level_sequences():
    assert [len(trees(size)) for size in range(1, 11)] == [1, 1, 2, 4, 9, 20, 48, 115, 286, 719]
    assert [list(levels(t)) for t in trees(4)] == [[0, 1, 2, 3], [0, 1, 2, 2], [0, 1, 2, 1], [0, 1, 1, 1]]


@given(st.sampled_from(ALL), st.randoms())
@settings(max_examples=40, deadline=None)
def test_level_sequences_are_read_in_any_order_of_branches(tree, rng):
    def shuffled(node):
        children = [shuffled(child) for child in node]
        rng.shuffle(children)
        return [0] + [d + 1 for child in children for d in child]

    assert from_levels(shuffled(tree)) == tree


@pytest.mark.parametrize("sequence", [[], [1], [0, 2], [0, 0], [0, 1, 3], [0, 1.5]])
def test_sequences_that_are_no_tree_are_refused(sequence):
    with pytest.raises(DomainError, match="level sequence"):
        from_levels(sequence)


@pytest.mark.parametrize("size", range(1, 8))
def test_labellings_over_symmetry_and_density_count_increasing_trees(size):
    """The number of increasing labellings n!/(sigma gamma) sums to (n-1)!."""
    total = sum(sp.Rational(sp.factorial(size), symmetry(t) * density(t)) for t in trees(size))
    assert total == sp.factorial(size - 1)


def test_gradient_descent_table_to_order_four():
    table = {display(t): c for row in coefficient_table(4) for t, c in row}
    expected = {".": "1", "[.]": "-1/2", "[[.]]": "1/3", "[..]": "1/12", "[[[.]]]": "-1/4", "[[..]]": "-1/12"}
    assert table == {k: sp.Rational(v) for k, v in expected.items()} | {"[[.].]": sp.Rational(-1, 12), "[...]": 0}


def test_orbits_and_grafting_agree_on_every_tree_to_order_eight():
    grafted = gd_field(8)
    for size in range(1, 9):
        for tree in trees(size):
            assert _fraction(coefficient(tree)) == grafted[size].get(tree, 0)


def test_the_number_of_vanishing_coefficients_to_order_ten():
    values = [c for row in coefficient_table(10) for _, c in row]
    assert (len(values), sum(c != 0 for c in values)) == (1205, 1104)


@pytest.mark.parametrize(("method", "route"), [("heavy-ball", heavy_ball_field), ("nesterov", nesterov_field)])
def test_momentum_coefficients_agree_by_both_routes(method, route):
    momentum = Fraction(3, 11)
    grafted = route(5, momentum)
    for size in range(1, 6):
        for tree in trees(size):
            exact = coefficient(tree, method).subs(MOMENTUM, sp.Rational(3, 11))
            assert _fraction(exact) == grafted[size].get(tree, 0)


@pytest.mark.parametrize("method", ["heavy-ball", "nesterov"])
def test_momentum_zero_is_gradient_descent(method):
    for size in range(1, 6):
        for tree in trees(size):
            assert coefficient(tree, method).subs(MOMENTUM, 0) == coefficient(tree)


def test_momentum_coefficients_equal_the_printed_rational_functions():
    b = MOMENTUM
    printed = {
        ("heavy-ball", ((),)): -(1 + b) / (2 * (1 - b) ** 3),
        ("heavy-ball", ((), ())): (1 + 10 * b + b**2) / (12 * (1 - b) ** 5),
        ("heavy-ball", path(4)): -(1 + b) * (1 + 8 * b + b**2) / (4 * (1 - b) ** 7),
        ("heavy-ball", bush(3)): -b * (1 + b) / (2 * (1 - b) ** 7),
        ("nesterov", ((),)): -(1 - b + 2 * b**2) / (2 * (1 - b) ** 3),
        ("nesterov", path(3)): (1 - 2 * b + 7 * b**2 - 3 * b**3 + 3 * b**4) / (3 * (1 - b) ** 5),
        ("nesterov", ((), ())): (1 + 4 * b + 7 * b**2 - 6 * b**3 + 6 * b**4) / (12 * (1 - b) ** 5),
    }
    for (method, tree), form in printed.items():
        assert sp.cancel(coefficient(tree, method) - form) == 0


@pytest.mark.parametrize(
    ("method", "trace", "determinant"),
    [
        ("heavy-ball", lambda b, x: 1 + b - x, lambda b, x: b),
        ("nesterov", lambda b, x: (1 + b) * (1 - x), lambda b, x: b * (1 - x)),
    ],
)
def test_ladders_sum_to_the_logarithm_of_the_slow_root(method, trace, determinant):
    x, b = sp.Symbol("x"), sp.Rational(2, 7)
    root = (trace(b, x) + sp.sqrt(trace(b, x) ** 2 - 4 * determinant(b, x))) / 2
    series = sp.series(sp.log(root), x, 0, 6).removeO()
    for size in range(1, 6):
        ladder = coefficient(path(size), method).subs(MOMENTUM, b) * (-1) ** size
        assert sp.nsimplify(series.coeff(x, size)) == ladder


def test_modifying_integrator_reproduces_the_flow_of_a_quadratic():
    """Along ladders the modifying field sums to (e^z - 1)/z, so that Euler multiplies by e^z."""
    assert [modifying_coefficient(path(size)) for size in range(1, 6)] == [
        1 / sp.factorial(size) for size in range(1, 6)
    ]
    assert [modifying_coefficient(t) for t in trees(3)] == [sp.Rational(1, 6), sp.Rational(1, 6)]


def test_proximal_step_is_the_adjoint_of_gradient_descent():
    assert [proximal_coefficient(path(size)) for size in range(1, 6)] == [sp.Rational(1, size) for size in range(1, 6)]


def test_unknown_method_is_refused():
    with pytest.raises(DomainError, match="choose one of gd, heavy-ball, nesterov"):
        coefficient((), "rk4")
