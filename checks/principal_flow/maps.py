"""Exact maps close to the edge of stability: catapult, scalar factorisation, flip, self-stabilisation, DAL."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from checks.check import Context, Measured
from checks.principal_flow.losses import jet_gradient
from numerics.dal import DAL
from numerics.descent import extrapolate
from numerics.errors import InvalidSample
from numerics.flows import gradient_and_hessian
from numerics.ode import integrate


def catapult_returns(_: Context, *, tangent_kernel: float, product: float, **__: Any) -> Measured:
    """1 if the catapult map converges from f_0 = 0.1 at n = 4000 with h l_0 = product, else 0."""
    h, n, f, kernel = product / tangent_kernel, 4000.0, 0.1, tangent_kernel
    for _step in range(4000):
        f, kernel = f * (1 - h * kernel + h * h * f * f / n), kernel + h * f * f * (h * kernel - 4) / n
        if not abs(f) < 1e8:
            return Measured(0.0)
    return Measured(1.0 if abs(f) < 1e-6 else 0.0)


def imbalance(
    _: Context, *, learning_rate: float, first_weight: float, second_weight: float, target: float, **__: Any
) -> Measured:
    """Q after one autograd step of the scalar factorisation."""
    w = torch.tensor([first_weight, second_weight], dtype=torch.float64, requires_grad=True)
    ((w[0] * w[1] - target) ** 2 / 2).backward()
    if w.grad is None:
        return Measured(float("nan"))
    u, v = (w - learning_rate * w.grad).tolist()
    return Measured(u * u - v * v, 1e-14)


def gradient_flow_sharpness(
    _: Context, *, first_weight: float, second_weight: float, target: float, **__: Any
) -> Measured:
    """Top eigenvalue of the autograd Hessian at the end of the integrated gradient flow."""

    def field(_t: torch.Tensor, w: torch.Tensor, _rows: torch.Tensor) -> torch.Tensor:
        residual = w[0] * w[1] - target
        return -residual * torch.stack([w[1], w[0]])

    start = torch.tensor([[first_weight], [second_weight]], dtype=torch.float64)
    values = []
    for duration in (20.0, 30.0):
        end = integrate(field, start, duration).state[:, 0]
        hess = gradient_and_hessian(lambda w: (w[0] * w[1] - target) ** 2 / 2, end)[1]
        values.append(float(torch.linalg.eigvalsh(hess)[-1]))
    return Measured(values[1], abs(values[1] - values[0]) + 1e-8)


def flip_amplitude(
    _: Context, *, excess: float, second_derivative: float, third_derivative: float, fourth_derivative: float, **__: Any
) -> Measured:
    """Half amplitude of the period-two orbit of literal gradient descent over sqrt(excess), extrapolated."""
    slope = jet_gradient([0.0, second_derivative, third_derivative, fourth_derivative])
    sizes = [1e-2, 5e-3, 2.5e-3]
    values = []
    for d in sizes:
        h, x = (2 + d) / second_derivative, 0.3 * math.sqrt(d)
        for _step in range(int(60 / d)):
            x -= h * slope(x)
        values.append(abs(h * slope(x)) / 2 / math.sqrt(d))
    limit, error = extrapolate(values, sizes)
    return Measured(limit * math.sqrt(excess), error * math.sqrt(excess))


def flip_exists(
    _: Context, *, second_derivative: float, third_derivative: float, fourth_derivative: float, **__: Any
) -> Measured:
    """1 if literal gradient descent just above the edge stays in a small orbit of period two, else 0."""
    slope = jet_gradient([0.0, second_derivative, third_derivative, fourth_derivative])
    d = 2e-3
    h, x = (2 + d) / second_derivative, 0.003
    for _step in range(40000):
        x -= h * slope(x)
        if abs(x) > 1.0:
            return Measured(0.0)
    twice = x - h * slope(x)
    return Measured(1.0 if abs(twice - h * slope(twice) - x) < 1e-8 < abs(twice - x) else 0.0)


def _reduced_orbit(h: float, alpha: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviations of the reduced self-stabilisation map, started 1e-7 away from its fixed point."""
    r, y = math.sqrt(2 * alpha) + 1e-7, 0.0
    orbit = np.empty((steps, 2))
    for k in range(steps):
        orbit[k] = (r - math.sqrt(2 * alpha), y)
        r, y = r * (1 + h * y), y + h * (alpha - r * r / 2)
    return orbit[:, 0], orbit[:, 1]


def spiral(_: Context, *, learning_rate: float, sharpening_rate: float, what: str, **__: Any) -> Measured:
    """Period and growth of small deviations of the reduced map, from the angle and radius it turns through."""
    steps = 400
    a, c = _reduced_orbit(learning_rate, sharpening_rate, steps)
    turned = np.unwrap(np.angle(a - 1j * c))[[0, -1]]
    radius = np.log(np.hypot(a, c)[[0, -1]])
    if what == "period":
        return Measured(2 * math.pi * (steps - 1) / abs(turned[1] - turned[0]), 1e-3)
    return Measured((radius[1] - radius[0]) / (steps - 1), 1e-6)


def centre(_: Context, *, learning_rate: float, sharpening_rate: float, **__: Any) -> Measured:
    """Growth per time h of the ordinary differential equation of the same map: a centre."""
    star = math.sqrt(2 * sharpening_rate)

    def slope(_t: float, s: np.ndarray) -> list[float]:
        return [s[0] * s[1], sharpening_rate - s[0] ** 2 / 2]

    # Successive maxima of r along one orbit.
    done = solve_ivp(slope, (0, 200), [star + 1e-3, 0.0], rtol=1e-11, atol=1e-13, events=lambda _t, s: s[1])
    peaks = [float(s[0] - star) for s in done.y_events[0] if s[0] > star]
    times = [float(t) for t, s in zip(done.t_events[0], done.y_events[0]) if s[0] > star]
    rate = math.log(peaks[-1] / peaks[1]) / (times[-1] - times[1])
    return Measured(rate * learning_rate, 1e-7)


def dal_two_cycle(_: Context, *, curvature: float, **__: Any) -> Measured:
    """Rate of the DAL optimizer along an eigenvector after 50 steps of the two-cycle."""
    w = torch.tensor([0.7, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = DAL([w])
    scale = torch.tensor([curvature, 0.31], dtype=torch.float64)
    for _step in range(50):
        optimizer.step(lambda: (scale * w * w).sum() / 2)
    ok = abs(abs(w[0].item()) - 0.7) < 1e-9
    return Measured(optimizer.param_groups[0]["lr"] if ok else float("nan"), 1e-12)


def dal_loss_ratio(_: Context, *, curvature: float, **__: Any) -> Measured:
    """Loss after 400 DAL-1 steps over the loss at the start, along an eigenvector."""
    w = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    optimizer = DAL([w])
    first = last = 0.0
    for step in range(400):
        last = float(optimizer.step(lambda: curvature * (w * w).sum() / 2))
        first = last if step == 0 else first
    return Measured(last / first, 1e-9)


def dal_limit(_: Context, *, curvatures: list[float], **__: Any) -> Measured:
    """Rate of the DAL optimizer on a quadratic after 600 steps from a generic start."""
    scale = torch.tensor(curvatures, dtype=torch.float64)
    w = torch.linspace(0.9, 1.7, len(curvatures), dtype=torch.float64).requires_grad_(True)
    optimizer = DAL([w])
    for _step in range(600):
        optimizer.step(lambda: (scale * w * w).sum() / 2)
    return Measured(optimizer.param_groups[0]["lr"], 1e-6)


def literal_catapult(
    _: Context, *, learning_rate: float, width: int, network_output: float, tangent_kernel: float, **__: Any
) -> Measured:
    """One autograd step of 2n literal weights with the given output and kernel."""
    n = int(width)
    generator = torch.Generator().manual_seed(n)
    a, c = torch.randn(2, n, generator=generator, dtype=torch.float64)
    a = a / a.norm()
    c = c - (c @ a) * a
    c = c / c.norm()
    size = math.sqrt(n * tangent_kernel / 2)
    cosine = math.sqrt(n) * network_output / size**2
    u = (size * a).requires_grad_(True)
    v = (size * (cosine * a + math.sqrt(1 - cosine**2) * c)).requires_grad_(True)
    loss = (u @ v / math.sqrt(n)) ** 2 / 2
    slopes = torch.autograd.grad(loss, [u, v])
    u, v = (w.detach() - learning_rate * slope for w, slope in zip((u, v), slopes))
    return Measured([float(u @ v) / math.sqrt(n), float(u @ u + v @ v) / n], 1e-13)


def descent_sharpness(_: Context, *, first_weight: float, second_weight: float, target: float, **__: Any) -> Measured:
    """u^2 + v^2 where literal gradient descent ends, extrapolated to a vanishing learning rate."""
    sizes, ends = [0.04, 0.02, 0.01, 0.005], []
    for h in sizes:
        u, v = first_weight, second_weight
        for _step in range(int(25 / h)):
            r = u * v - target
            u, v = u - h * r * v, v - h * r * u
        ends.append(u * u + v * v)
    return Measured(*extrapolate(ends, sizes))


def final_sharpness_gap(_: Context, *, learning_rate: float, first: float, **__: Any) -> Measured:
    """2/h - S at the end of literal gradient descent on (1 - x^2 y^2)^2/4 from x = ``first``/sqrt(h), y = 1.02/x.

    Runs at h, h/2 and h/4 are extrapolated: the next order of gap/h is h^2.
    """
    ratios = [_gap_over_rate(learning_rate / 2**k, first) for k in range(3)]
    once = [(4 * b - a) / 3 for a, b in itertools.pairwise(ratios)]
    twice = (16 * once[1] - once[0]) / 15
    return Measured(twice * learning_rate, abs(twice - once[1]) * learning_rate)


def _gap_over_rate(h: float, first: float) -> float:
    x = first / math.sqrt(h)
    y = 1.02 / x
    for _step in range(10**7):
        q = x * y
        g = q**3 - q
        x, y = x - h * g * y, y - h * g * x
        if abs(q - 1) < 1e-8 and h * (x * x + y * y) < 1:
            return (2 / h - 2 * (x * x + y * y)) / h
        if not abs(x) < 1e6:
            break
    raise InvalidSample("gradient descent did not come to rest; take another start or a smaller learning rate.")
