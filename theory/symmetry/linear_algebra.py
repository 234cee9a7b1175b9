"""Small dense mpmath matrices of laws whose values are matrices of any shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from theory.errors import DomainError


def to_matrix(rows: Any) -> Any:
    """Return an mpmath matrix of nested lists."""
    return mpmath.matrix(rows)


def to_lists(m: Any) -> list[list[Any]]:
    """Return nested lists of an mpmath matrix."""
    return [[m[i, j] for j in range(m.cols)] for i in range(m.rows)]


def trace(m: Any) -> Any:
    """Return the trace."""
    return mpmath.fsum(m[i, i] for i in range(m.rows))


def symmetric_function(m: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the eigenvalues of a symmetric matrix."""
    values, vectors = mpmath.eigsy((m + m.T) / 2)
    return vectors * mpmath.diag([function(v) for v in values]) * vectors.T


def psd(m: Any) -> bool:
    """Whether a symmetric matrix is positive semi-definite (up to rounding)."""
    values = mpmath.eigsy((m + m.T) / 2, eigvals_only=True)
    return min(values) >= -1e-10 * max(1, max(abs(v) for v in values))


def require_positive(m: Any, what: str) -> Any:
    """Return the matrix, or raise DomainError if it is not positive definite."""
    values = mpmath.eigsy((m + m.T) / 2, eigvals_only=True)
    if min(values) <= 1e3 * mpmath.eps * max(values):
        raise DomainError(
            f"{what} is not positive definite (smallest eigenvalue {mpmath.nstr(min(values), 4)}); "
            "no finite equilibrium exists; give noise in every direction or weight decay > 0."
        )
    return m
