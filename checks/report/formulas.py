"""Formulas of the report: MathML from SymPy, with plain text where a formula is too long to be read as one."""

from __future__ import annotations

from typing import Any

import sympy as sp
from latex2mathml.converter import convert
from markupsafe import Markup, escape

_LONGEST = 2500


def mathml(expression: Any) -> Markup:
    """Return display MathML of an expression, or its text in ``<code>`` if its LaTeX is too long.

    >>> "<math" in mathml(sp.Symbol("x") ** 2)
    True
    """
    latex = sp.latex(expression) if isinstance(expression, (sp.Basic, sp.MatrixBase)) else ""
    if not latex or len(latex) > _LONGEST:
        text = sp.sstr(expression)
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters)"
        return Markup('<code class="long">') + escape(shown) + Markup("</code>")
    # The converter escapes its own output; symbol names reach it only as LaTeX text.
    return Markup(convert(latex.replace("<", r"\lt ").replace(">", r"\gt "), display="block"))
