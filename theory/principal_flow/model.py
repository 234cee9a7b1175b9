"""A user's loss or field: read from text, differentiated once, evaluated at a point as numbers or on truncated series."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_assignments, parse_expression, parse_names
from theory.principal_flow.formal_orbit import Series

LEARNING_RATE, EPSILON = (sp.Symbol(name, positive=True) for name in ("learning_rate", "epsilon"))
MOMENTUM, DECAY = (sp.Symbol(name, nonnegative=True) for name in ("momentum", "second_moment_decay"))
SETTINGS = {str(symbol): symbol for symbol in (LEARNING_RATE, MOMENTUM, DECAY, EPSILON)}
DIGITS = 30
_KINKS = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.floor, sp.ceiling, sp.Piecewise)


def read_variables(text: str) -> tuple[Any, ...]:
    """Read the names of the variables as real symbols."""
    names = parse_names(text)
    if not names:
        raise ParseError("no variables are given; write for example --variables x,y.")
    taken = [name for name in names if name in SETTINGS]
    if taken:
        raise ParseError(f"the variable {taken[0]!r} is the name of a setting; choose another name.")
    return tuple(sp.Symbol(name, real=True) for name in names)


def read_expression(text: str, variables: Sequence[Any]) -> Any:
    """Read a smooth expression in the variables."""
    expression = parse_expression(text, {str(v): v for v in variables}, unknown="error")
    kink = next((node for node in sp.preorder_traversal(expression) if isinstance(node, _KINKS)), None)
    if kink is not None:
        raise DerivationError(
            f"{kink} is not differentiable everywhere, so that the series has no meaning; use a smooth expression, "
            "for example sqrt(x**2 + 0.01) in place of Abs(x)."
        )
    return expression


def read_point(text: str, allowed: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value,...`` and refuse names that are neither variables nor settings of the method."""
    values = parse_assignments(text) if text.strip() else {}
    unknown = [name for name in values if name not in allowed]
    if unknown:
        raise DomainError(f"--at gives {unknown[0]!r}, which is not used here; the names are {', '.join(allowed)}.")
    complex_valued = [name for name, value in values.items() if not value.is_real or not value.is_finite]
    if complex_valued:
        raise DomainError(f"--at {complex_valued[0]}={values[complex_valued[0]]} is no finite real number.")
    return values


def require_settings(point: Mapping[str, Any]) -> None:
    """Refuse settings outside their domains."""
    limits = {
        "learning_rate": (lambda v: v > 0, "must be > 0"),
        "momentum": (lambda v: 0 <= v < 1, "must lie in [0, 1)"),
        "second_moment_decay": (lambda v: 0 <= v < 1, "must lie in [0, 1)"),
        "epsilon": (lambda v: v > 0, "must be > 0"),
    }
    for name, (holds, words) in limits.items():
        if name in point and not holds(float(point[name])):
            raise DomainError(f"{name} = {sp.N(point[name], 6)} {words}.")


def require_complete(point: Mapping[str, Any], needed: Sequence[str]) -> None:
    """Refuse an incomplete point."""
    missing = [name for name in needed if name not in point]
    if missing:
        raise DomainError(f"--at lacks {missing[0]!r}; give {','.join(f'{name}=...' for name in needed)}.")


@dataclass(frozen=True)
class VectorField:
    """A field f (minus a gradient, or given) in its variables, with its partial derivatives computed on demand."""

    components: tuple[Any, ...]
    variables: tuple[Any, ...]

    @property
    def dimension(self) -> int:
        """Number of variables."""
        return len(self.variables)

    def partial(self, component: int, directions: tuple[int, ...]) -> Any:
        """Partial derivative of a component along the sorted directions."""
        return _partial(self, component, tuple(sorted(directions)))

    def number(self, component: int, directions: tuple[int, ...], values: tuple[Any, ...]) -> Any:
        """The same at a point, to ``DIGITS`` digits."""
        return _number(self, component, tuple(sorted(directions)), values)

    def taylor(self, values: tuple[Any, ...], degree: int) -> list[dict[tuple[int, ...], Any]]:
        """Taylor coefficients of every component by exponents of the displacement."""
        result = []
        for component in range(self.dimension):
            table = {}
            for size in range(degree + 1):
                for directions in itertools.combinations_with_replacement(range(self.dimension), size):
                    exponents = tuple(directions.count(v) for v in range(self.dimension))
                    value = self.number(component, directions, values)
                    if value != 0:
                        table[exponents] = value / math.prod(map(math.factorial, exponents))
            result.append(table)
        return result


@functools.cache
def _partial(field: VectorField, component: int, directions: tuple[int, ...]) -> Any:
    if not directions:
        return field.components[component]
    return sp.diff(_partial(field, component, directions[:-1]), field.variables[directions[-1]])


@functools.cache
def _number(field: VectorField, component: int, directions: tuple[int, ...], values: tuple[Any, ...]) -> Any:
    expression = _partial(field, component, directions)
    return evaluate_at(expression, dict(zip(field.variables, values)))


def evaluate_at(expression: Any, substitution: Mapping[Any, Any]) -> Any:
    """Evaluate an expression at exact values to ``DIGITS`` digits; refuse infinite or complex results."""
    value = sp.N(sp.sympify(expression).subs(dict(substitution)), DIGITS + 5)
    if not value.is_number or value.has(sp.nan, sp.oo, -sp.oo, sp.zoo) or (value.is_real is False):
        point = ", ".join(f"{k}={sp.N(v, 6)}" for k, v in substitution.items())
        raise DerivationError(f"a derivative of the expression is not a finite real number at {point}; move the point.")
    with mpmath.workdps(DIGITS + 5):
        return mpmath.mpf(str(sp.re(value)))


def gradient_flow_field(loss: Any, variables: tuple[Any, ...]) -> VectorField:
    """Return f = -grad E."""
    return VectorField(tuple(-sp.diff(loss, v) for v in variables), variables)


def on_series(taylor: list[dict[tuple[int, ...], Any]]) -> Any:
    """Return the Taylor polynomial as a function of displacements that may be truncated series."""

    def field(state: list[Any]) -> list[Any]:
        powers: dict[tuple[int, ...], Any] = {}

        def monomial(exponents: tuple[int, ...]) -> Any:
            if exponents not in powers:
                first = next(index for index, e in enumerate(exponents) if e)
                lower = tuple(e - (index == first) for index, e in enumerate(exponents))
                powers[exponents] = state[first] if sum(lower) == 0 else monomial(lower) * state[first]
            return powers[exponents]

        zero: Any = state[0] * 0
        result = []
        for table in taylor:
            total = zero
            for exponents, value in table.items():
                total = total + (value if sum(exponents) == 0 else monomial(exponents) * value)
            result.append(total)
        return result

    return field


def require_agreement(printed: Sequence[Sequence[Any]], checked: Sequence[Sequence[Any]], what: str) -> None:
    """Raise DerivationError unless two lists of vectors agree to ten digits of the largest entry."""
    for power, (row, other) in enumerate(zip(printed, checked), 1):
        scale = max([abs(v) for v in other] + [mpmath.mpf(10) ** -12])
        for a, c in zip(row, other):
            if abs(a - c) > mpmath.mpf(10) ** -10 * scale:
                raise DerivationError(
                    f"the re-check of {what} fails at order {power}: {mpmath.nstr(a, 12)} against {mpmath.nstr(c, 12)}; "
                    "nothing is printed."
                )


def series_constant(value: Any, degree: int) -> Series:
    """Return a number as a truncated series."""
    return Series((value,), degree)
