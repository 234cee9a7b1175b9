"""Fluctuations of the log multiplier of normal curvature."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, to_mp
from theory.law import Law, mutant_value
from theory.stability import symbols as sy
from theory.stability.guard import require_zero
from theory.stability.quadrature import float_mean, mean
from theory.stability.standard import NormalX

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
count = sp.Symbol("n", integer=True, nonnegative=True)
NORMAL_KEYS = (sy.learning_rate(0.3, 1.4), sy.curvature_mean(-0.5, 0.9), sy.curvature_std(0.5, 1.2))
MULTIPLIER = ("multiplier", 1 - eta * h, "theta <- theta - eta h theta, h ~ N(m, s^2); a is normal")


def normal_multiplier(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of the multiplier."""
    return 1 - learning_rate * curvature_mean, learning_rate * curvature_std


def _variance() -> Derivation:
    x = sp.Symbol("X", positive=True)
    poisson = sp.exp(-x) * x**count / sp.factorial(count)
    n, r = sp.symbols("n r", positive=True)
    moment = 2**r * sp.gamma(n + sp.Rational(1, 2) + r) / sp.gamma(n + sp.Rational(1, 2))
    first = sp.diff(sp.log(moment), r).subs(r, 0) / 2
    second = sp.diff(sp.log(moment), r, 2).subs(r, 0) / 4
    require_zero(second - sp.polygamma(1, n + sp.Rational(1, 2)) / 4, "the variance of log chi-squared")
    psi = sp.digamma(count + sp.Rational(1, 2)) / 2
    at = (1 - eta * m) ** 2 / (2 * eta**2 * s**2)

    def average(f: sp.Expr) -> sp.Expr:
        return sp.Sum((poisson * f).subs(x, at), (count, 0, sp.oo))

    result = average(sp.polygamma(1, count + sp.Rational(1, 2)) / 4 + psi**2) - average(psi) ** 2
    return derivation(
        MULTIPLIER,
        ("mixture", poisson, "a^2/(eta s)^2 is chi2_{1+2n} with n ~ Poisson(X), X = (1 - eta m)^2/(2 eta^2 s^2)"),
        ("mean of log|a| given n", first, "derivative of the Mellin moment, up to log(eta s)"),
        ("variance of log|a| given n", second, "second derivative"),
        ("variance", result, "law of total variance; at X = 0 it is psi'(1/2)/4 = pi^2/8"),
    )


def log_variance(mean_value: Any, std: Any, digits: int = 15) -> Any:
    """Var log|N(mean, std^2)| by the Poisson sum, or by quadrature where the sum would be long.

    >>> print(mpmath.nstr(log_variance(0, 2), 12))
    1.23370055014
    """
    if digits <= 15 and (float(mean_value) / float(std)) ** 2 > 800:
        # The spread is of order std/mean: subtract the centre before squaring.
        ratio = float(std) / abs(float(mean_value))
        first = float_mean(NormalX(), 1.0, ratio, lambda a: float(mpmath.log(a)))
        return mpmath.mpf(float_mean(NormalX(), 1.0, ratio, lambda a: (float(mpmath.log(a)) - first) ** 2))

    def total() -> Any:
        x = (to_mp(mean_value) / to_mp(std)) ** 2 / 2
        psi, trigamma, weight = mpmath.digamma(mpmath.mpf(1) / 2), mpmath.pi**2 / 2, mpmath.exp(-x)
        inside = shift = square = mpmath.mpf(0)
        n, centre = 0, mpmath.log(x + 1)
        while n <= x or weight > mpmath.mpf(10) ** (-mpmath.mp.dps - 6):
            away = psi - centre
            inside, shift, square = inside + weight * trigamma, shift + weight * away, square + weight * away**2
            half = n + mpmath.mpf(1) / 2
            psi, trigamma, weight, n = psi + 1 / half, trigamma - 1 / half**2, weight * x / (n + 1), n + 1
        return (inside + square - shift**2) / 4

    return converged(total, digits)


def _normal_variance(v: dict[str, Any], digits: int = 15) -> Any:
    mu, sd = normal_multiplier(*(sp.Rational(repr(v[k])) for k in ("learning_rate", "curvature_mean", "curvature_std")))
    return log_variance(mu, sd, digits)


def _variance_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> Any:
    mu, sd = normal_multiplier(learning_rate, curvature_mean, curvature_std)
    first = mean(NormalX(), mu, sd, mpmath.log)
    return mean(NormalX(), mu, sd, lambda a: (mpmath.log(a) - first) ** 2)


def _relative_variance(learning_rate: float, curvature_mean: float, curvature_std: float) -> float:
    mu, sd = normal_multiplier(learning_rate, curvature_mean, curvature_std)
    return sd**2 / (mu**2 + sd**2)


LOG_VARIANCE = Law(
    id="stability.log_variance.normal",
    title="Variance of the log multiplier for normal curvature",
    statement="V = Var log|1 - eta h| = L''(0), h ~ N(m, s^2); exactly pi^2/8 where eta m = 1.",
    quantity=sp.Symbol("V", positive=True),
    parameters=NORMAL_KEYS,
    derive=_variance,
    definition=_variance_definition,
    evaluator=lambda _, v, digits: _normal_variance(v, digits),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("pi^2/4", lambda **_: float(mpmath.pi**2 / 4)),
        mutant_value("Var a/E a^2", _relative_variance),
    ),
    rungs=("algebra", "chain"),
    priority="B",
)
