"""The public callable: accepts tensors, arrays and numbers, broadcasts, returns tensors."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
import torch

from numerics.errors import NumericsError
from numerics.printer import runtime
from numerics.printer.lowering import Lowering, Name

_MATRIX = sp.matrices.MatrixBase | sp.MatrixExpr


@dataclass(frozen=True)
class Compiled:
    """A function of tensors printed from an expression; call it with one value per argument.

    Values are tensors, NumPy arrays, nested lists or numbers. Numbers and integer arrays take the dtype and device of
    the floating tensors among the arguments (float64 on the CPU if there is none). Results have the common broadcast
    shape of the arguments, whether or not the expression depends on all of them.
    """

    name: str
    arguments: tuple[str, ...]
    source: str = field(repr=False)
    _function: Callable[..., Any] = field(repr=False)
    _ranks: tuple[int, ...] = field(repr=False)
    _integers: tuple[int, ...] = field(repr=False)
    _shapes: tuple[tuple[int, ...], ...] = field(repr=False)
    _single: bool = field(repr=False)

    def __call__(self, *values: Any) -> Any:
        """Evaluate. Raises NumericsError for a wrong number of values, or shapes that do not broadcast."""
        if len(values) != len(self.arguments):
            raise NumericsError(
                f"{self.name} takes {len(self.arguments)} values ({', '.join(self.arguments)}), got {len(values)}."
            )
        tensors, reference = _prepare(values)
        shape = self._batch_shape(tensors)
        integers = [runtime.whole(values[position]) for position in self._integers]
        raw = self._function(reference, *tensors, *integers)
        entries = iter(raw if isinstance(raw, tuple) else (raw,))
        results = tuple(self._assemble(entries, form, shape, reference) for form in self._shapes)
        return results[0] if self._single else results

    def _batch_shape(self, tensors: Sequence[torch.Tensor]) -> tuple[int, ...]:
        """Return the common shape of the batch axes (torch.broadcast_shapes costs more than a small law)."""
        common: list[int] = []
        for label, tensor, rank in zip(self.arguments, tensors, self._ranks, strict=True):
            count = tensor.ndim - rank
            if count < 0:
                raise NumericsError(f"{self.name}: {label} has {tensor.ndim} axes, needs {rank} for its indices.")
            shape = list(tensor.shape[:count])
            if shape == common:
                continue
            width = max(count, len(common))
            shape, common = [1] * (width - count) + shape, [1] * (width - len(common)) + common
            if any(a != b and a != 1 and b != 1 for a, b in zip(shape, common, strict=True)):
                raise NumericsError(
                    f"{self.name}: the batch shapes {tuple(common)} and, of {label}, {tuple(shape)} do not broadcast; "
                    "align the axes from the right."
                )
            common = [b if a == 1 else a for a, b in zip(shape, common, strict=True)]
        return tuple(common)

    def _assemble(
        self, entries: Any, form: tuple[int, ...], shape: tuple[int, ...], reference: torch.Tensor
    ) -> torch.Tensor:
        parts = [runtime.lift(reference, next(entries)) for _ in range(math.prod(form))]
        parts = [p if p.shape == shape else p.expand(shape) for p in parts]
        if not form:
            return parts[0]
        if not parts:
            return reference.new_zeros((*shape, *form))
        dtype = functools.reduce(torch.promote_types, [p.dtype for p in parts])
        return torch.stack([p.to(dtype) for p in parts], dim=-1).reshape(*shape, *form)


def compile_torch(expression: Any, arguments: Sequence[Any], *, name: str = "expression") -> Compiled:
    """Print a SymPy expression as a torch function.

    Parameters
    ----------
    expression: an Expr or Boolean (a tensor comes back), a tuple, list or Tuple (a tuple of tensors), or a Matrix
        (a tensor of shape (*batch, rows, columns)).
    arguments: Symbols; IndexedBases (arrays whose last axis, or last axes, are the indices; leading axes are batch);
        MatrixSymbols of concrete shape. A symbol which occurs in an index or a bound takes one Python integer.
        A repeated symbol is read at its first place.
    name: names the law in error messages.

    Returns a Compiled. Principal branches (log of negative numbers, ...) are complex exactly if I occurs in the
    expression. Raises UnsupportedFunction for a function without a torch form, NumericsError for a symbol which is
    not among the arguments.

    >>> x, h, i, N = sp.Symbol("x"), sp.IndexedBase("h"), sp.Symbol("i", integer=True), sp.Symbol("N", integer=True)
    >>> law = compile_torch(sp.sqrt(2) * x + sp.Sum(h[i] ** 2, (i, 0, N - 1)), [x, h, N])
    >>> law(torch.tensor([0.0, 1.0], dtype=torch.float64), [1.0, 2.0], 2)
    tensor([5.0000, 6.4142], dtype=torch.float64)
    """
    single = not isinstance(expression, tuple | list | sp.Tuple)
    results = [_explicit(e, name) for e in ([expression] if single else expression)]
    shapes = tuple(r.shape if isinstance(r, sp.matrices.MatrixBase) else () for r in results)
    entries = [e for r in results for e in (r.flat() if isinstance(r, sp.matrices.MatrixBase) else [r])]
    lowering = Lowering(name, any(_leaves_the_reals(e) for e in entries))
    scope: dict[Any, Name] = {}
    for argument in arguments:
        rank = _rank(argument, entries, name)
        value = lowering.name("a", rank, argument)
        scope.setdefault(argument, Name(value, None if rank else lowering.name("n", None), rank))
        lowering.ranks.setdefault(value, rank)
    lowered = [lowering.lower(e, scope) for e in entries]
    used = set().union(*(e.free_symbols for e in lowered))
    positions = [k for k, a in enumerate(arguments) if scope[a].integer in used and list(arguments).index(a) == k]
    parameters = [
        scope[a].value if list(arguments).index(a) == k else lowering.name("a", 0) for k, a in enumerate(arguments)
    ]
    integers = [scope[arguments[k]].integer for k in positions]
    function = lowering.emit(lowered, [*parameters, *integers], "law")
    ranks = tuple(scope[a].rank for a in arguments)
    source = "\n".join(lowering.sources)
    return Compiled(name, tuple(map(str, arguments)), source, function, ranks, tuple(positions), shapes, single)


def _explicit(expression: Any, name: str) -> Any:
    """Return an Expr, Boolean or explicit Matrix. Plain text is refused: SymPy would evaluate it as code."""
    if isinstance(expression, bool | sp.Expr | sp.logic.boolalg.Boolean) and not isinstance(expression, _MATRIX):
        return sp.true if expression is True else sp.false if expression is False else expression
    if isinstance(expression, numbers.Integral):
        return sp.Integer(int(expression))
    if isinstance(expression, numbers.Real):
        return sp.Float(float(expression))
    if isinstance(expression, sp.matrices.MatrixBase):
        return expression.as_immutable()
    if isinstance(expression, sp.MatrixExpr) and all(size.is_Integer for size in expression.shape):
        return expression.doit().as_explicit()
    raise NumericsError(
        f"{name}: cannot compile {type(expression).__name__}; pass a SymPy expression, a tuple of them, or a matrix "
        "of concrete shape."
    )


def _leaves_the_reals(expression: Any) -> bool:
    roots = (p for p in expression.atoms(sp.Pow) if p.base.is_negative and p.exp.is_number and not p.exp.is_integer)
    return expression.has(sp.I) or any(True for _ in roots)


def _rank(argument: Any, entries: Sequence[Any], name: str) -> int:
    """Return how many trailing axes of an argument are indices."""
    if isinstance(argument, sp.MatrixSymbol):
        return 2
    if isinstance(argument, sp.Symbol):
        return 0
    if not isinstance(argument, sp.IndexedBase):
        raise NumericsError(
            f"{name}: the argument {argument} is no symbol; pass Symbol, IndexedBase or MatrixSymbol objects."
        )
    ranks = {len(e.indices) for entry in entries for e in entry.atoms(sp.Indexed) if e.base == argument} or {1}
    if len(ranks) > 1:
        raise NumericsError(f"{name}: {argument} occurs with {sorted(ranks)} indices; use one number of indices.")
    return ranks.pop()


def _prepare(values: Sequence[Any]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return all values as floating tensors, and a reference tensor of the working dtype and device.

    As in torch's own promotion arrays outrank single values in the dtype, and accelerators outrank the CPU.
    """
    first = values[0] if values else 0.0
    if isinstance(first, torch.Tensor) and first.is_floating_point() and all(_alike(first, v) for v in values):
        return list(values), first
    given = [v for v in values if isinstance(v, torch.Tensor)]
    device = next((t.device for t in given if t.device.type != "cpu"), torch.device("cpu"))
    arrays = [_array(v, device) for v in values]
    floating = [
        (a.dtype, a.ndim)
        for a, v in zip(arrays, values, strict=True)
        if isinstance(a, torch.Tensor) and (a.is_floating_point() or a.is_complex()) and not isinstance(v, list | tuple)
    ]
    ranked = [dtype for dtype, ndim in floating if ndim] or [dtype for dtype, _ in floating]
    dtype = functools.reduce(torch.promote_types, ranked) if ranked else torch.float64
    working = torch.empty((), dtype=dtype, device=device)
    reference = working.real if dtype.is_complex else working
    return [
        _working(a, reference, weak=isinstance(v, list | tuple)) for a, v in zip(arrays, values, strict=True)
    ], reference


def _alike(first: torch.Tensor, value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == first.dtype and value.device == first.device


def _array(value: Any, device: torch.device) -> torch.Tensor | complex | float:
    """Return a tensor on the device, or a Python number."""
    if isinstance(value, torch.Tensor):
        return value.to(device) if value.ndim == 0 else value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, complex):
        return value
    if isinstance(value, numbers.Real):
        return float(value)
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise NumericsError(f"an argument is {type(value).__name__}; pass tensors, arrays of numbers, or numbers.")
    return torch.tensor(array, device=device)


def _working(value: torch.Tensor | complex | float, reference: torch.Tensor, *, weak: bool) -> torch.Tensor:
    """Lift a number; give integers, and lists of plain numbers (weak), the working dtype."""
    if not isinstance(value, torch.Tensor):
        return runtime.lift(reference, value)
    if value.is_complex() or (value.is_floating_point() and not weak):
        return value
    return value.to(reference.dtype)
