"""What every special function shares: working precision, Horner's rule, series coefficients."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import torch

from numerics.errors import NumericsError

Real = torch.Tensor | float

EULER_GAMMA = 0.57721566490153286


def in_double(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Run a function of tensors in float64 and return the result in the dtype of its arguments.

    Plain numbers are lifted to the device of the tensors. Integers count as float64. float32 arguments are
    widened because exp(x**2) and its like overflow float32 long before the function itself does.
    """

    @functools.wraps(function)
    def wrapped(*arguments: Real, **options: Any) -> torch.Tensor:
        tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
        dtype = _common_dtype(tensors, function.__name__)
        device = tensors[0].device if tensors else None
        widened = [
            a.to(torch.float64)
            if isinstance(a, torch.Tensor)
            else torch.tensor(float(a), dtype=torch.float64, device=device)
            for a in arguments
        ]
        return function(*widened, **options).to(dtype)

    return wrapped


def _common_dtype(tensors: Sequence[torch.Tensor], name: str) -> torch.dtype:
    """Return the floating dtype of the result: arrays outrank single values, as in torch's own promotion."""
    if any(t.is_complex() for t in tensors):
        raise NumericsError(f"{name} takes real arguments only; pass the real part if the imaginary part is zero.")
    floating = [t for t in tensors if t.is_floating_point()]
    ranked = [t.dtype for t in floating if t.ndim] or [t.dtype for t in floating]
    return functools.reduce(torch.promote_types, ranked) if ranked else torch.float64


def polynomial(x: torch.Tensor, coefficients: Sequence[float]) -> torch.Tensor:
    """Evaluate ``sum_k coefficients[k] x**k`` by Horner's rule.

    >>> float(polynomial(torch.tensor(2.0), (1.0, 0.0, 3.0)))
    13.0
    """
    *rest, last = coefficients
    result = torch.full_like(x, last)
    for coefficient in reversed(rest):
        result = result * x + coefficient
    return result


def nearest_offset(x: torch.Tensor) -> torch.Tensor:
    """Return ``x - round(x)``, exact, so that sin(pi x) keeps its relative accuracy near the integers."""
    return x - torch.round(x)


def float_series(term: Callable[[int], Fraction | float], start: int, stop: int) -> tuple[float, ...]:
    """Return ``term(start), ..., term(stop - 1)`` rounded to floats once."""
    return tuple(float(term(k)) for k in range(start, stop))


@functools.cache
def bernoulli(index: int) -> Fraction:
    """Return the Bernoulli number B_index (B_1 = -1/2), exactly.

    >>> bernoulli(12)
    Fraction(-691, 2730)
    """
    if index == 0:
        return Fraction(1)
    return -sum(math.comb(index + 1, k) * bernoulli(k) for k in range(index)) / Fraction(index + 1)


def double_factorial(n: int) -> int:
    """Return n!! = n (n-2) (n-4) ..., 1 for n <= 0."""
    return math.prod(range(n, 0, -2))
