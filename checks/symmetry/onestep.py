"""What one minibatch step, or one epoch, does to a charge on average over many replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import theory
from checks.symmetry.runs import ROUNDING
from numerics.ensemble import Chunk
from numerics.rescale_models import data_batches, linear_network, moments_of_data, scalar_net
from numerics.synthetic_training import stationary_forms
from numerics.training import Training

INPUTS = [0.7, -1.3, 0.4, 1.1, -0.6]
TARGETS = [1.2, -0.1, -0.9, 1.9, 0.5]


def data_values(first_weight: float, second_weight: float, **given: Any) -> dict[str, Any]:
    """Return charge and forms of the scalar net on the data, with the keys of discrete.expected_charge."""
    return {
        "charge": first_weight**2 - second_weight**2,
        **moments_of_data(first_weight, second_weight, INPUTS, TARGETS),
        "data_size": len(INPUTS),
        **given,
    }


def kick_of_charge(
    value: float, *, learning_rate: float, weight_decay: float, charge: float | None = None,
    first_weight: float = 0.0, second_weight: float = 0.0, **_: Any,
) -> float:  # fmt: skip
    """Return (E C' - (1 - eta wd)^2 C)/eta^2: what the noise and the mean gradient do, of the order one."""
    start = first_weight**2 - second_weight**2 if charge is None else charge
    return (value - (1 - learning_rate * weight_decay) ** 2 * start) / learning_rate**2


def kick(
    chunk: Chunk,
    *,
    weights: tuple[float, float],
    learning_rate: float,
    weight_decay: float,
    batch_size: int,
    replacement: str,
    **_: Any,
) -> torch.Tensor:
    """Sample (C' - (1 - eta wd)^2 C)/eta^2 of the scalar net after one step on the data."""
    u, w = scalar_net(
        chunk, first_weight=weights[0], second_weight=weights[1], inputs=INPUTS, targets=TARGETS,
        learning_rate=learning_rate, steps=1, batch_size=batch_size, weight_decay=weight_decay, replacement=replacement,
    )  # fmt: skip
    start = weights[0] ** 2 - weights[1] ** 2
    return (u**2 - w**2 - (1 - learning_rate * weight_decay) ** 2 * start) / learning_rate**2


def epoch_drift(
    chunk: Chunk, *, weights: tuple[float, float], learning_rate: float, batch_size: int, data_size: int, **_: Any
) -> torch.Tensor:
    """Change of C per step and eta^2 over one epoch without repetition, extrapolated from eta and eta/2."""
    changes = []
    for rate in (learning_rate, learning_rate / 2):
        twin = Chunk(chunk.replicas, chunk.seed, chunk.device, chunk.index)
        steps = data_size // batch_size
        u, w = scalar_net(
            twin, first_weight=weights[0], second_weight=weights[1], inputs=INPUTS, targets=TARGETS,
            learning_rate=rate, steps=steps, batch_size=batch_size, epochs=True,
        )  # fmt: skip
        changes.append((u**2 - w**2 - weights[0] ** 2 + weights[1] ** 2) / rate**2 / steps)
    return 2 * changes[1] - changes[0]


def per_square_rate(value: float, *, learning_rate: float, **_: Any) -> float:
    """Return a drift per step divided by eta^2."""
    return value / learning_rate**2


def charge_rate(
    chunk: Chunk,
    *,
    point: tuple[list[float], list[float]],
    residual_covariance: list[list[float]],
    learning_rate: float,
    batch_size: int,
    weight_decay: float,
    offset: float,
    **_: Any,
) -> torch.Tensor:
    """(C' - C)/eta of a two-output linear network after one step; its function is off the target by ``offset``."""
    u, w = point
    start = sum(x * x for x in u) - sum(x * x for x in w)
    after = linear_network(
        chunk, first=[[x] for x in u], second=[w], target=[[(1 + offset) * a * b for b in w] for a in u],
        input_covariance=[[1.0]], residual_covariance=residual_covariance, learning_rate=learning_rate, steps=1,
        observe=lambda a, b: ((a**2).sum((0, 1)) - (b**2).sum((0, 1)))[None], batch_size=batch_size,
        weight_decay=weight_decay, binary_inputs=True,
    )  # fmt: skip
    return (after - start) / learning_rate


def exact_rate(
    *, charge: float, noise_form: float, learning_rate: float, batch_size: int, weight_decay: float, **_: Any
) -> float:
    """Return the exact one-step law as a rate, with the mean-gradient form of the far point of the check."""
    law = theory.law("symmetry.discrete.expected_charge")
    after = law(charge=charge, noise_form=noise_form, mean_gradient_form=FAR_MEAN_FORM, learning_rate=learning_rate,
                batch_size=batch_size, weight_decay=weight_decay)  # fmt: skip
    return (after - charge) / learning_rate


POINT = ([0.9, 0.5], [0.8])
COVARIANCE = [[0.12, 0.03], [0.03, 0.4]]
# 4 |w|^2 Tr S_e - 4 u^T S_e u
NOISE_FORM = 4 * 0.64 * 0.52 - 4 * (0.81 * 0.12 + 2 * 0.45 * 0.03 + 0.25 * 0.4)
FAR = 1.5
# grad L = 2 (u w - V) (w, u) with V = (1 + FAR) u w: forms of the two blocks
FAR_MEAN_FORM = 4 * FAR**2 * 1.06 * 0.64 * (0.64 - 1.06)


def martingale(
    chunk: Chunk,
    *,
    first_weight: float,
    second_weight: float,
    inputs: list[float],
    targets: list[float],
    learning_rate: float,
    **_rest: Any,
) -> torch.Tensor:
    """Square of what is left of C' - C after eta^2 g^T A g is taken away, over (2 eta)^2: the square of g . A theta."""
    x, y = (torch.tensor(q, dtype=torch.float64) for q in (inputs, targets))
    index = data_batches(chunk, len(inputs), 1, "with")[0]
    slope = 2 * (first_weight * second_weight * x[index] - y[index]) * x[index]
    u, w = first_weight - learning_rate * slope * second_weight, second_weight - learning_rate * slope * first_weight
    form = slope**2 * (second_weight**2 - first_weight**2)
    left = u**2 - w**2 - (first_weight**2 - second_weight**2) - learning_rate**2 * form
    return (left / (2 * learning_rate)) ** 2


def mean_velocity_drift(
    chunk: Chunk, *, noise_form: float, learning_rate: float, batch_size: int, momentum: float, steps: int, **_rest: Any
) -> torch.Tensor:
    """Drift of C per step and eta^2 after the transient, under heavy ball with independent noise of a fixed form.

    The noise is orthogonal to A theta at a fixed theta: C moves by -2 eta mu m + eta^2 q with m and q from v alone.
    """
    size = chunk.replicas
    v, m = torch.zeros(size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
    sign, width = np.sign(noise_form), (abs(noise_form) / batch_size) ** 0.5
    change = torch.zeros(size, dtype=torch.float64)
    for _ in range(steps):
        v = momentum * v + width * chunk.normal(size)
        q = sign * v**2
        change = -2 * momentum * m / learning_rate + q
        m = momentum * m - learning_rate * q
    return change


def charge_drift(
    chunk: Chunk, *, point: tuple[list[float], list[float]], residual_covariance: list[list[float]],
    learning_rate: float, batch_size: int, momentum: float, early: int, late: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Change of C per step and eta^2 between two times of a heavy-ball run from a minimum, on the same samples."""
    u, w = point
    charges = []
    for steps in (early, late):
        twin = Chunk(chunk.replicas, chunk.seed, chunk.device, chunk.index)
        charges.append(linear_network(
            twin, first=[[x] for x in u], second=[w], target=[[a * b for b in w] for a in u], input_covariance=[[1.0]],
            residual_covariance=residual_covariance, learning_rate=learning_rate, steps=steps,
            observe=lambda a, b: ((a**2).sum((0, 1)) - (b**2).sum((0, 1)))[None], batch_size=batch_size,
            momentum=momentum, binary_inputs=True,
        ))  # fmt: skip
    return (charges[1] - charges[0]) / (late - early) / learning_rate**2


def stationary_pair(training: Training, form: str) -> dict[str, Any]:
    """Charge and gradient forms of the stationary state of a two-output linear model with label noise."""
    found = stationary_forms(training, (0.2, 0.6), 512)
    rate, decay = training.learning_rate, training.weight_decay
    return {
        "noise_form": training.batch_size * (found.raw - found.mean),
        "mean_gradient_form": found.mean,
        "learning_rate": rate,
        "batch_size": training.batch_size,
        "weight_decay": decay,
        "came_out": found.charge,
        "magnitude": found.owed / (decay * (2 - rate * decay)) / ROUNDING,
    }
