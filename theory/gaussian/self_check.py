"""The guard of every closed form handed to a user: agreement with quadrature at random covariances."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError
from theory.gaussian.closed_form import ClosedForm
from theory.gaussian.existence import mean_exists
from theory.gaussian.numeric import form_function
from theory.gaussian.quadrature import expression_mean


def random_covariance(size: int, rng: random.Random) -> list[list[float]]:
    """Return a random well-conditioned covariance matrix with variances between about .5 and 1.5."""
    rows = [[rng.gauss(0, 1) for _ in range(size + 2)] for _ in range(size)]
    gram = [[sum(a * b for a, b in zip(r, s, strict=True)) / (size + 2) for s in rows] for r in rows]
    own = [rng.uniform(0.5, 1.2) for _ in range(size)]
    scale = [(own[i] / gram[i][i]) ** 0.5 for i in range(size)]
    mixed = [[0.85 * gram[i][j] * scale[i] * scale[j] for j in range(size)] for i in range(size)]
    return [[mixed[i][j] + (0.15 * own[i] if i == j else 0.0) for j in range(size)] for i in range(size)]


def numeric_form(form: Any, values: Mapping[Any, Any]) -> float:
    """Evaluate a closed form (its integral included) at numbers."""
    symbols = tuple(values)
    with mpmath.workdps(20):
        result = mpmath.mpmathify(form_function(form, symbols)(*(mpmath.mpf(float(values[s])) for s in symbols)))
    shown = {str(k): float(v) for k, v in values.items()}
    if not mpmath.isfinite(result):
        raise DerivationError(f"the closed form has no finite value at {shown}; choose another point.")
    if abs(result.imag) > 1e-10 * (1 + abs(result.real)):
        raise DerivationError(f"the closed form is complex at {shown}; the mean does not exist there.")
    return float(result.real)


def self_check(result: ClosedForm, points: int = 3, seed: int = 7) -> dict[str, Any]:
    """Compare a closed form with quadrature at random points; returns points, max_difference, passed."""
    rng = random.Random(seed)
    parameters = sorted(result.expression.free_symbols - set(result.variables), key=str)
    worst, allowed_all = 0.0, True
    for _ in range(points):
        given = {s: sp.Float(round(rng.uniform(0.3, 0.9), 3)) for s in parameters}
        matrix = random_covariance(len(result.variables), rng)
        n = len(matrix)
        # a growing exponential has a mean only at small variances, and its square must be tame for quadrature
        while not mean_exists(result.expression, result.variables, [[3 * c for c in row] for row in matrix], given):
            matrix = [[c / 3 for c in row] for row in matrix]
        values = {result.covariance[i, j]: matrix[i][j] for i in range(n) for j in range(i, n)} | given
        closed = numeric_form(result.form, values)
        value, error = expression_mean(result.expression.subs(given), result.variables, matrix)
        gap = abs(closed - value)
        worst = max(worst, gap)
        allowed_all = allowed_all and gap <= max(error, 1e-7 * (1 + abs(value))) and error < 1e-2 * (1 + abs(value))
    return {"points": points, "max_difference": worst, "passed": bool(allowed_all)}
