"""Critical learning rates from both sides: growth of a small deviation from the teacher at several rates."""

from __future__ import annotations

import torch

from checks.order_parameters.floors import on_teacher
from checks.order_parameters.means import committee
from checks.order_parameters.rates import committee_modes
from numerics.committee import projected_chain
from numerics.ensemble import Chunk


def deviation_growth(
    chunk: Chunk, *, rates: tuple[float, ...], dimension: int, steps: int, activation: str = "erf", width: int = 1,
    teacher_norm: float = 1.0, batch_size: int = 1, mode: str = "perpendicular",
) -> torch.Tensor:  # fmt: skip
    """Return the relative growth of a small squared deviation from the teacher at each rate, on common random numbers.

    Deviation: tr(Q - M - M' + P), or the sum of all its entries with mode="collective"; the start has 1e-8 of it,
    orthogonal to the teacher.
    """
    columns, small = [], 1e-8
    for rate in rates:
        values = on_teacher(activation, width, teacher_norm, learning_rate=rate, batch_size=batch_size)
        share = small if mode == "collective" else 0.0
        q = [[teacher_norm * float(i == j) + (small if i == j else share) for j in range(width)] for i in range(width)]
        same = Chunk(chunk.replicas, chunk.seed, chunk.device)
        end = projected_chain(same, committee(values), q, values["teacher_student_overlap"], dimension, steps)
        norm = torch.eye(width, dtype=torch.float64)[..., None] * teacher_norm
        r = end.q - end.m - end.m.transpose(0, 1) + norm
        size = r.sum((0, 1)) if mode == "collective" else torch.einsum("iir->r", r)
        start = small * width * (width if mode == "collective" else 1)
        columns.append(size / start - 1.0)
    return torch.stack(columns, 1)


def committee_growth(
    chunk: Chunk, *, rates: tuple[float, ...], width: int, teacher_norm: float, dimension: int, steps: int,
    mean_normalised: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Return the relative growth of the critical mode of an erf committee near its teacher, at each rate.

    The start r1 I + r2 J is the slowest mode at the middle rate; the growth is that of its component along the left
    eigenvector, so that an error of these directions is felt at second order only. With ``mean_normalised`` the second
    layers are 1/K and the rates are those of that normalisation.
    """
    scale = width**2 if mean_normalised else 1
    modes = committee_modes(width, teacher_norm, rates[len(rates) // 2] / scale)
    right, left = _slowest(modes), _slowest(modes.T)
    small, columns = 1e-8, []
    start = torch.eye(width, dtype=torch.float64) * right[0] + right[1]
    for rate in rates:
        values = on_teacher("erf", width, teacher_norm, learning_rate=rate)
        if mean_normalised:
            values |= {"student_second_layer": [1 / width] * width, "teacher_second_layer": [1 / width] * width}
        norm = torch.eye(width, dtype=torch.float64) * teacher_norm
        q = (norm + small * start).tolist()
        same = Chunk(chunk.replicas, chunk.seed, chunk.device)
        end = projected_chain(same, committee(values), q, values["teacher_student_overlap"], dimension, steps)
        r = (end.q - end.m - end.m.transpose(0, 1) + norm[..., None]) / small
        own = torch.einsum("iir->r", r) / width
        other = (r.sum((0, 1)) - own * width) / (width * (width - 1))
        columns.append((left[0] * (own - other) + left[1] * other) / (left @ right) - 1.0)
    return torch.stack(columns, 1)


def _slowest(matrix: torch.Tensor) -> torch.Tensor:
    """Return the eigenvector of the largest eigenvalue, its largest entry positive."""
    values, vectors = torch.linalg.eig(matrix)
    found = vectors[:, values.real.argmax()].real
    return found * found[found.abs().argmax()].sign()
