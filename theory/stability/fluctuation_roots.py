"""The nonzero root of the generalised exponent, and the power laws it rules: tails, on-off statistics, excursions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DomainError
from theory.evaluation import converged, to_mp
from theory.law import Law, Mutant, mutant_result, mutant_value
from theory.parameter import Constraint
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import NORMAL
from theory.stability.fluctuation_moments import MOMENT_NORMAL, p
from theory.stability.fluctuation_variance import NORMAL_KEYS, log_variance, normal_multiplier
from theory.stability.quadrature import float_mean
from theory.stability.standard import NormalX

KEYS = ("learning_rate", "curvature_mean", "curvature_std")
LARGEST = 1000


def log_moment(mu: Any, sd: Any, order: Any) -> Any:
    """L(p) of a normal multiplier, in mpmath.

    >>> print(mpmath.nstr(log_moment(mpmath.mpf(1), mpmath.mpf(2), 2), 10))
    1.609437912
    """
    series = mpmath.hyp1f1(-order / 2, mpmath.mpf(1) / 2, -((mu / sd) ** 2) / 2)
    factor = mpmath.loggamma((order + 1) / mpmath.mpf(2)) - mpmath.log(mpmath.pi) / 2
    return order * mpmath.log(sd) + order * mpmath.log(2) / 2 + factor + mpmath.log(series)


def nonzero_root(exponent: Callable[[Any], Any], drift: Any, accuracy: Any) -> Any:
    """The nonzero root of a convex function L, L(0) = 0, L'(0) = drift; ``accuracy`` is that of L.

    Raises DomainError if there is none below 1000.
    """
    if drift == 0:
        raise DomainError("the exponent is 0: both roots of L(p) fall together at p = 0; change the learning rate.")
    # L is infinite at -1 and grows without bound to the right, so that doubling finds a bracket on either side.
    gap = mpmath.mpf(1)
    outer = -gap / 2 if drift > 0 else gap
    while exponent(outer) < 0:
        gap = gap / 2 if drift > 0 else gap * 2
        outer = gap / 2 - 1 if drift > 0 else gap
        if gap > LARGEST:
            raise DomainError(f"L(p) has no positive root below {LARGEST}; increase the learning rate.")
    inner = outer / 64
    while exponent(inner) > 0:
        inner /= 4
    return mpmath.findroot(lambda q: exponent(q) / q, (inner, outer), solver="anderson", tol=accuracy**2, maxsteps=200)


def normal_root(values: dict[str, Any], digits: int = 15) -> Any:
    """Nonzero root of L for a normal multiplier."""

    def compute() -> Any:
        mu, sd = normal_multiplier(*(to_mp(values[k]) for k in KEYS))
        drift = to_mp(NORMAL.evaluate(15, **{k: values[k] for k in KEYS}))
        return nonzero_root(lambda q: log_moment(mu, sd, q), drift, mpmath.mpf(10) ** (3 - mpmath.mp.dps))

    return converged(compute, digits)


def _quadrature_root(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> Any:
    mu, sd = map(float, normal_multiplier(learning_rate, curvature_mean, curvature_std))
    drift = float_mean(NormalX(), mu, sd, lambda a: float(mpmath.log(a)))

    def moment(order: float) -> float:
        if order > 0:
            return float_mean(NormalX(), mu, sd, lambda a: a**order)
        # In w = a^(1 + order) the integrand is bounded.
        power = 1 + order
        breaks = {max(abs(mu) + k * sd, 0.0) ** power for k in (-9, -6, -3, -1, 0, 1, 3, 6, 9)} | {0.0}

        def density(w: float) -> float:
            a = w ** (1 / power)
            return math.exp(-((a - mu) ** 2) / (2 * sd**2)) + math.exp(-((a + mu) ** 2) / (2 * sd**2))

        total = mpmath.fp.quad(density, sorted(breaks))
        return total / (power * sd * math.sqrt(2 * math.pi))

    with mpmath.workdps(15):
        return nonzero_root(lambda q: mpmath.log(moment(float(q))), drift, mpmath.mpf(10) ** -10)


def _steps() -> list[tuple[str, Any, str]]:
    root = sp.Symbol("mu", real=True)
    form = MOMENT_NORMAL.closed_form
    return [
        *((step.name, step.expression, step.rule) for step in MOMENT_NORMAL.derivation().steps),
        ("convexity", sp.Ge(sp.Derivative(sp.Function("L")(p), (p, 2)), 0),
         "Hoelder: L is convex with L(0) = 0, L'(0) = Lambda: at most one other root, of the sign of -Lambda"),
        ("root", sp.Eq(form.subs(p, root), 0, evaluate=False), "L(mu) = 0"),
    ]  # fmt: skip


def _derived(name: str, rule: str) -> Callable[[], Derivation]:
    def derive() -> Derivation:
        steps = _steps()
        return derivation(*steps, (name, steps[-1][1], rule))

    return derive


def _diffusive(learning_rate: float, curvature_mean: float, curvature_std: float) -> float:
    mu, sd = normal_multiplier(learning_rate, curvature_mean, curvature_std)
    drift = NORMAL(learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std)
    return -2 * drift / float(log_variance(mu, sd))


def _sde(learning_rate: float, curvature_mean: float, curvature_std: float) -> float:
    return 1 + 2 * curvature_mean / (learning_rate * curvature_std**2)


def exponent_of(v: dict[str, Any]) -> float:
    """Lambda at the normal keys."""
    return NORMAL(**{k: v[k] for k in KEYS})


ATTRACTIVE = Constraint(lambda v: exponent_of(v) < 0, "Lambda must be negative here; choose a point that attracts")
REPELLING = Constraint(lambda v: exponent_of(v) > 0, "Lambda must be positive here; choose a point that repels")


def _root_law(
    name: str,
    title: str,
    statement: str,
    symbol: str,
    rule: str,
    mutants: tuple[Mutant, ...],
    sign: int = 1,
    **more: Any,
) -> Law:
    return Law(
        id=f"stability.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(symbol, real=True),
        parameters=NORMAL_KEYS,
        derive=_derived(title, rule),
        definition=lambda **v: sign * _quadrature_root(**v),
        evaluator=lambda _, v, digits: sign * normal_root(v, digits),
        mutants=mutants,
        gate_points=10,
        priority="B",
        **more,
    )


MOMENT_ROOT = _root_law(
    "moment_root.normal",
    "Root of the generalised exponent",
    "The root mu != 0 of L(mu) = log E|1 - eta h|^mu = 0, h ~ N(m, s^2): positive iff Lambda < 0. SGD is L_p-stable "
    "exactly for 0 < p < mu; at a saddle mu < 1.",
    "mu",
    "the nonzero root",
    (mutant_value("diffusive -2 Lambda/V", _diffusive), mutant_value("root 1 + 2 m/(eta s^2) of the SDE", _sde)),
    sources=(sy.HERE, sy.KESTEN),
    rungs=("algebra", "chain"),
)

KESTEN_TAIL = _root_law(
    "kesten_tail.normal",
    "Power tail of the stationary law at a minimum with additive noise",
    "theta <- (1 - eta h) theta + eta xi with Lambda < 0: P(|theta| > x) ~ C x^-mu as x -> infinity, with the "
    "positive root mu of L.",
    "mu",
    "Kesten: the tail index solves E|a|^mu = 1, whatever the additive noise",
    (
        mutant_value("Gaussian tail", lambda **_: float("inf")),
        mutant_result("twice the index", lambda v, **_: 2 * v),
    ),
    sources=(sy.KESTEN,),
    rungs=("algebra", "chain", "sgd"),
    constraints=(ATTRACTIVE,),
)

ON_OFF = _root_law(
    "on_off.exponent",
    "Power law of close visits to a weakly repelling saddle",
    "Lambda > 0 and a saturating nonlinearity: P(|theta| < r) ~ C r^nu as r -> 0 with L(-nu) = 0, 0 < nu < 1; "
    "nu ~ 2 Lambda/V for small Lambda.",
    "nu",
    "stationarity of log|theta| below the saturation: exp(nu y) balances iff E|a|^-nu = 1; nu = -mu",
    (
        mutant_value("Lambda/V", lambda **v: -_diffusive(**v) / 2),
        mutant_value("exponent of the SDE", lambda **v: -_sde(**v)),
    ),
    -1,
    sources=(sy.HERE,),
    rungs=("algebra", "chain", "sgd"),
    constraints=(REPELLING,),
)

ESCAPE_PROBABILITY = _root_law(
    "escape_probability.attractive",
    "Excursions from an attractive saddle",
    "Lambda < 0: P(sup |theta| > R) ~ C (r0/R)^mu as R/r0 -> infinity with the positive root mu of L. Value: mu.",
    "mu",
    "Cramer-Lundberg: the walk log|theta| tilted by exp(mu y) has mean multiplier one and drifts upwards",
    (
        mutant_value("diffusive exponent", _diffusive),
        mutant_value("exponent of the SDE", _sde),
    ),
    sources=(sy.HERE,),
    rungs=("algebra", "chain"),
    constraints=(ATTRACTIVE,),
)

ROOT_LAWS: tuple[Law, ...] = (MOMENT_ROOT, KESTEN_TAIL, ON_OFF, ESCAPE_PROBABILITY)
