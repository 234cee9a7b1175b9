"""Noise equilibria reached by minibatch SGD: two-layer linear networks with label noise, and scale-invariant models."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.check import Context, Measured
from numerics.ensemble import Chunk
from numerics.rescale_models import angular_model, linear_network, log_ratio, scalar_net


def _start(u: list[float], w: list[float], shift: float) -> tuple[list[list[float]], list[list[float]]]:
    grow = math.exp(shift)
    return [[x * grow] for x in u], [[x / grow for x in w]]


def orbit_position(
    chunk: Chunk,
    *,
    point: tuple[list[float], list[float]],
    residual_covariance: list[list[float]],
    learning_rate: float,
    steps: int,
    shift: float,
    input_covariance: list[list[float]] | None = None,
    batch_size: int = 1,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    stretch: float = 1.0,
    averaged: int = 0,
    **_: Any,
) -> torch.Tensor:
    """Position lambda on the orbit of ``point``, averaged over the end (a third) of a run that starts at ``shift``.

    The labels are y = V x + noise with V = stretch * u w^T.
    """
    u, w = point
    first, second = _start(u, w, shift)
    ratio = 0.5 * math.log(sum(x * x for x in u) / sum(x * x for x in w))
    ends = linear_network(
        chunk, first=first, second=second, target=[[stretch * a * b for b in w] for a in u],
        input_covariance=input_covariance or [[1.0]], residual_covariance=residual_covariance,
        learning_rate=learning_rate, steps=steps, observe=log_ratio, batch_size=batch_size, weight_decay=weight_decay,
        momentum=momentum, averaged=averaged or steps // 3, binary_inputs=True,
    )  # fmt: skip
    return (ends - ratio) / 2


def _pilot(chunk: Chunk, point: tuple[list[float], list[float]], **settings: Any) -> tuple[float, float]:
    """Mean position and the stretch of the labels under which it is a minimum, from two small runs of their own seeds.

    With decay the function shrinks: labels stretched for the point where runs end make that point stationary. The point
    is measured, not predicted.
    """
    stretch, position = stretch_of(point, settings["weight_decay"]), 0.0
    for attempt in (1, 2):
        small = Chunk(128, chunk.seed + attempt, chunk.device)
        position = float(orbit_position(small, point=point, stretch=stretch, **settings).mean())
        grow = math.exp(position)
        moved = ([x * grow for x in point[0]], [x / grow for x in point[1]])
        stretch = stretch_of(moved, settings["weight_decay"])
    return position, stretch


def decayed_position(chunk: Chunk, *, point: tuple[list[float], list[float]], **settings: Any) -> torch.Tensor:
    """``orbit_position`` with the labels stretched for the point where a pilot run ends."""
    return orbit_position(chunk, point=point, stretch=_pilot(chunk, point, **settings)[1], **settings)


def label_noise_values(point: tuple[list[float], list[float]], covariance: list[list[float]]) -> dict[str, float]:
    """Return the noises s_u = 4 |w|^2 Tr S_e and s_w = 4 u^T S_e u at a point, for inputs x = +-1."""
    u, w = point
    size = range(len(u))
    return {
        "first_noise": 4 * sum(x * x for x in w) * sum(covariance[i][i] for i in size),
        "second_noise": 4 * sum(u[i] * covariance[i][j] * u[j] for i in size for j in size),
    }


def stretch_of(point: tuple[list[float], list[float]], weight_decay: float) -> float:
    """Return how much longer V is than u w^T at a stationary point of loss plus decay: 2 (V - u w) w = wd u."""
    return 1 + weight_decay / (2 * sum(x * x for x in point[1]))


def extrapolated_position(chunk: Chunk, *, learning_rate: float, steps: int, **settings: Any) -> torch.Tensor:
    """Twice the position at eta/2 minus the position at eta: what is left is of the order eta^2."""
    whole = orbit_position(chunk, learning_rate=learning_rate, steps=steps, **settings)
    half = orbit_position(chunk, learning_rate=learning_rate / 2, steps=4 * steps, **settings)
    return 2 * half - whole


def decay_of_distance(
    chunk: Chunk, *, shift: float, steps: int, averaged: int, equilibrium: float, **settings: Any
) -> torch.Tensor:
    """Distance of two runs on the same samples that start at equilibrium +- shift, over 2 shift, after ``steps``."""
    ends = []
    for sign in (1, -1):
        twin = Chunk(chunk.replicas, chunk.seed, chunk.device, chunk.index)
        ends.append(orbit_position(twin, shift=equilibrium + sign * shift, steps=steps, averaged=averaged, **settings))
    return (ends[0] - ends[1]) / (2 * shift)


def decay_from_pilot(chunk: Chunk, *, late: int, **settings: Any) -> torch.Tensor:
    """``decay_of_distance`` around the position where pilot runs of ``late`` steps end."""
    run = {k: v for k, v in settings.items() if k not in ("steps", "averaged", "shift")}
    equilibrium, stretch = _pilot(chunk, shift=0.1, steps=late, **run)
    return decay_of_distance(chunk, equilibrium=equilibrium, stretch=stretch, **settings)


def log_decay(value: float, *, learning_rate: float, **given: Any) -> float:
    """Return exp(-rate eta steps) for the number of steps that belongs to these values."""
    return math.exp(-value * learning_rate * RELAXATION_STEPS)


RELAXATION_STEPS = 500


def norm_of_filter(
    chunk: Chunk, *, norm_squared: float, learning_rate: float, weight_decay: float, batch_size: int, start: float,
    steps: int, target_std: float, dimension: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Mean |theta|^2 over the second half of a run of the angular model that starts at ``start``, extrapolated.

    What the SDE leaves out is of the order eta/|theta|^2, hence sqrt(eta wd); a quarter of the decay halves it and
    doubles |theta|^2, so that the norm at wd/4 minus the norm at wd is the one at wd without its first order.
    """

    def norm(decay: float, begin: float, length: int) -> torch.Tensor:
        return angular_model(
            chunk, start_norm=begin, dimension=dimension, target_std=target_std, learning_rate=learning_rate,
            weight_decay=decay, batch_size=batch_size, steps=length, averaged=length // 2,
        )  # fmt: skip

    return norm(weight_decay / 4, 2 * start, 4 * steps) - norm(weight_decay, start, steps)


def stretched(value: float, *, norm_squared: float, **_: Any) -> float:
    """Return |theta|^2 e^{2 lambda*}."""
    return norm_squared * math.exp(2 * value)


def scalar_ratio(
    chunk: Chunk, *, first_weight: float, second_weight: float, inputs: list[float], targets: list[float],
    learning_rate: float, batch_size: int, weight_decay: float, steps: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """ln(|u|/|w|) of the scalar net after a run on given data."""
    u, w = scalar_net(
        chunk, first_weight=first_weight, second_weight=second_weight, inputs=inputs, targets=targets,
        learning_rate=learning_rate, batch_size=batch_size, weight_decay=weight_decay, steps=steps,
    )  # fmt: skip
    return torch.log(u.abs()) - torch.log(w.abs())


def _sharpness(u: torch.Tensor, w: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """Return Tr H = 2 [d_y Tr(W S W^T) + |U|^2 Tr S], shape (1, R)."""
    seen = (w[:, :, None] * covariance[None, :, :, None] * w[:, None]).sum((0, 1, 2))
    return 2 * (len(u) * seen + (u**2).sum((0, 1)) * covariance.trace())[None]


def final_sharpness(
    chunk: Chunk, *, point: tuple[list[float], list[float]], input_covariance: list[list[float]],
    residual_covariance: list[list[float]], learning_rate: float, steps: int, shift: float = 0.0, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Logarithm of the mean of Tr H over the last third of a run on the orbit of ``point``."""
    u, w = point
    first, second = _start(u, w, shift)
    covariance = torch.tensor(input_covariance, dtype=torch.float64)
    return torch.log(linear_network(
        chunk, first=first, second=second, target=[[a * b for b in w] for a in u], input_covariance=input_covariance,
        residual_covariance=residual_covariance, learning_rate=learning_rate, steps=steps,
        observe=lambda a, b: _sharpness(a, b, covariance), averaged=steps // 3, binary_inputs=True,
    ))  # fmt: skip


def extrapolated_sharpness(chunk: Chunk, *, learning_rate: float, steps: int, **settings: Any) -> torch.Tensor:
    """Twice ``final_sharpness`` at eta/2 minus that at eta: SGD is O(eta) off its SDE, and that order is taken out."""
    whole = final_sharpness(chunk, learning_rate=learning_rate, steps=steps, **settings)
    half = final_sharpness(chunk, learning_rate=learning_rate / 2, steps=4 * steps, **settings)
    return 2 * half - whole


def spread_of_representation(
    chunk: Chunk, *, first_factor: list[list[float]], second_factor: list[list[float]],
    input_covariance: list[list[float]], residual_covariance: list[list[float]], learning_rate: float, steps: int,
    **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Mean of r Tr K^2/(Tr K)^2 - 1 of K = W S_x W^T over the last third of a run from a global minimum."""
    covariance = torch.tensor(input_covariance, dtype=torch.float64)

    def spread(u: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        seen = (covariance[None, :, :, None] * w[:, None]).sum(2)
        k = (w[:, None] * seen[None]).sum(2)
        return len(w) * (k**2).sum((0, 1))[None] / torch.einsum("iir->r", k)[None] ** 2 - 1

    product = torch.tensor(first_factor, dtype=torch.float64) @ torch.tensor(second_factor, dtype=torch.float64)
    return linear_network(
        chunk, first=first_factor, second=second_factor, target=product.tolist(), input_covariance=input_covariance,
        residual_covariance=residual_covariance, learning_rate=learning_rate, steps=steps, observe=spread,
        averaged=steps // 3, binary_inputs=True,
    )  # fmt: skip


def matrix_charge(u: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return the entries of U^T U - W W^T, shape (r^2, R)."""
    return ((u[:, :, None] * u[:, None]).sum(0) - (w[:, None] * w[None]).sum(2)).flatten(0, 1)


def matrix_kick(
    chunk: Chunk, *, first_factor: list[list[float]], second_factor: list[list[float]],
    input_covariance: list[list[float]], residual_covariance: list[list[float]], learning_rate: float,
    sign: int, batch_size: int = 1, weight_decay: float = 0.0, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Entries of sign * (Q' - Q) S/eta^2 after one step at a global minimum, Q = U^T U - W W^T."""
    u, w = (torch.tensor(m, dtype=torch.float64) for m in (first_factor, second_factor))
    after = linear_network(
        chunk, first=first_factor, second=second_factor, target=(u @ w).tolist(), input_covariance=input_covariance,
        residual_covariance=residual_covariance, learning_rate=learning_rate, steps=1, observe=matrix_charge,
        batch_size=batch_size, weight_decay=weight_decay,
    )  # fmt: skip
    return sign * (after - matrix_charge(u[..., None], w[..., None])[:, 0]) * batch_size / learning_rate**2


def position_and_decay(
    chunk: Chunk, *, equilibrium: float, shift: float, steps: int, late: int, **settings: Any
) -> Any:
    """Position after ``late`` steps, and what is left after ``steps`` of the distance of two runs on the same samples."""
    here = orbit_position(chunk, shift=equilibrium + shift, steps=late, **settings)
    left = decay_of_distance(chunk, equilibrium=equilibrium, shift=shift, steps=steps, averaged=1, **settings)
    return torch.cat([here, left], 1)


def _still_moving(kind: str, learning_rate: float, weight_decay: float, context: Context) -> bool:
    """Whether the position on the orbit moves by more than a tenth when a long run is continued as long again."""
    ends = []
    for steps in (1200, 2400):
        chunk = Chunk(64, context.seed + 1)
        if kind == "scale":
            norms = angular_model(
                chunk, start_norm=1.0, dimension=3, target_std=1.5, learning_rate=learning_rate,
                weight_decay=weight_decay, steps=steps, averaged=200,
            )  # fmt: skip
            ends.append(0.5 * math.log(float(norms.mean())))
        else:
            position = orbit_position(
                chunk, point=([1.1, 0.5], [1.0]), residual_covariance=[[0.3, 0.0], [0.0, 3.6]], shift=0.6,
                learning_rate=learning_rate, weight_decay=weight_decay, steps=steps, averaged=200,
            )  # fmt: skip
            ends.append(float(position.mean()))
    return abs(ends[1] - ends[0]) > 0.1


def class_and_existence(
    context: Context, *, kind: str, learning_rate: float, weight_decay: float, **_: Any
) -> Measured:
    """Existence: the run comes to rest on the orbit. Class 1: it does so even without decay."""
    bare = _still_moving(kind, learning_rate, 0.0, context)
    here = bare if weight_decay == 0.0 else _still_moving(kind, learning_rate, weight_decay, context)
    return Measured([2.0 if bare else 1.0, 0.0 if here else 1.0], 0.0)
