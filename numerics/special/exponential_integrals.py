"""Exponential integrals: E1, E_n, Ei."""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from numerics.errors import NumericsError
from numerics.special._precision import EULER_GAMMA, Real, float_series, in_double, polynomial

_SMALL, _LARGE = 2.0, 40.0
_DEPTH = 60
_EIN = (0.0, *float_series(lambda k: Fraction((-1) ** (k + 1), k * math.factorial(k)), 1, 34))
_EI = (0.0, *float_series(lambda k: Fraction(1, k * math.factorial(k)), 1, 116))
_FACTORIALS = float_series(math.factorial, 0, 38)


@in_double
def expint_e1(x: Real) -> torch.Tensor:
    r"""Exponential integral :math:`E_1(x) = \int_x^\infty e^{-t}/t\, dt` for x > 0; NaN below 0, infinite at 0.

    Power series below 2, continued fraction above.
    Relative error against mpmath for 1e-300 <= x <= 700: at most 1e-14.

    >>> float(expint_e1(1.0)).__round__(12)
    0.219383934396
    """
    small = x < _SMALL
    near = torch.where(small, x, 1.0)
    series = polynomial(near, _EIN) - EULER_GAMMA - torch.log(near)
    return torch.where(small, series, _continued_fraction(1, torch.where(small, 3.0, x)))


def expint(order: int, x: Real) -> torch.Tensor:
    r"""Generalised exponential integral :math:`E_n(x) = \int_1^\infty e^{-xt} t^{-n} dt`, n >= 1 an integer, x > 0.

    Relative error against mpmath for n <= 8 and 1e-8 <= x <= 700: at most 5e-14.
    Raises NumericsError if the order is below 1.

    >>> float(expint(2, 1.0)).__round__(12)
    0.148495506776
    """
    if order < 1:
        raise NumericsError(f"expint needs an order of at least 1, got {order}; write E_n as exp(-x)/x for order 0.")
    return expint_e1(x) if order == 1 else _expint(x, order=order)


@in_double
def _expint(x: torch.Tensor, *, order: int) -> torch.Tensor:
    small = x < _SMALL
    near = torch.where(small, x, 1.0)
    decay, value = torch.exp(-near), expint_e1(near)
    for n in range(1, order):
        # x E_n(x) vanishes at 0, where E_1 is infinite.
        product = torch.where(near == 0, 0.0, near * torch.where(near == 0, 1.0, value))
        value = (decay - product) / n
    return torch.where(small, value, _continued_fraction(order, torch.where(small, 3.0, x)))


def _continued_fraction(order: int, x: torch.Tensor) -> torch.Tensor:
    """Return E_order(x) for x >= 2, from e**-x / (x+n - 1 n/(x+n+2 - 2 (n+1)/(x+n+4 - ...)))."""
    value = x + (order + 2 * _DEPTH)
    for k in range(_DEPTH, 0, -1):
        value = x + (order + 2 * (k - 1)) - k * (k + order - 1) / value
    return torch.exp(-x) / value


@in_double
def ei(x: Real) -> torch.Tensor:
    r"""Exponential integral :math:`\mathrm{Ei}(x) = -\mathrm{PV}\!\int_{-x}^\infty e^{-t}/t\, dt`, real x.

    :math:`-E_1(-x)` below 0, the convergent series up to 40, the asymptotic one beyond.
    Relative error against mpmath for 1e-300 <= abs(x) <= 700: at most 6e-15;
    within 0.01 of the zero at 0.372507410781 this is the absolute error.

    >>> float(ei(1.0)).__round__(12)
    1.895117816356
    """
    negative, large = x < 0, x > _LARGE
    middle = torch.where(negative | large, 1.0, x)
    far = torch.where(large, x, 50.0)
    series = EULER_GAMMA + torch.log(middle) + polynomial(middle, _EI)
    # exp in two halves: e**x overflows at 709.8, Ei(x) = e**x/x only at 716.
    asymptotic = torch.exp(far / 2) * (torch.exp(far / 2) / far * polynomial(1.0 / far, _FACTORIALS))
    below = -expint_e1(torch.where(negative, -x, 1.0))
    return torch.where(negative, below, torch.where(large, asymptotic, series))
