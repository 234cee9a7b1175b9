"""Walker ensembles: laws of a step, exits over exposure, time averages."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import theory
from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.walkers import (
    chain_step,
    features,
    first_passage,
    minibatch_step,
    regression_step,
    renewals,
    sde_step,
    time_average,
)
from numerics.walkers_exact import double_well_time, double_well_time_plane, radial_time
from numerics.walkers_line import double_well_survival, radial_tail_index, well_kurtosis
from numerics.walkers_models import (
    covariant_chain_step,
    double_well_minibatch_step,
    growth,
    linear_chain_step,
    log_distance_drift,
)
from numerics.walkers_plane import anisotropic_well_time


@pytest.mark.parametrize(
    ("law", "kurtosis"), [("gaussian", 3.0), ("rademacher", 1.0), ("uniform", 1.8), ("laplace", 6.0), ("atoms=2.4", 2.4)]
)  # fmt: skip
def test_features_have_unit_variance_and_their_kurtosis(law, kurtosis):
    x = features(Chunk(400_000, 3), law, 400_000)
    assert float(x.square().mean()) == pytest.approx(1.0, rel=0.02)
    assert float((x**4).mean()) == pytest.approx(kurtosis, rel=0.06)


def test_unknown_features_are_refused():
    with pytest.raises(NumericsError, match="choose gaussian"):
        features(Chunk(2, 1), "cauchy", 2)


def test_batches_and_their_law_in_one_dimension_agree():
    start = torch.full((1, 200_000), 0.6, dtype=torch.float64)
    one = minibatch_step(Chunk(200_000, 1), 0.3, 2, torch.tensor([0.9], dtype=torch.float64))(start)
    two = regression_step(Chunk(200_000, 2), 0.3, 2, 0.81)(start)
    assert float(one.mean() - two.mean()) == pytest.approx(0, abs=4e-3)
    assert float(one.var() / two.var()) == pytest.approx(1, rel=0.02)


def test_additive_sde_has_its_gaussian_variance():
    step = sde_step(Chunk(2048, 5), 0.2, 0.02, kurtosis=1.0)
    mean = time_average(step, torch.zeros(1, 2048, dtype=torch.float64), lambda d: (d * d).sum(0), 300, 50, 20).mean()
    assert float(mean) == pytest.approx(0.1 / (1 - 0.01), rel=0.04)


def test_censored_runs_count_as_exposure():
    step = chain_step(Chunk(4096, 7), 0.2, 1.0)
    start = torch.zeros(1, 4096, dtype=torch.float64)
    outside = lambda d: (d * d).sum(0) > 0.5  # noqa: E731
    short, restarted = first_passage(step, start, outside, 40), renewals(step, start, outside, 400)
    assert float(short.exposure.max()) == 40
    assert float(short.events.max()) == 1
    mean = theory.law("escape.mean_passage_iterations.gaussian_noise")(
        learning_rate=0.2, batch_size=1.0, barrier_ratio=1.5
    )
    assert float(restarted.events.sum() / restarted.exposure.sum()) * mean == pytest.approx(1, rel=0.08)


def test_finite_volumes_agree_with_the_exact_laws():
    law = theory.law("escape.mean_passage_time.double_well")
    assert double_well_time(0.13, 2.3, 1.7) == pytest.approx(
        law(temperature=0.13, barrier_ratio=2.3, feature_kurtosis=1.7), rel=1e-9
    )
    radial = theory.law("escape.mean_passage_time.radial")
    assert radial_time("seed", 0.13, 3, 1.9) == pytest.approx(radial(temperature=0.13, dimension=3, barrier_ratio=1.9))


def test_plane_has_the_tabled_ratio_to_langers_rate():
    rate = theory.law("escape.escape_rate.multi_dimensional")(
        temperature=0.2, barrier_ratio=3, minimum_curvatures=[16, 4], saddle_curvatures=[-8, 4]
    )
    assert rate * double_well_time_plane(0.2, 3.0, 4.0, 81) == pytest.approx(0.997, abs=0.01)


def test_line_kurtosis_and_tail_agree_with_the_laws():
    kurtosis = theory.law("escape.excess_kurtosis.kurtosis_sde")(temperature=0.11, feature_kurtosis=2.4)
    assert well_kurtosis(0.11, 2.4) == pytest.approx(kurtosis, rel=1e-6)
    tail = theory.law("escape.tail_index.power_law")(temperature=0.41, dimension=2)
    assert radial_tail_index("seed", 0.41, 2, 1e2, 1e3) == pytest.approx(tail, rel=1e-4)


def test_survival_starts_at_one_and_its_integral_is_the_exact_mean():
    shares, mean = double_well_survival(0.1, 1.6, np.array([0.0, 1.0, 5.0]))
    assert shares[0] == pytest.approx(1.0, abs=1e-9)
    assert list(shares) == sorted(shares, reverse=True)
    assert mean == pytest.approx(double_well_time(0.1, 1.6, 2.0), rel=2e-3)


def test_equal_noise_in_the_plane_agrees_with_the_reversible_solver():
    assert anisotropic_well_time(0.1, 2.4, 5.0, 1.0, 91) == pytest.approx(
        double_well_time_plane(0.1, 2.4, 5.0, 121), rel=5e-3
    )


def test_growth_far_away_has_its_first_two_moments():
    size = growth(Chunk(400_000, 4), 0.3, 2, 3)
    # E |M u|^2 = 1 - 2 e + e^2 (1 + (n+1)/B)
    assert float(size.mean()) == pytest.approx(1 - 0.6 + 0.09 * 3, rel=0.01)


def test_well_of_minibatches_has_the_gradient_and_noise_of_its_loss():
    chunk, c, place = Chunk(400_000, 6), 1.7, 0.4
    start = torch.full((1, 400_000), place, dtype=torch.float64)
    gradient = (start - double_well_minibatch_step(chunk, 1.0, 1, c)(start))[0]
    slope, loss, h = 4 * (c - 1) * place * (place**2 - 1), 1 + (c - 1) * (place**2 - 1) ** 2, 8 * (c - 1)
    assert float(gradient.mean()) == pytest.approx(slope, abs=0.03)
    # 2 L h and the square of the gradient: Isserlis for a residual and a slope that are jointly normal
    assert float(gradient.var()) == pytest.approx(2 * loss * h + slope**2, rel=0.03)


def test_heavy_ball_and_covariant_chains_reach_their_laws():
    h, root = torch.tensor([[1.3]], dtype=torch.float64), torch.tensor([[0.8]], dtype=torch.float64)
    chunk = Chunk(20_000, 8)
    step = linear_chain_step(chunk, 0.4, h, root, 0.5)
    state = torch.zeros(2, 20_000, dtype=torch.float64)
    found = time_average(step, state, lambda s: s[0] * s[0], 60, 5, 4).mean()
    law = theory.law("escape.stationary_variance.momentum")
    assert float(found) == pytest.approx(
        law(learning_rate=0.4, momentum=0.5, curvature=1.3, gradient_variance=0.64), rel=0.04
    )
    curvatures = torch.tensor([1.4, 0.9], dtype=torch.float64)
    step = covariant_chain_step(chunk, 0.3, 2, curvatures, 0.7)
    squares = time_average(step, torch.zeros(2, 20_000, dtype=torch.float64), lambda d: d * d, 40, 5, 4).mean(1)
    expected = theory.law("escape.stationary_covariance.gaussian_features")(
        learning_rate=0.3, batch_size=2, curvatures=[1.4, 0.9], noise_variance=0.7
    )
    assert squares.tolist() == pytest.approx(expected, rel=0.06)


def test_log_distance_drifts_as_geometric_brownian_motion():
    drift = log_distance_drift(Chunk(20_000, 9), 0.6, 3, 1.3).mean()
    assert float(drift) == pytest.approx(1.3 * (0.6 * 3 - 2 - 1.2) / 2, abs=0.03)
