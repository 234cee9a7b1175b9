"""Critical learning rates in closed form, zeros of finite data, and the experiments which look for them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from checks.stability.criteria import in_stretches
from checks.stability.zero_counts import count_indicators, rates_between_poles, zeros_passed
from numerics.ensemble import Chunk
from theory.errors import DomainError

ARCSINE_RATE = theory.law("stability.critical_learning_rate.arcsine")
ARCSINE = theory.law("stability.exponent.arcsine")


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.9, 1.9), st.floats(0.3, 2.0))
def test_arcsine_exponent_vanishes_at_its_critical_rate(lower: float, width: float) -> None:
    upper = max(lower, -lower / 3) + width
    rate = ARCSINE_RATE(lower_curvature=lower, upper_curvature=upper)
    assert abs(ARCSINE(learning_rate=rate, lower_curvature=lower, upper_curvature=upper)) < 1e-9
    assert ARCSINE(learning_rate=1.02 * rate, lower_curvature=lower, upper_curvature=upper) > 0


def test_both_branches_of_the_arcsine_rate_join() -> None:
    below, above = (ARCSINE_RATE(lower_curvature=0.37, upper_curvature=5 * 0.37 * x) for x in (1 - 1e-12, 1 + 1e-12))
    assert below == pytest.approx(above, rel=1e-9)


def test_arcsine_saddle_that_never_attracts_has_no_critical_rate() -> None:
    with pytest.raises(DomainError, match="no learning rate attracts"):
        ARCSINE_RATE(lower_curvature=-1.9, upper_curvature=0.6)


def test_arcsine_rate_agrees_with_quadrature() -> None:
    assert max(point.error for point in theory.gate(ARCSINE_RATE, 2)) < 1e-9


def test_rates_between_poles_ascend_and_avoid_the_poles() -> None:
    curvatures = [2.3, 0.7, 1.1]
    rates = rates_between_poles(curvatures)
    assert list(rates) == sorted(set(rates))
    assert not set(rates) & {1 / h for h in curvatures}


@pytest.mark.parametrize("sgd", [False, True])
def test_runs_pass_as_many_zeros_as_the_law_counts(sgd: bool) -> None:
    curvatures = [0.13, 0.52, 2.71]
    count = theory.law("stability.concavity.empirical")(curvatures=curvatures)
    seen = zeros_passed(Chunk(256, 3), curvatures=curvatures, steps=200, sgd=sgd).mean(0)
    assert (seen - torch.tensor(count_indicators(count, curvatures=curvatures))).abs().max() < 0.05


def test_stretches_add_their_growth() -> None:
    def grow(part: Chunk, steps: int) -> torch.Tensor:
        return torch.arange(part.replicas).double() / steps

    assert in_stretches(Chunk(2, 0), 50, grow, stretch=25).tolist() == [0 + 2, 1 + 3]
