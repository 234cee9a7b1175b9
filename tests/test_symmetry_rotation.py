"""The rotation of matrix charges: symmetric cases without it, gauges, and any number of hidden units."""

from __future__ import annotations

import mpmath
import pytest

import theory

ROTATION = theory.law("symmetry.two_layer_linear.rotation")
BALANCE = theory.law("symmetry.two_layer_linear.representation")
COVARIANCES = {"input_covariance": [[2.0, 0.5], [0.5, 0.3]], "residual_covariance": [[0.6, 0.2], [0.2, 1.8]]}
FACTORS = {"first_factor": [[0.9, 0.3], [-0.2, 1.1]], "second_factor": [[0.8, -0.5], [0.4, 1.2]]}


def test_a_diagonal_network_rests_at_noise_balance_without_rotation() -> None:
    values = {
        "first_factor": [[0.9, 0.0], [0.0, 1.1]], "second_factor": [[0.8, 0.0], [0.0, 1.2]],
        "input_covariance": [[2.0, 0.0], [0.0, 0.3]], "residual_covariance": [[0.6, 0.0], [0.0, 1.8]],
    }  # fmt: skip
    assert ROTATION(**values) == pytest.approx([BALANCE(**values), 0.0], abs=1e-12)


def test_the_value_belongs_to_the_orbit_not_to_the_point_on_it() -> None:
    g, inverse = [[1.0, 0.25], [0.0, 1.0]], [[1.0, -0.25], [0.0, 1.0]]
    moved = {
        "first_factor": [[sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*g, strict=True)]
                         for row in FACTORS["first_factor"]],
        "second_factor": [[sum(a * b for a, b in zip(row, column, strict=True))
                           for column in zip(*FACTORS["second_factor"], strict=True)] for row in inverse],
    }  # fmt: skip
    assert ROTATION(**moved, **COVARIANCES) == pytest.approx(ROTATION(**FACTORS, **COVARIANCES), abs=1e-11)


def test_more_digits_continue_fewer() -> None:
    fine = ROTATION.evaluate(40, **FACTORS, **COVARIANCES)
    with mpmath.workdps(45):
        assert all(
            abs(a - b) < 1e-24 for a, b in zip(ROTATION.evaluate(25, **FACTORS, **COVARIANCES), fine, strict=True)
        )


def test_three_hidden_units_rotate_as_well() -> None:
    spread, speed = ROTATION(
        first_factor=[[0.9, 0.3, 0.1], [-0.2, 1.1, 0.4], [0.3, 0.2, 1.0]],
        second_factor=[[0.8, -0.5, 0.2], [0.4, 1.2, 0.0], [0.1, 0.3, 0.9]],
        input_covariance=[[2.0, 0.5, 0.0], [0.5, 0.3, 0.0], [0.0, 0.0, 1.0]],
        residual_covariance=[[0.6, 0.2, 0.0], [0.2, 1.8, 0.0], [0.0, 0.0, 0.5]],
    )
    assert spread > 0
    assert speed > 0.1


def test_noise_in_no_direction_is_refused() -> None:
    with pytest.raises(theory.DomainError, match="not positive definite"):
        ROTATION(**FACTORS, input_covariance=[[1.0, 1.0], [1.0, 1.0]], residual_covariance=[[1.0, 0.0], [0.0, 1.0]])
