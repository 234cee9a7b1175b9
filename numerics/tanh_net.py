"""A small tanh network on a few principal components of the digits: full-batch losses with every derivative exact."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from numerics.digits import digits
from numerics.errors import NumericsError

SAMPLES, COMPONENTS, HIDDEN = 200, 8, 8
PARAMETERS = (COMPONENTS + 1) * HIDDEN + HIDDEN + 1


@functools.lru_cache(maxsize=1)
def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs (200, 8), the leading principal components at mean square 1 each, and labels +-1 (digits >= 5)."""
    images, labels = digits()
    _, _, loadings = np.linalg.svd(images, full_matrices=False)
    scores = images[:SAMPLES] @ loadings[:COMPONENTS].T
    scores = scores / np.sqrt((scores**2).mean(0))
    return torch.from_numpy(scores), torch.from_numpy(np.where(labels[:SAMPLES] >= 5, 1.0, -1.0))


@dataclass(frozen=True)
class TanhNet:
    """Mean of (f - y)^2/2 over a part of the data; 81 parameters in one vector, real or complex.

    ``batch`` and ``batches`` select every ``batches``-th sample; the default is the full batch.
    """

    batch: int = 0
    batches: int = 1

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        """Return the loss at a parameter vector (81,)."""
        if theta.shape != (PARAMETERS,):
            raise NumericsError(f"the parameter vector has shape {tuple(theta.shape)}; it must be ({PARAMETERS},).")
        x, y = data()
        x, y = x[self.batch :: self.batches].to(theta.dtype), y[self.batch :: self.batches].to(theta.dtype)
        weights = theta[: COMPONENTS * HIDDEN].reshape(HIDDEN, COMPONENTS)
        bias, second, last = theta[COMPONENTS * HIDDEN : -HIDDEN - 1], theta[-HIDDEN - 1 : -1], theta[-1]
        return ((torch.tanh(x @ weights.T + bias) @ second + last - y) ** 2).mean() / 2


def initial(seed: int) -> torch.Tensor:
    """Return a start drawn with variance 1/inputs for the first layer and 1/hidden for the second."""
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(PARAMETERS, generator=generator, dtype=torch.float64)
    theta[: COMPONENTS * HIDDEN] /= COMPONENTS**0.5
    theta[COMPONENTS * HIDDEN : -HIDDEN - 1] = 0
    theta[-HIDDEN - 1 : -1] /= HIDDEN**0.5
    theta[-1] = 0
    return theta


def descend(
    loss: Callable[[torch.Tensor], torch.Tensor], theta: torch.Tensor, learning_rate: float, steps: int
) -> torch.Tensor:
    """Return the parameters after full-batch gradient descent."""
    theta = theta.detach().clone()
    for _ in range(steps):
        point = theta.requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(point), point)
        theta = (theta - learning_rate * slope).detach()
    return theta
