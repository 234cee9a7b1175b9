"""Chunks: reproducible, independent of order, distinct from each other."""

from __future__ import annotations

import pytest
import torch

from numerics.curvature import CURVATURE_LAWS, draw_curvature
from numerics.ensemble import Chunk, chunk_at, chunk_seed, reduce_in_order

EXPECTED_MOMENTS = {
    "two_point": ({"probability": 0.3, "first_curvature": 1.7, "second_curvature": -0.4}, 0.23, 0.9261),
    "normal": ({"curvature_mean": 0.2, "curvature_std": 1.3}, 0.2, 1.69),
    "uniform": ({"lower_curvature": -0.3, "upper_curvature": 1.5}, 0.6, 0.27),
    "exponential": ({"curvature_scale": 0.7}, 0.7, 0.49),
    "gamma": ({"curvature_shape": 2.3, "curvature_scale": 0.4}, 0.92, 0.368),
    "chi_squared": ({"degrees_of_freedom": 3, "curvature_scale": 0.4}, 1.2, 0.96),
    "squared_normal": ({"input_mean": 0.5, "input_std": 0.8}, 0.89, 1.4592),
    "negative_squared_normal": ({"input_std": 0.8}, -0.64, 0.8192),
    "laplace": ({"curvature_mean": 0.3, "curvature_scale": 0.6}, 0.3, 0.72),
    "product_normal": ({"first_std": 0.7, "second_std": 1.1}, 0.0, 0.5929),
    "arcsine": ({"lower_curvature": -0.5, "upper_curvature": 1.3}, 0.4, 0.405),
    "semicircle": ({"curvature_mean": 0.4, "curvature_radius": 1.2}, 0.4, 0.36),
    "empirical": ({"curvatures": [0.2, -0.5, 1.4], "weights": [1.0, 2.0, 1.0]}, 0.15, 0.6025),
}


@pytest.mark.parametrize("law", [x for x in CURVATURE_LAWS if x != "cauchy"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_curvature_draws_have_the_moments_of_their_law(law: str, batch_size: int) -> None:
    parameters, mean, variance = EXPECTED_MOMENTS[law]
    draws = draw_curvature(Chunk(200_000, 3), law, 200_000, batch_size=batch_size, **parameters)
    error = (variance / batch_size / 200_000) ** 0.5
    assert abs(draws.mean().item() - mean) < 5 * error
    assert draws.var().item() == pytest.approx(variance / batch_size, rel=0.04)


def test_cauchy_draws_have_the_quartiles_of_their_law() -> None:
    draws = draw_curvature(
        Chunk(200_000, 3), "cauchy", 200_000, batch_size=2, curvature_location=0.3, curvature_scale=0.7
    )
    quartiles = torch.quantile(draws, torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    assert quartiles.tolist() == pytest.approx([-0.4, 0.3, 1.0], abs=0.02)


def test_subsets_without_replacement_have_distinct_members_and_finite_population_variance() -> None:
    atoms = [0.2, -0.5, 1.4, 0.9, 2.2]
    draws = draw_curvature(
        Chunk(100_000, 1), "empirical", 100_000, batch_size=3, curvatures=atoms, replacement="without"
    )
    population = torch.tensor(atoms, dtype=torch.float64).var(correction=0).item()
    assert draws.var().item() == pytest.approx(population / 3 * (5 - 3) / (5 - 1), rel=0.02)


def test_chunks_are_the_same_whatever_comes_before_them() -> None:
    whole = [chunk_at(index, 16, root=7, stream="s").normal(4) for index in range(4)]
    tail = [chunk_at(index, 16, root=7, stream="s").normal(4) for index in (3, 2)]
    assert all(torch.equal(a, b) for a, b in zip(whole[:1:-1], tail, strict=True))


def test_streams_of_different_checks_and_seeds_differ() -> None:
    seeds = {chunk_seed(root, stream, index) for root in (0, 1) for stream in ("a", "b") for index in range(50)}
    assert len(seeds) == 200


def test_states_are_merged_in_the_order_given() -> None:
    assert reduce_in_order(iter("abc"), lambda a, b: a + b) == "abc"
