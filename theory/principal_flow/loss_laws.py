"""Laws of the principal flow: rate and change of the loss, and its local error off quadratics."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import derivation
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint
from theory.principal_flow import symbols as s
from theory.principal_flow.flow_laws import RATE, alpha_form, contour, log_alpha, pair
from theory.principal_flow.formal_orbit import flow_series
from theory.principal_flow.losses import cubic_field
from theory.source import DERIVED

_LISTS = (RATE, s.curvatures.within(s.curvatures.domain), s.gradient_components)
_regular = Constraint(
    lambda v: all(abs(v["learning_rate"] * c - 1) > 1e-12 for c in v["curvatures"]),
    "learning_rate * curvature must not be 1 for any curvature (singular coefficient)",
)
_LENGTHS = s.same_lengths("curvatures", "gradient_components")
_ci, _li = s.comps[s.i], s.curvs[s.i]


def _weighted(change: Any) -> Any:
    def value(learning_rate: float, curvatures: list[float], gradient_components: list[float]) -> list[float]:
        return pair(sum(change(log_alpha(learning_rate * c)) * a * a for c, a in zip(curvatures, gradient_components)))

    return value


def _rate_along_the_flow(learning_rate: Any, curvatures: Any, gradient_components: Any) -> Any:
    """Derivative of a quadratic loss along the field phi(hH) g, the field from the contour integral."""
    field = [contour(learning_rate * c) * a for c, a in zip(curvatures, gradient_components)]

    def loss(t: Any) -> Any:
        return mpmath.fsum(a * t * f + c * (t * f) ** 2 / 2 for c, a, f in zip(curvatures, gradient_components, field))

    return mpmath.diff(loss, 0)


LOSS_RATE = Law(
    id="principal_flow.loss_rate",
    title="Rate of the loss along the principal flow",
    statement="dE/dt = sum_i alpha(h lambda_i) (g.u_i)^2, a bilinear product without conjugation",
    quantity=sp.Symbol("dE/dt"),
    parameters=_LISTS,
    derive=lambda: derivation(
        ("flow in the eigenbasis", alpha_form(s.h * _li) * _ci, "principal flow"),
        ("chain rule", sp.Sum(alpha_form(s.h * _li) * _ci**2, (s.i, 0, s.n - 1)), "dE/dt = g^T thetadot"),
    ),
    definition=_rate_along_the_flow,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("conjugated product", _weighted(lambda a: complex(a).conjugate())),
        mutant_value("sum of |.|^2 times |alpha|", _weighted(abs)),
    ),
    rungs=("algebra", "flow"),
    constraints=(_regular, _LENGTHS),
    complex_valued=True,
)


def _energy_change(learning_rate: Any, curvatures: Any, gradient_components: Any) -> Any:
    total = mpmath.mpf(0)
    for c, a in zip(curvatures, gradient_components):
        move = -learning_rate * a
        # E(theta + d) - E(theta) is the integral of the gradient along the step.
        total += mpmath.quad(lambda t, a=a, c=c, move=move: (a + c * t * move) * move, [0, 1])
    return total


def _no_half(learning_rate: float, curvatures: list[float], gradient_components: list[float]) -> float:
    return -learning_rate * sum(a * a * (1 - learning_rate * c) for c, a in zip(curvatures, gradient_components))


def _flow_change(learning_rate: float, curvatures: list[float], gradient_components: list[float]) -> float:
    return learning_rate * _weighted(lambda a: a)(learning_rate, curvatures, gradient_components)[0]


LOSS_CHANGE = Law(
    id="principal_flow.loss_change.quadratic",
    title="Change of the loss in one step of gradient descent",
    statement="E(theta') - E(theta) = -h sum_i (g.u_i)^2 (1 - h lambda_i/2), exact on quadratics, error O(h^3) else",
    quantity=sp.Symbol("Delta E"),
    parameters=_LISTS,
    derive=lambda: derivation(
        ("step", -s.h * _ci, "in the eigenbasis"),
        ("Taylor", _ci * (-s.h * _ci) + _li * (s.h * _ci) ** 2 / 2, "g.d + d^T H d/2"),
        ("sum", -s.h * sp.Sum(_ci**2 * (1 - s.h * _li / 2), (s.i, 0, s.n - 1)), "over directions"),
    ),
    definition=_energy_change,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("1 - h lambda", _no_half),
        mutant_value("h Re loss_rate", _flow_change),
    ),
    rungs=("algebra", "net"),
    constraints=(_regular, _LENGTHS),
)

_T = (s.learning_rate, s.third_contraction)


def _principal_error(learning_rate: Any, third_derivative_contraction: Any) -> Any:
    """Coefficient of h^3 in step minus principal flow, for a cubic loss with some gradient and Hessian."""
    size = len(third_derivative_contraction)
    gradient = [mpmath.mpf(7 + 3 * c) / 10 for c in range(size)]
    hess = [[mpmath.mpf((2 * a + 1) * (2 * c + 1) % 7 - 3) / 4 for c in range(size)] for a in range(size)]
    field = cubic_field(gradient, hess, third_derivative_contraction)
    norm = sum(a * a for a in gradient)
    dual = [a / norm for a in gradient]
    overlap = sum(a * c for a, c in zip(third_derivative_contraction, gradient))
    t = third_derivative_contraction

    def hessian_times(state: Any, vector: Any) -> Any:
        along = sum((d * v for d, v in zip(dual, state)), 0)
        across = sum((d * v for d, v in zip(t, state)), 0)
        va = sum((d * v for d, v in zip(dual, vector)), 0)
        vt = sum((d * v for d, v in zip(t, vector)), 0)
        return [
            sum((hess[c][e] * vector[e] for e in range(size)), 0)
            + t[c] * (along * va)
            + dual[c] * (along * vt + across * va)
            - 2 * overlap * dual[c] * (along * va)
            for c in range(size)
        ]

    def principal(state: Any, step: Any) -> Any:
        slope = [-f for f in field(state)]
        first = hessian_times(state, slope)
        second = hessian_times(state, first)
        third = mpmath.mpf(1) / 3
        return [
            -(a + step * (b * mpmath.mpf("0.5")) + step * step * (c * third)) for a, b, c in zip(slope, first, second)
        ]

    flow = flow_series(principal, [mpmath.mpf(0)] * size, 3)
    return [-(learning_rate**3) * component.term(3) for component in flow]


LOCAL_PRINCIPAL = Law(
    id="principal_flow.local_error.principal",
    title="Local error of the principal flow off quadratics",
    statement="GD minus the principal flow over one step is -(h^3/12) T(g,g) + O(h^4): the order of IGR",
    quantity=sp.IndexedBase("error")[s.i],
    parameters=_T,
    derive=lambda: derivation(
        (
            "first tree that is no ladder",
            sp.Rational(1, 12) * (-1) ** 3 * s.T[s.i],
            "c([..]) = 1/12, three minus signs",
        ),
        ("local error", -(s.h**3) / 12 * s.T[s.i], "times h^2 and the time h"),
    ),
    definition=_principal_error,
    sources=(DERIVED, s.ROSCA),
    mutants=(
        mutant_result("factor 1/6", lambda v, **_: [2 * a for a in v]),
        mutant_result("order 4", lambda v, learning_rate, **_: [learning_rate * a for a in v]),
        mutant_result("order 2", lambda v, learning_rate, **_: [a / learning_rate for a in v]),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("learning_rate -> 0", "O(h^4)"),
    evaluator=s.vector_evaluator(_T, "third_derivative_contraction"),
)


LAWS = (LOSS_RATE, LOSS_CHANGE, LOCAL_PRINCIPAL)
