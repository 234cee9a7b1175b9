"""Float versions of the functions which the weights of standardised variables use, without overflow."""

from __future__ import annotations

import math
from functools import lru_cache
from types import SimpleNamespace
from typing import Any


@lru_cache(maxsize=100_000)
def _float_scaled_besselk(log_factor: float, order: float, x: float) -> float:
    """exp(log_factor) K_order(x), K = int_0^oo exp(-x cosh t) cosh(order t) dt, by the trapezoidal rule.

    The rule converges geometrically; the factor is taken inside because K alone overflows at small x.
    """
    if x > 700:
        return 0.0
    # The integrand is below 1e-17 of its maximum beyond this point, and its peak is (order^2 + x^2)^(-1/4) wide.
    end = math.acosh(1 + (40 + 4 * abs(order)) / x) + 1e-9
    count = max(24, int(end * max(6.0, 1.6 * (order**2 + min(x, 60.0) ** 2) ** 0.25)))
    step = end / count
    total = 0.5 * math.exp(log_factor - x)
    for index in range(1, count + 1):
        t = index * step
        total += math.exp(log_factor - x * math.cosh(t) + order * t) * 0.5 * (1 + math.exp(-2 * order * t))
    return total * step


def scaled_besselk(log_factor: Any, order: Any, x: Any, context: Any) -> Any:
    """exp(log_factor) K_order(x) in floats or at the precision of mpmath."""
    if context is FLOAT:
        return _float_scaled_besselk(log_factor, order, x)
    return context.exp(log_factor) * context.besselk(order, x)


def _float_log_scaled_hyp0f1(parameter: float, x: float) -> float:
    if x > 100:
        from scipy import special

        root = math.sqrt(x)
        bessel = math.log(float(special.ive(parameter - 1, 2 * root)))
        return math.lgamma(parameter) + (1 - parameter) * math.log(root) + bessel
    term = total = 1.0
    index = 0
    while term > 1e-17 * total:
        term *= x / ((parameter + index) * (index + 1))
        index += 1
        total += term
    return math.log(total) - 2 * math.sqrt(x)


def log_scaled_hyp0f1(parameter: Any, x: Any, context: Any) -> Any:
    """log 0F1(parameter; x) - 2 sqrt(x), which stays small for x >= 0, in floats or at the precision of mpmath."""
    if context is FLOAT:
        return _float_log_scaled_hyp0f1(parameter, x)
    return context.log(context.hyp0f1(parameter, x)) - 2 * context.sqrt(x)


FLOAT = SimpleNamespace(
    exp=math.exp,
    log=math.log,
    sqrt=math.sqrt,
    sin=math.sin,
    cos=math.cos,
    tan=math.tan,
    acos=math.acos,
    atan=math.atan,
    loggamma=math.lgamma,
    pi=math.pi,
    mpf=float,
    fabs=abs,
)
"""Float versions of the mpmath functions which weights use."""
