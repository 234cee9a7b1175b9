"""Incomplete gamma functions, differentiable in both arguments (torch's gammainc has no derivative in the first)."""

from __future__ import annotations

import torch

from numerics.special._precision import Real, in_double
from numerics.special.gamma import gamma

_TERMS = 140
_DEPTH = 90


@in_double
def lower_gamma(s: Real, x: Real) -> torch.Tensor:
    r"""Lower incomplete gamma function :math:`\gamma(s, x) = \int_0^x t^{s-1} e^{-t} dt`, s > 0, x >= 0.

    Relative error against mpmath for 0.05 <= s <= 50 and 1e-6 <= x <= 500: at most 1e-14.

    >>> float(lower_gamma(1.0, 2.0)).__round__(12)
    0.864664716763
    """
    s, x = torch.broadcast_tensors(s, x)
    small = x < _border(s)
    return torch.where(small, _series(s, torch.where(small, x, 0.5)), gamma(s) - _fraction(s, _beyond(s, x, small)))


@in_double
def upper_gamma(s: Real, x: Real) -> torch.Tensor:
    r"""Upper incomplete gamma function :math:`\Gamma(s, x) = \int_x^\infty t^{s-1} e^{-t} dt`, s > 0, x >= 0.

    Relative error against mpmath for 0.05 <= s <= 50 and 1e-6 <= x <= 500: at most 5e-13.

    >>> float(upper_gamma(1.0, 2.0)).__round__(12)
    0.135335283237
    """
    s, x = torch.broadcast_tensors(s, x)
    small = x < _border(s)
    return torch.where(small, gamma(s) - _series(s, torch.where(small, x, 0.5)), _fraction(s, _beyond(s, x, small)))


def _border(s: torch.Tensor) -> torch.Tensor:
    return torch.clamp(s + 1, min=1.5)


def _beyond(s: torch.Tensor, x: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    return torch.where(small, _border(s) + 1, x)


def _series(s: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return x**s e**-x sum_k x**k / (s (s+1) ... (s+k)), by Horner's rule from the last term."""
    total = torch.ones_like(x)
    for k in range(_TERMS, 0, -1):
        total = 1 + total * x / (s + k)
    return x**s * torch.exp(-x) * total / s


def _fraction(s: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return x**s e**-x / (x+1-s - 1 (1-s)/(x+3-s - 2 (2-s)/(x+5-s - ...))), for x beyond s + 1."""
    value = x - s + (1 + 2 * _DEPTH)
    for k in range(_DEPTH, 0, -1):
        value = x - s + (2 * k - 1) - k * (k - s) / value
    return x**s * torch.exp(-x) / value
