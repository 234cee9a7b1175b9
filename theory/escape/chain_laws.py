"""Laws of passage times of discrete chains and real SGD, and of the remaining rungs of priority B."""

from __future__ import annotations

import functools
import math
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.special import ndtr

from theory.derivation import Derivation, derivation
from theory.escape.integral_equation import extrapolated_updates, spectral_updates
from theory.escape.notation import (
    BARRIER_RATIO,
    BATCH_SIZE,
    CURVATURE,
    DIMENSION,
    LEARNING_RATE,
    REAL_BATCH,
    RELATIVE_TIME,
    TEMPERATURE,
    B,
    T,
    c,
    d,
    eta,
    h,
    n,
)
from theory.escape.sources import BROADIE, MORI
from theory.law import Law, Regime, mutant_value
from theory.parameter import Domain, integer, positive
from theory.source import DERIVED

MODERATE = BARRIER_RATIO.within(Domain("real", low=1.0, low_open=True, region=(1.3, 1.8)))
PASSAGE = (
    LEARNING_RATE.within(positive(0.15, 0.4)),
    BATCH_SIZE.within(integer(1, (1, 2))),
    MODERATE,
    CURVATURE,
)


def _equation(kind: str) -> Derivation:
    u, x, k = sp.Function("u"), sp.Symbol("x", real=True), sp.Function("k")
    bound = sp.sqrt(c - 1)
    if kind == "features":
        a = sp.Symbol("A", positive=True)
        step, rule = sp.Tuple((1 - eta * h * a) * d, (eta * h) ** 2 * a / B), "mean and variance given A = chi^2_B/B"
    else:
        step, rule = sp.Tuple((1 - eta * h) * d, (eta * h) ** 2 * (1 + d**2) / B), "mean and variance of the next place"
    integral = sp.Integral(k(d, x) * u(x), (x, -bound, bound))
    return derivation(
        ("scaled update", step, rule + "; d in units of sigma/sqrt(h)"),
        ("interval", sp.Tuple(-bound, bound), "L < c L_*"),
        ("mean number of updates", sp.Eq(u(d), 1 + integral), "first-step analysis, k the density of the next place"),
    )


def real_passage() -> Derivation:
    """First-step equation of real SGD with Gaussian features."""
    return _equation("features")


def gaussian_passage() -> Derivation:
    """First-step equation of the Gaussian chain."""
    return _equation("gaussian")


def _updates(kind: str, values: dict[str, Any], method: Any = extrapolated_updates) -> float:
    e = float(values["learning_rate"]) * float(values["curvature"])
    level = math.sqrt(float(values["barrier_ratio"]) - 1)
    return method(kind, e, float(values["batch_size"]), level)


def _radial_over_eta(learning_rate: float, batch_size: float, barrier_ratio: float, curvature: float) -> float:
    from theory.escape.passage import radial_parts

    values = {"temperature": learning_rate * curvature / batch_size, "dimension": 1, "barrier_ratio": barrier_ratio}
    return float(radial_parts("seed", values, 8)[0]) / (learning_rate * curvature)


FEATURES = Law(
    id="escape.mean_passage_iterations.gaussian_features",
    title="Mean number of updates of real SGD to a loss level",
    statement="n = 1, Gaussian features: updates from 0 until |d| > sqrt(c-1) sigma/sqrt(h), solution of u = 1 + K u.",
    quantity=sp.Symbol("updates"),
    parameters=PASSAGE,
    derive=real_passage,
    evaluator=lambda derived, values, digits: mpmath.mpf(_updates("features", values)),
    definition=lambda **v: mpmath.mpf(_updates("features", v, spectral_updates)),
    sources=(DERIVED,),
    # error of the hat functions; the kernel is log-singular at B = 1
    tolerance=2e-4,
    mutants=(
        mutant_value("Gaussian chain", lambda **v: _updates("gaussian", v)),
        mutant_value("radial time over eta", _radial_over_eta),
    ),
    rungs=("algebra", "sgd"),
    gate_points=3,
)

CHAIN = Law(
    id="escape.mean_passage_iterations.gaussian_noise",
    title="Mean number of updates of the Gaussian chain to a loss level",
    statement="The same for d' = (1-e) d + e sqrt((1+d^2)/B) xi, e = eta h, any B > 0.",
    quantity=sp.Symbol("updates"),
    parameters=(PASSAGE[0], REAL_BATCH.within(positive(1.0, 4.0)), *PASSAGE[2:]),
    derive=gaussian_passage,
    evaluator=lambda derived, values, digits: mpmath.mpf(_updates("gaussian", values)),
    definition=lambda **v: mpmath.mpf(_updates("gaussian", v, spectral_updates)),
    sources=(DERIVED,),
    # error of the hat functions
    tolerance=1e-5,
    mutants=(
        mutant_value("real SGD", lambda **v: _updates("features", v)),
        mutant_value("radial time over eta, unshifted", _radial_over_eta),
    ),
    rungs=("algebra", "chain", "sgd"),
    gate_points=3,
    priority="B",
)


def barrier_shift() -> Derivation:
    """c_s = 1 + (sqrt(c-1) + beta sqrt(eta h T c))^2."""
    beta = -sp.zeta(sp.Rational(1, 2)) / sp.sqrt(2 * sp.pi)
    step = sp.sqrt(eta * h * T * c)
    form = 1 + (sp.sqrt(c - 1) + beta * step) ** 2
    return derivation(
        ("mean overshoot of a Gaussian walk, in steps", beta, "-zeta(1/2)/sqrt(2 pi)"),
        ("step at the barrier", step, "standard deviation of sqrt(v) there: eta h sqrt(c/B), T = eta h/B"),
        (
            "shifted barrier ratio",
            form,
            "the chain crosses as if the barrier in sqrt(v) lay one mean overshoot further",
        ),
    )


def _shift(learning_rate: float, temperature: float, barrier_ratio: float, curvature: float, beta: float) -> float:
    step = math.sqrt(learning_rate * curvature * temperature * barrier_ratio)
    return 1 + (math.sqrt(barrier_ratio - 1) + beta * step) ** 2


@functools.cache
def _harmonic_offset() -> float:
    """Mean overshoot of the standard Gaussian walk: u(x) = E u(x + xi) on x > 0, u = 0 below, u(x) ~ x + beta far off.

    Nystrom on Gauss panels; beyond the last panel u = x + beta, whose Gaussian mean is elementary.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    panels, width = 12, 1.25
    x = np.concatenate([width * (k + (nodes + 1) / 2) for k in range(panels)])
    w = np.tile(width * weights / 2, panels)
    top = panels * width
    density = np.exp(-((x[:, None] - x) ** 2) / 2) / np.sqrt(2 * np.pi)
    beyond = ndtr(x - top)
    tail_mean = x * beyond + np.exp(-((top - x) ** 2) / 2) / np.sqrt(2 * np.pi)
    # unknowns: u at the nodes and beta; the last equation asks u = x + beta at the last node but one panel
    size = len(x)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = np.eye(size) - density * w
    system[:size, size] = -beyond
    system[size, size - 30], system[size, size] = 1.0, -1.0
    right = np.append(tail_mean, x[size - 30])
    return float(np.linalg.lstsq(system, right, rcond=None)[0][size])


def _shift_definition(learning_rate: Any, temperature: Any, barrier_ratio: Any, curvature: Any) -> Any:
    """Place beyond the barrier by the offset of the walk's harmonic function times the literal step, sigma = 1."""
    batch = learning_rate * curvature / temperature
    loss = barrier_ratio / 2
    deviation = learning_rate * mpmath.sqrt(2 * loss * curvature / batch)
    place = mpmath.sqrt((2 * loss - 1) / curvature) + _harmonic_offset() * deviation
    return 1 + curvature * place**2


SHIFT = Law(
    id="escape.barrier_shift.discrete",
    title="Barrier shift of a discrete chain",
    statement="A chain crosses as the SDE with c_s = 1 + (sqrt(c-1) + beta sqrt(eta h T c))^2, beta = -zeta(1/2)/"
    "sqrt(2 pi) = .5826; then chain/SDE = 1 + O(eta).",
    quantity=sp.Symbol("c_s"),
    parameters=(LEARNING_RATE.within(positive(0.003, 0.04)), TEMPERATURE, BARRIER_RATIO, CURVATURE),
    derive=barrier_shift,
    definition=_shift_definition,
    sources=(BROADIE, DERIVED),
    mutants=(
        mutant_value("beta = 1/2", lambda **v: _shift(**v, beta=0.5)),
        mutant_value("-beta", lambda **v: _shift(**v, beta=-0.5825971579)),
        mutant_value("no shift", lambda **v: _shift(**v, beta=0.0)),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate * curvature << temperature", "chain/SDE = 1 + O(learning_rate)"),
    priority="B",
)


def exponential() -> Derivation:
    """exp(-t/MFPT) at low temperature: one slow mode, whose rate is one over the mean."""
    rate, t = sp.symbols("lambda t", positive=True)
    mean = sp.integrate(sp.exp(-rate * t), (t, 0, sp.oo))
    tau = RELATIVE_TIME.symbol
    survival = sp.exp(-rate * t).subs(t, tau * mean)
    return derivation(
        ("survival at low temperature", sp.exp(-rate * t), "the slowest mode alone survives relaxation in the well"),
        ("mean", mean, "integral of the survival probability"),
        ("survival at tau times the mean", sp.simplify(survival), "insert"),
    )


def _thinned(relative_time: Any) -> Any:
    """Survival of very many independent trials with a very small chance each."""
    with mpmath.workdps(60):
        trials = mpmath.mpf(10) ** 30
        return (1 - relative_time / trials) ** trials


EXPONENTIAL = Law(
    id="escape.escape_time.exponential",
    title="Law of escape times",
    statement="Escape times are exponential: the survival probability at tau MFPT is exp(-tau).",
    quantity=sp.Symbol("P_survive"),
    parameters=(RELATIVE_TIME,),
    derive=exponential,
    definition=_thinned,
    sources=(DERIVED,),
    mutants=(
        mutant_value("Gamma(2)", lambda relative_time: (1 + 2 * relative_time) * math.exp(-2 * relative_time)),
        mutant_value("exp(-2 tau)", lambda relative_time: math.exp(-2 * relative_time)),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("temperature -> 0", "O(relaxation time / MFPT)"),
    priority="B",
)


def interpolation() -> Derivation:
    """h (T n - 2 - 2 T)/2: drift of log |d| at L_* = 0."""
    q = sp.Symbol("q", positive=True)
    drift = (-2 * h + n * T * h) * q
    second = 2 * T * h * q**2
    form = sp.expand((drift / q - second / q**2) / 2)
    return derivation(
        ("drift of q = |d|^2", drift, "D = T L = T h q/2: 2 n D - 2 h q"),
        ("half squared noise", second, "D |grad q|^2 = (T h q/2) 4 q"),
        ("drift of log |d|", h * sp.expand(sp.cancel(form / h)), "half of that of log q; geometric Brownian motion"),
    )


def _interpolation_definition(temperature: Any, dimension: Any, curvature: Any) -> Any:
    with mpmath.workdps(30):
        r = mpmath.mpf("0.83")
        first, second = mpmath.diff(mpmath.log, r), mpmath.diff(mpmath.log, r, 2)
        noise = temperature * curvature * r * r / 2
        return -curvature * r * first + noise * (second + (dimension - 1) * first / r)


INTERPOLATION = Law(
    id="escape.lyapunov.interpolation_sde",
    title="Lyapunov exponent of the SDE at an interpolating minimum",
    statement="L_* = 0: log|d| drifts at h (T n - 2 - 2 T)/2 per unit t; the SDE contracts for n < 2 (1 + 1/T).",
    quantity=sp.Symbol("Lambda"),
    parameters=(TEMPERATURE, DIMENSION, CURVATURE),
    derive=interpolation,
    definition=_interpolation_definition,
    sources=(MORI, DERIVED),
    mutants=(
        mutant_value("-h", lambda temperature, dimension, curvature: -curvature),
        mutant_value(
            "h (T n - 2)/2", lambda temperature, dimension, curvature: curvature * (temperature * dimension - 2) / 2
        ),
    ),
    rungs=("algebra", "flow", "sgd"),
    priority="B",
)

CHAIN_LAWS = (FEATURES,)
CHAIN_LAWS_B = (CHAIN, SHIFT, EXPONENTIAL, INTERPOLATION)
