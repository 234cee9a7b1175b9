"""Architectures as lists of features: the polynomials of the parameters through which data and loss see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from itertools import product as cartesian
from math import prod

from theory.errors import DomainError, ParseError
from theory.symmetry.polynomials import Poly, product


@dataclass(frozen=True)
class Model:
    """Parameters, data names, gates and features (integer polynomials in the numbered parameters)."""

    parameters: tuple[str, ...]
    data: tuple[str, ...]
    features: tuple[Poly, ...]
    gates: tuple[tuple[str, str, str], ...] = ()


class _Names:
    """Hands out parameter numbers in order of first mention of whole blocks."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def block(self, name: str, *shape: int) -> dict[tuple[int, ...], int]:
        numbers = {}
        for index in cartesian(*(range(n) for n in shape)):
            numbers[index] = len(self.names)
            self.names.append("_".join([name, *map(str, index)]))
        return numbers


def _sum(terms: list[Poly]) -> Poly:
    total: Poly = {}
    for term in terms:
        for m, c in term.items():
            total[m] = total.get(m, 0) + c
    return total


def chain(widths: list[int], bias: bool, gated: bool) -> Model:
    """Return W_L ... W_2 W_1 x with optional biases; ``gated`` puts an independent gate at every hidden unit."""
    names = _Names()
    weights, biases = [], []
    for layer in range(1, len(widths)):
        weights.append(names.block(f"w{layer}", widths[layer], widths[layer - 1]))
        biases.append(names.block(f"b{layer}", widths[layer]) if bias else {})
    # a path starts at an input (start = 0) or at the bias of layer ``start`` and runs through one unit of each later layer
    features: dict[tuple[int, ...], list[Poly]] = {}
    for start in range(len(widths) if bias else 1):
        for path in cartesian(*(range(w) for w in widths[start:])):
            factors = [weights[start + k][path[k + 1], path[k]] for k in range(len(path) - 1)]
            factors += [biases[start - 1][path[0],]] if start else []
            # a gated network sees every path; a linear one the sums by input and output, all biases in one
            ends = (0, path[0], path[-1]) if start == 0 else (1, path[-1])
            features.setdefault((start, *path) if gated else ends, []).append(product(factors))
    inputs = tuple(f"x{i}" for i in range(widths[0]))
    gates = []
    if gated:
        hidden = [(layer, j) for layer in range(1, len(widths) - 1) for j in range(widths[layer])]
        gates = [(f"s{layer}_{j}", "relu", f"unit {j} of layer {layer}") for layer, j in hidden]
    return Model(tuple(names.names), inputs, tuple(map(_sum, features.values())), tuple(gates))


def attention(dimension: int, width: int, value_width: int, heads: int) -> Model:
    """Return the features of Q K^T and V O^T of every head: Q, K are d x r, V, O are d x v."""
    names = _Names()
    features: list[Poly] = []
    for head in range(heads):
        suffix = str(head) if heads > 1 else ""
        blocks = [names.block(f"{n}{suffix}", dimension, width) for n in ("q", "k")]
        blocks += [names.block(f"{n}{suffix}", dimension, value_width) for n in ("v", "o")]
        for (a, b), inner in (((blocks[0], blocks[1]), width), ((blocks[2], blocks[3]), value_width)):
            for i, j in cartesian(range(dimension), repeat=2):
                features.append(_sum([product((a[i, k], b[j, k])) for k in range(inner)]))
    return Model(tuple(names.names), ("x",), tuple(features))


def gram(rows: int, columns: int) -> Model:
    """Return the features of U U^T, U with ``rows`` rows and ``columns`` columns."""
    names = _Names()
    u = names.block("u", rows, columns)
    pairs = [(i, j) for i in range(rows) for j in range(i, rows)]
    features = [_sum([product((u[i, k], u[j, k])) for k in range(columns)]) for i, j in pairs]
    return Model(tuple(names.names), ("x",), tuple(features))


def quadratic(dimension: int, width: int) -> Model:
    """Return sum_j a_j (w_j . x)^2."""
    names = _Names()
    a, w = names.block("a", width), names.block("w", width, dimension)
    features = []
    for i in range(dimension):
        for j in range(i, dimension):
            features.append(_sum([product((a[k,], w[k, i], w[k, j])) for k in range(width)]))
    return Model(tuple(names.names), tuple(f"x{i}" for i in range(dimension)), tuple(features))


def softmax(classes: int, inputs: int) -> Model:
    """Return logits W x seen up to a common shift: differences to the first row."""
    names = _Names()
    w = names.block("w", classes, inputs)
    features = [{((w[0, i], 1),): -1, ((w[k, i], 1),): 1} for k in range(1, classes) for i in range(inputs)]
    return Model(tuple(names.names), tuple(f"x{i}" for i in range(inputs)), tuple(features))


_HELP = (
    "give linear:n-r-..-m[,bias], relu:n-r-..-m[,bias], attention:d=D,r=R[,v=V][,heads=H], gram:NxR, "
    "quadratic:d=D,r=R or softmax:classes=K,features=D"
)


MAX_FEATURE_TERMS = 60_000
MAX_CHARACTERS = 200


def architecture(spec: str, largest: int = 1000) -> Model:
    """Return the model of an architecture specification.

    Raises ParseError for an unknown specification or a width below one, DomainError for more than ``largest``
    parameters or more paths than can be listed.

    >>> architecture("relu:2-1-1,bias").parameters
    ('w1_0_0', 'w1_0_1', 'b1_0', 'w2_0_0', 'b2_0')
    """
    if len(spec) > MAX_CHARACTERS:
        raise ParseError(f"the specification has {len(spec)} characters, the limit is {MAX_CHARACTERS}; shorten it.")
    kind, colon, rest = spec.strip().partition(":")
    if not colon or kind not in ("linear", "relu", "attention", "gram", "quadratic", "softmax"):
        raise ParseError(f"unknown architecture {spec!r}; {_HELP}.")
    if kind in ("linear", "relu"):
        match = re.fullmatch(r"(\d+(?:-\d+)+)(,bias)?", rest)
        if match is None:
            raise ParseError(f"{spec!r} has no widths such as 4-3-2; {_HELP}.")
        widths = [int(w) for w in match[1].split("-")]
        _require_positive(spec, widths)
        bias = len(widths) - 1 if match[2] else 0
        weights = sum(a * b + (b if bias else 0) for a, b in pairwise(widths))
        _require_small(spec, weights, sum(prod(widths[start:]) for start in range(bias + 1)), largest)
        return chain(widths, match[2] is not None, kind == "relu")
    if kind == "gram":
        match = re.fullmatch(r"(\d+)x(\d+)", rest)
        if match is None:
            raise ParseError(f"{spec!r} has no shape such as 3x4; {_HELP}.")
        rows, columns = int(match[1]), int(match[2])
        _require_positive(spec, [rows, columns])
        _require_small(spec, rows * columns, rows * (rows + 1) // 2 * columns, largest)
        return gram(rows, columns)
    required = {"attention": ("d", "r"), "quadratic": ("d", "r"), "softmax": ("classes", "features")}[kind]
    optional = ("v", "heads") if kind == "attention" else ()
    values = _options(spec, rest, required, optional)
    if kind == "attention":
        d, r, heads = values["d"], values["r"], values.get("heads", 1)
        v = values.get("v", r)
        _require_small(spec, 2 * heads * d * (r + v), heads * d * d * (r + v), largest)
        return attention(d, r, v, heads)
    if kind == "quadratic":
        d, r = values["d"], values["r"]
        _require_small(spec, r + r * d, d * (d + 1) // 2 * r, largest)
        return quadratic(d, r)
    _require_small(spec, values["classes"] * values["features"], 2 * values["classes"] * values["features"], largest)
    return softmax(values["classes"], values["features"])


def _options(spec: str, text: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, int]:
    values: dict[str, int] = {}
    for word in text.split(","):
        key, equals, number = word.strip().partition("=")
        if not equals or key not in required + optional or not number.isdecimal() or key in values:
            raise ParseError(f"{word!r} in {spec!r} is not understood; {_HELP}.")
        values[key] = int(number)
    missing = [k for k in required if k not in values]
    if missing:
        raise ParseError(f"{spec!r} lacks {missing[0]}=; {_HELP}.")
    _require_positive(spec, list(values.values()))
    return values


def _require_positive(spec: str, widths: list[int]) -> None:
    if min(widths) < 1:
        raise ParseError(f"{spec!r} has a width of zero; every width must be at least 1.")


def _require_small(spec: str, parameters: int, terms: int, largest: int) -> None:
    if parameters > largest:
        raise DomainError(f"{spec!r} has {parameters} parameters, the limit is {largest}; choose smaller widths.")
    if terms > MAX_FEATURE_TERMS:
        raise DomainError(f"{spec!r} has {terms} paths, the limit is {MAX_FEATURE_TERMS}; choose smaller widths.")
