"""Values of the command line: numbers, lists, matrices, words; assignments ``name=value,...`` and moments."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import sympy as sp

from theory.errors import ParseError
from theory.parse.expression import parse_expression, split
from theory.parse.limits import MAX_DIGITS, check_name, quote
from theory.parse.reader import Unknown

MAX_VALUE_CHARACTERS = 1_000_000
MAX_NESTING = 4

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[^\W\d_]\w*(?:[-.:]\w+)*")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity|oo|zoo)", re.IGNORECASE)

Value = int | float | str | list[Any]


def parse_value(text: str) -> Value:
    """Read a value: a number as typed, ``0.4,-0.2`` a list, ``1,2;3,4`` rows, ``[[1,2],[3,4]]``, or a word.

    Integers stay int, decimals become float, other constant expressions (``1/3``, ``sqrt(2)``) become float.

    Raises
    ------
    ParseError : empty, not finite, unbalanced, too long, or not a constant

    >>> parse_value("3"), parse_value("1/4"), parse_value("1,2;3,4"), parse_value("without")
    (3, 0.25, [[1, 2], [3, 4]], 'without')
    """
    if len(text) > MAX_VALUE_CHARACTERS:
        raise ParseError(f"the value has {len(text)} characters, the limit is {MAX_VALUE_CHARACTERS}; use a file.")
    text = text.strip()
    if not text:
        raise ParseError("the value is empty; give a number, a list such as 0.4,-0.2, or a word.")
    if ";" in text:
        return [_row(part) for part in split(text.removesuffix(";"), ";")]
    if _top_level_comma(text):
        return _row(text)
    return _item(text, 0)


def parse_assignments(
    text: str, symbols: Mapping[str, sp.Expr] | None = None, *, unknown: Unknown = "error"
) -> dict[str, sp.Expr]:
    """Read ``name=value,name2=value`` with exact values: 0.1 is 1/10.

    Values are constant expressions; names in them are allowed if listed in ``symbols`` or with ``unknown="symbol"``.

    >>> parse_assignments("u=0, learning_rate=0.05")
    {'u': 0, 'learning_rate': 1/20}
    """
    values: dict[str, sp.Expr] = {}
    for left, right in _pairs(text):
        name = check_name(left)
        if name in values:
            raise ParseError(f"{name} is given twice; give it once.")
        values[name] = parse_expression(right, symbols, unknown=unknown)
    return values


def parse_moments(text: str, symbols: Mapping[str, sp.Expr]) -> dict[sp.Expr, sp.Expr]:
    """Read ``monomial=value,...``, for example ``x*y=0.3,x**2=1.1``, in the given data symbols.

    Other names in the values become real symbols.

    >>> parse_moments("x*y=0.3, x^2=1.1", {name: sp.Symbol(name, real=True) for name in "xy"})
    {x*y: 3/10, x**2: 11/10}
    """
    values: dict[sp.Expr, sp.Expr] = {}
    for left, right in _pairs(text):
        monomial = parse_expression(left, symbols, unknown="error")
        powers = monomial.as_powers_dict()
        if not all(base in symbols.values() and n.is_Integer and n > 0 for base, n in powers.items()):
            raise ParseError(f"{quote(left)} is no monomial of the data; write for example x*y=0.3,x**2=1.1.")
        if monomial in values:
            raise ParseError(f"the moment of {monomial} is given twice; give it once.")
        values[monomial] = parse_expression(right)
    return values


def _pairs(text: str) -> list[tuple[str, str]]:
    if not text.strip():
        return []
    pairs = []
    for part in split(text, ","):
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not (left and equals and right):
            raise ParseError(f"{quote(part)} is not of the form name=value; write for example u=0,w=0.5.")
        pairs.append((left, right))
    return pairs


def _top_level_comma(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            return True
    return False


def _row(text: str) -> list[Value]:
    return [_item(part, 0) for part in split(text.removesuffix(","), ",")]


def _item(text: str, nesting: int) -> Value:
    if not text.startswith("["):
        return _atom(text)
    if nesting >= MAX_NESTING:
        raise ParseError(f"lists are nested deeper than the limit of {MAX_NESTING}; flatten the value.")
    if not text.endswith("]"):
        raise ParseError(f"the bracket opened in {quote(text)} is not closed; close it with ].")
    inner = text[1:-1].strip()
    return [_item(part, nesting + 1) for part in split(inner, ",")] if inner else []


def _atom(text: str) -> Value:
    if _INTEGER.fullmatch(text):
        if len(text) > MAX_DIGITS + 1:
            raise ParseError(f"the integer {quote(text)} has more than {MAX_DIGITS} digits; use 1.5e60.")
        return int(text)
    if _NOT_FINITE.fullmatch(text):
        raise ParseError(f"{text} is not a finite number; give a finite value.")
    if _DECIMAL.fullmatch(text):
        return _float(float(text), text)
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if _WORD.fullmatch(text) and text not in ("pi", "E", "EulerGamma"):
        return text
    value = parse_expression(text, unknown="error")
    if value.is_Integer and "/" not in text and "." not in text:
        return int(value)
    try:
        return _float(float(value), text)
    except (TypeError, ArithmeticError) as error:
        raise ParseError(f"{quote(text)} is no real number; give a number, a list or a word.") from error


def _float(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise ParseError(f"{quote(text)} is beyond the largest float, 1.8e308; rescale the value.")
    return number
