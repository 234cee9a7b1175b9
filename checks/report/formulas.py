"""Formulas of the report: MathML from SymPy; what is too long for one line is shown in parts, then as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sympy as sp
from latex2mathml.converter import convert
from markupsafe import Markup, escape

from checks.report.notation import latex

_LONGEST_LINE = 2200
_LONGEST_PARTS = 14000
_LONGEST_TEXT = 6000
_FENCED_TABLE = re.compile(r'<mo [^>]*>\[</mo><mtable>((?:(?!<mtable).)*?)</mtable><mo [^>]*form="postfix">\]</mo>')


@dataclass(frozen=True)
class Formula:
    """A formula as it is shown: one line, or a summary with its parts and its text behind a disclosure."""

    line: Markup | None
    summary: str = ""
    parts: tuple[Markup, ...] = ()
    text: str = ""


def mathml(expression: Any) -> Markup:
    """Return display MathML of an expression.

    >>> "<math" in mathml(sp.Symbol("x") ** 2)
    True
    """
    return _convert(latex(expression))


def _convert(source: str) -> Markup:
    # The converter escapes its own output; symbol names reach it only as LaTeX text.
    # Brackets of matrices are drawn as borders: without a mathematical font browsers do not stretch them.
    return Markup(_FENCED_TABLE.sub(r'<mtable class="matrix">\1</mtable>', convert(source, display="block")))


def formula(expression: Any) -> Formula:
    """Return how an expression is shown.

    >>> formula(sp.Symbol("x") ** 2).line is not None
    True
    """
    if not isinstance(expression, (sp.Basic, sp.MatrixBase)):
        return Formula(Markup("<code>") + escape(str(expression)) + Markup("</code>"))
    source = latex(expression)
    if len(source) <= _LONGEST_LINE:
        return Formula(_convert(source))
    operations = sp.count_ops(expression)
    text = sp.sstr(expression)
    shown = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} ... ({len(text)} characters)"
    return Formula(None, f"{operations} operations", _parts(expression), shown)


def _parts(expression: Any) -> tuple[Markup, ...]:
    """The expression by its common subexpressions, or nothing where that is too long as well."""
    names = sp.numbered_symbols("X", start=1)
    pieces, (last,) = sp.cse(expression, symbols=names, order="none")
    lines = [latex(last), *(f"{latex(name)} = {latex(value)}" for name, value in pieces)]
    if sum(map(len, lines)) > _LONGEST_PARTS or max(map(len, lines)) > _LONGEST_LINE:
        return ()
    return tuple(map(_convert, lines))
