"""A disk cache of derived expressions, written as JSON by an encoder of our own: nothing read back is evaluated.

Entries live under ``SGDLAWS_CACHE_DIR``, else ``XDG_CACHE_HOME/sgdlaws``, else ``~/.cache/sgdlaws``. A damaged,
truncated or foreign entry is rebuilt; a directory that cannot be written means working without a cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

from theory.errors import TheoryError


class StoreError(TheoryError):
    """An object cannot be stored, or a stored one cannot be read back identically."""


@functools.lru_cache(maxsize=1)
def _classes() -> dict[str, Any]:
    """Return the SymPy classes an entry may name: functions, operations, relations, containers."""
    allowed: dict[str, Any] = {}
    for name in dir(sp):
        candidate = getattr(sp, name)
        if isinstance(candidate, type) and issubclass(candidate, sp.Basic):
            allowed[name] = candidate
    allowed["ExprCondPair"] = sp.functions.elementary.piecewise.ExprCondPair
    allowed["BooleanTrue"], allowed["BooleanFalse"] = type(sp.true), type(sp.false)
    return allowed


_CONSTANTS = {
    name: getattr(sp.S, name)
    for name in (
        "Pi", "Exp1", "EulerGamma", "GoldenRatio", "Catalan", "ImaginaryUnit", "Infinity", "NegativeInfinity",
        "ComplexInfinity", "NaN", "Half", "true", "false", "EmptySet", "Reals",
    )
}  # fmt: skip
_CONSTANT_NAMES = {value: name for name, value in _CONSTANTS.items()}


def encode(value: Any) -> Any:
    """Return a JSON-able form of a SymPy object, number, text, list or tuple.

    >>> x = sp.Symbol("x", positive=True)
    >>> decode(encode(sp.log(x) + sp.Rational(1, 3))) == sp.log(x) + sp.Rational(1, 3)
    True
    """
    if value is None or isinstance(value, (bool, str)):
        return ["plain", value]
    if isinstance(value, (list, tuple)) and not isinstance(value, sp.Basic):
        return ["list" if isinstance(value, list) else "tuple", *map(encode, value)]
    if isinstance(value, (int, float)):
        return ["plain", value]
    if isinstance(value, sp.Symbol):
        return ["Symbol", value.name, {k: v for k, v in value._assumptions_orig.items()}]
    if isinstance(value, sp.Integer):
        return ["Integer", str(value)]
    if isinstance(value, sp.Basic) and value in _CONSTANT_NAMES:
        return ["constant", _CONSTANT_NAMES[value]]
    if isinstance(value, sp.Rational):
        return ["Rational", str(value.p), str(value.q)]
    if isinstance(value, sp.Float):
        return ["Float", str(value), value._prec]
    if isinstance(value, sp.MatrixBase):
        return ["Matrix", value.rows, value.cols, *map(encode, value.flat())]
    if isinstance(value, sp.core.function.AppliedUndef):
        return ["applied", value.func.__name__, *map(encode, value.args)]
    if isinstance(value, sp.core.symbol.Str):
        return ["Str", value.name]
    if isinstance(value, sp.Basic) and type(value).__name__ in _classes():
        return [type(value).__name__, *map(encode, value.args)]
    raise StoreError(f"{type(value).__name__} cannot be stored; only SymPy expressions, numbers and texts can.")


def decode(data: Any) -> Any:
    """Read back what ``encode`` wrote; raises StoreError for anything else."""
    if not isinstance(data, list) or not data or not isinstance(data[0], str):
        raise StoreError(f"{str(data)[:60]!r} is no stored expression.")
    head, rest = data[0], data[1:]
    try:
        return _decode(head, rest)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        raise StoreError(f"a stored {head} cannot be read back ({error}).") from error


def _decode(head: str, rest: list[Any]) -> Any:
    if head == "plain":
        return rest[0]
    if head in ("list", "tuple"):
        items = [decode(r) for r in rest]
        return items if head == "list" else tuple(items)
    if head == "Symbol":
        return sp.Symbol(rest[0], **rest[1])
    if head == "Integer":
        return sp.Integer(int(rest[0]))
    if head == "constant":
        return _CONSTANTS[rest[0]]
    if head == "Rational":
        return sp.Rational(int(rest[0]), int(rest[1]))
    if head == "Float":
        return sp.Float(rest[0], precision=rest[1])
    if head == "Matrix":
        return sp.ImmutableMatrix(rest[0], rest[1], [decode(r) for r in rest[2:]])
    if head == "applied":
        return UndefinedFunction(rest[0])(*[decode(r) for r in rest[1:]])
    if head == "Str":
        return sp.core.symbol.Str(rest[0])
    cls, args = _classes()[head], [decode(r) for r in rest]
    if issubclass(cls, (sp.Add, sp.Mul, sp.Pow, sp.Function, sp.Rel)):
        with contextlib.suppress(TypeError):
            return cls(*args, evaluate=False)
    return cls(*args)


def directory() -> Path:
    """Return the cache directory."""
    given = os.environ.get("SGDLAWS_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sgdlaws"


def cached(key: str, build: Callable[[], Any], fingerprint: str) -> Any:
    """Return the JSON-able result of ``build``, from disk if an entry with this key and fingerprint is there."""
    try:
        path = directory() / f"{hashlib.sha256(f'{key}|{fingerprint}'.encode()).hexdigest()}.json"
        entry = json.loads(path.read_text())
        if entry["key"] == key and entry["fingerprint"] == fingerprint:
            return entry["data"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        path = None
    data = build()
    with contextlib.suppress(OSError, RuntimeError):
        _write(directory(), key, fingerprint, data)
    return data


def _write(folder: Path, key: str, fingerprint: str, data: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{key}|{fingerprint}".encode()).hexdigest()
    descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"key": key, "fingerprint": fingerprint, "data": data}, file)
        os.replace(temporary, folder / f"{name}.json")
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
