"""Two nearly tied tanh units on the digits."""

from __future__ import annotations

import pytest
import torch

from checks.stability.tied_net import growth_rate, predicted_fate
from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.minibatch import gradients
from numerics.tied_network import (
    Task,
    difference,
    nearly_tied,
    noise_per_component,
    tanh_loss,
    untying_fate,
    untying_growth,
    whitened,
)


def test_inputs_have_unit_covariance_and_mean_zero() -> None:
    x = whitened(5)
    assert torch.allclose(x @ x.T / x.shape[1], torch.eye(5, dtype=torch.float64), atol=1e-12)
    assert x.mean(1).abs().max() < 1e-12


@pytest.mark.parametrize("dimension", [0, 65])
def test_an_impossible_dimension_is_refused(dimension: int) -> None:
    with pytest.raises(NumericsError, match="choose one inside"):
        whitened(dimension)


def test_the_batch_mean_of_y_x_has_the_stated_covariance() -> None:
    x, y = Task(3, 0.7, 4).draw(Chunk(40000, 11))
    kick = (x * y[:, None]).mean(0)
    expected = noise_per_component(0.7, 4) ** 2 * torch.eye(3, dtype=torch.float64)
    assert torch.allclose(kick @ kick.T / 40000, expected, atol=0.015)
    assert kick.mean(1).abs().max() < 0.015


def test_the_start_splits_both_layers_by_the_same_small_factor() -> None:
    u, w = difference(nearly_tied(Chunk(50, 2), 4, 0.1, 1e-3))
    assert torch.allclose(torch.linalg.vector_norm(w, dim=0), torch.full((50,), 2e-4, dtype=torch.float64))
    assert torch.allclose(u, torch.full((50,), 0.8e-4, dtype=torch.float64))


def test_tied_units_have_equal_gradients() -> None:
    chunk = Chunk(6, 3)
    slope = gradients(tanh_loss, nearly_tied(chunk, 3, 0.8, 0.0), Task(3, 0.5).draw(chunk))
    assert torch.equal(slope["w"][0], slope["w"][1])
    assert torch.equal(slope["u"][0], slope["u"][1])


def test_the_difference_moves_by_the_matrix_of_the_batch() -> None:
    chunk = Chunk(8, 4)
    p = nearly_tied(chunk, 3, 1e-8, 1e-3)
    x, y = Task(3, 0.5).draw(chunk)
    u, w = difference(p)
    slope_u, slope_w = difference(gradients(tanh_loss, p, (x, y)))
    kick = (x * y[:, None]).mean(0)
    assert torch.allclose(slope_u, -(w * kick).sum(0), rtol=1e-9, atol=0)
    assert torch.allclose(slope_w, -u * kick, rtol=1e-9, atol=0)


def test_decay_without_learning_rate_noise_shrinks_by_its_factor() -> None:
    grown = untying_growth(Chunk(4, 5), Task(3, 0.5), 1e-6, 10, 0, weight_decay=1e5)
    assert torch.allclose(grown, torch.full((4,), 0.9, dtype=torch.float64).log(), atol=1e-5)


def test_growth_beyond_the_linear_neighbourhood_is_refused() -> None:
    with pytest.raises(NumericsError, match="start smaller"):
        untying_growth(Chunk(4, 6), Task(3, 0.5), 0.1, 2, 0, size=0.1)


def test_separated_units_are_not_counted_as_tied() -> None:
    settings = {"weight_decay": 0.0, "size": 0.05, "split": 1e-3}
    fates = untying_fate(Chunk(20, 7), Task(4, 1.0), 0.3, 30, exit_radius=1e-5, **settings)
    assert torch.equal(fates[:, 0], torch.ones(20, dtype=torch.float64))
    assert torch.equal(fates[:, 1], torch.zeros(20, dtype=torch.float64))


def test_the_predicted_fate_changes_where_noise_balances_decay() -> None:
    keys = {"learning_rate": 0.2, "weight_decay": 0.05}
    assert predicted_fate(0.3, label_noise_std=0.2, **keys) == [0.0, 1.0]
    assert predicted_fate(0.3, label_noise_std=3.0, **keys) == [1.0, 0.0]
    assert growth_rate(0.25, 0.2, 3.0) == pytest.approx(0.25 * 0.04 * 2.5)
