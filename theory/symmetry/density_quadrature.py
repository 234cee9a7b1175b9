"""Means and quantiles of a closed log density of v, by adaptive quadrature in z = ln v."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from theory.errors import DerivationError
from theory.evaluation import mp_function
from theory.symmetry.balanced_model import A1, A2, A3, B1, B, BalancedModel, T, V


def _log_density(form: Any, values: dict[str, Any]) -> Callable[[Any], Any]:
    m = BalancedModel.of(values)
    function = mp_function(form, (V, B1, A1, A2, A3, B, T))
    return lambda v: function(v, m.b1, m.a1, m.a2, m.a3, m.b, m.temperature)


def _range(f: Callable[[Any], Any], drop: int = 60) -> tuple[Any, Any, Any]:
    """Return mode and ends of a log-concave-like function of z, where it has dropped by ``drop``."""
    z, step = mpmath.mpf(0), mpmath.mpf(4)
    while step > mpmath.mpf("1e-3"):
        best = max((z - step, z, z + step), key=f)
        z, step = best, step / 2 if best == z else step
    ends = []
    for sign in (-1, 1):
        reach = mpmath.mpf("0.5")
        while f(z) - f(z + sign * reach) < drop:
            reach *= mpmath.mpf("1.3")
            if reach > 400:
                raise DerivationError("the stationary moment is infinite; ask for the median or a quantile.")
        ends.append(z + sign * reach)
    return ends[0], z, ends[1]


def _quadrature(f: Callable[[Any], Any]) -> tuple[Callable[[Any, Any], Any], Any, Any, Any]:
    low, mode, high = _range(f)
    top = f(mode)

    def mass(a: Any, b: Any) -> Any:
        cuts = [c for c in mpmath.linspace(low, high, 13) if a < c < b]
        return mpmath.quad(lambda z: mpmath.exp(f(z) - top), [a, *cuts, b])

    return mass, low, high, top


def closed_value(form: Any, values: dict[str, Any], quantity: str, probability: Any) -> Any:
    """Return mean, median or quantile of a closed log density by quadrature in z."""
    log_p = _log_density(form, values)
    mass, low, high, top = _quadrature(lambda z: log_p(mpmath.exp(z)) + z)
    if quantity == "mean":
        first, _, _, first_top = _quadrature(lambda z: log_p(mpmath.exp(z)) + 2 * z)
        l1, _, h1 = _range(lambda z: log_p(mpmath.exp(z)) + 2 * z)
        return first(l1, h1) * mpmath.exp(first_top - top) / mass(low, high)
    goal = mass(low, high) * (mpmath.mpf("0.5") if quantity == "median" else probability)
    left, right, below = low, high, mpmath.mpf(0)
    for _ in range(24):
        middle = (left + right) / 2
        part = mass(left, middle)
        if below + part < goal:
            left, below = middle, below + part
        else:
            right = middle
    # the density is smooth: Newton from the bracket
    z = (left + right) / 2
    for _ in range(3):
        z -= (below + mass(left, z) - goal) / mpmath.exp(log_p(mpmath.exp(z)) + z - top)
    return mpmath.exp(z)
