"""Weight decay shifts the curvature; moments measured on finitely many runs freeze."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import NORMAL
from theory.stability.fluctuation_variance import NORMAL_KEYS, normal_multiplier
from theory.stability.guard import require_zero
from theory.stability.potential_normal import A as MU
from theory.stability.potential_normal import S as SD
from theory.stability.potential_normal import absolute_moment, g
from theory.stability.potential_normal import q as order
from theory.stability.quadrature import log_mean, mean
from theory.stability.standard import NormalX

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
DECAY = sp.Symbol("w", nonnegative=True)
RUNS, STEPS = sp.Symbol("n", positive=True), sp.Symbol("T", positive=True)


def _shift() -> Derivation:
    theta = sp.Symbol("theta", real=True)
    update = theta - eta * (h * theta + DECAY * theta)
    require_zero(sp.expand(update - (1 - eta * (h + DECAY)) * theta), "the multiplier under decay")
    series = sp.series(sp.log(1 - eta * (h + DECAY)), eta, 0, 2).removeO()
    return derivation(
        ("update", update, "coupled decay: the gradient of (w/2) theta^2 joins that of every batch"),
        ("multiplier", 1 - eta * (h + DECAY), "the curvature h is shifted to h + w in every batch"),
        ("small steps", series.subs(h, m), "a saddle, E h = m < 0, turns attractive once w > -m at eta -> 0"),
        ("exponent", g(1 - eta * (m + DECAY), eta * s), "stability.exponent.normal with mean m + w"),
    )


def _shift_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, weight_decay: Any) -> Any:
    inside = 1 - learning_rate * weight_decay - learning_rate * curvature_mean
    return log_mean(NormalX(), inside, learning_rate * curvature_std)


def _shrunk(learning_rate: float, curvature_mean: float, curvature_std: float, weight_decay: float) -> float:
    """Decoupled decay applied after the step: theta <- (1 - eta w)(1 - eta h) theta."""
    plain = NORMAL(learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std)
    return plain + float(mpmath.log(abs(1 - learning_rate * weight_decay)))


WEIGHT_DECAY = Law(
    id="stability.weight_decay.shift",
    title="Exponent of normal curvature under weight decay",
    statement="Coupled decay w shifts the curvature, Lambda = g(1 - eta (m + w), eta s): at eta -> 0 a saddle turns "
    "attractive once w > -E h.",
    quantity=sy.exponent,
    parameters=(
        sy.learning_rate(0.3, 1.4),
        sy.curvature_mean(-0.9, -0.1),
        sy.curvature_std(0.5, 1.2),
        Parameter("weight_decay", DECAY, "coupled weight decay w", positive(0.2, 0.9)),
    ),
    derive=_shift,
    definition=_shift_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters(
            "decay with the other sign",
            lambda v: {"curvature_mean": v["curvature_mean"] - 2 * v["weight_decay"]},
        ),
        mutant_value("decoupled decay", _shrunk),
        mutant_parameters("no effect", lambda v: {"curvature_mean": v["curvature_mean"] - v["weight_decay"]}),
    ),
    rungs=("algebra", "chain", "sgd"),
    priority="C",
)


def _entropy(p: Any, mu: Any, sd: Any) -> Any:
    """p L'(p) - L(p) of a ~ N(mu, sd^2): the rate at which the moment of order p becomes rare."""

    def log_moment(x: Any) -> Any:
        series = mpmath.hyp1f1(-x / 2, 0.5, -((mu / sd) ** 2) / 2)
        return x * mpmath.log(sd * mpmath.sqrt(2)) + mpmath.loggamma((x + 1) / 2) + mpmath.log(series)

    return p * mpmath.diff(log_moment, p) - log_moment(p) + mpmath.log(mpmath.pi) / 2


def _frozen_order(entropy: Any, level: Any) -> Any:
    """The positive root of entropy(p) = level; entropy increases from 0, its slope is p L''(p)."""
    high = mpmath.mpf(1)
    while entropy(high) < level:
        high *= 2
    return mpmath.findroot(lambda p: entropy(p) - level, (high / 2 if high > 1 else high / 10**6, high), "anderson")


def _freezing() -> Derivation:
    p = sp.Symbol("p", positive=True)
    moment, steps = absolute_moment()
    exponent = sp.log(moment.subs({order: p, MU: 1 - eta * m, SD: eta * s}, simultaneous=True))
    slope = sp.Derivative(exponent, p)
    return derivation(
        *((step.name, step.expression, step.rule) for step in steps.steps),
        ("generalised exponent", exponent, "L(p) = log E|a|^p, a = 1 - eta h"),
        ("growth that carries the moment", slope, "tilting by |a|^p: runs of log growth T L'(p) dominate order p"),
        ("their number", sp.log(RUNS) - STEPS * (p * slope - exponent), "log n - T I, I = p L'(p) - L(p) (Legendre)"),
        ("freezing order", sp.Eq(STEPS * (p * slope - exponent), sp.log(RUNS), evaluate=False), "none is left at p_c"),
    )


def _freezing_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(max(digits, 15) + 15):
        keys = ("learning_rate", "curvature_mean", "curvature_std")
        mu, sd = normal_multiplier(*(mpmath.mpf(repr(float(v[k]))) for k in keys))
        level = mpmath.log(v["replicas"]) / int(v["steps"])
        return _frozen_order(lambda p: _entropy(p, mu, sd), level)


def _freezing_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, steps: Any, replicas: Any) -> Any:
    """Tilted means by quadrature: L' = E |a|^p log|a| / E |a|^p."""
    law = (NormalX(), 1 - learning_rate * curvature_mean, learning_rate * curvature_std)

    def entropy(p: Any) -> Any:
        total = mean(*law, lambda a: a**p)
        return p * mean(*law, lambda a: a**p * mpmath.log(a)) / total - mpmath.log(total)

    return _frozen_order(entropy, mpmath.log(replicas) / steps)


FREEZING = Law(
    id="stability.freezing.ensemble_moment",
    title="Order beyond which moments measured on n runs are those of the single largest run",
    statement="The empirical L(p) of n runs of T steps turns linear beyond p_c, (p_c L'(p_c) - L(p_c)) T = log n, here "
    "for normal curvature. Holds up to corrections of order 1/T.",
    quantity=sp.Symbol("p_c"),
    parameters=(
        *NORMAL_KEYS,
        Parameter("steps", STEPS, "steps T of every run", integer(1, (20, 200))),
        Parameter("replicas", RUNS, "number n of runs, at least 2", integer(2, (100, 10**6))),
    ),
    derive=_freezing,
    definition=_freezing_definition,
    evaluator=_freezing_value,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("T forgotten", lambda v: {"steps": 1}),
        mutant_parameters("log(n)/2", lambda v: {"steps": 2 * v["steps"]}),
    ),
    rungs=("algebra", "chain"),
    gate_points=2,
    priority="C",
)

DECAY_LAWS: tuple[Law, ...] = (WEIGHT_DECAY, FREEZING)
