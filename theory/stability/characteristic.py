"""Exponents from characteristic functions: E log|A - X| = int_0^oo {e^-s - Re[e^{isA} phi(-s)]} ds/s (Frullani).

``bessel_exponent`` evaluates the integral for sums of arcsine or semicircle variables to full precision by turning
the contour into the half plane where each Hankel term decays; ``characteristic_numeric`` takes any characteristic function.
"""

from __future__ import annotations

import cmath
import math
from typing import Any

import mpmath
import sympy as sp

_T = sp.Symbol("t", positive=True)


def frullani(oscillation: sp.Expr, decay: sp.Expr) -> sp.Integral:
    """The unevaluated integral int_0^oo (e^-t - oscillation * decay) dt/t in the variable ``VARIABLE``."""
    return sp.Integral((sp.exp(-_T) - oscillation * decay) / _T, (_T, 0, sp.oo))


VARIABLE = _T


def bessel_exponent(intercept: Any, slope: Any, count: int, semicircle: bool, digits: int = 15) -> Any:
    """E log|intercept - slope (X_1 + ... + X_count)| of arcsine (or semicircle) variables on (-1, 1).

    >>> print(mpmath.nstr(bessel_exponent(0.4, 1.0, 1, False), 12))
    -0.69314718056
    """
    context = mpmath.fp if digits <= 15 else mpmath.mp
    with mpmath.workdps(digits + 10):
        slope = context.mpf(slope)
        y = abs(context.mpf(intercept)) / slope
        rotated = _outside if y > 1.25 * count else _inside
        return mpmath.mpf(context.log(slope) + rotated(context, y, count, semicircle))


def _outside(context: Any, y: Any, count: int, semicircle: bool) -> Any:
    """The pole lies beyond the support: the integral runs along the imaginary axis."""

    def integrand(s: Any) -> Any:
        # e^-s I(s) stays finite, and y > count makes the product decay.
        if s * (y - count) > 700 or s > 600:
            return context.exp(-s) / s
        mean = (2 * context.besseli(1, s) / s if semicircle else context.besseli(0, s)) ** count
        return (context.exp(-s) - context.exp(-s * y) * mean) / s

    return context.quad(integrand, [0, 1 / y, 4 / y, 16 / y, 1, 6, 60])


def circle_mean(context: Any, s: Any, semicircle: bool) -> Any:
    """E cos(s X): J_0(s), or 2 J_1(s)/s = J_0(s) + J_2(s) for the semicircle."""
    if context is not mpmath.fp:
        return context.besselj(0, s) + (context.besselj(2, s) if semicircle else 0)
    if s > 30:
        order = 1 if semicircle else 0
        wave = _amplitude(context, s, order, 1) * cmath.exp(1j * (s - math.pi / 4 * (2 * order + 1)))
        return wave.real * (2 / s if semicircle else 1)
    # The trapezoidal rule of Bessel's integral is exact to rounding for this number of points.
    count = int(1.2 * s) + 24
    step = math.pi / count
    angles = [(j + 0.5) * step for j in range(count)]
    total = math.fsum(
        math.cos(s * math.sin(u)) * (1 + math.cos(2 * u) if semicircle else 1)
        + (math.sin(s * math.sin(u)) * math.sin(2 * u) if semicircle else 0)
        for u in angles
    )
    return total / count


def _amplitude(context: Any, z: Any, order: int, sign: int) -> Any:
    """sqrt(2/(pi z)) sum (sign i)^k a_k(order)/z^k of a Hankel function without its phase."""
    term = total = context.mpf(1)
    k = 0
    while abs(term) > context.eps * abs(total) / 8:
        k += 1
        term = term * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k) * (sign * 1j) / z
        total += term
    return context.sqrt(2 / (context.pi * z)) * total


def _inside(context: Any, y: Any, count: int, semicircle: bool) -> Any:
    order = 1 if semicircle else 0
    # The Hankel series is accurate to exp(-2 start) from here on.
    start = context.mpf(max(25, int(1.4 * context.dps) + 5))

    def near(s: Any) -> Any:
        if s < 1e-8:
            return -context.mpf(1)
        return (context.exp(-s) - context.cos(s * y) * circle_mean(context, s, semicircle) ** count) / s

    panels = max(4, int(start * (y + count) / 12))
    total = context.quad(near, [start * j / panels for j in range(panels + 1)]) + context.e1(start)
    phase = context.pi / 4 * (2 * order + 1)
    for j in range(count + 1):
        frequency = y + 2 * j - count
        turn = 1j if frequency >= 0 else -1j

        def far(tau: Any, j: int = j, frequency: Any = frequency, turn: Any = turn) -> Any:
            z = start + turn * tau
            amplitude = _amplitude(context, z, order, 1) ** j * _amplitude(context, z, order, -1) ** (count - j)
            if semicircle:
                amplitude *= (2 / z) ** count
            angle = frequency * start - phase * (2 * j - count)
            return context.exp(1j * angle - abs(frequency) * tau) * amplitude / z

        ends = [0, 1, start, 8 * start, context.inf] if abs(frequency) < 1 else [0, 1, 8, 8 + 40 / abs(frequency)]
        value = turn * context.quad(far, ends) * math.comb(count, j) / 2**count
        total -= value.real
    return total


def _gauss_legendre(order: int) -> list[tuple[float, float]]:
    nodes = []
    for index in range(1, order + 1):
        x = math.cos(math.pi * (index - 0.25) / (order + 0.5))
        slope = 1.0
        for _ in range(50):
            before, value = 1.0, x
            for degree in range(2, order + 1):
                before, value = value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree
            slope = order * (x * value - before) / (x * x - 1)
            step = value / slope
            x -= step
            if abs(step) < 1e-16:
                break
        nodes.append(((1 + x) / 2, 1 / ((1 - x * x) * slope * slope)))
    return nodes


GAUSS = _gauss_legendre(10)
