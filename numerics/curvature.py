"""Draws of the curvature of one sample, and of batch means, for every named law of the stability family."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from numerics.ensemble import Chunk
from numerics.errors import NumericsError


def _two_point(
    c: Chunk, shape: tuple[int, ...], probability: float, first_curvature: float, second_curvature: float
) -> torch.Tensor:
    return torch.where(c.uniform(*shape) < probability, first_curvature, second_curvature).double()


def _normal(c: Chunk, shape: tuple[int, ...], curvature_mean: float, curvature_std: float) -> torch.Tensor:
    return curvature_mean + curvature_std * c.normal(*shape)


def _uniform(c: Chunk, shape: tuple[int, ...], lower_curvature: float, upper_curvature: float) -> torch.Tensor:
    return lower_curvature + (upper_curvature - lower_curvature) * c.uniform(*shape)


def _exponential(c: Chunk, shape: tuple[int, ...], curvature_scale: float) -> torch.Tensor:
    return curvature_scale * c.exponential(*shape)


def _gamma(c: Chunk, shape: tuple[int, ...], curvature_shape: float, curvature_scale: float) -> torch.Tensor:
    return curvature_scale * c.gamma(curvature_shape, *shape)


def _chi_squared(c: Chunk, shape: tuple[int, ...], degrees_of_freedom: float, curvature_scale: float) -> torch.Tensor:
    return curvature_scale * c.chi_squared(degrees_of_freedom, *shape)


def _squared_normal(c: Chunk, shape: tuple[int, ...], input_mean: float, input_std: float) -> torch.Tensor:
    return (input_mean + input_std * c.normal(*shape)) ** 2


def _negative_squared_normal(c: Chunk, shape: tuple[int, ...], input_std: float) -> torch.Tensor:
    return -((input_std * c.normal(*shape)) ** 2)


def _laplace(c: Chunk, shape: tuple[int, ...], curvature_mean: float, curvature_scale: float) -> torch.Tensor:
    return curvature_mean + curvature_scale * (c.exponential(*shape) - c.exponential(*shape))


def _product_normal(c: Chunk, shape: tuple[int, ...], first_std: float, second_std: float) -> torch.Tensor:
    return first_std * second_std * c.normal(*shape) * c.normal(*shape)


def _cauchy(c: Chunk, shape: tuple[int, ...], curvature_location: float, curvature_scale: float) -> torch.Tensor:
    return curvature_location + curvature_scale * torch.tan(math.pi * (c.uniform(*shape) - 0.5))


def _arcsine(c: Chunk, shape: tuple[int, ...], lower_curvature: float, upper_curvature: float) -> torch.Tensor:
    centre, radius = (lower_curvature + upper_curvature) / 2, (upper_curvature - lower_curvature) / 2
    return centre + radius * torch.cos(math.pi * c.uniform(*shape))


def _semicircle(c: Chunk, shape: tuple[int, ...], curvature_mean: float, curvature_radius: float) -> torch.Tensor:
    # Projection of a uniform point of the disc on a diameter.
    radius = curvature_radius * torch.sqrt(c.uniform(*shape))
    return curvature_mean + radius * torch.cos(2 * math.pi * c.uniform(*shape))


_SAMPLERS: dict[str, Callable[..., torch.Tensor]] = {
    "two_point": _two_point,
    "normal": _normal,
    "uniform": _uniform,
    "exponential": _exponential,
    "gamma": _gamma,
    "chi_squared": _chi_squared,
    "squared_normal": _squared_normal,
    "negative_squared_normal": _negative_squared_normal,
    "laplace": _laplace,
    "product_normal": _product_normal,
    "cauchy": _cauchy,
    "arcsine": _arcsine,
    "semicircle": _semicircle,
}
CURVATURE_LAWS = (*_SAMPLERS, "empirical")


def draw_curvature(
    chunk: Chunk, law: str, *shape: int, batch_size: int = 1, **parameters: float | Sequence[float] | str
) -> torch.Tensor:
    """Draw batch-mean curvatures of the named law, iid over ``shape``.

    The parameters describe one sample: ``Normal(m, s)`` by mean and standard deviation, the exponential by its mean,
    the gamma by shape and scale. ``empirical`` takes ``curvatures``, optional ``weights`` and ``replacement``.

    Raises NumericsError for an unknown law.

    >>> draw_curvature(Chunk(3, seed=0), "two_point", 3, probability=1.0, first_curvature=0.3, second_curvature=2.0)
    tensor([0.3000, 0.3000, 0.3000], dtype=torch.float64)
    """
    if law == "empirical":
        return _empirical(chunk, shape, batch_size, **parameters)
    if law not in _SAMPLERS:
        raise NumericsError(f"no curvature law {law!r}; choose one of {', '.join(CURVATURE_LAWS)}.")
    if batch_size == 1:
        return _SAMPLERS[law](chunk, shape, **parameters)
    return _SAMPLERS[law](chunk, (batch_size, *shape), **parameters).mean(0)


def _empirical(
    chunk: Chunk,
    shape: tuple[int, ...],
    batch_size: int,
    curvatures: Sequence[float],
    weights: Sequence[float] | None = None,
    replacement: str = "with",
) -> torch.Tensor:
    atoms = torch.as_tensor(curvatures, dtype=torch.float64, device=chunk.device)
    if replacement == "without":
        return atoms[chunk.subsets(len(atoms), batch_size, *shape)].mean(0)
    if weights is None:
        return atoms[chunk.integers(len(atoms), batch_size, *shape)].mean(0)
    cumulative = torch.cumsum(torch.as_tensor(weights, dtype=torch.float64, device=chunk.device), 0)
    index = torch.searchsorted(cumulative / cumulative[-1], chunk.uniform(batch_size, *shape))
    return atoms[index.clamp(max=len(atoms) - 1)].mean(0)


def mean_log_growth(multipliers: torch.Tensor) -> torch.Tensor:
    """Return the mean of log|a| over the leading (step) axis: the growth rate per step of each replica."""
    return torch.log(multipliers.abs()).mean(0)
