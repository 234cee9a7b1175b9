"""Reading a curvature law from text, for example ``0.1 - 2*Gamma(k, t)`` or ``Mixture([Normal(m, s), ...], [p, ...])``.

Heads: Normal, Uniform, Exponential, Gamma, ChiSquared, Laplace, Cauchy, Arcsine, Semicircle, TwoPoint, Finite, Mixture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.parse import Head, List, Node, Op, Scalar, parse_structure
from theory.stability.batch import exact
from theory.stability.curvature import LARGEST_NUMBER, Atoms, Curvature, Family, mixture, numbers_of

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "Normal": ("mean", "scale"),
    "Uniform": ("lower", "upper"),
    "Exponential": ("scale",),
    "Gamma": ("shape", "scale"),
    "ChiSquared": ("degrees",),
    "Laplace": ("mean", "scale"),
    "Cauchy": ("location", "scale"),
    "Arcsine": ("lower", "upper"),
    "Semicircle": ("mean", "radius"),
    "TwoPoint": ("first", "second", "probability"),
}
_POSITIVE = ("scale", "shape", "degrees", "radius")
HEADS = frozenset({*ARGUMENTS, "Finite", "Mixture"})
RESERVED = ("learning_rate", "batch_size")


@dataclass
class _Reading:
    """Names met so far with the domain their place gives them, and conditions to test on numbers."""

    positive: set[sp.Symbol] = field(default_factory=set)
    probability: set[sp.Symbol] = field(default_factory=set)
    conditions: list[tuple[sp.Expr, str]] = field(default_factory=list)


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
    reading = _Reading()
    law = _law(node, reading)
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


def _law(node: Node, reading: _Reading) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Head):
        return _head(node, reading)
    if isinstance(node, Op):
        return _operation(node, reading)
    raise DerivationError(f"{node} is a list, not a law; lists belong inside Finite([...]) and Mixture([...], [...]).")


def _operation(node: Op, reading: _Reading) -> Any:
    sides = [_law(a, reading) for a in node.args]
    if len(sides) == 1:
        return sides[0].affine(sp.S.Zero, sp.S.NegativeOne)
    left, right = sides
    random = [not isinstance(x, sp.Expr) for x in sides]
    if node.symbol in "+-" and not all(random):
        sign = 1 if node.symbol == "+" else -1
        if random[0]:
            return left.affine(sign * right, sp.S.One)
        return right.affine(left, sp.Integer(sign))
    if node.symbol == "*" and not all(random):
        law, factor = (left, right) if random[0] else (right, left)
        return _scaled(law, factor, reading)
    if node.symbol == "/" and random == [True, False]:
        return _scaled(left, 1 / right, reading)
    if node.symbol == "**" and random == [True, False] and right == 2:
        return _square(left, node)
    if node.symbol == "*":
        return _product(left, right, node)
    raise DerivationError(
        f"{node} is not supported: a law may be shifted, scaled, squared (a normal one) or multiplied by another normal "
        "law of mean 0; for anything else draw samples and give them as data."
    )


def _scaled(law: Curvature, factor: sp.Expr, reading: _Reading) -> Curvature:
    if factor == 0:
        raise DomainError("a law multiplied by 0 is no random curvature; give a nonzero factor.")
    if factor.free_symbols:
        reading.conditions.append((factor**2, f"the factor {sp.sstr(factor)} of a law must not be 0"))
    return law.affine(sp.S.Zero, factor)


def _square(law: Curvature, node: Op) -> Curvature:
    if not isinstance(law, Family) or law.kind != "normal":
        raise DerivationError(f"{node}: only a normal law can be squared; draw samples and give them as data instead.")
    if law.shift == 0:
        return Family("gamma", sp.S.Zero, 2 * law.slope**2, sp.Rational(1, 2))
    return Family("square", sp.S.Zero, law.slope**2, law.shift / law.slope)


def _product(left: Curvature, right: Curvature, node: Op) -> Curvature:
    normal = all(isinstance(x, Family) and x.kind == "normal" for x in (left, right))
    if not normal:
        raise DerivationError(
            f"{node}: only two independent normal laws of mean 0 can be multiplied (dependent or other factors cannot); "
            "give the products of your data with --curvature-file instead."
        )
    if left.shift != 0 or right.shift != 0:
        raise DerivationError(
            f"{node}: a product of normal laws needs both means 0, here they are {sp.sstr(left.shift)} and "
            f"{sp.sstr(right.shift)}; give the products of your data with --curvature-file instead."
        )
    return Family("bessel", sp.S.Zero, left.slope * right.slope, sp.Rational(1, 2))


def _head(node: Head, reading: _Reading) -> Curvature:
    if node.name == "Finite":
        return _finite(node, reading)
    if node.name == "Mixture":
        return _mixture(node, reading)
    names = ARGUMENTS[node.name]
    if len(node.args) != len(names):
        raise DomainError(
            f"{node.name} takes {len(names)} arguments ({', '.join(names)}), but {node} has {len(node.args)}."
        )
    values = []
    for name, argument in zip(names, node.args, strict=True):
        if not isinstance(argument, Scalar):
            raise DerivationError(f"the {name} of {node} must be a number or a name, not a random law or a list.")
        values.append(argument.value)
        if name in _POSITIVE:
            _require_positive(argument.value, name, node, reading)
    if "lower" in names:
        reading.conditions.append(
            (values[1] - values[0], f"{node} needs a lower end below its upper end; swap or change them")
        )
    if node.name == "TwoPoint":
        _require_probability(values[2], node, reading)
    return _BUILDERS[node.name](*values)


def _require_positive(value: sp.Expr, name: str, node: Any, reading: _Reading) -> None:
    reading.positive |= {x for x in sp.Mul.make_args(value) if isinstance(x, sp.Symbol)}
    reading.conditions.append((value, f"the {name} of {node} is {sp.sstr(value)}, it must be > 0"))


def _require_probability(value: sp.Expr, node: Any, reading: _Reading) -> None:
    if isinstance(value, sp.Symbol):
        reading.probability.add(value)
    message = f"the probability of {node} is {sp.sstr(value)}, it must lie strictly between 0 and 1"
    reading.conditions += [(value, message), (1 - value, message)]


def _finite(node: Head, reading: _Reading) -> Atoms:
    if not 1 <= len(node.args) <= 2 or not all(isinstance(a, List) for a in node.args):
        raise DomainError(
            "Finite takes one list of curvatures and an optional list of weights: Finite([1, 2], [3, 1])."
        )
    values = _scalars(node.args[0], "a curvature")
    if not values:
        raise DomainError("Finite([]) has no curvature; give at least one number.")
    if len(node.args) == 1:
        return Atoms(values, (sp.S.One,) * len(values), False)
    weights = _scalars(node.args[1], "a weight")
    _require_weights(weights, len(values), "curvatures", reading)
    return Atoms(values, weights)


def _mixture(node: Head, reading: _Reading) -> Curvature:
    if len(node.args) != 2 or not all(isinstance(a, List) for a in node.args):
        raise DomainError("Mixture takes a list of laws and a list of weights: Mixture([Normal(m, s), ...], [p, ...]).")
    parts = [_law(item, reading) for item in _items(node.args[0])]
    if not parts or any(isinstance(part, sp.Expr) for part in parts):
        raise DomainError("every entry of a Mixture must be a law; write a fixed curvature h as Finite([h]).")
    weights = _scalars(node.args[1], "a weight")
    _require_weights(weights, len(parts), "laws", reading)
    return mixture(tuple(parts), weights)


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, List) else (node,)


def _scalars(items: Node, what: str) -> tuple[sp.Expr, ...]:
    values = []
    for item in _items(items):
        if not isinstance(item, Scalar):
            raise DerivationError(f"{item} is not {what}; give numbers or names.")
        values.append(item.value)
    return tuple(values)


def _require_weights(weights: tuple[sp.Expr, ...], number: int, what: str, reading: _Reading) -> None:
    if len(weights) != number:
        raise DomainError(f"{len(weights)} weights for {number} {what}; give one weight for each.")
    for weight in weights:
        _require_positive(weight, "weight", "the list", reading)


def _chi_squared(degrees: sp.Expr) -> Family:
    return Family("gamma", sp.S.Zero, sp.Integer(2), degrees / 2)


def _circle(kind: str) -> Callable[..., Family]:
    return lambda low, high: Family(kind, (low + high) / 2, (high - low) / 2)


_BUILDERS: dict[str, Callable[..., Curvature]] = {
    "Normal": lambda mean, scale: Family("normal", mean, scale),
    "Uniform": lambda low, high: Family("uniform", low, high - low),
    "Exponential": lambda scale: Family("gamma", sp.S.Zero, scale, sp.S.One),
    "Gamma": lambda shape, scale: Family("gamma", sp.S.Zero, scale, shape),
    "ChiSquared": _chi_squared,
    "Laplace": lambda mean, scale: Family("laplace", mean, scale),
    "Cauchy": lambda location, scale: Family("cauchy", location, scale),
    "Arcsine": _circle("arcsine"),
    "Semicircle": lambda mean, radius: Family("semicircle", mean, radius),
    "TwoPoint": lambda first, second, p: Atoms((first, second), (p, 1 - p)),
}
