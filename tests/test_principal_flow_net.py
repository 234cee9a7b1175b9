"""The tanh network on the digits: derivatives, minimum, and the slice with its closed gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from numerics.errors import NumericsError
from numerics.flows import gradient_and_hessian
from numerics.tanh_net import PARAMETERS, TanhNet, UnitSlice, descend, initial, minimum


def test_the_gradient_vanishes_at_a_minimum_and_the_hessian_is_positive():
    slope, hessian = gradient_and_hessian(TanhNet(weight_decay=0.01), minimum(2))
    assert slope.norm() < 1e-12
    assert torch.linalg.eigvalsh(hessian)[0] > 0


@pytest.mark.parametrize(("batch", "batches"), [(0, 1), (2, 40)])
def test_closed_gradient_of_a_slice_equals_autograd(batch, batches):
    part = UnitSlice(3, batch, batches)
    shift = np.array([0.13, -0.21, 0.34])
    slope, _ = gradient_and_hessian(part.loss, torch.from_numpy(shift))
    assert part.gradient(shift) == pytest.approx(slope.numpy(), abs=1e-14)


def test_batches_of_the_data_average_to_the_full_loss():
    theta = initial(4)
    parts = [float(TanhNet(b, 4)(theta)) for b in range(4)]
    assert np.mean(parts) == pytest.approx(float(TanhNet()(theta)))


def test_descent_lowers_the_loss_and_leaves_its_start_alone():
    start = initial(1)
    kept = start.clone()
    assert TanhNet()(descend(TanhNet(), start, 0.2, 20)) < TanhNet()(start)
    assert torch.equal(start, kept)


def test_a_vector_of_the_wrong_length_is_refused():
    with pytest.raises(NumericsError, match=str(PARAMETERS)):
        TanhNet()(torch.zeros(5, dtype=torch.float64))


@pytest.mark.parametrize("kind", [torch.float64, torch.complex128])
def test_closed_derivatives_equal_autograd_at_real_and_complex_points(kind):
    net = TanhNet(1, 3, weight_decay=0.02)
    theta = initial(5).to(kind) * (1.1 if kind == torch.float64 else 1.1 + 0.07j) + 0.03
    closed = net.derivatives(theta)
    automatic = gradient_and_hessian(lambda z: net(z), theta)
    for a, b in zip(closed, automatic):
        assert (a - b).abs().max() < 1e-13
