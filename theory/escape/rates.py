"""Derivations of escape rates: Laplace's method at minimum and saddle, its first correction, Langer's formula."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import (
    TWO_PI,
    K,
    N,
    T,
    c,
    h,
    h_m,
    h_s,
    i,
    minimum_eigenvalues,
    n,
    saddle_eigenvalues,
    v,
)

x = sp.Symbol("x", real=True)


def log_barrier(kurtosis: Any) -> Any:
    """T (Psi_s - Psi_m) for D = T L_* [1 + (K-1) v]: the integral of dv / (1 + (K-1) v) from 0 to c-1.

    >>> log_barrier(2)
    log(c)
    """
    u = sp.Symbol("u", positive=True)
    if sp.sympify(kurtosis) == 1:
        return c - 1
    form = sp.log(1 + (kurtosis - 1) * (c - 1)) / (kurtosis - 1)
    inner = 1 / (1 + (kurtosis - 1) * u)
    require_zero(sp.diff(form.subs(c, 1 + u), u) - inner, "barrier differentiated back")
    return form.xreplace({1 + (kurtosis - 1) * (c - 1): sp.expand(1 + (kurtosis - 1) * (c - 1))})


def one_dimensional_rate(kurtosis: Any) -> Derivation:
    """Rate per unit t in one dimension by Laplace's method in both integrals of the mean passage time."""
    barrier = log_barrier(kurtosis)
    ratio = sp.expand(1 + (kurtosis - 1) * (c - 1))
    curvature_m, curvature_s = h_m, h_s / ratio
    outer = sp.sqrt(TWO_PI * T / sp.Abs(curvature_s)) * sp.exp(barrier / T)
    inner = sp.sqrt(TWO_PI * T / curvature_m) / T
    rate = 1 / (outer * inner)
    if sp.sympify(kurtosis) == 1:
        form = sp.sqrt(-h_m * h_s) / TWO_PI * sp.exp(-(c - 1) / T)
    else:
        form = sp.sqrt(-h_m * h_s) / TWO_PI * ratio ** (-sp.Rational(1, 2) - 1 / ((kurtosis - 1) * T))
    point = {
        h_m: sp.Rational(13, 7),
        h_s: -sp.Rational(9, 5),
        T: sp.Rational(3, 17),
        c: sp.Rational(19, 7),
        K: sp.Rational(7, 3),
    }
    require_zero(sp.Integer(round(abs(complex(sp.N((rate / form).subs(point), 30)) - 1) * 10**15)), "powers collected")
    return derivation(
        ("mean passage time", _passage_integral(), "zero-current solution of the backward equation, D = T G"),
        ("log barrier", barrier, "int dL/G from minimum to saddle, L_* = 1"),
        ("curvatures of U at minimum and saddle", sp.Tuple(curvature_m, curvature_s), "U' = L'/G"),
        ("Laplace at the saddle", outer, "Gaussian integral of exp(U/T)"),
        ("Laplace at the minimum", inner, "Gaussian integral of exp(-U/T)/(T G)"),
        ("rate", form, "one over the mean passage time; powers of the barrier ratio collected"),
    )


def _passage_integral() -> Any:
    y, z, a, b = sp.symbols("y z a b", real=True)
    u, g = sp.Function("U"), sp.Function("G")
    inner = sp.Integral(sp.exp(-u(z) / T) / (T * g(z)), (z, -sp.oo, y))
    return sp.Integral(sp.exp(u(y) / T) * inner, (y, a, b))


def one_dimensional() -> Derivation:
    """The seed's rate: kurtosis 2."""
    return one_dimensional_rate(sp.Integer(2))


def additive() -> Derivation:
    """Noise frozen at its value at the minimum: kurtosis 1."""
    return one_dimensional_rate(sp.Integer(1))


def kurtosis_rate() -> Derivation:
    """Any kurtosis; K -> 1 gives the additive rate, K = 2 the seed's."""
    return one_dimensional_rate(K)


def rate_ratio() -> Derivation:
    """Seed rate over additive rate."""
    seed, frozen = one_dimensional().result, additive().result
    form = c ** (-sp.Rational(1, 2) - 1 / T) * sp.exp((c - 1) / T)
    require_zero(sp.simplify(seed / frozen / form) - 1, "prefactors cancel")
    return derivation(
        ("rate with proportional noise", seed, "Laplace, D = T L"),
        ("rate with additive noise", frozen, "Laplace, D = T L_*"),
        ("ratio", form, "curvatures cancel"),
    )


def multi_dimensional() -> Derivation:
    """Langer's formula after the random time change d tau = L dt, with potential log L."""
    q_m, q_s, size = sp.symbols("detH_* detH_s n", positive=True)
    low = sp.Symbol("L_*", positive=True)
    high = c * low
    frequency = -saddle_eigenvalues[0] / high
    determinants = sp.sqrt((q_m / low**size) / (q_s / high**size))
    tau_rate = frequency / TWO_PI * determinants * sp.exp(-sp.log(c) / T)
    rate = low * tau_rate
    power = 1 / T + 1 - size / 2
    compact = -saddle_eigenvalues[0] / TWO_PI * sp.sqrt(q_m / q_s) * c ** (-power)
    require_zero(sp.simplify(sp.expand_log(sp.log(rate / compact), force=True)), "powers of c and L_* collected")
    det_m = sp.Product(minimum_eigenvalues[i], (i, 0, N - 1))
    det_s = -sp.Product(saddle_eigenvalues[i], (i, 0, N - 1))
    form = compact.subs({q_m: det_m, q_s: det_s, size: N})
    return derivation(
        (
            "time change",
            sp.log(sp.Symbol("L", positive=True)),
            "d tau = L dt turns D = T L into T with potential log L",
        ),
        ("unstable curvature in tau", frequency, "Hessian of log L at a critical point is H/L"),
        ("ratio of determinants", determinants, "det(H/L) = det H / L^n"),
        ("rate per unit tau", tau_rate, "Langer"),
        ("rate per unit t", compact, "kappa = L_* kappa_tau; collect the powers of c"),
        ("rate", form, "determinants as products of eigenvalues"),
    )


def exponent() -> Derivation:
    """1/T + 1 - n/2: the power of 1/c in Langer's formula."""
    logarithm = -(1 / T) * sp.log(c) - sp.log(c) + n / 2 * sp.log(c)
    form = sp.expand(-sp.diff(logarithm, c) * c)
    return derivation(
        ("log of the rate, c-dependent part", logarithm, "barrier, time change, ratio of determinants"),
        ("exponent", form, "-d log(rate)/d log c"),
    )


def correction_terms(drift: Any, weight: Any, variable: Any, minimum: Any, saddle: Any) -> tuple[Any, Any, Any]:
    """First corrections of the two Laplace integrals for D = T G: C1 with kappa * MFPT = 1 + C1 T + O(T^2).

    ``drift`` is L', ``weight`` is G; the derivatives of U follow from U' = L'/G. Returns the contributions of the
    weight and of the well at the minimum, and of the barrier at the saddle.
    """
    slope, f = drift / weight, 1 / weight

    def at(point: Any, expression: Any) -> Any:
        return expression.subs(variable, point)

    u = [sp.diff(slope, variable, k) for k in (1, 2, 3)]
    u2, u3, u4 = (at(minimum, e) for e in u)
    f0, f1, f2 = (at(minimum, sp.diff(f, variable, k)) if k else at(minimum, f) for k in (0, 1, 2))
    weighting = f2 / (2 * f0 * u2) - f1 * u3 / (2 * f0 * u2**2)
    well = 5 * u3**2 / (24 * u2**3) - u4 / (8 * u2**2)
    w2, w3, w4 = -at(saddle, u[0]), at(saddle, u[1]), at(saddle, u[2])
    barrier = 5 * w3**2 / (24 * w2**3) + w4 / (8 * w2**2)
    return weighting, well, barrier


def double_well_correction() -> Derivation:
    """C1 of the double well L = 1 + (c-1)(x^2-1)^2 with noise of kurtosis K."""
    potential = 1 + (c - 1) * (x**2 - 1) ** 2
    weight = 1 + (K - 1) * (potential - 1)
    weighting, well, barrier = correction_terms(sp.diff(potential, x), weight, x, sp.Integer(-1), sp.Integer(0))
    total = sp.apart(sp.factor(sp.cancel(sp.together(weighting + well + barrier))), c)
    form = 3 / (8 * (c - 1)) - 5 * (K - 1) / 16
    require_zero(total - form, "closed form of C1")
    return derivation(
        ("loss and noise", sp.Tuple(potential, T * weight), "D = T [1 + (K-1)(L-1)]"),
        ("weight 1/G at the minimum", sp.factor(weighting), "second order of the inner Laplace integral"),
        ("anharmonicity of the well", sp.factor(well), "cubic and quartic terms of U at -1"),
        ("anharmonicity of the barrier", sp.factor(barrier), "cubic and quartic terms of U at 0"),
        ("C1", form, "sum"),
    )


def stability_dimension() -> Derivation:
    """n_c = 2 (1 + 1/T): where the drift of log v at infinity changes sign."""
    drift = log_drift().result
    (root,) = sp.solve(drift, n)
    return derivation(
        ("drift of log v at infinity", drift, "Ito"),
        ("its zero", sp.expand(root), "recurrent below, transient above; also L^-phi is normalisable below"),
    )


def log_drift() -> Derivation:
    """E d(log v)/dt -> h (T n - 2 - 2 T) as v -> infinity, for D = T L and L = L_*(1+v)."""
    drift = -2 * h * v + n * T * h * (1 + v)
    second = 2 * T * h * v * (1 + v)
    log_part = sp.expand(drift / v - second / v**2)
    form = sp.factor(sp.limit(log_part, v, sp.oo))
    form = h * sp.expand(sp.cancel(form / h))
    return derivation(
        ("drift of v = h d^2 / (2 L_*)", drift, "Ito: -2 h v + D n h / L_*, D = T L"),
        ("half its squared noise", second, "D |grad v|^2 = T L_* (1+v) 2 h v / L_*"),
        ("drift of log v", log_part, "Ito: drift/v - half squared noise / v^2"),
        ("limit", form, "v -> infinity"),
    )
