"""Real training runs on the digits with ``torch.optim.SGD``, recorded step by step through quadratic forms.

A form sends two collections x, y of tensors named like the parameters to x^T A_j y, one number for every unit j. The
recorder keeps, in float64, what the forms make of parameters, gradients and momentum buffers; it knows no law.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from numerics.digits import digits
from numerics.errors import NumericsError

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Form:
    """x^T A_j y with diagonal A_j: blocks (parameter name, axis that is summed or None, weight in A)."""

    blocks: tuple[tuple[str, int | None, float], ...]

    def __call__(self, x: Tensors, y: Tensors) -> torch.Tensor:
        """Return x^T A_j y for all units j."""
        return torch.stack([w * _summed(x[name] * y[name], axis) for name, axis, w in self.blocks]).sum(0)

    def magnitude(self, x: Tensors, y: Tensors) -> torch.Tensor:
        """Return the sum of the absolute values of all terms of x^T A_j y: the scale of its rounding error."""
        return torch.stack([abs(w) * _summed((x[name] * y[name]).abs(), axis) for name, axis, w in self.blocks]).sum(0)

    def action(self, x: Tensors, unit: int) -> dict[str, torch.Tensor]:
        """Return A_j x for unit j, zero outside the support of A_j."""
        moved = {name: torch.zeros_like(value) for name, value in x.items()}
        for name, axis, w in self.blocks:
            index = (slice(None), unit) if axis == 0 else unit
            moved[name][index] = w * x[name][index]
        return moved


def _summed(product: torch.Tensor, axis: int | None) -> torch.Tensor:
    return product if axis is None else product.sum(axis)


def hidden_unit(outgoing: str, incoming: str, bias: str) -> Form:
    """|u_j|^2 - |w_j|^2 - b_j^2 of the units between two layers."""
    return Form(((outgoing, 0, 1.0), (incoming, 1, -1.0), (bias, None, -1.0)))


FORMS = {
    "first layer": hidden_unit("second.weight", "first.weight", "first.bias"),
    "second layer": hidden_unit("last.weight", "second.weight", "second.bias"),
    "first layer without bias": Form((("second.weight", 0, 1.0), ("first.weight", 1, -1.0))),
    "filters": Form((("first.weight", 1, 1.0),)),
    "gains": Form((("last.weight", 0, 1.0), ("norm.weight", None, -1.0), ("norm.bias", None, -1.0))),
}


class Perceptron(nn.Module):
    """Two hidden layers on 64 pixels, with biases."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(64, 12), nn.Linear(12, 9), nn.Linear(9, 10)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.last(self.activation(self.second(self.activation(self.first(x)))))


class Normalised(nn.Module):
    """One hidden layer with batch normalisation (eps lost in rounding: the scale symmetry is exact) and ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(64, 12, bias=False), nn.BatchNorm1d(12, eps=1e-30)
        self.last = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.last(torch.relu(self.norm(self.first(x))))


class Softmax(nn.Module):
    """Logits W x."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(64, 10, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.last(x)


_NETWORKS = {
    "relu": lambda: Perceptron(nn.ReLU()),
    "tanh": lambda: Perceptron(nn.Tanh()),
    "batch-norm": Normalised,
    "softmax": Softmax,
}


def network(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Return a freshly initialised network: relu, tanh, batch-norm or softmax."""
    if name not in _NETWORKS:
        raise NumericsError(f"network {name!r} is unknown; choose one of {', '.join(_NETWORKS)}.")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _NETWORKS[name]().to(dtype)
        generator = torch.Generator().manual_seed(seed + 1)
        for key, value in model.named_parameters():
            if value.ndim == 1:  # generic biases and gains: zeros and ones are special points
                nn.init.normal_(value, 1.0 if key == "norm.weight" else 0.0, 0.3, generator=generator)
    return model


@functools.lru_cache(maxsize=2)
def digit_tensors(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images (1797, 64), pixels of the order one, and their labels."""
    images, labels = digits()
    return torch.from_numpy(images / 8.0).to(dtype), torch.from_numpy(labels.astype(np.int64))


@dataclass(frozen=True)
class Training:
    """Settings of one run; every epoch is a random permutation cut into batches."""

    network: str
    learning_rate: float
    weight_decay: float = 0.0
    momentum: float = 0.0
    batch_size: int = 32
    steps: int = 200
    seed: int = 0
    single: bool = False
    decayed: tuple[str, ...] = ()
    """Names of the parameters with weight decay; empty: all of them."""
    whole_every: int = 0
    """The form of the gradient over all data is taken every so many steps; 0: never."""


@dataclass(frozen=True)
class Record:
    """What a form sees of a run: float64 arrays of shape (times, units)."""

    charges: torch.Tensor
    magnitudes: torch.Tensor
    gradient_forms: torch.Tensor
    update_forms: torch.Tensor
    momentum_charges: torch.Tensor
    momentum_magnitudes: torch.Tensor
    velocity_forms: torch.Tensor
    first: dict[str, torch.Tensor]
    last: dict[str, torch.Tensor]
    losses: torch.Tensor
    whole_forms: torch.Tensor
    """Forms of the gradient over all data, one row every ``whole_every`` steps."""


def _batches(size: int, batch_size: int, generator: torch.Generator) -> torch.Tensor:
    order = torch.randperm(size, generator=generator)
    return order[: size // batch_size * batch_size].reshape(-1, batch_size)


def _float64(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().to(torch.float64, copy=True) for name, value in tensors.items()}


def _sizes(form: Form, theta: Tensors, velocity: Tensors) -> tuple[torch.Tensor, ...]:
    """Return the charge and the momentum charge, each with the scale of its rounding error."""
    return form(theta, theta), form.magnitude(theta, theta), form(theta, velocity), form.magnitude(theta, velocity)


@functools.lru_cache(maxsize=32)
def train(settings: Training, form: Form) -> Record:
    """Run SGD and record the form at every step; the same settings give the same record."""
    dtype = torch.float32 if settings.single else torch.float64
    model = network(settings.network, settings.seed, dtype)
    x, y = digit_tensors(dtype)
    named = dict(model.named_parameters())
    decayed = [p for n, p in named.items() if not settings.decayed or n in settings.decayed]
    others = [p for n, p in named.items() if settings.decayed and n not in settings.decayed]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}]
    groups += [{"params": others, "weight_decay": 0.0}] if others else []
    optimizer = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    generator = torch.Generator().manual_seed(settings.seed)
    queue: list[torch.Tensor] = []
    theta = first = _float64(named)
    velocity = {name: torch.zeros_like(value) for name, value in theta.items()}
    rows: list[tuple[torch.Tensor, ...]] = []
    losses: list[float] = []
    whole: list[torch.Tensor] = [torch.zeros(0)]
    with torch.enable_grad():
        for step in range(settings.steps):
            if settings.whole_every and step % settings.whole_every == 0:
                slopes = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), list(named.values()))
                everything = dict(zip(named, slopes, strict=True))
                whole.append(form(everything, everything))
            queue = queue or list(_batches(len(x), settings.batch_size, generator))
            chosen = queue.pop()
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            loss.backward()
            losses.append(float(loss.detach()))
            raw = _float64({name: value.grad for name, value in named.items() if value.grad is not None})
            full = {name: g + settings.weight_decay * theta[name] for name, g in raw.items()}
            before = (*_sizes(form, theta, velocity), form(raw, raw), form(full, full))
            optimizer.step()
            theta = _float64(named)
            velocity = (
                _float64({name: optimizer.state[value]["momentum_buffer"] for name, value in named.items()})
                if settings.momentum
                else full
            )
            rows.append((*before, form(velocity, velocity)))
    rows.append((*_sizes(form, theta, velocity), *rows[-1][4:]))
    charge, size, middle, middle_size, raw, full, speed = (torch.stack(column) for column in zip(*rows, strict=True))
    return Record(
        charges=charge, magnitudes=size, gradient_forms=raw[:-1], update_forms=full[:-1], momentum_charges=middle,
        momentum_magnitudes=middle_size, velocity_forms=speed[:-1], first=first, last=theta, losses=torch.tensor(losses),
        whole_forms=torch.stack(whole[1:]) if whole[1:] else whole[0],
    )  # fmt: skip
