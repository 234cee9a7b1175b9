"""The validity atlas: tabled values, the laws it stands for, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.errors import DomainError
from theory.escape.atlas import validity_atlas

# kappa times the exact passage time of the double well, by an independent quadrature
TABLE = {
    0.5: (0.479, 0.834, 0.956, 1.013, 0.977, 0.926, 0.890),
    0.2: (0.854, 1.139, 1.130, 1.049, 0.989, 0.962, 0.950),
    0.1: (1.128, 1.152, 1.079, 1.016, 0.990, 0.980, 0.974),
    0.05: (1.222, 1.070, 1.029, 1.005, 0.994, 0.989, 0.987),
    0.02: (1.101, 1.021, 1.010, 1.002, 0.998, 0.996, 0.995),
}
RATIOS = (1.1, 1.3, 1.5, 2, 3, 5, 10)


def test_double_well_has_the_tabled_errors():
    found = 1 + np.array(validity_atlas(tuple(TABLE), RATIOS))
    assert found == pytest.approx(np.array(list(TABLE.values())), abs=1.1e-3)


@given(t=st.floats(0.02, 0.5), c=st.floats(1.05, 30.0))
@settings(max_examples=8, deadline=None)
def test_one_direction_is_the_rate_law_times_the_exact_time(t, c):
    rate = theory.law("escape.escape_rate.one_dimensional")(
        temperature=t, barrier_ratio=c, minimum_curvature=8 * (c - 1), saddle_curvature=-4 * (c - 1)
    )
    time = theory.law("escape.mean_passage_time.double_well")(temperature=t, barrier_ratio=c, feature_kurtosis=2)
    assert validity_atlas([t], [c])[0][0] == pytest.approx(rate * time - 1, abs=1e-9)


@pytest.mark.parametrize(("t", "n", "c"), [(0.1, 2, 3.0), (0.08, 3, 2.3), (0.3, 2, 20.0)])
def test_several_directions_are_the_two_term_law_against_the_exact_bowl(t, n, c):
    point = {"temperature": t, "dimension": n, "barrier_ratio": c}
    exact, closed = (theory.law(f"escape.mean_passage_time.{name}")(**point) for name in ("radial", "radial_two_term"))
    assert validity_atlas([t], [c], n)[0][0] == pytest.approx(exact / closed - 1, abs=1e-9)


@given(t=st.floats(0.002, 2.0), c=st.floats(1.001, 1e4))
@settings(max_examples=20, deadline=None)
def test_a_point_does_not_depend_on_the_others_of_its_grid(t, c):
    alone = validity_atlas([t], [c])[0][0]
    assert validity_atlas([0.002, t, 2.0], [1.001, c, 1e4])[1][1] == pytest.approx(alone, abs=1e-9)


def test_error_vanishes_with_the_temperature_and_has_the_slope_of_the_first_correction():
    cold = validity_atlas([0.004], [3.4])[0][0]
    correction = theory.law("escape.rate_correction.double_well")(barrier_ratio=3.4, feature_kurtosis=2)
    assert cold / 0.004 == pytest.approx(correction, rel=0.02)


def test_bowls_without_a_closed_form_are_infinite():
    assert validity_atlas([0.3], [1.1], 4) == [[math.inf]]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([0.0], [2.0]), "temperature = 0"),
        (([0.1], [1.0]), "barrier_ratio = 1"),
        (([math.nan], [2.0]), "temperature = nan"),
        (([0.1], [2.0], 0), "dimension = 0"),
        (([0.1], [2.0], True), "dimension = True"),
    ],
)
def test_points_outside_the_reach_are_refused(arguments, word):
    with pytest.raises(DomainError, match=word):
        validity_atlas(*arguments)
