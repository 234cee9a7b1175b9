"""The ODE of the overlaps as a tensor function, and the control variate that the ODE provides for the chain.

The Gaussian means come from outside as ``mean(kind, letters, heads, axes, omega)``: kind I2, I3, I4 or J2, letters
naming the undifferentiated factors (s student, t teacher), omega (n, n, rows). The first positions of a mean run through
the tuples ``heads``, each further one through an axis of its own; the result is (len(heads), *lengths of axes, rows), so
that what depends on one axis only is computed once for the others. Everything broadcasts over the rows: grids of
parameters, replicas, trajectories.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from numerics.committee import Committee, Overlaps, frame, projected_chain
from numerics.ensemble import Chunk

Heads = tuple[tuple[int, ...], ...]
Means = Callable[[str, str, Heads, tuple[range, ...], torch.Tensor], torch.Tensor]

# Entries of a mean that are computed at once (2 MiB): fewer cost calls, more leave the caches.
_BLOCK_ENTRIES = 1 << 18


@dataclass(frozen=True)
class Drift:
    """Right-hand sides: dQ (p, p, rows), dM (p, k, rows), da (p, rows)."""

    q: torch.Tensor
    m: torch.Tensor
    a: torch.Tensor


def field_covariance(q: torch.Tensor, m: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Return Omega = [[Q, M], [M', P]] for (p, p, rows), (p, k, rows), (k, k, rows)."""
    return torch.cat([torch.cat([q, m], 1), torch.cat([m.transpose(0, 1), p], 1)])


def drift(
    means: Means,
    q: torch.Tensor,
    m: torch.Tensor,
    p: torch.Tensor,
    a: torch.Tensor,
    v: torch.Tensor,
    eta: torch.Tensor | float,
    noise: torch.Tensor | float = 0.0,
    batch: torch.Tensor | float = 1.0,
    second_rate: torch.Tensor | float = 0.0,
    decay: torch.Tensor | float = 0.0,
) -> Drift:
    """Return the drift of the overlaps; rates are numbers or one per row, a is (p, rows), v (k, rows)."""
    students, teachers = m.shape[0], m.shape[1]
    size = students + teachers
    omega = field_covariance(q, m, p)
    b = torch.cat([-a, v])
    learn = _weighted_i3(means, omega, b, students, size)
    dm = eta * a[:, None] * learn[:, students:] - decay * m
    along = a[:, None] * learn[:, :students]
    square = _square(means, omega, b, students, size, noise)
    dq = eta * (along + along.transpose(0, 1)) + eta**2 / batch * a[:, None] * a[None] * square - 2 * decay * q
    da = torch.zeros_like(a)
    if isinstance(second_rate, torch.Tensor) or second_rate:
        da = second_rate * _weighted_i2(means, omega, b, students, size)
    return Drift(dq, dm, da - decay * a if isinstance(decay, torch.Tensor) or second_rate else da)


@functools.lru_cache(maxsize=64)
def _singles(students: int) -> Heads:
    return tuple((j,) for j in range(students))


@functools.lru_cache(maxsize=64)
def _pairs(students: int) -> tuple[Heads, tuple[int, ...]]:
    """Return the pairs j <= l, and for every (j, l) row by row the place of its pair."""
    pairs = tuple((j, l) for j in range(students) for l in range(j, students))
    place = {pair: n for n, pair in enumerate(pairs)}
    return pairs, tuple(place[min(j, l), max(j, l)] for j in range(students) for l in range(students))


@functools.lru_cache(maxsize=64)
def _quarters(students: int, size: int) -> tuple[tuple[str, range, range, int], ...]:
    """Return rectangles of units (letters, first, second, twice) that cover all pairs of units up to their order.

    Pairs whose second unit is ``twice`` or later stand for both orders. A square of many units is cut into its upper
    half and its last quarter; the half between them is left out by symmetry.
    """
    own, others = range(students), range(students, size)
    found = [("st", own, others, others.start)]
    for letters, units in (("ss", own), ("tt", others)):
        middle = units.start + len(units) // 2
        if len(units) < _MANY:
            found.append((letters, units, units, units.stop))
        else:
            found.append((letters, range(units.start, middle), units, middle))
            found.append((letters, range(middle, units.stop), range(middle, units.stop), units.stop))
    return tuple(found)


_MANY = 4


def _in_blocks(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], entries: int, omega: torch.Tensor, b: torch.Tensor
) -> torch.Tensor:
    """Return function(omega, b) of ``entries`` numbers a row, by blocks of rows."""
    rows = omega.shape[-1]
    block = max(1, _BLOCK_ENTRIES // entries)
    if rows <= 2 * block:
        return function(omega, b)
    parts = zip(omega.split(block, -1), b.expand(-1, rows).split(block, -1), strict=True)
    return torch.cat([function(*part) for part in parts], -1)


def _weighted_i3(means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int) -> torch.Tensor:
    """Return sum_u b_u I3(j, r, u), shape (p, n, rows)."""

    def total(omega: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        parts = []
        for letter, units in (("s", range(students)), ("t", range(students, size))):
            values = means("I3", letter, _singles(students), (range(size), units), omega)
            parts.append((values * b[units.start : units.stop]).sum(2))
        return parts[0] + parts[1]

    return _in_blocks(total, students * size * max(students, size - students), omega, b)


def _weighted_i2(means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int) -> torch.Tensor:
    """Return sum_u b_u I2(j, u), shape (p, rows)."""
    parts = []
    for letters, units in (("ss", range(students)), ("st", range(students, size))):
        parts.append((means("I2", letters, _singles(students), (units,), omega) * b[units.start : units.stop]).sum(1))
    return parts[0] + parts[1]


def _square(
    means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int, noise: torch.Tensor | float
) -> torch.Tensor:
    """Return E[s'_j s'_l (e^2 + Delta)], shape (p, p, rows)."""
    pairs, order = _pairs(students)

    def total(omega: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        parts = []
        for letters, first, second, twice in _quarters(students, size):
            values = means("I4", letters, pairs, (first, second), omega)
            weights = torch.cat([b[second.start : twice], 2 * b[twice : second.stop]])
            parts.append(((values * weights).sum(2) * b[first.start : first.stop]).sum(1))
        return functools.reduce(torch.add, parts)

    largest = max(students, size - students)
    found = noise * means("J2", "", pairs, (), omega) + _in_blocks(total, len(pairs) * largest**2, omega, b)
    return found[list(order)].view(students, students, -1)


def generalisation_error(
    means: Means, q: torch.Tensor, m: torch.Tensor, p: torch.Tensor, a: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """Return the error (1/2) sum b_u b_w I2(u, w) of every row."""
    students, size = m.shape[0], m.shape[0] + m.shape[1]
    omega, b = field_covariance(q, m, p), torch.cat([-a, v])
    total = torch.zeros_like(omega[0, 0])
    for letters, first, second, weight in (
        ("ss", range(students), range(students), 0.5),
        ("st", range(students), range(students, size), 1.0),
        ("tt", range(students, size), range(students, size), 0.5),
    ):
        values = means("I2", letters, tuple((u,) for u in first), (second,), omega)
        inner = (values * b[second.start : second.stop]).sum(1)
        total = total + weight * (inner * b[first.start : first.stop]).sum(0)
    return total


def pack(q: torch.Tensor, m: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """Return the state as one vector per row: Q upper triangle, M row by row, a."""
    students = q.shape[0]
    upper = [q[i, j] for i in range(students) for j in range(i, students)]
    return torch.cat([torch.stack(upper), m.reshape(-1, m.shape[-1]), a])


def unpack(x: torch.Tensor, students: int, teachers: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (Q, M, a) of packed states (components, rows)."""
    place, n = {}, 0
    for i in range(students):
        for j in range(i, students):
            place[i, j] = place[j, i] = n
            n += 1
    q = x[[place[i, j] for i in range(students) for j in range(students)]].view(students, students, -1)
    m = x[n : n + students * teachers].view(students, teachers, -1)
    return q, m, x[n + students * teachers :]


def packed_field(means: Means, problem: Committee) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the ODE of a problem on packed states: (components, rows) -> (components, rows)."""
    students, teachers = problem.students, problem.teachers

    def field(x: torch.Tensor) -> torch.Tensor:
        q, m, a = unpack(x, students, teachers)
        rows = x.shape[-1]
        p = torch.tensor(problem.teacher_overlap, dtype=x.dtype, device=x.device)[..., None].expand(-1, -1, rows)
        v = torch.tensor(problem.teacher_layer, dtype=x.dtype, device=x.device)[:, None].expand(-1, rows)
        found = drift(means, q, m, p, a, v, problem.learning_rate, problem.noise_variance, float(problem.batch),
                      problem.second_rate, problem.decay)  # fmt: skip
        return pack(found.q, found.m, found.a)

    return field


def initial(problem: Committee, q0: Any, m0: Any) -> torch.Tensor:
    """Return the packed initial state, shape (components, 1)."""
    q, m = (torch.tensor(x, dtype=torch.float64)[..., None] for x in (q0, m0))
    return pack(q, m, torch.tensor(problem.student_layer, dtype=torch.float64)[:, None])


@dataclass
class ControlVariate:
    """The linear response of the chain to its own noise around the Euler path of the ODE: mean zero, almost equal.

    C' = (I + J/d) C + [F(path, z) - f(path)]/d, where F is the increment at the deterministic point driven by the
    same inputs. E C = 0 exactly if and only if f is the drift, so the twin also tests the derived right-hand side.
    """

    problem: Committee
    dimension: float
    path: torch.Tensor
    slopes: torch.Tensor
    jacobians: torch.Tensor
    frames: list[tuple[torch.Tensor, torch.Tensor]]
    deviation: torch.Tensor
    step: int = 0

    @classmethod
    def start(
        cls, problem: Committee, means: Means, q0: Any, m0: Any, dimension: float, steps: int, replicas: int
    ) -> ControlVariate:
        """Walk the Euler path once, take all Jacobians along it in one batch, start with no deviation."""
        field = packed_field(means, problem)
        states, slopes = [initial(problem, q0, m0)], []
        for _ in range(steps):
            slopes.append(field(states[-1]))
            states.append(states[-1] + slopes[-1] / dimension)
        path = torch.cat(states[:-1], 1)
        size = path.shape[0]
        columns = []
        for i in range(size):
            # the mean of the control variate is zero whatever the Jacobian, so a difference quotient will do
            shift = torch.zeros_like(path)
            shift[i] = 1e-5
            columns.append((field(path + shift) - field(path - shift)) / 2e-5)
        frames = []
        for state in states[:-1]:
            q, m, _ = unpack(state, problem.students, problem.teachers)
            lower, along, own = frame(problem, q[..., 0].tolist(), m[..., 0].tolist())
            # fields of teachers, then students, from the frame coordinates in the chain's order
            corner = lower.new_zeros(len(lower), len(own))
            frames.append((torch.cat([torch.cat([lower, corner], 1), torch.cat([along, own], 1)]), state[:, 0]))
        deviation = torch.zeros(size, replicas, dtype=torch.float64)
        return cls(problem, dimension, path, torch.cat(slopes, 1), torch.stack(columns, 1), frames, deviation)

    def advance(self, zp: torch.Tensor, zk: torch.Tensor, xi: torch.Tensor | None) -> None:
        """Advance by one step driven by the frame coordinates and the label noise of the chain's step."""
        n = self.step
        noise = self._increment(n, torch.cat([zp, zk]), xi) - self.slopes[:, n : n + 1]
        self.deviation = self.deviation + (self.jacobians[..., n] @ self.deviation + noise) / self.dimension
        self.step = n + 1

    def _increment(self, n: int, z: torch.Tensor, xi: torch.Tensor | None) -> torch.Tensor:
        """Return d times the change of the packed state in one step from the path, |x|^2/d replaced by one."""
        pr, k, p = self.problem, self.problem.teachers, self.problem.students
        rows, state = self.frames[n]
        fields = rows @ z
        nu, lam = fields[:k], fields[k:]
        values = pr.unit(lam)
        a = state[-p:]
        residual = torch.tensor(pr.teacher_layer, dtype=torch.float64) @ pr.teacher_unit(nu) - a @ values
        if xi is not None:
            residual = residual.add_(xi, alpha=pr.noise_variance**0.5)
        push = a[:, None] * residual * pr.slope(lam)
        scaled = pr.learning_rate * push
        out = z.new_empty(state.shape[0], z.shape[1])
        place = 0
        for i in range(p):
            for j in range(i, p):
                out[place] = scaled[i] * lam[j] + scaled[j] * lam[i] + scaled[i] * scaled[j]
                place += 1
        out[place:-p] = (scaled[:, None] * nu[None]).reshape(p * k, -1)
        out[-p:] = pr.second_rate * residual * values
        if pr.decay:
            out[:place].sub_(2 * pr.decay * state[:place, None])
            out[place:-p].sub_(pr.decay * state[place:-p, None])
            if pr.second_rate:
                out[-p:].sub_(pr.decay * a[:, None])
        return out


def twin_chain(
    chunk: Chunk, problem: Committee, means: Means, q0: Any, m0: Any, dimension: float, steps: int
) -> tuple[Overlaps, torch.Tensor]:
    """Run the projected chain (batch one) with its control variate; returns the overlaps and C (components, R).

    The mean of ``pack(overlaps) - C`` is the mean of the overlaps, with a variance smaller by a factor of about d.
    """
    twin = ControlVariate.start(problem, means, q0, m0, dimension, steps, chunk.replicas)
    final = projected_chain(chunk, problem, q0, m0, dimension, steps, drive=twin.advance)
    return final, twin.deviation
