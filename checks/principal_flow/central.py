"""Literal gradient descent with one or several eigenvalues at the edge of stability."""

from __future__ import annotations

import numpy as np

from checks.check import Context, Measured
from numerics.errors import InvalidSample

_QUARTER = 30000


def oscillation_variances(
    _: Context, *, gradient: list[float], sharpness_gradients: list[list[float]], rate: float, **__: object
) -> Measured:
    """Time averages of x_j^2 of gradient descent on L(y) + sum_j S_j(y) x_j^2/2, L and S_j linear, started at S_j = 2/h.

    The start x_j = 0.5 knows nothing of the balance. The map spirals out slowly, so that a small learning rate is needed;
    the first quarter holds the transient of falling eigenvalues and is left out. The averages over the other quarters
    are weighted with sin^2, which leaves no trace of where in its cycle a quarter begins and ends.
    """
    pull, rows = np.array(gradient), np.array(sharpness_gradients)
    slow, x = np.zeros(len(pull)), np.full(len(rows), 0.5)
    weights = np.sin(np.pi * (np.arange(_QUARTER) + 0.5) / _QUARTER) ** 2
    means = []
    for _quarter in range(4):
        total = np.zeros(len(rows))
        for weight in weights:
            square = x * x
            total += weight * square
            x = x - rate * (2 / rate + rows @ slow) * x
            slow = slow - rate * (pull + rows.T @ square / 2)
        if not np.abs(x).max() < 1e3:
            raise InvalidSample("the oscillation escaped; take a smaller learning rate.")
        means.append(total / weights.sum())
    kept = np.array(means[1:])
    return Measured(kept.mean(0).tolist(), (np.ptp(kept, axis=0)).tolist())
