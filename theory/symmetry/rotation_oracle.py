"""The rotating equilibrium by brute force: enumerated samples, finite differences, and the slow flow itself."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np

from theory.errors import DomainError

Factors = tuple[np.ndarray, np.ndarray]


def _atoms(covariance: np.ndarray) -> list[np.ndarray]:
    root = np.linalg.cholesky(covariance)
    return [root @ np.array(signs) for signs in itertools.product((1.0, -1.0), repeat=len(root))]


def _gradients(u: np.ndarray, w: np.ndarray, target: np.ndarray, samples: Factors) -> np.ndarray:
    """Gradients of |y - U W x|^2, y = V x + e, one row for each sample, flattened."""
    x, e = samples
    error = x @ (u @ w - target).T - e
    of_u = 2 * error[:, :, None] * (x @ w.T)[:, None]
    of_w = 2 * (error @ u)[:, :, None] * x[:, None]
    return np.concatenate([of_u.reshape(len(x), -1), of_w.reshape(len(x), -1)], 1)


def _velocity(u: np.ndarray, w: np.ndarray, samples: Factors) -> Factors:
    """Drift of SGD per eta^2 steps: the step which is orthogonal to T_B(theta) only, seen from the minimum."""
    from scipy.linalg import null_space, solve_continuous_lyapunov

    target, size = u @ w, u.size + w.size
    noise = _gradients(u, w, target, samples)
    hessian = np.empty((size, size))
    for k in range(size):
        step = np.zeros(size)
        step[k] = 1e-4
        ends = []
        for sign in (1, -1):
            moved_u, moved_w = u + sign * step[: u.size].reshape(u.shape), w + sign * step[u.size :].reshape(w.shape)
            ends.append(_gradients(moved_u, moved_w, target, samples).mean(0))
        hessian[:, k] = (ends[0] - ends[1]) / 2e-4
    hessian = (hessian + hessian.T) / 2
    flat = null_space(hessian, rcond=1e-6)
    # the flat directions carry no noise: lifting them changes nothing and makes the equation regular
    covariance = solve_continuous_lyapunov(hessian + flat @ flat.T, noise.T @ noise / len(noise))
    product = hessian @ covariance
    tangents, forces = [], []
    for i, j in itertools.product(range(u.shape[1]), repeat=2):
        b = np.zeros((u.shape[1],) * 2)
        b[i, j] = 1.0
        generator = np.zeros((size, size))
        generator[: u.size, : u.size] = np.kron(np.eye(len(u)), b.T)
        generator[u.size :, u.size :] = -np.kron(b, np.eye(w.shape[1]))
        tangents.append(generator @ np.concatenate([u.ravel(), w.ravel()]))
        forces.append((generator * product).sum())
    tangent = np.array(tangents)
    motion = tangent.T @ np.linalg.solve(tangent @ tangent.T, forces)
    return motion[: u.size].reshape(u.shape), motion[u.size :].reshape(w.shape)


def rotating_state(first_factor: Any, second_factor: Any, input_covariance: Any, residual_covariance: Any) -> list[Any]:
    """Follow the slow flow from (U, W) until its shape rests: spread of W S_x W^T, angle of the charge per time."""
    from scipy.integrate import solve_ivp

    u, w, s_x, s_e = (
        np.array([[float(x) for x in row] for row in m])
        for m in (first_factor, second_factor, input_covariance, residual_covariance)
    )
    if u.shape[1] != 2:
        raise DomainError("the oracle reads the angle of a 2 x 2 charge; give two hidden units.")
    pairs = list(itertools.product(_atoms(s_x), _atoms(s_e)))
    samples = np.array([x for x, _ in pairs]), np.array([e for _, e in pairs])

    def field(_: float, state: np.ndarray) -> np.ndarray:
        parts = _velocity(state[: u.size].reshape(u.shape), state[u.size :].reshape(w.shape), samples)
        return np.concatenate([m.ravel() for m in parts])

    end = 12.0
    times = [end - 0.2, end]
    start = np.concatenate([u.ravel(), w.ravel()])
    run = solve_ivp(field, (0.0, end), start, "RK45", t_eval=times, rtol=1e-9, atol=1e-11)
    angles = []
    for state in run.y.T:
        a, b = state[: u.size].reshape(u.shape), state[u.size :].reshape(w.shape)
        charge = a.T @ a - b @ b.T
        angles.append(np.arctan2(2 * charge[0, 1], charge[0, 0] - charge[1, 1]) / 2)
    last = run.y[u.size :, -1].reshape(w.shape)
    k = last @ s_x @ last.T
    turned = (angles[1] - angles[0] + np.pi / 2) % np.pi - np.pi / 2
    return [mpmath.mpf(x) for x in (2 * np.trace(k @ k) / np.trace(k) ** 2 - 1, abs(turned) / (times[1] - times[0]))]
