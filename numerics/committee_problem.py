"""A student-teacher problem, the overlaps that describe it, and the frame in which only they matter.

Fields are lambda = W x/sqrt(d) and nu = W* x/sqrt(d); the replica axis is last everywhere: W has shape (p, d, replicas),
Q (p, p, replicas), M (p, k, replicas).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from numerics.errors import NumericsError

Unit = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Committee:
    """A student-teacher problem: activations, second layers, rates.

    ``unit`` and ``slope`` act on student fields, ``teacher_unit`` on teacher fields. Time is step/d; ``second_rate``
    trains the second layer with rate eta2/d, ``decay`` shrinks what is trained by 1 - decay/d in every step.
    """

    unit: Unit
    slope: Unit
    teacher_unit: Unit
    teacher_overlap: Sequence[Sequence[float]]
    student_layer: Sequence[float]
    teacher_layer: Sequence[float]
    learning_rate: float
    noise_variance: float = 0.0
    batch: int = 1
    second_rate: float = 0.0
    decay: float = 0.0

    @property
    def students(self) -> int:
        """Number of students."""
        return len(self.student_layer)

    @property
    def teachers(self) -> int:
        """Number of teachers."""
        return len(self.teacher_layer)


@dataclass(frozen=True)
class Overlaps:
    """State of an ensemble: Q (p, p, R), M (p, k, R) and the second layer a (p, R)."""

    q: torch.Tensor
    m: torch.Tensor
    a: torch.Tensor

    def columns(self) -> torch.Tensor:
        """Return the independent components (Q upper triangle, M row by row), shape (components, R)."""
        p = self.q.shape[0]
        upper = [self.q[i, j] for i in range(p) for j in range(i, p)]
        return torch.stack([*upper, *self.m.reshape(-1, self.m.shape[-1])])


def frame(
    problem: Committee, q0: Sequence[Sequence[float]], m0: Sequence[Sequence[float]]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (L, A, B): teacher and student rows over sqrt(d) in an orthonormal frame, teacher first."""
    p, q, m = (torch.tensor(x, dtype=torch.float64) for x in (problem.teacher_overlap, q0, m0))
    lower = torch.linalg.cholesky(p)
    along = torch.linalg.solve_triangular(lower, m.T, upper=False).T
    rest = q - along @ along.T
    if float(torch.linalg.eigvalsh(rest).min()) < -1e-9:
        raise NumericsError("Q - M P^-1 M' has a negative eigenvalue; the overlaps belong to no weights.")
    return lower, along, semidefinite_factor(rest[..., None])[..., 0]


def semidefinite_factor(matrix: torch.Tensor) -> torch.Tensor:
    """Return the lower Cholesky factor of (n, n, R) positive semidefinite matrices; zero pivots give zero columns."""
    size = matrix.shape[0]
    zero = torch.zeros_like(matrix[0, 0])
    rows = [[zero] * size for _ in range(size)]
    for j in range(size):
        pivot = matrix[j, j]
        for k in range(j):
            pivot = pivot - rows[j][k] ** 2
        root = pivot.clamp(min=0.0).sqrt()
        inverse = torch.where(pivot > 1e-14 * matrix[j, j], 1.0 / root.clamp(min=1e-150), zero)
        rows[j][j] = root
        for i in range(j + 1, size):
            entry = matrix[i, j]
            for k in range(j):
                entry = entry - rows[i][k] * rows[j][k]
            rows[i][j] = entry * inverse
    return torch.stack([torch.stack(row) for row in rows])


def residual_of(
    problem: Committee, lam: torch.Tensor, nu: torch.Tensor, a: torch.Tensor, xi: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (residual, unit values) for fields (p, ..., R) and (k, ..., R)."""
    values = problem.unit(lam)
    shape = (-1,) + (1,) * (nu.ndim - 1)
    label = (torch.tensor(problem.teacher_layer, dtype=nu.dtype, device=nu.device).view(shape)
             * problem.teacher_unit(nu)).sum(0)  # fmt: skip
    weights = a if a.ndim == values.ndim else a[:, None, :]
    residual = label - (weights * values).sum(0)
    if xi is not None:
        residual = residual + problem.noise_variance**0.5 * xi
    return residual, values
