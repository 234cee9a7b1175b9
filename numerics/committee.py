"""Online SGD of a two-layer student on a two-layer teacher: brute force, and the projected chain, exact in law.

Fields are lambda = W x/sqrt(d) and nu = W* x/sqrt(d). The student changes by c x^T/sqrt(d) with c a function of the
fields and the label noise, so only the frame spanned by student and teacher matters: in it the coordinates of a
Gaussian input are standard normal, and the rest of the input enters through a chi-squared length. The projected chain
simulates this in p + k coordinates, at any dimension d and at a cost that does not depend on d.

The replica axis is last everywhere: W has shape (p, d, replicas), Q (p, p, replicas), M (p, k, replicas).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from numerics.ensemble import Chunk
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


def _residual(
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


def _mix(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Return sum_j matrix_ij vector_j for (n, m, R) and (m, R) or (m, b, R)."""
    if vector.ndim == 3:
        return (matrix[:, :, None, :] * vector[None]).sum(1)
    return (matrix * vector[None]).sum(1)


def projected_chain(
    chunk: Chunk,
    problem: Committee,
    q0: Sequence[Sequence[float]],
    m0: Sequence[Sequence[float]],
    dimension: float,
    steps: int,
    *,
    mean_length: bool = False,
    observe: Callable[[int, Overlaps], None] | None = None,
    drive: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], None] | None = None,
) -> Overlaps:
    """Run online SGD in the frame of student and teacher; the same law as brute force at every d, B and rate.

    ``mean_length`` replaces the chi-squared length by its mean (a wrong chain, the negative control of tests).
    ``observe(step, overlaps)`` is called before the first and after every step, ``drive(z_teacher, z_student, xi)``
    with the random numbers of every step.

    Raises NumericsError unless d >= p + k + B (the directions orthogonal to the frame must exist).
    """
    p, k, size, r = problem.students, problem.teachers, problem.batch, chunk.replicas
    free = dimension - p - k
    if free < max(p, 1):
        raise NumericsError(
            f"dimension {dimension:g} is too small for {p} students and {k} teachers; give >= {2 * p + k}."
        )
    lower, along, own = (x.to(chunk.device) for x in frame(problem, q0, m0))
    left = along[..., None].expand(p, k, r).clone()
    right = own[..., None].expand(p, p, r).clone()
    layer = torch.tensor(problem.student_layer, dtype=torch.float64, device=chunk.device)[:, None].expand(p, r).clone()
    shrink = 1.0 - problem.decay / dimension
    rate, second = problem.learning_rate / dimension, problem.second_rate / dimension

    def state() -> Overlaps:
        return Overlaps(
            (left[:, None] * left[None]).sum(2) + (right[:, None] * right[None]).sum(2),
            (left[:, None] * lower[None, :, :, None]).sum(2),
            layer,
        )

    if observe is not None:
        observe(0, state())
    for step in range(1, steps + 1):
        z = _normals(chunk, p + k, size, r)
        zp, zk = z[:k], z[k:]
        lam = _mix(left, zp) + _mix(right, zk)
        nu = _mix(lower[..., None], zp)
        xi = _normals(chunk, 1, size, r)[0] if problem.noise_variance else None
        if drive is not None:
            drive(zp, zk, xi)
        residual, values = _residual(problem, lam, nu, layer, xi)
        weights = layer if size == 1 else layer[:, None, :]
        g = (rate / size) * weights * residual * problem.slope(lam)
        if size == 1:
            left, moved = left * shrink + g[:, None] * zp[None], right * shrink + g[:, None] * zk[None]
            length = torch.full((r,), free, dtype=torch.float64) if mean_length else chunk.chi_squared(free, r)
            outer = g[:, None] * g[None] * length
        else:
            left = left * shrink + (g[:, None] * zp[None]).sum(2)
            moved = right * shrink + (g[:, None] * zk[None]).sum(2)
            scale = semidefinite_factor((g[:, None] * g[None]).sum(2))
            half = _mix3(scale, _bartlett(chunk, free, p, r, mean_length))
            outer = (half[:, None] * half[None]).sum(2)
        right = semidefinite_factor((moved[:, None] * moved[None]).sum(2) + outer)
        if second:
            push = residual * values if size == 1 else (residual * values).mean(1)
            layer = layer * shrink + second * push
        if observe is not None:
            observe(step, state())
    return state()


def _normals(chunk: Chunk, fields: int, batch: int, replicas: int) -> torch.Tensor:
    shape = (fields, replicas) if batch == 1 else (fields, batch, replicas)
    return chunk.normal(*shape)


def _mix3(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a[:, :, None] * b[None]).sum(1)


def _bartlett(chunk: Chunk, degrees: float, size: int, replicas: int, mean_length: bool) -> torch.Tensor:
    """Return lower triangular T (size, size, R) with T T' Wishart distributed (Bartlett)."""
    t = torch.zeros(size, size, replicas, dtype=torch.float64, device=chunk.device)
    for i in range(size):
        length = (torch.full((replicas,), degrees - i, dtype=torch.float64) if mean_length
                  else chunk.chi_squared(degrees - i, replicas))  # fmt: skip
        t[i, i] = length.sqrt()
        for j in range(i):
            t[i, j] = chunk.normal(replicas)
    return t


def brute_force(
    chunk: Chunk,
    problem: Committee,
    q0: Sequence[Sequence[float]],
    m0: Sequence[Sequence[float]],
    dimension: int,
    steps: int,
    *,
    inputs: torch.Tensor | None = None,
) -> Overlaps:
    """Run online SGD on d-dimensional weights, with Gaussian inputs or with rows of ``inputs`` drawn with replacement.

    All replicas start at the given overlaps. With real inputs student and teacher lie in a random common frame, drawn
    per replica; with Gaussian inputs the first coordinates are the frame, which is the same in law.
    """
    p, k = problem.students, problem.teachers
    if dimension < p + k:
        raise NumericsError(f"dimension {dimension} is smaller than the {p + k} units; give >= {p + k}.")
    # A block whose weights stay in the second-level cache from one step to the next.
    block = min(chunk.replicas, max(64, _BLOCK_ENTRIES // (p * dimension)))
    parts = [
        _brute_block(
            chunk, min(block, chunk.replicas - first), problem, frame(problem, q0, m0), dimension, steps, inputs
        )
        for first in range(0, chunk.replicas, block)
    ]
    return Overlaps(*(torch.cat([getattr(part, name) for part in parts], -1) for name in ("q", "m", "a")))


_BLOCK_ENTRIES = 1 << 18


def _brute_block(
    chunk: Chunk,
    r: int,
    problem: Committee,
    start: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    dimension: int,
    steps: int,
    inputs: torch.Tensor | None,
) -> Overlaps:
    """Run ``r`` replicas; weights are (units, d, r) and updated in place."""
    p, k, size = problem.students, problem.teachers, problem.batch
    lower, along, own = (x.to(chunk.device) for x in start)
    rows = torch.cat([torch.cat([lower, lower.new_zeros(k, p)], 1), torch.cat([along, own], 1)])
    scale = dimension**0.5
    if inputs is None:
        weights = torch.zeros(p + k, dimension, r, dtype=torch.float64, device=chunk.device)
        weights[:, : p + k] = scale * rows[..., None]
    else:
        axes = torch.linalg.qr(chunk.normal(r, dimension, p + k)).Q
        weights = scale * torch.einsum("uf,rdf->udr", rows, axes).contiguous()
    # With Gaussian inputs the teacher has no entries beyond its first k coordinates.
    seen = k if inputs is None else dimension
    teacher, student = weights[:k, :seen].contiguous(), weights[k:].contiguous()
    layer = torch.tensor(problem.student_layer, dtype=torch.float64, device=chunk.device)[:, None].expand(p, r).clone()
    shrink = 1.0 - problem.decay / dimension
    rate, second = problem.learning_rate / scale, problem.second_rate / dimension
    product = torch.empty_like(student[0])
    changed = student if size == 1 else student.clone()
    for _ in range(steps):
        push = torch.zeros_like(layer)
        for sample in range(size):
            x = _input(chunk, inputs, dimension, r)
            lam = torch.stack([torch.mul(w, x, out=product).sum(0) for w in student]) / scale
            nu = (teacher * x[:seen]).sum(1) / scale
            xi = chunk.normal(r) if problem.noise_variance else None
            residual, values = _residual(problem, lam, nu, layer, xi)
            c = (rate / size) * layer * residual * problem.slope(lam)
            if problem.decay and sample == 0:
                changed.mul_(shrink)
            for unit, own_rate in zip(changed, c, strict=True):
                unit.addcmul_(own_rate, x)
            push += residual * values / size
        if size > 1:
            student.copy_(changed)
        if second:
            layer = layer * shrink + second * push
    return Overlaps(
        torch.einsum("idr,jdr->ijr", student, student) / dimension,
        torch.einsum("idr,jdr->ijr", student[:, :seen], teacher) / dimension,
        layer,
    )


def _input(chunk: Chunk, inputs: torch.Tensor | None, dimension: int, replicas: int) -> torch.Tensor:
    if inputs is None:
        return chunk.normal(dimension, replicas, dtype=torch.float32).to(torch.float64)
    return inputs[chunk.integers(inputs.shape[0], replicas)].T.contiguous()
