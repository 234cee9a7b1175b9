"""Evaluation of closed forms with mpmath to a requested number of correct digits.

A closed form may lose digits to cancellation (gamma-type sums of large terms). Each form is therefore evaluated at
increasing working precision until two successive results agree to the digits asked for.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import sympy as sp
from sympy.printing.pycode import MpmathPrinter

from theory.errors import DerivationError
from theory.parameter import Parameter

_MAX_PRECISION = 4000


def to_mp(value: Any) -> Any:
    """Convert a number to mpmath at the working precision; a float means its shortest decimal (0.1 is 1/10)."""
    if isinstance(value, (list, tuple)):
        return [to_mp(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return mpmath.mpf(value)
    if isinstance(value, float):
        return mpmath.mpf(repr(value)) if math.isfinite(value) else mpmath.mpf(value)
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    if isinstance(value, sp.Rational):
        return mpmath.mpf(int(value.p)) / int(value.q)
    if isinstance(value, (mpmath.mpf, mpmath.mpc)):
        return value
    return mpmath.mpf(repr(float(value)))


def argument_symbols(parameters: Iterable[Parameter]) -> list[Any]:
    """Return the symbols a compiled form takes: those of the parameters, then the lengths of the lists."""
    chosen = [p for p in parameters if p.symbol is not None]
    return [p.symbol for p in chosen] + [p.length for p in chosen if p.length is not None]


def arguments(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> list[Any]:
    """Return the values in the order of ``argument_symbols`` (lengths read off the lists or last axes)."""
    chosen = [p for p in parameters if p.symbol is not None]
    lengths = [_length(values[p.key]) for p in chosen if p.length is not None]
    return [values[p.key] for p in chosen] + lengths


def _length(value: Any) -> int:
    return int(value.shape[-1]) if hasattr(value, "shape") else len(value)


def evaluate(form: Any, parameters: Sequence[Parameter], values: Mapping[str, Any], digits: int) -> Any:
    """Evaluate a SymPy expression, Tuple or Matrix at the values; nested lists for Tuples and Matrices."""
    if isinstance(form, sp.MatrixBase):
        return [[evaluate(x, parameters, values, digits) for x in row] for row in form.tolist()]
    if isinstance(form, (sp.Tuple, tuple, list)):
        return [evaluate(x, parameters, values, digits) for x in form]
    function = mp_function(sp.sympify(form), tuple(argument_symbols(parameters)))
    return converged(lambda: function(*[to_mp(v) for v in arguments(parameters, values)]), digits)


def converged(compute: Callable[[], Any], digits: int) -> Any:
    """Evaluate ``compute`` at growing mpmath precision until two results agree to ``digits`` digits.

    >>> print(converged(lambda: (mpmath.mpf(10)**-30 + 1) - 1, 15))
    1.0e-30
    """
    precision = digits + 10
    previous = None
    while precision <= _MAX_PRECISION:
        with mpmath.workdps(precision):
            current = compute()
            if previous is not None and _agree(previous, current, digits):
                return current
        previous, precision = current, 2 * precision
    raise DerivationError(f"no {digits} stable digits up to {_MAX_PRECISION} digits of working precision.")


def _agree(a: Any, b: Any, digits: int) -> bool:
    if isinstance(a, list):
        return len(a) == len(b) and all(_agree(x, y, digits) for x, y in zip(a, b, strict=True))
    if a is None or isinstance(a, (str, bool)):
        return a == b
    if mpmath.isnan(a) or mpmath.isinf(a):
        return bool(a == b) or bool(mpmath.isnan(a) and mpmath.isnan(b))
    scale = max(abs(a), abs(b))
    return bool(scale == 0 or abs(a - b) <= scale * mpmath.mpf(10) ** (-digits) or scale < mpmath.mpf(10) ** -300)


@functools.lru_cache(maxsize=4096)
def mp_function(form: Any, symbols: tuple[Any, ...]) -> Callable[..., Any]:
    """Compile an expression to an mpmath function of the symbols, evaluated at the current precision."""
    free = form.free_symbols - {s for s in symbols if isinstance(s, sp.Symbol)}
    bases = {base.label for base in symbols if isinstance(base, sp.IndexedBase)}
    unbound = {s for s in free if isinstance(s, sp.Symbol) and s not in bases}
    if unbound:
        raise DerivationError(f"the form {sp.sstr(form)[:80]} still contains {sorted(map(str, unbound))}.")
    printer = _Printer({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    return sp.lambdify(symbols, form, modules=["mpmath"], printer=printer, cse=False, docstring_limit=0)


class _Printer(MpmathPrinter):
    """mpmath code whose summation indices are mpf, so that 1/i is never a division of Python integers."""

    def _loops(self, function: str, expr: Any) -> str:
        loops = " ".join(
            f"for {self._print(i)} in map(mpf, range(int({self._print(a)}), int({self._print(b)}) + 1))"
            for i, a, b in reversed(expr.limits)
        )
        return f"{function}({self._print(expr.function)} {loops})"

    def _print_Sum(self, expr: Any) -> str:
        return self._loops("fsum", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._loops("fprod", expr)

    def _print_Indexed(self, expr: Any) -> str:
        return self._print(expr.base.label) + "".join(f"[int({self._print(i)})]" for i in expr.indices)


def to_python(value: Any, complex_valued: bool = False) -> Any:
    """Turn mpmath results into floats (complex laws: [re, im]), keeping lists, integers, text and None."""
    if isinstance(value, (list, tuple)):
        return [to_python(v, complex_valued) for v in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if complex_valued:
        number = mpmath.mpc(value)
        return [float(number.real), float(number.imag)]
    if isinstance(value, (int, sp.Integer)):
        return int(value)
    if isinstance(value, (mpmath.mpc, complex)):
        if abs(value.imag) > 1e-12 * max(1.0, abs(value.real)):
            raise DerivationError(f"a real law gave the complex value {mpmath.nstr(value, 8)}.")
        return float(value.real)
    return float(value)


def map_numbers(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply ``function`` to every number of a nested value; text and None stay."""
    if isinstance(value, list):
        return [map_numbers(v, function) for v in value]
    return value if value is None or isinstance(value, (str, bool)) else function(value)


def has_nan(value: Any) -> bool:
    """Return whether a nested value (numbers, text, None) contains a NaN."""
    if isinstance(value, (list, tuple)):
        return any(map(has_nan, value))
    return value is not None and not isinstance(value, (str, bool)) and value != value


def flat_numbers(value: Any) -> list[float]:
    """Return the numbers of a nested value as a flat list."""
    if isinstance(value, (list, tuple)):
        return [x for v in value for x in flat_numbers(v)]
    return [] if value is None or isinstance(value, str) else [float(value)]


@functools.lru_cache(maxsize=1)
def _package_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    digest.update(f"{sp.__version__} {mpmath.__version__}".encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=256)
def theory_fingerprint(function: Callable[..., Any]) -> str:
    """Return a hash that changes with any source of the theory, of the module of ``function`` or the versions."""
    module = inspect.getmodule(function)
    path = getattr(module, "__file__", None)
    extra = Path(path).read_bytes() if path and Path(path).is_file() else b""
    return hashlib.sha256(_package_hash().encode() + extra + repr(function).split(" at ")[0].encode()).hexdigest()
