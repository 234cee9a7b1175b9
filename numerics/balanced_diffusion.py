"""The SDE of SGD on a product of n equal factors, simulated in ln u by Euler-Maruyama."""

from __future__ import annotations

import torch

from numerics.ensemble import Chunk


def balanced_diffusion(
    chunk: Chunk,
    *,
    factors: int,
    input_second_moment: float,
    input_target_moment: float,
    noise_quadratic: float,
    noise_cross: float,
    noise_constant: float,
    temperature: float,
    weight_decay: float,
    duration: float,
    steps: int,
    start: float = 1.0,
) -> torch.Tensor:
    """Return ln v, v = u^n, of du = -(2 u^{n-1} (b1 u^n - b2) + wd u) dt + 2 u^{n-1} sqrt(T A(u^n)) dW (Ito).

    The gradient of (x u^n - y)^2 in every factor is 2 u^{n-1} (x^2 v - x y), with the variance 4 u^{2n-2} A(v).
    """
    dt = duration / steps
    log = torch.full((chunk.replicas,), start, dtype=torch.float64).log() / factors
    for _ in range(steps):
        u = torch.exp(log)
        power = u ** (factors - 2)
        v = power * u * u
        noise = noise_quadratic * v * v - 2 * noise_cross * v + noise_constant
        drift = -2 * power * (input_second_moment * v - input_target_moment) - weight_decay
        square = 4 * power * power * temperature * noise
        # an implicit pull for large v: the drift of ln u falls like v and would overshoot
        move = (drift - square / 2) * dt
        log = log + move / (1 + move.abs() / 4) + (square * dt).sqrt() * chunk.normal(chunk.replicas)
    return factors * log
