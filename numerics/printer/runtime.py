"""What the generated code calls: lifting numbers, indexing, sums and products, branches without NaN gradients.

``reference`` is any tensor of the (real) working dtype on the working device; nothing else carries either.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from numerics.errors import NumericsError

Body = Callable[..., Any]


def lift(reference: torch.Tensor, value: Any) -> torch.Tensor:
    """Return a tensor as it is, a Python number as a tensor without axes."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, complex):
        dtype = torch.promote_types(reference.dtype, torch.complex64)
        return torch.full((), value, dtype=dtype, device=reference.device)
    if math.isfinite(value) and abs(value) > torch.finfo(reference.dtype).max:
        value = math.copysign(math.inf, value)
    return torch.full((), value, dtype=reference.dtype, device=reference.device)


def whole(value: Any) -> int:
    """Return an index or a bound as a Python integer. Raises NumericsError if it is not a whole number."""
    if isinstance(value, numbers.Integral):
        return int(value)
    number = value.item() if getattr(value, "size", None) is not None and _is_single(value) else value
    if isinstance(number, numbers.Real) and float(number).is_integer():
        return int(number)
    raise NumericsError(f"a bound or an index is {value!r}, but must be one whole number; pass a Python integer.")


def _is_single(value: Any) -> bool:
    return math.prod(value.shape) == 1


def at(array: torch.Tensor, *indices: Any) -> torch.Tensor:
    """Return ``array[..., i, j]``. Raises NumericsError for an index outside the axis (none counts from the end)."""
    axis = array.ndim - len(indices)
    for index in indices:
        position, size = whole(index), array.shape[axis]
        if not 0 <= position < size:
            raise NumericsError(f"index {position} is outside 0..{size - 1}; pass a longer list or smaller bounds.")
        array = array.select(axis, position)
    return array


def indicator(reference: torch.Tensor, condition: Any) -> torch.Tensor:
    """Return 1 where the condition holds, else 0."""
    return lift(reference, condition).to(reference.dtype)


def step(reference: torch.Tensor, value: torch.Tensor, at_zero: Any) -> torch.Tensor:
    """Heaviside's function with its value at 0 given."""
    zero = lift(reference, at_zero).to(value.dtype)
    return torch.where(value > 0, torch.ones_like(value), torch.where(value == 0, zero, torch.zeros_like(value)))


def largest(reference: torch.Tensor, *values: Any) -> torch.Tensor:
    """Maximum of tensors and numbers."""
    first, *rest = (lift(reference, v) for v in values)
    for value in rest:
        first = torch.maximum(first, value)
    return first


def smallest(reference: torch.Tensor, *values: Any) -> torch.Tensor:
    """Minimum of tensors and numbers."""
    first, *rest = (lift(reference, v) for v in values)
    for value in rest:
        first = torch.minimum(first, value)
    return first


def complexify(value: torch.Tensor) -> torch.Tensor:
    """Return the value in a complex dtype, so that log(-1) is i pi instead of NaN."""
    return value if value.is_complex() else value.to(torch.promote_types(value.dtype, torch.complex64))


def complexify_cut(value: torch.Tensor) -> torch.Tensor:
    """As complexify, for asin, acos, atanh: on the cut beyond 1 SymPy takes the limit from below, torch from above."""
    return value if value.is_complex() else torch.complex(value, torch.copysign(torch.zeros_like(value), -value))


def realify(value: Any) -> Any:
    """Return the real part for functions of real arguments; NaN where the imaginary part is not zero."""
    if not isinstance(value, torch.Tensor) or not value.is_complex():
        return value
    return torch.where(value.imag == 0, value.real, math.nan)


def real_part(value: torch.Tensor) -> torch.Tensor:
    """Real part of a real or complex tensor."""
    return value.real if value.is_complex() else value


def imaginary_part(value: torch.Tensor) -> torch.Tensor:
    """Imaginary part of a real or complex tensor."""
    return value.imag if value.is_complex() else torch.zeros_like(value)


@dataclass(frozen=True)
class Fold:
    """A sum or product: its body and, where the index only selects ``a[index + offset]``, those offsets.

    ``ranks`` tells how many trailing axes of each parameter are index axes (None: a Python integer).
    """

    body: Body
    product: bool
    offsets: tuple[int, ...] | None
    ranks: tuple[int | None, ...]


def fold(reference: torch.Tensor, spec: Fold, lower: Any, upper: Any, *parameters: Any) -> torch.Tensor:
    """Evaluate a sum or product over ``lower <= index <= upper``; it is empty if ``upper = lower - 1``.

    Bodies which use the index only to select run over all of it at once, along a new last axis; others loop.
    """
    first, stop = whole(lower), whole(upper) + 1
    if stop < first:
        raise NumericsError(f"a sum runs from {first} to {stop - 1}; the upper bound must be at least {first - 1}.")
    if spec.offsets is not None:
        return _fold_axis(reference, spec, first, stop, parameters)
    total = lift(reference, 1.0 if spec.product else 0.0)
    for index in range(first, stop):
        term = spec.body(reference, index, lift(reference, float(index)), *parameters)
        total = total * term if spec.product else total + term
    return total


def _fold_axis(reference: torch.Tensor, spec: Fold, first: int, stop: int, parameters: Sequence[Any]) -> torch.Tensor:
    count = len(spec.offsets or ())
    slices = [
        _slice(array, first + offset, stop + offset)
        for array, offset in zip(parameters[:count], spec.offsets or (), strict=True)
    ]
    others = [
        value.unsqueeze(-1 - rank) if rank is not None and isinstance(value, torch.Tensor) else value
        for value, rank in zip(parameters[count:], spec.ranks, strict=True)
    ]
    terms = lift(reference, spec.body(reference, *slices, *others))
    terms = terms.expand(torch.broadcast_shapes(terms.shape, (stop - first,)))
    return terms.prod(-1) if spec.product else terms.sum(-1)


def _slice(array: torch.Tensor, first: int, stop: int) -> torch.Tensor:
    if first < 0 or stop > array.shape[-1]:
        raise NumericsError(
            f"a sum reads entries {first}..{stop - 1} of a list of {array.shape[-1]}; pass a longer list or "
            "smaller bounds."
        )
    return array[..., first:stop]


@dataclass(frozen=True)
class Choice:
    """A Piecewise: its branches, and for each the regular point which stands in where it is not taken.

    The branch is evaluated everywhere; without the stand-in, 0 * inf = NaN from the branch not taken would enter
    the gradient. A branch without stand-in (None) is regular everywhere.
    """

    branches: tuple[Body, ...]
    regular_points: tuple[tuple[float, ...] | None, ...]
    ranks: tuple[int | None, ...]


def choose(reference: torch.Tensor, spec: Choice, conditions: Sequence[Any], *parameters: Any) -> torch.Tensor:
    """Evaluate a Piecewise: the first branch whose condition holds, NaN where none does."""
    remaining: Any = None
    active = []
    for condition in conditions:
        truth = lift(reference, condition).to(torch.bool)
        active.append(truth if remaining is None else truth & remaining)
        remaining = ~truth if remaining is None else remaining & ~truth
    result = lift(reference, math.nan)
    for mask, branch, point in reversed(list(zip(active, spec.branches, spec.regular_points, strict=True))):
        inputs = parameters if point is None else _stand_in(mask, parameters, point, spec.ranks)
        result = torch.where(mask, lift(reference, branch(reference, *inputs)), result)
    return result


def _stand_in(
    mask: torch.Tensor, parameters: Sequence[Any], point: Sequence[float], ranks: Sequence[int | None]
) -> list[Any]:
    return [
        value if rank is None else torch.where(mask[(..., *(None,) * rank)], value, regular)
        for value, regular, rank in zip(parameters, point, ranks, strict=True)
    ]
