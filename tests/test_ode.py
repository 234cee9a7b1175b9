"""The batched adaptive integrator against closed solutions and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from numerics.errors import NumericsError
from numerics.ode import integrate


def test_rows_end_at_their_own_times() -> None:
    rates = torch.tensor([0.3, 1.7, 40.0], dtype=torch.float64)
    duration = torch.tensor([1.1, 2.3, 0.7], dtype=torch.float64)
    found = integrate(lambda t, y, rows: -rates[rows] * y, torch.ones(1, 3, dtype=torch.float64), duration)
    assert torch.allclose(found.state[0], torch.exp(-rates * duration), rtol=1e-7, atol=1e-10)


def test_agrees_with_an_independent_integrator_on_a_nonlinear_field() -> None:
    def lotka(t: float, y: np.ndarray) -> np.ndarray:
        return np.array([y[0] * (1.1 - 0.4 * y[1]) + 0.1 * np.sin(t), y[1] * (0.3 * y[0] - 0.7)])

    reference = solve_ivp(lotka, (0.0, 9.0), [1.3, 0.6], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]

    def field(t: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return torch.stack([y[0] * (1.1 - 0.4 * y[1]) + 0.1 * torch.sin(t), y[1] * (0.3 * y[0] - 0.7)])

    found = integrate(field, torch.tensor([[1.3], [0.6]], dtype=torch.float64), 9.0).state[:, 0]
    assert np.allclose(found.numpy(), reference, rtol=1e-6)


def test_tighter_tolerance_means_smaller_error() -> None:
    start = torch.ones(1, 1, dtype=torch.float64)
    errors = [
        abs(float(integrate(lambda t, y, rows: -y, start, 2.0, rtol=r, atol=r).state) - np.exp(-2))
        for r in (1e-4, 1e-8)
    ]
    assert errors[1] < errors[0] * 1e-2


def test_zero_duration_returns_the_start() -> None:
    start = torch.full((2, 3), 0.7, dtype=torch.float64)
    assert torch.equal(integrate(lambda t, y, rows: y, start, 0.0).state, start)


def test_explosion_and_negative_time_are_errors() -> None:
    start = torch.ones(1, 1, dtype=torch.float64)
    with pytest.raises(NumericsError, match="time"):
        integrate(lambda t, y, rows: y**2, start, 2.0, max_steps=2000)
    with pytest.raises(NumericsError, match="negative"):
        integrate(lambda t, y, rows: y, start, -1.0)
