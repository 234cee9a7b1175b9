"""Response near the teacher, from the definition: drifts at displaced states, divided by the displacement.

One unit: Q = T + eps, M = T is a student displaced orthogonally to its teacher, r = Q - 2M + T = eps. More students:
the stationary displacement of all overlaps under weak label noise, from the Jacobian of the ODE.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from theory.gaussian.quadrature import numeric_function
from theory.order_parameters.activation import X, activation
from theory.order_parameters.state import State, definition_means, evaluate
from theory.order_parameters.trajectory import parts


def _unit(name: str, q: float, m: float, norm: float, noise: float = 0.0) -> State:
    return State(name, name, [[q]], [[m]], [[norm]], [1.0], [1.0], 1.0, noise)


def extrapolated(function: Callable[[float], Any], start: float, levels: int, power: int = 1) -> Any:
    """Extrapolate function(h), a series in h^power, to h = 0 by halving h."""
    values = [function(start / 2**n) for n in range(levels)]
    for order in range(1, levels):
        weight = 2 ** (power * order)
        values = [(weight * b - a) / (weight - 1) for a, b in itertools.pairwise(values)]
    return values[0]


@functools.lru_cache(maxsize=256)
def perpendicular(name: str, norm: float) -> tuple[float, float, float, float]:
    """Return (learning, noise, error) per squared deviation r at unit rate, and the noise of label noise one at r = 0.

    dr/dt = eta learning r + (eta^2/B) (noise r + Delta source), error = error r. A unit with a kink is not smooth in r:
    between the rays where the two fields vanish it answers by the angle, of order sqrt(r), so that the drifts are
    series in sqrt(r).
    """
    import numpy as np

    def per_deviation(eps: float) -> Any:
        found = definition_means(_unit(name, norm + eps, norm, norm))
        learning = found["learning"][0][0] - 2 * found["m"][0][0]
        return np.array([learning, found["noise"][0][0], found["error"]]) / eps

    if activation(name).kinked:
        learning, noise, error = (
            float(x) for x in extrapolated(lambda h: _between_rays(name, norm, h * h)[:3] / h**2, 0.2 * norm**0.5, 8)
        )
        return learning, noise, error, float(_between_rays(name, norm, 0.0)[3])
    learning, noise, error = (float(x) for x in extrapolated(per_deviation, 0.05 * norm, 6))
    source = float(definition_means(_unit(name, norm, norm, norm, 1.0))["noise"][0][0])
    return learning, noise, error, source


def _between_rays(name: str, norm: float, eps: float) -> Any:
    """Return 2 E[e s' (lambda - nu)], E[(e s')^2], E[e^2]/2 and E[s'^2] for lambda = nu + u, Var u = eps.

    In polar coordinates of (nu/sqrt T, u/sqrt eps) the kinks at zero fields are rays; between them Gauss-Legendre in the
    angle, and Gauss-Laguerre in half the squared radius, exact for units that are polynomials on both sides.
    """
    import numpy as np

    unit = activation(name)
    s, ds = (numeric_function(e, (X,)) for e in (unit.expression, unit.derivative))
    tilt = np.arctan2(norm**0.5, eps**0.5)
    rays = sorted({np.pi / 2, 3 * np.pi / 2, np.pi - tilt, 2 * np.pi - tilt, 0.0, 2 * np.pi})
    x, w = np.polynomial.legendre.leggauss(40)
    half, weight = np.polynomial.laguerre.laggauss(8)
    total = 0.0
    for low, high in itertools.pairwise(rays):
        angle = low + (x + 1) * (high - low) / 2
        nu = norm**0.5 * np.cos(angle)[:, None] * np.sqrt(2 * half)
        u = eps**0.5 * np.sin(angle)[:, None] * np.sqrt(2 * half)
        e, slope = s(nu) - s(nu + u), ds(nu + u)
        terms = np.stack([2 * e * slope * u, (e * slope) ** 2, e**2 / 2, slope**2])
        total = total + (terms @ weight) @ w * (high - low) / (4 * np.pi)
    return total


@functools.lru_cache(maxsize=256)
def parallel(name: str, norm: float) -> float:
    """Return the rate over eta of a student shorter than its teacher: w = (1 - alpha) w*, alpha -> 0."""

    def quotient(h: float) -> float:
        drift = [
            float(definition_means(_unit(name, norm * (1 - a) ** 2, norm * (1 - a), norm))["m"][0][0]) for a in (h, -h)
        ]
        return -(drift[0] - drift[1]) / (2 * h) / norm

    return float(extrapolated(quotient, 0.08, 4, 2))


@dataclass(frozen=True)
class Linearised:
    """The ODE near an errorless state: dx/dt = eta J x + eta^2 Delta n for the overlaps x (Q upper triangle, then M)."""

    jacobian: Any
    noise: Any
    slope_of_error: Callable[[Any], float]


def linearise(q: Any, m: Any) -> Linearised:
    """Linearise the ODE of erf students with second layers one at overlaps Q, M with an orthonormal teacher."""
    import numpy as np

    p, k = m.shape
    upper = np.triu_indices(p)
    base = State("erf", "erf", q.tolist(), m.tolist(), np.eye(k).tolist(), [1.0] * p, [1.0] * k, 1.0)
    x0 = np.concatenate([q[upper], m.ravel()])

    def state(x: Any, noise: float = 0.0) -> State:
        matrix = np.zeros((p, p))
        matrix[upper] = x[: len(upper[0])]
        matrix = matrix + np.triu(matrix, 1).T
        return replace(base, q=matrix.tolist(), m=x[len(upper[0]) :].reshape(p, k).tolist(), noise=noise)

    def learning(x: Any) -> Any:
        found = parts(state(x))
        return np.concatenate([found["learning"][upper], found["m"].ravel()])

    def along(function: Callable[[Any], Any], direction: Any) -> Any:
        """Directional derivative by a difference quotient of fourth order."""
        h = 1e-3
        near, far = (
            (function(x0 + n * h * direction) - function(x0 - n * h * direction)) / (2 * n * h) for n in (1, 2)
        )
        return (4 * near - far) / 3

    jacobian = np.stack([along(learning, e) for e in np.eye(len(x0))], -1)
    noise = np.concatenate([parts(state(x0, 1.0))["noise"][upper], np.zeros(p * k)])
    return Linearised(
        jacobian, noise, lambda direction: float(along(lambda x: float(evaluate(state(x), "error")[0]), direction))
    )


@functools.lru_cache(maxsize=64)
def wide_floor(width: int, excess: int) -> float:
    """Return error/(eta Delta) for eta -> 0: k erf students on an orthonormal teacher, L more at zero.

    The overlaps are displaced by the solution of 0 = J x + n.
    """
    import numpy as np

    eye = np.eye(width + excess, width)
    near = linearise(eye @ eye.T, eye)
    return near.slope_of_error(np.linalg.lstsq(near.jacobian, -near.noise, rcond=1e-8)[0])


@functools.lru_cache(maxsize=64)
def slow_drift(width: int, q: float) -> tuple[float, float]:
    """Return (dQ/dt over eta^2 Delta, error over eta Delta) of two idle students w, -w of squared norm q.

    The slow drift is n projected by the left null space of J on the tangents of the errorless manifold; the error is
    its derivative along the quasi-static displacement.
    """
    import numpy as np

    eye = np.eye(width + 2, width)
    overlaps = eye @ eye.T
    overlaps[width:, width:] = [[q, -q], [-q, q]]
    near = linearise(overlaps, eye)
    tangents = np.stack(_tangents(width), -1)
    null = np.linalg.svd(near.jacobian)[0][:, -width - 1 :]
    moving = np.linalg.solve(null.T @ tangents, null.T @ near.noise)
    displacement = np.linalg.lstsq(near.jacobian, tangents @ moving - near.noise, rcond=1e-8)[0]
    return float(moving[0]), near.slope_of_error(displacement)


def _tangents(width: int) -> list[Any]:
    """Tangents of the errorless manifold: length of the idle pair, and its overlap with each teacher."""
    import numpy as np

    p = width + 2
    found = []
    for teacher in (None, *range(width)):
        q, m = np.zeros((p, p)), np.zeros((p, width))
        if teacher is None:
            q[width:, width:] = [[1.0, -1.0], [-1.0, 1.0]]
        else:
            m[width:, teacher] = q[teacher, width:] = q[width:, teacher] = [1.0, -1.0]
        found.append(np.concatenate([q[np.triu_indices(p)], m.ravel()]))
    return found
