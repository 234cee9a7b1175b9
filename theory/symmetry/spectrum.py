"""Eigenvalues, class and kind of a generator given by the coefficients of its charge."""

from __future__ import annotations

from collections.abc import Mapping

from theory.symmetry.charges import Charge

Entries = Mapping[tuple[int, int], float]


def generator(charge: Charge) -> dict[tuple[int, int], float]:
    """Return the non-zero entries of the symmetric A with C = theta^T A theta (half of each mixed coefficient)."""
    entries: dict[tuple[int, int], float] = {}
    for (i, j), c in charge.quadratic:
        if i == j:
            entries[i, i] = float(c)
        else:
            entries[i, j] = entries[j, i] = c / 2
    return entries


def blocks(entries: Entries) -> list[list[int]]:
    """Return the connected groups of coordinates of a generator."""
    near: dict[int, set[int]] = {}
    for i, j in entries:
        near.setdefault(i, set()).add(j)
        near.setdefault(j, set()).add(i)
    groups, seen = [], set()
    for start in sorted(near):
        if start in seen:
            continue
        group, queue = [], [start]
        seen.add(start)
        while queue:
            node = queue.pop()
            group.append(node)
            fresh = near[node] - seen
            seen |= fresh
            queue += fresh
        groups.append(sorted(group))
    return groups


def eigenpairs(entries: Entries) -> list[tuple[float, dict[int, float]]]:
    """Return (eigenvalue, unit eigenvector) on the support of a symmetric generator, block by block."""
    import numpy as np

    pairs: list[tuple[float, dict[int, float]]] = []
    for group in blocks(entries):
        if len(group) == 1:
            pairs.append((entries[group[0], group[0]], {group[0]: 1.0}))
            continue
        values, vectors = np.linalg.eigh(np.array([[entries.get((i, j), 0.0) for j in group] for i in group]))
        for k, value in enumerate(values):
            pairs.append((round(float(value), 12) + 0.0, {i: float(vectors[n, k]) for n, i in enumerate(group)}))
    return pairs


def eigenvalues(entries: Entries, dimension: int) -> list[float]:
    """Return all eigenvalues in ascending order, zeros outside the support included."""
    found = [value for value, _ in eigenpairs(entries)]
    return sorted(found + [0.0] * (dimension - len(found)))


def class_of(values: list[float]) -> int:
    """Return 1 for an indefinite generator, 2 for a semi-definite one."""
    return 1 if min(values) < 0 < max(values) else 2


def kind_of(charge: Charge) -> str:
    """Return translation, scale, rescale, homogeneous, matrix or general."""
    if not charge.quadratic:
        return "translation"
    if charge.linear:
        return "general"
    if any(i != j for (i, j), _ in charge.quadratic):
        return "matrix"
    weights = {c for _, c in charge.quadratic}
    if len(weights) == 1:
        return "scale"
    return "rescale" if weights == {1, -1} else "homogeneous"
