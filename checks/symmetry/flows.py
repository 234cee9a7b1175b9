"""The flow rung of the symmetry family: gradient flow, momentum flow, and the SDE of SGD."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import theory
from checks.check import Context, Measured
from numerics.descent import logarithm_of_iterates
from numerics.symmetric_flows import Orbit, decayed_flow, follow_factors, momentum_flow

_X = torch.tensor([[0.7, -0.4], [-1.1, 0.8], [0.3, 1.2]], dtype=torch.float64)
_Y = torch.tensor([[0.9, -0.2], [0.4, 0.6], [-0.8, 0.5]], dtype=torch.float64)


def _vector(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def _rank_one_loss(theta: torch.Tensor) -> torch.Tensor:
    """Mean of |u (w.x) - y|^2 with u = theta[:2], w = theta[2:]."""
    return (((_X @ theta[2:])[:, None] * theta[:2] - _Y) ** 2).sum(1).mean()


def charge_rate(context: Context, *, charge: float, weight_decay: float, **_: Any) -> Measured:
    """dC/dt at the start of a gradient flow with decay, by a central difference over its two sides."""
    w = _vector(0.6, -0.9)
    u = _vector(1.0, 0.4)
    u = u * ((charge + float(w @ w)) / float(u @ u)) ** 0.5
    h = 2e-3
    ends = [decayed_flow(_rank_one_loss, weight_decay, torch.cat([u, w]), s * h) for s in (1, -1)]
    later, before = (float(z[:2] @ z[:2] - z[2:] @ z[2:]) for z in ends)
    return Measured((later - before) / (2 * h), 1e-5 * abs(charge) * weight_decay)


def _losses_of_kind(kind: str) -> tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    """A loss with the symmetry of this kind in its parameters (first two, then the others), and a start."""
    goal = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)
    losses = {
        "translation": lambda z: torch.logsumexp(z, 0) - goal @ z,
        "scale": lambda z: (((_X @ (z[:2] / z.norm())) - _Y[:, 0]) ** 2).mean() + z[2] * z[3] / z.square().sum(),
        "rescale": _rank_one_loss,
        "matrix": lambda z: ((z[:2] @ z[2:]) - 1.3) ** 2,
    }
    return losses[kind], _vector(0.8, -0.5, 0.9, 0.7)


def _homogeneous(z: torch.Tensor) -> torch.Tensor:
    """a (w.x)^3 with a = z[0]."""
    return ((z[0] * (_X @ z[1:]) ** 3 - _Y[:, 0]) ** 2).mean()


@functools.lru_cache(maxsize=8)
def end_of_flow(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights before and after a gradient flow without decay, as values of noether.kinds."""
    if kind == "homogeneous":
        start, loss, cut = _vector(0.8, 0.9, -0.6), _homogeneous, 1
    else:
        (loss, start), cut = _losses_of_kind(kind), 2
    end = decayed_flow(loss, 0.0, start, 1.5)
    degree = 3 if kind == "homogeneous" else 1
    return tuple(
        {"symmetry_kind": kind, "first_weights": z[:cut].tolist(), "second_weights": z[cut:].tolist(), "degree": degree}
        for z in (start, end)
    )  # pyright: ignore[reportReturnType]


def charge_at_start(context: Context, *, symmetry_kind: str, **_: Any) -> Measured:
    """The charge at the start of the flow which ended in the values of the case."""
    start, _end = end_of_flow(symmetry_kind)
    return Measured(theory.law("symmetry.noether.kinds")(**start), 1e-10)


@functools.lru_cache(maxsize=2)
def relu_flow() -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights u, w, b of one of two ReLU units before and after a gradient flow during which units switch."""
    start = _vector(0.8, -0.5, 0.9, 0.7, 0.3, -0.6, 1.1, -0.4, 0.8, -0.2)

    def loss(z: torch.Tensor) -> torch.Tensor:
        found = sum(torch.relu(_X @ p[2:4] + p[4])[:, None] * p[:2] for p in (z[:5], z[5:]))
        return ((found - 1.7 * _Y) ** 2).sum(1).mean()

    end = decayed_flow(loss, 0.0, start, 1.0)
    return tuple(
        {"first_weights": z[5:7].tolist(), "second_weights": z[7:9].tolist(), "bias": float(z[9])} for z in (start, end)
    )  # pyright: ignore[reportReturnType]


def relu_charge_at_start(context: Context, **_: Any) -> Measured:
    """The charge of the unit at the start of the flow which ended in the values of the case."""
    return Measured(theory.law("symmetry.noether.relu_unit")(**relu_flow()[0]), 1e-8)


def momentum_charge(context: Context, *, charge: float, friction: float, time: float, **_: Any) -> Measured:
    """theta^T A theta' after a momentum flow of L(u w^T), u and w of two columns, A rotating the columns."""
    start = _vector(0.9, -0.4, 0.5, 1.1, 0.7, 0.2)

    def loss(z: torch.Tensor) -> torch.Tensor:
        u, w = z[:4].reshape(2, 2), z[4:]
        return ((u @ w - _vector(1.0, -0.6)) ** 2).sum()

    turned = torch.cat([torch.stack([start[1], -start[0], start[3], -start[2]]), torch.stack([start[5], -start[4]])])
    base = _vector(0.3, 0.2, -0.1, 0.4, 0.1, -0.3)
    # theta^T A v = -(A theta).v for antisymmetric A
    base = base - (charge + turned @ base) / (turned @ turned) * turned
    end, speed = momentum_flow(loss, friction, start, base, time)
    after = torch.cat([torch.stack([end[1], -end[0], end[3], -end[2]]), torch.stack([end[5], -end[4]])])
    return Measured(-float(after @ speed), 1e-8)


def descent_rate(context: Context, *, learning_rate: float, first: list[float], second: list[float],
                 target: list[list[float]], iterates: int = 6) -> float:  # fmt: skip
    """dC/dt of the flow through the iterates of gradient descent on |u w^T - V|^2/2, by logarithmic differences."""
    u, w, v = np.array(first), np.array(second), np.array(target)
    charges = []
    for _ in range(iterates):
        charges.append([u @ u - w @ w])
        gap = np.outer(u, w) - v
        u, w = u - learning_rate * gap @ w, w - learning_rate * gap.T @ u
    return float(logarithm_of_iterates(np.array(charges), learning_rate)[0])


def vector_descent(context: Context, *, first_weights: list[float], second_weights: list[float],
                   product_target: list[list[float]], learning_rate: float, **_: Any) -> Measured:  # fmt: skip
    """The same as a measurement, for vectors."""
    value = descent_rate(context, learning_rate=learning_rate, first=first_weights, second=second_weights,
                         target=product_target)  # fmt: skip
    return Measured(value, 1e-9)


def scalar_descent(context: Context, *, first_weight: float, second_weight: float, target: float, learning_rate: float,
                   **_: Any) -> Measured:  # fmt: skip
    """The same for two scalars."""
    value = descent_rate(context, learning_rate=learning_rate, first=[first_weight], second=[second_weight],
                         target=[[target]])  # fmt: skip
    return Measured(value, 1e-9)


# Two families of monomials u_i w_i^{a_i} that a diagonal generator leaves alone, with mixed signs of its eigenvalues.
EIGENVALUES = [2.0, -1.0, 1.5, -1.5]
START = [0.9, 0.8, -0.7, 1.1]


def _sample_losses(kind: str) -> Callable[[torch.Tensor], torch.Tensor]:
    rng = np.random.default_rng(5)
    x, y = (torch.from_numpy(rng.normal(size=(40, 2))) for _ in range(2))

    def product(theta: torch.Tensor) -> torch.Tensor:
        return (theta[0] * theta[1] ** 2 * x[:, 0] + theta[2] * theta[3] * x[:, 1] - y[:, 0]) ** 2

    def rescale(theta: torch.Tensor) -> torch.Tensor:
        return ((theta[:2] * (x @ theta[2:])[:, None] - y) ** 2).sum(1)

    def scale(theta: torch.Tensor) -> torch.Tensor:
        return (x @ (theta[:2] / theta.norm()) - y[:, 0]) ** 2 + x[:, 1] * theta[2] * theta[3] / theta.square().sum()

    return {"spectral": product, "rescale": rescale, "scale": scale}[kind]


_GENERATORS = {"spectral": EIGENVALUES, "rescale": [1.0, 1.0, -1.0, -1.0], "scale": [1.0, 1.0, 1.0, 1.0]}


def orbit(kind: str, temperature: float, weight_decay: float) -> Orbit:
    """Return the orbit of a model of this kind on 40 random samples."""
    eigenvalues = _vector(*_GENERATORS[kind])
    return Orbit(_sample_losses(kind), _vector(*START), eigenvalues, temperature, weight_decay)


@functools.lru_cache(maxsize=8)
def orbit_values(kind: str) -> dict[str, Any]:
    """Return the numbers through which the laws see the model: norms or components, and noise at lambda = 0."""
    noise, theta = orbit(kind, 1.0, 0.0).noise(0.0).tolist(), START
    if kind == "rescale":
        return {
            "first_norm_squared": theta[0] ** 2 + theta[1] ** 2, "second_norm_squared": theta[2] ** 2 + theta[3] ** 2,
            "first_noise": noise[0] + noise[1], "second_noise": noise[2] + noise[3],
        }  # fmt: skip
    if kind == "scale":
        return {"norm_squared": sum(q * q for q in theta), "noise_trace": sum(noise)}
    return {"generator_eigenvalues": EIGENVALUES, "components": theta, "noise_components": noise}


def _of(kind: str, values: dict[str, Any]) -> Orbit:
    temperature = values["learning_rate"] / values["batch_size"] / (1 - values.get("momentum", 0.0))
    return orbit(kind, temperature, values.get("weight_decay", 0.0))


def end_of_orbit(context: Context, *, kind: str, start: float, **values: Any) -> Measured:
    """Position after a long time of the motion along the orbit from ``start``; the error is the last change."""
    found = _of(kind, {"learning_rate": 0.1, "batch_size": 1, **values})
    rate = (found.drift(-0.05) - found.drift(0.05)) / 0.1 / float(2 * (found.eigenvalues**2 * found.theta**2).sum())
    middle = found.follow(start, 17 / rate, 75)
    end = found.follow(middle, 6 / rate, 30)
    return Measured(end, abs(end - middle) + 1e-9)


def rate_on_orbit(context: Context, *, kind: str, **values: Any) -> Measured:
    """Rate at which two motions near the end of the orbit approach each other."""
    found = _of(kind, values)
    here = end_of_orbit(context, kind=kind, start=0.0, **values).estimate
    duration, shift = 0.5, 1e-3
    ends = [found.follow(here + sign * shift, duration, 20) for sign in (1, -1)]
    return Measured(-math.log((ends[0] - ends[1]) / (2 * shift)) / duration, 1e-6)


def slope_of_drift(context: Context, *, flow_parameter: float, **values: Any) -> Measured:
    """D'(lambda) by a central difference of the drift measured on the model."""
    found, h = _of("spectral", values), 1e-4
    slope = (found.drift(flow_parameter + h) - found.drift(flow_parameter - h)) / (2 * h)
    return Measured(slope, 1e-6 * abs(slope))


def class_and_existence(context: Context, *, kind: str, **values: Any) -> Measured:
    """Class by the sign of the noise drift far out on both sides, existence by that of the whole drift."""
    noise_only = _of(kind, {**values, "weight_decay": 0.0})
    signs = [noise_only.drift(x) > 0 for x in (-4.0, 4.0)]
    whole = _of(kind, values)
    return Measured([1.0 if signs[0] != signs[1] else 2.0, float(whole.drift(-4.0) > 0 > whole.drift(4.0))], 0.0)


def end_of_factors(context: Context, *, first_factor: list[list[float]], second_factor: list[list[float]],
                   first_noise_matrix: list[list[float]], second_noise_matrix: list[list[float]], learning_rate: float,
                   batch_size: int, weight_decay: float, duration: float, **_: Any) -> Measured:  # fmt: skip
    """[|U|^2, |W|^2] where the noise leads two factors at fixed product."""
    given = [np.array(m) for m in (first_factor, second_factor, first_noise_matrix, second_noise_matrix)]
    rates = (learning_rate / batch_size, weight_decay)
    half = follow_factors(*given, *rates, duration / 2, 400)
    end = follow_factors(*half, *given[2:], *rates, duration / 2, 400)
    norms = [[float((m**2).sum()) for m in pair] for pair in (half, end)]
    return Measured(norms[1], [abs(a - b) + 1e-9 for a, b in zip(*norms, strict=True)])


def sharpness_change(context: Context, *, first_weights: list[float], second_weights: list[float],
                     input_covariance: list[list[float]], residual_covariance: list[list[float]], duration: float,
                     **_: Any) -> Measured:  # fmt: skip
    """ln Tr H(end)/Tr H(start) of the motion by label noise, Tr H by autograd on the population loss."""
    s_x, s_e = np.array(input_covariance), np.array(residual_covariance)
    u, w = np.array(first_weights)[:, None], np.array(second_weights)[None]
    noise = 4 * np.trace(s_x) * s_e, 4 * np.trace(s_e) * s_x
    end = follow_factors(u, w, *noise, 0.1, 0.0, duration, 800)
    product, covariance = torch.from_numpy(u @ w), torch.from_numpy(s_x)

    def trace(first: np.ndarray, second: np.ndarray) -> float:
        point = torch.from_numpy(np.concatenate([first.ravel(), second.ravel()]))

        def loss(z: torch.Tensor) -> torch.Tensor:
            gap = torch.outer(z[: len(u)], z[len(u) :]) - product
            return (gap @ covariance * gap).sum()

        return float(torch.func.hessian(loss)(point).trace())

    return Measured(math.log(trace(*end) / trace(u, w)), 1e-6)
