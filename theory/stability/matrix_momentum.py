"""Heavy ball on one direction: products of random 2 x 2 matrices acting on velocity and position."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_form, mutant_value
from theory.parameter import Parameter, interval
from theory.stability import symbols as sy
from theory.stability.guard import require_zero

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
beta = sp.Symbol("beta", positive=True)
MOMENTUM = Parameter("momentum", beta, "momentum beta", interval(0.0, 1.0, region=(0.2, 0.93)))
RATE = sy.learning_rate(0.01, 0.2)


def _multiplier() -> sp.Matrix:
    """(p, theta) -> (p', theta') with p' = beta p - eta h theta, theta' = theta + p'."""
    return sp.Matrix([[beta, -eta * h], [beta, 1 - eta * h]])


def _trace() -> Derivation:
    matrix = _multiplier()
    determinant = sp.expand(matrix.det())
    require_zero(determinant - beta, "the determinant")
    return derivation(
        ("multiplier", matrix, "p' = beta p - eta h theta, theta' = theta + p'"),
        ("determinant", determinant, "the same for every h"),
        ("sum of the exponents", sp.log(determinant), "areas shrink by the determinant, exactly"),
    )


def _trace_definition(momentum: Any) -> Any:
    def log_det(z: Any) -> Any:
        matrix = mpmath.matrix([[momentum, -z], [momentum, 1 - z]])
        return mpmath.log(abs(mpmath.det(matrix))) * mpmath.npdf(z)

    return mpmath.quad(log_det, [-12, 0, 12], maxdegree=4)


TRACE = Law(
    id="stability.momentum.trace",
    title="Sum of the exponents of heavy ball",
    statement="Heavy ball p' = beta p - eta h theta, theta' = theta + p': Lambda_1 + Lambda_2 = log beta exactly, "
    "whatever the law of h and the learning rate.",
    quantity=sp.Symbol("Lambda_1", real=True) + sp.Symbol("Lambda_2", real=True),
    parameters=(MOMENTUM,),
    derive=_trace,
    definition=_trace_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_form("2 log beta", lambda form: 2 * form),
        mutant_form("log(beta)/2", lambda form: form / 2),
    ),
    rungs=("algebra", "chain"),
    priority="C",
)


def _leading() -> Derivation:
    matrix, x = _multiplier(), sp.Symbol("x", positive=True)
    fast, slope = matrix.subs(h, 0), -matrix.diff(h) / eta
    left, right = sp.Matrix([[beta / (1 - beta), 1]]), sp.Matrix([0, 1])
    for residue in (*(left * fast - left), *(fast * right - right)):
        require_zero(residue, "an eigenvector at eta = 0")
    response = sp.simplify((left * slope * right)[0])
    trace = matrix.trace().subs(eta * h, x)
    root = (trace + sp.sqrt(trace**2 - 4 * beta)) / 2
    at_zero = {x: 0}
    gap = 1 - beta
    # sqrt((1 - beta)^2) is 1 - beta: expand the radical by hand around it.
    radical = sp.expand(trace**2 - 4 * beta - gap**2)
    series = gap * (1 + radical / (2 * gap**2) - radical**2 / (8 * gap**4))
    eigenvalue = sp.expand((trace + series) / 2)
    log_series = sp.series(sp.log(eigenvalue), x, 0, 3).removeO()
    first, second = (sp.simplify(sp.expand(log_series).coeff(x, k)) for k in (1, 2))
    require_zero(first + 1 / gap, "first order of the top eigenvalue")
    require_zero(second + (1 + beta) / (2 * gap**3), "second order of the top eigenvalue")
    require_zero(eigenvalue.subs(at_zero) - 1, "the top eigenvalue at zero step")
    rate = eta / gap
    result = -rate * m - rate**2 * (s**2 + m**2 * (1 + beta) / gap) / 2
    return derivation(
        ("multiplier", matrix, "p' = beta p - eta h theta, theta' = theta + p'"),
        ("mean multiplier", root, "its top eigenvalue with x = eta m"),
        ("growth without noise", -x / gap - x**2 * (1 + beta) / (2 * gap**3), "Taylor of the logarithm to x^2"),
        ("response", response, "left and right eigenvectors at eta = 0: the step along the slow direction"),
        ("noise", -(eta**2) * s**2 * response**2 / 2,
         "second order; excursions into the fast direction meet an independent h and average out"),
        ("exponent", result, "sum, e = eta/(1 - beta)"),
    )  # fmt: skip


def _leading_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, momentum: Any) -> Any:
    def log_root(x: Any) -> Any:
        trace = 1 + momentum - x
        return mpmath.log((trace + mpmath.sqrt(trace**2 - 4 * momentum)) / 2)

    with mpmath.workdps(30):
        coefficients = mpmath.taylor(log_root, 0, 2)
    x = learning_rate * curvature_mean
    noise = (learning_rate * curvature_std * coefficients[1]) ** 2 / 2
    return coefficients[1] * x + coefficients[2] * x**2 - noise


LEADING = Law(
    id="stability.momentum.leading",
    title="Top exponent of heavy ball at small effective steps",
    statement="With e = eta/(1-beta): Lambda_1 = -e m - e^2 [s^2 + m^2 (1+beta)/(1-beta)]/2 for "
    "eta^2 s^2/(1-beta)^3 << 1.",
    quantity=sp.Symbol("Lambda_1", real=True),
    parameters=(RATE, sy.curvature_mean(-0.9, 0.9), sy.curvature_std(), MOMENTUM),
    derive=_leading,
    definition=_leading_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_value(
            "e = eta",
            lambda learning_rate, curvature_mean, curvature_std, momentum: (
                -learning_rate * curvature_mean
                - learning_rate**2 * (curvature_std**2 + curvature_mean**2 * (1 + momentum) / (1 - momentum)) / 2
            ),
        ),
        mutant_value(
            "without (1+beta)/(1-beta)",
            lambda learning_rate, curvature_mean, curvature_std, momentum: (
                -learning_rate / (1 - momentum) * curvature_mean
                - (learning_rate / (1 - momentum)) ** 2 * (curvature_std**2 + curvature_mean**2) / 2
            ),
        ),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate**2 * curvature_std**2/(1-momentum)**3 -> 0", "third order in learning_rate"),
    priority="C",
)

MOMENTUM_LAWS: tuple[Law, ...] = (TRACE, LEADING)
