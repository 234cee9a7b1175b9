"""The literal processes behind the oracles of the symmetry family."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from theory.symmetry.balanced_model import BalancedModel
from theory.symmetry.balanced_oracle import literal_slope
from theory.symmetry.process_oracles import OrbitProcess, heavy_ball_moments, momentum_temperature, slope_at_zero


def test_slope_at_zero_is_exact_for_polynomials():
    assert slope_at_zero(lambda x: 2 * x - 7 * x**2 + x**3, 3) == pytest.approx(2.0, rel=1e-13)


def test_drift_of_the_process_counts_decay_and_noise():
    process = OrbitProcess((2, -1), (0.7, 1.2), (0.5, 0.9), mpmath.mpf("0.1"), mpmath.mpf("0.3"))
    wanted = 2 * (0.1 * 0.5 - 2 * 0.3 * 0.49) - (0.1 * 0.9 - 2 * 0.3 * 1.44)
    assert process.drift(mpmath.mpf(0)) == pytest.approx(wanted, rel=1e-12)


def test_moments_of_heavy_ball_agree_with_a_run():
    rng = np.random.default_rng(5)
    eta, decay, mu, size = 0.3, 1.1, 0.6, 4000
    theta, v = np.zeros(size), np.zeros(size)
    total, count = 0.0, 0
    for step in range(1200):
        v = mu * v + rng.choice([-1.0, 1.0], size) * math.sqrt(0.7) + decay * theta
        theta = theta - eta * v
        if step >= 200:
            total, count = total + (theta**2).mean(), count + 1
    exact = heavy_ball_moments(mpmath.mpf("0.7"), mpmath.mpf(eta), mpmath.mpf(decay), mpmath.mpf(mu))[0]
    assert total / count == pytest.approx(float(exact), rel=0.01)


def test_temperature_without_momentum_is_learning_rate_over_batch_size():
    assert momentum_temperature(mpmath.mpf("0.04"), 2, 0) == pytest.approx(0.02, rel=1e-12)


@pytest.mark.parametrize("factors", [2, 3, 5])
def test_literal_slope_of_an_array_equals_that_of_one_number(factors):
    model = BalancedModel(factors, 1.1, 1.4, 0.6, 0.2, 1.3, 0.07, 0.0)
    places = np.array([0.03, 0.4, 2.7])
    exact = BalancedModel(factors, *map(mpmath.mpf, (1.1, 1.4, 0.6, 0.2, 1.3, 0.07, 0.0)))
    single = [float(literal_slope(exact)(mpmath.mpf(v))) for v in places]
    assert literal_slope(model)(places) == pytest.approx(single, rel=1e-8)
