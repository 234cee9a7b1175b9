"""LaTeX of the report: SymPy's, but names of several letters are set upright instead of as products of letters."""

from __future__ import annotations

import re
from typing import Any

from sympy.printing.latex import LatexPrinter, greek_letters_set

_SPECIAL = {"star": "*", "pm": r"\pm", "plus": "+", "minus": "-", "inf": r"\infty", "eps": r"\varepsilon"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_^][A-Za-z0-9*+-]+)*'*")
_ESCAPES = {c: f"\\{c}" for c in "_{}$&#%"} | {"\\": r"\backslash "}
_RAISED = {"^2": "\u00b2", "^3": "\u00b3", "^T": "\u1d40", "^-1": "\u207b\u00b9"}


class _Latex(LatexPrinter):
    """``MFPT`` is one name, ``dQ/dt`` a text, ``lambda_max`` a letter with an upright index."""

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        return name_latex(expr.name)

    _print_RandomSymbol = _print_Symbol

    def _print_Relational(self, expr: Any) -> str:
        return super()._print_Relational(expr).replace("<", r"\lt ").replace(">", r"\gt ")


def latex(expression: Any) -> str:
    """Return the LaTeX of an expression, matrix or tuple.

    >>> import sympy as sp
    >>> latex(sp.Symbol("lambda_max") * sp.Symbol("MFPT"))
    '\\\\mathrm{MFPT} \\\\lambda_{\\\\mathrm{max}}'
    """
    return _Latex().doprint(expression).replace("<", r"\lt ").replace(">", r"\gt ")


def name_latex(name: str) -> str:
    """Return the LaTeX of a symbol's name; whatever is no plain name becomes text.

    >>> name_latex("C12"), name_latex("learning_rate"), name_latex("dQ/dt"), name_latex("Tr[K^2]")
    ('C_{12}', '\\\\mathrm{learning\\\\ rate}', '\\\\text{dQ/dt}', '\\\\text{Tr[K²]}')
    """
    if not _NAME.fullmatch(name):
        for plain, raised in _RAISED.items():
            name = name.replace(plain, raised)
        return r"\text{" + "".join(_ESCAPES.get(c, c) for c in name) + "}"
    stem = name.rstrip("'")
    primes = name[len(stem) :]
    base, *indices = re.split(r"[_^]", stem)
    if indices and _is_word(base) and all(map(_is_word, indices)):
        return r"\mathrm{" + r"\ ".join([base, *indices]) + "}" + primes
    upper = [_part(i) for i in re.findall(r"\^([^_^]+)", stem)]
    lower = [_part(i) for i in re.findall(r"_([^_^]+)", stem)]
    head, digits = _split_digits(base)
    if digits:
        lower.insert(0, digits)
    return _part(head) + ("_{" + ",".join(lower) + "}" if lower else "") + (
        "^{" + ",".join(upper) + "}" if upper else ""
    ) + primes  # fmt: skip


def _is_word(part: str) -> bool:
    return len(part) > 2 and part.isalpha() and part.lower() not in greek_letters_set and part not in _SPECIAL


def _split_digits(part: str) -> tuple[str, str]:
    found = re.fullmatch(r"([A-Za-z]+)(\d*)", part)
    return (found[1], found[2]) if found else (part, "")


def _part(part: str) -> str:
    if part in _SPECIAL:
        return _SPECIAL[part]
    if part.lower() in greek_letters_set:
        return "\\" + part
    if len(part) == 1 or not part.isalpha():
        return part
    return r"\mathrm{" + part + "}"
