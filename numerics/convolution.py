"""Training of two convolutions through a single channel on the digits, with the charge that its kicks predict."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from numerics.errors import NumericsError
from numerics.training import Training, digit_tensors

ACTIVATIONS = {"linear": nn.Identity(), "relu": nn.ReLU()}


@dataclass(frozen=True)
class ConvolutionRun:
    """Filters at the end, the charge from the start plus eta^2 times all forms of gradients, and their size."""

    outgoing: torch.Tensor
    incoming: torch.Tensor
    expected: float
    magnitude: float


def train_convolution(settings: Training) -> ConvolutionRun:
    """Train image -> 3 x 3 filter -> activation -> 3 x 3 filter -> mean over the image -> squared error, no decay.

    ``settings.network`` names the activation: linear or relu.
    """
    if settings.network not in ACTIVATIONS:
        raise NumericsError(f"activation {settings.network!r} is unknown; choose one of {', '.join(ACTIVATIONS)}.")
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        incoming = nn.Conv2d(1, 1, 3, bias=False, dtype=torch.float64)
        outgoing = nn.Conv2d(1, 1, 3, bias=False, dtype=torch.float64)
        batches = [torch.randint(1797, (settings.batch_size,)) for _ in range(settings.steps)]
    model = nn.Sequential(incoming, ACTIVATIONS[settings.network], outgoing)
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.learning_rate)
    x, y = digit_tensors()
    goals = (y >= 5).double()[:, None]

    def form(first: torch.Tensor, second: torch.Tensor) -> float:
        return float((first**2).sum() - (second**2).sum())

    expected = form(outgoing.weight.detach(), incoming.weight.detach())
    for chosen in batches:
        with torch.enable_grad():
            optimizer.zero_grad()
            found = model(x[chosen].reshape(-1, 1, 8, 8)).mean((2, 3))
            ((found - goals[chosen]) ** 2).sum(1).mean().backward()
        slopes = [p.grad for p in (outgoing.weight, incoming.weight) if p.grad is not None]
        expected += settings.learning_rate**2 * form(slopes[0], slopes[1])
        optimizer.step()
    ends = outgoing.weight.detach(), incoming.weight.detach()
    return ConvolutionRun(ends[0], ends[1], expected, float((ends[0] ** 2).sum() + (ends[1] ** 2).sum()))
