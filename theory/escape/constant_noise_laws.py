"""Laws of chains whose gradient noise is constant: covariances, momentum, short-time growth of the loss."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.escape import discrete
from theory.escape.noise_laws import CovarianceDomain
from theory.escape.notation import (
    CURVATURE,
    CURVATURES,
    LEARNING_RATE,
    eta,
)
from theory.escape.sources import LIU, ZHU
from theory.evaluation import converged, to_mp
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Domain, Parameter, positive, real_list

NOISE_COVARIANCE = Parameter(
    "noise_covariance",
    None,
    "covariance C of one batch gradient",
    CovarianceDomain("matrix", region=(-1.0, 1.0), sizes=(2, 3)),
)
HESSIAN = Parameter("hessian", None, "Hessian H", CovarianceDomain("matrix", region=(-1.0, 1.0), sizes=(2, 3)))


def _lyapunov_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    names = {s.name: s for s in derived.result.free_symbols}
    entry = sp.lambdify((eta, names["h_i"], names["h_j"], names["C_ij"]), derived.result, modules="mpmath")

    def compute() -> Any:
        e = to_mp(values["learning_rate"])
        spectrum, q = mpmath.eigsy(mpmath.matrix(to_mp(values["hessian"])))
        rotated = q.T * mpmath.matrix(to_mp(values["noise_covariance"])) * q
        size = len(spectrum)
        inner = mpmath.matrix(size, size)
        for a in range(size):
            for b in range(size):
                inner[a, b] = entry(e, spectrum[a], spectrum[b], rotated[a, b])
        return (q * inner * q.T).tolist()

    return converged(compute, digits)


def _lyapunov_definition(learning_rate: Any, hessian: Any, noise_covariance: Any) -> Any:
    """Covariance after 2^30 steps of the chain from the minimum: composing the affine map with itself doubles them."""
    a, c = np.array(hessian, dtype=float), np.array(noise_covariance, dtype=float)
    power = np.eye(len(a)) - float(learning_rate) * a
    spread = float(learning_rate) ** 2 * c
    for _ in range(30):
        spread, power = spread + power @ spread @ power.T, power @ power
    return spread.tolist()


def _lyapunov_wrong(e: float, hessian: Any, c: Any) -> Any:
    a = np.array(hessian)
    return (e / 2 * np.linalg.inv(a) @ np.array(c)).tolist()


COVARIANCE_GENERAL = Law(
    id="escape.stationary_covariance.general",
    title="Stationary covariance for constant gradient noise",
    statement="H S + S H - eta H S H = eta C for theta' = theta - eta (H theta + noise) with covariance C.",
    quantity=sp.Symbol("S"),
    parameters=(LEARNING_RATE, HESSIAN, NOISE_COVARIANCE),
    derive=discrete.covariance_general,
    evaluator=_lyapunov_value,
    definition=_lyapunov_definition,
    constraints=(
        Constraint(lambda v: len(v["hessian"]) == len(v["noise_covariance"]), "the two matrices must have equal sizes"),
        Constraint(
            lambda v: v["learning_rate"] * float(np.linalg.eigvalsh(np.array(v["hessian"], dtype=float))[-1]) < 2
            and float(np.linalg.eigvalsh(np.array(v["hessian"], dtype=float))[0]) > 0,
            "needs 0 < eta H < 2",
        ),
    ),
    sources=(LIU,),
    mutants=(mutant_value("eta H^-1 C / 2", lambda learning_rate, hessian, noise_covariance: _lyapunov_wrong(
        learning_rate, hessian, noise_covariance)),),
    rungs=("algebra", "chain"),
    priority="C",
)  # fmt: skip


def _momentum_definition(learning_rate: Any, momentum: Any, curvature: Any, gradient_variance: Any) -> Any:
    e, mu = learning_rate, momentum
    step = mpmath.matrix([[mu, -e * curvature], [mu, 1 - e * curvature]])
    total, power = mpmath.matrix(2, 2), step
    noise = mpmath.matrix([[1, 1], [1, 1]]) * e**2 * gradient_variance
    total = noise
    for _ in range(22):
        total, power = total + power * total * power.T, power * power
    return total[1, 1]


MOMENTUM_VARIANCE = Law(
    id="escape.stationary_variance.momentum",
    title="Stationary variance of the heavy ball with constant noise",
    statement="v' = mu v - eta g, d' = d + v': eta C (1+mu)/[h (1-mu)(2(1+mu) - eta h)].",
    quantity=sp.Symbol("Var_d"),
    parameters=(
        LEARNING_RATE,
        Parameter(
            "momentum",
            sp.Symbol("mu", nonnegative=True),
            "heavy-ball coefficient",
            Domain("real", low=0.0, high=1.0, high_open=True, region=(0.1, 0.9)),
        ),
        CURVATURE,
        Parameter(
            "gradient_variance",
            sp.Symbol("C", positive=True),
            "noise variance of one batch gradient",
            positive(0.3, 2.0),
        ),
    ),
    derive=discrete.momentum_variance,
    definition=_momentum_definition,
    constraints=(
        Constraint(
            lambda v: v["learning_rate"] * v["curvature"] < 2 * (1 + v["momentum"]), "needs eta h < 2 (1 + momentum)"
        ),
    ),
    sources=(LIU,),
    mutants=(
        mutant_value(
            "without momentum",
            lambda learning_rate, momentum, curvature, gradient_variance: (
                learning_rate * gradient_variance / curvature / (2 - learning_rate * curvature)
            ),
        ),
        mutant_value(
            "small step",
            lambda learning_rate, momentum, curvature, gradient_variance: (
                learning_rate * gradient_variance / (2 * curvature * (1 - momentum))
            ),
        ),
    ),
    rungs=("algebra", "chain"),
    priority="C",
)

NOISE_VARIANCES = Parameter(
    "noise_variances",
    sp.IndexedBase("Sigma"),
    "diagonal of Sigma in the eigenbasis of H",
    real_list(0.2, 2.0, (1, 4), positive=True),
)


def _efficiency_definition(learning_rate: Any, curvatures: Any, noise_variances: Any) -> Any:
    """Slope at t = 0 of the mean loss of the Ornstein-Uhlenbeck process, by a difference quotient."""

    def mean_loss(t: Any) -> Any:
        def rate(s: Any) -> Any:
            pairs = zip(curvatures, noise_variances, strict=True)
            return mpmath.fsum(a / 2 * mpmath.exp(-2 * a * (t - s)) * learning_rate * q for a, q in pairs)

        return mpmath.quad(rate, [0, t])

    step = mpmath.mpf("1e-4")
    first, second, third = (mean_loss(step * k) / (step * k) for k in (1, 2, 3))
    return 3 * first - 3 * second + third


ESCAPING_EFFICIENCY = Law(
    id="escape.escaping_efficiency.short_time",
    title="Short-time growth of the loss from a minimum",
    statement="E L(t) - L(0) = (eta/2) Tr(H Sigma) t + O(t^2).",
    quantity=sp.Symbol("dEL/dt"),
    parameters=(LEARNING_RATE, CURVATURES, NOISE_VARIANCES),
    derive=discrete.escaping_efficiency,
    definition=_efficiency_definition,
    constraints=(
        Constraint(
            lambda v: len(v["curvatures"]) == len(v["noise_variances"]),
            "curvatures and noise_variances must have equal lengths",
        ),
    ),
    sources=(ZHU,),
    mutants=(
        mutant_value("eta Tr(H Sigma)", lambda **v: 2 * ESCAPING_EFFICIENCY(**v)),
        mutant_value(
            "Tr H Tr Sigma / n",
            lambda learning_rate, curvatures, noise_variances: (
                learning_rate / 2 * (sum(curvatures) * sum(noise_variances) / len(curvatures) ** 2)
            ),
        ),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("t -> 0", "O(t^2)"),
    priority="C",
)

CONSTANT_NOISE_LAWS = (COVARIANCE_GENERAL, MOMENTUM_VARIANCE, ESCAPING_EFFICIENCY)
