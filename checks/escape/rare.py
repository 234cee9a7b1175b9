"""Rare events: barriers over a decade of learning rates, splitting, and real minibatches in a true double well."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from checks.escape.line import DECADE, log_slope
from numerics.ensemble import Chunk
from numerics.splitting import splitting
from numerics.transfer_operator import Component, laplace_labels, mean_exit_updates, regression_sgd
from numerics.walkers import chain_step, minibatch_step, renewals, time_average
from numerics.walkers_models import double_well_minibatch_step


def _barrier(operator: Any, level: float, rates: np.ndarray, per_step: float) -> float:
    times = [
        mean_exit_updates(operator(float(eta)), level, max(10, math.ceil(per_step * level / eta))) for eta in rates
    ]
    return log_slope(rates, times)


@functools.cache
def _real_barriers(batch_size: int, barrier_ratio: float, curvature: float, per_step: float) -> tuple[float, float]:
    rates = np.geomspace(*DECADE, 6) / curvature
    # the grid follows the width of a step, so that its relative error is the same at every learning rate
    unit = per_step * batch_size**0.5 / curvature

    def operator(eta: float) -> list[Component]:
        return regression_sgd(eta * curvature, batch_size, 50)

    level = math.sqrt(barrier_ratio - 1)
    fine, coarse = (_barrier(operator, level, rates, unit * scale) for scale in (1.0, 0.75))
    return fine, coarse


def real_barrier(
    context: Context, *, batch_size: int, barrier_ratio: float, curvature: float, per_step: float = 4.0, **_: Any
) -> Measured:
    """W of real SGD from its exact mean exit times over a decade of learning rates: 1e1 to 1e9 .. 1e30 updates."""
    del context
    fine, coarse = _real_barriers(batch_size, barrier_ratio, curvature, per_step)
    # two-grid times are of fourth order: the finer value errs by less than half of the difference
    return Measured(fine, abs(fine - coarse) / 2)


def laplace_barrier(context: Context, *, displacement: float, noise_variance: float, **_: Any) -> Measured:
    """The same for features +-1 and Laplace labels."""
    del context
    rates = np.geomspace(*DECADE, 6)
    fine, coarse = (
        _barrier(lambda eta: laplace_labels(eta, noise_variance), displacement, rates, per_step)
        for per_step in (4.0, 3.2)
    )
    return Measured(fine, abs(fine - coarse))


def split_rate(
    chunk: Chunk, *, learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float, walkers: int = 32
) -> torch.Tensor:
    """Exits per update of the Gaussian chain: crossings of a first interface per update times a splitting probability.

    One replica is one independent repeat with its own walkers; the scatter of the repeats is the only error.
    """
    e = learning_rate * curvature
    step = chain_step(chunk, e, batch_size)
    deviation = math.sqrt(e / batch_size / 2)
    top = math.sqrt(barrier_ratio - 1)
    core, first = 0.5 * deviation, 1.5 * deviation
    count = max(1, math.ceil((top - first) / (0.4 * deviation)))
    levels = tuple(first + (top - first) * k / count for k in range(1, count + 1))
    width = walkers * chunk.replicas
    d = deviation * chunk.normal(1, width)
    entrance = torch.full_like(d, first)
    armed = torch.zeros(width, dtype=torch.bool, device=d.device)
    crossings = torch.zeros(width, dtype=torch.float64, device=d.device)
    relax, updates = math.ceil(2 / e), math.ceil(12 / e)
    for time in range(relax + updates):
        d = step(d)
        h = d[0].abs()
        up = armed & (h >= first)
        armed = (armed & ~up) | (h < core)
        if time >= relax:
            crossings += up
            entrance = torch.where(up, d, entrance)
    flux = crossings.reshape(walkers, chunk.replicas).mean(0) / updates
    start = entrance.reshape(1, walkers, chunk.replicas)
    return flux * splitting(chunk, step, start, lambda x: x[0].abs(), levels, core).repeats


def brute_rate(
    chunk: Chunk, *, learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float
) -> torch.Tensor:
    """Exits and updates of the Gaussian chain restarted at 0 after each exit."""
    step = chain_step(chunk, learning_rate * curvature, batch_size)
    start = torch.zeros(1, chunk.replicas, dtype=torch.float64, device=chunk.device)
    level = barrier_ratio - 1
    return renewals(step, start, lambda d: (d * d).sum(0) > level, 3000).sample


def well_exits(
    chunk: Chunk, *, temperature: float, barrier_ratio: float, directions: int = 1, updates: int = 1500, **_: Any
) -> torch.Tensor:
    """Exits and exposure of real minibatch SGD, B = 1, from one minimum of a double well to the other; per unit t."""
    eta = temperature / (8 * (barrier_ratio - 1))
    step = double_well_minibatch_step(chunk, eta, 1, barrier_ratio)
    start = torch.zeros(directions, chunk.replicas, dtype=torch.float64, device=chunk.device)
    start[0] = -1.0
    found = renewals(step, start, lambda d: d[0] >= 1, updates)
    return torch.stack([found.events, eta * found.exposure], 1)


def real_slope(
    context: Context, *, temperature: float, dimension: int, low: float = 1.5, high: float = 15.0
) -> Measured:
    """d log(updates)/d log c of real SGD, B = 1, over a decade of c, from the exact operator."""
    del context, dimension
    components = regression_sgd(temperature, 1, 80)
    found = []
    for per_step in (3.0, 2.2):
        times = [mean_exit_updates(components, b, math.ceil(per_step * b / temperature)) for b in
                 (math.sqrt(low - 1), math.sqrt(high - 1))]  # fmt: skip
        found.append(math.log(times[1] / times[0]) / math.log(high / low))
    return Measured(found[0], abs(found[0] - found[1]))


def share_above(chunk: Chunk, *, learning_rate: float, batch_size: int, barrier_ratio: float, **_: Any) -> torch.Tensor:
    """Time average of the indicator L > c L_* in real SGD, n = 1, h = sigma = 1."""
    scales = torch.ones(1, dtype=torch.float64, device=chunk.device)
    step = minibatch_step(chunk, learning_rate, batch_size, scales)
    start = torch.zeros(1, chunk.replicas, dtype=torch.float64, device=chunk.device)
    relax = math.ceil(1 / learning_rate)
    level = barrier_ratio - 1
    return time_average(step, start, lambda d: ((d * d).sum(0) > level).double(), 8 * relax, 2 * relax, 30)


def general_cumulant(
    chunk: Chunk, *, learning_rate: float, batch_curvature_moments: list[float], law: str, batch_size: int
) -> torch.Tensor:
    """Time average of d^4/m2^2 - 3 - 6 (d^2/m2 - 1), m2 the exact second moment: its mean is the excess kurtosis."""
    first, second = batch_curvature_moments[:2]
    m2 = learning_rate * first / batch_size / (2 * first - learning_rate * second)
    step = minibatch_step(chunk, learning_rate, batch_size, torch.ones(1, dtype=torch.float64), law=law)

    def observe(d: torch.Tensor) -> torch.Tensor:
        q = (d * d).sum(0) / m2
        return q * q - 3 - 6 * (q - 1)

    start = m2**0.5 * chunk.normal(1, chunk.replicas)
    relax = math.ceil(1 / learning_rate)
    return time_average(step, start, observe, 10 * relax, 3 * relax, 40)
