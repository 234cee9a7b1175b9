"""Reading a curvature law from text, for example ``0.1 - 2*Gamma(k, t)`` or ``Mixture([Normal(m, s), ...], [p, ...])``.

Heads: Normal, Uniform, Exponential, Gamma, ChiSquared, Laplace, Cauchy, Arcsine, Semicircle, TwoPoint, Finite, Mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.parse import parse_structure
from theory.stability.batch import exact
from theory.stability.curvature import LARGEST_NUMBER, Atoms, Curvature, Family, numbers_of
from theory.stability.curvature_grammar import HEADS, Reading, law_of

RESERVED = ("learning_rate", "batch_size")


@dataclass(frozen=True)
class CurvatureText:
    """What a text says: the law, its canonical text, the domain of each name, conditions (expression > 0, message)."""

    law: Curvature
    text: str
    domains: dict[str, str]
    conditions: tuple[tuple[sp.Expr, str], ...]
    names: dict[str, sp.Symbol]

    def bound(self, values: dict[str, Any]) -> Curvature:
        """The law with numbers in the place of all names.

        Raises DomainError if a value is outside the domain of its place.
        """
        by_symbol = {self.names[name]: value for name, value in values.items() if name in self.names}
        for condition, message in self.conditions:
            number = condition.subs(by_symbol)
            if number.is_number and not _is_positive(number):
                given = ", ".join(f"{n}={sp.sstr(v)}" for n, v in values.items() if n in self.names) or "none"
                raise DomainError(f"{message} (given: {given}).")
        law = self.law.bind(by_symbol)
        for number in numbers_of(law):
            if number.is_number and not (number.is_real and abs(number) <= LARGEST_NUMBER):
                raise DomainError(
                    f"a parameter of {self.text} becomes {sp.sstr(number)[:40]}; it must be real and at most "
                    f"{LARGEST_NUMBER:g} in size, so choose other numbers."
                )
        return law


def read_curvature(text: str) -> CurvatureText:
    """Read a curvature law.

    Raises
    ------
    ParseError : the text is outside the language
    DerivationError : the law is read but not supported (sums or products of random laws)
    DomainError : an argument is outside its domain

    >>> read_curvature("0.1 - Exponential(t)").domains
    {'t': 'positive'}
    """
    node = parse_structure(text, HEADS)
    reading = Reading()
    law = law_of(node, reading)
    if isinstance(law, sp.Expr):
        raise DerivationError(
            f"{text.strip()!r} contains no random law; give one such as Normal(m, s) or Finite([0.4, -0.2])."
        )
    symbols = sorted(_symbols(law), key=lambda x: x.name)
    renamed: dict[Any, Any] = {}
    domains: dict[str, str] = {}
    for symbol in symbols:
        if symbol.name in RESERVED:
            raise DomainError(f"the name {symbol.name} is reserved; call the parameter of the law something else.")
        positive = symbol in reading.positive
        domains[symbol.name] = (
            "positive" if positive else "between 0 and 1" if symbol in reading.probability else "real"
        )
        assumptions = {"positive": True} if positive or symbol in reading.probability else {"real": True}
        renamed[symbol] = sp.Symbol(symbol.name, **assumptions)
    conditions = tuple((c.subs(renamed), message) for c, message in reading.conditions)
    for condition, message in conditions:
        if condition.is_number and not _is_positive(condition):
            raise DomainError(f"{message}.")
    return CurvatureText(law.bind(renamed), str(node), domains, conditions, {s.name: renamed[s] for s in symbols})


def data_curvature(curvatures: list[Any], weights: list[Any] | None) -> CurvatureText:
    """The law of curvatures given as data.

    Raises DomainError for empty data, a wrong number of weights or a negative weight.
    """
    if not curvatures:
        raise DomainError("the data contain no curvature; give one number a line, with an optional weight after it.")
    if weights is not None and len(weights) != len(curvatures):
        raise DomainError(f"{len(weights)} weights for {len(curvatures)} curvatures; give one weight for each.")
    if weights is not None and (min(map(exact, weights)) < 0 or sum(map(exact, weights)) <= 0):
        raise DomainError("the weights must be nonnegative with a positive sum; drop or correct the negative ones.")
    numbers = tuple(_rational(h) for h in curvatures)
    given = tuple(_rational(w) for w in weights) if weights is not None else (sp.S.One,) * len(numbers)
    kept = [(h, w) for h, w in zip(numbers, given, strict=True) if w > 0]
    shown = ", ".join(sp.sstr(float(h)) for h in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
    law = Atoms(tuple(h for h, _ in kept), tuple(w for _, w in kept), weights is not None)
    return CurvatureText(law, f"Finite([{shown}]) of {len(numbers)} values", {}, (), {})


def _rational(value: Any) -> sp.Rational:
    number = exact(value)
    return sp.Rational(number.numerator, number.denominator)


def _is_positive(number: sp.Expr) -> bool:
    return bool(number.is_real) and bool(number > 0)


def _symbols(law: Curvature) -> set[Any]:
    if isinstance(law, Family):
        return law.shift.free_symbols | law.slope.free_symbols | law.shape.free_symbols
    if isinstance(law, Atoms):
        return set().union(*[x.free_symbols for x in (*law.values, *law.weights)])
    return set().union(*[_symbols(p) for p in law.parts], *[w.free_symbols for w in law.weights])
