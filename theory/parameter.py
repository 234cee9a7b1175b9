"""Parameters of a law: symbol, descriptive key, meaning, domain and the region of generic test points."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from theory.errors import DomainError


@dataclass(frozen=True)
class Domain:
    """The set of values which a parameter may take, and the region from which generic points are drawn.

    ``kind`` is one of real, integer, list, matrix, choice, text. ``low`` and ``high`` bound every number in it;
    an end is excluded where ``low_open`` or ``high_open`` is set. ``region`` is the (low, high) range of generic
    test points (a tuple of values for ``choice`` and ``text``), ``sizes`` the range of list lengths drawn.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    region: tuple[Any, ...] = ()
    choices: tuple[str, ...] = ()
    sizes: tuple[int, int] = (3, 6)
    nullable: bool = False

    def describe(self) -> str:
        """Return the domain in words, as it is printed in errors and tables."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "text":
            return "text"
        words = {"real": "a real number", "integer": "an integer", "list": "a list of real numbers"}
        base = words.get(self.kind, "a matrix (nested lists) of real numbers")
        bounds = []
        if self.low is not None:
            bounds.append(f"{'>' if self.low_open else '>='} {self.low:g}")
        if self.high is not None:
            bounds.append(f"{'<' if self.high_open else '<='} {self.high:g}")
        return base + (" " + " and ".join(bounds) if bounds else "")

    def problem(self, value: Any) -> str | None:
        """Return why ``value`` is outside, or None if it is inside."""
        if value is None:
            return None if self.nullable else "it is missing"
        if self.kind == "choice":
            return None if value in self.choices else f"must be {self.describe()}"
        if self.kind == "text":
            return None if isinstance(value, str) and value else "must be a non-empty text"
        if self.kind == "list":
            if not isinstance(value, Sequence) or isinstance(value, str) or len(value) == 0:
                return f"must be {self.describe()}"
            return next((p for p in map(self._number_problem, value) if p), None)
        if self.kind == "matrix":
            if not _is_matrix(value):
                return f"must be {self.describe()} with rows of equal length"
            return next((p for row in value for p in map(self._number_problem, row) if p), None)
        return self._number_problem(value)

    def _number_problem(self, value: Any) -> str | None:
        if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
            return f"must be {self.describe()}"
        number = float(value)
        if not math.isfinite(number):
            return "must be finite"
        if self.kind == "integer" and number != int(number):
            return f"must be {self.describe()}"
        below = self.low is not None and (number <= self.low if self.low_open else number < self.low)
        above = self.high is not None and (number >= self.high if self.high_open else number > self.high)
        return f"must be {self.describe()}" if below or above else None

    def draw(self, rng: random.Random) -> Any:
        """Draw a generic value (never a round one) from the region."""
        if self.kind in ("choice", "text"):
            return rng.choice(self.region or self.choices)
        low, high = self.region
        if self.kind == "integer":
            return rng.randint(low, high)
        if self.kind == "real":
            return round(rng.uniform(low, high), 6)
        if self.kind == "list":
            return [round(rng.uniform(low, high), 6) for _ in range(rng.randint(*self.sizes))]
        size = rng.randint(*self.sizes)
        return [[round(rng.uniform(low, high), 6) for _ in range(size)] for _ in range(size)]


def _is_matrix(value: Any) -> bool:
    rows = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    if not rows or not all(isinstance(row, Sequence) and not isinstance(row, str) for row in value):
        return False
    return len({len(row) for row in value}) == 1 and len(value[0]) > 0


def real(low: float = -2.0, high: float = 2.0) -> Domain:
    """Any real number; generic points in (low, high)."""
    return Domain("real", region=(low, high))


def positive(low: float = 0.3, high: float = 3.0) -> Domain:
    """A number > 0; generic points in (low, high)."""
    return Domain("real", low=0.0, low_open=True, region=(low, high))


def nonnegative(low: float = 0.1, high: float = 2.0) -> Domain:
    """A number >= 0; generic points in (low, high)."""
    return Domain("real", low=0.0, region=(low, high))


def interval(low: float, high: float, *, open_ends: bool = True, region: tuple[float, float] | None = None) -> Domain:
    """A number between low and high (ends excluded by default)."""
    inner = region or (low + 0.1 * (high - low), high - 0.1 * (high - low))
    return Domain("real", low=low, high=high, low_open=open_ends, high_open=open_ends, region=inner)


def integer(low: int = 1, region: tuple[int, int] = (1, 4), high: int | None = None) -> Domain:
    """An integer >= low; generic points in the region."""
    return Domain("integer", low=low, high=high, region=region)


def real_list(
    low: float = -2.0, high: float = 2.0, sizes: tuple[int, int] = (3, 6), *, positive: bool = False
) -> Domain:
    """A list of real numbers; generic entries in (low, high), generic lengths in sizes."""
    bound = 0.0 if positive else None
    return Domain("list", low=bound, low_open=positive, region=(low, high), sizes=sizes)


def matrix(low: float = -2.0, high: float = 2.0, sizes: tuple[int, int] = (2, 3)) -> Domain:
    """A matrix given as nested lists; generic square matrices with entries in (low, high)."""
    return Domain("matrix", region=(low, high), sizes=sizes)


def choice(*words: str) -> Domain:
    """One of the given words."""
    return Domain("choice", choices=words, region=words)


def text(*examples: str) -> Domain:
    """Free text which the law itself parses (an activation, an exact rational); ``examples`` are generic points."""
    return Domain("text", region=examples)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law.

    Parameters
    ----------
    key : descriptive snake_case key, the same meaning in the whole family
    symbol : the SymPy symbol (``IndexedBase`` for lists) under which the closed form knows it
    meaning : one line for tables
    domain : the admissible values
    default : value used when the key is not given; ``required`` marks that there is none
    length : for lists, the symbol of the number of entries
    """

    key: str
    symbol: Any
    meaning: str
    domain: Domain
    default: Any = None
    required: bool = True
    length: sp.Symbol | None = None

    def with_default(self, value: Any) -> Parameter:
        """Return the same parameter, optional with this default."""
        return Parameter(self.key, self.symbol, self.meaning, self.domain, value, False, self.length)

    def but_symbol(self, symbol: Any) -> Parameter:
        """Return the same parameter under another symbol."""
        return Parameter(self.key, symbol, self.meaning, self.domain, self.default, self.required, self.length)

    def within(self, domain: Domain) -> Parameter:
        """Return the same parameter with another domain or region."""
        return Parameter(self.key, self.symbol, self.meaning, domain, self.default, self.required, self.length)


@dataclass(frozen=True)
class Constraint:
    """A condition between parameters: ``holds(values)`` and the sentence which tells the limit and the remedy."""

    holds: Any
    message: str


@dataclass(frozen=True)
class ParameterSet:
    """The parameters of one law with their mutual constraints; validates and completes user values."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()
    by_key: Mapping[str, Parameter] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the parameters by key."""
        object.__setattr__(self, "by_key", {p.key: p for p in self.parameters})

    def complete(self, law_id: str, values: Mapping[str, Any], *, check: bool = True) -> dict[str, Any]:
        """Return all parameter values with defaults filled in, or raise DomainError."""
        unknown = [key for key in values if key not in self.by_key]
        if unknown:
            known = ", ".join(self.by_key) or "none"
            raise DomainError(f"{law_id} has no parameter {unknown[0]!r}; its parameters are: {known}.")
        full: dict[str, Any] = {}
        for p in self.parameters:
            if p.key not in values and p.required:
                raise DomainError(
                    f"{law_id} needs a value for {p.key!r} ({p.meaning}; {p.domain.describe()}); give {p.key}=..."
                )
            full[p.key] = _plain(values.get(p.key, p.default))
            problem = p.domain.problem(full[p.key]) if check and (p.required or full[p.key] is not None) else None
            if problem:
                raise DomainError(f"{law_id}: {p.key} = {full[p.key]!r} is outside its domain: it {problem}.")
        if check:
            for constraint in self.constraints:
                if not constraint.holds(full):
                    given = ", ".join(f"{k}={v!r}" for k, v in full.items())
                    raise DomainError(f"{law_id}: {constraint.message} (given: {given}).")
        return full

    def draw(self, rng: random.Random, law_id: str) -> dict[str, Any]:
        """Draw one generic point which satisfies every constraint."""
        for _ in range(2000):
            point = {p.key: p.domain.draw(rng) for p in self.parameters if p.domain.region}
            full = {**{p.key: p.default for p in self.parameters if not p.domain.region}, **point}
            if all(c.holds(full) for c in self.constraints):
                return {k: v for k, v in full.items() if v is not None}
        raise DomainError(f"{law_id}: no generic point satisfies the constraints in 2000 draws; narrow the regions.")


def _plain(value: Any) -> Any:
    """Turn tuples into lists and integral floats of user input into plain numbers."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
