"""Derivatives of the special functions, and the functions under every torch transform."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import pytest
import torch

from numerics import special

# Generic points on every piece of every function, never on a piece's boundary.
SMOOTH: dict[str, tuple[Callable[..., torch.Tensor], tuple[list[float], ...]]] = {
    "dawson": (special.dawson, ([-7.3, -2.1, 0.0, 0.37, 5.7, 8.2],)),
    "erfi": (special.erfi, ([-1.3, 0.0, 0.4, 2.2],)),
    "gaussian_log_moment": (special.gaussian_log_moment, ([-9.1, 0.0, 0.3, 1.9, 12.0], [0.7, 0.9, 1.3, 0.6, 0.4])),
    "hyp2f2": (special.hyp2f2_log_moment, ([-50.0, -7.0, -0.3, 0.0, 2.1, 41.5],)),
    "expint_e1": (special.expint_e1, ([0.03, 1.2, 3.4, 20.0],)),
    "expint": (lambda x: special.expint(3, x), ([0.03, 1.2, 3.4, 20.0],)),
    "ei": (special.ei, ([-3.1, -0.7, 0.4, 5.0],)),
    "gamma": (special.gamma, ([-2.3, -0.4, 0.6, 3.3, 12.1],)),
    "loggamma": (special.loggamma, ([0.3, 1.0, 2.7, 31.0],)),
    "digamma": (special.digamma, ([-2.3, -0.4, 0.6, 3.3, 12.1],)),
    "polygamma": (lambda x: special.polygamma(2, x), ([-2.3, 0.6, 3.3, 12.1],)),
    "hurwitz_zeta": (special.hurwitz_zeta, ([1.3, 2.2, 5.1], [0.4, 3.1, 15.0])),
    "beta": (special.beta, ([0.4, 2.2, 5.1, 130.0], [0.7, 3.1, 1.0, 90.0])),
    "binomial": (special.binomial, ([5.2, 3.1, 31.0], [2.2, 0.4, 1.1])),
    "lower_gamma": (special.lower_gamma, ([0.4, 2.2, 5.1], [0.7, 6.1, 9.0])),
    "upper_gamma": (special.upper_gamma, ([0.4, 2.2, 5.1], [0.7, 6.1, 9.0])),
    "hyp1f1": (special.hyp1f1, ([0.4, 1.2, 2.1], [0.7, 2.1, 3.3], [-3.0, 0.6, 5.2])),
    "bessel_j": (lambda x: special.bessel_j(1, x), ([-4.0, 0.0, 1.3, 9.1, 34.0],)),
    "bessel_i": (lambda x: special.bessel_i(2, x), ([-4.0, 0.0, 1.3, 9.1],)),
    "bessel_k": (lambda x: special.bessel_k(1.5, x), ([0.3, 1.3, 9.1],)),
    "lambert_w": (special.lambert_w, ([-0.36, -0.2, 0.0, 0.4, 9.1],)),
    "lambert_w, branch -1": (lambda x: special.lambert_w(x, -1), ([-0.36, -0.3, -0.04],)),
    "sinc": (special.sinc, ([-4.0, 0.0, 0.4, 2.1],)),
    "sech": (special.sech, ([-4.0, 0.4, 2.1],)),
    "csch": (special.csch, ([-4.0, 0.4, 2.1],)),
}
smooth = pytest.mark.parametrize(("function", "points"), SMOOTH.values(), ids=SMOOTH.keys())


def _tensors(points: tuple[list[float], ...]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in points)


@smooth
def test_first_and_second_gradients_are_correct(function: Callable[..., Any], points: tuple[list[float], ...]) -> None:
    assert torch.autograd.gradcheck(function, _tensors(points), atol=1e-6, rtol=1e-6, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, _tensors(points), atol=1e-5, rtol=1e-5, fast_mode=True)


@smooth
def test_vmap_and_jacfwd_agree_with_plain_autograd(
    function: Callable[..., Any], points: tuple[list[float], ...]
) -> None:
    tensors = _tensors(points)
    slope = torch.autograd.grad(function(*tensors).sum(), tensors[-1])[0]
    last = len(tensors) - 1
    jacobian = torch.func.vmap(torch.func.jacfwd(function, argnums=last))(*(t.detach() for t in tensors))
    torch.testing.assert_close(jacobian, slope, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.func.vmap(function)(*tensors), function(*tensors), rtol=1e-13, atol=0)


@smooth
def test_float32_gives_float32_rounded_from_float64(
    function: Callable[..., Any], points: tuple[list[float], ...]
) -> None:
    single = [t.detach().float() for t in _tensors(points)]
    result = function(*single)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, function(*(t.double() for t in single)).float(), rtol=0, atol=0)


@smooth
def test_no_device_is_fixed(function: Callable[..., Any], points: tuple[list[float], ...]) -> None:
    result = function(*(t.to("meta") for t in _tensors(points)))
    assert result.device.type == "meta"
    assert result.shape == (len(points[0]),)


DERIVATIVES: list[tuple[str, Callable[..., torch.Tensor], Callable[[Any], Any], list[float]]] = [
    (
        "dawson",
        special.dawson,
        lambda x: 1 - mp.sqrt(mp.pi) * x * mp.exp(-x * x) * mp.erfi(x),
        [-6.5, -2.1, 0.3, 0.99, 5.9, 8.2],
    ),
    ("ei", special.ei, lambda x: mp.exp(x) / x, [-3.1, -0.7, 0.4, 5.0, 39.0, 44.0]),
    ("expint_e1", special.expint_e1, lambda x: -mp.exp(-x) / x, [0.03, 1.2, 3.4, 20.0]),
    ("digamma", special.digamma, lambda x: mp.psi(1, x), [-2.3, 0.6, 3.3, 12.1]),
    ("loggamma", special.loggamma, mp.digamma, [0.3, 2.7, 31.0]),
    ("gamma", special.gamma, lambda x: mp.gamma(x) * mp.digamma(x), [-2.3, 0.3, 2.7, 31.0]),
    (
        "binomial",
        lambda n: special.binomial(n, 3.1),
        lambda n: mp.binomial(n, 3.1) * (mp.digamma(n + 1) - mp.digamma(n - mp.mpf(3.1) + 1)),
        [4.3, 151.0, 220.0],
    ),
    ("lambert_w", special.lambert_w, lambda x: 1 / (x + mp.exp(mp.lambertw(x))), [-0.36, -0.2, 0.4, 9.1]),
    ("bessel_j", lambda x: special.bessel_j(0, x), lambda x: -mp.besselj(1, x), [0.4, 6.1, 9.1, 34.0]),
]


@pytest.mark.parametrize(("function", "slope", "points"), [d[1:] for d in DERIVATIVES], ids=[d[0] for d in DERIVATIVES])
def test_gradient_is_as_accurate_as_the_value(function: Callable[..., Any], slope: Any, points: list[float]) -> None:
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(x).sum(), x)
    for got, point in zip(gradient.tolist(), points, strict=True):
        with mp.workdps(40):
            assert abs(got - slope(mp.mpf(point))) < 1e-12 * max(1, abs(got))


BOUNDARIES = [
    (special.dawson, [-6.0, -1.0, 1.0, 6.0]),
    (special.expint_e1, [2.0]),
    (special.ei, [40.0]),
    (special.hyp2f2_log_moment, [-36.0, -1.0, 40.0]),
    (special.gamma, [10.0]),
    (special.digamma, [10.0]),
    (lambda x: special.bessel_j(0, x), [0.0, 3.0, 30.0, -30.0]),
    (lambda x: special.bessel_k(0, x), [2.0, 30.0]),
    (special.sinc, [0.0, 1.0]),
    (special.csch, [20.0]),
    (lambda x: special.gaussian_log_moment(x, 1.0), [0.0, 6.0 * math.sqrt(2), -math.sqrt(2)]),
]


@pytest.mark.parametrize(("function", "points"), BOUNDARIES)
def test_gradients_at_the_piece_boundaries_are_finite(function: Callable[..., Any], points: list[float]) -> None:
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.isfinite(first).all()
    assert torch.isfinite(second).all()


def test_special_functions_compile_without_graph_breaks() -> None:
    def law(x: torch.Tensor) -> torch.Tensor:
        return special.dawson(x) + special.expint_e1(x * x + 0.1) + special.digamma(x + 3)

    x = torch.linspace(-2.0, 7.0, 11, dtype=torch.float64)
    torch.testing.assert_close(torch.compile(law, backend="eager", fullgraph=True)(x), law(x))
