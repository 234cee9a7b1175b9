"""What the user gives to `derive escape`: parsed loss, points, noise and numbers, with the errors they can cause."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.errors import DerivationError, ParseError
from theory.parse import parse_assignments, parse_expression, parse_expressions, parse_names

TEMPERATURE = sp.Symbol("temperature", positive=True)


@dataclass(frozen=True)
class Model:
    """Loss, variables, points and numbers of one problem."""

    loss: Any
    variables: tuple[Any, ...]
    minimum: tuple[Any, ...]
    saddle: tuple[Any, ...]
    values: dict[Any, Any] | None
    learning_rate: float | None
    batch_size: float | None
    temperature: float | None

    @property
    def numeric(self) -> bool:
        """Whether every name has a number."""
        return self.values is not None

    def number(self, expression: Any) -> float | None:
        """Evaluate at the numbers of the user; None without them."""
        if self.values is None:
            return None
        return real_number(expression, self.values)


def real_number(expression: Any, values: dict[Any, Any]) -> float:
    """Evaluate an expression to a float; infinities and complex numbers are errors."""
    found = complex(sp.N(sp.sympify(expression).xreplace(values).subs(values), 17))
    if abs(found.imag) > 1e-10 * max(1.0, abs(found.real)) or not math.isfinite(found.real):
        raise DerivationError(
            f"{sp.sstr(expression)[:60]} is {found:.6g} at the given numbers; it must be a finite real."
        )
    return found.real


def read_model(
    loss: str, variables: str, minimum: str, saddle: str, at: str | None, extra: tuple[str, ...] = ()
) -> tuple[Model, list[Any]]:
    """Parse the texts; ``extra`` are further expressions whose names must be given too. Returns them parsed."""
    names = parse_names(variables)
    if not names:
        raise ParseError("no variable is given; give --variable x or --variables x,y.")
    symbols: dict[str, Any] = {name: sp.Symbol(name, real=True) for name in names}
    symbols["temperature"] = TEMPERATURE
    surface = parse_expression(loss, symbols)
    if TEMPERATURE in surface.free_symbols:
        raise ParseError("the loss contains temperature, which is the name of the noise strength; rename it.")
    points = [parse_expressions(text, symbols) for text in (minimum, saddle)]
    for text, point in zip((minimum, saddle), points, strict=True):
        if len(point) != len(names):
            raise ParseError(f"the point {text!r} has {len(point)} coordinates, the loss {len(names)} variables.")
    parsed = [parse_expression(text, symbols) for text in extra]
    own = [symbols[name] for name in names]
    free = set().union(*(e.free_symbols for e in [surface, *points[0], *points[1], *parsed])) - set(own) - {TEMPERATURE}
    values, rate, batch, temperature = _read_numbers(at, free)
    return Model(surface, tuple(own), points[0], points[1], values, rate, batch, temperature), parsed


def _read_numbers(at: str | None, free: set[Any]) -> tuple[Any, float | None, float | None, float | None]:
    if at is None:
        return None, None, None, None
    given = parse_assignments(at)
    control = {key: float(given.pop(key)) for key in ("temperature", "learning_rate", "batch_size") if key in given}
    if "temperature" in control and len(control) > 1:
        raise ParseError(
            "--at gives temperature and learning_rate or batch_size; give either temperature, or the other two."
        )
    if "temperature" not in control and not {"learning_rate", "batch_size"} <= set(control):
        missing = (
            "temperature (or learning_rate and batch_size)" if not control else "both learning_rate and batch_size"
        )
        raise ParseError(f"--at lacks {missing}; add it, for example temperature=0.1.")
    for key, value in control.items():
        if value <= 0:
            raise ParseError(f"{key} = {value:g} must be > 0; give a positive number.")
    known = {symbol.name: symbol for symbol in free}
    for name in sorted(known):
        if name not in given:
            raise ParseError(f"--at lacks {name}, which the model contains; add {name}=...")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ParseError(f"--at gives {unknown[0]}, which the model does not contain; remove it.")
    values = {known[name]: value for name, value in given.items()}
    return values, control.get("learning_rate"), control.get("batch_size"), control.get("temperature")


def random_values(symbols: set[Any], seed: int) -> dict[Any, Any]:
    """Generic rational numbers for names without a value, for numerical identities."""
    rng = random.Random(seed)
    ordered = sorted(symbols, key=lambda s: s.name)
    return {s: sp.Rational(rng.randint(1300, 3700), 1000) for s in ordered}


def vanishes(expression: Any, values: dict[Any, Any] | None) -> bool:
    """Whether an expression is zero: at the user's numbers, or identically."""
    expression = sp.sympify(expression)
    if values is not None:
        return abs(complex(sp.N(expression.subs(values), 20))) < 1e-9
    if sp.cancel(sp.together(sp.expand(expression))) == 0:
        return True
    trials = (random_values(expression.free_symbols, seed) for seed in (1, 2, 3))
    return all(abs(complex(sp.N(expression.subs(t), 30))) < 1e-12 for t in trials)


def sign(expression: Any, values: dict[Any, Any] | None) -> int | None:
    """Sign of an expression at the user's numbers, or None where it depends on names without a number."""
    number = sp.sympify(expression) if values is None else sp.sympify(expression).subs(values)
    if number.free_symbols:
        return 1 if number.is_positive else (-1 if number.is_negative else None)
    real = float(sp.re(sp.N(number, 17)))
    return 0 if abs(real) < 1e-12 else (1 if real > 0 else -1)
