"""Derivations of stationary laws of the SDE: zero current, normaliser, moments, and the non-stationarity residual."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import B, K, L_min, T, alpha, c, eta, h, m, n, v

loss, slope = sp.symbols("L L'", positive=True)
phi = sp.Symbol("phi", positive=True)
PHI = 1 + 1 / T


def _power_current(ito: Any) -> Any:
    """Zero-current condition of P = L^-phi for D = T L: slope P + D^a d(D^(1-a) P), divided by slope P."""
    q = loss ** (-phi)
    diffusion = T * loss
    current = slope * q + slope * diffusion**ito * sp.diff(diffusion ** (1 - ito) * q, loss)
    return sp.simplify(sp.powsimp(sp.expand(current / (slope * q)), force=True))


def exponent(ito: Any = 0) -> Any:
    """Exponent phi for which L^-phi carries no current, in the convention ``ito``.

    >>> exponent()
    1 + 1/T
    """
    condition = _power_current(ito)
    (root,) = sp.solve(condition, phi)
    return sp.expand(root)


def isotropic() -> Derivation:
    """phi = 1 + B/(eta h) from the zero current of D = T L in an isotropic well."""
    root = exponent(sp.Integer(0))
    form = sp.expand(root.subs(T, eta * h / B))
    return derivation(
        ("noise strength", T * loss, "eta Sigma/2 per unit time with Sigma = 2 L h / B; T = eta h / B"),
        (
            "current over L' P",
            _power_current(sp.Integer(0)),
            "L' P + (D P)' with P = L^-phi; grad L factors out in any n",
        ),
        ("zero current", root, "solve for phi"),
        ("phi", form, "T = eta h / B"),
    )


def convention() -> Derivation:
    """phi = 1 + 1/T - alpha in the alpha convention."""
    root = exponent(alpha)
    return derivation(
        ("current over L' P", _power_current(alpha), "L' P + D^alpha (D^(1-alpha) P)'"),
        ("phi", root, "zero current"),
    )


def kurtosis_exponent() -> Derivation:
    """phi_K = 1 + 1/((K-1) T): the same computation for D = T [L_* + (K-1)(L - L_*)]."""
    bracket = 1 + (K - 1) * v
    psi = sp.log(bracket) / ((K - 1) * T)
    require_zero(sp.diff(psi, v) - 1 / (T * bracket), "d Psi / dv = L_* / D")
    form = 1 + 1 / ((K - 1) * T)
    density = bracket ** (-1) * sp.exp(-psi)
    require_zero(sp.simplify(sp.diff(sp.log(density), v) + form * (K - 1) / bracket), "P = bracket^-phi_K")
    return derivation(
        ("noise strength over L_*", T * bracket, "v = (L - L_*)/L_*; dPsi = dL/D for any loss"),
        ("Psi", psi, "integrate; differentiated back"),
        ("density", density, "P = exp(-Psi)/D, zero current"),
        ("phi_K", form, "power of 1 + (K-1) v"),
    )


def gaussian_features_exponent() -> Derivation:
    """psi = 1 + 1/(2T) + (n-1)/4 from the one-dimensional diffusion of v with the exact covariance."""
    drift = T * (n + (n + 1) * v) - 2 * v
    second = 2 * T * v * (1 + 2 * v)
    rates = sp.apart(sp.together(drift / second), v)
    at_zero = sp.limit(rates * v, v, 0)
    at_half = sp.limit(sp.cancel(rates * (1 + 2 * v)), v, -sp.Rational(1, 2)) / 2
    require_zero(rates - at_zero / v - 2 * at_half / (1 + 2 * v), "two simple poles")
    power = sp.expand(at_half - 1)
    psi = sp.expand(-power)
    return derivation(
        ("noise matrix", sp.Tuple(T * (1 + v) / 2, T / 2), "D = (T/2)[(1+v) I + d d^T], h = sigma = 1"),
        ("drift of v", drift, "Ito: -2 v + 2 Tr D, Tr D = T (n + (n+1) v)/2"),
        ("second-order coefficient", second, "4 d'D d / 2"),
        ("drift over coefficient", rates, "partial fractions"),
        ("residues at 0 and -1/2", sp.Tuple(at_zero, at_half), "powers of v and 1+2v in coefficient * P"),
        ("psi", psi, "divide by the coefficient: P ~ v^(n/2-1) (1+2v)^-psi"),
    )


def moment_fit() -> Derivation:
    """phi_fit = B/(eta h) - (B-1)/2: the mean of v of the exact discrete process equated to the power law."""
    e = eta * h
    bracket = 2 - e * (1 + 1 / B)
    mean = sp.Symbol("S", positive=True)
    balance = sp.Eq(mean, mean * (1 - 2 * e + e**2 * (1 + 1 / B)) + e**2 * mean * n / B + e**2 * n / B)
    (exact,) = sp.solve(balance, mean)
    (form,) = sp.solve(sp.Eq(sp.cancel(exact), (n / 2) / (phi - 1 - n / 2)), phi)
    form = sp.expand(sp.cancel(form))
    if n in form.free_symbols:
        form = sp.expand(sp.simplify(form))
    return derivation(
        ("balance of E v", balance, "E A S A = (1+1/B) H S H + H Tr(H S)/B for Gaussian features, isotropic H"),
        ("mean of v", sp.factor(exact), "solve; the bracket of every direction is " + sp.sstr(bracket)),
        ("mean of v under L^-phi", (n / 2) / (phi - 1 - n / 2), "beta-prime law"),
        ("phi_fit", form, "equate; n cancels"),
    )


def normaliser() -> Derivation:
    """Z = L_*^-phi (2 pi L_*/h)^(n/2) Gamma(phi - n/2)/Gamma(phi)."""
    r, q = sp.symbols("r q", positive=True)
    radial = sp.integrate(r ** (n - 1) * (1 + r**2) ** (-q), (r, 0, sp.oo), conds="none")
    sphere = 2 * sp.pi ** (n / 2) / sp.gamma(n / 2)
    form = L_min ** (-q) * (2 * L_min / h) ** (n / 2) * sphere * radial
    form = sp.powsimp(sp.simplify(form.rewrite(sp.gamma)), force=True)
    return derivation(
        ("density", (L_min * (1 + r**2)) ** (-q), "L = L_* (1 + r^2), r^2 = h d^2 / (2 L_*)"),
        ("radial integral", radial, "integrate"),
        ("with the sphere", form, "surface of the unit sphere, d = r sqrt(2 L_*/h)"),
        ("Z", form.subs(q, PHI), "phi = 1 + 1/T; finite for phi > n/2"),
    )


def relative_loss_moment() -> Derivation:
    """E v^m as a ratio of beta functions."""
    q = sp.Symbol("q", positive=True)
    density = v ** (n / 2 - 1) * (1 + v) ** (-q)
    ratio = sp.beta(n / 2 + m, q - n / 2 - m) / sp.beta(n / 2, q - n / 2)
    form = sp.Piecewise((ratio.subs(q, PHI), m < PHI - n / 2), (sp.oo, True))
    return derivation(
        ("density of v", density, "L^-phi times the volume element v^(n/2-1)"),
        ("integral of v^m", sp.beta(n / 2 + m, q - n / 2 - m), "Euler's beta integral of the second kind"),
        ("E v^m", form, "normalise; infinite where the integral diverges"),
    )


def survival() -> Derivation:
    """P(L > c L_*) by the substitution u = 1/(1+v)."""
    u, q = sp.symbols("u q", positive=True)
    start = v ** (n / 2 - 1) * (1 + v) ** (-q)
    moved = u ** (q - n / 2 - 1) * (1 - u) ** (n / 2 - 1)
    ratio = sp.simplify(sp.powdenest(start.subs(v, 1 / u - 1) / u**2 / moved, force=True))
    check = [complex(sp.N(ratio.subs({u: sp.Rational(3, 7), n: k, q: sp.Rational(16, 5)}))) for k in (1, 2, 3)]
    require_zero(sp.Integer(round(max(abs(z - 1) for z in check) * 10**9)), "substitution u = 1/(1+v)")
    form = sp.betainc(PHI - n / 2, n / 2, 0, 1 / c) / sp.beta(PHI - n / 2, n / 2)
    return derivation(
        ("density of v", start, "L^-phi times the volume element"),
        ("density of u = 1/(1+v)", moved, "substitution, |dv/du| = u^-2"),
        ("P(v > c-1) = P(u < 1/c)", form, "incomplete beta function; equals 1 - I_{(c-1)/c}(n/2, phi - n/2)"),
    )


def power_law_kurtosis() -> Derivation:
    """Excess kurtosis of one coordinate of the isotropic L^-phi law."""
    q = sp.Symbol("q", positive=True)
    first, second = (n / 2) / (q - 1), (n / 2) * (n / 2 + 1) / ((q - 1) * (q - 2))
    excess = sp.factor(3 * n * second / ((n + 2) * first**2) - 3)
    form = sp.cancel(excess.subs(q, PHI - n / 2))
    return derivation(
        ("E v and E v^2", sp.Tuple(first, second), "beta-prime(n/2, q), q = phi - n/2"),
        ("E d_1^4 / (E d_1^2)^2 - 3", excess, "isotropy: E d_1^4 = 3 E |d|^4 / (n (n+2))"),
        ("excess kurtosis", 3 / sp.expand(3 / form), "phi = 1 + 1/T"),
    )


def kurtosis_sde_kurtosis() -> Derivation:
    """Excess kurtosis of the one-dimensional SDE with the exact covariance of kurtosis K."""
    q = sp.Symbol("q", positive=True)
    first = sp.Rational(1, 2) / (q - 1)
    second = sp.Rational(3, 4) / ((q - 1) * (q - 2))
    excess = sp.factor(second / first**2 - 3)
    form = excess.subs(q, 1 + 1 / ((K - 1) * T) - sp.Rational(1, 2))
    return derivation(
        ("law of (K-1) v", sp.Tuple(sp.Rational(1, 2), q), "beta-prime(1/2, q), q = phi_K - 1/2"),
        ("excess kurtosis", excess, "E v^2/(E v)^2 - 3"),
        ("closed form", form, "phi_K = 1 + 1/((K-1) T)"),
    )


def anisotropic_residual() -> Derivation:
    """The Fokker-Planck operator on L^-phi divided by L^-phi, for D_i = (eta/B) L h_i in two directions."""
    h1, h2 = sp.symbols("h1 h2", positive=True)
    x, y = sp.symbols("x y", real=True)
    surface = L_min + (h1 * x**2 + h2 * y**2) / 2
    power = 1 + B / (eta * h1)
    residual = sp.factor(sp.cancel(sp.together(_residual(surface, power, h1, h2, x, y))))
    return derivation(
        ("loss", surface, "two directions"),
        ("power", power, "phi of the escape direction h1"),
        ("operator on P over P", residual, "powers cancelled by hand, then factored"),
    )


def _residual(surface: Any, power: Any, h1: Any, h2: Any, x: Any, y: Any) -> Any:
    result = sp.Integer(0)
    for curvature, coordinate in ((h1, x), (h2, y)):
        first = curvature * coordinate
        drift = curvature - power * first**2 / surface
        q = 1 - power
        noise = (eta / B) * curvature * (q * curvature + q * (q - 1) * first**2 / surface)
        result += drift + noise
    return result
