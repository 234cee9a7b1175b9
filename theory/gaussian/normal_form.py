"""From a SymPy expression in jointly Gaussian variables to a sum of elementary terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.gaussian.term import Term, collect, constant, monomial, product

_MAX_POWER = 40


class NoClosedForm(DerivationError):
    """The expression lies outside the class whose Gaussian means have closed forms; quadrature is left."""


class Fields:
    """The variables and, added on demand, the linear combinations of them which occur inside erf or a step."""

    def __init__(self, variables: Sequence[sp.Symbol], expression: Any) -> None:
        self.variables = tuple(variables)
        self.combinations: list[tuple[Any, ...]] = [
            tuple(sp.Integer(i == j) for j in range(len(variables))) for i in range(len(variables))
        ]
        for node in sp.preorder_traversal(expression):
            if isinstance(node, (sp.erf, sp.erfc, sp.Heaviside, sp.sign, sp.Abs)) or node.func is sp.Max:
                parts = tuple(node.args)
                argument = parts[0] - parts[-1] if node.func is sp.Max else parts[0]
                self._field(argument, register=True)

    @property
    def size(self) -> int:
        """Number of fields, combinations included."""
        return len(self.combinations)

    def covariance(self, matrix: sp.Matrix) -> sp.Matrix:
        """Return the covariance of all fields from that of the variables."""
        weights = sp.Matrix(self.combinations)
        return (weights * matrix * weights.T).applyfunc(sp.expand) if self.size > matrix.rows else matrix

    def linear(self, argument: Any) -> tuple[tuple[Any, ...], Any]:
        """Return (coefficients, constant) of an argument linear in the variables."""
        polynomial = _polynomial(argument, self.variables)
        if polynomial is None or polynomial.total_degree() > 1:
            raise NoClosedForm(
                f"{sp.sstr(argument)} is no linear combination of the variables; there is no closed form for a "
                "function of it, use --allow-quadrature."
            )
        coefficients = tuple(polynomial.coeff_monomial(v) for v in self.variables)
        return coefficients, polynomial.coeff_monomial(1)

    def _field(self, argument: Any, register: bool = False) -> tuple[int, Any, Any] | None:
        """Return (field, scale, shift) with argument = scale (z + shift), or None for a constant."""
        if not argument.has(*self.variables):
            return None
        coefficients, offset = self.linear(argument)
        present = [i for i, c in enumerate(coefficients) if c != 0]
        if len(present) == 1:
            scale = coefficients[present[0]]
            return present[0], scale, offset / scale
        if register and coefficients not in self.combinations:
            self.combinations.append(coefficients)
        return self.combinations.index(coefficients), sp.S.One, offset

    def field(self, argument: Any) -> tuple[int, Any, Any] | None:
        """Return (field, scale, shift) of a registered argument, or None for a constant."""
        return self._field(argument)


def _polynomial(argument: Any, variables: tuple[Any, ...]) -> sp.Poly | None:
    return sp.Poly(argument, *variables) if argument.is_polynomial(*variables) else None


def normal_form(expression: Any, fields: Fields) -> list[Term]:
    """Return the expression as a sum of terms; raises NoClosedForm for a function outside the class.

    The class: polynomials, exp of linear or diagonal quadratic arguments, sin, cos, sinh, cosh, erf, erfc,
    Heaviside, Max(., 0), Abs, sign of linear arguments, their sums, products and integer powers.
    """
    return collect(_convert(sp.sympify(expression), fields))


def _convert(node: Any, fields: Fields) -> list[Term]:
    size = fields.size
    if not node.has(*fields.variables):
        return [constant(node, size)]
    if node in fields.variables:
        return [monomial(fields.variables.index(node), size)]
    if node.is_Add:
        return collect(t for a in node.args for t in _convert(a, fields))
    if node.is_Mul:
        return product((_convert(a, fields) for a in node.args), size)
    if isinstance(node, sp.exp):
        return [_exponential(node.args[0], fields)]
    if node.is_Pow:
        return _power(node, fields)
    if isinstance(node, (sp.sin, sp.cos)):
        return _wave(node, fields)
    if isinstance(node, (sp.sinh, sp.cosh)):
        sign = -1 if isinstance(node, sp.sinh) else 1
        plus, minus = (_exponential(s * node.args[0], fields) for s in (1, -1))
        return collect([_times(plus, sp.Rational(1, 2)), _times(minus, sp.Rational(sign, 2))])
    if isinstance(node, (sp.erf, sp.erfc)):
        return _error(node, fields)
    if isinstance(node, (sp.Heaviside, sp.sign, sp.Abs)) or node.func is sp.Max:
        return _kinked(node, fields)
    name = node.func.__name__
    raise NoClosedForm(f"the mean of {name} of a Gaussian variable has no closed form; use --allow-quadrature.")


def _times(term: Term, factor: Any) -> Term:
    return replace(term, coefficient=term.coefficient * factor)


def _power(node: Any, fields: Fields) -> list[Term]:
    base, exponent = node.args
    if not (exponent.is_Integer and exponent > 0):
        raise NoClosedForm(
            f"{sp.sstr(node)} is no positive integer power; its mean has no closed form, use --allow-quadrature."
        )
    if exponent > _MAX_POWER:
        raise NoClosedForm(f"the power {exponent} is above the limit {_MAX_POWER}; lower it.")
    return product([_convert(base, fields)] * int(exponent), fields.size)


def _exponential(argument: Any, fields: Fields) -> Term:
    polynomial = _polynomial(argument, fields.variables)
    if polynomial is None or polynomial.total_degree() > 2:
        raise NoClosedForm(f"exp({sp.sstr(argument)}) is no exponential of a quadratic; use --allow-quadrature.")
    quadratic, linear = [sp.S.Zero] * fields.size, [sp.S.Zero] * fields.size
    factor = sp.S.One
    for powers, value in polynomial.terms():
        present = [i for i, n in enumerate(powers) if n]
        if not present:
            factor = sp.exp(value)
        elif len(present) > 1:
            raise NoClosedForm(f"exp({sp.sstr(argument)}) mixes two variables in a product; use --allow-quadrature.")
        elif powers[present[0]] == 2:
            quadratic[present[0]] = -2 * value
        else:
            linear[present[0]] = value
    one = constant(factor, fields.size)
    return replace(one, quadratic=tuple(quadratic), linear=tuple(linear))


def _wave(node: Any, fields: Fields) -> list[Term]:
    coefficients, phase = fields.linear(node.args[0])
    vector = coefficients + (sp.S.Zero,) * (fields.size - len(coefficients))
    kind, other, sign = ("sin", "cos", 1) if isinstance(node, sp.sin) else ("cos", "sin", -1)
    one = constant(1, fields.size)
    return collect(
        [
            replace(one, coefficient=sp.cos(phase), wave=(kind, vector)),
            replace(one, coefficient=sign * sp.sin(phase), wave=(other, vector)),
        ]
    )


def _error(node: Any, fields: Fields) -> list[Term]:
    found = fields.field(node.args[0])
    if found is None:
        raise NoClosedForm(f"{sp.sstr(node)} has no variable in its argument.")
    term = replace(constant(1, fields.size), errors=(found,))
    if isinstance(node, sp.erf):
        return [term]
    return [constant(1, fields.size), _times(term, sp.S.NegativeOne)]


def _kinked(node: Any, fields: Fields) -> list[Term]:
    if node.func is sp.Max:
        if len(node.args) != 2:
            raise NoClosedForm(f"{sp.sstr(node)} has {len(node.args)} arguments; Max takes two here.")
        first, second = node.args
        difference = first - second
        return collect(_convert(second, fields) + product([_convert(difference, fields), _step(difference, fields)],
                                                          fields.size))  # fmt: skip
    argument = node.args[0]
    step = _step(argument, fields)
    if isinstance(node, sp.Heaviside):
        return step
    sign = collect([_times(t, sp.Integer(2)) for t in step] + [constant(-1, fields.size)])
    return sign if isinstance(node, sp.sign) else product([_convert(argument, fields), sign], fields.size)


def _step(argument: Any, fields: Fields) -> list[Term]:
    found = fields.field(argument)
    if found is None:
        raise NoClosedForm(f"the step of {sp.sstr(argument)} has no variable in its argument.")
    index, scale, shift = found
    term = replace(constant(1, fields.size), steps=((index, shift),))
    if scale.is_positive:
        return [term]
    if scale.is_negative:
        return [constant(1, fields.size), _times(term, sp.S.NegativeOne)]
    raise NoClosedForm(f"the sign of the scale {sp.sstr(scale)} is unknown; use a positive parameter.")
