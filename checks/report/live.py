"""The live panel: a closed form as JavaScript, generated from the SymPy expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.jscode import JavascriptCodePrinter

from theory.law import Law

_FUNCTIONS = {
    "erf": "S.erf",
    "erfc": "S.erfc",
    "gamma": "S.gamma",
    "loggamma": "S.lgamma",
    "digamma": "S.digamma",
    "Ei": "S.ei",
    "LambertW": "S.lambertw",
    "asin": "Math.asin",
    "acos": "Math.acos",
    "sinh": "Math.sinh",
    "cosh": "Math.cosh",
    "tanh": "Math.tanh",
}


class _Unavailable(Exception):
    """The form contains a function the page cannot evaluate."""


class _Printer(JavascriptCodePrinter):
    """JavaScript with the special functions of ``special.js``; anything unknown makes the panel unavailable."""

    def _print_Function(self, expr: Any) -> str:
        name = expr.func.__name__
        if name not in _FUNCTIONS and name in self.known_functions:
            return super()._print_Function(expr)
        if name not in _FUNCTIONS:
            raise _Unavailable(name)
        return f"{_FUNCTIONS[name]}({', '.join(self._print(a) for a in expr.args)})"

    def _print_erf(self, expr: Any) -> str:
        return self._print_Function(expr)

    _print_erfc = _print_gamma = _print_loggamma = _print_digamma = _print_Ei = _print_LambertW = _print_erf
    _print_asin = _print_acos = _print_sinh = _print_cosh = _print_tanh = _print_erf

    def _print_polygamma(self, expr: Any) -> str:
        if expr.args[0] != 0:
            raise _Unavailable("polygamma")
        return f"S.digamma({self._print(expr.args[1])})"

    def _print_hyper(self, expr: Any) -> str:
        if (tuple(expr.ap), tuple(expr.bq)) != ((1, 1), (sp.Rational(3, 2), 2)):
            raise _Unavailable("hyper")
        return f"S.hyp2f2({self._print(expr.argument)})"

    def _print_EulerGamma(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_not_supported(self, expr: Any) -> str:
        raise _Unavailable(type(expr).__name__)

    _print_Sum = _print_Product = _print_Integral = _print_Indexed = _print_meijerg = _print_not_supported


@dataclass(frozen=True)
class Panel:
    """What the page needs: argument keys with slider ranges, and the body of a JavaScript function."""

    arguments: list[dict[str, Any]]
    body: str


def panel(law: Law) -> Panel | None:
    """Return the live panel of a scalar law with real parameters, or None where the page cannot evaluate it."""
    scalar = [p for p in law.parameters if p.symbol is not None]
    if law.evaluator is not None or law.complex_valued or not scalar:
        return None
    if any(p.domain.kind not in ("real", "integer") or len(p.domain.region) != 2 for p in scalar):
        return None
    form = law.closed_form
    if not isinstance(form, sp.Expr) or isinstance(form, sp.MatrixBase) or form.has(sp.I):
        return None
    names = {p.symbol: sp.Symbol(f"a{i}", **p.symbol.assumptions0) for i, p in enumerate(scalar)}
    if form.free_symbols - set(names):
        return None
    try:
        body = _Printer({"allow_unknown_functions": False}).doprint(form.xreplace(names))
    except (_Unavailable, NotImplementedError, ValueError):
        return None
    if "Not supported" in body or "\n" in body.strip():
        return None
    arguments = [
        {
            "key": p.key,
            "low": float(p.domain.region[0]),
            "high": float(p.domain.region[1]),
            "integer": p.domain.kind == "integer",
            "default": p.default,
        }
        for p in scalar
    ]
    return Panel(arguments, body)
