"""The mean modified equation of minibatch SGD for given batch losses: shuffled or iid, to second order."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.principal_flow.formal_orbit import Series
from theory.principal_flow.model import (
    DIGITS,
    LEARNING_RATE,
    VectorField,
    evaluate_at,
    gradient_flow_field,
    on_series,
    require_agreement,
)

_STATEMENTS = {
    True: "mean over permutations of an epoch of m batches, time m h: -gbar - (h/2) mean_k(H_k g_k)",
    False: "mean over independent draws, m steps, time m h: -gbar - (h/2) Hbar gbar",
}


def batch_equation(
    shuffled: bool, order: int, losses: list[Any], symbols: tuple[Any, ...], point: dict[str, Any]
) -> dict[str, Any]:
    """Return the body of the result for sgd-shuffled or sgd-iid."""
    body: dict[str, Any] = {
        "trees": [], "statement": _STATEMENTS[shuffled], "field": None, "terms": None, "gradient_field": None,
        "modified_loss": None, "value": None,
    }  # fmt: skip
    if not losses:
        return body
    count = len(losses)
    mean = sp.Add(*losses) / count
    squares = [sp.Add(*[sp.diff(e, v) ** 2 for v in symbols]) for e in (losses if shuffled else [mean])]
    # Both means are gradients: H_k g_k is half the gradient of |g_k|^2.
    regulariser = sp.Add(*squares) / (4 * len(squares))
    potentials = [mean, regulariser][:order]
    terms = [[-sp.diff(p, v) for v in symbols] for p in potentials]
    body["field"] = [
        str(sp.Add(*[LEARNING_RATE**p * row[c] for p, row in enumerate(terms)])) for c in range(len(symbols))
    ]
    body["gradient_field"] = [True] * order
    body["modified_loss"] = str(sp.Add(*[LEARNING_RATE**p * e for p, e in enumerate(potentials)]))
    if point:
        values = tuple(point[str(v)] for v in symbols)
        with mpmath.workdps(DIGITS):
            numbers = [[evaluate_at(f, dict(zip(symbols, values))) for f in row] for row in terms]
            if count <= (5 if shuffled else 4):
                fields = [gradient_flow_field(e, symbols) for e in losses]
                require_agreement(numbers, _enumerated(fields, values, shuffled)[:order], "the mean over orders")
            h = mpmath.mpf(str(sp.N(point["learning_rate"], DIGITS)))
            body["terms"] = [[float(v) for v in row] for row in numbers]
            body["value"] = [float(sum(h**p * row[c] for p, row in enumerate(numbers))) for c in range(len(symbols))]
    return body


def _enumerated(fields: list[VectorField], values: Any, shuffled: bool) -> list[list[Any]]:
    """Mean displacement of an epoch over all orders, less what a flow of the mean field moves to second order."""
    count, size = len(fields), fields[0].dimension
    taylors = [f.taylor(values, 1) for f in fields]
    functions = [on_series(t) for t in taylors]
    orders = list(itertools.permutations(range(count)) if shuffled else itertools.product(range(count), repeat=count))
    first, second = [mpmath.mpf(0)] * size, [mpmath.mpf(0)] * size
    for order in orders:
        state = [Series((mpmath.mpf(0),), 2)] * size
        for index in order:
            state = [a + Series((0, 1), 2) * f for a, f in zip(state, functions[index](state))]
        first = [a + s.term(1) for a, s in zip(first, state)]
        second = [a + s.term(2) for a, s in zip(second, state)]
    f1 = [a / (len(orders) * count) for a in first]
    unit = [tuple(int(v == c) for v in range(size)) for c in range(size)]
    slope = [sum(sum(t[c].get(unit[v], 0) for t in taylors) / count * f1[v] for v in range(size)) for c in range(size)]
    f2 = [(a / len(orders) - mpmath.mpf(count) ** 2 / 2 * b) / count for a, b in zip(second, slope)]
    return [f1, f2]
