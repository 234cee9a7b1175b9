"""Zero-flux slope of the balanced model from one literal step of its factors: no drift or diffusion is written down."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath

from theory.symmetry.balanced_model import BalancedModel


def literal_slope(model: BalancedModel, sign: int = 1) -> Callable[[Any], Any]:
    """Return d log p/d ln|v| of the stationary density of |v| as a function of |v| (an array of floats, or one mpf).

    Every factor has |u_i| = |v|^(1/n) and moves by -(wd u_i + mean dl/du_i) dt +- sqrt(T dt) (noise of dl/du_i), with
    one common sign: dl/du_i = 2 x (x v - y) v/u_i. The first two moments of the product's relative change over dt are
    polynomials in dt whose slopes at zero are drift and squared noise; zero flux gives the slope of the density.
    ``sign`` is that of v (two factors: u_1 = -u_2).
    """
    size = model.factors

    def power(x: Any, numerator: int, denominator: int = 1) -> Any:
        exact = isinstance(x, mpmath.mpf | mpmath.mpc)
        return x ** (mpmath.mpf(numerator) / denominator if exact else numerator / denominator)

    def moments(v: Any, steps: list[Any]) -> tuple[Any, Any]:
        place = sign * v
        scale = place / power(v, 2, size)
        pull = model.weight_decay + 2 * (model.b1 * place - model.b2) * scale
        kick = power(4 * model.temperature * (model.a1 * place**2 - 2 * model.a2 * place + model.a3), 1, 2) * scale
        firsts, seconds = [], []
        for dt in steps:
            ends = [(1 - pull * dt + e * kick * power(dt, 1, 2)) ** size - 1 for e in (1, -1)]
            firsts.append((ends[0] + ends[1]) / (2 * dt))
            seconds.append((ends[0] ** 2 + ends[1] ** 2) / (2 * dt))
        return _at_zero(firsts, size), _at_zero(seconds, 2 * size)

    def slope(v: Any) -> Any:
        place = sign * v
        spread = abs(model.a1 * place**2 - 2 * model.a2 * place + model.a3)
        speed = abs(model.weight_decay) + abs(place / power(v, 2, size)) * (
            2 * abs(model.b1 * place - model.b2) + 4 * model.temperature * spread * abs(place / power(v, 2, size))
        )
        steps = [1 / speed / 2**k for k in range(2 * size)]
        drift, diffusion = moments(v, steps)
        if isinstance(v, mpmath.mpf):
            with mpmath.workdps(2 * mpmath.mp.dps):
                growth = mpmath.diff(lambda z: moments(mpmath.exp(z), steps)[1], mpmath.log(v))
        else:
            # complex step: the squared noise is analytic in ln v
            tiny = 1e-30
            growth = moments(v * (1 + 1j * tiny), steps)[1].imag / tiny
        # squared noise of v itself is v^2 diffusion: flux v drift p - (v^2 diffusion p)'/2 = 0
        return (2 * drift - growth) / diffusion - 2

    return slope


def _at_zero(values: list[Any], degree: int) -> Any:
    """Neville's extrapolation to 0 of a polynomial below the given degree, known at steps h, h/2, h/4, ..."""
    table = values[:degree]
    for order in range(1, degree):
        table = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(table)]
    return table[0]
