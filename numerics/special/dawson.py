"""Dawson's integral and what hangs on it: erfi, the Gaussian log-moment, 2F2(1,1;3/2,2;z).

Rybicki's idea: a Gaussian integral sampled with step h has an error of exp(-(pi/2h)**2), that is 7e-18 at
h = 1/4, so a short sum replaces the integral; its derivatives are as accurate as its value.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from numerics.special._precision import EULER_GAMMA, Real, double_factorial, float_series, in_double, polynomial

_STEP = 0.25
_SMALL, _LARGE = 1.0, 6.0
_ODD = range(1, 49, 2)
_MACLAURIN = float_series(lambda k: Fraction((-2) ** k, double_factorial(2 * k + 1)), 0, 24)
_ASYMPTOTIC = float_series(lambda k: Fraction(double_factorial(2 * k - 1), 2 ** (k + 1)), 0, 30)
_RYBICKI = tuple(math.exp(-((n * _STEP) ** 2)) / (n * math.sqrt(math.pi)) for n in _ODD)
_INTEGRAL_MACLAURIN = float_series(lambda k: Fraction((-2) ** k, double_factorial(2 * k + 1) * (k + 1)), 0, 24)
_INTEGRAL_ASYMPTOTIC = (0.0, *float_series(lambda k: Fraction(double_factorial(2 * k - 1), 2 * k), 1, 30))
_POSITIVE_SERIES = float_series(lambda k: Fraction(2**k, double_factorial(2 * k + 1) * (k + 1)), 0, 130)


@in_double
def dawson(x: Real) -> torch.Tensor:
    r"""Dawson's integral :math:`F(x) = e^{-x^2} \int_0^x e^{t^2} dt`, for all real x.

    Maclaurin series for abs(x) < 1, Rybicki's sum up to 6, asymptotic series beyond.
    Relative error against mpmath: at most 1e-14.

    >>> float(dawson(0.5)).__round__(12)
    0.424436383502
    """
    small, large = x.abs() < _SMALL, x.abs() > _LARGE
    near = torch.where(small, x, 0.5)
    middle = torch.where(small | large, 2.0, x)
    far = torch.where(large, x, 10.0)
    centre = near * polynomial(near * near, _MACLAURIN)
    return torch.where(small, centre, torch.where(large, _far(far), _rybicki(middle)))


def _far(x: torch.Tensor) -> torch.Tensor:
    inverse = 1.0 / x
    return inverse * polynomial(inverse * inverse, _ASYMPTOTIC)


def _rybicki(x: torch.Tensor) -> torch.Tensor:
    up, down = torch.exp(2 * _STEP * x), torch.exp(-2 * _STEP * x)
    wave = up * polynomial(up * up, _RYBICKI) - down * polynomial(down * down, _RYBICKI)
    return torch.exp(-x * x) * wave


@in_double
def erfi(x: Real) -> torch.Tensor:
    r"""Imaginary error function :math:`\mathrm{erfi}(x) = \frac{2}{\sqrt\pi} e^{x^2} F(x)`.

    Relative error against mpmath for abs(x) <= 26: at most 1e-13; beyond 26.6 it overflows.

    >>> float(erfi(1.0)).__round__(12)
    1.650425758798
    """
    return (2 / math.sqrt(math.pi)) * torch.exp(x * x) * dawson(x)


@in_double
def gaussian_log_moment(mean: Real, deviation: Real) -> torch.Tensor:
    r"""Mean of the logarithm of a normal variable, :math:`g(\mu, s) = E \log|N(\mu, s^2)|`.

    .. math:: g = \log s - \frac{\gamma + \log 2}{2} + 2 \int_0^{\mu/(\sqrt2 s)} F(t)\, dt

    which is :math:`\log s - (\gamma + \log 2)/2 + X\, {}_2F_2(1,1;3/2,2;-X)` with :math:`X = \mu^2/(2 s^2)`.
    ``mean`` and ``deviation`` >= 0 broadcast; deviation 0 gives log abs(mean); a negative one gives NaN.
    Absolute error against mpmath (relative where abs(g) > 1): at most 3e-15.

    >>> float(gaussian_log_moment(0.0, 1.0)).__round__(12)
    -0.635181422731
    """
    mean, deviation = torch.broadcast_tensors(mean, deviation)
    far = mean.abs() > math.sqrt(2.0) * _LARGE * deviation
    spread = torch.where(far, deviation / torch.where(far, mean, 1.0), 0.0)
    tail = torch.log(torch.where(far, mean.abs(), 1.0)) - polynomial(spread * spread, _INTEGRAL_ASYMPTOTIC)
    scale = torch.where(far, 1.0, deviation)
    ratio = torch.where(far, 0.5, mean) / (math.sqrt(2.0) * scale)
    body = torch.log(scale) - (EULER_GAMMA + math.log(2.0)) / 2 + _twice_integral(ratio)
    return torch.where(deviation < 0, math.nan, torch.where(far, tail, body))


def _twice_integral(x: torch.Tensor) -> torch.Tensor:
    """Return 2 int_0^x F for abs(x) <= 6: the series or the integral of Rybicki's sum, term by term."""
    small = x.abs() < _SMALL
    near = torch.where(small, x, 0.5)
    square = near * near
    middle = torch.where(small, 2.0, x)
    total = torch.zeros_like(x)
    for n in _ODD:
        node = n * _STEP
        total = total + (torch.erf(middle - node) - torch.erf(middle + node) + 2 * math.erf(node)) / n
    return torch.where(small, square * polynomial(square, _INTEGRAL_MACLAURIN), total)


@in_double
def hyp2f2_log_moment(z: Real) -> torch.Tensor:
    r"""The function :math:`{}_2F_2(1, 1; 3/2, 2; z)` of the Gaussian log-moment, for real z.

    With :math:`r = \sqrt{-z}` it is :math:`2 r^{-2} \int_0^r F` for z < 0; a series of positive terms up to z = 40;
    then :math:`\frac{\pi}{2z} \mathrm{erfi}(\sqrt z)`, whose relative error is below e**-z.
    Relative error against mpmath for -1e8 <= z <= 700: at most 3e-13.

    >>> float(hyp2f2_log_moment(0.0))
    1.0
    """
    series = (z > -_SMALL) & (z <= 40.0)
    huge, middle, far = z > 40.0, (z <= -_SMALL) & (z >= -(_LARGE**2)), z < -(_LARGE**2)
    grown = torch.where(huge, z, 50.0)
    root = torch.sqrt(torch.where(middle, -z, 4.0))
    negative = torch.where(far, -z, 100.0)
    tail = torch.log(4 * negative) / 2 + EULER_GAMMA / 2 - polynomial(0.5 / negative, _INTEGRAL_ASYMPTOTIC)
    result = polynomial(torch.where(series, z, 0.5), _POSITIVE_SERIES)
    result = torch.where(huge, (math.pi / 2) * erfi(torch.sqrt(grown)) / grown, result)
    result = torch.where(middle, _twice_integral(root) / root.square(), result)
    return torch.where(far, tail / negative, result)
