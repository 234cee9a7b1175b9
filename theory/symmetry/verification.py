"""Self-checks of found symmetries on random parameters and losses, and the certificate of completeness."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from theory.errors import DerivationError
from theory.symmetry.architectures import Model
from theory.symmetry.charges import Charge
from theory.symmetry.polynomials import gradient

POINTS = 20
LIMIT = 1e-9
Direction = Callable[[Sequence[float]], Sequence[float]]


def certificate(independent: int, total: int, known: bool) -> dict[str, Any]:
    """Return independent_laws, total_laws, total_is and certificate; ``known`` says that the Lie search was conclusive.

    >>> certificate(0, 3, True)["certificate"]
    'incomplete'
    """
    return {
        "independent_laws": independent,
        "total_laws": total if known else None,
        "total_is": "exact" if known else "upper_bound",
        "certificate": "unknown" if not known else ("complete" if independent == total else "incomplete"),
    }


def charge_direction(charge: Charge) -> Direction:
    """Return the gradient of a charge as a function of the parameters."""

    def value(point: Sequence[float]) -> list[float]:
        direction = [0.0] * len(point)
        for (i, j), c in charge.quadratic:
            direction[i] += c * point[j]
            direction[j] += c * point[i]
        for i, c in charge.linear:
            direction[i] += c
        return direction

    return value


def relative_residual(slope: Sequence[float], direction: Sequence[float]) -> float:
    """Return |slope . direction| relative to the sum of the absolute terms."""
    terms = [a * b for a, b in zip(slope, direction, strict=True)]
    scale = sum(map(abs, terms))
    return abs(sum(terms)) / scale if scale else 0.0


def worst_residual(model: Model, directions: Sequence[Direction]) -> float:
    """Return the largest relative |g . direction| over random parameters and losses (random weights of the features)."""
    rng = random.Random("self-check")
    size, worst = len(model.parameters), 0.0
    slopes = [gradient(f) for f in model.features]
    for _ in range(POINTS if directions else 0):
        point = [rng.uniform(-1.5, 1.5) for _ in range(size)]
        total = [0.0] * size
        for slope in slopes:
            weight = rng.gauss(0, 1)
            for i, poly in slope.items():
                total[i] += weight * _float_value(poly, point)
        worst = max(worst, *(relative_residual(total, direction(point)) for direction in directions))
    return worst


def self_check(model: Model, charges: Sequence[Charge]) -> dict[str, Any]:
    """Return points, max_residual and passed of all charges of a polynomial model.

    Raises DerivationError if a charge is not orthogonal to the gradients.
    """
    worst = worst_residual(model, [charge_direction(c) for c in charges])
    if worst > LIMIT:
        raise DerivationError(f"the self-check failed: |g . grad C| is {worst:.1e} of its scale, the limit is {LIMIT}.")
    return {"points": POINTS, "max_residual": worst, "passed": True}


def _float_value(poly: Mapping[Any, int], point: Sequence[float]) -> float:
    total = 0.0
    for monomial, c in poly.items():
        term = float(c)
        for v, e in monomial:
            term *= point[v] ** e
        total += term
    return total
