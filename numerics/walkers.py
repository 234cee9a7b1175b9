"""Walker ensembles near a minimum: the SDE, the chain with injected noise, and real minibatches of linear regression.

Places have shape (directions, replicas), the replica axis last. Units: sigma = 1 unless a noise variance is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.ensemble import Chunk
from numerics.errors import NumericsError

Step = Callable[[torch.Tensor], torch.Tensor]


def sde_step(
    chunk: Chunk,
    temperature: float,
    time_step: float,
    kurtosis: float = 2.0,
    gaussian_features: bool = False,
    ito: float = 0.0,
) -> Step:
    """Euler-Maruyama step of d d = -d dt + sqrt(2 D) dW at h = sigma = 1.

    D = (T/2) (1 + (K-1) v), or (T/2) [(1+v) I + d d^T] with ``gaussian_features``; ``ito`` adds the drift alpha D'.
    """
    rank_one, k = (1.0, 1.0) if gaussian_features else (0.0, kurtosis - 1.0)
    scale = (temperature * time_step) ** 0.5

    def step(d: torch.Tensor) -> torch.Tensor:
        # One step is short: that float32 normals end at 5.77 sigma cannot be seen, and they are the fastest source.
        moved = d * (1 - time_step * (1 - ito * temperature * k))
        moved.addcmul_(_root(d, k), chunk.normal(*d.shape, dtype=torch.float32).double(), value=scale)
        if rank_one:
            moved.addcmul_(d, chunk.normal(d.shape[1], dtype=torch.float32).double(), value=scale)
        return moved

    return step


def _root(d: torch.Tensor, weight: float) -> torch.Tensor:
    """Return sqrt(1 + weight |d|^2) for every replica."""
    square = d[0] * d[0] if d.shape[0] == 1 else (d * d).sum(0)
    return square.mul_(weight).add_(1.0).sqrt_()


def chain_step(chunk: Chunk, learning_rate: float, batch_size: float, curvature: float = 1.0) -> Step:
    """Gaussian chain with noise variance 2 L h / B in every direction, sigma = 1."""
    e = learning_rate * curvature
    scale = learning_rate * (curvature / batch_size) ** 0.5

    def step(d: torch.Tensor) -> torch.Tensor:
        return (d * (1 - e)).addcmul_(_root(d, curvature), chunk.normal(*d.shape), value=scale)

    return step


def features(chunk: Chunk, law: str, *shape: int) -> torch.Tensor:
    """Features with E x^2 = 1: gaussian, rademacher, uniform (K = 9/5), laplace (6), atoms=K on {0, +-sqrt K}."""
    if law == "gaussian":
        return chunk.normal(*shape)
    if law == "rademacher":
        return 2.0 * chunk.integers(2, *shape).double() - 1.0
    if law == "uniform":
        return (2.0 * chunk.uniform(*shape) - 1.0) * 3.0**0.5
    if law == "laplace":
        signs = 2.0 * chunk.integers(2, *shape).double() - 1.0
        return signs * chunk.exponential(*shape) / 2.0**0.5
    if law.startswith("atoms="):
        k = float(law.split("=")[1])
        u = chunk.uniform(*shape)
        return torch.where(u < 0.5 / k, k**0.5, torch.where(u < 1.0 / k, -(k**0.5), 0.0))
    raise NumericsError(f"feature law {law!r} is unknown; choose gaussian, rademacher, uniform, laplace or atoms=K.")


def minibatch_step(
    chunk: Chunk,
    learning_rate: float,
    batch_size: int,
    scales: torch.Tensor,
    noise_variance: float = 1.0,
    law: str = "gaussian",
    labels: str = "gaussian",
) -> Step:
    """One update of real minibatch SGD on linear regression; ``scales`` are standard deviations of the features."""
    sigma = noise_variance**0.5

    def step(d: torch.Tensor) -> torch.Tensor:
        x = features(chunk, law, batch_size, *d.shape) * scales[:, None]
        e = sigma * features(chunk, labels, batch_size, d.shape[1])
        residual = (x * d).sum(1) - e
        return d - learning_rate * (residual[:, None] * x).mean(0)

    return step


def regression_step(chunk: Chunk, learning_rate: float, batch_size: int, curvature: float = 1.0) -> Step:
    """The same in law for one Gaussian feature, drawn from A = chi^2_B/B and one normal (no batches)."""
    size = batch_size

    def step(d: torch.Tensor) -> torch.Tensor:
        if size == 1:
            x = chunk.normal(*d.shape)
            a = curvature * x * x
        elif size % 2 == 0:
            # chi^2 of an even number of degrees is twice a sum of exponentials: half the draws, and cheaper ones
            a = (2 * curvature / size) * chunk.exponential(size // 2, *d.shape).sum(0)
        else:
            a = (curvature / size) * (chunk.normal(size, *d.shape) ** 2).sum(0)
        return (1 - learning_rate * a) * d + learning_rate * (a / size).sqrt() * chunk.normal(*d.shape)

    return step


@dataclass(frozen=True)
class Passage:
    """Exits and exposure of every replica: 0/1 and the number of updates it was at risk."""

    events: torch.Tensor
    exposure: torch.Tensor

    @property
    def sample(self) -> torch.Tensor:
        """Columns (events, exposure) for ``numerics.statistics.Rate``."""
        return torch.stack([self.events, self.exposure], 1)


def first_passage(
    step: Step, start: torch.Tensor, outside: Callable[[torch.Tensor], torch.Tensor], horizon: int
) -> Passage:
    """Run until ``outside`` or ``horizon`` updates; a censored replica contributes exposure and no event."""
    d = start
    events = torch.zeros(start.shape[-1], dtype=torch.float64, device=start.device)
    exposure = torch.zeros_like(events)
    for _ in range(horizon):
        at_risk = 1.0 - events
        if not bool(at_risk.any()):
            break
        exposure += at_risk
        d = step(d)
        events = torch.maximum(events, outside(d).double())
    return Passage(events, exposure)


def renewals(step: Step, start: torch.Tensor, outside: Callable[[torch.Tensor], torch.Tensor], updates: int) -> Passage:
    """Restart every walker at ``start`` after its exit; events over exposure estimates one over the mean exit time."""
    d = start.clone()
    events = torch.zeros(start.shape[-1], dtype=torch.float64, device=start.device)
    for _ in range(updates):
        d = step(d)
        out = outside(d)
        events += out
        d = torch.where(out, start, d)
    return Passage(events, torch.full_like(events, float(updates)))


def time_average(
    step: Step,
    start: torch.Tensor,
    observe: Callable[[torch.Tensor], torch.Tensor],
    burn_in: int,
    spacing: int,
    snapshots: int,
) -> torch.Tensor:
    """Average of ``observe`` over snapshots after the burn-in; the shape of one observation."""
    d = start
    for _ in range(burn_in):
        d = step(d)
    total = torch.zeros_like(observe(d))
    for _ in range(snapshots):
        for _ in range(spacing):
            d = step(d)
        total = total + observe(d)
    return total / snapshots
