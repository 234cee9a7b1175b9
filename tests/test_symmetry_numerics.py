from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from numerics.balanced_diffusion import BalancedSde, quantile
from numerics.conserved import independent_charges, monomials, null_space, rates
from numerics.ensemble import Chunk
from numerics.errors import InvalidSample, NumericsError
from numerics.norm_chains import norm_chain
from numerics.rescale_models import factor_gradients, scalar_net
from numerics.symmetric_flows import decayed_flow, follow_factors
from numerics.training import FORMS, Training, network, train


def test_training_is_reproducible_and_records_every_step() -> None:
    settings = Training("relu", 0.05, steps=4, batch_size=16)
    first = train(settings, FORMS["first layer"])
    train.cache_clear()
    again = train(settings, FORMS["first layer"])
    assert torch.equal(first.charges, again.charges)
    assert first.charges.shape == (5, 12)
    assert first.gradient_forms.shape == (4, 12)


def test_form_is_the_quadratic_form_of_its_action() -> None:
    theta = {name: value.detach() for name, value in network("relu").named_parameters()}
    form = FORMS["second layer"]
    moved = form.action(theta, 3)
    assert float(sum((theta[n] * moved[n]).sum() for n in theta)) == pytest.approx(float(form(theta, theta)[3]))


def test_unknown_network_names_the_choices() -> None:
    with pytest.raises(NumericsError, match="choose one of relu"):
        network("transformer")


def test_null_space_refuses_too_few_samples() -> None:
    with pytest.raises(InvalidSample, match="3 samples for 5 unknowns"):
        null_space(np.ones((3, 5)))


def test_rescaling_has_one_charge() -> None:
    p = np.random.default_rng(1).normal(size=(20, 2))
    assert independent_charges(rates(p, p[:, ::-1]), np.array([0.4, 0.9])) == 1


def test_monomials_and_rates_agree_by_differences() -> None:
    rng = np.random.default_rng(2)
    p, v, h = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), 1e-6
    slope = (monomials(p + h * v) - monomials(p - h * v)) / (2 * h)
    np.testing.assert_allclose(rates(p, v), slope, atol=1e-8)


def test_factor_gradients_match_autograd() -> None:
    g = torch.Generator().manual_seed(3)
    u, w, x, y = (
        torch.randn(*s, generator=g, dtype=torch.float64) for s in ((2, 2, 1), (2, 3, 1), (3, 4, 1), (2, 4, 1))
    )
    a, b = u[..., 0].clone().requires_grad_(), w[..., 0].clone().requires_grad_()
    error = a @ b @ x[..., 0] - y[..., 0]
    slopes = torch.autograd.grad((error**2).sum(0).mean(), (a, b))
    found = factor_gradients(u, w, x, error.detach()[..., None])
    for mine, theirs in zip(found, slopes, strict=True):
        torch.testing.assert_close(mine[..., 0], theirs)


def test_scalar_net_epochs_use_every_sample_once() -> None:
    u, w = scalar_net(
        Chunk(8, 0), first_weight=1.0, second_weight=1.0, inputs=[1.0, 1.0], targets=[1.5, 0.5], learning_rate=1e-6,
        steps=2, epochs=True,
    )  # fmt: skip
    assert float((u - w).abs().max()) == 0.0
    assert float((u - 1.0).abs().max()) < 1e-11


def test_norm_chain_follows_the_exact_step() -> None:
    norms = norm_chain(1.3, 0.2, 0.5, 1.1, 1)
    assert norms[1] == pytest.approx(0.81 * 1.3 + 0.04 * 1.21 / 1.3)


def test_decayed_flow_of_nothing_decays() -> None:
    end = decayed_flow(lambda z: (z * 0.0).sum(), 0.5, torch.ones(2, dtype=torch.float64), 2.0)
    torch.testing.assert_close(end, torch.full((2,), math.exp(-1.0), dtype=torch.float64), rtol=1e-9, atol=0)


def test_factors_keep_their_product() -> None:
    u, w = np.array([[1.0, 0.3], [0.2, 0.8]]), np.array([[0.5, -0.4], [0.9, 0.7]])
    a, b = follow_factors(u, w, np.eye(2), np.diag([1.0, 2.0]), 0.2, 0.0, 1.0, 200)
    np.testing.assert_allclose(a @ b, u @ w, atol=1e-5)


def test_stationary_chain_of_constant_noise_is_gamma() -> None:
    sde = BalancedSde(2, 1.0, 1.3, 0.0, 0.0, 1.21, 0.2, 0.1)
    grid, weights = sde.stationary(-40.0, 5.0, 6001)
    spread = 2 * 0.2 * 1.21
    assert float(weights @ np.exp(grid)) == pytest.approx(1.25 - spread / 2, rel=1e-4)
    assert quantile(grid, weights, 0.2) < quantile(grid, weights, 0.8)


def test_narrow_grid_is_refused() -> None:
    with pytest.raises(InvalidSample, match="cuts off mass"):
        BalancedSde(2, 1.0, 1.3, 0.0, 0.0, 1.21, 0.2, 0.1).stationary(-1.0, 1.0, 400)
