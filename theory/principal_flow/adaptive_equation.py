"""The modified equation of RMSProp and Adam for a given loss: closed to second order, numeric beyond."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.principal_flow.formal_orbit import adam_terms
from theory.principal_flow.model import (
    DECAY,
    DIGITS,
    EPSILON,
    LEARNING_RATE,
    MOMENTUM,
    evaluate_at,
    gradient_flow_field,
    on_series,
    require_agreement,
)
from theory.principal_flow.potential import gradient_flags, modified_loss


def adaptive_equation(
    method: str, order: int, losses: list[Any], symbols: tuple[Any, ...], point: dict[str, Any], placement: str
) -> dict[str, Any]:
    """Return the body of the result for rmsprop or adam."""
    inside = placement == "inside"
    body: dict[str, Any] = {
        "trees": [], "statement": _statement(inside), "field": None, "terms": None, "gradient_field": None,
        "modified_loss": None, "value": None, "epsilon_placement": placement,
    }  # fmt: skip
    if not losses:
        return body
    if order > 2 and not point:
        raise DomainError(f"{method} at order {order} has no printed form; give --at with all variables and settings.")
    terms = closed_terms(losses[0], symbols, inside, method == "adam")[:order]
    if order <= 2:
        body["field"] = [
            str(sp.Add(*[LEARNING_RATE**p * row[c] for p, row in enumerate(terms)])) for c in range(len(symbols))
        ]
        flags = gradient_flags(terms, symbols)
        body["gradient_field"] = flags
        body["modified_loss"] = modified_loss(None, terms, symbols) if all(flags) else None
    if point:
        with mpmath.workdps(DIGITS):
            numbers = _at_point(losses[0], symbols, point, order, inside, terms)
            h = mpmath.mpf(str(sp.N(point["learning_rate"], DIGITS)))
            body["terms"] = [[float(v) for v in row] for row in numbers]
            body["value"] = [float(sum(h**p * row[c] for p, row in enumerate(numbers))) for c in range(len(symbols))]
    return body


def _statement(inside: bool) -> str:
    root, part = ("sqrt(g_j^2 + epsilon)", "epsilon/R_j^2") if inside else ("|g_j| + epsilon", "epsilon/R_j")
    return (
        f"component j: -(1/R_j) (g_j + (h/2) k_j (H s)_j), s = g/R, R_j = {root}, "
        f"k_j = (1+b)/(1-b) - (1+r)/(1-r) + ((1+r)/(1-r)) {part}; steady state, no bias correction"
    )


def closed_terms(loss: Any, symbols: tuple[Any, ...], inside: bool, with_momentum: bool) -> list[list[Any]]:
    """The first two terms of the field as expressions."""
    g = [sp.diff(loss, v) for v in symbols]
    b = MOMENTUM if with_momentum else sp.S.Zero
    roots = [sp.sqrt(c**2 + EPSILON) if inside else sp.Abs(c) + EPSILON for c in g]
    unit = [c / w for c, w in zip(g, roots)]
    ratio = (1 + DECAY) / (1 - DECAY)
    second = []
    for c, w, v in zip(g, roots, symbols):
        k = (1 + b) / (1 - b) - ratio + ratio * EPSILON / (w**2 if inside else w)
        slope = sp.Add(*[sp.diff(c, other) * u for other, u in zip(symbols, unit)])
        second.append(-k * slope / (2 * w))
        del v
    return [[-u for u in unit], second]


def _at_point(
    loss: Any, symbols: tuple[Any, ...], point: dict[str, Any], order: int, inside: bool, terms: list[list[Any]]
) -> list[list[Any]]:
    values = tuple(point[str(v)] for v in symbols)
    taylor = gradient_flow_field(loss, symbols).taylor(values, order)
    zero = (0,) * len(symbols)
    if not inside and any(abs(t.get(zero, 0)) == 0 for t in taylor):
        raise DerivationError(
            "a gradient component is 0 at the point, where |g_j| + epsilon is not differentiable; move the point or "
            "use --epsilon-placement inside."
        )
    function = on_series(taylor)
    b, r, eps = (mpmath.mpf(str(sp.N(point.get(n, 0), DIGITS))) for n in ("momentum", "second_moment_decay", "epsilon"))
    orbit = adam_terms(
        lambda state: [-f for f in function(state)], [mpmath.mpf(0)] * len(symbols), order, b, r, eps, inside=inside
    )
    substitution = {**dict(zip(symbols, values)), MOMENTUM: point.get("momentum", 0)}
    substitution |= {DECAY: point["second_moment_decay"], EPSILON: point["epsilon"]}
    closed = [[evaluate_at(f, substitution) for f in row] for row in terms]
    require_agreement(closed, orbit[: len(closed)], "the field")
    return closed + orbit[len(closed) :]
