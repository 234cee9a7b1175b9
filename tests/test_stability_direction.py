"""Growth of one vector under rank-one steps at any precision: directions in closed form, critical rates to 30 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.errors import DomainError
from theory.stability.matrix_direction import direction_mean, top_growth

CRITICAL = theory.law("stability.matrix.rank_one_normal_critical")


@settings(max_examples=12, deadline=None)
@given(st.floats(0.02, 30.0), st.integers(2, 11))
def test_mean_over_directions_agrees_with_quadrature(c: float, dimension: int) -> None:
    with mpmath.workdps(25):
        size = mpmath.mpf(c)
        ends = sorted([mpmath.mpf(0), mpmath.atan(1 / size), mpmath.atan(size), mpmath.pi / 2])

        def weight(t: Any) -> Any:
            return mpmath.sin(t) ** (dimension - 2)

        def growth(t: Any) -> Any:
            return mpmath.log(size**2 * mpmath.cos(t) ** 2 + mpmath.sin(t) ** 2) * weight(t)

        mean = mpmath.quad(growth, ends) / mpmath.quad(weight, ends)
        assert abs(direction_mean(size, dimension) - mean) < mpmath.mpf(10) ** -18


def test_critical_rate_in_one_dimension_is_a_square_of_the_normal_one() -> None:
    normal = theory.law("stability.critical_learning_rate.normal_zero_mean")
    with mpmath.workdps(40):
        square = normal.evaluate(30, curvature_std=1.0) ** 2
        assert abs(CRITICAL.evaluate(30, dimension=1) / square - 1) < mpmath.mpf(10) ** -28


@pytest.mark.parametrize("dimension", [2, 5])
def test_exponent_vanishes_at_the_critical_rate_to_thirty_digits(dimension: int) -> None:
    with mpmath.workdps(32):
        assert abs(top_growth(CRITICAL.evaluate(30, dimension=dimension), dimension)) < mpmath.mpf(10) ** -29


def test_precise_and_double_values_agree() -> None:
    assert float(CRITICAL.evaluate(22, dimension=3)) == pytest.approx(CRITICAL(dimension=3), rel=1e-14)


def test_high_dimension_refuses_more_digits_than_it_has() -> None:
    with pytest.raises(DomainError, match="up to dimension 48, not 60"):
        CRITICAL.evaluate(30, dimension=60)
