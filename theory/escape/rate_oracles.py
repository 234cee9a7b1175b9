"""Numeric oracles of escape rates: landscapes with prescribed curvatures, Kramers by quadrature, backward equations."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from scipy.integrate import quad, solve_ivp


def hermite_landscape(barrier_ratio: Any, minimum_curvature: Any, saddle_curvature: Any) -> list[Any]:
    """Coefficients (lowest first) of a quintic L with L(0)=1, L(1)=c, vanishing slopes and given curvatures there."""
    a2 = minimum_curvature / 2
    rhs = mpmath.matrix([barrier_ratio - 1 - a2, -2 * a2, saddle_curvature - 2 * a2])
    a3, a4, a5 = mpmath.lu_solve(mpmath.matrix([[1, 1, 1], [3, 4, 5], [6, 12, 20]]), rhs)
    return [mpmath.mpf(1), mpmath.mpf(0), a2, a3, a4, a5]


def kramers(temperature: Any, barrier_ratio: Any, minimum_curvature: Any, saddle_curvature: Any, kurtosis: Any) -> Any:
    """Laplace value of the rate on a quintic landscape: barrier by quadrature, curvatures of U by differences."""
    coefficients = hermite_landscape(barrier_ratio, minimum_curvature, saddle_curvature)

    def loss(x: Any) -> Any:
        return mpmath.polyval(coefficients[::-1], x)

    def weight(x: Any) -> Any:
        return 1 + (kurtosis - 1) * (loss(x) - 1)

    def slope(x: Any) -> Any:
        return mpmath.polyval([k * a for k, a in enumerate(coefficients)][:0:-1], x)

    barrier = mpmath.quad(lambda x: slope(x) / weight(x), [0, 0.5, 1]) if _positive(weight) else None
    if barrier is None:
        barrier = mpmath.quad(lambda y: 1 / (1 + (kurtosis - 1) * (y - 1)), [1, barrier_ratio])
    with mpmath.workdps(30):
        at_minimum = mpmath.diff(lambda x: slope(x) / weight(x), mpmath.mpf(0))
        at_saddle = mpmath.diff(lambda x: slope(x) / weight(x), mpmath.mpf(1))
    frequency = mpmath.sqrt(at_minimum * -at_saddle) / (2 * mpmath.pi)
    return frequency * weight(mpmath.mpf(0)) * mpmath.exp(-barrier / temperature)


def _positive(weight: Any) -> bool:
    return min(float(weight(mpmath.mpf(k) / 50)) for k in range(51)) > 0.05


def langer(temperature: Any, barrier_ratio: Any, minimum_curvatures: Any, saddle_curvatures: Any) -> Any:
    """Langer's rate for the potential log L with Hessians by finite differences along the eigendirections."""
    low = mpmath.mpf("0.83")

    def curvature(level: Any, eigenvalue: Any) -> Any:
        with mpmath.workdps(30):
            return mpmath.diff(lambda y: mpmath.log(level + eigenvalue * y * y / 2), 0, 2)

    well = mpmath.fprod(curvature(low, a) for a in minimum_curvatures)
    top = [curvature(low * barrier_ratio, a) for a in saddle_curvatures]
    factor = mpmath.sqrt(well / abs(mpmath.fprod(top)))
    return low * abs(top[0]) / (2 * mpmath.pi) * factor * mpmath.exp(-mpmath.log(barrier_ratio) / temperature)


def double_well_time(temperature: float, barrier_ratio: float, feature_kurtosis: float, end: float = 1.0) -> float:
    """Mean passage time from -1 to ``end`` by the backward equation y' = (L' y + 1)/D from the far left, y = -u'."""
    q, k, t = barrier_ratio - 1, feature_kurtosis - 1, temperature

    def right(x: float, state: Any) -> list[float]:
        slope = 4 * q * x * (x * x - 1)
        noise = t * (1 + k * q * (x * x - 1) ** 2)
        return [(slope * state[0] + 1) / noise, state[0]]

    far = -400.0 if k > 0 else -6.0
    if k > 0:
        start = -1 / (q * far**3 * (4 + 3 * t * k))
    else:
        start = -1 / (4 * q * far * (far * far - 1))
    options = {"method": "LSODA", "rtol": 2e-12, "atol": 1e-30}
    first = solve_ivp(right, (far, -1.0), [start, 0.0], **options)
    second = solve_ivp(right, (-1.0, end), [first.y[0, -1], 0.0], method="DOP853", rtol=1e-12, atol=1e-30)
    return float(second.y[1, -1])


def laplace_correction(barrier_ratio: float, feature_kurtosis: float) -> float:
    """C1 of the double well: derivative at T = 0 of the product of the two scaled Laplace integrals, by quadrature."""
    q, k = barrier_ratio - 1, feature_kurtosis - 1
    nodes, weights = np.polynomial.legendre.leggauss(160)
    s = 9.5 * nodes

    def barrier_from(center: float, z: np.ndarray) -> np.ndarray:
        """U(center + z) - U(center), without cancellation: U = log(1 + k q w^2)/k, w = x^2 - 1."""
        w0 = center * center - 1
        moved = w0 + 2 * center * z + z * z
        difference = (2 * center * z + z * z) * (moved + w0) * q
        return difference if k == 0 else np.log1p(k * difference / (1 + k * q * w0 * w0)) / k

    u_min, u_top = 8 * q, 4 * q / (1 + k * q)

    def product(t: float) -> float:
        z = s * np.sqrt(t / u_min)
        noise = 1 + k * q * (2 * z - z * z) ** 2
        inner = 9.5 * np.sum(weights * np.exp(-barrier_from(-1.0, z) / t) / noise) / np.sqrt(2 * np.pi)
        y = s * np.sqrt(t / u_top)
        outer = 9.5 * np.sum(weights * np.exp(barrier_from(0.0, y) / t)) / np.sqrt(2 * np.pi)
        return float(inner * outer)

    scale = 3e-4 * min(1.0, q) / (1 + k * (1 + q))
    steps = scale * (1 + np.cos(np.pi * (np.arange(9) + 0.5) / 9))
    values = np.array([product(t) for t in steps]) - 1
    return float(np.linalg.solve(np.vander(steps / scale, 9, increasing=True), values)[1] / scale)


def integral_time(outer: Any, inner: Any, low: float, start: float, end: float) -> float:
    """Return int_start^end outer(y) int_low^y inner(z) dz dy by nested adaptive quadrature (slow, independent)."""
    value, _ = quad(lambda y: outer(y) * quad(inner, low, y, epsabs=0, epsrel=1e-11)[0], start, end, epsrel=1e-10)
    return value
