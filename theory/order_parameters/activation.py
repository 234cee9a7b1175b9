"""Activations: named ones, or any expression in x, with the derivative that the gradient uses."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.parse import parse_expression

X = sp.Symbol("x", real=True)
NAMED: dict[str, Any] = {
    "erf": sp.erf(X / sp.sqrt(2)),
    "linear": X,
    "quadratic": X**2,
    "hermite2": X**2 - 1,
    "cubic": X**3,
    "relu": sp.Max(X, 0),
    "sine": sp.sin(X),
}


@dataclass(frozen=True)
class Activation:
    """An activation s(x): its text, s, s' almost everywhere (None where the gradient is undefined), and its kinks."""

    text: str
    expression: Any
    derivative: Any

    @property
    def kinked(self) -> bool:
        """Whether s or s' has a kink or jump, so that coincident fields need formulas of their own."""
        found = (sp.Heaviside, sp.sign, sp.Abs, sp.Max)
        return self.expression.has(*found) or (self.derivative is not None and self.derivative.has(*found))

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols of the expression other than x."""
        return tuple(sorted(self.expression.free_symbols - {X}, key=str))

    def at(self, field: Any) -> Any:
        """Return s(field)."""
        return self.expression.subs(X, field)

    def slope(self, field: Any) -> Any:
        """Return s'(field); raises DerivationError where the unit has no gradient."""
        if self.derivative is None:
            raise DerivationError(
                f"the derivative of {self.text} contains a delta function: its gradient is zero and nothing is "
                "learned; use it for the teacher only."
            )
        return self.derivative.subs(X, field)


@functools.lru_cache(maxsize=256)
def activation(text: str) -> Activation:
    """Return the activation of a name or of an expression in x.

    >>> activation("erf").derivative
    sqrt(2)*exp(-x**2/2)/sqrt(pi)
    """
    expression = NAMED[text] if text in NAMED else parse_activation(text)
    return Activation(text, expression, _derivative(expression))


def parse_activation(text: str) -> Any:
    """Parse an expression in x; other names are positive parameters."""
    expression = parse_expression(text, {"x": X}, assumptions={"positive": True})
    expression = expression.replace(
        lambda e: e.func is sp.Min and len(e.args) == 2, lambda e: e.args[0] + e.args[1] - sp.Max(*e.args)
    )
    if not expression.has(X):
        raise DerivationError(f"the activation {text!r} does not contain x; write it as a function of x.")
    return expression


def _derivative(expression: Any) -> Any:
    slope = sp.expand(sp.diff(expression, X).replace(sp.Derivative, lambda e, *_: sp.nan))
    for delta in slope.atoms(sp.DiracDelta):
        place = sp.solve(delta.args[0], X)
        weight = slope.coeff(delta)
        if len(place) != 1 or sp.simplify(weight.subs(X, place[0])) != 0:
            return None
        slope = slope - weight * delta
    return slope
