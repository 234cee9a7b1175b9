"""Numeric oracles of escape rates: landscapes with prescribed curvatures, Kramers by quadrature, backward equations."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
from scipy.integrate import quad, solve_ivp


def hermite_landscape(barrier_ratio: Any, minimum_curvature: Any, saddle_curvature: Any) -> tuple[list[Any], Any]:
    """Coefficients (lowest first) of a quintic L with L(0)=1, L(X)=c, flat there, given curvatures; and the place X.

    X is where two parabolas of these curvatures would meet with equal slope, so that the quintic bends little.
    """
    place = mpmath.sqrt(2 * (barrier_ratio - 1) * (1 / minimum_curvature - 1 / saddle_curvature))
    first, last = minimum_curvature * place**2, saddle_curvature * place**2
    rhs = mpmath.matrix([barrier_ratio - 1 - first / 2, -first, last - first])
    rest = mpmath.lu_solve(mpmath.matrix([[1, 1, 1], [3, 4, 5], [6, 12, 20]]), rhs)
    scaled = [mpmath.mpf(1), mpmath.mpf(0), first / 2, *rest]
    return [a / place**k for k, a in enumerate(scaled)], place


def kramers(temperature: Any, barrier_ratio: Any, minimum_curvature: Any, saddle_curvature: Any, kurtosis: Any) -> Any:
    """exp(-barrier/T) over the limit T -> 0 of the double integral of the mean passage time without its barrier.

    The two integrals are quadratures on a quintic landscape at nine small temperatures, extrapolated to zero; no
    Gaussian integral enters. U is the integral of L'/G along the line, G = D/T.
    """
    coefficients, place = hermite_landscape(barrier_ratio, minimum_curvature, saddle_curvature)

    def loss(x: Any) -> Any:
        return mpmath.polyval(coefficients[::-1], x)

    def weight(x: Any) -> Any:
        return 1 + (kurtosis - 1) * (loss(x) - 1)

    def slope(x: Any) -> Any:
        return mpmath.polyval([k * a for k, a in enumerate(coefficients)][:0:-1], x)

    barrier = mpmath.quad(lambda x: slope(x) / weight(x), [0, place / 2, place]) if _positive(weight, place) else None
    if barrier is None:
        barrier = mpmath.quad(lambda y: 1 / (1 + (kurtosis - 1) * (y - 1)), [1, barrier_ratio])
    polynomial = np.polynomial.Polynomial([float(a) for a in coefficients])
    points = ((0.0, float(minimum_curvature)), (float(place), float(saddle_curvature)))
    times = _scaled_passage(polynomial, float(kurtosis), points)
    return mpmath.exp(-barrier / temperature) / times


def _scaled_passage(landscape: Any, kurtosis: float, points: tuple[tuple[float, float], ...]) -> float:
    """Limit T -> 0 of the product of both integrals of the passage time, barrier removed; minimum and saddle given."""
    (low, _), (top, _) = points
    nodes, weights = np.polynomial.legendre.leggauss(120)
    share, inner_weights = np.polynomial.legendre.leggauss(16)
    share = (share + 1) / 2
    derivative = landscape.deriv()

    def noise(x: np.ndarray) -> np.ndarray:
        return 1 + (kurtosis - 1) * (landscape(x) - 1)

    def climb(center: float, z: np.ndarray) -> np.ndarray:
        """U(center + z) - U(center)."""
        x = center + z[:, None] * share
        return z / 2 * (derivative(x) / noise(x) @ inner_weights)

    def product(t: float) -> float:
        reach = [8.5 * (t * float(noise(np.float64(x))) / abs(h)) ** 0.5 for x, h in points]
        z, y = reach[0] * nodes, reach[1] * nodes
        inner = reach[0] * np.sum(weights * np.exp(-climb(low, z) / t) / noise(low + z))
        outer = reach[1] * np.sum(weights * np.exp(climb(top, y) / t))
        return float(inner * outer / t)

    return _at_zero(product, 1e-4)


def _at_zero(function: Any, scale: float) -> float:
    """Value at 0 of a smooth function from nine Chebyshev places in (0, 2 scale)."""
    steps = scale * (1 + np.cos(np.pi * (np.arange(9) + 0.5) / 9))
    values = np.array([function(t) for t in steps])
    return float(np.linalg.solve(np.vander(steps / scale, 9, increasing=True), values)[0])


def _positive(weight: Any, place: Any) -> bool:
    return min(float(weight(place * k / 50)) for k in range(51)) > 0.05


def reversible_rate(temperature: Any, barrier_ratio: Any, minimum_curvatures: Any, saddle_curvatures: Any) -> Any:
    """c^(-1/T) times the limit T -> 0 of flux over mass of the reversible process dx = -grad L dt + sqrt(2 T L) dW.

    Its density is L^(-1-1/T); the flux through the saddle is the integral over the ridge of one over the line integral
    of L^(1/T)/T across it. Quadratic loss at both points; radial quadrature in the transverse directions and the well.
    """
    low, ratio = 0.83, float(barrier_ratio)
    well = [float(a) for a in minimum_curvatures]
    unstable, *ridge = (float(a) for a in saddle_curvatures)
    nodes, weights = np.polynomial.legendre.leggauss(90)
    half, half_weights = (nodes + 1) / 2, weights / 2

    def radial(size: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Radii and weights of an integral over ``size`` dimensions."""
        if size == 0:
            return np.zeros(1), np.ones(1)
        sphere = 2 * math.pi ** (size / 2) / math.gamma(size / 2)
        return reach * half, sphere * reach * half_weights * (reach * half) ** (size - 1)

    def prefactor(t: float) -> float:
        r, w = radial(len(well), 8.5 * (t * low) ** 0.5)
        mass = float(w @ np.exp(-(1 + 1 / t) * np.log1p(r * r / (2 * low)))) / math.prod(well) ** 0.5
        top = ratio * low
        q, v = radial(len(ridge), 8.5 * (t * top) ** 0.5)
        reach = 8.5 * (t * top / abs(unstable)) ** 0.5
        x = reach * nodes
        across = np.exp(np.log1p((q[:, None] ** 2 + unstable * x * x) / (2 * top)) / t) @ (reach * weights)
        flux = float(v @ (1 / across)) / math.prod(ridge) ** 0.5
        return low * t * flux / mass

    return mpmath.mpf(_at_zero(prefactor, 1e-4)) * mpmath.mpf(barrier_ratio) ** (-1 / temperature)


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
