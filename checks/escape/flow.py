"""Flow rung: exact finite volumes and sampled SDEs."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.check import Context, Measured
from numerics import walkers_exact
from numerics.ensemble import Chunk
from numerics.walkers import sde_step, time_average
from numerics.walkers_plane import anisotropic_well_time

KURTOSIS = {"seed": 2.0, "additive": 1.0}


def double_well_rate(
    context: Context, *, temperature: float, barrier_ratio: float, kurtosis: float = 2.0, **_: Any
) -> Measured:
    """One over the exact passage time of the double well, with the error seen between two grids."""
    del context
    fine, coarse = (
        walkers_exact.double_well_time(temperature, barrier_ratio, kurtosis, cells) for cells in (16000, 8000)
    )
    return Measured(1 / fine, abs(1 / fine - 1 / coarse))


def double_well_time(
    context: Context, *, temperature: float, barrier_ratio: float, feature_kurtosis: float
) -> Measured:
    """The exact passage time itself."""
    del context
    fine, coarse = (
        walkers_exact.double_well_time(temperature, barrier_ratio, feature_kurtosis, cells) for cells in (16000, 8000)
    )
    return Measured(fine, abs(fine - coarse))


def correction(context: Context, *, barrier_ratio: float, feature_kurtosis: float) -> Measured:
    """Richardson extrapolation of (kappa MFPT - 1)/T to T = 0."""
    del context
    k, q = feature_kurtosis - 1, barrier_ratio - 1
    power = math.log1p(k * q) / k if k else q

    def reduced(t: float) -> float:
        rate = math.sqrt(32) * q / (2 * math.pi) * math.sqrt(1 / (1 + k * q)) * math.exp(-power / t)
        return (rate * walkers_exact.double_well_time(t, barrier_ratio, feature_kurtosis, 16000) - 1) / t

    unit = 0.02 * min(1.0, power)
    a, b, c = (reduced(unit / 2**j) for j in range(3))
    second, first = (a - 6 * b + 8 * c) / 3, 2 * c - b
    return Measured(second, abs(second - first) / 10)


def well(barrier_ratio: float) -> dict[str, float]:
    """Curvatures of the double well L = 1 + (c-1)(x^2-1)^2."""
    return {"minimum_curvature": 8 * (barrier_ratio - 1), "saddle_curvature": -4 * (barrier_ratio - 1)}


def correction_margin(kurtosis: float) -> Any:
    """Model error of a rate: the first correction and twice its square, plus a tenth of a per cent."""

    def admitted(prediction: float, *, temperature: float, barrier_ratio: float, **_: Any) -> float:
        c1 = abs(3 / (8 * (barrier_ratio - 1)) - 5 * (kurtosis - 1) / 16) * temperature
        return prediction * (c1 + 2 * c1**2 + 2 * temperature**2 + 1e-3)

    admitted.__name__ = "first correction C1 T"
    return admitted


def plane_rate(context: Context, *, temperature: float, barrier_ratio: float, stiffness: float, **_: Any) -> Measured:
    """n = 2: one over the finite-volume passage time."""
    del context
    fine, coarse = (
        walkers_exact.double_well_time_plane(temperature, barrier_ratio, stiffness, cells) for cells in (141, 101)
    )
    return Measured(1 / fine, 2 * abs(1 / fine - 1 / coarse))


def plane_exponent(context: Context, *, temperature: float, dimension: int, low: float, high: float) -> Measured:
    """-d log(rate)/d log c between two barriers, curvatures divided out, n = 1 or 2."""
    del context
    logs = []
    for c in (low, high):
        if dimension == 1:
            time = walkers_exact.double_well_time(temperature, c, 2.0)
            prefactor = math.sqrt(32) * (c - 1)
        else:
            time = walkers_exact.double_well_time_plane(temperature, c, 4.0, 121)
            prefactor = 4 * (c - 1) * math.sqrt(2)
        logs.append(math.log(time * prefactor))
    return Measured((logs[1] - logs[0]) / math.log(high / low), 1e-3)


def transverse_ratio(
    context: Context, *, curvatures: list[float], escape_curvature: float, temperature: float, barrier_ratio: float
) -> Measured:
    """n = 2: passage time with D_i = (eta/B) L h_i over the one with equal noise, T = eta h_e/B, L = double well."""
    del context
    ratio = curvatures[1] / escape_curvature
    stiffness = 8 * ratio * (barrier_ratio - 1)
    fine, coarse = (
        anisotropic_well_time(temperature, barrier_ratio, stiffness, ratio, cells)
        / anisotropic_well_time(temperature, barrier_ratio, stiffness, 1.0, cells)
        for cells in (161, 121)
    )
    return Measured(fine, abs(fine - coarse))


def radial(
    context: Context, *, kind: str, temperature: float, dimension: int, barrier_ratio: float, **_: Any
) -> Measured:
    """Exact radial passage time at unit curvature."""
    del context
    fine, coarse = (
        walkers_exact.radial_time(kind, temperature, dimension, barrier_ratio, cells) for cells in (20000, 10000)
    )
    return Measured(fine, abs(fine - coarse) + 1e-9 * fine)


def radial_slope(context: Context, *, temperature: float, dimension: int, barrier_ratio: float) -> Measured:
    """d log(time)/d log c by a central difference."""
    del context
    step = 1e-2
    logs = [
        math.log(walkers_exact.radial_time("seed", temperature, dimension, barrier_ratio * math.exp(s)))
        for s in (-2 * step, -step, step, 2 * step)
    ]
    return Measured((8 * (logs[2] - logs[1]) - (logs[3] - logs[0])) / (12 * step), 1e-6)


def bounded_mean(
    chunk: Chunk,
    *,
    temperature: float,
    dimension: int = 1,
    kurtosis: float = 2.0,
    gaussian_features: bool = False,
    ito_parameter: float = 0.0,
    power: float = 0.0,
    time_step: float = 0.01,
    **_: Any,
) -> torch.Tensor:
    """Time average of w/(1+w), w = (K-1) v (2 v with Gaussian features), or of v^power: one number per replica."""
    scale = 2.0 if gaussian_features else kurtosis - 1.0
    step = sde_step(chunk, temperature, time_step, kurtosis, gaussian_features, ito_parameter)

    def observe(d: torch.Tensor) -> torch.Tensor:
        v = (d * d).sum(0)
        return v**power if power else scale * v / (1 + scale * v)

    start = (temperature / 2) ** 0.5 * chunk.normal(dimension, chunk.replicas)
    per_time = round(1 / time_step)
    return time_average(step, start, observe, 6 * per_time, per_time, 30)


def isotropic_mean(
    chunk: Chunk, *, learning_rate: float, batch_size: float, curvature: float = 1.0, **settings: Any
) -> torch.Tensor:
    """``bounded_mean`` at T = eta h / B."""
    return bounded_mean(chunk, temperature=learning_rate * curvature / batch_size, **settings)


def share_above(chunk: Chunk, *, temperature: float, dimension: int, barrier_ratio: float) -> torch.Tensor:
    """Time average of the indicator L > c L_*."""
    step = sde_step(chunk, temperature, 0.01)
    start = (temperature / 2) ** 0.5 * chunk.normal(dimension, chunk.replicas)
    level = barrier_ratio - 1
    return time_average(step, start, lambda d: ((d * d).sum(0) > level).double(), 600, 100, 40)
