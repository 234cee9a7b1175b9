"""The SDE of SGD by Euler-Maruyama: charges of linear networks, balanced products, their tails and their collapse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from checks.symmetry.equilibria import matrix_charge
from numerics.balanced_diffusion import BalancedSde, normal_paths, quantile
from numerics.ensemble import Chunk
from numerics.rescale_models import linear_network, product_of_factors


def _scaled(covariance: list[list[float]], factor: float) -> list[list[float]]:
    return [[factor * x for x in row] for row in covariance]


def charge_drift(
    chunk: Chunk, *, first: list[list[float]], second: list[list[float]], input_covariance: list[list[float]],
    residual_covariance: list[list[float]], temperature: float, weight_decay: float, duration: float, steps: int,
    trace: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Mean rate of change of Q = U^T U - W W^T (or of its trace) over a short time, from a minimum of the loss.

    Steps of size dt with the label noise scaled up by T/dt have the noise covariance of the SDE.
    """
    dt = duration / steps
    u, w = (torch.tensor(m, dtype=torch.float64) for m in (first, second))

    def charge(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return ((a**2).sum((0, 1)) - (b**2).sum((0, 1)))[None] if trace else matrix_charge(a, b)

    end = linear_network(
        chunk, first=first, second=second, target=(u @ w).tolist(), input_covariance=input_covariance,
        residual_covariance=_scaled(residual_covariance, temperature / dt), learning_rate=dt, steps=steps, observe=charge,
        weight_decay=weight_decay, binary_inputs=True,
    )  # fmt: skip
    return (end - charge(u[..., None], w[..., None])[:, 0]) / duration


def matrix_drift(
    chunk: Chunk, *, first_factor: list[list[float]], second_factor: list[list[float]], learning_rate: float,
    batch_size: int, weight_decay: float, sign: float = 1.0, per_temperature: bool = False,
    input_covariance: list[list[float]], residual_covariance: list[list[float]], **_: Any,
) -> torch.Tensor:  # fmt: skip
    """dQ/dt, times a sign and over T if asked for."""
    temperature = learning_rate / batch_size
    rate = charge_drift(
        chunk, first=first_factor, second=second_factor, input_covariance=input_covariance,
        residual_covariance=residual_covariance, temperature=temperature, weight_decay=weight_decay,
        duration=SHORT, steps=4,
    )  # fmt: skip
    return sign * rate / (temperature if per_temperature else 1.0)


SHORT = 4e-4


def scalar_drift(
    chunk: Chunk, *, point: tuple[list[float], list[float]], learning_rate: float, batch_size: int, weight_decay: float,
    input_covariance: list[list[float]], residual_covariance: list[list[float]], **_: Any,
) -> torch.Tensor:  # fmt: skip
    """dC/dt of u w^T."""
    return charge_drift(
        chunk, first=[[x] for x in point[0]], second=[point[1]], input_covariance=input_covariance,
        residual_covariance=residual_covariance, temperature=learning_rate / batch_size, weight_decay=weight_decay,
        duration=SHORT, steps=4, trace=True,
    )  # fmt: skip


def fluctuation(
    chunk: Chunk, *, first_weight: float, second_weight: float, inputs: list[float], targets: list[float],
    temperature: float, duration: float, steps: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """(C(t) - C(0) - mean)^2/(4 T t) of the SDE of the scalar net; its noise is normal with the data's variance."""
    dt = duration / steps
    x, y = (torch.tensor(q, dtype=torch.float64)[:, None] for q in (inputs, targets))
    u, w = (torch.full((chunk.replicas,), q, dtype=torch.float64) for q in (first_weight, second_weight))
    for _step in range(steps):
        slope = 2 * (u * w * x - y) * x
        kick = dt * slope.mean(0) + (temperature * dt) ** 0.5 * slope.std(0, correction=0) * chunk.normal(
            chunk.replicas
        )
        u, w = u - kick * w, w - kick * u
    change = u**2 - w**2
    return (change - change.mean()) ** 2 / (4 * temperature * duration)


def charge_of_pair(
    chunk: Chunk, *, charge: float, learning_rate: float, batch_size: int, gradient_variance: float, steps: int,
    weight_decay: float = 0.0, other_product: float = 1.0, second: float = 0.8, finer: int = 1, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """u^2 - w^2 of the SDE at t = eta * steps, in steps ``finer`` times as small."""
    factors = [(charge + second**2) ** 0.5, second] + ([other_product] if other_product != 1.0 else [])
    return product_of_factors(
        chunk, factors=factors, target_std=gradient_variance**0.5 / 2 * (finer / batch_size) ** 0.5,
        learning_rate=learning_rate / finer, steps=steps * finer, weight_decay=weight_decay,
    )  # fmt: skip


def gamma_product(
    chunk: Chunk, *, target_mean: float, target_std: float, learning_rate: float, batch_size: int, weight_decay: float,
    duration: float, substeps: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """v after a long time of the SDE for x = 1."""
    log = normal_paths(
        chunk, input_target_moment=target_mean, noise_constant=target_std**2, temperature=learning_rate / batch_size,
        weight_decay=weight_decay, duration=duration, steps=substeps,
    )  # fmt: skip
    return torch.exp(log)


def _sde(
    *, learning_rate: float, batch_size: int, factors: int = 2, weight_decay: float = 0.0, **values: Any
) -> BalancedSde:
    keys = ("input_second_moment", "input_target_moment", "noise_quadratic", "noise_cross", "noise_constant")
    return BalancedSde(
        factors=int(factors), temperature=learning_rate / batch_size, weight_decay=weight_decay,
        **{key: values[key] for key in keys},
    )  # fmt: skip


def _refined(compute: Callable[[int], float]) -> Measured:
    """Evaluate on two grids; the error is of the second order in the cell."""
    coarse, fine = compute(4001), compute(8001)
    return Measured(fine + (fine - coarse) / 3, abs(fine - coarse))


def quantile_of_chain(
    context: Context, *, probability: float, low: float = -30.0, high: float = 12.0, **values: Any
) -> Measured:
    """Quantile of v in the stationary law of the SDE."""
    return _refined(lambda cells: quantile(*_sde(**values).stationary(low, high, cells), probability))


def moment_of_chain(context: Context, *, low: float = -30.0, high: float = 12.0, **values: Any) -> Measured:
    """E[b1 v + T A(v)] in the stationary law of the SDE."""
    sde = _sde(**values)

    def compute(cells: int) -> float:
        grid, weights = sde.stationary(low, high, cells)
        v = np.exp(grid)
        noise = sde.noise_quadratic * v * v - 2 * sde.noise_cross * v + sde.noise_constant
        return float(weights @ (sde.input_second_moment * v + sde.temperature * noise))

    return _refined(compute)


def tail_of_chain(context: Context, *, factors: int, **values: Any) -> Measured:
    """Exponent of the density of v between v = e^8 and e^10."""

    def compute(cells: int) -> float:
        grid, weights = _sde(factors=factors, **values).stationary(-30.0, 12.0, cells)
        at = [float(np.interp(z, grid, np.log(weights))) for z in (8.0, 10.0)]
        return (at[1] - at[0]) / 2 - 1

    return _refined(compute)


def growth_rates(
    chunk: Chunk, *, rates: tuple[float, ...], input_target_moment: float, noise_constant: float, batch_size: int,
    weight_decay: float, duration: float, substeps: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Growth of ln v per unit time near the origin under the SDE at several learning rates, on the same noise."""
    columns = []
    for rate in rates:
        twin = Chunk(chunk.replicas, chunk.seed, chunk.device, chunk.index)
        start = 1e-60
        end = normal_paths(
            twin, input_target_moment=input_target_moment, noise_constant=noise_constant, temperature=rate / batch_size,
            weight_decay=weight_decay, duration=duration, steps=substeps, start=start,
        )  # fmt: skip
        columns.append((end - math.log(start)) / duration)
    return torch.stack(columns, 1)
