"""The numeric oracles of the escape family reproduce what is known without them."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from theory.escape.chain_laws import _harmonic_offset
from theory.escape.rate_oracles import hermite_landscape
from theory.escape.update_oracles import atoms_with_moments, covariance_step, regression_square, squared_growth


def test_radau_law_has_the_moments_it_was_built_from():
    places, weights = (0.3, 1.1, 1.9), (0.2, 0.5, 0.3)
    moments = [mpmath.mpf(sum(w * x**k for x, w in zip(places, weights, strict=True))) for k in range(1, 5)]
    law = atoms_with_moments(moments)
    assert sum(w for _, w in law) == pytest.approx(1.0)
    for k, wanted in enumerate(moments, 1):
        assert float(sum(w * x**k for x, w in law)) == pytest.approx(float(wanted), rel=1e-12)


def test_enumerated_batches_agree_with_a_simulation():
    rng = np.random.default_rng(3)
    size, rate, place = 3, 0.4, 0.7
    x = rng.choice([0.0, 1.3, -1.3], p=[0.4, 0.3, 0.3], size=(200_000, size))
    e = rng.choice([0.8, -0.8], size=x.shape)
    moved = place - rate * ((x * place - e) * x).mean(1)
    atoms = [(mpmath.mpf(0), mpmath.mpf("0.4")), (mpmath.mpf("1.3"), mpmath.mpf("0.6"))]
    exact = float(regression_square(rate, size, atoms, mpmath.mpf("0.64"))(place))
    assert abs((moved**2).mean() - exact) < 5 * (moved**2).std() / math.sqrt(len(moved))


def test_growth_of_one_gaussian_sample_in_one_direction():
    # E (1 - e x^2)^2 with E x^2 = 1, E x^4 = 3
    assert squared_growth(0.3, 1, 1) == pytest.approx(1 - 2 * 0.3 + 3 * 0.09)


def test_covariance_step_without_labels_shrinks_to_the_squared_growth():
    start = np.diag([1.0, 0.0, 0.0])
    moved = covariance_step(0.2, 4, [1.0] * 3, 0.0, start)
    assert float(np.trace(moved)) == pytest.approx(squared_growth(0.2, 4, 3))


def test_harmonic_offset_is_the_overshoot_constant():
    assert _harmonic_offset() == pytest.approx(float(-mpmath.zeta(0.5) / mpmath.sqrt(2 * mpmath.pi)), abs=1e-12)


def test_landscape_meets_its_curvatures_and_levels():
    coefficients, place = hermite_landscape(mpmath.mpf("2.3"), mpmath.mpf("1.7"), mpmath.mpf("-0.9"))
    curve = np.polynomial.Polynomial([float(a) for a in coefficients])
    ends = np.array([0.0, float(place)])
    assert curve(ends) == pytest.approx([1.0, 2.3])
    assert curve.deriv()(ends) == pytest.approx([0.0, 0.0], abs=1e-12)
    assert curve.deriv(2)(ends) == pytest.approx([1.7, -0.9])
