"""Finite times: the law of log growth, collapsed fractions, and the diffusion approximation."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_form, mutant_value
from theory.parameter import Parameter, positive, real
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import NORMAL
from theory.stability.fluctuation_roots import KEYS
from theory.stability.fluctuation_variance import LOG_VARIANCE, MULTIPLIER, NORMAL_KEYS, log_variance, normal_multiplier
from theory.stability.quadrature import log_mean, mean
from theory.stability.standard import NormalX

eta, m, s = sy.eta, sy.m, sy.s
drift, spread, ell, time = sp.symbols("Lambda V l T", positive=True)
STEPS = Parameter("steps", time, "number of steps T", positive(80, 400))
LOG_RATIO = Parameter("log_ratio", ell, "log of target radius over initial radius", real(-4.0, 8.0))


def exact_cumulants(v: dict[str, Any], digits: int = 15) -> tuple[Any, Any]:
    """Mean and variance of log|a| from their closed forms."""
    point = {k: v[k] for k in KEYS}
    return NORMAL.evaluate(digits, **point), LOG_VARIANCE.evaluate(digits, **point)


def cumulants_by_quadrature(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> tuple[Any, Any]:
    """The same by quadrature of their definitions."""
    mu, sd = normal_multiplier(learning_rate, curvature_mean, curvature_std)
    first = log_mean(NormalX(), mu, sd)
    return first, mean(NormalX(), mu, sd, lambda a: (mpmath.log(a) - first) ** 2)


def float_cumulants(learning_rate: float, curvature_mean: float, curvature_std: float) -> tuple[float, float]:
    """The same in floats."""
    first = NORMAL(learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std)
    return first, float(log_variance(*normal_multiplier(learning_rate, curvature_mean, curvature_std)))


def diffusion_rate(learning_rate: float, curvature_mean: float, curvature_std: float) -> float:
    """Exponent of the diffusion approximation."""
    return -learning_rate * curvature_mean - (learning_rate * curvature_std) ** 2 / 2


def _walk() -> list[tuple[str, Any, str]]:
    i = sp.Symbol("i", integer=True)
    growth = sp.Sum(sp.log(sp.Abs(sp.IndexedBase("a")[i])), (i, 1, time))
    signed = sp.Symbol("Lambda", real=True)
    return [
        MULTIPLIER,
        ("growth", growth, "log|theta_T/theta_0|: a random walk with iid steps"),
        ("cumulants", sp.Tuple(signed * time, spread * time),
         "they add; Lambda = exponent.normal, V = log_variance.normal"),
    ]  # fmt: skip


def _clt() -> Derivation:
    steps = _walk()
    signed = sp.Symbol("Lambda", real=True)
    return derivation(
        *steps,
        ("normal limit", sp.Tuple(signed * time, sp.sqrt(spread * time)), "central limit theorem: mean, deviation"),
    )


def _clt_definition(steps: Any, **keys: Any) -> list[Any]:
    first, second = cumulants_by_quadrature(**keys)
    return [first * steps, mpmath.sqrt(second * steps)]


CLT = Law(
    id="stability.clt.log_growth",
    title="Law of the log growth after many steps",
    statement="(log|theta_T/theta_0| - Lambda T)/sqrt(V T) -> N(0, 1). Value: [Lambda T, sqrt(V T)].",
    quantity=sp.Symbol("log_growth"),
    parameters=(*NORMAL_KEYS, STEPS),
    derive=_clt,
    definition=_clt_definition,
    evaluator=lambda _, v, digits: [
        exact_cumulants(v, digits)[0] * to_mp(v["steps"]),
        mpmath.sqrt(exact_cumulants(v, digits)[1] * to_mp(v["steps"])),
    ],
    sources=(sy.HERE,),
    mutants=(
        mutant_value(
            "V/2 for V",
            lambda steps, **v: [float_cumulants(**v)[0] * steps, (float_cumulants(**v)[1] * steps / 2) ** 0.5],
        ),
        mutant_value(
            "exponent of the SDE",
            lambda steps, **v: [diffusion_rate(**v) * steps, (float_cumulants(**v)[1] * steps) ** 0.5],
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    regime=Regime("1/steps -> 0", "O(steps^(-1/2)) in the distribution function"),
    priority="B",
)


def _collapse() -> Derivation:
    signed = sp.Symbol("Lambda", real=True)
    at = (ell - signed * time) / sp.sqrt(spread * time)
    return derivation(*_walk(), ("collapsed fraction", (1 + sp.erf(at / sp.sqrt(2))) / 2, "normal law of the growth"))


def _phi(x: Any) -> Any:
    return mpmath.ncdf(x)


def _collapse_definition(steps: Any, log_ratio: Any, **keys: Any) -> Any:
    first, second = cumulants_by_quadrature(**keys)
    centre, width = first * steps, mpmath.sqrt(second * steps)
    end = (log_ratio - centre) / width
    points = [min(end, mpmath.mpf(0)) - 14, min(end, mpmath.mpf(0)) - 3, end]
    return mpmath.quad(mpmath.npdf, points)


def _collapse_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    first, second = exact_cumulants(v, digits + 5)
    with mpmath.workdps(digits + 10):
        steps = to_mp(v["steps"])
        return _phi((to_mp(v["log_ratio"]) - first * steps) / mpmath.sqrt(second * steps))


def _collapse_mutant(power: float, sign: int) -> Any:
    def value(steps: float, log_ratio: float, **v: Any) -> float:
        first, second = float_cumulants(**v)
        return float(_phi(sign * (log_ratio - first * steps) / (second**0.5 * steps**power)))

    return value


COLLAPSE_FRACTION = Law(
    id="stability.collapse_fraction.normal",
    title="Fraction of runs that have come closer than a given radius",
    statement="P(log|theta_T/theta_0| < log_ratio) ~ Phi((log_ratio - Lambda T)/sqrt(V T)) for normal curvature.",
    quantity=sp.Symbol("P_collapse"),
    parameters=(*NORMAL_KEYS, STEPS, LOG_RATIO),
    derive=_collapse,
    definition=_collapse_definition,
    evaluator=_collapse_value,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("sqrt(V) for sqrt(V T)", _collapse_mutant(0.0, 1)),
        mutant_value("sign", _collapse_mutant(0.5, -1)),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("1/steps -> 0", "O(steps^(-1/2))"),
    priority="B",
)


def _sde() -> Derivation:
    position = sp.Symbol("theta", positive=True)
    log_position = sp.log(position)
    drift_term, noise = -eta * m * position, eta * s * position
    ito = sp.simplify(drift_term * sp.diff(log_position, position) + noise**2 * sp.diff(log_position, position, 2) / 2)
    return derivation(
        (
            "diffusion",
            sp.Tuple(drift_term, noise),
            "d theta = -eta m theta dt - eta s theta dW, one step = one unit of time",
        ),
        ("Ito", ito, "drift of log theta: first derivative times drift plus half the second times the squared noise"),
        ("exponent of the diffusion", sp.expand(ito), "constant drift: d log theta has this mean per step"),
    )


def _sde_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> Any:
    """Growth of the log over one step in the limit of ever finer substeps (Richardson in their number)."""

    def growth(pieces: int) -> Any:
        mu, sd = 1 - learning_rate * curvature_mean / pieces, learning_rate * curvature_std / mpmath.sqrt(pieces)
        return pieces * log_mean(NormalX(), mu, sd)

    table = [growth(2**k) for k in range(9, 15)]
    for level in range(1, len(table)):
        table = [(2**level * b - a) / (2**level - 1) for a, b in itertools.pairwise(table)]
    return table[-1]


SDE = Law(
    id="stability.sde.exponent",
    title="Exponent of the diffusion approximation",
    statement="d theta = -eta m theta dt - eta s theta dW has Lambda = -eta m - eta^2 s^2/2 per step; the exponent of "
    "the discrete update differs from it by -eta^2 m^2/2 + O(eta^3).",
    quantity=sy.exponent,
    parameters=NORMAL_KEYS,
    derive=_sde,
    definition=_sde_definition,
    sources=(sy.COLLAPSE, sy.HERE),
    mutants=(
        mutant_form("without the Ito term", lambda form: form + eta**2 * s**2 / 2),
        mutant_form("plus sign of the Ito term", lambda form: form + eta**2 * s**2),
    ),
    rungs=("algebra", "flow", "chain"),
    gate_points=6,
    priority="B",
)

TIME_LAWS: tuple[Law, ...] = (CLT, COLLAPSE_FRACTION, SDE)
