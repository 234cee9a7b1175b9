"""Vector inputs with signal and noise: the exact chain, and the law against its definition."""

from __future__ import annotations

import pytest
import torch

import theory
from checks.stability.freezing import frozen_slope, slope_beyond_freezing
from checks.stability.signal import growth_at_step, signal_chain_growth, signal_sgd_growth
from numerics.ensemble import Chunk
from theory.gate import gate
from theory.stability.matrix_signal import SIGNAL

SETTINGS = {"step": 0.09, "steps": 40, "burn_in": 5}


def test_the_law_agrees_with_the_eigenvalues_of_moments() -> None:
    assert max(point.error for point in gate(SIGNAL, points=3, seed=2)) <= SIGNAL.tolerance


def test_one_dimension_is_the_scalar_net() -> None:
    assert SIGNAL(signal_ratio=3.7, dimension=1) == pytest.approx(3.2, rel=1e-12)
    scalar = theory.law("stability.exponent.normal")(learning_rate=0.05, curvature_mean=-0.185, curvature_std=1.0)
    assert growth_at_step(3.2, signal_ratio=3.7, step=0.05) == pytest.approx(scalar, rel=1e-12)


def test_chain_and_sgd_grow_alike() -> None:
    chain, sgd = (
        simulate(Chunk(4096, 11), signal_ratio=2.3, dimension=4, **SETTINGS)
        for simulate in (signal_chain_growth, signal_sgd_growth)
    )
    error = float(torch.sqrt(chain.var() / 4096 + sgd.var() / 4096))
    assert abs(float(chain.mean() - sgd.mean())) < 5 * error


def test_frozen_slope_is_that_of_the_largest_run() -> None:
    law = {"learning_rate": 0.57, "curvature_mean": -0.31, "curvature_std": 0.83, "steps": 31, "replicas": 400}
    order = theory.law("stability.freezing.ensemble_moment")(**law)
    seen = slope_beyond_freezing(Chunk(200, 4), orders=(12.0, 18.0), **law)
    assert float(seen.mean()) == pytest.approx(frozen_slope(order, **law), rel=0.05)
