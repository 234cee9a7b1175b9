"""Balanced products of factors under SGD: stationary laws by quantiles, collapse at large rates, the law of balance."""

from __future__ import annotations

from typing import Any

import torch
from scipy import stats

import theory
from numerics.ensemble import Chunk
from numerics.rescale_models import balanced_product, growth_at_origin, product_of_factors


def product(chunk: Chunk, *, factors: int = 2, target_mean: float, target_std: float, learning_rate: float,
            batch_size: int, weight_decay: float = 0.0, steps: int, **_: Any) -> torch.Tensor:  # fmt: skip
    """v of every replica after a run with x = 1."""
    return balanced_product(
        chunk, factors=factors, target_mean=target_mean, target_std=target_std, learning_rate=learning_rate,
        batch_size=batch_size, weight_decay=weight_decay, steps=steps,
    )  # fmt: skip


def product_of_data(
    chunk: Chunk, *, slope: float, noise: float, input_std: float, learning_rate: float, batch_size: int, steps: int,
    factors: int = 2, weight_decay: float = 0.0, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """v of every replica after a run on x normal, y = slope * x + noise."""
    return balanced_product(
        chunk, factors=factors, target_mean=slope, target_std=noise, input_std=input_std, learning_rate=learning_rate,
        batch_size=batch_size, weight_decay=weight_decay, steps=steps, start=0.8,
    )  # fmt: skip


def moments(slope: float, noise: float, input_std: float) -> dict[str, float]:
    """Return b1, b2, a1, a2, a3 of x normal, y = slope * x + noise."""
    variance = input_std**2
    return {
        "input_second_moment": variance,
        "input_target_moment": slope * variance,
        "noise_quadratic": 2 * variance**2,
        "noise_cross": 2 * slope * variance**2,
        "noise_constant": 2 * slope**2 * variance**2 + noise**2 * variance,
    }


def gamma_quantile(probability: float, value: list[float], **_: Any) -> float:
    """Return a quantile of the Gamma law [shape, scale]."""
    return float(stats.gamma.ppf(probability, max(value[0], 1e-9), scale=value[1]))


def gamma_mean(value: list[float], **_: Any) -> float:
    """Return the mean of the Gamma law."""
    return value[0] * value[1]


def extrapolated_product(chunk: Chunk, *, learning_rate: float, batch_size: int, target_std: float, steps: int,
                         **settings: Any) -> torch.Tensor:  # fmt: skip
    """2 v(eta/2) - v(eta) at the same T s^2, on independent samples: its mean is off by the order eta^2."""
    twin = Chunk(chunk.replicas, chunk.seed + 1, chunk.device, chunk.index)
    whole = product(chunk, learning_rate=learning_rate, batch_size=batch_size, target_std=target_std, steps=steps,
                    **settings)  # fmt: skip
    half = product(twin, learning_rate=learning_rate / 2, batch_size=batch_size, target_std=target_std * 2**0.5,
                   steps=2 * steps, **settings)  # fmt: skip
    return 2 * half - whole


def linear_growth(chunk: Chunk, *, rates: tuple[float, ...], steps: int, **values: Any) -> torch.Tensor:
    """Growth rates of the linearised chain at several learning rates."""
    return _growth(chunk, rates, steps, linear=True, **values)


def growth(chunk: Chunk, *, rates: tuple[float, ...], steps: int, **values: Any) -> torch.Tensor:
    """Growth rates of minibatch SGD near the origin at several learning rates."""
    return _growth(chunk, rates, steps, linear=False, **values)


def _growth(
    chunk: Chunk, rates: tuple[float, ...], steps: int, *, linear: bool, targets: list[float] | None = None,
    target_mean: float = 0.0, target_std: float = 0.0, batch_size: int = 1, weight_decay: float = 0.0, **_: Any,
) -> torch.Tensor:  # fmt: skip
    return growth_at_origin(
        chunk, rates=rates, targets=targets, steps=steps, normal=(target_mean, target_std), batch_size=batch_size,
        weight_decay=weight_decay, linear=linear,
    )  # fmt: skip


def discrete_threshold(*, targets: list[float]) -> Any:
    """Return the discrete threshold of two-valued labels."""
    return theory.law("symmetry.collapse.discrete_finite")(targets=targets)


def first_of_two(value: list[float], **_: Any) -> float:
    """Return the threshold of discrete SGD."""
    return value[0]


def second_of_two(value: list[float], **_: Any) -> float:
    """Return the threshold of the SDE."""
    return value[1]


def charge_of_pair(
    chunk: Chunk, *, charge: float, learning_rate: float, batch_size: int, gradient_variance: float, steps: int,
    weight_decay: float = 0.0, other_product: float = 1.0, second: float = 0.8, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """u^2 - w^2 after a run with label noise of variance gradient_variance/4, from the given charge."""
    factors = [(charge + second**2) ** 0.5, second] + ([other_product] if other_product != 1.0 else [])
    return product_of_factors(
        chunk, factors=factors, target_std=gradient_variance**0.5 / 2, learning_rate=learning_rate, steps=steps,
        batch_size=batch_size, weight_decay=weight_decay,
    )  # fmt: skip
