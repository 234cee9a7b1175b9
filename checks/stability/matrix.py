"""Experiments with products of random matrices: chains of the matrices, and real SGD that generates them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from checks.check import Context, Measured
from checks.stability.experiments import TINY
from numerics.ensemble import Chunk
from numerics.matrix_products import lyapunov_spectrum, multiply, orthonormalise, top_exponent
from numerics.minibatch import minibatch_sgd


def iid_spectrum(chunk: Chunk, *, dimension: int, entry_std: float, steps: int) -> torch.Tensor:
    """Spectrum of products of matrices with iid normal entries: (replicas, dimension)."""
    return lyapunov_spectrum(
        lambda frame, _: multiply(entry_std * chunk.normal(dimension, dimension, chunk.replicas), frame),
        dimension,
        chunk.replicas,
        steps,
        device=chunk.device,
    ).T


def iid_step(chunk: Chunk, *, dimension: int) -> torch.Tensor:
    """Logs of the distances in one matrix with iid standard normal entries: (replicas, dimension)."""
    return orthonormalise(chunk.normal(dimension, dimension, chunk.replicas))[1].T


def rank_one_spectrum(
    chunk: Chunk, *, learning_rate: float, dimension: int, input_std: float = 1.0, steps: int
) -> torch.Tensor:
    """Spectrum of products of I - eta x x^T with normal x: (replicas, dimension)."""

    def apply(frame: torch.Tensor, _: int) -> torch.Tensor:
        x = input_std * chunk.normal(dimension, 1, chunk.replicas)
        return frame - learning_rate * x * (x * frame).sum(0)

    return lyapunov_spectrum(apply, dimension, chunk.replicas, steps, device=chunk.device).T


def regression_spectrum(
    chunk: Chunk, *, learning_rate: float, dimension: int, input_std: float = 1.0, steps: int
) -> torch.Tensor:
    """Spectrum from real SGD: linear regression on one normal sample a step, from d starts on the same samples.

    The volumes spanned by the errors of the first k starts grow like the sum of k exponents: (replicas, dimension).
    """
    eye = torch.eye(dimension, dtype=torch.float64, device=chunk.device)
    teacher = 0.3 + 0.1 * torch.arange(dimension, dtype=torch.float64, device=chunk.device)[:, None, None]

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * (((p["w"] * x).sum(0) - y) ** 2).sum(0)

    def batch(_: int) -> tuple[torch.Tensor, ...]:
        x = input_std * chunk.normal(dimension, 1, chunk.replicas)
        return x, (teacher * x).sum(0)

    start = teacher + eye[:, :, None].repeat(1, 1, chunk.replicas)
    end = minibatch_sgd(loss, {"w": start}, batch, learning_rate, steps)
    return orthonormalise(end["w"] - teacher)[1].T / steps


def rank_one_top_at_rates(chunk: Chunk, *, rates: tuple[float, ...], dimension: int, steps: int) -> torch.Tensor:
    """Growth of one vector under I - eta x x^T at several learning rates on the same inputs: (replicas, rates)."""
    columns: list[torch.Tensor] = []
    for rate in rates:
        fork = Chunk(chunk.replicas, chunk.seed, chunk.device)

        def apply(frame: torch.Tensor, _: int, fork: Chunk = fork, rate: float = rate) -> torch.Tensor:
            x = fork.normal(dimension, 1, fork.replicas)
            return frame - rate * x * (x * frame).sum(0)

        columns.append(top_exponent(apply, dimension, chunk.replicas, steps, device=chunk.device))
    return torch.stack(columns, 1)


def goe_top(
    chunk: Chunk, *, learning_rate: float, curvature_mean: float, curvature_std: float, dimension: int, steps: int
) -> torch.Tensor:
    """Growth of one vector under I - eta (m I + s G), G symmetric normal, less its zero-mean linear part.

    Given the past, eta s v.G v has mean zero: adding it changes no mean, and removes the noise of first order.
    """
    d, replicas = dimension, chunk.replicas
    v = torch.zeros(d, replicas, dtype=torch.float64, device=chunk.device)
    v[0] = 1.0
    total = torch.zeros(replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        square = chunk.normal(d, d, replicas)
        image = multiply((square + square.transpose(0, 1)) / 2**0.5, v[:, None])[:, 0]
        moved = (1 - learning_rate * curvature_mean) * v - learning_rate * curvature_std * image
        norm = torch.linalg.vector_norm(moved, dim=0)
        total += torch.log(norm) + learning_rate * curvature_std * (v * image).sum(0)
        v = moved / norm
    return total / steps


def goe_second_order(
    chunk: Chunk, *, learning_rate: float, curvature_mean: float, curvature_std: float, dimension: int, steps: int
) -> torch.Tensor:
    """Even part in eta of the growth rate, per eta^2: the mean of the rates at eta and -eta."""
    rates = [
        goe_top(
            chunk,
            learning_rate=rate,
            curvature_mean=curvature_mean,
            curvature_std=curvature_std,
            dimension=dimension,
            steps=steps,
        )
        for rate in (learning_rate, -learning_rate)
    ]
    return (rates[0] + rates[1]) / (2 * learning_rate**2)


def second_order(value: float, learning_rate: float, curvature_mean: float, **_: Any) -> float:
    """What is left of the exponent after its linear term, per eta^2."""
    return (value + learning_rate * curvature_mean) / learning_rate**2


def vector_net_growth(
    chunk: Chunk, *, learning_rate: float, noise_std: float, dimension: int, steps: int, burn_in: int
) -> torch.Tensor:
    """Growth of |w| in f = u w.x under pure noise, by the exact chain of u and |w|, less its zero-mean linear part."""
    step = learning_rate * noise_std
    ratio = torch.full((chunk.replicas,), 0.4 if dimension > 1 else 1.0, dtype=torch.float64, device=chunk.device)
    total = torch.zeros_like(ratio)
    for index in range(burn_in + steps):
        noise = chunk.normal(dimension, chunk.replicas)
        across = (noise[1:] ** 2).sum(0)
        along = step * ratio * noise[0]
        radius = torch.sqrt((1 + along) ** 2 + (step * ratio) ** 2 * across)
        if index >= burn_in:
            total += torch.log(radius) - along
        # In one dimension u = w stays so to rounding; keep it exactly.
        ratio = (ratio + step * noise[0]) / radius if dimension > 1 else torch.ones_like(ratio)
    return total / steps


def vector_net_sgd_growth(
    chunk: Chunk, *, learning_rate: float, noise_std: float, dimension: int, steps: int, burn_in: int
) -> torch.Tensor:
    """Growth of |w| under real SGD of f = u w.x on inputs and labels with y x ~ N(0, sigma^2 I)."""
    shape = (dimension, chunk.replicas)
    start = TINY * chunk.normal(*shape)
    state = {"u": 0.4 * torch.linalg.vector_norm(start, dim=0), "w": start}
    control = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    marks: dict[str, torch.Tensor] = {}

    def loss(p: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * (p["u"] * (p["w"] * x).sum(0) - y) ** 2

    def batch(index: int) -> tuple[torch.Tensor, ...]:
        noise = noise_std * chunk.normal(*shape)
        if index >= burn_in:
            # The linear part of log|w'| - log|w|, whose mean is zero given the past.
            w = state["w"]
            control.add_(learning_rate * state["u"] * (w * noise).sum(0) / (w * w).sum(0))
        label = torch.where(chunk.uniform(chunk.replicas) < 0.5, -1.0, 1.0) * (0.5 + chunk.uniform(chunk.replicas))
        return noise / label, label

    def observe(index: int, now: dict[str, torch.Tensor]) -> None:
        state.update(now)
        if index + 1 == burn_in:
            marks["start"] = torch.log(torch.linalg.vector_norm(now["w"] / TINY, dim=0))

    end = minibatch_sgd(loss, state, batch, learning_rate, burn_in + steps, observe=observe)
    growth = torch.log(torch.linalg.vector_norm(end["w"] / TINY, dim=0)) - marks["start"]
    return (growth - control) / steps


def small_step_units(value: float, learning_rate: float, noise_std: float, **_: Any) -> float:
    """The growth rate that belongs to a coefficient of (eta sigma)^2."""
    return value * (learning_rate * noise_std) ** 2


def _heavy_ball(
    chunk: Chunk, learning_rate: float, curvature_mean: float, curvature_std: float, momentum: float, steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """(slow variable, next slow variable, position, curvature) of each step; the state is kept near unit size."""
    gain = momentum / (1 - momentum)
    velocity = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    position = torch.ones_like(velocity)
    for _ in range(steps):
        h = curvature_mean + curvature_std * chunk.normal(chunk.replicas)
        slow = gain * velocity + position
        velocity = momentum * velocity - learning_rate * h * position
        moved = position + velocity
        yield slow, gain * velocity + moved, position, h
        size = (gain * velocity + moved).abs()
        velocity, position = velocity / size, moved / size


def heavy_ball_top(
    chunk: Chunk,
    *,
    learning_rate: float,
    curvature_mean: float,
    curvature_std: float,
    momentum: float,
    steps: int,
    burn_in: int,
) -> torch.Tensor:
    """Growth of the slow variable of heavy ball, less its zero-mean linear part."""
    total = torch.zeros(chunk.replicas, dtype=torch.float64, device=chunk.device)
    run = _heavy_ball(chunk, learning_rate, curvature_mean, curvature_std, momentum, burn_in + steps)
    for index, (slow, after, position, h) in enumerate(run):
        if index >= burn_in:
            linear = learning_rate * (h - curvature_mean) * position / ((1 - momentum) * slow)
            total += torch.log((after / slow).abs()) + linear
    return total / steps


def _heavy_ball_step(
    chunk: Chunk, learning_rate: float, curvature_mean: float, curvature_std: float, momentum: float
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    def apply(frame: torch.Tensor, _: int) -> torch.Tensor:
        h = curvature_mean + curvature_std * chunk.normal(chunk.replicas)
        velocity = momentum * frame[0] - learning_rate * h * frame[1]
        return torch.stack([velocity, frame[1] + velocity])

    return apply


def heavy_ball_norm(chunk: Chunk, *, steps: int, burn_in: int, **keys: float) -> torch.Tensor:
    """Growth rate of the length of (velocity, position) under heavy ball, at any step size."""
    return top_exponent(_heavy_ball_step(chunk, **keys), 2, chunk.replicas, steps, burn_in=burn_in, device=chunk.device)


def heavy_ball_areas(context: Context, *, momentum: float, learning_rate: float, curvature_std: float) -> Measured:
    """Sum of both exponents of heavy ball: the rate at which areas shrink, over a few runs of few steps."""
    chunk, steps = Chunk(64, context.seed, context.device), 20
    apply = _heavy_ball_step(chunk, learning_rate, 0.3, curvature_std, momentum)
    areas = lyapunov_spectrum(apply, 2, chunk.replicas, steps, device=chunk.device).sum(0)
    return Measured(areas.mean().item(), 1e-10)
