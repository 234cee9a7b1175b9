"""Adam near a saddle: SGD at eta/epsilon for large epsilon, at a learning rate that grows step by step for small."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Parameter, integer, interval, positive
from theory.stability import symbols as sy
from theory.stability.exponents_elementary import NORMAL
from theory.stability.guard import require_zero
from theory.stability.potential_normal import g
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
EPSILON = sp.Symbol("epsilon", positive=True)
_DISTANCE = mpmath.mpf(10) ** -14


def _large() -> Derivation:
    theta, memory = sp.symbols("theta r", positive=True)
    # The second-moment memory is a weighted mean of squared gradients: sqrt(v) = r theta, r finite in the linear regime.
    step = theta - eta * h * theta / (memory * theta + EPSILON)
    multiplier = sp.limit(sp.cancel(step / theta), theta, 0)
    require_zero(sp.expand(multiplier - (1 - eta * h / EPSILON)), "the multiplier of Adam")
    return derivation(
        ("step", step, "beta_1 = 0: theta - eta g/(sqrt(v) + epsilon), g = h theta, sqrt(v) = r theta"),
        ("multiplier", multiplier, "theta -> 0: sqrt(v) vanishes beside epsilon"),
        ("exponent", g(1 - eta * m / EPSILON, eta * s / EPSILON), "stability.exponent.normal at eta/epsilon"),
    )


def _large_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, epsilon: Any) -> Any:
    """Quadrature over the curvature of one step of Adam with beta_2 = 0 itself, at a distance of 1e-14."""

    def growth(x: Any) -> Any:
        gradient = (curvature_mean + curvature_std * x) * _DISTANCE
        after = _DISTANCE - learning_rate * gradient / (abs(gradient) + epsilon)
        return mpmath.log(abs(after / _DISTANCE)) * mpmath.npdf(x)

    pole = (epsilon / learning_rate - curvature_mean) / curvature_std
    ends = sorted({mpmath.mpf(-12), mpmath.mpf(12), mpmath.mpf(0), pole} if abs(pole) < 12 else {-12, 0, 12})
    with mpmath.workdps(mpmath.mp.dps + 16):
        return mpmath.quad(growth, ends, maxdegree=7)


LARGE_EPSILON = Law(
    id="stability.adam.large_epsilon",
    title="Exponent of Adam without first moment, epsilon far above the gradient",
    statement="Adam with beta_1 = 0 near a critical point of normal curvature, |h theta| << epsilon, is SGD at the "
    "learning rate eta/epsilon: Lambda = g(1 - eta m/epsilon, eta s/epsilon), whatever beta_2.",
    quantity=sy.exponent,
    parameters=(
        sy.learning_rate(0.02, 0.2),
        sy.curvature_mean(-0.9, 0.9),
        sy.curvature_std(0.5, 1.2),
        Parameter("epsilon", EPSILON, "epsilon in the denominator of Adam", positive(0.05, 0.4)),
    ),
    derive=_large,
    definition=_large_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("epsilon under the root", lambda v: {"epsilon": v["epsilon"] ** 0.5}),
        mutant_parameters("epsilon forgotten", lambda _: {"epsilon": 1.0}),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("|h theta|/epsilon -> 0", "O(|h theta|/epsilon)"),
    gate_points=4,
    priority="C",
)

DECAY, STEPS = sp.Symbol("beta_2", positive=True), sp.Symbol("T", integer=True, positive=True)


def _small() -> Derivation:
    theta, memory = sp.symbols("theta v", positive=True)
    time = sp.Symbol("t", integer=True, positive=True)
    after = sp.sqrt(DECAY * memory + (1 - DECAY) * h**2 * theta**2)
    multiplier = sp.limit(sp.cancel((theta - eta * h * theta / after) / theta), theta, 0)
    require_zero(multiplier - (1 - eta * h / sp.sqrt(DECAY * memory)), "the multiplier of Adam without epsilon")
    rate = eta * DECAY ** (-time / 2)
    return derivation(
        ("step", theta - eta * h * theta / after, "beta_1 = 0, epsilon = 0: the memory v of squared gradients decays"),
        ("multiplier", multiplier, "|h theta| << sqrt(v): nothing refreshes the memory"),
        ("learning rate of step t", rate, "v_t = beta_2^t v_0; eta stands for eta/sqrt(v_0)"),
        ("log distance", sp.Sum(g(1 - rate * m, rate * s), (time, 1, STEPS)), "stability.exponent.normal at each step"),
    )


def _small_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        decay = mpmath.mpf(repr(float(v["second_decay"])))
        rates = [mpmath.mpf(repr(float(v["learning_rate"]))) / mpmath.sqrt(decay) ** t for t in _range(v["steps"])]
        moments = {k: v[k] for k in ("curvature_mean", "curvature_std")}
        return mpmath.fsum(NORMAL.evaluate(digits + 5, learning_rate=rate, **moments) for rate in rates)


def _range(steps: Any) -> range:
    return range(1, int(steps) + 1)


def _small_definition(
    learning_rate: Any, curvature_mean: Any, curvature_std: Any, second_decay: Any, steps: Any
) -> Any:
    """Step after step, quadrature over the curvature of Adam's own recursion at a distance of 1e-14."""
    memory, total = mpmath.mpf(1), mpmath.mpf(0)
    for _ in _range(steps):
        memory = second_decay * memory + (1 - second_decay) * (curvature_mean * _DISTANCE) ** 2
        rate = learning_rate / mpmath.sqrt(memory)
        total += log_mean(NormalX(), 1 - rate * curvature_mean, rate * curvature_std)
    return total


SMALL_EPSILON = Law(
    id="stability.adam.small_epsilon",
    title="Adam without epsilon near a critical point has no fixed exponent",
    statement="beta_1 = epsilon = 0, |h theta| << sqrt(v): the memory fades, v_t = beta_2^t v_0, and step t is SGD at "
    "the learning rate eta beta_2^(-t/2): E log|theta_T/theta_0| = sum_t g(1 - eta_t m, eta_t s). An approach turns "
    "back where eta_t passes the critical learning rate: relaxation cycles. Here eta stands for eta/sqrt(v_0).",
    quantity=sp.Symbol("E log|theta_T/theta_0|"),
    parameters=(
        sy.learning_rate(0.2, 0.7),
        sy.curvature_mean(0.2, 0.9),
        sy.curvature_std(0.5, 1.2),
        Parameter("second_decay", DECAY, "decay beta_2 of the memory per step", interval(0.0, 1.0, region=(0.7, 0.97))),
        Parameter("steps", STEPS, "steps T", integer(1, (4, 12))),
    ),
    derive=_small,
    evaluator=_small_value,
    definition=_small_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_value(
            "a fixed exponent",
            lambda steps, second_decay, **v: int(steps) * NORMAL(**v),
        ),
        mutant_parameters("eta beta_2^-t", lambda v: {"second_decay": v["second_decay"] ** 2}),
    ),
    rungs=("algebra", "chain", "sgd"),
    regime=Regime("|h theta|/sqrt(v) -> 0, epsilon/sqrt(v) -> 0", "O((h theta)^2/v) + O(epsilon/sqrt(v))"),
    gate_points=3,
    priority="C",
)

ADAM_LAWS: tuple[Law, ...] = (LARGE_EPSILON, SMALL_EPSILON)
