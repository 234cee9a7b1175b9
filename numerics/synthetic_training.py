"""Recorded minibatch SGD on synthetic data: two linear layers, and products of scalar factors."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

from numerics.linear_layers import FactorStep
from numerics.minibatch import gradients
from numerics.training import Record, Training

_TARGET = ((1.3, -0.4, 0.7), (0.2, 0.9, -1.1))


def _draw(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _form(x: dict[str, torch.Tensor], y: dict[str, torch.Tensor], sign: float = -1.0) -> torch.Tensor:
    return (x["first"] * y["first"]).sum()[None] + sign * (x["second"] * y["second"]).sum()[None]


@functools.lru_cache(maxsize=8)
def train_linear(settings: Training) -> tuple[Record, list[FactorStep]]:
    """Train U W x (2 x 2, 2 x 3) on noisy labels; record C = |U|^2 - |W|^2 and every step of the factors."""
    generator = torch.Generator().manual_seed(settings.seed)
    theta = {"first": 0.8 * _draw(generator, 2, 2), "second": 0.8 * _draw(generator, 2, 3)}
    velocity = {name: torch.zeros_like(value) for name, value in theta.items()}
    start, target = dict(theta), torch.tensor(_TARGET, dtype=torch.float64)
    columns: dict[str, list[torch.Tensor]] = {name: [] for name in ("c", "size", "m", "m_size", "raw", "full", "q")}
    steps = []

    def sizes() -> None:
        columns["c"].append(_form(theta, theta))
        columns["size"].append(_form(theta, theta, 1.0))
        columns["m"].append(_form(theta, velocity))
        absolute = [{name: value.abs() for name, value in p.items()} for p in (theta, velocity)]
        columns["m_size"].append(_form(absolute[0], absolute[1], 1.0))

    for _ in range(settings.steps):
        sizes()
        x = _draw(generator, 3, settings.batch_size)
        error = theta["first"] @ theta["second"] @ x - target @ x - 0.6 * _draw(generator, 2, settings.batch_size)
        slope = 2 * error @ x.T / settings.batch_size
        raw = {"first": slope @ theta["second"].T, "second": theta["first"].T @ slope}
        full = {name: g + settings.weight_decay * theta[name] for name, g in raw.items()}
        velocity = {name: settings.momentum * velocity[name] + g for name, g in full.items()}
        after = {name: value - settings.learning_rate * velocity[name] for name, value in theta.items()}
        steps.append(FactorStep(theta["first"], theta["second"], slope, after["first"], after["second"]))
        for key, forms in (("raw", raw), ("full", full), ("q", velocity)):
            columns[key].append(_form(forms, forms))
        theta = after
    sizes()
    stacked = {name: torch.stack(rows) for name, rows in columns.items()}
    record = Record(
        charges=stacked["c"], magnitudes=stacked["size"], gradient_forms=stacked["raw"], update_forms=stacked["full"],
        momentum_charges=stacked["m"], momentum_magnitudes=stacked["m_size"], velocity_forms=stacked["q"], first=start,
        last=theta, losses=torch.zeros(0), whole_forms=torch.zeros(0),
    )  # fmt: skip
    return record, steps


@dataclass(frozen=True)
class ProductStep:
    """Factors before and after one step, and dL_batch/dv for v the product of all factors."""

    before: list[float]
    after: list[float]
    slope: float


def train_product(
    factors: int, learning_rate: float, steps: int, batch_size: int = 2, seed: int = 0
) -> list[ProductStep]:
    """Train u_1 ... u_n x with autograd on noisy labels, with the loss (v x - y)^2."""
    generator = torch.Generator().manual_seed(seed)
    theta = {f"u{i}": torch.tensor([0.7 + 0.23 * i], dtype=torch.float64) for i in range(factors)}
    found = []

    def product(p: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(p.values())).prod(0)

    for _ in range(steps):
        x = _draw(generator, batch_size, 1)
        y = 0.9 * x + 0.5 * _draw(generator, batch_size, 1)
        slopes = gradients(lambda p, a, b: (product(p) * a - b) ** 2, theta, (x, y))
        after = {name: value - learning_rate * slopes[name] for name, value in theta.items()}
        slope = float((2 * (product(theta) * x - y) * x).mean())
        found.append(ProductStep([float(v) for v in theta.values()], [float(v) for v in after.values()], slope))
        theta = after
    return found


@dataclass(frozen=True)
class StationaryForms:
    """Averages over replicas and time: charge, raw form of the batch gradient, form of the mean gradient, what it owes."""

    charge: float
    raw: float
    mean: float
    owed: float


def stationary_forms(settings: Training, label_std: tuple[float, float], replicas: int) -> StationaryForms:
    """Train u w (two outputs, x = 1) on noisy labels with decay; average C = |u|^2 - w^2 after a fifth of the steps.

    The average of wd (2 - eta wd) C - eta g^T A g telescopes to ``owed`` = (C_first - C_last)/(eta * steps).
    """
    generator = torch.Generator().manual_seed(settings.seed)
    target = torch.tensor([[1.3], [0.5]], dtype=torch.float64)
    spread = torch.tensor(label_std, dtype=torch.float64)[:, None] / settings.batch_size**0.5
    u, w = (torch.full((n, replicas), 0.8, dtype=torch.float64) for n in (2, 1))
    burn, totals, first = settings.steps // 5, torch.zeros(3, dtype=torch.float64), 0.0
    for step in range(settings.steps):
        gap = u * w - target
        batch = gap - spread * _draw(generator, 2, replicas)
        if step == burn:
            first = float(((u**2).sum(0) - w[0] ** 2).mean())
        if step >= burn:
            forms = [(e**2).sum(0) * w[0] ** 2 - (u * e).sum(0) ** 2 for e in (2 * batch, 2 * gap)]
            totals += torch.stack([((u**2).sum(0) - w[0] ** 2).mean(), *(f.mean() for f in forms)])
        u, w = (
            u - settings.learning_rate * (2 * batch * w + settings.weight_decay * u),
            w - settings.learning_rate * (2 * (u * batch).sum(0, keepdim=True) + settings.weight_decay * w),
        )
    span = settings.steps - burn
    last = float(((u**2).sum(0) - w[0] ** 2).mean())
    charge, raw, mean = (totals / span).tolist()
    return StationaryForms(charge, raw, mean, abs(first - last) / (settings.learning_rate * span))
