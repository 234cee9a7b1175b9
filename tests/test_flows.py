"""Flows on torch losses, real and complex, and the field through the iterates of a method."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from numerics.descent import Method, extrapolate, logarithm_of_iterates, slow_field, stencil_derivative
from numerics.errors import InvalidSample
from numerics.flows import (
    flow,
    gradient_and_hessian,
    principal_coefficient,
    principal_flow,
    regularised_flow,
    spectrum,
    third_contraction,
    third_order_flow,
)

POINT = torch.tensor([0.4, -0.7], dtype=torch.float64)
COMPLEX = torch.tensor([0.4 + 0.3j, -0.7 + 0.2j], dtype=torch.complex128)


def _loss(z):
    return z[0] ** 4 / 4 + torch.cos(z[0]) * z[1] + z[1] ** 2 + 0.3 * z[1] ** 3


def _exact(z):
    x, y = complex(z[0]), complex(z[1])
    sin, cos = np.sin(x), np.cos(x)
    g = [x**3 - sin * y, cos + 2 * y + 0.9 * y * y]
    h = [[3 * x * x - cos * y, -sin], [-sin, 2 + 1.8 * y]]
    return g, h


@pytest.mark.parametrize("point", [POINT, COMPLEX])
def test_gradient_and_hessian_are_holomorphic_derivatives(point):
    g, h = gradient_and_hessian(_loss, point)
    exact_g, exact_h = _exact(point)
    assert np.allclose(g.numpy(), exact_g, atol=1e-14)
    assert np.allclose(h.numpy(), exact_h, atol=1e-14)


def test_third_contraction_is_the_second_derivative_of_the_gradient_along_itself():
    g, _ = gradient_and_hessian(_loss, POINT)
    d = 1e-4
    ends = [gradient_and_hessian(_loss, POINT + s * d * g)[0] for s in (1, 0, -1)]
    assert torch.allclose(third_contraction(_loss, POINT), (ends[0] - 2 * ends[1] + ends[2]) / d**2, atol=1e-5)


def test_the_branch_does_not_depend_on_rounding_noise_of_the_imaginary_part():
    x = torch.tensor([1.7 + 1e-17j, 1.7 - 1e-17j, 0.0, 1e-12], dtype=torch.complex128)
    alpha = principal_coefficient(x)
    assert torch.allclose(alpha[0], alpha[1])
    assert float(alpha[0].imag) == pytest.approx(math.pi / 1.7)
    assert torch.allclose(alpha[2:], torch.full((2,), -1.0, dtype=torch.complex128))


def test_the_singular_curvature_is_invalid():
    with pytest.raises(InvalidSample, match="h lambda = 1"):
        principal_coefficient(torch.tensor([1.0]))


@pytest.mark.parametrize("h", [0.2, 0.45, 0.9])
def test_the_principal_flow_is_exact_on_quadratics(h):
    curvatures = torch.tensor([3.1, -0.7], dtype=torch.float64)
    start = torch.tensor([0.8, 0.5], dtype=torch.float64)
    field = principal_flow(lambda z: (curvatures * z**2).sum() / 2, h)
    end = flow(field, start, h, substeps=200)
    assert torch.allclose(end, ((1 - h * curvatures) * start).to(end.dtype), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "order"),
    [(lambda h: regularised_flow(_loss, h), 3), (lambda h: third_order_flow(_loss, h), 4),
     (lambda h: principal_flow(_loss, h), 3), (lambda h: principal_flow(_loss, h, 1 / 12), 4)],
)  # fmt: skip
def test_local_orders(make, order):
    def error(h):
        step = POINT - h * gradient_and_hessian(_loss, POINT)[0]
        return float((flow(make(h), POINT, h, 8) - step).abs().max())

    assert math.log2(error(0.04) / error(0.02)) == pytest.approx(order, abs=0.2)


def test_the_hermitian_normalisation_is_wrong_at_complex_points():
    def coupled(z):
        return z[0] ** 2 + 2 * z[0] * z[1] ** 2 + z[1] ** 2

    right, wrong = (principal_flow(coupled, 0.3, hermitian=flag)(COMPLEX) for flag in (False, True))
    assert float((right - wrong).abs().max()) > 0.01


def test_spectrum_orders_curvatures_and_signs_the_vectors():
    found = spectrum(_loss, POINT, 0.3)
    assert found.curvatures[0] > found.curvatures[1]
    assert bool((found.components >= 0).all())
    g, h = gradient_and_hessian(_loss, POINT)
    step = -0.3 * g
    assert found.loss_change(0.3) == pytest.approx(float(g @ step + step @ h @ step / 2))


def test_the_logarithm_of_iterates_gives_the_field_of_a_linear_method():
    orbit = Method("gd", 0.1).run(lambda x: 2.0 * x, np.array([1.5]), 14)
    assert logarithm_of_iterates(orbit, 0.1)[0] == pytest.approx(1.5 * math.log(1 - 0.2) / 0.1, rel=1e-9)


def test_the_stencil_differentiates_polynomials():
    k = np.arange(-4, 5)[:, None].astype(float)
    assert stencil_derivative(3 * k + k**2 - k**5)[0] == pytest.approx(3.0, abs=1e-9)


def test_a_heavy_ball_orbit_passes_through_the_point_with_the_slow_velocity():
    b, h, curvature = 0.5, 0.05, 1.3
    method = Method("heavy-ball", h, momentum=b)
    speed = slow_field(method, lambda x: curvature * x, np.array([0.8]), burn_in=80)
    t = 1 + b - h * curvature
    slow = (t + math.sqrt(t * t - 4 * b)) / 2
    assert speed[0] == pytest.approx(0.8 * math.log(slow) / h, rel=1e-9)


def test_neville_extrapolates_polynomials():
    sizes = [0.4, 0.2, 0.1, 0.05]
    limit, error = extrapolate([2 + s - 3 * s**2 + s**3 for s in sizes], sizes)
    assert limit == pytest.approx(2.0, abs=1e-12)
    assert error < 1
