"""Continuous dynamics of models with a symmetry: gradient flow, momentum flow, and motion along an orbit by noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import solve_continuous_lyapunov

from numerics.flows import Loss
from numerics.ode import integrate

Features = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def decayed_flow(loss: Loss, weight_decay: float, start: torch.Tensor, duration: float) -> torch.Tensor:
    """Integrate theta' = -grad L - wd theta with adaptive steps; a negative duration goes back in time."""
    slope, sign = torch.func.grad(loss), 1.0 if duration > 0 else -1.0

    def field(_: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return -sign * (slope(y[:, 0]) + weight_decay * y[:, 0])[:, None]

    return integrate(field, start[:, None], abs(duration), rtol=1e-11, atol=1e-12).state[:, 0]


def momentum_flow(
    loss: Loss, friction: float, start: torch.Tensor, velocity: torch.Tensor, duration: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Integrate theta'' + tau theta' = -grad L; return theta and theta'."""
    size, slope = len(start), torch.func.grad(loss)

    def field(_: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([y[size:], -slope(y[:size, 0])[:, None] - friction * y[size:]])

    end = integrate(field, torch.cat([start, velocity])[:, None], duration, rtol=1e-10, atol=1e-12).state[:, 0]
    return end[:size], end[size:]


def flow_ends(
    outputs: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    points: torch.Tensor,
    data: torch.Tensor,
    targets: torch.Tensor,
    duration: float,
) -> torch.Tensor:
    """Follow gradient flow of (outputs - target)^2, one sample for every point; points (n, d), data (n, p).

    ``outputs(theta, x)`` works on one point; all trajectories are integrated at once with adaptive steps.
    """

    def loss(theta: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((outputs(theta, x) - y) ** 2).sum()

    slope = torch.func.vmap(torch.func.grad(loss))

    def field(_: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return -slope(y.T.contiguous(), data[rows], targets[rows]).T

    return integrate(field, points.T.contiguous(), duration, rtol=1e-11, atol=1e-13).state.T


def momentum_flow_ends(
    outputs: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    points: torch.Tensor,
    velocities: torch.Tensor,
    data: torch.Tensor,
    targets: torch.Tensor,
    friction: float,
    duration: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for theta'' + tau theta' = -grad L; returns points and velocities."""
    size = points.shape[1]

    def loss(theta: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((outputs(theta, x) - y) ** 2).sum()

    slope = torch.func.vmap(torch.func.grad(loss))

    def field(_: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        down = -slope(y[:size].T.contiguous(), data[rows], targets[rows]).T
        return torch.cat([y[size:], down - friction * y[size:]])

    start = torch.cat([points, velocities], 1).T.contiguous()
    end = integrate(field, start, duration, rtol=1e-11, atol=1e-13).state.T
    return end[:, :size], end[:, size:]


class Orbit:
    """The orbit exp(lambda A) theta, A diagonal, of a model on finite data; noise is measured at every point of it.

    ``sample_losses(theta)`` returns the loss of every sample, and must not change along the orbit.
    """

    def __init__(
        self,
        sample_losses: Callable[[torch.Tensor], torch.Tensor],
        theta: torch.Tensor,
        eigenvalues: torch.Tensor,
        temperature: float,
        weight_decay: float,
    ) -> None:
        self.losses, self.theta, self.eigenvalues = sample_losses, theta, eigenvalues
        self.temperature, self.weight_decay = temperature, weight_decay

    def noise(self, position: float) -> torch.Tensor:
        """Return the variances (d,) of the per-sample gradients at a position, by autograd."""
        point = self.at(position)
        rows = torch.func.jacrev(self.losses)(point)
        return rows.var(0, correction=0)

    def at(self, position: float) -> torch.Tensor:
        """Return exp(lambda A) theta."""
        return self.theta * torch.exp(position * self.eigenvalues)

    def drift(self, position: float) -> float:
        """Return dC/dt of the SDE."""
        pull = -2 * self.weight_decay * (self.eigenvalues * self.at(position) ** 2).sum()
        return float(pull + self.temperature * (self.eigenvalues * self.noise(position)).sum())

    def velocity(self, position: float) -> float:
        """Return d lambda/dt: the drift of the charge over its derivative along the orbit."""
        return self.drift(position) / float(2 * (self.eigenvalues**2 * self.at(position) ** 2).sum())

    def follow(self, position: float, duration: float, steps: int) -> float:
        """Return the position after a time, by the classical Runge-Kutta method."""
        h = duration / steps
        for _ in range(steps):
            a = self.velocity(position)
            b = self.velocity(position + h / 2 * a)
            c = self.velocity(position + h / 2 * b)
            d = self.velocity(position + h * c)
            position += h / 6 * (a + 2 * b + 2 * c + d)
        return position


def follow_factors(
    first: np.ndarray, second: np.ndarray, first_noise: np.ndarray, second_noise: np.ndarray, temperature: float,
    weight_decay: float, duration: float, steps: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Move (U, W) along U e^{B}, e^{-B} W, B symmetric, as the noise moves Q = U^T U - W W^T at fixed product.

    dQ/dt = -2 wd Q + T (W Gamma_W W^T - U^T Gamma_U U) = K B + B K with K = U^T U + W W^T, dU/dt = U B, dW/dt = -B W.
    """

    def field(u: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = w @ second_noise @ w.T - u.T @ first_noise @ u
        rate = -2 * weight_decay * (u.T @ u - w @ w.T) + temperature * noise
        b = solve_continuous_lyapunov(u.T @ u + w @ w.T, rate)
        return u @ b, -b @ w

    u, w, h = first, second, duration / steps
    for _ in range(steps):
        du, dw = field(u, w)
        eu, ew = field(u + h / 2 * du, w + h / 2 * dw)
        u, w = u + h * eu, w + h * ew
    return u, w
