"""Times of escape from a repelling saddle: Wald's identity and the inverse Gaussian law."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_value
from theory.parameter import Parameter, nonnegative, positive
from theory.stability import symbols as sy
from theory.stability.fluctuation_roots import REPELLING
from theory.stability.fluctuation_times import cumulants_by_quadrature, diffusion_rate, exact_cumulants, float_cumulants
from theory.stability.fluctuation_variance import MULTIPLIER, NORMAL_KEYS
from theory.stability.guard import require_zero

drift, spread, ell, time, tau = sp.symbols("Lambda V l T tau", positive=True)
overshoot = sp.Symbol("o", nonnegative=True)
FAR = Parameter("log_ratio", ell, "log of target radius over initial radius, positive", positive(4.0, 9.0))
OVERSHOOT = Parameter(
    "mean_overshoot", overshoot, "mean of log(|theta_T|/R) at exit", nonnegative(0.2, 0.9), 0.0, False
)


def _wald() -> Derivation:
    over = OVERSHOOT.symbol
    return derivation(
        MULTIPLIER,
        ("martingale", sp.Symbol("S_T") - drift * time, "log growth S_t less Lambda t; T = first time with S_T > l"),
        ("at exit", sp.Eq(sp.Symbol("S_T"), ell + over, evaluate=False), "l plus the overshoot, on average"),
        ("mean escape time", (ell + over) / drift, "Wald: E S_T = Lambda E T, exactly"),
    )


ESCAPE_TIME_MEAN = Law(
    id="stability.escape_time.mean",
    title="Mean time of escape from a repelling saddle",
    statement="Lambda > 0: E T = (log(R/r0) + E overshoot)/Lambda exactly, T the first step with |theta| > R; "
    "mean_overshoot = E log(|theta_T|/R).",
    quantity=sp.Symbol("E_T"),
    parameters=(*NORMAL_KEYS, FAR, OVERSHOOT),
    derive=_wald,
    definition=lambda log_ratio, mean_overshoot, **keys: (
        (log_ratio + mean_overshoot) / cumulants_by_quadrature(**keys)[0]
    ),
    evaluator=lambda _, v, digits: (to_mp(v["log_ratio"]) + to_mp(v["mean_overshoot"])) / exact_cumulants(v, digits)[0],
    sources=(sy.HERE,),
    mutants=(
        mutant_value(
            "without the overshoot",
            lambda log_ratio, mean_overshoot, **v: log_ratio / float_cumulants(**v)[0],
        ),
        mutant_value(
            "exponent of the SDE",
            lambda log_ratio, mean_overshoot, **v: (log_ratio + mean_overshoot) / (diffusion_rate(**v) or 1e-9),
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(REPELLING,),
    priority="B",
)


def _inverse_gaussian() -> Derivation:
    rate = sp.Symbol("q", positive=True)
    kappa = sp.Symbol("k")
    root = [
        r
        for r in sp.solve(drift * kappa + spread * kappa**2 / 2 - rate, kappa)
        if r.subs({drift: 1, spread: 1, rate: 1}) > 0
    ]
    transform = sp.exp(-ell * root[0])
    logarithm = sp.log(transform)
    first = sp.simplify(-sp.diff(sp.expand_log(logarithm, force=True), rate).subs(rate, 0))
    second = sp.simplify(sp.diff(sp.expand_log(logarithm, force=True), rate, 2).subs(rate, 0))
    require_zero(first - ell / drift, "the mean of the passage time")
    require_zero(second - spread * ell / drift**3, "the variance of the passage time")
    density = ell / sp.sqrt(2 * sp.pi * spread * tau**3) * sp.exp(-((ell - drift * tau) ** 2) / (2 * spread * tau))
    root_time = sp.sqrt(spread * tau)
    cdf = (sp.erfc((ell - drift * tau) / root_time / sp.sqrt(2))
           + sp.exp(2 * drift * ell / spread) * sp.erfc((ell + drift * tau) / root_time / sp.sqrt(2))) / 2  # fmt: skip
    require_zero(sp.simplify((sp.diff(cdf, tau) / density).rewrite(sp.exp)) - 1, "the derivative of the distribution")
    return derivation(
        ("walk", sp.Tuple(drift, spread), "log|theta| as a Brownian motion with drift Lambda and variance V per step"),
        ("Laplace transform", transform, "exp(k S - q t) is a martingale where Lambda k + V k^2/2 = q"),
        ("mean and variance", sp.Tuple(ell / drift, spread * ell / drift**3), "derivatives at q = 0"),
        ("density", density, "inverse Gaussian with mean l/Lambda and shape l^2/V"),
        ("distribution", cdf.subs(tau, time), "its integral; l includes the mean overshoot"),
    )


def _passage(steps: Any, length: Any, first: Any, second: Any) -> Any:
    root = mpmath.sqrt(second * steps)
    mirrored = mpmath.exp(2 * first * length / second) * mpmath.ncdf(-(length + first * steps) / root)
    return mpmath.ncdf(-(length - first * steps) / root) + mirrored


def _passage_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    first, second = exact_cumulants(v, digits + 5)
    with mpmath.workdps(digits + 10):
        length = to_mp(v["log_ratio"]) + to_mp(v["mean_overshoot"])
        return _passage(to_mp(v["steps"]), length, first, second)


def _passage_definition(steps: Any, log_ratio: Any, mean_overshoot: Any, **keys: Any) -> Any:
    first, second = cumulants_by_quadrature(**keys)
    length = log_ratio + mean_overshoot
    peak = min(length / first, steps) / 2

    def density(x: Any) -> Any:
        if x <= 0:
            return mpmath.mpf(0)
        scale = length / mpmath.sqrt(2 * mpmath.pi * second * x**3)
        return scale * mpmath.exp(-((length - first * x) ** 2) / (2 * second * x))

    return mpmath.quad(density, [0, peak / 4, peak, steps])


def _normal_passage(steps: float, log_ratio: float, mean_overshoot: float, **v: Any) -> float:
    first, second = float_cumulants(**v)
    length = log_ratio + mean_overshoot
    return float(mpmath.ncdf((steps - length / first) / (second * length / first**3) ** 0.5))


def _shape_passage(steps: float, log_ratio: float, mean_overshoot: float, **v: Any) -> float:
    # Shape l/V in place of l^2/V is the inverse Gaussian of a variance l times as large.
    first, second = float_cumulants(**v)
    length = log_ratio + mean_overshoot
    return float(_passage(mpmath.mpf(steps), length, first, second * length))


ESCAPE_TIME_DISTRIBUTION = Law(
    id="stability.escape_time.distribution",
    title="Distribution of the time of escape from a repelling saddle",
    statement="Lambda > 0: T is inverse Gaussian with mean l/Lambda and shape l^2/V, l = log(R/r0) + mean_overshoot, "
    "so that Var T ~ V l/Lambda^3. Value: P(T <= steps).",
    quantity=sp.Function("P")(time),
    parameters=(*NORMAL_KEYS, FAR, OVERSHOOT, Parameter("steps", time, "number of steps", positive(6, 60))),
    derive=_inverse_gaussian,
    definition=_passage_definition,
    evaluator=_passage_value,
    sources=(sy.HERE,),
    mutants=(mutant_value("normal law", _normal_passage), mutant_value("shape l/V", _shape_passage)),
    rungs=("algebra", "chain"),
    regime=Regime("V/(log_ratio * Lambda) -> 0", "O(V/(log_ratio * Lambda)) beyond the overshoot"),
    constraints=(REPELLING,),
    priority="B",
)

ESCAPE_LAWS: tuple[Law, ...] = (ESCAPE_TIME_MEAN, ESCAPE_TIME_DISTRIBUTION)
