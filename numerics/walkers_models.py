"""Further ensembles of the escape family: wells with real minibatches, far-away growth, chains with given covariance.

Places have shape (directions, replicas), the replica axis last.
"""

from __future__ import annotations

import torch

from numerics.ensemble import Chunk
from numerics.walkers import Step


def double_well_minibatch_step(chunk: Chunk, learning_rate: float, batch_size: int, barrier_ratio: float) -> Step:
    """Real minibatch SGD on a regression whose loss is a double well: L = 1 + (c-1)(w^2-1)^2 [+ (h/2) v^2], h = 8(c-1).

    Model f = r(w) . x with two Gaussian features and r = a (w^2-1) (cos phi, sin phi), a^2 = 2 (c-1), label noise
    variance 2, so that L_* = 1. phi = 2 arcsin w between the minima makes |r'(w)|^2 = h there: the Gram matrix of the
    published derivation is constant, and T = eta h / B. A second row of places is v, the weight of a third feature.
    """
    a = (2 * (barrier_ratio - 1)) ** 0.5

    def step(d: torch.Tensor) -> torch.Tensor:
        w = d[0]
        radius, slope = a * (w * w - 1), 2 * a * w
        turn = 2 * a * (1 - w * w).clamp_min(0.0).sqrt()
        along, across, e = chunk.normal(3, batch_size, d.shape[1])
        residual = radius * along - 2.0**0.5 * e
        if d.shape[0] == 1:
            return d - learning_rate * (residual * (slope * along + turn * across)).mean(0)
        third = 2 * a * chunk.normal(batch_size, d.shape[1])
        residual = residual + third * d[1]
        gradient = torch.stack([residual * (slope * along + turn * across), residual * third])
        return d - learning_rate * gradient.mean(1)

    return step


def covariant_chain_step(
    chunk: Chunk, learning_rate: float, batch_size: float, curvatures: torch.Tensor, noise_variance: float
) -> Step:
    """Gaussian chain whose noise has the exact covariance of Gaussian features, (2 L H + grad L grad L^T)/B."""
    root = curvatures.sqrt()[:, None]

    def step(d: torch.Tensor) -> torch.Tensor:
        gradient = curvatures[:, None] * d
        spread = (noise_variance + (gradient * d).sum(0)).sqrt() * root
        noise = spread * chunk.normal(*d.shape) + gradient * chunk.normal(d.shape[1])
        return d - learning_rate * (gradient + noise / batch_size**0.5)

    return step


def linear_chain_step(
    chunk: Chunk, learning_rate: float, hessian: torch.Tensor, noise_root: torch.Tensor, momentum: float = 0.0
) -> Step:
    """theta' = theta - eta (H theta + R xi), with heavy ball: rows of the state are theta, then the velocity."""
    size = len(hessian)

    def step(state: torch.Tensor) -> torch.Tensor:
        place, velocity = state[:size], state[size:]
        gradient = hessian @ place + noise_root @ chunk.normal(size, state.shape[1])
        velocity = momentum * velocity - learning_rate * gradient
        return torch.cat([place + velocity, velocity])

    return step


def growth(chunk: Chunk, learning_rate: float, batch_size: int, dimension: int) -> torch.Tensor:
    """|M u|^2 for M = I - (eta/B) sum x x^T on a unit vector u: growth of real SGD far away, h = 1; (replicas,)."""
    x = chunk.normal(batch_size, dimension, chunk.replicas)
    moved = -(learning_rate / batch_size) * (x[:, :1] * x).sum(0)
    moved[0] += 1.0
    return (moved * moved).sum(0)


def log_distance_drift(
    chunk: Chunk, temperature: float, dimension: int, curvature: float, time: float = 1.0, steps: int = 200
) -> torch.Tensor:
    """(log |d(t)| - log |d(0)|)/t of the SDE without label noise, D = (T/2) h |d|^2 in every direction; (replicas,).

    Milstein's scheme along d and Euler's across: the error is of first order in the step.
    """
    dt = time / steps
    d = torch.zeros(dimension, chunk.replicas, dtype=torch.float64, device=chunk.device)
    d[0] = 1.0
    logs = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        moved = (1 - curvature * dt) * d + (temperature * curvature * dt) ** 0.5 * chunk.normal(*d.shape)
        length = (moved * moved).sum(0).sqrt()
        # the equation is homogeneous: only the direction is kept, of length one
        logs += length.log()
        d = moved / length
    return logs / time
