"""Numeric oracles which run a literal process: one small step of the SDE with two-point noise, or of heavy ball.

No drift is written down here: a loss is differentiated numerically, a step is taken, and the mean change of the charge
is read off. The mean is a polynomial in the time step, so that its slope at zero follows by exact extrapolation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath


def slope_at_zero(mean_change: Callable[[Any], Any], degree: int) -> Any:
    """Return the derivative at 0 of a polynomial of the given degree in the time step that vanishes at 0.

    >>> slope_at_zero(lambda dt: 3 * dt - 5 * dt**2, 2)
    mpf('3.0')
    """
    steps = [mpmath.mpf(1) / (k + 4) for k in range(degree)]
    values = [mean_change(dt) / dt for dt in steps]
    # Lagrange interpolation of change/dt at dt = 0
    total = mpmath.mpf(0)
    for k, (dt, value) in enumerate(zip(steps, values, strict=True)):
        others = [s for j, s in enumerate(steps) if j != k]
        total += value * mpmath.fprod(s / (s - dt) for s in others)
    return total


def _gradient(size: Any, place: Any) -> list[Any]:
    """Numerical gradient of the sample loss size b/a at (a, b) = (place, 0)."""
    return [mpmath.diff(lambda a, b: size * b / a, (place, 0), order) for order in ((1, 0), (0, 1))]


class OrbitProcess:
    """SGD's SDE on the orbit of exp(lambda A), A diagonal, for a loss with the given components and noise at lambda = 0.

    Every eigenvalue m has a plane (a, b) with a = component, b = 0 and the sample loss e size component b/a, e = +-1:
    it is invariant under a, b -> e^(m lambda) a, b, and its gradient has the size ``size`` at lambda = 0.
    """

    def __init__(
        self, eigenvalues: Sequence[Any], components: Sequence[Any], noise: Sequence[Any], temperature: Any, decay: Any
    ) -> None:
        self.planes = list(zip(eigenvalues, components, map(mpmath.sqrt, noise), strict=True))
        self.temperature, self.decay = temperature, decay

    def charge(self, position: Any) -> Any:
        """Return theta^T A theta at a point of the orbit."""
        return mpmath.fsum(m * (c * mpmath.exp(m * position)) ** 2 for m, c, _ in self.planes)

    def drift(self, position: Any) -> Any:
        """Return the rate of the mean charge: two-point noise in every plane, one step of the SDE."""

        places = [(m, c * mpmath.exp(m * position), size * c) for m, c, size in self.planes]
        slopes = [(m, a, *_gradient(size, a)) for m, a, size in places]

        def change(dt: Any) -> Any:
            scale, total = mpmath.sqrt(self.temperature * dt), mpmath.mpf(0)
            for m, a, g_a, g_b in slopes:
                moved = [((1 - dt * self.decay) * a - e * scale * g_a, -e * scale * g_b) for e in (1, -1)]
                total += m * (mpmath.fsum(x * x + y * y for x, y in moved) / 2 - a * a)
            return total

        return slope_at_zero(change, 2)

    def velocity(self, position: Any) -> Any:
        """Return d lambda/dt: the rate of the charge over its slope along the orbit."""
        return self.drift(position) / mpmath.diff(self.charge, position)


def decreasing_root(function: Any) -> Any:
    """Root of a decreasing function by bracketing and mpmath's Anderson bracket solver."""
    low, high = mpmath.mpf(-1), mpmath.mpf(1)
    while function(low) < 0:
        low *= 2
    while function(high) > 0:
        high *= 2
    return mpmath.findroot(function, (low, high), solver="anderson", tol=mpmath.mpf(10) ** (-2 * mpmath.mp.dps + 4))


def heavy_ball_moments(form: Any, learning_rate: Any, weight_decay: Any, momentum: Any) -> tuple[Any, Any, Any]:
    """Stationary E theta^2, E theta v, E v^2 of v' = mu v + g + wd theta, theta' = theta - eta v', E g^2 = form, g fresh.

    The map of the three moments is read off the literal step with g = +-sqrt(form) at probing states.
    """
    kick = mpmath.sqrt(form)

    def after(theta: Any, v: Any, sizes: Sequence[Any]) -> list[Any]:
        rows = []
        for g in sizes:
            new = momentum * v + g + weight_decay * theta
            moved = theta - learning_rate * new
            rows.append((moved * moved, moved * new, new * new))
        return [mpmath.fsum(column) / len(sizes) for column in zip(*rows, strict=True)]

    none = (mpmath.mpf(0),)
    first, second, both = after(1, 0, none), after(0, 1, none), after(1, 1, none)
    cross = [c - a - b for a, b, c in zip(first, second, both, strict=True)]
    matrix = mpmath.matrix(4)
    for i, row in enumerate(zip(first, cross, second, after(0, 0, (kick, -kick)), strict=True)):
        for j, x in enumerate(row):
            matrix[i, j] = x
    matrix[3, 3] = 1
    for _ in range(60):
        matrix = matrix * matrix
    return matrix[0, 3], matrix[1, 3], matrix[2, 3]


def momentum_temperature(learning_rate: Any, batch_size: Any, momentum: Any) -> Any:
    """Temperature at which the SDE without momentum has the stationary charge of heavy ball, at small eta and decay.

    The SDE has E C = T s/(2 wd); heavy ball's E C comes from its literal moments at two tiny steps, extrapolated.
    """

    def at(scale: Any) -> Any:
        eta, decay = learning_rate * scale, mpmath.mpf("0.3")
        return 2 * decay * heavy_ball_moments(1 / batch_size, eta, decay, momentum)[0] / scale

    with mpmath.workdps(2 * mpmath.mp.dps + 10):
        small = mpmath.mpf(10) ** -8
        return (8 * at(small / 4) - 6 * at(small / 2) + at(small)) / 3


def small_multiplier(learning_rate: Any, target: Any, weight_decay: Any) -> Any:
    """Factor by which one literal step of SGD on (u w - y)^2 multiplies balanced tiny weights u = w (x = 1)."""
    tiny = mpmath.mpf(10) ** -40
    with mpmath.workdps(60):
        slope = mpmath.diff(lambda u: (u * tiny - target) ** 2, tiny)
        return (tiny - learning_rate * (slope + weight_decay * tiny)) / tiny


def balanced_norms(imbalance: Callable[[Any, Any], Any], u: Any, w: Any) -> tuple[Any, Any]:
    """Return the point (U M, M^-1 W) of an orbit, M symmetric and positive, at which a symmetric matrix vanishes.

    Newton iteration on the logarithm of M with numerical derivatives; ``imbalance(U, W)`` takes and returns matrices.
    """
    size = u.cols
    entries = [(i, j) for i in range(size) for j in range(i, size)]

    def moved(q: Sequence[Any]) -> tuple[Any, Any]:
        log = mpmath.zeros(size)
        for (i, j), x in zip(entries, q, strict=True):
            log[i, j] = log[j, i] = x
        return u * mpmath.expm(log), mpmath.expm(-log) * w

    def residual(q: Sequence[Any]) -> Any:
        found = imbalance(*moved(q))
        return mpmath.matrix([found[i, j] for i, j in entries])

    q = [mpmath.mpf(0)] * len(entries)
    step = mpmath.mpf(10) ** -9
    for _ in range(60):
        here = residual(q)
        columns = [(residual([x + step * (k == j) for k, x in enumerate(q)]) - here) / step for j in range(len(q))]
        jacobian = mpmath.matrix(len(q))
        for j, column in enumerate(columns):
            for i in range(len(q)):
                jacobian[i, j] = column[i]
        move = mpmath.lu_solve(jacobian, -here)
        longest = max(abs(x) for x in move)
        # a full step far from the root would overshoot the exponentials
        q = [x + m / max(1, 2 * longest) for x, m in zip(q, move, strict=True)]
        if longest < mpmath.mpf(10) ** -13:
            break
    return moved(q)
