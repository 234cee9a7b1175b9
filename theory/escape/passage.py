"""Mean first-passage times of the SDE: exact double integrals, their asymptotics and local slopes."""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.nested import nested_integral
from theory.escape.notation import K, T, c, h, n, v
from theory.evaluation import to_mp

x, y, z = sp.symbols("x y z", real=True)
w = sp.Symbol("w", positive=True)


def double_well() -> Derivation:
    """Mean passage time -1 -> +1 of L = 1 + (c-1)(x^2-1)^2 with D = T [1 + (K-1)(L-1)]."""
    potential = 1 + (c - 1) * (x**2 - 1) ** 2
    bracket = 1 + (K - 1) * (potential - 1)
    psi = sp.log(bracket) / ((K - 1) * T)
    require_zero(sp.diff(psi, x) - sp.diff(potential, x) / (T * bracket), "Psi' = L'/D")
    weight = bracket ** (-1 - 1 / ((K - 1) * T)) / T
    growth = bracket ** (1 / ((K - 1) * T))
    inner = sp.Integral(weight.subs(x, z), (z, -sp.oo, y))
    form = sp.Integral(growth.subs(x, y) * inner, (y, -1, 1))
    return derivation(
        (
            "backward equation",
            sp.Eq(sp.Function("u")(x).diff(x, 2), -1 / (T * bracket)),
            "D u'' - L' u' = -1, u' part implied",
        ),
        ("Psi", psi, "int L'/D; differentiated back"),
        (
            "u' = -exp(Psi) int exp(-Psi)/D",
            growth * sp.Integral(weight.subs(x, z), (z, -sp.oo, x)),
            "integrating factor",
        ),
        ("mean passage time", form, "integrate from -1 to 1, u(1) = 0"),
    )


def double_well_value(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate the double integral; the inner one from -infinity by z = -1/s beyond -2."""
    with mpmath.workdps(digits + 10):
        t, q, k = (to_mp(values[key]) for key in ("temperature", "barrier_ratio", "feature_kurtosis"))
    return double_well_integral(t, q - 1, k - 1, mpmath.mpf(1), digits)


@functools.lru_cache(maxsize=512)
def double_well_integral(t: Any, q: Any, k: Any, end: Any, digits: int) -> Any:
    """Mean passage time from -1 to ``end`` of the double well with barrier q and noise T (1 + k (L-1))."""
    with mpmath.workdps(digits + 10):

        def psi(a: Any) -> Any:
            height = q * (a * a - 1) ** 2
            return height / t if k == 0 else mpmath.log1p(k * height) / (k * t)

        def weight(a: Any) -> Any:
            if a <= -1:
                # the half line is mapped by a = -1 - s/(1-s): coordinate s - 2 runs from -2 to -1 backwards
                s = -1 - a
                if s >= 1:
                    return mpmath.mpf(0)
                place = -1 - s / (1 - s)
                return density(place) / (1 - s) ** 2
            return density(a)

        def density(a: Any) -> Any:
            return mpmath.exp(-psi(a)) / (t * (1 + k * q * (a * a - 1) ** 2))

        def growth(a: Any) -> Any:
            return mpmath.exp(psi(a))

        width = min(mpmath.sqrt(t / (8 * q)) * 4, mpmath.mpf("0.5"))
        marks = [
            mpmath.mpf(-2),
            -1 - 2 * width / (1 + 2 * width),
            -1 - width / 2,
            mpmath.mpf(-1),
            -1 + width,
            -width,
            width,
            end,
        ]
        points = sorted({m for m in marks if m <= end})
        return nested_integral(growth, weight, points, mpmath.mpf(-1), digits, 2)


def _radial(outer_power: Any, inner_power: Any, scale: int, exponential: bool = False) -> Any:
    if exponential:
        growth, decay = sp.exp(y / T), sp.exp(-w / T)
    else:
        growth, decay = (1 + scale * y) ** outer_power, (1 + scale * w) ** (-inner_power)
    inner = sp.Integral(w ** (n / 2 - 1) * decay, (w, 0, y))
    return sp.Integral(y ** (-n / 2) * growth * inner, (y, 0, c - 1)) / (2 * T * h)


def _scale_steps(drift: Any, second: Any, growth: Any, form: Any, note: str) -> Derivation:
    """Verify the scale density exp(-int drift/second) = v^(-n/2) growth and return the derivation."""
    log_slope = sp.diff(sp.expand_log(sp.log(v ** (-n / 2) * growth), force=True), v)
    require_zero(log_slope + drift / second, "scale density of v")
    return derivation(
        ("drift of v", drift, "Ito, unit time t; " + note),
        ("half squared noise of v", second, "D |grad v|^2"),
        ("scale density", v ** (-n / 2) * growth, "exp(-int drift/(half squared noise))"),
        ("speed density", 1 / (second * v ** (-n / 2) * growth), "one over both"),
        ("mean passage time", form, "int scale int speed, from v = 0 (entrance) to v = c - 1"),
    )


def radial() -> Derivation:
    """0 -> L = c L_* in an isotropic bowl with D = T L."""
    drift, second = h * (n * T * (1 + v) - 2 * v), 2 * T * h * v * (1 + v)
    return _scale_steps(drift, second, (1 + v) ** (1 / T), _radial(1 / T, 1 + 1 / T, 1), "D = T L")


def radial_gaussian_features() -> Derivation:
    """The same with the exact covariance of Gaussian features."""
    psi = 1 + 1 / (2 * T) + (n - 1) / 4
    drift, second = h * (T * (n + (n + 1) * v) - 2 * v), 2 * T * h * v * (1 + 2 * v)
    return _scale_steps(drift, second, (1 + 2 * v) ** (psi - 1), _radial(psi - 1, psi, 2), "D = (T/2)[2L + dd^T]")


def radial_additive() -> Derivation:
    """The same with noise frozen at the minimum."""
    drift, second = h * (n * T - 2 * v), 2 * T * h * v
    return _scale_steps(drift, second, sp.exp(v / T), _radial(0, 0, 1, True), "D = T L_*")


def radial_value(kind: str, derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate a radial double integral in r = sqrt(v), where both integrands are smooth."""
    del derived
    return radial_parts(kind, values, digits)[0]


def radial_parts(kind: str, values: dict[str, Any], digits: int) -> tuple[Any, Any]:
    """Return the mean passage time and its derivative with respect to log c."""
    keys = ("temperature", "dimension", "barrier_ratio", "curvature")
    return _radial_parts(kind, tuple(values.get(key, 1) for key in keys), digits)


@functools.lru_cache(maxsize=512)
def _radial_parts(kind: str, numbers: tuple[Any, ...], digits: int) -> tuple[Any, Any]:
    with mpmath.workdps(digits + 10):
        t, size, ratio, curvature = (to_mp(number) for number in numbers)
        growth, decay = radial_functions(kind, t, size)
        top = mpmath.sqrt(ratio - 1)

        def outer(r: Any) -> Any:
            return 2 * r ** (1 - size) * growth(r * r)

        def inner(s: Any) -> Any:
            return 2 * s ** (size - 1) * decay(s * s)

        pieces = [top * mpmath.mpf(k) / 4 for k in range(5)]
    total = nested_integral(outer, inner, pieces, mpmath.mpf(0), digits)
    with mpmath.workdps(digits + 10):
        mass = mpmath.quad(inner, pieces)
        slope = ratio * outer(top) / (2 * top) * mass
        return total / (2 * t * curvature), slope / (2 * t * curvature)


def radial_functions(kind: str, t: Any, size: Any) -> tuple[Any, Any]:
    """Return the growth and decay functions of v for ``seed``, ``gaussian_features`` or ``additive`` noise."""
    if kind == "additive":
        return (lambda a: mpmath.exp(a / t)), (lambda a: mpmath.exp(-a / t))
    if kind == "gaussian_features":
        psi = 1 + 1 / (2 * t) + (size - 1) / 4
        return (lambda a: (1 + 2 * a) ** (psi - 1)), (lambda a: (1 + 2 * a) ** (-psi))
    return (lambda a: (1 + a) ** (1 / t)), (lambda a: (1 + a) ** (-1 - 1 / t))


def local_slope() -> Derivation:
    """d log MFPT / d log c of the radial problem."""
    time = sp.Symbol("MFPT", positive=True)
    inner = sp.Integral(w ** (n / 2 - 1) * (1 + w) ** (-1 - 1 / T), (w, 0, c - 1))
    numerator = c * (c - 1) ** (-n / 2) * c ** (1 / T) * inner / (2 * T * h)
    full = radial().result
    return derivation(
        ("mean passage time", full, "exact"),
        ("derivative with respect to c", numerator / c, "the upper limit of the outer integral"),
        ("slope in words", numerator / time, "c dMFPT/dc over MFPT"),
        ("local slope", sp.cancel(numerator * 2 * T * h) / (full * 2 * T * h), "insert"),
    )


def local_slope_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate the local slope."""
    del derived
    total, slope = radial_parts("seed", values, digits)
    return slope / total


def asymptotic() -> Derivation:
    """c -> infinity: B(n/2, q) c^q / (2 T q h), q = 1/T + 1 - n/2."""
    q = 1 / T + 1 - n / 2
    mass = sp.beta(n / 2, q)
    tail = c**q / q
    return derivation(
        ("inner integral at infinity", mass, "Euler's beta integral"),
        ("outer integrand far out", v ** (q - 1), "v^(-n/2) (1+v)^(1/T) -> v^(q-1)"),
        ("outer integral", tail, "leading power of c"),
        ("mean passage time", mass * tail / (2 * T * h), "product over 2 T h"),
    )


def two_term() -> Derivation:
    """T -> 0: the end point dominates the outer integral; two terms of its expansion."""
    q = 1 / T + 1 - n / 2
    volume = c - 1
    exponent = sp.log(1 + v) / T - n / 2 * sp.log(v)
    first = sp.diff(exponent, v).subs(v, volume)
    second = sp.diff(exponent, v, 2).subs(v, volume)
    lead = sp.beta(n / 2, q) / (2 * T * h) * volume ** (-n / 2) * c ** (1 / T)
    form = lead / first * (1 + second / first**2)
    return derivation(
        ("exponent of the outer integrand", exponent, "log of v^(-n/2) (1+v)^(1/T)"),
        ("F1, F2", sp.Tuple(first, second), "derivatives at v = c - 1"),
        (
            "end-point expansion",
            1 / first * (1 + second / first**2),
            "int exp(F) = exp(F(end)) (1/F1)(1 + F2/F1^2 + ...)",
        ),
        ("mean passage time", form, "the inner integral saturates at B(n/2, q)"),
    )
