"""Two identical units of a tanh network trained on the digits: how fast their difference grows or dies.

The network is f(x) = sum_k u_k tanh(w_k . x), k = 1, 2, half the squared error, minibatches drawn with replacement.
Inputs are principal components of the digits at unit covariance. Every draw carries the label of another image and
normal noise on top, so that labels tell nothing of their image: the saddle at u = w = 0 has curvature of mean zero.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch

from numerics.digits import digits, principal_component, signed_label
from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.minibatch import Batch, Parameters, minibatch_sgd

UNITS = 2


@functools.lru_cache(maxsize=8)
def whitened(dimension: int) -> torch.Tensor:
    """Return the leading principal components of the digits, (dimension, 1797), with covariance exactly 1.

    Raises NumericsError if the dimension is not between 1 and 64.

    >>> x = whitened(3)
    >>> bool(torch.allclose(x @ x.T / 1797, torch.eye(3, dtype=torch.float64)))
    True
    """
    if not 1 <= dimension <= digits()[0].shape[1]:
        raise NumericsError(f"dimension {dimension} is outside 1 to {digits()[0].shape[1]}; choose one inside.")
    return torch.from_numpy(np.stack([principal_component(rank + 1) for rank in range(dimension)]))


def tanh_loss(p: Parameters, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return (f - y)^2/2; u (units, replicas), w (units, d, replicas), x (batch, d, replicas), y (batch, replicas)."""
    before = (p["w"] * x[:, None]).sum(2)
    return 0.5 * ((p["u"] * torch.tanh(before)).sum(1) - y) ** 2


def noise_per_component(label_noise_std: float, batch_size: int) -> float:
    """Return the standard deviation of a component of the batch mean of y x: labels +-1 plus noise, unit inputs.

    >>> noise_per_component(0.75, 4)
    0.625
    """
    return math.sqrt((1 + label_noise_std**2) / batch_size)


@dataclass(frozen=True)
class Task:
    """Minibatches of whitened digits with labels of other images plus label noise."""

    dimension: int
    label_noise_std: float
    batch_size: int = 4

    def draw(self, chunk: Chunk) -> Batch:
        """Return inputs (batch, dimension, replicas) and labels (batch, replicas)."""
        inputs = whitened(self.dimension).to(chunk.device)
        labels = torch.from_numpy(signed_label("large")).to(chunk.device)
        shape = (self.batch_size, chunk.replicas)
        images, others = chunk.integers(inputs.shape[1], *shape), chunk.integers(inputs.shape[1], *shape)
        x = inputs[:, images].transpose(0, 1).contiguous()
        return x, labels[others] + self.label_noise_std * chunk.normal(*shape)


def nearly_tied(chunk: Chunk, dimension: int, size: float, split: float) -> Parameters:
    """Return two units of length ``size`` whose difference is smaller by the factor ``split``, in random directions."""
    common, apart = chunk.normal(dimension, chunk.replicas), chunk.normal(dimension, chunk.replicas)
    common, apart = (v / torch.linalg.vector_norm(v, dim=0) for v in (common, apart))
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64, device=chunk.device)
    w = size * (common + split * sign[:, None, None] * apart)
    # Near the stationary ratio of |u| and |w|, to shorten the transient.
    u = size * (0.4 + 0.4 * split * sign[:, None].expand(UNITS, chunk.replicas))
    return {"u": u, "w": w}


def difference(p: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the untying direction: u_1 - u_2 (replicas,) and w_1 - w_2 (dimension, replicas)."""
    return p["u"][0] - p["u"][1], p["w"][0] - p["w"][1]


def untying_growth(
    chunk: Chunk,
    task: Task,
    learning_rate: float,
    steps: int,
    burn_in: int,
    *,
    weight_decay: float = 0.0,
    size: float = 1e-8,
    split: float = 1e-5,
) -> torch.Tensor:
    """Return the growth rate per step of |w_1 - w_2| after the burn-in, one number per replica.

    Its part linear in the noise, which has mean zero given the past, is taken off. Raises NumericsError if a unit
    leaves the neighbourhood of the saddle, where tanh is linear to rounding.
    """
    state = nearly_tied(chunk, task.dimension, size, split)
    control = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    start = torch.zeros_like(control)
    kept = 1 - learning_rate * weight_decay

    def batch(index: int) -> Batch:
        x, y = task.draw(chunk)
        if index >= burn_in:
            u, w = difference(state)
            kick = (x * y[:, None]).mean(0)
            control.add_(learning_rate / kept * u * (w * kick).sum(0) / (w * w).sum(0))
        return x, y

    def observe(index: int, now: Parameters) -> None:
        state.update(now)
        if index + 1 == burn_in:
            start.copy_(torch.log(torch.linalg.vector_norm(difference(now)[1], dim=0)))

    if burn_in == 0:
        start.copy_(torch.log(torch.linalg.vector_norm(difference(state)[1], dim=0)))
    end = minibatch_sgd(
        tanh_loss, state, batch, learning_rate, burn_in + steps, weight_decay=weight_decay, observe=observe
    )
    largest = float(end["w"].abs().max())
    if not largest < 0.01:
        raise NumericsError(f"a weight has grown to {largest:.1e}, beyond 0.01; start smaller or take fewer steps.")
    growth = torch.log(torch.linalg.vector_norm(difference(end)[1], dim=0)) - start
    return (growth - control) / steps


def untying_fate(
    chunk: Chunk,
    task: Task,
    learning_rate: float,
    steps: int,
    *,
    weight_decay: float,
    size: float,
    split: float,
    exit_radius: float,
) -> torch.Tensor:
    """Return indicators (replicas, 2): |w_1 - w_2| has exceeded the exit radius; it has not, and ends below its start.

    Units start at a size where tanh may bend, and stay where they are once they have separated.
    """
    first = nearly_tied(chunk, task.dimension, size, split)

    def apart(p: Parameters) -> torch.Tensor:
        return torch.linalg.vector_norm(difference(p)[1], dim=0)

    end = minibatch_sgd(
        tanh_loss,
        first,
        lambda _: task.draw(chunk),
        learning_rate,
        steps,
        weight_decay=weight_decay,
        frozen=lambda p: apart(p) > exit_radius,
    )
    untied = apart(end) > exit_radius
    return torch.stack([untied, ~untied & (apart(end) < apart(first))], 1).double()
