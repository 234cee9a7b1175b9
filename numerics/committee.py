"""Online SGD of a two-layer student on a two-layer teacher: brute force, and the projected chain, exact in law.

The student changes by c x^T/sqrt(d) with c a function of the fields and the label noise. Brute force keeps the
d-dimensional weights; it is the oracle of the projected chain (``numerics.committee_chain``) and the simulation of
real inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from numerics.committee_chain import projected_chain
from numerics.committee_problem import Committee, Overlaps, frame, residual_of, semidefinite_factor
from numerics.ensemble import Chunk
from numerics.errors import NumericsError

__all__ = ["Committee", "Overlaps", "brute_force", "frame", "projected_chain", "semidefinite_factor"]


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
            residual, values = residual_of(problem, lam, nu, layer, xi)
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
