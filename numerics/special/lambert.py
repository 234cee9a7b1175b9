"""Lambert's W, the solution of W exp(W) = x, on its two real branches."""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from numerics.errors import NumericsError
from numerics.special._precision import Real, in_double, polynomial

# 1/e as a sum of two floats: x + 1/e must be exact to the last bit near the branch point.
_INVERSE_E, _INVERSE_E_REST = math.exp(-1.0), -1.2428753672788363168e-17
_NEAR = 0.35
_STEPS = 5


def _branch_series(count: int) -> tuple[float, ...]:
    """Return the coefficients of u = W + 1 in p = sqrt(2 (e x + 1)).

    From (u-1) e**u = p**2/2 - 1 follows u u' (1 - p**2/2) = p (1 - u); with s[m] the coefficients of u**2 this
    reads (m+1) s[m+1] - (m-1) s[m-1]/2 = -2 u[m-1] for m >= 2, and s[m+1] contains 2 u[m].
    """
    u, s = [Fraction(0), Fraction(1)], [Fraction(0), Fraction(0), Fraction(1)]
    for m in range(2, count):
        s.append(((m - 1) * s[m - 1] / 2 - 2 * u[m - 1]) / (m + 1))
        u.append((s[m + 1] - sum(u[i] * u[m + 1 - i] for i in range(2, m))) / 2)
    return tuple(float(c) for c in u)


_SERIES = _branch_series(30)


def lambert_w(x: Real, branch: int = 0) -> torch.Tensor:
    r"""Lambert's function W with :math:`W e^W = x`: branch 0 for x >= -1/e, branch -1 for -1/e <= x < 0; else NaN.

    Series in :math:`\sqrt{2(ex+1)}` beside the branch point, Halley's iteration elsewhere.
    Relative error against mpmath for x <= 1e300 (branch 0) and x <= -1e-300 (branch -1): at most 1e-15.
    Raises NumericsError for any other branch (they are complex).

    >>> float(lambert_w(1.0)).__round__(12)
    0.56714329041
    """
    if branch not in (0, -1):
        raise NumericsError(f"branch {branch} of Lambert's W is complex; use branch 0 or -1.")
    return _lambert_w(x, sign=1.0 if branch == 0 else -1.0)


@in_double
def _lambert_w(x: torch.Tensor, *, sign: float) -> torch.Tensor:
    distance = (x + _INVERSE_E) + _INVERSE_E_REST
    inside = (distance >= 0) & (x < 0) if sign < 0 else distance >= 0
    # at the branch point itself p = 0 has an infinite slope; it must not reach the other branch of the where.
    root = sign * torch.sqrt(torch.where(inside, 2 * math.e * distance, 1.0))
    near = inside & (root.abs() < _NEAR)
    beside = polynomial(torch.where(near, root, 0.1 * sign), _SERIES) - 1.0
    target = torch.where(inside & ~near & torch.isfinite(x), x, 1.0 if sign > 0 else -0.1)
    value = torch.where(near, beside, _halley(target, sign))
    return torch.where(inside, torch.where(torch.isposinf(x), x, value), math.nan)


def _halley(x: torch.Tensor, sign: float) -> torch.Tensor:
    root = sign * torch.sqrt(2 * math.e * ((x + _INVERSE_E) + _INVERSE_E_REST))
    guess = -1 + root * (1 - root * (1 / 3 - root * (11 / 72 - root * 43 / 540)))
    if sign > 0:
        logarithm = torch.log1p(torch.where(x > -0.1, x, 1.0))
        w = torch.where(x > -0.1, logarithm * (1 - torch.log1p(logarithm) / (2 + logarithm)), guess)
    else:
        outer = torch.log(-x)
        inner = torch.log(-torch.where(x > -0.2, outer, -2.0))
        w = torch.where(x > -0.2, outer - inner + inner / outer, guess)
    for _ in range(_STEPS):
        residual = w - x * torch.exp(-w)
        w = w - residual / (w + 1 - (w + 2) * residual / (2 * w + 2))
    return w
