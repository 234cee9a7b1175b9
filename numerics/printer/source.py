"""The printer: lowered expressions to the text of one Python expression over torch.

It derives from SymPy's bare ``Printer``, not from a code printer, so that nothing is printed by accident: what has
no rule here raises UnsupportedFunction.
"""

from __future__ import annotations

import re
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p
from sympy.functions.elementary.integers import frac
from sympy.printing.printer import Printer

from numerics.errors import UnsupportedFunction


class Node(sp.Expr):
    """An opaque scalar which only this printer knows; common subexpressions are found inside and across it."""

    is_commutative = True


class At(Node):
    """``At(array, i, ...)``: one entry of an array."""


class FoldCall(Node):
    """``FoldCall(label, lower, upper, parameters...)``: a sum or product whose body is a function of its own."""


class ChoiceCall(Node):
    """``ChoiceCall(label, count, conditions..., parameters...)``: a Piecewise, its branches functions of their own."""


class LogMoment(Node):
    """``LogMoment(z)``: 2F2(1, 1; 3/2, 2; z)."""


class Kummer(Node):
    """``Kummer(a, b, z)``: 1F1(a; b; z)."""


# {0}, {1}: the arguments. Functions of complex arguments too; those in _PRINCIPAL leave the real axis.
ANALYTIC: dict[Any, str] = {
    sp.sin: "torch.sin({0})", sp.cos: "torch.cos({0})", sp.tan: "torch.tan({0})",
    sp.asin: "torch.asin({0})", sp.acos: "torch.acos({0})", sp.atan: "torch.atan({0})",
    sp.sinh: "torch.sinh({0})", sp.cosh: "torch.cosh({0})", sp.tanh: "torch.tanh({0})",
    sp.asinh: "torch.asinh({0})", sp.acosh: "torch.acosh({0})", sp.atanh: "torch.atanh({0})",
    sp.exp: "torch.exp({0})", sp.log: "torch.log({0})", log1p: "torch.log1p({0})", expm1: "torch.expm1({0})",
    sp.sec: "(1.0 / torch.cos({0}))", sp.csc: "(1.0 / torch.sin({0}))", sp.cot: "(1.0 / torch.tan({0}))",
    sp.coth: "(1.0 / torch.tanh({0}))", sp.Abs: "torch.abs({0})", sp.sign: "torch.sgn({0})",
    sp.re: "rt.real_part({0})", sp.im: "rt.imaginary_part({0})", sp.arg: "torch.angle({0})",
    sp.conjugate: "torch.conj_physical({0})",
}  # fmt: skip
_PRINCIPAL: dict[Any, str] = {
    sp.log: "rt.complexify", sp.acosh: "rt.complexify", sp.asin: "rt.complexify_cut", sp.acos: "rt.complexify_cut",
    sp.atanh: "rt.complexify_cut",
}  # fmt: skip

REAL: dict[Any, str] = {
    sp.erf: "torch.erf({0})", sp.erfc: "torch.erfc({0})", sp.erfinv: "torch.erfinv({0})",
    sp.erfcinv: "(torch.special.ndtri({0} / 2) * -0.7071067811865476)", sp.erfi: "special.erfi({0})",
    sp.erf2: "(torch.erf(rt.lift(ref, {1})) - torch.erf(rt.lift(ref, {0})))",
    sp.floor: "torch.floor({0})", sp.ceiling: "torch.ceil({0})", frac: "({0} - torch.floor({0}))",
    sp.Mod: "torch.remainder({0}, {1})", sp.atan2: "torch.atan2(rt.lift(ref, {0}), rt.lift(ref, {1}))",
    sp.Max: "rt.largest(ref, {all})", sp.Min: "rt.smallest(ref, {all})", sp.Heaviside: "rt.step(ref, {0}, {1})",
    sp.KroneckerDelta: "rt.indicator(ref, {0} == {1})",
    sp.sinc: "special.sinc({0})", sp.sech: "special.sech({0})", sp.csch: "special.csch({0})",
    sp.Ei: "special.ei({0})", sp.li: "special.ei(torch.log({0}))", sp.expint: "special.expint({literal}, {1})",
    sp.gamma: "special.gamma({0})", sp.loggamma: "special.loggamma({0})", sp.beta: "special.beta({0}, {1})",
    sp.digamma: "special.digamma({0})", sp.trigamma: "special.polygamma(1, {0})",
    sp.polygamma: "special.polygamma({literal}, {1})", sp.factorial: "special.factorial({0})",
    sp.binomial: "special.binomial({0}, {1})", sp.harmonic: "special.harmonic({0})",
    sp.lowergamma: "special.lower_gamma({0}, {1})", sp.uppergamma: "special.upper_gamma({0}, {1})",
    sp.besselj: "special.bessel_j({literal}, {1})", sp.besseli: "special.bessel_i({literal}, {1})",
    sp.besselk: "special.bessel_k({literal}, {1})", LogMoment: "special.hyp2f2_log_moment({0})",
    Kummer: "special.hyp1f1({0}, {1}, {2})",
}  # fmt: skip
_ONE_OR_TWO: dict[Any, tuple[str, str]] = {
    sp.LambertW: ("special.lambert_w({0})", "special.lambert_w({0}, {literal})"),
    sp.zeta: ("special.zeta({0})", "special.hurwitz_zeta({0}, {1})"),
}


def supports(expression: Any) -> bool:
    """Tell whether a function has a rule, given its literal arguments (orders, branches)."""
    kind = expression.func
    if kind is sp.LambertW and len(expression.args) == 2:
        return expression.args[1] in (0, -1)
    if kind in (sp.polygamma, sp.expint, sp.besselj):
        order, least = expression.args[0], {sp.polygamma: 0, sp.expint: 1, sp.besselj: 0}[kind]
        return bool(order.is_Integer and order >= least and (kind is not sp.besselj or order <= 10))
    if kind in (sp.besseli, sp.besselk):
        order = expression.args[0]
        return bool(order.is_Rational and abs(order) <= 10 and (kind is sp.besselk or order >= 0))
    if kind is sp.harmonic and len(expression.args) == 2:
        return False
    return kind in ANALYTIC or kind in REAL or kind in _ONE_OR_TWO


class TorchSource(Printer):
    """Print one lowered expression. ``law`` names it in errors; ``through_complex`` follows principal branches."""

    def __init__(self, law: str, through_complex: bool) -> None:
        super().__init__({})
        self.law = law
        self.through_complex = through_complex

    def emptyPrinter(self, expr: Any) -> str:
        """Refuse whatever has no rule: it would be printed as text otherwise."""
        raise unsupported(type(expr).__name__, self.law)

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        if not re.fullmatch(r"[a-z]+\d+", expr.name):
            raise unsupported(f"symbol {expr.name!r}", self.law)
        return expr.name

    def _print_Number(self, expr: sp.Number) -> str:
        return _literal(float(expr))

    _print_Infinity = _print_NegativeInfinity = _print_Number

    def _print_NaN(self, expr: Any) -> str:
        return "math.nan"

    _print_ComplexInfinity = _print_NaN

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        return "1j"

    def _print_Add(self, expr: sp.Add) -> str:
        text = ""
        for term in expr.as_ordered_terms() if len(expr.args) < 50 else expr.args:
            negative = term.could_extract_minus_sign()
            part = self._print(-term if negative else term)
            text += f" - {part}" if negative else f" + {part}"
        return f"({text.removeprefix(' + ') if text.startswith(' + ') else '-' + text.removeprefix(' - ')})"

    def _print_Mul(self, expr: sp.Mul) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        above, below = [], []
        for factor in sp.Mul.make_args(rest):
            base, exponent = factor.as_base_exp() if isinstance(factor, sp.Pow) else (factor, sp.S.One)
            if exponent.is_Number and exponent.is_negative and exponent != -sp.S.Half:
                below.append(self._print(sp.Pow(base, -exponent)))
            else:
                above.append(self._print(factor))
        sign = "-" if coefficient == -1 else ""
        if coefficient not in (1, -1) or not above:
            above.insert(0, self._print(abs(coefficient) if sign else coefficient))
        text = sign + " * ".join(above)
        return f"({text} / ({' * '.join(below)}))" if below else f"({text})"

    def _print_Pow(self, expr: sp.Pow) -> str:
        base, exponent = expr.args
        if base is sp.E:
            return f"torch.exp({self._print(exponent)})"
        text = self._print(base)
        if exponent.is_Integer and abs(exponent) < 2**31:
            return f"(1.0 / {text})" if exponent == -1 else f"({text} ** {_parenthesised(int(exponent))})"
        if self.through_complex and not base.is_nonnegative and not base.is_number:
            text = f"rt.complexify({text})"
        if exponent == sp.S.Half:
            return f"torch.sqrt({text})"
        if exponent == -sp.S.Half:
            return f"torch.rsqrt({text})"
        return f"({text} ** {self._print(exponent)})"

    def _print_Function(self, expr: Any) -> str:
        kind = expr.func
        if not supports(expr):
            raise unsupported(kind.__name__, self.law)
        arguments = [self._print(a) for a in expr.args]
        if kind in ANALYTIC:
            return ANALYTIC[kind].format(*(self._principal(kind, expr.args, arguments)))
        if self.through_complex:
            arguments = [a if e.is_number else f"rt.realify({a})" for a, e in zip(arguments, expr.args, strict=True)]
        rule = _ONE_OR_TWO[kind][len(arguments) - 1] if kind in _ONE_OR_TWO else REAL[kind]
        order = expr.args[1] if kind is sp.LambertW and len(expr.args) == 2 else expr.args[0]
        literal = "" if not order.is_Rational else repr(int(order) if order.is_Integer else float(order))
        return rule.format(*arguments, all=", ".join(arguments), literal=literal)

    _print_MinMaxBase = _print_LogMoment = _print_Kummer = _print_Function

    def _principal(self, kind: Any, expressions: Any, arguments: list[str]) -> list[str]:
        stays_real = kind is sp.log and expressions[0].is_nonnegative
        if self.through_complex and kind in _PRINCIPAL and not stays_real:
            return [f"{_PRINCIPAL[kind]}({a})" for a in arguments]
        return arguments

    def _print_At(self, expr: At) -> str:
        return f"rt.at({', '.join(map(self._print, expr.args))})"

    def _print_FoldCall(self, expr: FoldCall) -> str:
        label, *rest = expr.args
        return f"rt.fold({', '.join(['ref', f'f{label}', *map(self._print, rest)])})"

    def _print_ChoiceCall(self, expr: ChoiceCall) -> str:
        label, count, *rest = expr.args
        texts = [self._print(a) for a in rest]
        conditions = "".join(f"{c}, " for c in texts[: int(count)])
        return f"rt.choose({', '.join(['ref', f'f{label}', f'({conditions})', *texts[int(count) :]])})"

    def _print_Relational(self, expr: Any) -> str:
        left, right = (self._print(a) for a in expr.args)
        if self.through_complex and expr.rel_op not in ("==", "!="):
            left, right = f"rt.realify({left})", f"rt.realify({right})"
        return f"({left} {expr.rel_op} {right})"

    def _print_And(self, expr: Any) -> str:
        return f"({' & '.join(self._truth(a) for a in expr.args)})"

    def _print_Or(self, expr: Any) -> str:
        return f"({' | '.join(self._truth(a) for a in expr.args)})"

    def _print_Xor(self, expr: Any) -> str:
        return f"({' ^ '.join(self._truth(a) for a in expr.args)})"

    def _print_Not(self, expr: Any) -> str:
        return f"(~{self._truth(expr.args[0])})"

    def _print_BooleanTrue(self, expr: Any) -> str:
        return "True"

    def _print_BooleanFalse(self, expr: Any) -> str:
        return "False"

    def _truth(self, expr: Any) -> str:
        return f"({self._print(expr)} != 0)" if expr.is_Symbol else self._print(expr)


def unsupported(what: str, law: str) -> UnsupportedFunction:
    """Return the error which names the function, the law and the remedy."""
    return UnsupportedFunction(
        f"{law}: {what} has no torch form. Evaluate with plain floats (mpmath knows it), "
        "or add the function to numerics/special and its rule to numerics/printer/source.py."
    )


def _literal(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return "math.nan" if value != value else ("math.inf" if value > 0 else "(-math.inf)")
    return _parenthesised(value)


def _parenthesised(value: float) -> str:
    return f"({value!r})" if value < 0 else repr(value)
