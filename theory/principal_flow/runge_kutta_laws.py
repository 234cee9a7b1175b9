"""Tree coefficients of the modified equation of any Runge-Kutta method, for example extra-gradient steps."""

from __future__ import annotations

import functools
import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, matrix, real_list
from theory.principal_flow import symbols as s
from theory.source import DERIVED
from theory.trees import coefficient, display, from_levels, order_of, symmetry, trees
from theory.trees.grafting import modified_field
from theory.trees.rooted import Tree

_A, _W = sp.IndexedBase("A"), sp.IndexedBase("w")
_MATRIX = Parameter("stage_matrix", _A, "X_i = x + h sum_j A_ij f(X_j)", matrix(-0.9, 0.9, (2, 3)))
_WEIGHTS = Parameter(
    "stage_weights",
    _W,
    "x' = x + h sum_i w_i f(X_i)",
    real_list(-0.9, 0.9, (2, 3)),
    length=sp.Symbol("q", integer=True),
)


def _weight_symbol(tree: Tree) -> Any:
    return sp.Symbol(f"Phi({display(tree)})")


def _trees_to(order: int) -> list[Tree]:
    return [t for size in range(1, order + 1) for t in trees(size)]


@functools.cache
def _in_weights(tree: Tree) -> Any:
    """c(t) as a polynomial in the elementary weights of t and of smaller trees."""
    size = order_of(tree)
    series = modified_field(
        size,
        lambda j: sp.Rational(1, math.factorial(j)),
        lambda n, _: {t: _weight_symbol(t) / symmetry(t) for t in trees(n)},
    )
    return sp.expand(series[size].get(tree, sp.S.Zero))


def _steps(tree: Any) -> Derivation:
    t = from_levels(tree)
    return derivation(
        ("elementary weight", sp.Symbol("Phi(t) = sum_i w_i prod_c sum_j A_ij prod ..."), "one step is a B-series"),
        ("series of the step", _weight_symbol(t) / symmetry(t), "Phi(t)/sigma(t)"),
        ("coefficient", _in_weights(t), "e^D x = step, solved on trees by grafting"),
    )


def _elementary(tree: Tree, rows: Any, weights: Any) -> Any:
    """Phi(t): stages multiply over the children, each child summed through the matrix."""

    def stage(node: Tree) -> list[Any]:
        result = [mpmath.mpf(1)] * len(weights)
        for child in node:
            inner = stage(child)
            result = [r * mpmath.fdot(row, inner) for r, row in zip(result, rows)]
        return result

    return mpmath.fdot(weights, stage(tree))


def _value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    known = _trees_to(order_of(from_levels(values["tree"])))
    function = mp_function(derived.result, tuple(_weight_symbol(t) for t in known))

    def value() -> Any:
        rows, weights = to_mp(values["stage_matrix"]), to_mp(values["stage_weights"])
        return function(*(_elementary(t, rows, weights) for t in known))

    return converged(value, digits)


def _definition(tree: Any, stage_matrix: Any, stage_weights: Any) -> Any:
    """Literal steps of the method on the triangular system of the tree, and Newton's logarithm of the iterates."""
    t = from_levels(tree)
    size = order_of(t)

    def orbit(node: Tree) -> tuple[list[Any], list[list[Any]]]:
        """Iterates of a node from 0, and the slopes of its stages at every step."""
        children = [orbit(child) for child in node]
        values, slopes = [mpmath.mpf(0)], []
        for k in range(size):
            stages = [mpmath.fprod(x[k] + mpmath.fdot(row, inner[k]) for x, inner in children) for row in stage_matrix]
            slopes.append(stages)
            values.append(values[-1] + mpmath.fdot(stage_weights, stages))
        return values, slopes

    values = orbit(t)[0]
    total = mpmath.mpf(0)
    for m in range(1, size + 1):
        difference = sum((-1) ** (m - k) * math.comb(m, k) * values[k] for k in range(m + 1))
        total += (-1) ** (m + 1) * difference / m
    return total / symmetry(t)


def _scaled_descent(tree: Any, stage_matrix: Any, stage_weights: list[float]) -> float:
    t = from_levels(tree)
    return float(coefficient(t)) * sum(stage_weights) ** order_of(t)


def _no_logarithm(tree: Any, stage_matrix: Any, stage_weights: Any) -> float:
    t = from_levels(tree)
    return float(_elementary(t, to_mp(stage_matrix), to_mp(stage_weights))) / symmetry(t)


RUNGE_KUTTA = Law(
    id="principal_flow.tree_coefficient.runge_kutta",
    title="Coefficient of a rooted tree in the modified equation of a Runge-Kutta method",
    statement="thetadot = sum_t h^(|t|-1) c(t) F(t) for any tableau, explicit or implicit: c(t) is a polynomial in the "
    "elementary weights Phi of t and of smaller trees",
    quantity=sp.Function("c")(sp.Symbol("t")),
    parameters=(s.tree_parameter(5), _MATRIX, _WEIGHTS),
    derive=_steps,
    definition=_definition,
    sources=(s.HAIRER, DERIVED),
    mutants=(
        mutant_value("gradient descent with h sum(w)", _scaled_descent),
        mutant_value("Phi/sigma without the logarithm", _no_logarithm),
    ),
    rungs=("algebra", "flow"),
    structure=("tree",),
    display={"tree": (0, 1, 1)},
    evaluator=_value,
    constraints=(
        Constraint(
            lambda v: (
                len(v["stage_weights"]) == len(v["stage_matrix"])
                and all(len(row) == len(v["stage_weights"]) for row in v["stage_matrix"])
            ),
            "stage_matrix must be square with one row per stage weight",
        ),
        Constraint(
            lambda v: len(v["tree"]) <= 7,
            "tree must have at most 7 nodes: its polynomial in elementary weights is long",
        ),
    ),
    priority="C",
)

LAWS = (RUNGE_KUTTA,)
