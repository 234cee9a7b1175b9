"""Laws of fluctuations: gates, limits, and experiments against known values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from checks.stability.fluctuation import epoch_of_sgd, exits, exits_of_sgd
from numerics.ensemble import Chunk
from theory.errors import DomainError
from theory.gate import gate
from theory.law import Law
from theory.stability.exponents_elementary import NORMAL
from theory.stability.fluctuation_epoch import EPOCH
from theory.stability.fluctuation_escape import ESCAPE_TIME_DISTRIBUTION, ESCAPE_TIME_MEAN
from theory.stability.fluctuation_laws import FLUCTUATION_LAWS
from theory.stability.fluctuation_moments import MOMENT_NORMAL, MOMENT_UNIFORM
from theory.stability.fluctuation_roots import ESCAPE_PROBABILITY, KESTEN_TAIL, MOMENT_ROOT, ON_OFF
from theory.stability.fluctuation_times import SDE
from theory.stability.fluctuation_variance import LOG_VARIANCE, log_variance

SADDLE = {"learning_rate": 0.5, "curvature_mean": -0.43, "curvature_std": 1.0}
MINIMUM = {"learning_rate": 0.82, "curvature_mean": 0.11, "curvature_std": 0.97}


@pytest.mark.parametrize("law", FLUCTUATION_LAWS, ids=lambda law: law.id)
def test_law_agrees_with_its_definition(law: Law) -> None:
    assert max(point.error for point in gate(law, points=2, seed=7)) <= law.tolerance


def test_log_variance_is_pi_squared_over_eight_where_the_mean_multiplier_vanishes() -> None:
    assert LOG_VARIANCE(learning_rate=0.8, curvature_mean=1.25, curvature_std=0.7) == pytest.approx(math.pi**2 / 8)


def test_log_variance_of_a_narrow_multiplier_is_its_relative_variance() -> None:
    narrow = 1e-4
    assert float(log_variance(1.0, narrow)) == pytest.approx(narrow**2 * (1 + 2.5 * narrow**2), rel=1e-9)


def test_log_variance_joins_smoothly_where_the_method_changes() -> None:
    below, above = (float(log_variance(1.0, 1 / math.sqrt(x))) * x for x in (799.9, 800.1))
    assert below == pytest.approx(above, rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(m=st.floats(-0.6, 0.9), s=st.floats(0.4, 1.3))
def test_second_derivative_of_the_moment_exponent_is_the_log_variance(m: float, s: float) -> None:
    point = {"learning_rate": 0.7, "curvature_mean": m, "curvature_std": s}
    step = 1e-3
    up, down = (MOMENT_NORMAL(**point, moment_order=p) for p in (step, -step))
    assert (up + down) / step**2 == pytest.approx(LOG_VARIANCE(**point), rel=1e-4)
    assert (up - down) / (2 * step) == pytest.approx(NORMAL(**point), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(m=st.floats(-0.5, 0.9), s=st.floats(0.5, 1.2))
def test_root_has_the_sign_opposite_to_the_exponent_and_kills_the_moment(m: float, s: float) -> None:
    point = {"learning_rate": 0.8, "curvature_mean": m, "curvature_std": s}
    drift = NORMAL(**point)
    assume(abs(drift) > 1e-3)
    root = MOMENT_ROOT(**point)
    assert root * drift < 0
    assert MOMENT_NORMAL(**point, moment_order=root) == pytest.approx(0.0, abs=1e-10)


def test_attractive_saddles_have_a_root_below_one() -> None:
    assert 0 < MOMENT_ROOT(learning_rate=0.7, curvature_mean=-0.05, curvature_std=0.9) < 1


def test_tail_and_excursions_share_the_root() -> None:
    assert KESTEN_TAIL(**MINIMUM) == ESCAPE_PROBABILITY(**MINIMUM) == MOMENT_ROOT(**MINIMUM)
    assert ON_OFF(**SADDLE) == -MOMENT_ROOT(**SADDLE)


@pytest.mark.parametrize(("law", "point"), [(KESTEN_TAIL, SADDLE), (ON_OFF, MINIMUM)], ids=["tail", "visits"])
def test_power_laws_refuse_the_wrong_sign_of_the_exponent(law: Law, point: dict[str, float]) -> None:
    with pytest.raises(DomainError, match="Lambda must be"):
        law(**point)


def test_uniform_moment_of_order_two_is_the_second_moment() -> None:
    value = MOMENT_UNIFORM(learning_rate=0.5, lower_curvature=-1.0, upper_curvature=3.0, moment_order=2.0)
    assert math.exp(value) == pytest.approx(1 - 0.5 * 2 * 1.0 + 0.25 * (1.0 + 16 / 12))


def test_median_of_the_escape_law_lies_below_the_mean_escape_time() -> None:
    point = {"learning_rate": 0.21, "curvature_mean": -0.17, "curvature_std": 0.98, "log_ratio": 3.1}
    mean = ESCAPE_TIME_MEAN(**point)
    assert 0.5 < ESCAPE_TIME_DISTRIBUTION(**point, steps=mean) < 0.8
    assert ESCAPE_TIME_DISTRIBUTION(**point, steps=200 * mean) == pytest.approx(1.0, abs=1e-12)


def test_discrete_exponent_leaves_the_diffusion_by_half_the_squared_mean() -> None:
    small = {"learning_rate": 0.003, "curvature_mean": 0.8, "curvature_std": 0.6}
    gap = NORMAL(**small) - SDE(**small)
    assert gap / (0.003 * 0.8) ** 2 == pytest.approx(-0.5, abs=0.01)


def test_epoch_of_single_samples_does_not_fluctuate() -> None:
    data = [0.43, -0.71, 1.87, 2.63, -0.22]
    growth = epoch_of_sgd(Chunk(50, seed=3), learning_rate=0.93, curvatures=data, batch_size=1)
    expected = EPOCH(learning_rate=0.93, curvatures=data, batch_size=1)
    assert torch.allclose(growth, torch.full_like(growth, expected), atol=1e-12)


def test_epoch_refuses_a_batch_that_does_not_divide_the_data() -> None:
    with pytest.raises(DomainError, match="must divide"):
        EPOCH(learning_rate=0.5, curvatures=[0.1, 0.2, 0.4], batch_size=2)


@pytest.mark.parametrize("run", [exits, exits_of_sgd])
def test_exits_record_a_positive_overshoot_and_the_walk_obeys_wald(run: Callable[..., Any]) -> None:
    keys = {"learning_rate": 0.5, "curvature_mean": -1.7, "curvature_std": 0.4}
    time, over = run(Chunk(4000, seed=5), log_ratio=3.0, horizon=200, **keys)
    assert bool((over > 0).all())
    assert float(time.mean() * NORMAL(**keys)) == pytest.approx(3.0 + float(over.mean()), rel=0.02)


def test_exits_beyond_the_horizon_are_missing() -> None:
    time, over = exits(Chunk(100, seed=1), log_ratio=50.0, horizon=20, **SADDLE)
    assert bool(torch.isnan(time).all())
    assert bool(torch.isnan(over).all())
