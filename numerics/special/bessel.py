"""Bessel functions J, I, K of a fixed order. torch's own J is off by 3e-7 for x in 5..10, and most detach silently."""

from __future__ import annotations

import math

import torch

from numerics.errors import NumericsError
from numerics.special._precision import Real, in_double, polynomial

_J_SMALL, _J_LARGE = 3.0, 30.0
_I_LARGE = 40.0
_K_SMALL, _K_LARGE = 2.0, 30.0
_POINTS = 96
_ASYMPTOTIC_TERMS = 30


def _hankel(order: float) -> list[float]:
    """Return a_k(order) = prod_{j<=k} (4 order**2 - (2j-1)**2) / (k! 8**k), the coefficients for large arguments."""
    terms = [1.0]
    for k in range(1, _ASYMPTOTIC_TERMS):
        terms.append(terms[-1] * (4 * order * order - (2 * k - 1) ** 2) / (8 * k))
    return terms


def _power_series(order: float, sign: int, count: int) -> tuple[float, ...]:
    """Return the coefficients of (x/2)**(2k) in J (sign -1) or I (sign 1), divided by (x/2)**order."""
    return tuple(sign**k * math.exp(-math.lgamma(k + 1) - math.lgamma(k + order + 1)) for k in range(count))


def bessel_j(order: int, x: Real) -> torch.Tensor:
    r"""Bessel function :math:`J_n(x)` of integer order 0 <= n <= 10, real x.

    Power series below 3, the trapezoidal rule for Bessel's integral up to 30 (its error is :math:`J_{96-n}(x)`),
    Hankel's expansion beyond. Error against mpmath for abs(x) <= 1e3: at most 4e-15, absolute
    (relative where abs(x) < 3).
    Raises NumericsError for other orders.

    >>> float(bessel_j(0, 7.5)).__round__(12)
    0.26633965788
    """
    _check_order("bessel_j", order, integer=True)
    return _bessel_j(x, order=int(order))


@in_double
def _bessel_j(x: torch.Tensor, *, order: int) -> torch.Tensor:
    size = x.abs()
    small, large = size < _J_SMALL, size > _J_LARGE
    near = torch.where(small, x, 1.0) / 2
    series = near**order * polynomial(near * near, _power_series(order, -1, 26))
    middle = torch.where(small | large, 5.0, x)
    total = torch.zeros_like(x)
    for j in range(_POINTS):
        angle = 2 * math.pi * (j + 0.5) / _POINTS
        total = total + torch.cos(order * angle - middle * math.sin(angle))
    far = torch.where(large, size, 50.0)
    terms, inverse = _hankel(order), 1.0 / far
    square = -inverse * inverse
    even, odd = polynomial(square, terms[0::2]), inverse * polynomial(square, terms[1::2])
    # cos(x - c) and sin(x - c) expanded: the phase c = (2n+1) pi/4 would round off otherwise.
    phase = (2 * order + 1) * math.pi / 4
    cosine = torch.cos(far) * math.cos(phase) + torch.sin(far) * math.sin(phase)
    sine = torch.sin(far) * math.cos(phase) - torch.cos(far) * math.sin(phase)
    wave = torch.sqrt(2 / (math.pi * far)) * (even * cosine - odd * sine)
    parity = torch.where(x < 0, (-1.0) ** order, 1.0)
    return torch.where(small, series, torch.where(large, parity * wave, total / _POINTS))


def bessel_i(order: float, x: Real) -> torch.Tensor:
    r"""Modified Bessel function :math:`I_\nu(x)` of fixed order 0 <= order <= 10; x real for integers, else x >= 0.

    Power series (positive terms) below 40, asymptotic expansion beyond.
    Relative error against mpmath for 1e-8 <= abs(x) <= 700: at most 1e-14.
    Raises NumericsError for other orders.

    >>> float(bessel_i(0, 1.0)).__round__(12)
    1.266065877752
    """
    _check_order("bessel_i", order, integer=False)
    return _bessel_i(x, order=order)


@in_double
def _bessel_i(x: torch.Tensor, *, order: float) -> torch.Tensor:
    integer = float(order).is_integer()
    large = x.abs() > _I_LARGE
    near = torch.where(large, 1.0, x) / 2
    series = near ** (int(order) if integer else order) * polynomial(near * near, _power_series(order, 1, 80))
    far = torch.where(large, x.abs(), 50.0)
    half = torch.exp(far / 2)
    wave = half * (half * polynomial(-1.0 / far, _hankel(order)) / torch.sqrt(2 * math.pi * far))
    parity = torch.where(x < 0, (-1.0) ** order if integer else math.nan, 1.0)
    return torch.where(large, parity * wave, series)


def bessel_k(order: float, x: Real) -> torch.Tensor:
    r"""Modified Bessel function :math:`K_\nu(x) = \int_0^\infty e^{-x\cosh t} \cosh(\nu t)\, dt` for x > 0.

    ``order`` is a fixed real number with abs(order) <= 10.

    The trapezoidal rule, which converges geometrically here, below 30; the asymptotic expansion beyond.
    Relative error against mpmath for 1e-8 <= x <= 700: at most 2e-14. Infinite at 0, NaN below.
    Raises NumericsError for other orders.

    >>> float(bessel_k(0, 1.0)).__round__(12)
    0.421024438241
    """
    _check_order("bessel_k", abs(order), integer=False)
    return _bessel_k(x, order=abs(order))


@in_double
def _bessel_k(x: torch.Tensor, *, order: float) -> torch.Tensor:
    small, large = x < _K_SMALL, x > _K_LARGE
    positive = x > 0
    step = 0.25 if order <= 2 else 0.125
    near = _hyperbolic_integral(torch.where(small & positive, x, 1.0), order, step, 26.0)
    middle = _hyperbolic_integral(torch.where(small | large, 5.0, x), order, 0.125, 4.5)
    far = torch.where(large, x, 50.0)
    wave = torch.exp(-far) * polynomial(1.0 / far, _hankel(order)) * torch.sqrt(math.pi / (2 * far))
    value = torch.where(small, near, torch.where(large, wave, middle))
    return torch.where(positive, value, torch.where(x == 0, math.inf, math.nan))


def _hyperbolic_integral(x: torch.Tensor, order: float, step: float, stop: float) -> torch.Tensor:
    """Return the integral of e**(-x cosh t) cosh(order t) from 0 to ``stop``, by steps."""
    total = torch.exp(-x) / 2
    for k in range(1, round(stop / step) + 1):
        total = total + torch.exp(-x * math.cosh(k * step)) * math.cosh(order * k * step)
    return step * total


def _check_order(name: str, order: float, *, integer: bool) -> None:
    if not 0 <= order <= 10 or (integer and not float(order).is_integer()):
        kind = "an integer order" if integer else "an order"
        raise NumericsError(f"{name} needs {kind} between 0 and 10, got {order}; evaluate with mpmath beyond.")
