"""Counts of conservation laws of deep, gated and quadratic networks, and of the momentum flow."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import mutant_result, mutant_value
from theory.parameter import Constraint, Domain, Parameter, choice, integer, nonnegative
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.architectures import chain, quadratic
from theory.symmetry.counting import (
    NOT_SCALAR,
    R,
    counting_law,
    dimension,
    input_width,
    integers,
    lie_count,
    low_rank_symmetric,
    output_width,
    quadratic_count,
    width,
)

WIDTHS = sp.IndexedBase("r")
LAYERS = sp.Symbol("L", integer=True, positive=True)


@dataclass(frozen=True)
class Widths(Domain):
    """Layer sizes: a list of integers >= 1, generic ones small."""

    def draw(self, rng: random.Random) -> list[int]:
        """Draw small widths."""
        return [rng.randint(1, 3) for _ in range(rng.randint(*self.sizes))]


widths = Parameter("widths", WIDTHS, "layer sizes from input to output", Widths("list", low=1.0, region=(1, 3), sizes=(3, 4)),
                   length=LAYERS)  # fmt: skip
bias = Parameter("bias", None, "biases in every layer", choice("with", "without")).with_default("without")
friction = Parameter("friction", sp.Symbol("tau", nonnegative=True), "friction tau", nonnegative(0.1, 2.0))
friction = friction.with_default(1.0)


INTEGRAL = Constraint(
    lambda v: len(v["widths"]) >= 3 and all(w == int(w) for w in v["widths"]),
    "widths must be at least three integers, for example 4,3,2; a network without hidden layer has no such law",
)


def _deep_allowed(values: dict[str, Any]) -> bool:
    w = integers(values["widths"])
    return (w[0] == w[-1] == 1) or all(b <= a + c for a, b, c in zip(w, w[1:], w[2:], strict=False))


def _derive_deep() -> Derivation:
    i = sp.Symbol("i", integer=True)
    per_layer, k = low_rank_symmetric()
    full = sp.factor(per_layer.subs(k, R))
    total = sp.Sum(full.subs(R, WIDTHS[i]), (i, 1, LAYERS - 2))
    parameters = sp.Sum(WIDTHS[i] * WIDTHS[i + 1], (i, 0, LAYERS - 2))
    scalar = sp.And(sp.Eq(WIDTHS[0], 1), sp.Eq(WIDTHS[LAYERS - 1], 1))
    return derivation(
        ("laws of one hidden layer", full, "W_(l+1)^T W_(l+1) - W_l W_l^T is any symmetric matrix"),
        ("one input and one output", parameters - 1, "a single feature: only its value changes along the flow"),
        ("independent laws", sp.Piecewise((parameters - 1, scalar), (total, True)), "sum over the hidden layers"),
    )


def _evaluate_deep(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    w = integers(values["widths"])
    if w[0] == w[-1] == 1:
        return sum(a * b for a, b in pairwise(w)) - 1
    return sum(r * (r + 1) // 2 for r in w[1:-1])


deep = counting_law(
    "deep_linear",
    "conservation laws of a deep linear network",
    "sum over hidden widths of r(r + 1)/2 if every hidden width is at most the sum of its neighbours; "
    "D - 1 for one input and one output",
    (widths,),
    _derive_deep,
    lambda widths: lie_count(chain(integers(widths), False, False)),
    (
        mutant_value("number of layers", lambda widths: len(widths) - 1),
        mutant_value("sum of r", lambda widths: sum(widths[1:-1])),
    ),
    evaluator=_evaluate_deep,
    constraints=(INTEGRAL, Constraint(_deep_allowed, "a hidden width exceeds the sum of its neighbours; "
                                      "use sgdlaws derive conservation-laws --architecture linear:...")),
    sources=(p.MARCOTTE,),
)  # fmt: skip


def _derive_relu() -> Derivation:
    i = sp.Symbol("i", integer=True)
    alone = quadratic_count(chain([2, 1, 2], True, True))
    pair = quadratic_count(chain([2, 2, 2], True, True)) - alone
    if alone != pair:
        raise DerivationError(f"a second unit of a layer adds {pair} laws, the first has {alone}.")
    return derivation(
        ("laws of one gated unit", sp.Integer(alone), "exact elimination: outgoing minus incoming minus bias"),
        ("independent laws", alone * sp.Sum(WIDTHS[i], (i, 1, LAYERS - 2)), "gates separate the units of a layer"),
    )


def _evaluate_relu(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    return sum(integers(values["widths"])[1:-1])


relu = counting_law(
    "relu",
    "conservation laws of a ReLU network",
    "one law for every hidden unit, with or without biases: |outgoing|^2 - |incoming|^2 - bias^2",
    (widths, bias),
    _derive_relu,
    lambda widths, bias: lie_count(chain(integers(widths), bias == "with", True)),
    (
        mutant_value("r(r+1)/2", lambda widths, bias: sum(r * (r + 1) / 2 for r in widths[1:-1])),
        mutant_value("units and biases", lambda widths, bias: 2 * sum(widths[1:-1])),
    ),
    evaluator=_evaluate_relu,
    constraints=(INTEGRAL,),
    sources=(p.MARCOTTE,),
    rungs=("algebra", "flow", "net"),
)


def _derive_quadratic() -> Derivation:
    alone = quadratic_count(quadratic(2, 1))
    pair = quadratic_count(quadratic(2, 2)) - alone
    if alone != pair:
        raise DerivationError(f"a second unit adds {pair} laws, the first has {alone}.")
    return derivation(
        ("laws of one unit", sp.Integer(alone), "exact elimination: |w|^2 - 2 a^2"),
        ("independent laws", alone * R, "units are exchangeable"),
    )


quadratic_law = counting_law(
    "quadratic_activation",
    "conservation laws of a network with quadratic activation",
    "sum_j a_j (w_j . x)^2, at least two inputs: one law |w_j|^2 - 2 a_j^2 for every unit",
    (dimension.within(integer(2, (2, 3))), width),
    _derive_quadratic,
    lambda dimension, width: lie_count(quadratic(int(dimension), int(width))),
    (
        mutant_result("|w|^2 - a^2 is no law", lambda value, **_: 0.0),
        mutant_result("2 r", lambda value, **_: 2 * value),
    ),
    rungs=("algebra", "flow"),
    gate_points=10,
)


def _derive_momentum() -> Derivation:
    a = sp.Matrix(2, 2, sp.symbols("b11 b12 b21 b22"))
    # (U exp(rho B), exp(-rho B) W) has the antisymmetric generator diag(B, -B) in (U, W) only if B is antisymmetric
    free = sp.solve([*(a + a.T)], list(a), dict=True)[0]
    left = len(a) - len(free)
    if left != 1:
        raise DerivationError(f"{left} antisymmetric generators at width 2 instead of one.")
    return derivation(
        ("antisymmetric generators at width 2", sp.Integer(left), "B + B^T = 0"),
        ("independent laws", sp.binomial(R, 2).expand(func=True), "one for every pair of hidden units, any friction"),
    )


_MOMENTUM_WIDTH = Constraint(
    lambda v: v["width"] <= v["input_width"] + v["output_width"],
    "width must be at most input_width + output_width; use sgdlaws derive conservation-laws --flow momentum",
)
momentum_law = counting_law(
    "momentum_two_layer_linear",
    "conservation laws of a two-layer linear network under momentum flow",
    "theta'' + tau theta' = -grad L, any tau >= 0: r(r - 1)/2 laws for r <= n + m",
    (input_width, width, output_width, friction),
    _derive_momentum,
    lambda input_width, width, output_width, friction: lie_count(
        chain(integers((input_width, width, output_width)), False, False), float(friction)
    ),
    (mutant_value("r(r+1)/2, the count of gradient flow", lambda input_width, width, output_width, friction:
                  width * (width + 1) / 2),),
    constraints=(NOT_SCALAR, _MOMENTUM_WIDTH),
    sources=(p.MARCOTTE, DERIVED),
    rungs=("algebra", "flow"),
    gate_points=10,
)  # fmt: skip


LAWS = (deep, relu, quadratic_law, momentum_law)
