"""How many charges of degree at most two a field conserves: counted on samples, without any algebra.

Unknown is the vector of coefficients of C = sum c_ij p_i p_j + sum c_i p_i. Every sample, a point with its velocity or
the two ends of a trajectory, is one linear equation; the null space of all equations holds the charges.
"""

from __future__ import annotations

import numpy as np

from numerics.errors import InvalidSample

GAP = 1e-9


def monomials(points: np.ndarray) -> np.ndarray:
    """Return p_i p_j (i <= j) and p_i of points (n, d): shape (n, d(d+1)/2 + d).

    >>> monomials(np.array([[2.0, 3.0]])).tolist()
    [[4.0, 6.0, 9.0, 2.0, 3.0]]
    """
    i, j = np.triu_indices(points.shape[1])
    return np.concatenate([points[:, i] * points[:, j], points], axis=1)


def rates(points: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Return the time derivatives of the monomials at points (n, d) with velocities (n, d)."""
    i, j = np.triu_indices(points.shape[1])
    products = velocities[:, i] * points[:, j] + points[:, i] * velocities[:, j]
    return np.concatenate([products, velocities], axis=1)


def null_space(rows: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (k, m) of the vectors that all rows (n, m) are orthogonal to.

    Raises InvalidSample if there are fewer rows than unknowns, or no clear gap between zero and other singular values.
    """
    count, unknowns = rows.shape
    if count < unknowns:
        raise InvalidSample(f"{count} samples for {unknowns} unknowns; give more than {unknowns}.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    _, sizes, basis = np.linalg.svd(rows / np.where(lengths > 0, lengths, 1.0), full_matrices=False)
    small = sizes / sizes[0] < GAP
    if small.any() and not small.all() and sizes[~small].min() < 1e3 * sizes[small].max():
        raise InvalidSample(
            f"singular values {sizes[~small].min():.1e} and {sizes[small].max():.1e} are too close; sample more widely."
        )
    return basis[small]


def independent_charges(rows: np.ndarray, point: np.ndarray) -> int:
    """Return the number of independent charges: the rank of their gradients at a generic point (d,).

    A rotation in the plane conserves the square of the radius, and nothing else of degree two:

    >>> p = np.random.default_rng(0).normal(size=(9, 2))
    >>> independent_charges(rates(p, np.stack([-p[:, 1], p[:, 0]], 1)), np.array([0.3, 0.7]))
    1
    """
    charges = null_space(rows)
    if not len(charges):
        return 0
    slopes = np.stack([charges @ rates(point[None], unit[None])[0] for unit in np.eye(len(point))], axis=1)
    return int(np.linalg.matrix_rank(slopes, tol=1e-6 * np.abs(slopes).max()))
