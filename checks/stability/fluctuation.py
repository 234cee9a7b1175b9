"""Experiments on fluctuations: chains of normal multipliers, tails, escapes, epochs, and real SGD beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from checks.stability.digits import SIGNAL_TASK
from checks.stability.experiments import TINY, scalar_net_data, scalar_net_loss
from numerics.curvature import draw_curvature
from numerics.digits import scalar_task
from numerics.ensemble import Chunk
from numerics.minibatch import minibatch_sgd

BLOCK = 32


def multipliers(
    chunk: Chunk, *shape: int, learning_rate: float, curvature_mean: float, curvature_std: float
) -> torch.Tensor:
    """Multipliers 1 - eta h of normal curvature."""
    return 1 - learning_rate * (curvature_mean + curvature_std * chunk.normal(*shape))


def log_multiplier(chunk: Chunk, **keys: float) -> torch.Tensor:
    """One log|a| per replica."""
    return torch.log(multipliers(chunk, chunk.replicas, **keys).abs())


def power_of_multiplier(
    chunk: Chunk, *, curvature_law: str, learning_rate: float, moment_order: float, **parameters: Any
) -> torch.Tensor:
    """One |a|^p per replica."""
    h = draw_curvature(chunk, curvature_law, chunk.replicas, **parameters)
    return (1 - learning_rate * h).abs() ** moment_order


def powers_of_multiplier(chunk: Chunk, *, orders: tuple[float, ...], **keys: float) -> torch.Tensor:
    """(|a|^p - 1)/p for several orders p on the same multiplier, control variate a - E a: (replicas, orders)."""
    a = multipliers(chunk, chunk.replicas, **keys)
    mean = 1 - keys["learning_rate"] * keys["curvature_mean"]
    logs = torch.log(a.abs())
    return torch.stack([torch.expm1(p * logs) / p - 0.7 * (a - mean) / mean for p in orders], 1)


def chain_growth(chunk: Chunk, *, steps: int, **keys: float) -> torch.Tensor:
    """Log growth after ``steps`` steps of the chain."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    for start in range(0, steps, BLOCK):
        block = multipliers(chunk, min(BLOCK, steps - start), chunk.replicas, **keys)
        total += torch.log(block.abs()).sum(0)
    return total


def sgd_growth(
    chunk: Chunk, *, steps: int, learning_rate: float, curvature_mean: float, curvature_std: float
) -> torch.Tensor:
    """Log growth along u = -w of the scalar net under real SGD."""
    start = torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)
    end = minibatch_sgd(
        scalar_net_loss(1),
        {"u": start, "w": -start},
        lambda _: scalar_net_data(chunk, "normal", 1, 1, curvature_mean=curvature_mean, curvature_std=curvature_std),
        learning_rate,
        steps,
    )
    return torch.log((end["u"] - end["w"]).abs() / (2 * TINY))


def collapsed(chunk: Chunk, *, steps: int, log_ratio: float, **keys: float) -> torch.Tensor:
    """1 where the chain is below exp(log_ratio) times its start."""
    return (chain_growth(chunk, steps=steps, **keys) < log_ratio).double()


def tail_indicators(
    chunk: Chunk, *, thresholds: tuple[float, ...], steps: int, burn_in: int, **keys: float
) -> torch.Tensor:
    """Fractions of time with |theta| beyond each threshold, theta <- a theta + noise: (replicas, thresholds)."""
    theta = chunk.normal(chunk.replicas)
    counts = torch.zeros(chunk.replicas, len(thresholds), dtype=torch.float64, device=chunk.device)
    edges = torch.tensor(thresholds, dtype=torch.float64, device=chunk.device)
    for index in range(burn_in + steps):
        theta = multipliers(chunk, chunk.replicas, **keys) * theta + chunk.normal(chunk.replicas)
        if index >= burn_in:
            counts += (theta.abs()[:, None] > edges).double()
    return counts / steps


def tail_of_sgd(
    chunk: Chunk,
    *,
    thresholds: tuple[float, ...],
    steps: int,
    burn_in: int,
    learning_rate: float,
    curvature_mean: float,
    curvature_std: float,
) -> torch.Tensor:
    """The same for real SGD on the samples h theta^2/2 - xi theta."""
    counts = torch.zeros(chunk.replicas, len(thresholds), dtype=torch.float64, device=chunk.device)
    edges = torch.tensor(thresholds, dtype=torch.float64, device=chunk.device)

    def batch(_: int) -> tuple[torch.Tensor, ...]:
        return curvature_mean + curvature_std * chunk.normal(chunk.replicas), chunk.normal(chunk.replicas)

    def observe(index: int, now: dict[str, torch.Tensor]) -> None:
        if index >= burn_in:
            counts.add_((now["t"].abs()[:, None] > edges).double())

    start = {"t": chunk.normal(chunk.replicas)}
    minibatch_sgd(
        lambda p, h, xi: h * p["t"] ** 2 / 2 - xi * p["t"],
        start,
        batch,
        learning_rate,
        burn_in + steps,
        observe=observe,
    )
    return counts / steps


def close_visits(chunk: Chunk, *, radii: tuple[float, ...], steps: int, burn_in: int, **keys: float) -> torch.Tensor:
    """Fractions of time with |theta| < r for theta <- tanh(a theta): (replicas, radii)."""
    theta = 0.1 + 0.5 * chunk.uniform(chunk.replicas)
    counts = torch.zeros(chunk.replicas, len(radii), dtype=torch.float64, device=chunk.device)
    edges = torch.tensor(radii, dtype=torch.float64, device=chunk.device)
    for index in range(burn_in + steps):
        theta = torch.tanh(multipliers(chunk, chunk.replicas, **keys) * theta)
        if index >= burn_in:
            counts += (theta.abs()[:, None] < edges).double()
    return counts / steps


def close_visits_of_sgd(
    chunk: Chunk,
    *,
    radii: tuple[float, ...],
    steps: int,
    burn_in: int,
    learning_rate: float,
    curvature_mean: float,
    curvature_std: float,
    confinement: float = 0.4,
) -> torch.Tensor:
    """The same for real SGD on the samples (h - c) log cosh theta + c theta^2/2, whose curvature at 0 is h."""
    counts = torch.zeros(chunk.replicas, len(radii), dtype=torch.float64, device=chunk.device)
    edges = torch.tensor(radii, dtype=torch.float64, device=chunk.device)

    def batch(_: int) -> tuple[torch.Tensor, ...]:
        return (curvature_mean - confinement + curvature_std * chunk.normal(chunk.replicas),)

    def loss(p: dict[str, torch.Tensor], h: torch.Tensor) -> torch.Tensor:
        return h * torch.log(torch.cosh(p["t"])) + confinement * p["t"] ** 2 / 2

    def observe(index: int, now: dict[str, torch.Tensor]) -> None:
        if index >= burn_in:
            counts.add_((now["t"].abs()[:, None] < edges).double())

    start = {"t": 0.1 + 0.5 * chunk.uniform(chunk.replicas)}
    minibatch_sgd(loss, start, batch, learning_rate, burn_in + steps, observe=observe)
    return counts / steps


def excursions(chunk: Chunk, *, levels: tuple[float, ...], steps: int, **keys: float) -> torch.Tensor:
    """1 where the maximum of log|theta/theta_0| ever passes each level: (replicas, levels)."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    highest = total.clone()
    for _ in range(0, steps, BLOCK):
        walk = total + torch.cumsum(torch.log(multipliers(chunk, BLOCK, chunk.replicas, **keys).abs()), 0)
        highest = torch.maximum(highest, walk.max(0).values)
        total = walk[-1]
    edges = torch.tensor(levels, dtype=torch.float64, device=chunk.device)
    return (highest[:, None] > edges).double()


def exits(chunk: Chunk, *, log_ratio: float, horizon: int, **keys: float) -> tuple[torch.Tensor, torch.Tensor]:
    """First step with log|theta/theta_0| > log_ratio and the overshoot there; nan where the horizon came first."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    time, over = torch.full_like(total, torch.nan), torch.full_like(total, torch.nan)
    inside = torch.arange(chunk.replicas, device=chunk.device)
    for start in range(0, horizon, BLOCK):
        block = min(BLOCK, horizon - start)
        walk = total + torch.cumsum(torch.log(multipliers(chunk, block, len(inside), **keys).abs()), 0)
        beyond = walk > log_ratio
        gone, first = beyond.any(0), beyond.int().argmax(0)
        time[inside[gone]] = (start + 1 + first[gone]).double()
        over[inside[gone]] = walk.gather(0, first[None])[0, gone] - log_ratio
        inside, total = inside[~gone], walk[-1, ~gone]
        if len(inside) == 0:
            break
    return time, over


def exits_of_sgd(
    chunk: Chunk, *, log_ratio: float, horizon: int, learning_rate: float, curvature_mean: float, curvature_std: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for the scalar net under real SGD along u = -w; runs stop at the exit radius."""
    time = torch.full((chunk.replicas,), torch.nan, dtype=torch.float64, device=chunk.device)
    over = torch.full_like(time, torch.nan)
    inside, place = torch.arange(chunk.replicas, device=chunk.device), torch.full_like(time, TINY)
    for start in range(0, horizon, BLOCK):
        # Runs that have left are dropped: most leave long before the last.
        part = Chunk(len(inside), chunk.seed + start, chunk.device)
        steps = torch.zeros_like(place)

        def distance(p: dict[str, torch.Tensor]) -> torch.Tensor:
            return torch.log((p["u"] - p["w"]).abs() / (2 * TINY)) - log_ratio

        def frozen(p: dict[str, torch.Tensor], steps: torch.Tensor = steps) -> torch.Tensor:
            gone = distance(p) > 0
            steps.add_((~gone).double())
            return gone

        def batch(_: int, part: Chunk = part) -> tuple[torch.Tensor, ...]:
            return scalar_net_data(part, "normal", 1, 1, curvature_mean=curvature_mean, curvature_std=curvature_std)

        state = {"u": place, "w": -place}
        state = minibatch_sgd(scalar_net_loss(1), state, batch, learning_rate, BLOCK, frozen=frozen)
        beyond = distance(state)
        gone = beyond > 0
        time[inside[gone]], over[inside[gone]] = start + steps[gone], beyond[gone]
        inside, place = inside[~gone], state["u"][~gone]
        if len(inside) == 0:
            break
    return time, over


def exit_time(chunk: Chunk, *, dynamics: str, mean_overshoot: float, per_overshoot: float, **keys: Any) -> torch.Tensor:
    """Exit times, corrected for what the mean overshoot of the sample differs from the one the law is given."""
    time, over = (exits_of_sgd if dynamics == "sgd" else exits)(chunk, **keys)
    return time - (over - mean_overshoot) * per_overshoot


def exited_by(chunk: Chunk, *, log_ratio: float, mean_overshoot: float, steps: int, **keys: float) -> torch.Tensor:
    """1 where the chain has left by the given step."""
    time, _ = exits(chunk, log_ratio=log_ratio, horizon=steps, **keys)
    return (~torch.isnan(time)).double()


def diffusion_growth(
    chunk: Chunk, *, learning_rate: float, curvature_mean: float, curvature_std: float, substeps: int
) -> torch.Tensor:
    """Growth per unit of time of the diffusion, by Euler steps on theta, Brownian part as a control variate."""
    noise = chunk.normal(substeps, chunk.replicas)
    small = 1 / substeps
    factor = 1 - learning_rate * curvature_mean * small - learning_rate * curvature_std * small**0.5 * noise
    return (torch.log(factor.abs()) + learning_rate * curvature_std * small**0.5 * noise).sum(0)


def controlled_log(chunk: Chunk, **keys: float) -> torch.Tensor:
    """log|1 - eta h| with the control variate eta (h - m)."""
    a = multipliers(chunk, chunk.replicas, **keys)
    return torch.log(a.abs()) - (a - 1 + keys["learning_rate"] * keys["curvature_mean"])


def epoch_of_sgd(chunk: Chunk, *, learning_rate: float, curvatures: list[float], batch_size: int) -> torch.Tensor:
    """Log growth along u = -w of the scalar net in one reshuffled epoch of real SGD."""
    h = torch.tensor(curvatures, dtype=torch.float64, device=chunk.device)
    x = torch.linspace(0.6, 1.4, len(curvatures), dtype=torch.float64, device=chunk.device)
    order = chunk.uniform(len(curvatures), chunk.replicas).argsort(0)
    start = torch.full((chunk.replicas,), TINY, dtype=torch.float64, device=chunk.device)

    def batch(step: int) -> tuple[torch.Tensor, ...]:
        chosen = order[step * batch_size : (step + 1) * batch_size]
        return x[chosen], h[chosen] / x[chosen]

    steps = len(curvatures) // batch_size
    end = minibatch_sgd(scalar_net_loss(1), {"u": start, "w": -start}, batch, learning_rate, steps)
    return torch.log((end["u"] - end["w"]).abs() / (2 * TINY))


def epoch_on_digits(context: Context, *, learning_rate: float, curvatures: list[float], batch_size: int) -> Measured:
    """Mean and largest deviation of the log growth of regression on the digits over two differently ordered epochs."""
    x = torch.from_numpy(np.ascontiguousarray(scalar_task(*SIGNAL_TASK)[0])).to(context.device)
    chunk = Chunk(2, context.seed, context.device)
    order = chunk.uniform(len(x), 2).argsort(0)
    start = torch.full((2,), 1.5, dtype=torch.float64, device=context.device)
    end = minibatch_sgd(
        lambda p, inputs: 0.5 * (p["w"] * inputs) ** 2,
        {"w": start},
        lambda step: (x[order[step : step + batch_size]],),
        learning_rate,
        len(x) // batch_size,
    )
    growth = torch.log(end["w"].abs()) - math.log(1.5)
    return Measured(growth.mean().item(), float((growth[0] - growth[1]).abs()) + 1e-9)


def masked_growth(chunk: Chunk, *, probability: float, steps: int, **keys: float) -> torch.Tensor:
    """Growth rate where each curvature is kept with the given probability, else 0."""
    a = multipliers(chunk, steps, chunk.replicas, **keys)
    kept = chunk.uniform(steps, chunk.replicas) < probability
    return torch.where(kept, torch.log(a.abs()), 0.0).mean(0)
