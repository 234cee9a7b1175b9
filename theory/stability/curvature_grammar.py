"""From the parsed structure of a text to the curvature law that it names, with the conditions on its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.parse import Head, List, Node, Op, Scalar
from theory.stability.curvature import Atoms, Curvature, Family, mixture

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


@dataclass
class Reading:
    """Names met so far with the domain their place gives them, and conditions to test on numbers."""

    positive: set[sp.Symbol] = field(default_factory=set)
    probability: set[sp.Symbol] = field(default_factory=set)
    conditions: list[tuple[sp.Expr, str]] = field(default_factory=list)


def law_of(node: Node, reading: Reading) -> Any:
    """The law, or the number, that a node names; conditions on its arguments are added to the reading."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Head):
        return _head(node, reading)
    if isinstance(node, Op):
        return _operation(node, reading)
    raise DerivationError(f"{node} is a list, not a law; lists belong inside Finite([...]) and Mixture([...], [...]).")


def _operation(node: Op, reading: Reading) -> Any:
    sides = [law_of(a, reading) for a in node.args]
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


def _scaled(law: Curvature, factor: sp.Expr, reading: Reading) -> Curvature:
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


def _head(node: Head, reading: Reading) -> Curvature:
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


def _require_positive(value: sp.Expr, name: str, node: Any, reading: Reading) -> None:
    reading.positive |= {x for x in sp.Mul.make_args(value) if isinstance(x, sp.Symbol)}
    reading.conditions.append((value, f"the {name} of {node} is {sp.sstr(value)}, it must be > 0"))


def _require_probability(value: sp.Expr, node: Any, reading: Reading) -> None:
    if isinstance(value, sp.Symbol):
        reading.probability.add(value)
    message = f"the probability of {node} is {sp.sstr(value)}, it must lie strictly between 0 and 1"
    reading.conditions += [(value, message), (1 - value, message)]


def _finite(node: Head, reading: Reading) -> Atoms:
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


def _mixture(node: Head, reading: Reading) -> Curvature:
    if len(node.args) != 2 or not all(isinstance(a, List) for a in node.args):
        raise DomainError("Mixture takes a list of laws and a list of weights: Mixture([Normal(m, s), ...], [p, ...]).")
    parts = [law_of(item, reading) for item in _items(node.args[0])]
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


def _require_weights(weights: tuple[sp.Expr, ...], number: int, what: str, reading: Reading) -> None:
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
