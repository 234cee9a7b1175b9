"""The ODE of the overlaps as a tensor function, and the control variate that the ODE provides for the chain.

The Gaussian means come from outside as ``mean(kind, letters, indices, omega)``: kind I2, I3, I4 or J2, letters naming
the undifferentiated factors (s student, t teacher), indices a list of tuples, omega (n, n, rows); it returns
(len(indices), rows). Everything broadcasts over the rows: grids of parameters, replicas, trajectories.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from numerics.committee import Committee, Overlaps, frame, projected_chain
from numerics.ensemble import Chunk

Means = Callable[[str, str, Sequence[tuple[int, ...]], torch.Tensor], torch.Tensor]


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


@functools.lru_cache(maxsize=256)
def _indices(counts: tuple[int, ...], units: range) -> tuple[tuple[int, ...], ...]:
    return tuple(itertools.product(*(range(n) for n in counts), units))


@functools.lru_cache(maxsize=256)
def _pairs_and_units(
    pairs: tuple[tuple[int, int], ...], units: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, ...], ...]:
    return tuple((*pair, *unit) for pair in pairs for unit in units)


def _weighted_i3(means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int) -> torch.Tensor:
    """Return sum_u b_u I3(j, r, u), shape (p, n, rows)."""
    result = torch.zeros(students, size, omega.shape[-1], dtype=omega.dtype, device=omega.device)
    for letter, units in (("s", range(students)), ("t", range(students, size))):
        indices = _indices((students, size), units)
        values = means("I3", letter, indices, omega).view(students, size, len(units), -1)
        result = result + (values * b[list(units)][None, None]).sum(2)
    return result


def _weighted_i2(means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int) -> torch.Tensor:
    result = torch.zeros(students, omega.shape[-1], dtype=omega.dtype, device=omega.device)
    for letter, units in (("ss", range(students)), ("st", range(students, size))):
        indices = _indices((students,), units)
        result = result + (means("I2", letter, indices, omega).view(students, len(units), -1) * b[list(units)]).sum(1)
    return result


def _square(
    means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int, noise: torch.Tensor | float
) -> torch.Tensor:
    """Return E[s'_j s'_l (e^2 + Delta)], shape (p, p, rows)."""
    pairs = tuple((j, l) for j in range(students) for l in range(j, students))
    total = noise * means("J2", "", pairs, omega)
    for letters, first, second, weight in (
        ("ss", range(students), range(students), 1.0),
        ("st", range(students), range(students, size), 2.0),
        ("tt", range(students, size), range(students, size), 1.0),
    ):
        units = tuple(itertools.product(first, second))
        values = means("I4", letters, _pairs_and_units(pairs, units), omega).view(len(pairs), len(units), -1)
        left, right = zip(*units, strict=True)
        total = total + weight * (values * (b[list(left)] * b[list(right)])[None]).sum(1)
    lookup = {pair: n for n, pair in enumerate(pairs)}
    order = [lookup[min(j, l), max(j, l)] for j in range(students) for l in range(students)]
    return total[order].view(students, students, -1)


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
        units = list(itertools.product(first, second))
        values = means("I2", letters, units, omega)
        total = total + weight * (values * torch.stack([b[u] * b[w] for u, w in units])).sum(0)
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
