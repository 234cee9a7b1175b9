"""What reads user text: expressions, structures with distribution calls, comma-separated lists and names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sympy as sp

from theory.errors import ParseError
from theory.parse.functions import CONSTANTS, DEFAULT_FUNCTIONS, Function
from theory.parse.limits import check_name, expanded_size, prepare, quote
from theory.parse.reader import SYMPY_ERRORS, Reader, Unknown, tree
from theory.parse.structure import List, Node, Scalar


def parse_expression(
    text: str,
    symbols: Mapping[str, sp.Expr] | None = None,
    *,
    functions: Mapping[str, Function] = DEFAULT_FUNCTIONS,
    constants: Mapping[str, sp.Expr] = CONSTANTS,
    unknown: Unknown = "symbol",
    assumptions: Mapping[str, bool] | None = None,
) -> sp.Expr:
    """Read one expression.

    Decimals are exact (``0.1`` is 1/10), ``^`` means ``**``, a name in ``symbols`` goes before a constant.

    Parameters
    ----------
    text : at most 10000 characters
    symbols : name -> expression that it stands for
    functions, constants : what may be called, and which names are numbers
    unknown : any other name becomes a symbol with ``assumptions`` (default: real), or is an error

    Raises
    ------
    ParseError : the text is not an expression of the language, not finite, complex, or beyond a limit

    >>> parse_expression("(u*w*x - y)^2 + 0.1")
    (u*w*x - y)**2 + 1/10
    """
    node = parse_structure(
        text, (), symbols, functions=functions, constants=constants, unknown=unknown, assumptions=assumptions
    )
    if not isinstance(node, Scalar):
        raise ParseError(f"{quote(text)} is a list, not one expression.")
    return node.value


def parse_structure(
    text: str,
    heads: Collection[str],
    symbols: Mapping[str, sp.Expr] | None = None,
    *,
    functions: Mapping[str, Function] = DEFAULT_FUNCTIONS,
    constants: Mapping[str, sp.Expr] = CONSTANTS,
    unknown: Unknown = "symbol",
    assumptions: Mapping[str, bool] | None = None,
) -> Node:
    """Read a text in which calls of ``heads`` are kept as nodes, with lists as arguments and operations between them.

    Raises ParseError like ``parse_expression``; its other parameters are the same. Without heads lists are errors.

    >>> shifted = parse_structure("c + 2*Normal(m, 0.5)", {"Normal"})
    >>> shifted.symbol, str(shifted)
    ('+', 'c + (2 * Normal(m, 1/2))')
    """
    line = prepare(text)
    reader = Reader(line, frozenset(heads), dict(symbols or {}), functions, constants, unknown, assumptions)
    try:
        node = reader.node(tree(line), 0)
        _check(node, line)
    except ParseError:
        raise
    except SYMPY_ERRORS as error:
        raise ParseError(f"{quote(line)} cannot be formed ({str(error)[:80]}); simplify it.") from error
    return node


def parse_expressions(text: str, symbols: Mapping[str, sp.Expr] | None = None, **options: Any) -> tuple[sp.Expr, ...]:
    """Read expressions separated by commas (outside parentheses); options as in ``parse_expression``.

    >>> parse_expressions("u1 - u2, Max(x, 1)")
    (u1 - u2, Max(1, x))
    """
    return tuple(parse_expression(part, symbols, **options) for part in split(text, ","))


def parse_names(text: str) -> tuple[str, ...]:
    """Read different names separated by commas; empty text gives no names.

    >>> parse_names("u, w")
    ('u', 'w')
    """
    if not text.strip():
        return ()
    names = tuple(check_name(part) for part in split(text, ","))
    for name in names:
        if names.count(name) > 1:
            raise ParseError(f"the name {quote(name)} is given twice; give it once.")
    return names


def split(text: str, separator: str) -> list[str]:
    """Split at a separator outside all brackets; the parts are stripped and not empty."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts = [part.strip() for part in (*parts, text[start:])]
    if not all(parts):
        raise ParseError(f"a part of {quote(text)} is empty; write the parts separated by {separator!r}.")
    return parts


def _check(node: Node, line: str) -> None:
    if isinstance(node, Scalar):
        if node.value.has(sp.I):
            raise ParseError(f"{quote(line)} is complex ({quote(sp.sstr(node.value))}); only real values are accepted.")
        expanded_size(node.value)
        return
    for inner in node.items if isinstance(node, List) else node.args:
        _check(inner, line)
