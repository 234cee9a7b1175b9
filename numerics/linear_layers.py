"""Training of layers that enter the loss through a product U W only: two linear layers, and queries with keys.

Both are trained on the digits by ``torch.optim.SGD``; every step is recorded with the gradient of the product itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import nn

from numerics.errors import NumericsError
from numerics.training import digit_tensors

KINDS = ("linear", "attention")


@dataclass(frozen=True)
class FactorStep:
    """Factors before and after one step, and g = dL_batch/d(U W)."""

    first: torch.Tensor
    second: torch.Tensor
    gradient: torch.Tensor
    first_after: torch.Tensor
    second_after: torch.Tensor


class _Linear(nn.Module):
    """Logits U W x of the 4 x 4 block means of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(0.4 * torch.randn(10, 3, dtype=torch.float64))
        self.second = nn.Parameter(0.4 * torch.randn(3, 16, dtype=torch.float64))

    def forward(self, images: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        blocks = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
        return blocks @ product.T


class _Attention(nn.Module):
    """One head over the eight rows of an image; the scores are X Q K^T X^T/2, U = Q and W = K^T."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(0.5 * torch.randn(8, 4, dtype=torch.float64))
        self.second = nn.Parameter(0.5 * torch.randn(4, 8, dtype=torch.float64))
        self.value = nn.Linear(8, 10, bias=False, dtype=torch.float64)

    def forward(self, images: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        tokens = images.reshape(-1, 8, 8)
        scores = tokens @ product @ tokens.transpose(1, 2) / 2
        return self.value(torch.softmax(scores, -1) @ tokens).mean(1)


@functools.lru_cache(maxsize=4)
def train_factors(
    kind: str, learning_rate: float, weight_decay: float, steps: int, batch_size: int = 32, seed: int = 0
) -> list[FactorStep]:
    """Return all steps of a run."""
    if kind not in KINDS:
        raise NumericsError(f"kind {kind!r} is unknown; choose one of {', '.join(KINDS)}.")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _Linear() if kind == "linear" else _Attention()
        batches = [torch.randint(1797, (batch_size,)) for _ in range(steps)]
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    x, y = digit_tensors()
    found = []
    for chosen in batches:
        with torch.enable_grad():
            product = model.first @ model.second
            product.retain_grad()
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[chosen], product), y[chosen]).backward()
        before = model.first.detach().clone(), model.second.detach().clone()
        optimizer.step()
        after = model.first.detach().clone(), model.second.detach().clone()
        slope = product.grad if product.grad is not None else torch.zeros_like(product)
        found.append(FactorStep(*before, slope.clone(), *after))
    return found
