"""The tanh network on the digits at a minimum and at the edge of stability: full-batch runs and one-step flows."""

from __future__ import annotations

import cmath
import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from checks.check import Context, Measured
from numerics import flows
from numerics.dal import DAL
from numerics.errors import InvalidSample
from numerics.tanh_net import TanhNet, descend, initial, minimum

_DECAY = 0.01
_NET = TanhNet(weight_decay=_DECAY)


@functools.lru_cache(maxsize=8)
def _top_mode(seed: int) -> tuple[torch.Tensor, float, torch.Tensor]:
    """Minimum of the network with weight decay, its sharpness and the direction of it."""
    theta = minimum(seed, _DECAY)
    values, vectors = torch.linalg.eigh(flows.gradient_and_hessian(_NET, theta)[1])
    return theta, float(values[-1]), vectors[:, -1]


def _iterate(method: str, theta: torch.Tensor, learning_rate: float, momentum: float, steps: int) -> list[torch.Tensor]:
    """Literal iterates of the network's parameters, from rest."""
    velocity, orbit = torch.zeros_like(theta), [theta]
    for _step in range(steps):
        at = (theta + momentum * velocity if method == "nesterov" else theta).detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(_NET(at), at)
        velocity = momentum * velocity - learning_rate * slope
        theta = (theta + velocity).detach()
        orbit.append(theta)
    return orbit


def mode_growth(
    _: Context, *, method: str, scaled_curvature: float, seed: int, momentum: float = 0.0, **__: Any
) -> Measured:
    """Growth per step of a displacement of 1e-6 along the sharpest direction: largest root of its recurrence."""
    theta, sharpness, direction = _top_mode(seed)
    orbit = _iterate(method, theta + 1e-6 * direction, scaled_curvature / sharpness, momentum, 9)
    d = np.array([float((point - theta) @ direction) for point in orbit])
    if not momentum:
        return Measured(math.log(abs(d[8] / d[0])) / 8, 1e-5)
    radii = []
    for window in (d[:7], d[2:9]):
        scale = np.abs(window).max()
        rows = np.column_stack([window[1:-1], window[:-2]]) / scale
        p, q = np.linalg.lstsq(rows, window[2:] / scale, rcond=None)[0]
        radii.append(float(np.abs(np.roots([1, -p, -q])).max()))
    return Measured(math.log(radii[0]), abs(math.log(radii[1] / radii[0])) + 1e-7)


def _alpha(ratio: complex, x: float) -> list[float]:
    """log(ratio)/x with the imaginary part of the logarithm in (-pi/2, 3 pi/2], so that rounding cannot flip i pi."""
    angle = cmath.phase(ratio)
    value = complex(math.log(abs(ratio)), angle + 2 * math.pi if angle <= -math.pi / 2 else angle) / x
    return [value.real, value.imag]


def step_alpha(_: Context, *, scaled_curvature: float, seed: int, **__: Any) -> Measured:
    """log of the factor by which one gradient step multiplies a displacement along the sharpest direction, over x."""
    theta, sharpness, direction = _top_mode(seed)
    found = []
    for size in (1e-4, 5e-5):
        end = _iterate("gd", theta + size * direction, scaled_curvature / sharpness, 0.0, 1)[-1]
        found.append(_alpha(complex(float((end - theta) @ direction) / size), scaled_curvature))
    return Measured(found[1], [abs(a - c) + 1e-9 for a, c in zip(*found)])


def _field(kind: str, h: float) -> flows.VectorField:
    return {
        "gradient": lambda: flows.gradient_flow(_NET),
        "second": lambda: flows.regularised_flow(_NET, h),
        "third": lambda: flows.third_order_flow(_NET, h),
        "principal": lambda: flows.principal_flow(_NET, h),
    }[kind]()


def flow_alpha(_: Context, *, scaled_curvature: float, seed: int, kind: str, **__: Any) -> Measured:
    """The same of a continuous flow integrated over the time of one step."""
    theta, sharpness, direction = _top_mode(seed)
    h, size = scaled_curvature / sharpness, 1e-4
    start = theta + size * direction
    if kind == "principal":
        start = start.to(torch.complex128)
    found = []
    for substeps in (7, 14):
        moved = flows.flow(_field(kind, h), start, h, substeps) - theta
        found.append(_alpha(complex((moved @ direction.to(moved.dtype)).item()) / size, scaled_curvature))
    return Measured(found[1], [abs(a - c) / 15 + 1e-7 for a, c in zip(*found)])


def unpinned_principal_flow(learning_rate: float) -> flows.VectorField:
    """The principal flow with the principal logarithm of complex numbers: rounding decides the sign of i pi."""

    def field(z: torch.Tensor) -> torch.Tensor:
        g, hessian = flows.gradient_and_hessian(_NET, z)
        values, vectors = torch.linalg.eig(hessian)
        scaled = learning_rate * values
        return vectors @ (torch.log(1 - scaled) / scaled * torch.linalg.solve(vectors, g))

    return field


def _gain(point: torch.Tensor, h: float, *, pinned: bool = True) -> float:
    """One-step error of the third-order flow over that of the principal flow."""
    g, _hessian = flows.gradient_and_hessian(_NET, point)
    step = point - h * g
    third = flows.flow(flows.third_order_flow(_NET, h), point, h, 8)
    field = flows.principal_flow(_NET, h) if pinned else unpinned_principal_flow(h)
    principal = flows.flow(field, point.to(torch.complex128), h, 8)
    return float((step - third).norm() / (step - principal).norm())


_POINTS = (0.62, 1.33, 2.13)


def aligned_gain(_: Context, *, seed: int, pinned: bool = True, **__: Any) -> Measured:
    """Share of h lambda_0 in (0.62, 1.33, 2.13) with a gain above 20, displaced by 0.01 along the sharpest direction."""
    theta, sharpness, direction = _top_mode(seed)
    gains = [_gain(theta + 0.01 * direction, x / sharpness, pinned=pinned) for x in _POINTS]
    return Measured(sum(gain > 20 for gain in gains) / len(gains))


def random_gain(_: Context, *, seed: int, **__: Any) -> Measured:
    """The same share at random starts of the network, where the gradient is not aligned, for h lambda_0 = 0.62."""
    gains = []
    for k in range(3):
        point = initial(10 * seed + k)
        sharpness = float(torch.linalg.eigvalsh(flows.gradient_and_hessian(_NET, point)[1])[-1])
        gains.append(_gain(point, _POINTS[0] / sharpness))
    return Measured(sum(gain > 20 for gain in gains) / len(gains))


def quadratic_change(
    _: Context, *, learning_rate: float, curvatures: list[float], gradient_components: list[float], seed: int, **__: Any
) -> Measured:
    """Change of the loss in one step from a point displaced along the sharpest direction.

    The loss is multiplied so that its sharpness is the given curvature, and the result is that of a gradient
    component 1e-4 of the given one, over its square.
    """
    theta, sharpness, direction = _top_mode(seed)
    factor = curvatures[0] / sharpness
    found = []
    for size in (1e-3, 5e-4):
        start = theta + size * gradient_components[0] / curvatures[0] * direction
        end = _iterate("gd", start, learning_rate * factor, 0.0, 1)[-1]
        found.append(factor * float(_NET(end) - _NET(start)) / size**2)
    return Measured(2 * found[1] - found[0], abs(found[1] - found[0]) / 5 + 1e-8)


@dataclass(frozen=True)
class EdgeRun:
    """Losses of a full-batch run and, step by step in a window of it, the scaled sharpness and predicted changes."""

    losses: tuple[float, ...]
    first: int
    sharpness: tuple[float, ...]
    predicted: tuple[float, ...]

    def rises(self) -> list[bool]:
        """Whether the loss rose, for every step of the window."""
        return [self.losses[self.first + k + 1] > self.losses[self.first + k] for k in range(len(self.sharpness))]


_STEPS, _FIRST, _LAST = 700, 100, 200


@functools.lru_cache(maxsize=16)
def edge_run(seed: int, learning_rate: float) -> EdgeRun:
    """Full-batch gradient descent without weight decay; the window are the steps 100..200."""
    net = TanhNet()
    first = _FIRST
    theta = descend(net, initial(seed), learning_rate, first)
    losses, sharpness, predicted = [math.nan] * first, [], []
    for _step in range(_LAST - _FIRST):
        found = flows.gradient_and_hessian(net, theta)
        slope, hessian = found
        losses.append(float(net(theta)))
        sharpness.append(learning_rate * float(torch.linalg.eigvalsh(hessian)[-1]))
        predicted.append(float(-learning_rate * slope @ slope + learning_rate**2 / 2 * slope @ (hessian @ slope)))
        theta = theta - learning_rate * slope
    losses.append(float(net(theta)))
    if not math.isfinite(losses[-1]):
        raise InvalidSample(f"the run with seed {seed} diverged; lower the learning rate.")
    return EdgeRun(tuple(losses), first, tuple(sharpness), tuple(predicted))


def mean_sharpness(_: Context, *, method: str, momentum: float, rate: float, seeds: int, **__: Any) -> Measured:
    """Learning rate times sharpness, averaged over every seventh of the steps 350..700 and over seeds."""
    means = []
    for seed in range(seeds):
        net, theta = TanhNet(), initial(seed)
        velocity, found = torch.zeros_like(theta), []
        for step in range(_STEPS):
            if step >= _STEPS // 2 and step % 7 == 0:
                hessian = flows.gradient_and_hessian(net, theta)[1]
                found.append(rate * float(torch.linalg.eigvalsh(hessian)[-1]))
            at = (theta + momentum * velocity if method == "nesterov" else theta).requires_grad_(True)
            (slope,) = torch.autograd.grad(net(at), at)
            velocity = momentum * velocity - rate * slope
            theta = (theta + velocity).detach()
        means.append(float(np.mean(found)))
    return Measured(float(np.mean(means)))


def _window(learning_rate: float, seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scaled sharpness, rise, predicted and real change of every step of the windows of all seeds."""
    runs = [edge_run(seed, learning_rate) for seed in range(seeds)]
    real = [np.diff(run.losses[run.first :]) for run in runs]
    return (
        np.concatenate([run.sharpness for run in runs]),
        np.concatenate([run.rises() for run in runs]),
        np.concatenate([run.predicted for run in runs]),
        np.concatenate(real),
    )


def share_of_rises_below(_: Context, *, rate: float, seeds: int, threshold: float, **__: Any) -> Measured:
    """Share of all rises of the loss that happen at a scaled sharpness below the threshold."""
    sharpness, rises, _predicted, _real = _window(rate, seeds)
    if rises.sum() < 30:
        raise InvalidSample(f"{int(rises.sum())} rises of the loss are too few to judge; take a larger learning rate.")
    return Measured(float((sharpness[rises] < threshold).mean()))


def share_that_rises(_: Context, *, rate: float, seeds: int, threshold: float, **__: Any) -> Measured:
    """Share of the steps above a scaled sharpness, so with positive stability coefficient, on which the loss rises."""
    sharpness, rises, _predicted, _real = _window(rate, seeds)
    return Measured(float(rises[sharpness > threshold].mean()))


def sign_agreement(_: Context, *, rate: float, seeds: int, **__: Any) -> Measured:
    """Share of the steps on which the quadratic prediction has the sign of the real change of the loss."""
    _sharpness, _rises, predicted, real = _window(rate, seeds)
    return Measured(float((np.sign(predicted) == np.sign(real)).mean()))


_RATES = (0.2, 0.4, 0.8, 1.2, 1.6)


@functools.lru_cache(maxsize=16)
def _final_losses(seed: int, steps: int, power: float) -> tuple[float, tuple[float, ...]]:
    """Loss after so many full-batch steps of DAL with a cap of 2, and of gradient descent with every fixed rate."""
    net = TanhNet()
    theta = initial(seed).requires_grad_(True)
    optimizer = DAL([theta], power=power, cap=2.0)
    for _step in range(steps):
        optimizer.step(lambda: net(theta))
    fixed = tuple(float(net(descend(net, initial(seed), rate, steps))) for rate in _RATES)
    return float(net(theta.detach())), tuple(loss if math.isfinite(loss) else math.inf for loss in fixed)


def drift_adjusted_wins(_: Context, *, dal_power: float, rank: int, seeds: int, **__: Any) -> Measured:
    """Share of the starts at which DAL ends below the fixed rate of this rank (0: best) among five, after 150 steps."""
    wins = []
    for seed in range(seeds):
        adjusted, fixed = _final_losses(seed, 150, dal_power)
        wins.append(adjusted < sorted(fixed)[rank])
    return Measured(sum(wins) / len(wins))
