"""`sgdlaws derive modified-equation`: the modified equation of a method, on trees or for a user's loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.principal_flow import adaptive_equation, batch_equation
from theory.principal_flow.differentials import combine, numeric_differentials, symbolic_differentials
from theory.principal_flow.formal_orbit import Series, euler_terms, flow_series, map_terms, momentum_terms
from theory.principal_flow.model import (
    DIGITS,
    LEARNING_RATE,
    MOMENTUM,
    VectorField,
    gradient_flow_field,
    on_series,
    read_expression,
    read_point,
    read_variables,
    require_agreement,
    require_complete,
    require_settings,
)
from theory.principal_flow.potential import modified_loss, tree_gradient_flags
from theory.trees import coefficient, density, display, levels, modifying_coefficient, order_of, symmetry, trees
from theory.trees.coefficients import MOMENTUM as TREE_MOMENTUM
from theory.trees.coefficients import proximal_coefficient
from theory.trees.grafting import heavy_ball_field, nesterov_field
from theory.trees.rooted import Tree

TREE_METHODS = ("gd", "heavy-ball", "nesterov", "proximal")
ALL_METHODS = (*TREE_METHODS, "sgd-shuffled", "sgd-iid", "rmsprop", "adam")
_MOMENTUM = ("heavy-ball", "nesterov", "adam")
_LARGEST = {"gd": 10, "proximal": 10, "heavy-ball": 8, "nesterov": 8, "sgd-shuffled": 2, "sgd-iid": 2}
_FIELD = "thetadot = sum_t learning_rate^(|t|-1) c(t) F(t), F(t) = (-1)^|t| times derivatives of E contracted along t"
_WORDS = {
    "gd": "-g - (h/2) H g - h^2 (H^2 g/3 + T(g,g)/12) - h^3 (H^3 g/4 + T(g,Hg)/12 + H T(g,g)/12) - ...",
    "inverse": "-g + (h/2) H g - h^2 (H^2 g + T(g,g))/6 + ...: fed to gradient descent it follows the gradient flow",
    "proximal": "-g + (h/2) H g - h^2 (H^2 g/3 + T(g,g)/12) + ...",
    "heavy-ball": "-g/(1-b) - (h/2) (1+b)/(1-b)^3 H g - ..., on the slow manifold",
    "nesterov": "-g/(1-b) - (h/2) (1-b+2b^2)/(1-b)^3 H g - ..., on the slow manifold",
}


def _tree_coefficient(method: str, inverse: bool) -> Callable[[Tree], Any]:
    if inverse:
        return modifying_coefficient
    if method == "proximal":
        return proximal_coefficient
    return lambda t: coefficient(t, method).subs(TREE_MOMENTUM, MOMENTUM)


def settings_of(method: str) -> tuple[str, ...]:
    """Names of the settings which a method needs."""
    names = ("learning_rate",) + (("momentum",) if method in _MOMENTUM else ())
    return names + (("second_moment_decay", "epsilon") if method in ("adam", "rmsprop") else ())


def derive_modified_equation(
    method: str,
    order: int,
    *,
    losses: Sequence[str] = (),
    fields: Sequence[str] = (),
    variables: str = "",
    at: str = "",
    epsilon_placement: str = "inside",
    inverse: bool = False,
) -> dict[str, Any]:
    """Return the modified equation of ``method`` with ``order`` terms.

    Parameters
    ----------
    method : gd, heavy-ball, nesterov, proximal, sgd-shuffled, sgd-iid, rmsprop or adam
    losses : one loss, or one per batch (sgd-*); fields : instead of a loss, one expression per variable
    variables : names, ``x,y``; at : ``x=0.2,y=1.1,learning_rate=0.03``
    epsilon_placement : inside or outside the root (rmsprop, adam); inverse : the modifying integrator (gd)

    Raises TheoryError (DomainError, ParseError, DerivationError) for anything that does not apply.

    >>> derive_modified_equation("gd", 3)["value"]
    [[1.0], [-0.5], [0.3333333333333333, 0.08333333333333333]]
    """
    _require_request(method, order, losses, fields, epsilon_placement, inverse)
    symbols = read_variables(variables) if losses or fields else ()
    names = tuple(map(str, symbols)) + settings_of(method)
    if losses or fields:
        point = read_point(at, names)
        if point:
            require_complete(point, names)
    else:
        point = read_point(at, settings_of(method))
    require_settings(point)
    expressions = [read_expression(text, symbols) for text in (losses or fields)]
    if fields and len(fields) != len(symbols):
        raise DomainError(
            f"{len(fields)} fields are given for {len(symbols)} variables; give one --field per variable."
        )
    if method.startswith("sgd"):
        body = batch_equation.batch_equation(method == "sgd-shuffled", order, expressions, symbols, point)
    elif method in ("adam", "rmsprop"):
        body = adaptive_equation.adaptive_equation(method, order, expressions, symbols, point, epsilon_placement)
    else:
        body = _tree_equation(method, order, expressions, symbols, point, inverse, bool(fields))
    return {"method": method, "order": order, "inverse": inverse, **body, "next_order": order}


def _require_request(
    method: str, order: int, losses: Sequence[str], fields: Sequence[str], placement: str, inverse: bool
) -> None:
    if method not in ALL_METHODS:
        raise DomainError(f"method {method!r} is unknown; choose one of {', '.join(ALL_METHODS)}.")
    largest = _LARGEST.get(method, 6)
    if not 1 <= order <= largest:
        raise DomainError(f"order {order} is outside 1..{largest}, the limits of {method}; order counts terms.")
    if placement not in ("inside", "outside"):
        raise DomainError(f"epsilon placement {placement!r} is unknown; choose inside or outside.")
    if inverse and method != "gd":
        raise DomainError(f"the modifying integrator exists here for gd only, not for {method}; drop --inverse.")
    if losses and fields:
        raise DomainError("both a loss and a field are given; give one of them.")
    if fields and method not in TREE_METHODS:
        raise DomainError(f"{method} needs a loss, not a field; give --loss.")
    if method.startswith("sgd") and len(losses) == 1:
        raise DomainError(f"{method} has 1 loss; give --loss once per batch, at least twice.")
    if not method.startswith("sgd") and len(losses) > 1:
        raise DomainError(f"{method} takes one loss, {len(losses)} are given; give --loss once.")


def _tree_equation(
    method: str,
    order: int,
    expressions: list[Any],
    symbols: Any,
    point: dict[str, Any],
    inverse: bool,
    given_field: bool,
) -> dict[str, Any]:
    coefficients = _tree_coefficient(method, inverse)
    rows = [_tree_row(t, coefficients(t)) for size in range(1, order + 1) for t in trees(size)]
    if not inverse and method != "proximal":
        _recheck_trees(method, min(order, 5))
    result: dict[str, Any] = {
        "trees": rows, "statement": _FIELD + "; " + _WORDS["inverse" if inverse else method],
        "field": None, "terms": None, "gradient_field": None, "modified_loss": None, "value": None,
    }  # fmt: skip
    b = point.get("momentum")
    if not expressions:
        if method in ("gd", "proximal") or b is not None:
            result["value"] = [
                [float(sp.sympify(coefficients(t)).subs(MOMENTUM, b or 0)) for t in trees(size)]
                for size in range(1, order + 1)
            ]
        return result
    field = VectorField(tuple(expressions), symbols) if given_field else gradient_flow_field(expressions[0], symbols)
    _require_size(field, order)
    terms = combine(symbolic_differentials(field), order, coefficients, lambda parts: sp.Add(*parts))
    terms = [[tidy(component, symbols) for component in row] for row in terms]
    truncated = [sp.Add(*[LEARNING_RATE**p * row[c] for p, row in enumerate(terms)]) for c in range(len(symbols))]
    result["field"] = [str(component) for component in truncated]
    flags = tree_gradient_flags(field, order, coefficients)
    result["gradient_field"] = flags
    if all(flags):
        loss = None if given_field else expressions[0]
        result["modified_loss"] = modified_loss(loss, terms, symbols)
    if point:
        values = tuple(point[str(v)] for v in symbols)
        with mpmath.workdps(DIGITS):
            numbers = _numeric_terms(field, values, order, coefficients, b)
            require_agreement(numbers, _other_route(field, values, order, method, b, inverse), "the field")
            h = mpmath.mpf(str(sp.N(point["learning_rate"], DIGITS)))
            result["terms"] = [[float(v) for v in row] for row in numbers]
            result["value"] = [float(sum(h**p * row[c] for p, row in enumerate(numbers))) for c in range(len(symbols))]
    return result


def _tree_row(tree: Tree, value: Any) -> dict[str, Any]:
    return {
        "tree": display(tree), "levels": list(levels(tree)), "order": order_of(tree), "symmetry": symmetry(tree),
        "density": density(tree), "coefficient": str(value), "b_coefficient": str(symmetry(tree) * value),
    }  # fmt: skip


def _require_size(field: VectorField, order: int) -> None:
    # Above this a symbolic field has millions of terms.
    size = field.dimension ** max(0, order - 2)
    if size > 64:
        raise DerivationError(
            f"the field of {field.dimension} variables at order {order} is too large to print; lower --order to "
            f"{next(n for n in range(order, 0, -1) if field.dimension ** max(0, n - 2) <= 64)} or fewer variables."
        )


def tidy(expression: Any, symbols: Any) -> Any:
    """Collect a polynomial; leave other expressions as they are."""
    if expression.is_polynomial(*symbols):
        collected = sp.Poly(expression, *symbols)
        return sp.Add(*[sp.factor(c) * sp.Mul(*[v**e for v, e in zip(symbols, m)]) for m, c in collected.terms()])
    return expression


def _numeric_terms(field: VectorField, values: Any, order: int, coefficients: Any, b: Any) -> list[list[Any]]:
    def number(tree: Tree) -> Any:
        value = sp.sympify(coefficients(tree)).subs(MOMENTUM, b if b is not None else 0)
        return mpmath.mpf(int(value.p)) / int(value.q) if value.is_Rational else mpmath.mpf(str(sp.N(value, DIGITS)))

    return combine(numeric_differentials(field, values), order, number)


def _other_route(field: VectorField, values: Any, order: int, method: str, b: Any, inverse: bool) -> list[list[Any]]:
    """The same terms without trees: logarithm of iterates, formal orbit, or the exact flow for the inverse."""
    function = on_series(field.taylor(values, order))
    start = [mpmath.mpf(0)] * field.dimension
    if inverse:
        flow = flow_series(lambda state, _: function(state), start, order)
        return [[component.term(power) for component in flow] for power in range(1, order + 1)]
    if method == "gd":
        return euler_terms(function, start, order)
    if method == "proximal":
        return map_terms(_implicit(function, order), start, order)
    momentum = mpmath.mpf(str(sp.N(b, DIGITS)))
    return momentum_terms(function, start, order, momentum, nesterov=method == "nesterov")


def _implicit(function: Any, order: int) -> Any:
    def step(state: list[Any], size: Series) -> list[Any]:
        after = state
        for _ in range(order):
            # Each pass fixes one more power of the learning rate.
            after = [a + size * f for a, f in zip(state, function(after))]
        return after

    return step


def _recheck_trees(method: str, order: int) -> None:
    """The printed coefficients against the operator equation on trees, at a rational momentum."""
    momentum = Fraction(0) if method == "gd" else Fraction(5, 13)
    series = (nesterov_field if method == "nesterov" else heavy_ball_field)(order, momentum)
    rational = sp.Rational(momentum.numerator, momentum.denominator)
    for size in range(1, order + 1):
        for t in trees(size):
            other = series[size].get(t, Fraction(0))
            printed = coefficient(t, method).subs(TREE_MOMENTUM, rational)
            if Fraction(int(printed.p), int(printed.q)) != other:
                raise DerivationError(f"the re-check of the tree {display(t)} fails; nothing is printed.")
