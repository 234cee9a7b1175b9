"""The ODE of the overlaps as a tensor function.

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

from numerics.committee import Committee

Heads = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Means:
    """The means of a problem; ``alike`` if students and teachers have the same activation: letters do not matter."""

    function: Callable[[str, str, Heads, tuple[range, ...], torch.Tensor], torch.Tensor]
    alike: bool = False

    def __call__(
        self, kind: str, letters: str, heads: Heads, axes: tuple[range, ...], omega: torch.Tensor
    ) -> torch.Tensor:
        """Return the means of one kind on a grid of positions."""
        return self.function(kind, letters, heads, axes, omega)

    def merged(self, rows: int) -> bool:
        """Whether one call for all units costs less than one for each letter: up to some tens of rows."""
        return self.alike and rows <= _FEW_ROWS


_FEW_ROWS = 32

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
def _rectangles(students: int, size: int, merged: bool) -> tuple[tuple[str, range, range, int], ...]:
    """Return rectangles of units (letters, first, second, twice) that cover all pairs of units up to their order.

    Pairs whose second unit is ``twice`` or later stand for both orders. ``merged`` is one square of all units. A square
    of many units is cut into its upper half and its last quarter; the half between them is left out by symmetry.
    """
    if merged:
        return (("ss", range(size), range(size), size),)
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


def _units(letters: str, students: int, size: int, merged: bool) -> tuple[tuple[str, range], ...]:
    """Return the last unit of a mean by letter, after the given letters of the others."""
    if merged:
        return ((letters + "s", range(size)),)
    return (letters + "s", range(students)), (letters + "t", range(students, size))


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
        for letter, units in _units("", students, size, means.merged(omega.shape[-1])):
            values = means("I3", letter, _singles(students), (range(size), units), omega)
            parts.append((values * b[units.start : units.stop]).sum(2))
        return functools.reduce(torch.add, parts)

    return _in_blocks(total, students * size * max(students, size - students), omega, b)


def _weighted_i2(means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int) -> torch.Tensor:
    """Return sum_u b_u I2(j, u), shape (p, rows)."""
    parts = []
    for letters, units in _units("s", students, size, means.merged(omega.shape[-1])):
        parts.append((means("I2", letters, _singles(students), (units,), omega) * b[units.start : units.stop]).sum(1))
    return functools.reduce(torch.add, parts)


def _square(
    means: Means, omega: torch.Tensor, b: torch.Tensor, students: int, size: int, noise: torch.Tensor | float
) -> torch.Tensor:
    """Return E[s'_j s'_l (e^2 + Delta)], shape (p, p, rows)."""
    pairs, order = _pairs(students)

    def total(omega: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        parts = []
        for letters, first, second, twice in _rectangles(students, size, means.merged(omega.shape[-1])):
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
    overlap = torch.tensor(problem.teacher_overlap, dtype=torch.float64)[..., None]
    layer = torch.tensor(problem.teacher_layer, dtype=torch.float64)[:, None]

    def field(x: torch.Tensor) -> torch.Tensor:
        q, m, a = unpack(x, students, teachers)
        rows = x.shape[-1]
        p, v = overlap.to(x).expand(-1, -1, rows), layer.to(x).expand(-1, rows)
        found = drift(means, q, m, p, a, v, problem.learning_rate, problem.noise_variance, float(problem.batch),
                      problem.second_rate, problem.decay)  # fmt: skip
        return pack(found.q, found.m, found.a)

    return field


def initial(problem: Committee, q0: Any, m0: Any) -> torch.Tensor:
    """Return the packed initial state, shape (components, 1)."""
    q, m = (torch.tensor(x, dtype=torch.float64)[..., None] for x in (q0, m0))
    return pack(q, m, torch.tensor(problem.student_layer, dtype=torch.float64)[:, None])
