"""Norms of scale-invariant weights: chains, SGD on an angle, filters before batch normalisation, AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from checks.symmetry.runs import ROUNDING, record
from numerics.ensemble import Chunk
from numerics.norm_chains import adamw_norm, diffusing_norm, noisy_norms, norm_chain
from numerics.training import Training


def end_of_chain(
    context: Context, *, learning_rate: float, gradient_scale: float, steps: int, initial_norm_squared: float = 1.3,
    weight_decay: float = 0.0, **_: Any,
) -> Measured:  # fmt: skip
    """|theta|^2 after the chain."""
    norms = norm_chain(initial_norm_squared, learning_rate, weight_decay, gradient_scale, int(steps), context.seed)
    return Measured(float(norms[-1]), 1e-15 * steps)


def effective_rate_change(
    context: Context, *, effective_rate: float, learning_rate: float, weight_decay: float, gradient_scale: float,
    **_: Any,
) -> Measured:  # fmt: skip
    """Change of 1/eta_eff^2 per unit time in one step of the chain, eta_eff = eta/|theta|^2."""
    first, last = norm_chain(
        learning_rate / effective_rate, learning_rate, weight_decay, gradient_scale, 1, context.seed
    )
    return Measured(float((last**2 - first**2) / learning_rate**3), 1e-13)


def time_averages(
    chunk: Chunk, *, which: str, learning_rate: float, weight_decay: float, momentum: float = 0.0,
    gradient_scale: float = 1.1, steps: int, autograd: bool, start: float = 1.0, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """E n, E n/E[1/n] or E|Delta theta|^2/E n of every replica, averaged over four fifths of a run."""
    norm, inverse, update = noisy_norms(
        chunk, start=start, learning_rate=learning_rate, weight_decay=weight_decay, gradient_scale=gradient_scale,
        momentum=momentum, steps=steps, averaged=steps * 4 // 5, autograd=autograd,
    ).T  # fmt: skip
    return {"norm": norm, "ratio": norm / inverse, "update": update / norm}[which]


def diffusion(
    chunk: Chunk, *, initial_norm_squared: float, learning_rate: float, weight_decay: float, gradient_scale: float,
    steps: int, substeps: int, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """|theta|^2 of the SDE at t = eta * steps."""
    return diffusing_norm(
        chunk, start=initial_norm_squared, temperature=learning_rate, weight_decay=weight_decay,
        gradient_scale=gradient_scale, duration=learning_rate * steps, steps=substeps,
    )  # fmt: skip


def diffusing_rate(
    chunk: Chunk, *, effective_rate: float, learning_rate: float, weight_decay: float, gradient_scale: float, duration: float,
    **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Change of 1/eta_eff^2 per unit time over a short time of the SDE."""
    start = learning_rate / effective_rate
    end = diffusing_norm(
        chunk, start=start, temperature=learning_rate, weight_decay=weight_decay, gradient_scale=gradient_scale,
        duration=duration, steps=40,
    )  # fmt: skip
    return (end**2 - start**2) / learning_rate**2 / duration


def adamw(
    chunk: Chunk, *, learning_rate: float, weight_decay: float, dimension: int, start: float, steps: int,
    first_decay: float, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Mean |theta|^2 over the second half of a run of AdamW on noise."""
    return adamw_norm(
        chunk, learning_rate=learning_rate, weight_decay=weight_decay, dimension=int(dimension), start=start, steps=steps,
        averaged=steps // 2, first_decay=first_decay,
    )  # fmt: skip


def _stationary(training: Training, form: str) -> tuple[Any, slice]:
    return record(training, form), slice(training.steps // 4, training.steps)


def filter_norm(training: Training, form: str) -> dict[str, Any]:
    """Mean |w|^2 over the filters of a normalised layer, and G^2, the mean of |g|^2 |w|^2 of the same steps."""
    run, late = _stationary(training, form)
    charge, kick = run.charges[late], run.gradient_forms[late]
    return {
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "gradient_scale": float((kick * charge).mean(0)[0].sqrt()),
        "came_out": float((charge[:, 0] ** 2).mean().sqrt()),
        "magnitude": 0.0,
    }


def filter_updates(training: Training, form: str) -> dict[str, Any]:
    """Mean squared update of the filters over their mean squared norm, under heavy ball."""
    run, late = _stationary(training, form)
    ratio = training.learning_rate**2 * run.velocity_forms[late].mean() / run.charges[late].mean()
    return {
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "momentum": training.momentum,
        "came_out": float(ratio),
        "magnitude": float(ratio) / np.sqrt(training.steps) * 1e-3 / ROUNDING,
    }
