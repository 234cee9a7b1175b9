"""Large deviations of real SGD at small steps: Hamiltonians, quasi-potentials, and the cost of one exceptional step."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import brentq

from theory.derivation import Derivation, derivation
from theory.errors import DomainError
from theory.escape.identities import require_zero
from theory.escape.notation import B, N, c, d, displacements, h, i, p, s2

u = sp.Symbol("u", positive=True)
x = sp.Symbol("x", real=True)


def linear_regression() -> Derivation:
    """W = B |d|^2 / sigma2 for Gaussian label noise and any feature law."""
    px, dx = sp.symbols("px dx", real=True)
    exponent = -px * dx / B + px**2 * s2 / (2 * B**2)
    at_root = exponent.subs(px, 2 * B * dx / s2)
    require_zero(at_root, "exponent at p = 2 B d / sigma2")
    t = sp.Symbol("t", nonnegative=True)
    square = sp.Symbol("D2", positive=True)
    work = sp.integrate(2 * B * t * square / s2, (t, 0, 1))
    form = B * sp.Sum(displacements[i] ** 2, (i, 0, N - 1)) / s2
    return derivation(
        ("exponent given the feature", exponent, "H = B log E exp(-(p/B).g), g = (d.x - e) x, E over Gaussian e"),
        ("at p = 2 B d / sigma2", at_root, "p.x = 2 B d.x/sigma2: zero for every x, so H = 0 whatever the feature law"),
        ("W = int p.dd", work, "straight path t d, 0 < t < 1"),
        ("quasi-potential", form, "|d|^2 as a sum"),
    )


def one_jump() -> Derivation:
    """Cost of creeping to u0 and one step with an exceptional feature."""
    u0, gap, size, b = sp.symbols("u0 Delta u b", positive=True)
    cost = (size + (gap + size * u0) ** 2 / size) / 2
    best = gap / sp.sqrt(1 + u0**2)
    require_zero(sp.simplify(sp.diff(cost, size).subs(size, best)), "stationary size of the step")
    value = sp.simplify(cost.subs(size, best))
    compact = gap * (u0 + sp.sqrt(1 + u0**2))
    require_zero(sp.simplify(value - compact), "cost of the jump")
    jump = u0**2 + (b - u0) * (u0 + sp.sqrt(1 + u0**2))
    return derivation(
        ("cost of one step from u0 over Delta", cost, "u = eta x^2/B costs u/2; the label needs (Delta + u u0)^2/(2u)"),
        ("minimised over u", compact, "u = Delta/sqrt(1+u0^2)"),
        ("creep to u0, then jump", jump, "u0^2 from the quadratic quasi-potential; Delta = b - u0, b = sqrt(c-1)"),
        ("quasi-potential over B/h", sp.Min(b**2, jump), "minimum over u0 in [-b, b]"),
    )


def one_jump_minimum(b: Any) -> Any:
    """min(b^2, min over u0 in [-b, b] of u0^2 + (b-u0)(u0 + sqrt(1+u0^2))), at the current precision."""

    def slope(q: Any) -> Any:
        root = mpmath.sqrt(1 + q * q)
        return 2 * q - (q + root) + (b - q) * (1 + q / root)

    def cost(q: Any) -> Any:
        return q * q + (b - q) * (q + mpmath.sqrt(1 + q * q))

    best = b * b
    grid = [b * mpmath.mpf(k) / 40 for k in range(-40, 41)]
    for low, high in itertools.pairwise(grid):
        if slope(low) <= 0 < slope(high):
            left, right = low, high
            for _ in range(int(mpmath.mp.prec) + 5):
                middle = (left + right) / 2
                left, right = (middle, right) if slope(middle) <= 0 else (left, middle)
            best = min(best, cost(left))
    return min(best, cost(-b))


def gaussian_hamiltonian() -> Any:
    """H(d, p) for Gaussian features and labels, h = 1: -(B/2) log(1 + 2 p d/B - p^2 sigma2/B^2)."""
    q = sp.Symbol("q", positive=True)
    quadratic = p * d / B - p**2 * s2 / (2 * B**2)
    integral = sp.integrate(sp.exp(-q * x**2 / 2), (x, -sp.oo, sp.oo)) / sp.sqrt(2 * sp.pi)
    mean = integral.subs(q, 1 + 2 * quadratic)
    return sp.expand(1 + 2 * quadratic), mean


def hamiltonian() -> Derivation:
    """The Hamiltonian of real SGD with Gaussian features and labels."""
    bracket, mean = gaussian_hamiltonian()
    form = -B / 2 * sp.log(bracket)
    return derivation(
        ("exponent given the feature", -(x**2) * (bracket - 1) / 2, "E over the Gaussian label, g = (d x - e) x"),
        ("E over the feature", mean, "Gaussian integral"),
        ("H", form, "B times the logarithm"),
    )


def diffusion() -> Derivation:
    """W_2 = (B/(2h)) log(1 + 2v): the truncation of H at p^2."""
    bracket, _ = gaussian_hamiltonian()
    full = -B / 2 * sp.log(bracket)
    drift = sp.diff(full, p).subs(p, 0)
    strength = sp.simplify(sp.diff(full, p, 2).subs(p, 0))
    momentum = sp.cancel(-2 * drift / strength)
    v = sp.Symbol("v", positive=True)
    y = sp.Symbol("y", positive=True)
    work = sp.integrate(sp.cancel(momentum.subs(d, sp.sqrt(s2 * y)) * sp.sqrt(s2) / (2 * sp.sqrt(y))), y)
    require_zero(sp.diff(B * sp.log(1 + 2 * y) / 2, y) - sp.diff(work, y), "primitive")
    form = B / (2 * h) * sp.log(1 + 2 * v)
    return derivation(
        ("drift H_p and strength H_pp at p = 0", sp.Tuple(drift, strength), "second-order truncation = diffusion"),
        ("momentum", momentum, "nonzero root of the truncated H"),
        ("W_2 as a function of v = d^2/sigma2, h = 1", B / 2 * sp.log(1 + 2 * v), "integrate"),
        ("W_2", sp.expand(form.subs(v, c - 1)), "v = c - 1; eta h replaces eta"),
    )


HAMILTONIANS: dict[tuple[str, str], Callable[[Any, Any, Any], Any]] = {
    ("rademacher", "gaussian"): lambda q, place, s: -q * place + q**2 * s**2 / 2,
    ("rademacher", "rademacher"): lambda q, place, s: -q * place + sp.log(sp.cosh(q * s)),
    ("rademacher", "laplace"): lambda q, place, s: -q * place - sp.log(1 - q**2 * s**2 / 2),
    ("gaussian", "gaussian"): lambda q, place, s: -sp.log(1 + 2 * q * place - q**2 * s**2) / 2,
    ("gaussian", "rademacher"): lambda q, place, s: (
        -sp.log(1 + 2 * q * place) / 2 + q**2 * s**2 / (2 * (1 + 2 * q * place))
    ),
}
"""H/B as a function of u = p/B, the place d and s = sigma."""


def label_noise(feature_law: str = "gaussian", label_law: str = "rademacher") -> Derivation:
    """The Hamiltonian of one feature law and one label law, E x^2 = 1."""
    s = sp.Symbol("s", positive=True)
    if (feature_law, label_law) not in HAMILTONIANS:
        raise DomainError(
            "Gaussian features with Laplace labels have no finite exponential moments; choose another pair of laws."
        )
    y, e = sp.Symbol("y", positive=True), sp.Symbol("e", real=True)
    label = {
        "gaussian": sp.exp(u**2 * s**2 / 2),
        "rademacher": (sp.exp(u * s) + sp.exp(-u * s)) / 2,
        "laplace": 1 / (1 - u**2 * s**2 / 2),
    }[label_law]
    form = HAMILTONIANS[feature_law, label_law](u, d, s)
    if feature_law == "rademacher":
        require_zero(sp.simplify(sp.exp(form + u * d).rewrite(sp.exp) - label), "H of unit features")
    return derivation(
        ("one-sample gradient", (d * x - e) * x, "half-square loss"),
        ("E exp(u e)", label, f"{label_law} labels of variance s^2"),
        ("H/B", form, f"log E exp(-u g) over {feature_law} features"),
        (
            "quasi-potential",
            sp.Tuple(form, sp.Integral(sp.Function("u_root")(y), (y, 0, d))),
            "W = B int_0^d u, H(u) = 0",
        ),
    )


def label_noise_potential(feature_law: str, label_law: str, place: float, sigma: float) -> float:
    """W/B by Gauss-Legendre quadrature of the root u(y) of H = 0; infinite where there is no root."""
    if place == 0:
        return 0.0
    target, sigma = abs(place), float(sigma)
    if (feature_law, label_law) == ("rademacher", "rademacher") and target >= sigma:
        return float("inf")
    nodes, weights = np.polynomial.legendre.leggauss(60)
    # y = target (1 - (1-t)^2): the root may rise like a logarithm at the edge of the support
    t = (nodes + 1) / 2
    total = 0.0
    for share, w in zip(t, weights / 2, strict=True):
        y = target * (1 - (1 - share) ** 2)
        total += w * 2 * (1 - share) * target * _root(feature_law, label_law, y, sigma)
    return total


def _root(feature_law: str, label_law: str, y: float, sigma: float) -> float:
    if label_law == "gaussian":
        return 2 * y / sigma**2
    if feature_law == "gaussian":
        # z = 1 + 2 u y: (z-1)^2 sigma^2 = 4 y^2 z log z
        ratio = 4 * y * y / sigma**2

        def balance(z: float) -> float:
            return (z - 1) ** 2 - ratio * z * np.log(z)

        high = 2.0 + 2 * ratio
        while balance(high) < 0:
            high *= 2
        low = 1 + 1e-3 * min(1.0, ratio)
        while balance(low) > 0:
            low = 1 + (low - 1) / 10
        return (brentq(balance, low, high, xtol=1e-15, rtol=1e-14) - 1) / (2 * y)
    if label_law == "laplace":
        edge = np.sqrt(2) / sigma
        f = lambda q: -np.log1p(-((q / edge) ** 2)) - q * y  # noqa: E731
        return _positive_root(f, edge * (1 - 1e-16), y * edge**2)
    g = lambda q: np.logaddexp(q * sigma, -q * sigma) - np.log(2) - q * y  # noqa: E731
    return _positive_root(g, 2 * np.log(2) / (sigma - y) + 2 * y / sigma**2, 2 * y / sigma**2)


def _positive_root(f: Callable[[float], float], high: float, guess: float) -> float:
    low = min(guess, high) * 0.5
    while f(low) > 0:
        low /= 2
    return float(brentq(f, low, high, xtol=1e-15, rtol=1e-14))
