"""The exact transfer operator of one-dimensional chains."""

from __future__ import annotations

import math

import numpy as np
import pytest

import theory
from numerics.errors import NumericsError
from numerics.transfer_operator import exit_rate, gaussian_chain, gth_solve, kernel, mean_exit_updates, regression_sgd


def test_rows_and_leaks_sum_to_one():
    matrix, leak = kernel(regression_sgd(0.2, 2, 40), np.linspace(-0.7, 0.7, 41))
    assert np.allclose(matrix.sum(1) + leak, 1.0, atol=1e-10)


def test_elimination_without_subtraction_keeps_long_times():
    leak = np.array([1e-18, 1e-18])
    assert gth_solve(np.array([[0.5, 0.5], [0.5, 0.5]]), leak) == pytest.approx([1e18, 1e18])


def test_gaussian_chain_agrees_with_the_collocation_of_the_theory():
    law = theory.law("escape.mean_passage_iterations.gaussian_noise")
    assert mean_exit_updates(gaussian_chain(0.17, 1.6), math.sqrt(0.7), 60) == pytest.approx(
        law(learning_rate=0.17, batch_size=1.6, barrier_ratio=1.7), rel=1e-4
    )


def test_real_sgd_has_the_tabled_time():
    assert mean_exit_updates(regression_sgd(0.1, 1, 60), math.sqrt(0.4), 60) == pytest.approx(350.2, rel=3e-3)


def test_exit_rate_is_one_over_the_time_for_rare_exits():
    components = gaussian_chain(0.1, 2.0)
    level = math.sqrt(0.5)
    assert exit_rate(components, level, 60) * mean_exit_updates(components, level, 60) == pytest.approx(1, rel=0.02)


def test_empty_batches_are_refused():
    with pytest.raises(NumericsError, match="at least one"):
        regression_sgd(0.1, 0)
