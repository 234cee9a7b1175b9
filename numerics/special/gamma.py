"""The gamma family: gamma, loggamma, digamma, polygamma, zeta, beta, binomial, harmonic numbers.

Stirling-type series after a shift of the argument beyond 10, Euler-Maclaurin for the zeta function. Everything is
made of plain operations, so that derivatives of any order are as accurate as the values (torch's own digamma
differentiates into a polygamma which is good to 5e-10 only).
"""

from __future__ import annotations

import math

import torch

from numerics.errors import NumericsError
from numerics.special._precision import (
    EULER_GAMMA,
    Real,
    bernoulli,
    float_series,
    in_double,
    nearest_offset,
    polynomial,
)

_SHIFT = 10
_HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2
_STIRLING = float_series(lambda k: bernoulli(2 * k) / (2 * k * (2 * k - 1)), 1, 11)
_DIGAMMA = float_series(lambda k: bernoulli(2 * k) / (2 * k), 1, 11)
_ZETA_SHIFT = 12
_EULER_MACLAURIN = float_series(lambda k: bernoulli(2 * k) / math.factorial(2 * k), 1, 15)


def _shifted(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return y >= 10 and the product x (x+1) ... up to y - 1 (y = x and 1 where x is large already)."""
    small = x < _SHIFT
    product = torch.ones_like(x)
    for k in range(_SHIFT):
        product = product * torch.where(small, x + k, 1.0)
    return torch.where(small, x + _SHIFT, x), product


def _sine(x: torch.Tensor) -> torch.Tensor:
    """Return sin(pi x) with full relative accuracy near the integers."""
    offset = nearest_offset(x)
    return torch.sin(math.pi * offset) * (1 - 2 * torch.remainder(torch.round(x), 2.0))


def _gamma_right(x: torch.Tensor) -> torch.Tensor:
    """Return Gamma(x) for x >= 0."""
    y, product = _shifted(x)
    inverse = 1.0 / y
    correction = torch.exp(inverse * polynomial(inverse * inverse, _STIRLING))
    # y**(y - 1/2) in two halves: it overflows long before e**-y has brought it down.
    half = y ** ((y - 0.5) / 2)
    return half * (math.sqrt(2 * math.pi) * torch.exp(-y)) * half * correction / product


@in_double
def gamma(x: Real) -> torch.Tensor:
    r"""Gamma function :math:`\Gamma(x)` for all real x, by Stirling's series and the reflection formula.

    Relative error against mpmath for -170 <= x <= 171.6: at most 2e-13. Infinite at 0, -1, -2, ...

    >>> float(gamma(0.5) ** 2).__round__(12) == round(math.pi, 12)
    True
    """
    negative = x < 0
    right = _gamma_right(torch.where(negative, 1.0, x))
    left = torch.where(negative, x, -0.5)
    return torch.where(negative, math.pi / _sine(left) / _gamma_right(1 - left), right)


@in_double
def loggamma(x: Real) -> torch.Tensor:
    r"""Logarithm :math:`\log\Gamma(x)` for x > 0; NaN below 0 (complex there), infinite at 0.

    Error against mpmath for 1e-300 <= x <= 1e300, relative or (around the zeros 1 and 2) absolute, whichever
    is smaller: at most 2e-14.

    >>> float(loggamma(10.0)).__round__(10)
    12.8018274801
    """
    negative = x < 0
    y, product = _shifted(torch.where(negative, 1.0, x))
    inverse = 1.0 / y
    series = inverse * polynomial(inverse * inverse, _STIRLING)
    value = (y - 0.5) * torch.log(y) - y + _HALF_LOG_TWO_PI + series - torch.log(product)
    return torch.where(negative, math.nan, value)


def _digamma_right(x: torch.Tensor) -> torch.Tensor:
    small = x < _SHIFT
    y = torch.where(small, x + _SHIFT, x)
    inverse = 1.0 / y
    square = inverse * inverse
    value = torch.log(y) - inverse / 2 - square * polynomial(square, _DIGAMMA)
    for k in range(_SHIFT):
        value = value - torch.where(small, 1.0 / torch.where(small, x + k, 1.0), 0.0)
    return value


@in_double
def digamma(x: Real) -> torch.Tensor:
    r"""Digamma function :math:`\psi(x) = \Gamma'(x)/\Gamma(x)` for all real x.

    Error against mpmath for abs(x) <= 1e8 (x > 0) and x >= -100, relative or absolute, whichever is smaller:
    at most 4e-15. Infinite at 0, -1, -2, ...

    >>> float(digamma(1.0)).__round__(12)
    -0.577215664902
    """
    negative = x < 0
    right = _digamma_right(torch.where(negative, 1.0, x))
    left = torch.where(negative, x, -0.25)
    reflected = _digamma_right(1 - left) - math.pi / torch.tan(math.pi * nearest_offset(left))
    return torch.where(negative, reflected, right)


@in_double
def hurwitz_zeta(s: Real, a: Real) -> torch.Tensor:
    r"""Hurwitz zeta function :math:`\zeta(s, a) = \sum_{k\ge0} (a+k)^{-s}` for a > 0, by Euler-Maclaurin.

    The analytic continuation below s = 1 (pole at 1) is included. Differentiable in both arguments.
    Relative error against mpmath for 1 < s <= 40 and 0.01 <= a <= 1e3: at most 3e-15.

    >>> float(hurwitz_zeta(2.0, 1.0)).__round__(12) == round(math.pi**2 / 6, 12)
    True
    """
    s, a = torch.broadcast_tensors(s, a)
    head = torch.zeros_like(a)
    for k in range(_ZETA_SHIFT):
        head = head + (a + k) ** (-s)
    y = a + _ZETA_SHIFT
    power = y ** (-s)
    rising, tail = s / y, torch.zeros_like(y)
    for k, coefficient in enumerate(_EULER_MACLAURIN, start=1):
        tail = tail + coefficient * rising
        rising = rising * ((s + (2 * k - 1)) / y) * ((s + 2 * k) / y)
    return torch.where(a > 0, head + power * (y / (s - 1) + 0.5 + tail), math.nan)


def zeta(s: Real) -> torch.Tensor:
    r"""Riemann zeta function for s > 1 and, by continuation, down to s = -1 (pole at 1).

    Relative error against mpmath for 1 < s <= 100: at most 2e-15; absolute error for -1 <= s < 1: at most 1e-13.

    >>> float(zeta(3.0)).__round__(12)
    1.20205690316
    """
    return hurwitz_zeta(s, 1.0)


def polygamma(order: int, x: Real) -> torch.Tensor:
    r"""Polygamma function :math:`\psi^{(n)}(x)`, the n-th derivative of digamma, for all real x.

    :math:`(-1)^{n+1} n!\, \zeta(n+1, x)` for x > 0, reflection below.
    Relative error against mpmath for n <= 6 and 0.01 <= x <= 1e3: at most 3e-15; for -20 <= x < 0, relative
    to pi**(n+1) or the value, whichever is larger: at most 3e-14.
    Raises NumericsError if the order is negative.

    >>> float(polygamma(1, 1.0)).__round__(12) == round(math.pi**2 / 6, 12)
    True
    """
    if order < 0:
        raise NumericsError(f"polygamma needs an order of at least 0, got {order}; use loggamma for its integral.")
    return digamma(x) if order == 0 else _polygamma(x, order=order)


@in_double
def _polygamma(x: torch.Tensor, *, order: int) -> torch.Tensor:
    scale = (-1.0) ** (order + 1) * math.factorial(order)
    negative = x < 0
    right = scale * hurwitz_zeta(order + 1.0, torch.where(negative, 1.0, x))
    left = torch.where(negative, x, -0.25)
    cotangent = 1.0 / torch.tan(math.pi * nearest_offset(left))
    derivative = math.pi ** (order + 1) * polynomial(cotangent, _cotangent_derivative(order))
    reflected = (-1.0) ** order * scale * hurwitz_zeta(order + 1.0, 1 - left) - derivative
    pole = (x <= 0) & (nearest_offset(x) == 0)
    return torch.where(pole, math.inf, torch.where(negative, reflected, right))


def _cotangent_derivative(order: int) -> tuple[float, ...]:
    """Return the polynomial in c = cot t that is the order-th derivative of cot t (c' = -1 - c**2)."""
    coefficients = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(coefficients)][1:] or [0]
        coefficients = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return tuple(float(c) for c in coefficients)


@in_double
def beta(a: Real, b: Real) -> torch.Tensor:
    r"""Beta function :math:`B(a, b) = \Gamma(a)\Gamma(b)/\Gamma(a+b)` for real arguments.

    Relative error against mpmath for 0.01 <= a, b <= 80: at most 1e-13. Where a + b > 165 (both positive)
    logarithms are used and the relative error grows to about (a + b) * 1e-15.

    >>> float(beta(2.0, 3.0)).__round__(12) == round(1 / 12, 12)
    True
    """
    a, b = torch.broadcast_tensors(a, b)
    large = (a > 0) & (b > 0) & (a + b > 165)
    left, right = torch.where(large, 1.0, a), torch.where(large, 1.0, b)
    direct = gamma(left) * gamma(right) / gamma(left + right)
    first, second = torch.where(large, a, 100.0), torch.where(large, b, 100.0)
    return torch.where(large, torch.exp(loggamma(first) + loggamma(second) - loggamma(first + second)), direct)


@in_double
def binomial(n: Real, k: Real) -> torch.Tensor:
    r"""Binomial coefficient :math:`\Gamma(n+1)/(\Gamma(k+1)\Gamma(n-k+1))`, zero for integers k < 0 or k > n >= 0.

    Relative error against mpmath for -1 < n <= 150 and -1 < k < n + 1: at most 2e-13.
    Beyond n = 150 logarithms are used and the relative error grows to about n * 1e-15.

    >>> float(binomial(5.0, 2.0)).__round__(12)
    10.0
    """
    n, k = torch.broadcast_tensors(n, k)
    large = (n > 150) & (k > -1) & (k < n + 1)
    bounded, order = torch.where(large, 1.0, n), torch.where(large, 0.5, k)
    direct = gamma(bounded + 1) * _reciprocal_gamma(order + 1) * _reciprocal_gamma(bounded - order + 1)
    many, few = torch.where(large, n, 200.0), torch.where(large, k, 100.0)
    return torch.where(large, torch.exp(loggamma(many + 1) - loggamma(few + 1) - loggamma(many - few + 1)), direct)


def _reciprocal_gamma(x: torch.Tensor) -> torch.Tensor:
    """Return 1/Gamma(x), an entire function: zero at 0, -1, -2, ..."""
    negative = x < 0
    y, product = _shifted(torch.where(negative, 1.0, x))
    right = product / _gamma_right(y)
    left = torch.where(negative, x, -0.5)
    return torch.where(negative, _sine(left) * _gamma_right(1 - left) / math.pi, right)


def factorial(n: Real) -> torch.Tensor:
    """Factorial n! = Gamma(n + 1) of any real n; accuracy as :func:`gamma`.

    >>> float(factorial(5.0)).__round__(10)
    120.0
    """
    return gamma(n + 1)


def harmonic(n: Real) -> torch.Tensor:
    """Harmonic number H_n = digamma(n + 1) + Euler's constant of any real n; accuracy as :func:`digamma`.

    >>> float(harmonic(3.0)).__round__(12) == round(11 / 6, 12)
    True
    """
    return digamma(n + 1) + EULER_GAMMA
