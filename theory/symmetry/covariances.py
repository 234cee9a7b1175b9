"""Positive semi-definite matrices as parameters, and finite ensembles of noise with given second moments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import sympy as sp

from theory.parameter import Constraint, Domain, Parameter, real_list
from theory.symmetry.linear_algebra import psd, to_matrix, trace


@dataclass(frozen=True)
class Covariance(Domain):
    """Positive definite 2 x 2 matrices of trace two as generic points; any symmetric matrix may be given."""

    def draw(self, rng: random.Random) -> list[list[float]]:
        """Draw a matrix well away from singular ones."""
        a, b = rng.uniform(0.5, 1.5), rng.uniform(-0.4, 0.4)
        return [[a, b], [b, 2 - a]]


_DOMAIN = Covariance("matrix", region=(0.0, 1.0))
first_noise_matrix = Parameter("first_noise_matrix", None, "Gamma_U = E[G G^T], centred, d_y x d_y", _DOMAIN)
second_noise_matrix = Parameter("second_noise_matrix", None, "Gamma_W = E[G^T G], centred, d_x x d_x", _DOMAIN)
input_covariance = Parameter("input_covariance", None, "S_x = E x x^T", _DOMAIN)
residual_covariance = Parameter("residual_covariance", None, "S_e, covariance of the label noise", _DOMAIN)
first_weights = Parameter("first_weights", sp.IndexedBase("u"), "vector u (outgoing)", real_list(0.3, 1.5, (2, 2)))
second_weights = Parameter("second_weights", sp.IndexedBase("w"), "vector w (incoming)", real_list(0.3, 1.5, (2, 2)))


def _symmetric(rows: Sequence[Sequence[Any]]) -> bool:
    square = all(len(row) == len(rows) for row in rows)
    return square and all(abs(rows[i][j] - rows[j][i]) < 1e-9 for i in range(len(rows)) for j in range(i))


def covariance_constraint(*keys: str) -> Constraint:
    """Every named matrix must be symmetric and positive semi-definite."""
    return Constraint(
        lambda v: all(_symmetric(v[k]) and psd(to_matrix(v[k])) for k in keys),
        f"{' and '.join(keys)} must be symmetric and positive semi-definite; give a covariance matrix",
    )


def _rows(v: dict[str, Any], key: str) -> int:
    return len(v[key]) if key in v else 0


FACTOR_SHAPES = Constraint(
    lambda v: (
        len(v["first_factor"][0]) == len(v["second_factor"])
        and all(_rows(v, k) in (0, len(v["first_factor"])) for k in ("first_noise_matrix", "residual_covariance"))
        and all(_rows(v, k) in (0, len(v["second_factor"][0])) for k in ("second_noise_matrix", "input_covariance"))
    ),
    "the shapes do not fit: first_factor d_y x r, second_factor r x d_x, its noise d_y x d_y and d_x x d_x",
)
VECTOR_SHAPES = Constraint(
    lambda v: (
        _rows(v, "residual_covariance") in (0, len(v["first_weights"]))
        and ("second_weights" not in v or _rows(v, "input_covariance") in (0, len(v["second_weights"])))
    ),
    "the shapes do not fit: residual_covariance is d_y x d_y, input_covariance d_x x d_x",
)
SAME_TRACE = Constraint(
    lambda v: abs(trace(to_matrix(v["first_noise_matrix"])) / trace(to_matrix(v["second_noise_matrix"])) - 1) < 1e-6,
    "first_noise_matrix and second_noise_matrix need the same trace E|G|^2; scale one of them",
)


def factor_columns(matrix: Any) -> list[Any]:
    """Return vectors a_i with sum a_i a_i^T = matrix.

    >>> [[float(x) for x in a] for a in factor_columns(to_matrix([[4.0, 0.0], [0.0, 9.0]]))]
    [[2.0, 0.0], [0.0, 3.0]]
    """
    values, vectors = mpmath.eigsy(matrix)
    return [vectors[:, i] * mpmath.sqrt(abs(values[i])) for i in range(len(values))]


def atoms(matrix: Any) -> list[Any]:
    """Return equally likely vectors of mean zero with the given covariance."""
    columns = factor_columns(matrix)
    return [sign * mpmath.sqrt(len(columns)) * a for a in columns for sign in (1, -1)]


def matrix_atoms(first: Any, second: Any) -> list[Any]:
    """Return equally likely matrices G of mean zero with E G G^T = first and E G^T G = second (equal traces)."""
    left, right = factor_columns(first), factor_columns(second)
    size = mpmath.sqrt(len(left) * len(right) / trace(first))
    return [sign * size * a * b.T for a, b, sign in product(left, right, (1, -1))]
