"""Growth of literal iterates on quadratics: exponents, branch points, limits of stability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from checks.check import Context, Measured
from numerics.descent import Method


def growth(
    _: Context,
    *,
    method: str,
    scaled_curvature: float | None = None,
    momentum: float = 0.0,
    steps: int = 200000,
    **__: Any,
) -> Measured:
    """Growth per step of a method on a quadratic: log norm of (theta, v), renormalised, from a generic start."""
    x = 1 + momentum if scaled_curvature is None else scaled_curvature
    theta, velocity, total = 1.0, 0.3 if momentum else 0.0, 0.0
    half = 0.0
    for k in range(steps):
        if k == steps // 2:
            half = total + math.log(math.hypot(theta, velocity))
        slope = x * (theta + momentum * velocity if method == "nesterov" else theta)
        velocity = momentum * velocity - slope
        theta += velocity
        size = math.hypot(theta, velocity)
        if not 1e-6 < size < 1e6:
            theta, velocity, total = theta / size, velocity / size, total + math.log(size)
        if not momentum:
            velocity = 0.0
    end = total + math.log(math.hypot(theta, velocity))
    # From the middle on, so that the transient is gone; the phase of an oscillation moves the end by O(1).
    count = steps - steps // 2
    return Measured((end - half) / count, (2.0 if momentum else 1e-9) / count)


def alpha(context: Context, *, scaled_curvature: float, **_: Any) -> Measured:
    """Growth per step of gradient descent over the scaled curvature, the real part of the coefficient of its flow."""
    found = growth(context, method="gd", scaled_curvature=scaled_curvature, steps=2000)
    return Measured(found.estimate / scaled_curvature, abs(found.error / scaled_curvature))


def growth_sign(context: Context, *, scaled_curvature: float, **values: Any) -> Measured:
    """Sign of the growth of gradient descent over the sign of the curvature, the sign of Re alpha."""
    found = growth(context, method="gd", scaled_curvature=scaled_curvature, **values).estimate
    return Measured(math.copysign(1.0, found * scaled_curvature))


def loses_height(context: Context, *, scaled_curvature: float, **values: Any) -> Measured:
    """-1 if gradient descent approaches the critical point, +1 if it leaves it."""
    return Measured(math.copysign(1.0, growth(context, method="gd", scaled_curvature=scaled_curvature).estimate))


def stability_limit(context: Context, *, method: str, momentum: float, **_: Any) -> Measured:
    """Scaled curvature at which the iterates start to grow, by bisection."""
    low, high = 0.3, 6.0
    for _step in range(22):
        middle = (low + high) / 2
        grows = growth(context, method=method, scaled_curvature=middle, momentum=momentum, steps=3000).estimate > 0
        low, high = (low, middle) if grows else (middle, high)
    # Closer than this to the limit 3000 steps do not tell growth from decay.
    return Measured((low + high) / 2, 1e-3)


def branch_point(_: Context, *, method: str, momentum: float, **__: Any) -> Measured:
    """Smallest scaled curvature at which the iterates change sign for ever, by bisection."""

    def turns(x: float) -> bool:
        theta, velocity = 1.0, 0.0
        for _step in range(20000):
            slope = x * (theta + momentum * velocity if method == "nesterov" else theta)
            velocity = momentum * velocity - slope
            theta += velocity
            if theta <= 0:
                return True
            if theta < 1e-100:
                theta, velocity = theta * 1e100, velocity * 1e100
        return False

    low, high = 1e-6, 1 + momentum if method == "heavy-ball" else 0.999
    for _step in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if turns(middle) else (middle, high)
    return Measured((low + high) / 2, 2e-6)


def slow_alpha(_: Context, *, method: str, scaled_curvature: float, momentum: float, **__: Any) -> Measured:
    """log of the ratio of successive burnt-in iterates over x, on a quadratic below the branch point."""
    orbit = Method(method, 1.0, momentum).run(lambda v: scaled_curvature * v, np.array([1.0]), 400)[:, 0]
    ratios = orbit[1:] / orbit[:-1]
    return Measured([math.log(ratios[-1]) / scaled_curvature, 0.0], [abs(ratios[-1] - ratios[-40]) + 1e-13, 0.0])
