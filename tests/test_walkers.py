"""Walker ensembles: laws of a step, exits over exposure, time averages."""

from __future__ import annotations

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
