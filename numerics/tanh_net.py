"""A small tanh network on a few principal components of the digits: full-batch losses with every derivative exact."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from numerics.digits import digits
from numerics.errors import InvalidSample, NumericsError
from numerics.flows import gradient_and_hessian

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
    """Mean of (f - y)^2/2 over a part of the data plus weight_decay |theta|^2/2; 81 parameters, real or complex.

    ``batch`` and ``batches`` select every ``batches``-th sample; the default is the full batch.
    """

    batch: int = 0
    batches: int = 1
    weight_decay: float = 0.0

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        """Return the loss at a parameter vector (81,)."""
        _, _, residual, _ = self._forward(theta)
        return (residual * residual).mean() / 2 + self.weight_decay / 2 * (theta * theta).sum()

    def derivatives(self, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradient (81,) and the Hessian (81, 81) in closed form, without conjugates at complex points."""
        units, second, residual, extended = self._forward(theta.detach())
        slopes = 1 - units * units
        count, inner = len(residual), (COMPONENTS + 1) * HIDDEN
        # d f / d (first layer): v_k tanh'(a_k) (x, 1), units outermost.
        first = (second * slopes)[:, :, None] * extended[:, None, :]
        ones = torch.ones_like(residual)[:, None]
        jacobian = torch.cat([first.reshape(count, inner), units, ones], 1)
        hessian = jacobian.T @ jacobian / count
        weights = residual[:, None] * slopes / count
        bend = torch.einsum("nk,na,nb->kab", -2 * weights * second * units, extended, extended)
        cross = torch.einsum("nk,na->ka", weights, extended)
        for unit in range(HIDDEN):
            block = slice(unit * (COMPONENTS + 1), (unit + 1) * (COMPONENTS + 1))
            hessian[block, block] += bend[unit]
            hessian[block, inner + unit] += cross[unit]
            hessian[inner + unit, block] += cross[unit]
        gradient = jacobian.T @ residual / count
        hessian = hessian[_BY_LAYER][:, _BY_LAYER]
        eye = torch.eye(PARAMETERS, dtype=hessian.dtype)
        return gradient[_BY_LAYER] + self.weight_decay * theta.detach(), hessian + self.weight_decay * eye

    def _forward(self, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Outputs of the units (n, 8), output weights (8,), residuals (n,), inputs with a 1 appended (n, 9)."""
        if theta.shape != (PARAMETERS,):
            raise NumericsError(f"the parameter vector has shape {tuple(theta.shape)}; it must be ({PARAMETERS},).")
        x, y = data()
        x, y = x[self.batch :: self.batches].to(theta.dtype), y[self.batch :: self.batches].to(theta.dtype)
        weights = theta[: COMPONENTS * HIDDEN].reshape(HIDDEN, COMPONENTS)
        bias, second, last = theta[COMPONENTS * HIDDEN : -HIDDEN - 1], theta[-HIDDEN - 1 : -1], theta[-1]
        units = torch.tanh(x @ weights.T + bias)
        return units, second, units @ second + last - y, torch.cat([x, torch.ones_like(y)[:, None]], 1)


def _layer_order() -> list[int]:
    """Where the parameters (first layer, biases, second layer, last bias) stand when ordered unit by unit."""
    wide = COMPONENTS + 1
    first = [unit * wide + c for unit in range(HIDDEN) for c in range(COMPONENTS)]
    biases = [unit * wide + COMPONENTS for unit in range(HIDDEN)]
    return first + biases + list(range(HIDDEN * wide, PARAMETERS))


_BY_LAYER = _layer_order()


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


@functools.lru_cache(maxsize=8)
def minimum(seed: int, weight_decay: float = 0.01) -> torch.Tensor:
    """Return a minimum of the loss with weight decay, to rounding: descent, then damped Newton steps.

    Raises InvalidSample if the gradient does not fall below 1e-12.
    """
    net = TanhNet(weight_decay=weight_decay)
    theta, damping = descend(net, initial(seed), 0.3, 400), 0.05
    for _ in range(120):
        slope, hessian = gradient_and_hessian(net, theta)
        if slope.norm() < 1e-13:
            break
        values, vectors = torch.linalg.eigh(hessian)
        trial = theta - vectors @ ((vectors.T @ slope) / (values.abs() + damping))
        # Near the end the loss no longer tells the points apart; the gradient does.
        better = net(trial) <= net(theta) + 1e-14
        theta, damping = (trial, damping / 4) if better else (theta, damping * 6)
    miss = float(gradient_and_hessian(net, theta)[0].norm())
    if miss > 1e-12:
        raise InvalidSample(f"no minimum found from seed {seed}: gradient {miss:.1e}; take another seed.")
    return theta


@dataclass(frozen=True)
class UnitSlice:
    """The same loss with one hidden unit free: shifts of its first input weight, its bias and its output weight.

    ``loss`` takes a torch vector (3,); ``gradient`` is the closed gradient in NumPy for long chains of tiny steps.
    ``batches`` > 1 keeps every ``batches``-th sample, from ``batch`` on.
    """

    seed: int = 0
    batch: int = 0
    batches: int = 1

    def indices(self) -> tuple[int, int, int]:
        """Return the positions of the free parameters in the vector of all of them."""
        return (0, COMPONENTS * HIDDEN, COMPONENTS * HIDDEN + HIDDEN)

    def loss(self, shift: torch.Tensor) -> torch.Tensor:
        """Return the loss at a shift (3,), real or complex."""
        rows = torch.eye(PARAMETERS, dtype=shift.dtype)[list(self.indices())]
        return TanhNet(self.batch, self.batches)(initial(self.seed).to(shift.dtype) + shift @ rows)

    def gradient(self, shift: np.ndarray) -> np.ndarray:
        """Return the gradient at a shift (3,)."""
        first, before, others, labels, weight = _unit(self)
        unit = np.tanh(before + shift[0] * first + shift[1])
        out = weight + shift[2]
        residual = others + out * unit - labels
        inner = residual * out * (1 - unit * unit)
        return np.array([(inner * first).mean(), inner.mean(), (residual * unit).mean()])


@functools.lru_cache(maxsize=16)
def _unit(chosen: UnitSlice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """First input, preactivation of the free unit, output of all others, labels, output weight of the unit."""
    x, y = (v.numpy()[chosen.batch :: chosen.batches] for v in data())
    theta = initial(chosen.seed).numpy()
    weights = theta[: COMPONENTS * HIDDEN].reshape(HIDDEN, COMPONENTS)
    second = theta[-HIDDEN - 1 : -1]
    before = x @ weights.T
    others = np.tanh(before[:, 1:]) @ second[1:]
    return x[:, 0], before[:, 0], others, y, float(second[0])
