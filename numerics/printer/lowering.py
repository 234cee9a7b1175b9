"""From a user's expression to one the printer can say: our names, literals, and functions for sums and branches."""

from __future__ import annotations

import inspect
import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
import torch

from numerics import special
from numerics.errors import NumericsError
from numerics.printer import runtime
from numerics.printer.source import At, ChoiceCall, FoldCall, Kummer, LogMoment, TorchSource, supports, unsupported

Scope = Mapping[Any, "Name"]
_OF_THE_RECIPROCAL = {
    sp.asec: sp.acos, sp.acsc: sp.asin, sp.acot: sp.atan, sp.asech: sp.acosh, sp.acsch: sp.asinh, sp.acoth: sp.atanh,
}  # fmt: skip
_REFERENCE = sp.Symbol("ref")
_MAGNITUDES = (0.61, 1.7, 0.23, 3.9, 0.07, 11.3)


@dataclass(frozen=True)
class Name:
    """What a user's symbol is called: as a tensor, as a Python integer (indices, bounds), with how many index axes."""

    value: sp.Symbol
    integer: sp.Symbol | None = None
    rank: int = 0


class Lowering:
    """Lower and emit the expressions of one law; collects the generated functions and their source."""

    def __init__(self, law: str, through_complex: bool) -> None:
        self.law = law
        self.printer = TorchSource(law, through_complex)
        self.namespace: dict[str, Any] = {"torch": torch, "math": math, "special": special, "rt": runtime}
        self.sources: list[str] = []
        self.ranks: dict[sp.Symbol, int | None] = {}
        self._counter = itertools.count()

    def name(self, prefix: str, rank: int | None, symbol: Any = None) -> sp.Symbol:
        """Return a new safe symbol which keeps the assumptions of the user's."""
        assumptions = symbol.assumptions0 if isinstance(symbol, sp.Symbol) else {}
        fresh = sp.Symbol(f"{prefix}{next(self._counter)}", **assumptions)
        self.ranks[fresh] = rank
        return fresh

    def emit(self, results: Sequence[Any], parameters: Sequence[sp.Symbol], label: str) -> Callable[..., Any]:
        """Generate the function ``(ref, *parameters) -> results`` with common subexpressions computed once."""
        function = sp.lambdify(
            [_REFERENCE, *parameters],
            tuple(results) if len(results) != 1 else results[0],
            modules=[self.namespace],
            printer=self.printer,
            cse=True,
            docstring_limit=0,
        )
        self.sources.append(inspect.getsource(function).replace("_lambdifygenerated", label))
        return function

    def lower(self, expression: Any, scope: Scope) -> Any:
        """Return the expression in safe names, with literals folded. Raises UnsupportedFunction."""
        if isinstance(expression, sp.Symbol | sp.IndexedBase):
            return self._look_up(expression, scope).value
        if not isinstance(expression, sp.logic.boolalg.Boolean) and not expression.free_symbols:
            return self._literal(expression)
        structural = getattr(self, f"_lower_{type(expression).__name__}", None)
        if structural is not None:
            return structural(expression, scope)
        if isinstance(expression, sp.Add | sp.Mul):
            constant, rest = expression.as_independent(*expression.free_symbols, as_Add=isinstance(expression, sp.Add))
            parts = [self.lower(a, scope) for a in type(expression).make_args(rest)]
            return expression.func(self._literal(constant), *parts)
        if isinstance(expression, sp.Pow | sp.logic.boolalg.Boolean) or supports(expression):
            return expression.func(*(self.lower(a, scope) for a in expression.args))
        return self.lower(self._alternative(expression), scope)

    def _look_up(self, symbol: Any, scope: Scope) -> Name:
        if symbol in scope:
            return scope[symbol]
        near = [str(s) for s in scope if str(s) == str(symbol)]
        hint = "one of that name has other assumptions (positive, real, ...)" if near else "add it to the arguments"
        raise NumericsError(f"{self.law}: the symbol {symbol} is not among the arguments; {hint}.")

    def _literal(self, constant: Any) -> Any:
        """Return a symbol-free expression as an exact rational or as floats of 20 digits."""
        if constant.is_Rational or constant is sp.nan or constant in (sp.oo, -sp.oo, sp.zoo):
            return constant
        value = sp.N(constant, 20)
        real, imaginary = value.as_real_imag()
        if not (real.is_number and imaginary.is_number and real.is_Atom and imaginary.is_Atom):
            inner = next((f for f in value.atoms(sp.Function) if not f.is_Float), value)
            raise unsupported(type(inner).__name__, self.law)
        if constant.is_real or abs(imaginary) <= sp.Float("1e-18") * abs(real):
            return real
        return real + imaginary * sp.I

    def _alternative(self, expression: Any) -> Any:
        """Return the same function in terms of others, for functions without a rule of their own.

        The cancellation of the other form, if any, remains. Spherical Bessel functions would lose all digits near 0.
        """
        if expression.func in _OF_THE_RECIPROCAL:
            return _OF_THE_RECIPROCAL[expression.func](1 / expression.args[0])
        if isinstance(expression, sp.jn | sp.yn):
            raise unsupported(type(expression).__name__, self.law)
        attempts: tuple[Callable[[Any], Any], ...] = (
            lambda e: e.doit() if isinstance(e, sp.Derivative | sp.Subs) else e,
            sp.expand_func,
            lambda e: sp.hyperexpand(e) if isinstance(e, sp.hyper | sp.meijerg) else e,
            lambda e: e.rewrite(sp.gamma) if isinstance(e, sp.Function) else e,
        )
        for attempt in attempts:
            other = attempt(expression)
            if other != expression and not other.has(expression.func):
                return other
        raise unsupported(type(expression).__name__, self.law)

    # Structure: each rule is found by the name of the class.

    def _lower_hyper(self, expression: Any, scope: Scope) -> Any:
        above, below, argument = expression.args
        if tuple(above) == (1, 1) and len(below) == 2 and set(below) == {sp.Rational(3, 2), sp.Integer(2)}:
            return LogMoment(self.lower(argument, scope))
        if (len(above), len(below)) == (1, 1):
            return Kummer(*(self.lower(a, scope) for a in (above[0], below[0], argument)))
        return self.lower(self._alternative(expression), scope)

    def _lower_harmonic(self, expression: Any, scope: Scope) -> Any:
        number, *order = expression.args
        if not order or order[0] == 1:
            return sp.harmonic(self.lower(number, scope))
        if not (order[0].is_Integer and order[0] > 1):
            raise unsupported(f"harmonic of order {order[0]}", self.law)
        return self._literal(sp.zeta(order[0])) - sp.zeta(order[0], self.lower(number + 1, scope))

    def _lower_ITE(self, expression: Any, scope: Scope) -> Any:
        condition, then, other = (self.lower(a, scope) for a in expression.args)
        return sp.Or(sp.And(condition, then), sp.And(sp.Not(condition), other))

    def _lower_Indexed(self, expression: Any, scope: Scope) -> Any:
        base = self._look_up(expression.base, scope)
        return At(base.value, *(self._whole(i, scope) for i in expression.indices))

    def _lower_MatrixElement(self, expression: Any, scope: Scope) -> Any:
        parent, row, column = expression.args
        if isinstance(parent, sp.MatrixSymbol):
            return At(self._look_up(parent, scope).value, self._whole(row, scope), self._whole(column, scope))
        return self.lower(parent.as_explicit()[row, column], scope)

    def _lower_Determinant(self, expression: Any, scope: Scope) -> Any:
        return self.lower(expression.arg.as_explicit().det(), scope)

    def _lower_Trace(self, expression: Any, scope: Scope) -> Any:
        return self.lower(expression.arg.as_explicit().trace(), scope)

    def _whole(self, expression: Any, scope: Scope) -> Any:
        """Lower an index or a bound: integer arithmetic on Python integers."""
        if expression.is_Integer:
            return expression
        if isinstance(expression, sp.Symbol):
            name = self._look_up(expression, scope)
            if name.integer is None:
                raise NumericsError(f"{self.law}: {expression} is an array, not an index; index by whole numbers.")
            return name.integer
        power = isinstance(expression, sp.Pow) and expression.exp.is_Integer and expression.exp.is_positive
        if isinstance(expression, sp.Add | sp.Mul) or power:
            return expression.func(*(self._whole(a, scope) for a in expression.args))
        if expression.is_Rational:
            return expression
        raise NumericsError(f"{self.law}: the index or bound {expression} is not a polynomial in whole numbers.")

    def _lower_Sum(self, expression: Any, scope: Scope) -> Any:
        return self._fold(expression, scope, product=False)

    def _lower_Product(self, expression: Any, scope: Scope) -> Any:
        return self._fold(expression, scope, product=True)

    def _fold(self, expression: Any, scope: Scope, product: bool) -> Any:
        index, lower, upper = expression.limits[-1]
        if sp.oo in (upper, -lower):
            # SymPy's own summation is not trusted here: a closed form must have passed its gate first.
            raise unsupported(f"the infinite {type(expression).__name__}", self.law)
        inner = expression.limits[:-1]
        body = expression.func(expression.function, *inner) if inner else expression.function
        slices = _selections(body, index)
        if slices is None:
            counter = Name(self.name("a", 0, index), self.name("n", None))
            lowered = self.lower(body, {**scope, index: counter})
            own: list[sp.Symbol] = [counter.integer or counter.value, counter.value]
            arrays, offsets = [], None
        else:
            own = [self.name("a", 0) for _ in slices]
            lowered = self.lower(
                body.xreplace(dict(zip(slices, own, strict=True))), {**scope, **{s: Name(s) for s in own}}
            )
            arrays = [self._look_up(entry.base, scope).value for entry in slices]
            offsets = tuple(int(entry.indices[0] - index) for entry in slices)
        parameters = self._parameters([lowered], own)
        label = next(self._counter)
        function = self.emit([lowered], [*own, *parameters], f"f{label}")
        ranks = tuple(self.ranks[p] for p in parameters)
        self.namespace[f"f{label}"] = runtime.Fold(function, product, offsets, ranks)
        bounds = (self._whole(lower, scope), self._whole(upper, scope))
        return FoldCall(sp.Integer(label), *bounds, *arrays, *parameters)

    def _lower_Piecewise(self, expression: Any, scope: Scope) -> Any:
        branches = [self.lower(branch, scope) for branch, _ in expression.args]
        conditions = [self.lower(condition, scope) for _, condition in expression.args]
        parameters = self._parameters(branches)
        label = next(self._counter)
        functions = [self.emit([b], parameters, f"f{label}_{k}") for k, b in enumerate(branches)]
        ranks = tuple(self.ranks[p] for p in parameters)
        points = tuple(
            None if _is_polynomial(branch) else _regular_point(function, parameters, ranks)
            for branch, function in zip(branches, functions, strict=True)
        )
        self.namespace[f"f{label}"] = runtime.Choice(tuple(functions), points, ranks)
        return ChoiceCall(sp.Integer(label), sp.Integer(len(conditions)), *conditions, *parameters)

    def _parameters(self, expressions: Iterable[Any], known: Iterable[sp.Symbol] = ()) -> list[sp.Symbol]:
        found = set().union(*(e.free_symbols for e in expressions)) - set(known)
        return sorted(found, key=lambda s: (s.name[0], int(s.name[1:])))


def _selections(body: Any, index: sp.Symbol) -> list[Any] | None:
    """Return the ``a[index + offset]`` of the body if the index does nothing else, else None."""
    entries = [e for e in body.atoms(sp.Indexed) if e.has(index)]
    plain = all(len(e.indices) == 1 and (e.indices[0] - index).is_Integer for e in entries)
    stand_ins = {e: sp.Dummy() for e in entries}
    if not entries or not plain or index in body.xreplace(stand_ins).free_symbols:
        return None
    return sorted(entries, key=sp.default_sort_key)


def _is_polynomial(expression: Any) -> bool:
    """Tell whether the branch and its derivatives are finite everywhere."""
    if expression.is_Symbol or expression.is_Number or isinstance(expression, At):
        return expression.is_finite is not False
    if isinstance(expression, sp.Pow):
        return bool(expression.exp.is_Integer and expression.exp > 0 and _is_polynomial(expression.base))
    return isinstance(expression, sp.Add | sp.Mul) and all(_is_polynomial(a) for a in expression.args)


def _regular_point(
    branch: Callable[..., Any], parameters: Sequence[sp.Symbol], ranks: Sequence[int | None]
) -> tuple[float, ...]:
    """Return a point at which the branch and its first two derivatives are finite (searched, deterministic)."""
    generator = random.Random(0)
    first = point = tuple(_value(p, 0.61) for p in parameters)
    if any(rank != 0 for rank in ranks):
        return first
    for trial in range(200):
        if _is_regular(branch, point):
            return point
        magnitudes = [_MAGNITUDES[(trial + k) % 6] * generator.uniform(0.8, 1.2) for k in range(len(parameters))]
        point = tuple(_value(p, m * generator.choice((1, -1))) for p, m in zip(parameters, magnitudes, strict=True))
    return first


def _value(parameter: sp.Symbol, number: float) -> float:
    if parameter.is_integer:
        number = math.copysign(math.ceil(abs(number)), number)
    if parameter.is_nonnegative:
        return abs(number)
    return -abs(number) if parameter.is_nonpositive else number


def _is_regular(branch: Callable[..., Any], point: Sequence[float]) -> bool:
    reference = torch.empty((), dtype=torch.float64)
    with torch.enable_grad():
        inputs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point]
        value = runtime.lift(reference, branch(reference, *inputs))
        level = [torch.view_as_real(value).sum() if value.is_complex() else value]
        for _ in range(2):
            if not all(bool(torch.isfinite(v)) for v in level):
                return False
            total = torch.stack([v for v in level if v.requires_grad] or [reference.new_zeros(())]).sum()
            if not total.requires_grad:
                return True
            level = [
                g for g in torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True) if g is not None
            ]
    return all(bool(torch.isfinite(v)) for v in level)
