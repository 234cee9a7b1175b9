"""Experiments with two tied tanh units on the digits, and what the law of vector inputs says of them."""

from __future__ import annotations

import math
from typing import Any

import torch

import theory
from numerics.ensemble import Chunk
from numerics.tied_network import Task, noise_per_component, untying_fate, untying_growth

BATCH_SIZE = 4


def growth(
    chunk: Chunk,
    *,
    learning_rate: float,
    label_noise_std: float,
    dimension: int,
    steps: int,
    burn_in: int,
    weight_decay: float = 0.0,
    **_: Any,
) -> torch.Tensor:
    """Growth rate of the difference of two nearly tied units, one number per replica."""
    task = Task(dimension, label_noise_std, BATCH_SIZE)
    return untying_growth(chunk, task, learning_rate, steps, burn_in, weight_decay=weight_decay)


def fate(
    chunk: Chunk,
    *,
    learning_rate: float,
    label_noise_std: float,
    dimension: int,
    weight_decay: float,
    steps: int,
    exit_radius: float,
) -> torch.Tensor:
    """Fate of two nearly tied units of moderate size: [separated, still tied and closer than at the start]."""
    task = Task(dimension, label_noise_std, BATCH_SIZE)
    return untying_fate(
        chunk,
        task,
        learning_rate,
        steps,
        weight_decay=weight_decay,
        size=0.05,
        split=1e-3,
        exit_radius=exit_radius,
    )


def growth_rate(
    coefficient: float, learning_rate: float, label_noise_std: float, weight_decay: float = 0.0, **_: Any
) -> float:
    """Growth rate for a coefficient of (eta sigma)^2: decay takes 1 - eta w out of every matrix of the product."""
    kept = 1 - learning_rate * weight_decay
    scale = learning_rate * noise_per_component(label_noise_std, BATCH_SIZE) / kept
    return coefficient * scale**2 + math.log(kept)


def predicted_fate(coefficient: float, **values: Any) -> list[float]:
    """[separated, tied] from the sign of the growth rate."""
    above = growth_rate(coefficient, **values) > 0
    return [float(above), float(not above)]


def next_order(
    prediction: float, learning_rate: float, label_noise_std: float, weight_decay: float = 0.0, **_: Any
) -> float:
    """Error of the law at a finite step: 3 (eta sigma)^2 of its growth, as for normal inputs."""
    kept = 1 - learning_rate * weight_decay
    scale = learning_rate * noise_per_component(label_noise_std, BATCH_SIZE) / kept
    return 3 * scale**2 * abs(prediction - math.log(kept))


def vector_growth(learning_rate: float, noise_std: float, dimension: int, **_: Any) -> float:
    """Growth rate by the law of vector inputs, without decay."""
    coefficient = theory.law("stability.matrix.vector_input_noise")(dimension=dimension)
    return float(coefficient) * (learning_rate * noise_std) ** 2
