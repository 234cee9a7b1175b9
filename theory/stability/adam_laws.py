"""Adam near a saddle: with a large epsilon the adaptive step is plain SGD at the learning rate eta/epsilon."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters
from theory.parameter import Parameter, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero
from theory.stability.potential_normal import g

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

ADAM_LAWS: tuple[Law, ...] = (LARGE_EPSILON,)
