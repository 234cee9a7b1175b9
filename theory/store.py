"""A disk cache of derived expressions, written as JSON by an encoder of our own: nothing read back is evaluated.

Entries live under ``SGDLAWS_CACHE_DIR``, else ``XDG_CACHE_HOME/sgdlaws``, else ``~/.cache/sgdlaws``. A damaged,
truncated or foreign entry is rebuilt; a directory that cannot be written means working without a cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
import os
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.functions.special.hyper import TupleArg

from theory.errors import TheoryError


class StoreError(TheoryError):
    """An object cannot be stored, or a stored one cannot be read back identically."""


_STRUCTURAL = (
    "Add Mul Pow Mod Eq Ne Lt Le Gt Ge And Or Not Tuple Sum Product Integral Derivative Subs Limit Order Lambda "
    "Indexed IndexedBase Idx MatrixSymbol MatAdd MatMul MatPow HadamardProduct Transpose Inverse Trace Determinant "
    "Identity ZeroMatrix Interval FiniteSet Union Contains"
)
_CONSTANTS = {
    name: getattr(sp.S, name)
    for name in (
        "Pi", "Exp1", "EulerGamma", "GoldenRatio", "Catalan", "ImaginaryUnit", "Infinity", "NegativeInfinity",
        "ComplexInfinity", "NaN", "true", "false", "EmptySet", "Reals", "Integers", "Naturals", "Naturals0",
    )
}  # fmt: skip
_PLAIN = (bool, int, float, str, type(None))
_UNEVALUATED = (sp.Add, sp.Mul, sp.Pow, sp.Function, sp.Rel, sp.And, sp.Or, sp.Not)


@functools.lru_cache(maxsize=1)
def _classes() -> dict[str, type[sp.Basic]]:
    """Return the only classes an entry may name: SymPy's functions, operations, relations and containers."""
    structural = [getattr(sp, name) for name in _STRUCTURAL.split()]
    allowed = {cls.__name__: cls for cls in (*structural, ExprCondPair, TupleArg)}
    for name in sp.functions.__all__:
        function = getattr(sp, name, None)
        if isinstance(function, type) and issubclass(function, sp.Basic):
            allowed[function.__name__] = function
    return allowed


def encode(value: Any) -> Any:
    """Return a JSON-able form of a SymPy object, number, text, list or tuple.

    Raises
    ------
    StoreError : the object holds something else, for example a dummy symbol

    >>> x = sp.Symbol("x", positive=True)
    >>> encode(2 * x)
    ['Mul', ['Integer', '2'], ['Symbol', 'x', {'positive': True}]]
    """
    try:
        return _encode(value)
    except RecursionError as error:
        raise StoreError("the expression is nested too deeply to be stored.") from error


def _encode(value: Any) -> list[Any]:
    if isinstance(value, sp.MatrixBase):
        return ["Matrix", value.rows, value.cols, *map(_encode, value.flat())]
    if not isinstance(value, sp.Basic):
        if type(value) in _PLAIN:
            return ["plain", value]
        if type(value) in (list, tuple):
            return [type(value).__name__, *map(_encode, value)]
        raise StoreError(f"{type(value).__name__} cannot be stored; only SymPy expressions, numbers and texts can.")
    kind = type(value)
    if kind is sp.Symbol:
        return ["Symbol", value.name, dict(value._assumptions_orig)]
    if isinstance(value, sp.Integer):
        return ["Integer", str(value)]
    if isinstance(value, sp.Rational):
        return ["Rational", str(value.p), str(value.q)]
    if kind is sp.Float:
        sign, mantissa, exponent, _ = value._mpf_
        return ["Float", sign, str(mantissa), exponent, value._prec]
    for name, constant in _CONSTANTS.items():
        if value is constant:
            return ["constant", name]
    if isinstance(value, AppliedUndef):
        return ["applied", value.func.__name__, dict(value.func._kwargs), *map(_encode, value.args)]
    if kind is Str:
        return ["Str", value.name]
    if _classes().get(kind.__name__) is kind:
        return [kind.__name__, *map(_encode, value.args)]
    raise StoreError(f"{kind.__name__} cannot be stored; only symbols, numbers, functions and containers can.")


def decode(data: Any) -> Any:
    """Read back what ``encode`` wrote, identically; matrices come back immutable.

    Raises
    ------
    StoreError : the data are no stored expression, name a class outside the table, or would change when formed

    >>> decode(encode(sp.log(sp.Symbol("x")) + sp.Rational(1, 3)))
    log(x) + 1/3
    """
    try:
        return _decode(data)
    except StoreError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise StoreError(f"a stored expression cannot be read back ({str(error)[:80]}).") from error


def _decode(data: Any) -> Any:
    if not isinstance(data, list) or not data or not isinstance(data[0], str):
        raise StoreError(f"a {type(data).__name__} without a name at its head is no stored expression.")
    head, rest = data[0], data[1:]
    if head == "plain":
        (value,) = rest
        if type(value) in _PLAIN:
            return value
    elif head in ("list", "tuple"):
        items = [_decode(r) for r in rest]
        return items if head == "list" else tuple(items)
    elif head in _LEAVES:
        return _LEAVES[head](*rest)
    elif head == "Matrix":
        return sp.ImmutableMatrix(rest[0], rest[1], _arguments(rest[2:]))
    elif head == "applied":
        return UndefinedFunction(_text(rest[0]), **_assumptions(rest[1]))(*_arguments(rest[2:]))
    elif head in _classes():
        return _form(_classes()[head], _arguments(rest))
    raise StoreError(f"{head[:60]!r} is not a kind of stored expression.")


def _arguments(data: list[Any]) -> list[sp.Basic]:
    # SymPy would parse, that is evaluate, a plain text given as an argument: only SymPy objects may pass.
    arguments = [_decode(r) for r in data]
    if not all(isinstance(a, sp.Basic) for a in arguments):
        raise StoreError("a stored expression has an argument that is no SymPy object.")
    return arguments


def _form(cls: type[sp.Basic], arguments: list[sp.Basic]) -> sp.Basic:
    formed = None
    if issubclass(cls, _UNEVALUATED):
        with contextlib.suppress(TypeError):
            formed = cls(*arguments, evaluate=False)
    if formed is None:
        formed = cls(*arguments)
    if type(formed) is not cls or formed.args != tuple(arguments):
        raise StoreError(f"a stored {cls.__name__} changes when it is formed again.")
    return formed


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise StoreError("a stored name is no text.")
    return value


def _assumptions(value: Any) -> dict[str, bool]:
    if not isinstance(value, dict) or not all(isinstance(v, bool) for v in value.values()):
        raise StoreError("stored assumptions are not true or false.")
    return value


def _nonzero(value: int) -> int:
    if value == 0:
        raise StoreError("a stored fraction has the denominator 0.")
    return value


def _float(sign: int, mantissa: str, exponent: int, precision: int) -> sp.Float:
    man = int(_text(mantissa))
    return sp.Float._new((int(sign), man, int(exponent), man.bit_length()), int(precision), zero=False)


_LEAVES: dict[str, Callable[..., Any]] = {
    "Symbol": lambda name, assumptions: sp.Symbol(_text(name), **_assumptions(assumptions)),
    "Integer": lambda digits: sp.Integer(int(_text(digits))),
    "Rational": lambda p, q: sp.Integer(int(_text(p))) / _nonzero(int(_text(q))),
    "Float": _float,
    "constant": lambda name: _CONSTANTS[name],
    "Str": lambda name: Str(_text(name)),
}


def directory() -> Path:
    """Return the cache directory."""
    given = os.environ.get("SGDLAWS_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sgdlaws"


def fingerprint(*sources: ModuleType | FunctionType | type) -> str:
    """Return a hash of the source texts of modules, functions or classes and of the versions they rest on.

    Raises StoreError if a source text is not at hand.
    """
    digest = hashlib.sha256(_versions().encode())
    for source in sources:
        try:
            digest.update(inspect.getsource(source).encode())
        except (OSError, TypeError) as error:
            raise StoreError(
                f"the source of {source!r} is not at hand; give a function or module in a file."
            ) from error
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def _versions() -> str:
    try:
        own = metadata.version("sgdlaws")
    except metadata.PackageNotFoundError:
        own = "unknown"
    return f"sympy {sp.__version__}, mpmath {mpmath.__version__}, sgdlaws {own}"


def cached(key: str, build: Callable[[], Any], fingerprint: str) -> Any:
    """Return the JSON-able result of ``build``, from disk if an entry with this key and fingerprint is there.

    An entry of another fingerprint, or one that is damaged, is replaced. The result is the same on the first call
    (tuples come back as lists).
    """
    try:
        path = directory() / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        entry = json.loads(path.read_text(encoding="utf-8"))
        if (entry["key"], entry["fingerprint"]) == (key, fingerprint):
            text = json.dumps(entry["data"])
            if entry["checksum"] == hashlib.sha256(text.encode()).hexdigest():
                return entry["data"]
    except (OSError, ValueError, LookupError, TypeError, RuntimeError):
        pass  # a RuntimeError: no home directory, or JSON nested beyond the recursion limit
    text = json.dumps(build())
    with contextlib.suppress(OSError, RuntimeError):
        _write(key, fingerprint, text)
    return json.loads(text)


def _write(key: str, fingerprint: str, text: str) -> None:
    folder = directory()
    folder.mkdir(parents=True, exist_ok=True)
    head = {"key": key, "fingerprint": fingerprint, "checksum": hashlib.sha256(text.encode()).hexdigest()}
    descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(head)[:-1] + f', "data": {text}}}')
        os.replace(temporary, folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json")
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
