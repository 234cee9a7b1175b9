"""Mean passage times and normalisers of any one-dimensional landscape, in the log domain, on refined panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.errors import DerivationError

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_TAIL = 46.0


def _integration_matrix() -> Array:
    order = len(_NODES)
    values = np.polynomial.legendre.legvander(_NODES, order)
    primitive = np.empty((order, order))
    primitive[:, 0] = values[:, 1] + 1
    for k in range(1, order):
        primitive[:, k] = (values[:, k + 1] - values[:, k - 1]) / (2 * k + 1)
    return primitive @ (values[:, :order] * _WEIGHTS[:, None] * (np.arange(order) + 0.5)).T


_CUMULATIVE = _integration_matrix()


@dataclass(frozen=True)
class Landscape:
    """Slope L', weight G (D = temperature * G) and Psi where known; ``minimum`` is where Psi vanishes.

    ``potential(x)`` is temperature * Psi; None means that it is integrated numerically.
    """

    slope: Callable[[Array], Array]
    weight: Callable[[Array], Array]
    potential: Callable[[Array], Array] | None
    temperature: float
    minimum: float


def _panels(edges: Array) -> tuple[Array, Array]:
    left, width = edges[:-1, None], np.diff(edges)[:, None]
    return left + width * (_NODES + 1) / 2, width / 2


def _cumulate(values: Array, half: Array) -> tuple[Array, float]:
    inside = half * (values @ _CUMULATIVE.T)
    totals = (half * values * _WEIGHTS).sum(1)
    before = np.concatenate([[0.0], np.cumsum(totals)[:-1]])
    return inside + before[:, None], float(totals.sum())


def _barrier(landscape: Landscape, x: Array, half: Array, jacobian: Array, at_minimum: int) -> Array:
    """Psi at the nodes; the numeric one starts at the edge number ``at_minimum``, where it is zero."""
    if landscape.potential is not None:
        return landscape.potential(x) / landscape.temperature
    force = landscape.slope(x) / landscape.weight(x) * jacobian / landscape.temperature
    cumulated, _ = _cumulate(force, half)
    totals = (half * force * _WEIGHTS).sum(1)
    return cumulated - np.sum(totals[:at_minimum])


def _tail_map(landscape: Landscape, side: float, scale: float) -> float:
    """Length in t of the half line x = minimum + side * scale * (e^t - 1); raises if the weight is not integrable."""
    if landscape.potential is None:
        raise DerivationError("the potential has no closed form on the half line; give --reflect")
    t = np.linspace(0.0, 600.0, 6001)
    with np.errstate(all="ignore"):
        x = landscape.minimum + side * scale * np.expm1(t)
        g = landscape.weight(x)
        log_mass = -landscape.potential(x) / landscape.temperature - np.log(g) + t
    finite = np.isfinite(log_mass) & (g > 0)
    bad = np.flatnonzero(~finite & ~np.isneginf(log_mass))
    stop = int(bad[0]) if len(bad) else len(t)
    negative = np.flatnonzero(g[:stop] <= 0)
    if len(negative):
        raise DerivationError("the noise strength is not positive on the minimum's side; give --reflect")
    peak = np.maximum.accumulate(log_mass[:stop])
    below = np.flatnonzero(log_mass[:stop] < peak - _TAIL)
    if not len(below):
        raise DerivationError("the weight exp(-Psi)/D is not integrable on the minimum's side; give --reflect")
    return float(t[below[0]])


def mean_passage_time(
    landscape: Landscape, saddle: float, target: float, reflect: float | None, relative_error: float = 1e-10
) -> float:
    """Mean time from the minimum to ``target`` > minimum, from infinity or the reflecting point on its left."""
    scale = abs(saddle - landscape.minimum)
    length = None if reflect is not None else _tail_map(landscape, -1.0, scale)
    previous = None
    for count in (24, 48, 96, 192, 384, 768, 1536):
        current = _passage_once(landscape, saddle, target, reflect, scale, length, count)
        if previous is not None and abs(current - previous) <= relative_error * abs(current):
            return current
        previous = current
    raise DerivationError("the passage-time integral did not converge; raise the temperature or move the target")


def _passage_once(
    landscape: Landscape,
    saddle: float,
    target: float,
    reflect: float | None,
    scale: float,
    length: float | None,
    count: int,
) -> float:
    start = landscape.minimum
    right = np.unique(np.concatenate([np.linspace(start, saddle, count + 1), np.linspace(saddle, target, count + 1)]))
    if length is not None:
        t, t_half = _panels(np.linspace(-length, 0.0, 2 * count + 1))
        x_left, jacobian = start - scale * np.expm1(-t), scale * np.exp(-t)
    else:
        t, t_half = _panels(np.linspace(float(reflect or 0.0), start, count + 1))
        x_left, jacobian = t, np.ones_like(t)
    x_right, right_half = _panels(right)
    x = np.concatenate([x_left, x_right])
    half = np.concatenate([t_half, right_half])
    jac = np.concatenate([jacobian, np.ones_like(x_right)])
    with np.errstate(over="ignore"):
        psi = _barrier(landscape, x, half, jac, len(x_left))
        weight = landscape.weight(x)
    if not np.all(weight > 0):
        raise DerivationError("the noise strength is not positive between the points")
    low = psi.min()
    with np.errstate(under="ignore"):
        inner, _ = _cumulate(np.exp(low - psi) / (landscape.temperature * weight) * jac, half)
        high = psi[len(x_left) :].max()
        outer = np.exp(psi[len(x_left) :] - high) * inner[len(x_left) :]
        total = float((right_half * outer * _WEIGHTS).sum())
    exponent = high - low + np.log(total)
    if exponent > 700:
        raise DerivationError("the mean passage time exceeds the largest float; raise the temperature")
    return float(np.exp(exponent))


def line_integral(landscape: Landscape, scale: float) -> float:
    """Integral of exp(-Psi)/D over the real line."""
    total = 0.0
    for side in (-1.0, 1.0):
        length = _tail_map(landscape, side, scale)
        previous = None
        for count in (64, 128, 256, 512, 1024):
            t, half = _panels(np.linspace(0.0, length, count + 1))
            x = landscape.minimum + side * scale * np.expm1(t)
            psi = landscape.potential(x) / landscape.temperature if landscape.potential is not None else x
            value = np.exp(-psi) / (landscape.temperature * landscape.weight(x)) * scale * np.exp(t)
            current = float((half * value * _WEIGHTS).sum())
            if previous is not None and abs(current - previous) <= 1e-12 * abs(current):
                break
            previous = current
        total += current
    return total
