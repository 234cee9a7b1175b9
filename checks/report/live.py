"""The live panel: a closed form as JavaScript, generated from the SymPy expression."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.printing.jscode import JavascriptCodePrinter

from checks.report.curves import Curve
from checks.report.shown import shown_derivation
from theory.law import Law

_FUNCTIONS = {
    "erf": "S.erf",
    "erfc": "S.erfc",
    "gamma": "S.gamma",
    "loggamma": "S.lgamma",
    "digamma": "S.digamma",
    "Ei": "S.ei",
    "LambertW": "S.lambertw",
    "Heaviside": "S.heaviside",
    "asin": "Math.asin",
    "acos": "Math.acos",
    "sinh": "Math.sinh",
    "cosh": "Math.cosh",
    "tanh": "Math.tanh",
    "asinh": "Math.asinh",
    "acosh": "Math.acosh",
    "atanh": "Math.atanh",
}
_LONGEST = 60_000


class _Unavailable(Exception):
    """The form contains something the page cannot evaluate."""


class _Printer(JavascriptCodePrinter):
    """JavaScript with the special functions of ``special.js``; anything unknown makes the panel unavailable."""

    def _print_Function(self, expr: Any) -> str:
        name = expr.func.__name__
        if name not in _FUNCTIONS and name in self.known_functions:
            return super()._print_Function(expr)
        if name not in _FUNCTIONS:
            raise _Unavailable(name)
        first = expr.args[:1] if name in ("Heaviside", "LambertW") else expr.args
        if name == "LambertW" and len(expr.args) > 1:
            raise _Unavailable("LambertW of another branch")
        return f"{_FUNCTIONS[name]}({', '.join(self._print(a) for a in first)})"

    def _print_erf(self, expr: Any) -> str:
        return self._print_Function(expr)

    _print_erfc = _print_gamma = _print_loggamma = _print_digamma = _print_Ei = _print_LambertW = _print_erf
    _print_asin = _print_acos = _print_sinh = _print_cosh = _print_tanh = _print_Heaviside = _print_erf
    _print_asinh = _print_acosh = _print_atanh = _print_erf

    def _print_factorial(self, expr: Any) -> str:
        return f"S.gamma({self._print(expr.args[0])} + 1)"

    def _print_binomial(self, expr: Any) -> str:
        n, k = map(self._print, expr.args)
        return f"(S.gamma({n} + 1)/S.gamma({k} + 1)/S.gamma({n} - {k} + 1))"

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

    def _loop(self, expr: Any, start: str, step: str) -> str:
        if len(expr.limits) != 1 or len(expr.limits[0]) != 3:
            raise _Unavailable("nested sums")
        index, low, high = expr.limits[0]
        body = self._print(expr.function)
        name = self._print(index)
        return (
            f"(() => {{ let total = {start}; for (let {name} = {self._print(low)}; {name} <= {self._print(high)}; "
            f"{name}++) total {step} {body}; return total; }})()"
        )

    def _print_Sum(self, expr: Any) -> str:
        return self._loop(expr, "0", "+=")

    def _print_Product(self, expr: Any) -> str:
        return self._loop(expr, "1", "*=")

    def _print_Indexed(self, expr: Any) -> str:
        return f"{self._print(expr.base.label)}" + "".join(f"[{self._print(i)}]" for i in expr.indices)

    def _print_not_supported(self, expr: Any) -> str:
        raise _Unavailable(type(expr).__name__)

    _print_Integral = _print_meijerg = _print_Derivative = _print_not_supported


@dataclass(frozen=True)
class Panel:
    """What the page needs: slider ranges, values that have no slider, and the body of a JavaScript function."""

    arguments: list[dict[str, Any]]
    body: str
    fixed: dict[str, Any] = field(default_factory=dict)
    tabulated: bool = False

    def widen(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Let the sliders reach every measured point, and start at the first of them."""
        for a in self.arguments:
            seen = [p["values"][a["key"]] for p in points]
            a["low"], a["high"] = min([a["low"], *seen]), max([a["high"], *seen])
            if seen:
                a["start"] = seen[0]


def panel(law: Law) -> Panel | None:
    """Return the live panel of a law with numeric parameters, or None where the page cannot evaluate it."""
    if law.evaluator is not None or law.complex_valued:
        return None
    usual = law.generic_points(1)[0] if law.parameters else {}
    derived, structure = shown_derivation(law)
    known = [p for p in law.parameters if p.symbol is not None]
    sliders = [p for p in known if p.domain.kind in ("real", "integer") and len(p.domain.region) == 2]
    fixed = {p.key: usual.get(p.key, p.default) for p in known if p not in sliders}
    if not sliders or any(not isinstance(v, list) for v in fixed.values()):
        return None
    names: dict[Any, Any] = {p.symbol: sp.Symbol(f"a{i}") for i, p in enumerate(sliders)}
    constants = []
    for i, p in enumerate(known):
        if p.key in fixed:
            label = p.symbol.label if isinstance(p.symbol, sp.IndexedBase) else p.symbol
            names[label] = sp.Symbol(f"list{i}")
            constants.append(f"const list{i} = {json.dumps(fixed[p.key])};")
            if p.length is not None:
                names[p.length] = sp.Integer(len(fixed[p.key]))
    body = _javascript(derived.result, names)
    if body is None:
        return None
    arguments = [_argument(p, usual) for p in sliders]
    shown = {k: v for k, v in structure.items() if v is not None}
    return Panel(arguments, f"(() => {{ {' '.join(constants)} return {body}; }})()", {**shown, **fixed})


def tabulated(curve: Curve) -> Panel | None:
    """Return a panel that steps along a computed curve, for values which the page cannot evaluate itself."""
    if not curve.direct or any(y is None for line in curve.lines for y in line):
        return None
    low, high, count = curve.xs[0], curve.xs[-1], len(curve.xs)
    rows = [list(row) for row in zip(*curve.lines, strict=True)]
    step = (high - low) / (count - 1)
    body = f"{json.dumps(rows)}[Math.round((a0 - {low!r})/{step!r})]"
    argument = {
        "key": curve.key,
        "low": low,
        "high": high,
        "integer": False,
        "start": curve.xs[count // 2],
        "step": step,
    }
    return Panel([argument], body, curve.fixed, tabulated=True)


def _argument(p: Any, usual: Mapping[str, Any]) -> dict[str, Any]:
    low, high = map(float, p.domain.region)
    start = p.default if isinstance(p.default, (int, float)) else usual.get(p.key, (low + high) / 2)
    whole = p.domain.kind == "integer"
    return {"key": p.key, "low": min(low, start), "high": max(high, start), "integer": whole, "step": None,
            "start": round(start) if whole else float(f"{start:.4g}")}  # fmt: skip


def _javascript(form: Any, names: Mapping[Any, Any]) -> str | None:
    if isinstance(form, sp.MatrixBase):
        form = sp.Tuple(*[sp.Tuple(*row) for row in form.tolist()])
    if isinstance(form, (sp.Tuple, tuple, list)):
        parts = [_javascript(part, names) for part in form]
        found = [p for p in parts if p is not None]
        return f"[{', '.join(found)}]" if len(found) == len(parts) and parts else None
    if not isinstance(form, sp.Expr) or form.has(sp.I):
        return None
    bound = {i for s in form.atoms(sp.Sum, sp.Product) for i in s.variables}
    plain = {s: n for s, n in names.items() if isinstance(s, sp.Symbol)}
    loops = {i: sp.Symbol(f"i{k}", integer=True) for k, i in enumerate(sorted(bound, key=str))}
    written = form.xreplace({**plain, **loops})
    allowed = {*plain.values(), *loops.values()}
    if {s for s in written.free_symbols if isinstance(s, sp.Symbol)} - allowed:
        return None
    try:
        body = _Printer({"allow_unknown_functions": False}).doprint(written)
    except (_Unavailable, NotImplementedError, ValueError, TypeError):
        return None
    body = " ".join(body.split())
    return None if "Not supported" in body or len(body) > _LONGEST else body
