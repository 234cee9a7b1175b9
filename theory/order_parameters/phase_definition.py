"""The phase diagram from its definition: sizes of one step of the update, and floors of whole committees."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import mpmath

from theory.order_parameters import committee_definition
from theory.order_parameters import phases as ph


@functools.lru_cache(maxsize=1)
def _field_means() -> tuple[float, float, float]:
    """Return E[e s' nu], E[(e s')^2], Var(e s' nu) of one erf unit at a generic state, by quadrature."""
    import numpy as np
    from scipy.special import erf

    from theory.gaussian.quadrature import smooth_mean

    def integrand(x: Any, y: Any) -> Any:
        push = (erf(y / 2**0.5) - erf(x / 2**0.5)) * np.exp(-(x**2) / 2)
        return np.stack([push * y, push**2, (push * y) ** 2])

    first, square, second = (float(v) for v in smooth_mean(integrand, [[0.8, 0.3], [0.3, 1.1]], 60))
    return first, square, second - first**2


def _one_step(kappa: Any, delta: Any, d: Any) -> tuple[Any, Any, Any]:
    """Return mean learning and noise terms and the variance of the change of M in one step at dimension d.

    All p = d^kappa students share a field, so that the output is s(lambda) for any p; one step is the update itself,
    w += (gamma/sqrt d) a e s' x with gamma = d^-delta, a = 1/p, x.w* = sqrt(d) nu and |x|^2 = d, and the overlaps
    are w.w*/d and |w|^2/d.
    """
    along, square, spread = _field_means()
    amplitude = d**-delta / mpmath.sqrt(d) / d**kappa
    shift = amplitude * mpmath.sqrt(d) / d
    return shift * abs(along), amplitude**2 * d / d * square, shift**2 * spread


def _slopes(kappa: Any, delta: Any) -> tuple[Any, Any, Any]:
    """Return the powers of d of the learning term, the noise term and the spread after one unit of time.

    The spread adds up the variances of 1/dt steps, dt the larger of the two means.
    """
    ends = [mpmath.mpf(10) ** n for n in (40, 90)]
    steps = [_one_step(kappa, delta, d) for d in ends]
    sizes = [(one, two, mpmath.sqrt(max(v, two**2) / max(one, two))) for one, two, v in steps]
    return tuple(mpmath.log(b / a) / mpmath.log(ends[1] / ends[0]) for a, b in zip(*sizes, strict=True))


def exponent(quantity: str, kappa: Any, delta: Any) -> Any:
    """Return an exponent or the word of the phase, read off the sizes of one step at two dimensions."""
    learning, noise, spread = _slopes(kappa, delta)
    x, sigma = max(learning, noise), learning - noise
    near = abs(sigma) < mpmath.mpf(10) ** -12
    if quantity in ("learning", "noise", "step"):
        return {"learning": learning, "noise": noise, "step": x}[quantity]
    if x > -(mpmath.mpf(10) ** -12):
        return ph.NONE if quantity == "regime" else None
    word = ph.PLATEAU if near else ph.PERFECT if learning > noise else ph.BAD
    if quantity == "regime":
        return word
    if quantity == "floor":
        return sigma if word == ph.PERFECT else None
    return -spread if quantity == "convergence" or near else min(-spread, abs(sigma))


def noise_floor(
    scaled_learning_rate: Any, scaled_width: Any, noise_variance: Any, kappa: Any, delta: Any, dimension: Any
) -> Any:
    """Stationary deviations of whole committees of 2 and 3 units, extrapolated to small rates; linear in the width."""
    gamma, p = scaled_learning_rate * dimension**-delta, scaled_width * dimension**kappa
    two, three = (_committee_floor(width) for width in (2, 3))
    # the committee of rate gamma/p^2 and noise p^2 Delta has p^2 times the error of the mean normalisation
    return gamma / p**2 * p**2 * noise_variance * (two + (three - two) * (p - 2)) / p**2


_SMALL_RATES = (0.02, 0.01, 0.005, 0.0025, 0.00125)


@functools.lru_cache(maxsize=4)
def _committee_floor(width: int) -> float:
    """Return the error over eta Delta for eta -> 0, from displaced students."""
    levels = [committee_definition.floor("erf", width, 1.0, eta, 1.0) / eta for eta in _SMALL_RATES]
    for order in range(1, len(_SMALL_RATES)):
        levels = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(levels)]
    return levels[0]
