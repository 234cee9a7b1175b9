"""Numeric oracles for the escape family which start from drift and noise, never from a closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath


def log_density_change(drift: Callable[[Any], Any], diffusion: Callable[[Any], Any], start: Any, end: Any) -> Any:
    """Change of log P between two points for a zero current of an Ito equation: -int (slope + D') / D.

    ``drift`` is the slope L'; ``diffusion`` is D; D' is a numerical derivative.
    """

    def integrand(x: Any) -> Any:
        return -(drift(x) + mpmath.diff(diffusion, x)) / diffusion(x)

    return mpmath.quad(integrand, mpmath.linspace(start, end, 3))


def beta_prime_integral(power: Any, decay: Any, scale: Any = 1, lower: Any = 0) -> Any:
    """Return int_lower^inf v^power (1 + scale v)^-decay dv by quadrature in t = log v."""
    f = lambda t: mpmath.exp((power + 1) * t) * (1 + scale * mpmath.exp(t)) ** (-decay)  # noqa: E731
    if lower == 0:
        low = mpmath.mpf(-50) / (power + 1)
    else:
        low = mpmath.log(lower)
    high = mpmath.mpf(50) / (decay - power - 1)
    points = [low] + [t for t in (-6, -3, -1, 0, 1, 3, 6) if low < t < high] + [high]
    return mpmath.quad(f, points)


def kurtosis_diffusion(temperature: Any, feature_kurtosis: Any) -> Callable[[Any], Any]:
    """D over L_* as a function of v: T (1 + (K-1) v)."""
    return lambda v: temperature * (1 + (feature_kurtosis - 1) * v)


def power_of(change: Any, first: Any, second: Any) -> Any:
    """Return -change / log(second/first): the power with which a density falls."""
    return -change / mpmath.log(second / first)
