"""Adam near a saddle: its law against the definition and against SGD at the scaled rate."""

from __future__ import annotations

import pytest

from theory.gate import gate
from theory.stability.adam_laws import LARGE_EPSILON, SMALL_EPSILON
from theory.stability.exponents_elementary import NORMAL

CURVATURE = {"curvature_mean": -0.37, "curvature_std": 0.91}


def test_the_law_agrees_with_steps_of_adam() -> None:
    assert max(point.error for point in gate(LARGE_EPSILON, points=2, seed=5)) <= LARGE_EPSILON.tolerance


def test_epsilon_divides_the_learning_rate() -> None:
    adam = LARGE_EPSILON(learning_rate=0.071, epsilon=0.13, **CURVATURE)
    assert adam == pytest.approx(NORMAL(learning_rate=0.071 / 0.13, **CURVATURE), rel=1e-12)


def test_without_epsilon_every_step_takes_a_larger_rate() -> None:
    growth = [SMALL_EPSILON(learning_rate=0.31, second_decay=0.81, steps=steps, **CURVATURE) for steps in (3, 4)]
    fourth = NORMAL(learning_rate=0.31 * 0.81**-2, **CURVATURE)
    assert growth[1] - growth[0] == pytest.approx(fourth, rel=1e-11)


def test_the_law_without_epsilon_agrees_with_quadrature() -> None:
    assert max(point.error for point in gate(SMALL_EPSILON, points=1, seed=5)) <= SMALL_EPSILON.tolerance
