"""Charges e^{friction t} theta^T A v of theta'' + friction theta' = -grad L, one for every antisymmetric symmetry A."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_expression
from theory.symmetry.architectures import Model
from theory.symmetry.charges import antisymmetric_generators, antisymmetric_rank, linear_dimension
from theory.symmetry.elimination import Row
from theory.symmetry.law_text import written
from theory.symmetry.lie import lie_rank, momentum_fields
from theory.symmetry.polynomials import PRIME
from theory.symmetry.verification import LIMIT, POINTS, Direction, certificate, worst_residual


def read_friction(text: str | None) -> Fraction:
    """Read the friction coefficient (default 1), exactly.

    Raises ParseError for text that is no number, DomainError for a negative one.

    >>> read_friction("0.5")
    Fraction(1, 2)
    """
    if text is None:
        return Fraction(1)
    number = parse_expression(text, unknown="error")
    if not isinstance(number, sp.Rational) or int(number.q) % PRIME == 0:
        raise ParseError(f"friction {text[:40]!r} is no rational number; give for example 0.5.")
    value = Fraction(int(number.p), int(number.q))
    if value < 0:
        raise DomainError(f"friction {text} is negative; give a number >= 0.")
    return value


def momentum_records(generators: Sequence[Row], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the printed laws of antisymmetric generators given by their entries above the diagonal."""
    size = len(names)
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    records = []
    for row in generators:
        terms: list[tuple[str, int]] = []
        matrix = [[0] * size for _ in range(size)]
        for k, c in row.items():
            i, j = pairs[k]
            terms += [(f"{names[i]}*v_{names[j]}", c), (f"{names[j]}*v_{names[i]}", -c)]
            matrix[i][j], matrix[j][i] = c, -c
        records.append({
            "charge": f"exp(friction*t)*({written(terms)})", "generator": matrix, "direction": None, "kind": "matrix",
            "class": None, "eigenvalues": None, "discrete_law": None, "expected_law": None, "sde_law": None,
            "momentum_law": None,
        })  # fmt: skip
    return records


def momentum_charge_values(generators: Sequence[Row], point: Sequence[float], velocity: Sequence[float]) -> list[float]:
    """Return theta^T A v at t = 0."""
    size = len(point)
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    return [
        sum(c * (point[pairs[k][0]] * velocity[pairs[k][1]] - point[pairs[k][1]] * velocity[pairs[k][0]])
            for k, c in row.items())
        for row in generators
    ]  # fmt: skip


def momentum_laws(model: Model, friction: Fraction, point: dict[str, float] | None) -> dict[str, Any]:
    """Return the part of the result that belongs to the momentum flow, by the exact route."""
    size, names = len(model.parameters), model.parameters
    generators = antisymmetric_generators(model.features, size)
    independent = antisymmetric_rank(generators, size)
    number = friction.numerator * pow(friction.denominator, -1, PRIME) % PRIME
    total = 2 * size + 1
    search = lie_rank(momentum_fields(model.features, size, number), total, total - independent)
    records = momentum_records(generators, names)
    directions = [momentum_direction(row, size) for row in generators]
    values = None
    if point is not None:
        velocity = [point.get(f"v_{n}", 0.0) for n in names]
        values = momentum_charge_values(generators, [point[n] for n in names], velocity)
    worst = worst_residual(model, directions)
    if worst > LIMIT:
        raise DerivationError(
            f"the self-check failed: |g . A theta| is {worst:.1e} of its scale, the limit is {LIMIT}."
        )
    return {
        "linear_dimension": linear_dimension(model.features, size),
        "quadratic_dimension": len(generators),
        **certificate(independent, total - search.rank, search.reached or search.closed),
        "laws": records,
        "classes": [None] * len(records),
        "charges_at": values,
        "self_check": {"points": POINTS, "max_residual": worst, "passed": True},
    }


def momentum_direction(row: Row, size: int) -> Direction:
    """Return A theta as a function of theta."""
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]

    def value(point: Sequence[float]) -> list[float]:
        moved = [0.0] * size
        for k, c in row.items():
            i, j = pairs[k]
            moved[i] += c * point[j]
            moved[j] -= c * point[i]
        return moved

    return value
