"""Fixed-effort splitting against the exact operator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtr

from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.splitting import splitting
from numerics.transfer_operator import gaussian_chain, kernel
from numerics.walkers import chain_step


def committor(learning_rate: float, batch_size: float, start: float, floor: float, top: float) -> float:
    """Probability to exceed ``top`` before falling below ``floor``, on a grid of the exact operator."""
    grid = np.linspace(floor, top, 1201)
    matrix, _ = kernel(gaussian_chain(learning_rate, batch_size), grid)
    component = gaussian_chain(learning_rate, batch_size)[0]
    up = ndtr(-(top - component.mean(grid)) / component.deviation(grid))
    return float(np.interp(start, grid, np.linalg.solve(np.eye(len(grid)) - matrix, up)))


@pytest.mark.parametrize(
    ("top", "levels"), [(0.75, (0.45, 0.6, 0.75)), (1.3, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3))]
)
def test_splitting_agrees_with_the_exact_operator(top, levels):
    exact = committor(0.05, 0.5, 0.3, 0.0, top)
    chunk = Chunk(20, 5)
    start = torch.full((1, 800, 20), 0.3, dtype=torch.float64)
    found = splitting(chunk, chain_step(chunk, 0.05, 0.5), start, lambda d: d[0], levels, 0.0)
    assert abs(found.probability - exact) < 4 * found.standard_error
    assert found.standard_error < 0.1 * exact
    assert found.skipped < 0.4


def test_same_seed_gives_the_same_estimate():
    def once() -> list[float]:
        chunk = Chunk(3, 9)
        start = torch.full((1, 50, 3), 0.3, dtype=torch.float64)
        step = chain_step(chunk, 0.05, 0.5)
        return splitting(chunk, step, start, lambda d: d[0], (0.4, 0.5), 0.0).repeats.tolist()

    assert once() == once()


def test_repeats_without_a_crossing_have_probability_zero():
    chunk = Chunk(4, 2)
    start = torch.full((1, 30, 4), 0.3, dtype=torch.float64)
    found = splitting(chunk, lambda d: d - 0.1, start, lambda d: d[0], (0.4, 0.5), 0.0)
    assert found.repeats.tolist() == [0.0] * 4
    assert found.skipped == 0.0


def test_levels_and_repeats_are_checked():
    chunk = Chunk(4, 2)
    start = torch.zeros(1, 10, 4, dtype=torch.float64)
    with pytest.raises(NumericsError, match="increase"):
        splitting(chunk, lambda d: d, start, lambda d: d[0], (0.5, 0.4), -1.0)
    with pytest.raises(NumericsError, match="at least 2"):
        splitting(chunk, lambda d: d, start[:, :, :1], lambda d: d[0], (0.5,), -1.0)
    with pytest.raises(NumericsError, match="within 7 steps"):
        splitting(chunk, lambda d: d, start, lambda d: d[0], (0.5,), -1.0, limit=7)
