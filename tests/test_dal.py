"""The DAL optimizer: its rate, its orbit of period two, its limits, and its use on a torch module."""

from __future__ import annotations

import pytest
import torch

from numerics.dal import DAL
from numerics.errors import NumericsError

CURVATURES = torch.tensor([3.0, 1.2, 0.4], dtype=torch.float64)


def _vector(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_the_rate_is_two_over_the_relative_drift():
    w = _vector([0.5, -1.0, 2.0])
    optimizer = DAL([w], power=0.7)
    g = CURVATURES * w.detach()
    optimizer.step(lambda: (CURVATURES * w**2).sum() / 2)
    expected = 2 / float((CURVATURES * g).norm() / g.norm()) ** 0.7
    assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_power_one_never_falls_below_the_edge_of_stability():
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        w = torch.randn(3, generator=generator, dtype=torch.float64).requires_grad_(True)
        optimizer = DAL([w])
        optimizer.step(lambda w=w: (CURVATURES * w**2).sum() / 2)
        assert optimizer.param_groups[0]["lr"] >= 2 / 3.0 - 1e-12


def test_along_an_eigenvector_power_one_jumps_to_and_fro():
    w = _vector([0.0, 0.9, 0.0])
    optimizer = DAL([w])
    for sign in (-1, 1, -1):
        optimizer.step(lambda: (CURVATURES * w**2).sum() / 2)
        assert w[1].item() == pytest.approx(sign * 0.9)


def test_the_cap_binds_and_rescues_flat_directions():
    w = _vector([1.0])
    optimizer = DAL([w], cap=0.25)
    optimizer.step(lambda: 2 * w.sum())
    assert w.item() == pytest.approx(0.5)
    with pytest.raises(NumericsError, match="give a cap"):
        DAL([w]).step(lambda: 2 * w.sum())


def test_a_network_learns_with_several_groups():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    inputs = torch.randn(40, 2, dtype=torch.float64)
    targets = (inputs[:, :1] * inputs[:, 1:]).tanh()
    optimizer = DAL([{"params": net[0].parameters()}, {"params": net[2].parameters()}], power=0.5, cap=0.2)
    losses = [float(optimizer.step(lambda: ((net(inputs) - targets) ** 2).mean())) for _ in range(60)]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("options", [{"power": 0.0}, {"power": -1.0}, {"cap": 0.0}])
def test_bad_settings_are_refused(options):
    with pytest.raises(NumericsError, match="must be > 0"):
        DAL([_vector([1.0])], **options)


def test_a_closure_is_needed():
    with pytest.raises(NumericsError, match="closure"):
        DAL([_vector([1.0])]).step()


def test_groups_that_differ_in_power_are_refused():
    a, c = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (1.0, 2.0))
    with pytest.raises(NumericsError, match="share one rate"):
        DAL([{"params": [a]}, {"params": [c], "power": 0.5}])


def test_the_state_of_the_optimizer_can_be_saved_and_loaded():
    w = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    optimizer = DAL([w], power=0.5, cap=1.0)
    optimizer.step(lambda: (w**2).sum() * 4)
    other = DAL([w])
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["power"] == 0.5
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
