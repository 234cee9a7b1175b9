"""The projected chain: online SGD of a committee in the frame of student and teacher, exact in law at any dimension.

In an orthonormal frame of the p + k weight vectors the coordinates of a Gaussian input are standard normal, and the
rest of the input enters through an independent chi-squared length. One step costs the same at d = 100 and d = 1e8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from numerics.committee_problem import Committee, Overlaps, frame, residual_of, semidefinite_factor
from numerics.ensemble import Chunk
from numerics.errors import NumericsError

_BLOCK_DRAWS = 1 << 16


def projected_chain(
    chunk: Chunk,
    problem: Committee,
    q0: Sequence[Sequence[float]],
    m0: Sequence[Sequence[float]],
    dimension: float,
    steps: int,
    *,
    mean_length: bool = False,
    observe: Callable[[int, Overlaps], bool | None] | None = None,
    every: int = 1,
    drive: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], None] | None = None,
) -> Overlaps:
    """Run online SGD in the frame of student and teacher; the same law as brute force at every d, B and rate.

    ``mean_length`` replaces the chi-squared length by its mean (a wrong chain, the negative control of tests).
    ``observe(step, overlaps)`` is called before the first step and after each ``every`` steps and ends the run by
    returning True; ``drive(z_teacher, z_student, xi)`` is called with the random numbers of every step.

    Raises NumericsError unless d >= 2 p + k (the directions orthogonal to the frame must exist).
    """
    p, k = problem.students, problem.teachers
    free = dimension - p - k
    if free < max(p, 1):
        raise NumericsError(
            f"dimension {dimension:g} is too small for {p} students and {k} teachers; give >= {2 * p + k}."
        )
    chain = _Chain(chunk, problem, q0, m0, dimension)
    if observe is not None and observe(0, chain.overlaps()):
        return chain.overlaps()
    advance = chain.one if problem.batch == 1 else chain.many
    for step, (z, xi, length) in enumerate(_noise(chunk, problem, free, steps, mean_length), 1):
        if drive is not None:
            drive(z[:k], z[k:], xi)
        advance(z, xi, length)
        if observe is not None and step % every == 0 and observe(step, chain.overlaps()):
            break
    return chain.overlaps()


class _Chain:
    """State of the chain: rows [A | B | scratch] of the student in the frame, (p, k + p + 1, R), and its layer."""

    def __init__(
        self,
        chunk: Chunk,
        problem: Committee,
        q0: Sequence[Sequence[float]],
        m0: Sequence[Sequence[float]],
        dimension: float,
    ) -> None:
        p, k, r = problem.students, problem.teachers, chunk.replicas
        self.chunk, self.problem = chunk, problem
        self.lower, along, own = (x.to(chunk.device) for x in frame(problem, q0, m0))
        self.rows = torch.cat([along, own, own.new_zeros(p, 1)], 1)[..., None].repeat(1, 1, r)
        self.layer = along.new_tensor(problem.student_layer)[:, None].expand(p, r).clone()
        self.shrink = 1.0 - problem.decay / dimension
        self.rate, self.second = problem.learning_rate / dimension, problem.second_rate / dimension
        self.plain = bool(torch.equal(self.lower, torch.eye(k, dtype=torch.float64, device=chunk.device)))
        self.signed_layers = along.new_tensor([*problem.teacher_layer, *(-a for a in problem.student_layer)])
        self.fields = along.new_empty(p + k, r)
        self.even = not self.second and all(a == 1.0 for a in problem.student_layer)
        self.free = dimension - p - k

    def overlaps(self) -> Overlaps:
        """Return Q, M and the second layer."""
        p, k = self.problem.students, self.problem.teachers
        rows = self.rows[:, :-1]
        products = {(i, j): (rows[i] * rows[j]).sum(0) for i in range(p) for j in range(i + 1)}
        q = torch.stack([products[max(i, j), min(i, j)] for i in range(p) for j in range(p)])
        left = rows[:, :k]
        m = left.clone() if self.plain else torch.einsum("ijr,nj->inr", left, self.lower)
        return Overlaps(q.view(p, p, -1), m, self.layer.clone())

    def one(self, z: torch.Tensor, xi: torch.Tensor | None, length: torch.Tensor | None) -> None:
        """Take one step of batch one; z (k + p, R), xi (R,), length (R,) the chi-squared length."""
        problem, rows, k = self.problem, self.rows, self.problem.teachers
        nu, lam = self.fields[:k], self.fields[k:]
        torch.mul(rows[:, 0], z[0], out=lam)
        for i in range(1, z.shape[0]):
            lam.addcmul_(rows[:, i], z[i])
        if self.plain:
            nu.copy_(z[:k])
        else:
            torch.mm(self.lower, z[:k], out=nu)
        residual, values = self._residual(lam, nu, xi)
        # the weights are left out where they are all one, as they mostly are
        g = problem.slope(lam) * (self.rate * residual)
        g = g if self.even and g.shape == lam.shape else g * self.layer
        if problem.decay:
            rows.mul_(self.shrink)
        rows[:, :-1].addcmul_(g[:, None], z[None])
        if length is None:
            torch.mul(g, self.free**0.5, out=rows[:, -1])
        else:
            torch.mul(g, length.sqrt(), out=rows[:, -1])
        self._refactor()
        if self.second:
            self.layer = self.layer * self.shrink + self.second * residual * values

    def _residual(
        self, lam: torch.Tensor, nu: torch.Tensor, xi: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        problem, k = self.problem, self.problem.teachers
        if self.second:
            return residual_of(problem, lam, nu, self.layer, xi)
        if problem.unit is problem.teacher_unit:
            values = problem.unit(self.fields)
            residual = self.signed_layers @ values
        else:
            values = problem.unit(lam)
            residual = self.signed_layers[:k] @ problem.teacher_unit(nu) + self.signed_layers[k:] @ values
        return residual if xi is None else residual.add_(xi, alpha=problem.noise_variance**0.5), values

    def many(self, z: torch.Tensor, xi: torch.Tensor | None, length: torch.Tensor | None) -> None:
        """Take one step of a batch; z (k + p, B, R), xi (B, R); ``length`` None stands for its mean."""
        problem, k, size = self.problem, self.problem.teachers, self.problem.batch
        left, right = self.rows[:, :k], self.rows[:, k:-1]
        lam = (self.rows[:, :-1, None] * z[None]).sum(1)
        nu = torch.einsum("ij,jbr->ibr", self.lower, z[:k])
        residual, values = residual_of(problem, lam, nu, self.layer, xi)
        g = (self.rate / size) * self.layer[:, None] * residual * problem.slope(lam)
        left.mul_(self.shrink).add_((g[:, None] * z[None, :k]).sum(2))
        moved = right * self.shrink + (g[:, None] * z[None, k:]).sum(2)
        scale = semidefinite_factor((g[:, None] * g[None]).sum(2))
        half = (scale[:, :, None] * self._bartlett(length is None)[None]).sum(1)
        gram = (moved[:, None] * moved[None]).sum(2) + (half[:, None] * half[None]).sum(2)
        right.copy_(semidefinite_factor(gram))
        if self.second:
            self.layer = self.layer * self.shrink + self.second * (residual * values).mean(1)

    def _bartlett(self, mean_length: bool) -> torch.Tensor:
        """Return lower triangular T (p, p, R) with T T' Wishart distributed (Bartlett)."""
        chunk, size = self.chunk, self.problem.students
        t = self.rows.new_zeros(size, size, chunk.replicas)
        for i in range(size):
            t[i, i] = (self.free - i) ** 0.5 if mean_length else chi_squared(chunk, self.free - i).sqrt()
            for j in range(i):
                t[i, j] = chunk.normal(chunk.replicas)
        return t

    def _refactor(self) -> None:
        """Make B lower triangular again: the Cholesky factor of [B | scratch] [B | scratch]'."""
        p, k = self.problem.students, self.problem.teachers
        block = self.rows[:, k:]
        gram = {(i, j): (block[i] * block[j]).sum(0) for i in range(p) for j in range(i + 1)}
        for j in range(p):
            pivot = gram[j, j]
            for n in range(j):
                pivot = pivot.addcmul(block[j, n], block[j, n], value=-1.0)
            root = pivot.clamp_(min=0.0).sqrt()
            if j < p - 1:
                inverse = torch.where(pivot > 1e-14 * gram[j, j], root.reciprocal(), 0.0)
                for i in range(j + 1, p):
                    entry = gram[i, j]
                    for n in range(j):
                        entry.addcmul_(block[i, n], block[j, n], value=-1.0)
                    torch.mul(entry, inverse, out=block[i, j])
            block[j, j] = root
            block[j, j + 1 :] = 0.0


def _noise(
    chunk: Chunk, problem: Committee, free: float, steps: int, mean_length: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]]:
    """Yield (z, xi, length) of every step, drawn for many steps at once.

    The normals are float32 upcast, like the inputs of brute force. A length of None asks for its mean.
    """
    fields, r = problem.students + problem.teachers, chunk.replicas
    single = problem.batch == 1
    draws = fields + bool(problem.noise_variance) + single
    at_once = max(1, min(64, _BLOCK_DRAWS // (draws * problem.batch * r)))
    for first in range(0, steps, at_once):
        count = min(at_once, steps - first)
        shape = (count, draws, r) if single else (count, draws, problem.batch, r)
        block = chunk.normal(*shape, dtype=torch.float32).to(torch.float64)
        lengths = None
        if single and not mean_length:
            lengths = chi_squared(chunk, free, block[:, -1])
        for n in range(count):
            xi = block[n, fields] if problem.noise_variance else None
            length = block[n, 0, 0] if not single and not mean_length else None
            yield block[n, :fields], xi, length if lengths is None else lengths[n]


def chi_squared(chunk: Chunk, degrees: float, normals: torch.Tensor | None = None) -> torch.Tensor:
    """Return chi-squared draws, one per replica or one for each of ``normals``, exact in law.

    Marsaglia and Tsang: with s = degrees/2 - 1/3 and v = (1 + x/sqrt(9 s))^3, 2 s v is accepted if
    log u < x^2/2 + s (1 - v + log v). For |x| < 0.6 sqrt(s), eight sigma here, the right side is above -x^4/(80 s), so
    that almost all draws are accepted without a logarithm; the few others are decided one by one or drawn again.
    """
    shape = (chunk.replicas,) if normals is None else tuple(normals.shape)
    if degrees < 400:
        return chunk.chi_squared(degrees, *shape)
    x = chunk.normal(*shape) if normals is None else normals
    s = degrees / 2 - 1 / 3
    root = x / (9 * s) ** 0.5 + 1.0
    v = root * root * root
    u = chunk.uniform(*shape)
    unsure = torch.add(u, (x * x).square_(), alpha=1 / (80 * s)) > 1.0
    if bool(unsure.any()):
        y, w = x[unsure], v[unsure]
        refused = torch.log(u[unsure]) > y * y / 2 + s * (1 - w + torch.log(w))
        w[refused] = chunk.chi_squared(degrees, int(refused.sum())) / (2 * s)
        v[unsure] = w
    return v.mul_(2 * s)
