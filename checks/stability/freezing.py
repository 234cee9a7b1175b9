"""Experiment on moments measured on finitely many runs, and what the order beyond which they freeze says of it."""

from __future__ import annotations

import math
from typing import Any

import torch

import theory
from numerics.curvature import draw_curvature
from numerics.ensemble import Chunk

_EULER = 0.5772156649015329


def slope_beyond_freezing(
    chunk: Chunk, *, learning_rate: float, steps: int, replicas: int, orders: tuple[float, float], **law: float
) -> torch.Tensor:
    """Slope of the empirical log E|theta_T|^p/T between two orders, in ensembles of n runs: one per ensemble."""
    growth = torch.zeros(replicas, chunk.replicas, dtype=torch.float64, device=chunk.device)
    for _ in range(steps):
        h = draw_curvature(chunk, "normal", replicas, chunk.replicas, **law)
        growth += torch.log((1 - learning_rate * h).abs())
    low, high = (torch.logsumexp(order * growth, 0) for order in orders)
    return (high - low) / ((orders[1] - orders[0]) * steps)


def _slopes(order: float, learning_rate: float, curvature_mean: float, curvature_std: float) -> tuple[float, float]:
    """First and second derivative of the generalised exponent L(p)."""
    exponent, step = theory.law("stability.moment_exponent.normal"), 1e-3
    below, at, above = (
        float(
            exponent(
                learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std, moment_order=p
            )
        )
        for p in (order - step, order, order + step)
    )
    return (above - below) / (2 * step), (above - 2 * at + below) / step**2


def _prefactor(order: float, curvature: float, steps: int) -> float:
    # P(growth > T L'(p)) = exp(-T (p L' - L))/(p sqrt(2 pi T L'')); the largest of n runs lies Euler's constant above.
    return math.log(order * math.sqrt(2 * math.pi * steps * curvature)) - _EULER


def frozen_slope(order: float, *, steps: int, replicas: int, **law: float) -> float:
    """Mean log growth of the largest of n runs, per step: L'(p_c), less the prefactor of large deviations."""
    slope, curvature = _slopes(order, **law)
    return slope - _prefactor(order, curvature, steps) / (order * steps)


def next_order(prediction: float, *, steps: int, replicas: int, **law: Any) -> float:
    """Terms of order 1/T^2 that ``frozen_slope`` leaves out: (1 + c + c^2/2)/(T^2 p^3 L''), c its prefactor."""
    order = float(theory.law("stability.freezing.ensemble_moment")(steps=steps, replicas=replicas, **law))
    curvature = _slopes(order, **law)[1]
    c = _prefactor(order, curvature, steps)
    return (1 + abs(c) + c**2 / 2) / (steps**2 * order**3 * curvature)
