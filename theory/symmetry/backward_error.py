"""What plain gradient descent does to a charge, from its modified flow to second order in the step."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, matrix, real
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import first_weights, second_weights
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import to_matrix

_H = sp.Symbol("h", positive=True)
_Q, _R = sp.symbols("gAg gAHg", real=True)
_TARGET = sp.Symbol("t", real=True)
SMALL = Regime("eta -> 0", "O(eta**3)")


def modified_charge_drift() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return the drift of u^2 - w^2 under the modified field of order two of L(u w), and g^T A g, g^T A H g.

    Modified field: -g - (h/2) H g - h^2 (H H g/3 + T3[g, g]/12), for any loss of the product.
    """
    u, w, v = p.U, p.W, sp.Symbol("v")
    theta, generator = sp.Matrix([u, w]), sp.diag(1, -1)
    slopes = {k: sp.Symbol(f"L{k}", real=True) for k in (1, 2, 3)}
    generic = sum(slopes[k] * (u * w - v) ** k / sp.factorial(k) for k in (1, 2, 3))

    def at(expression: Any) -> Any:
        return sp.expand(expression.subs(v, u * w))

    g = sp.Matrix([sp.diff(generic, q) for q in theta])
    hessian = sp.Matrix(2, 2, lambda i, j: sp.diff(generic, theta[i], theta[j]))
    third = [sp.Matrix(2, 2, lambda i, j, k=k: sp.diff(generic, theta[i], theta[j], theta[k])) for k in range(2)]
    g, hessian, third = g.applyfunc(at), hessian.applyfunc(at), [m.applyfunc(at) for m in third]
    bent = sp.Matrix([(g.T * m * g)[0] for m in third])
    field = -g - _H / 2 * hessian * g - _H**2 * (hessian * hessian * g / 3 + bent / 12)
    drift = sp.expand((2 * theta.T * generator * field)[0])
    return drift, sp.expand((g.T * generator * g)[0]), sp.expand((g.T * generator * hessian * g)[0])


def _derive_drift() -> Derivation:
    drift, square, bent = modified_charge_drift()
    require_zero(drift - _H * square - _H**2 * bent, "the drift minus h g^T A g + h^2 g^T A H g")
    return derivation(
        ("modified field", sp.Symbol("-g - (h/2) H g - h^2 (H H g/3 + T3[g,g]/12)"), "backward error analysis"),
        ("drift of the charge", _H * _Q + _H**2 * _R, "2 theta^T A field, checked for a generic loss of a product"),
        ("dC/dt", (_H * _Q + _H**2 * _R).subs(_H, p.ETA), "gAg = g^T A g, gAHg = g^T A H g"),
    )


def _forms(values: dict[str, Any]) -> tuple[Any, Any]:
    """g^T A g and g^T A H g of L = |u w^T - V|_F^2/2."""
    u, w = (mpmath.matrix([[x] for x in to_mp(values[k])]) for k in ("first_weights", "second_weights"))
    gap = u * w.T - to_matrix(to_mp(values["product_target"]))
    g_u, g_w = gap * w, gap.T * u
    moved = g_u * w.T + u * g_w.T
    h_u, h_w = moved * w + gap * g_w, moved.T * u + gap.T * g_u
    return (g_u.T * g_u)[0] - (g_w.T * g_w)[0], (g_u.T * h_u)[0] - (g_w.T * h_w)[0]


def _value(values: dict[str, Any], first: float = 1, second: float = 1) -> Any:
    square, bent = _forms(values)
    eta = to_mp(values["learning_rate"])
    return first * eta * square + second * eta**2 * bent


def _evaluate_drift(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return _value(values)


def drift_from_iterates(step: Any, charge: Any, learning_rate: Any) -> Any:
    """Return h c_1 + h^2 c_2 of the flow through the iterates of gradient descent.

    d/dt = ln(1 + Delta)/h with forward differences; the coefficients are read off at two tiny steps.
    """
    with mpmath.workdps(90):

        def rate(h: Any) -> Any:
            charges = [charge(theta) for theta in _iterates(step, h, 5)]
            total, differences = mpmath.mpf(0), charges
            for order in range(1, 5):
                differences = [b - a for a, b in itertools.pairwise(differences)]
                total += (-1) ** (order + 1) * differences[0] / order
            return total / h**2

        tiny = mpmath.mpf(10) ** -24
        one, two = rate(tiny), rate(2 * tiny)
        slope = (two - one) / tiny
        return +((one - tiny * slope) * learning_rate + slope * learning_rate**2)


def _iterates(step: Any, h: Any, count: int) -> list[Any]:
    theta = step(None, h)
    found = [theta]
    for _ in range(count - 1):
        theta = step(theta, h)
        found.append(theta)
    return found


def _define_drift(first_weights: Any, second_weights: Any, product_target: Any, learning_rate: Any) -> Any:
    start = tuple(mpmath.matrix([[x] for x in v]) for v in (first_weights, second_weights))
    target = to_matrix(product_target)

    def step(theta: Any, h: Any) -> Any:
        if theta is None:
            return start
        u, w = theta
        gap = u * w.T - target
        return u - h * gap * w, w - h * gap.T * u

    return drift_from_iterates(step, lambda q: (q[0].T * q[0])[0] - (q[1].T * q[1])[0], learning_rate)


product_target = Parameter("product_target", None, "V of L = |u w^T - V|_F^2/2", matrix(-1.0, 1.0, (2, 2)))
_SHAPES = Constraint(
    lambda v: (
        len(v["product_target"]) == len(v["first_weights"]) and len(v["product_target"][0]) == len(v["second_weights"])
    ),
    "product_target must have as many rows as first_weights and as many columns as second_weights",
)
charge_drift = Law(
    id="symmetry.backward_error.charge_drift",
    title="drift of a charge under plain gradient descent, to second order in the step",
    statement="modified flow of gradient descent with step h: dC/dt = h g^T A g + h^2 g^T A H g + O(h^3); "
    "value for L = |u w^T - V|_F^2/2, A = diag(I, -I)",
    quantity=sp.Symbol("dC/dt"),
    parameters=(first_weights, second_weights, product_target, p.learning_rate),
    derive=_derive_drift,
    definition=_define_drift,
    evaluator=_evaluate_drift,
    sources=(DERIVED, p.BARRETT),
    mutants=(
        mutant_value("h/2", lambda **v: float(_value(v, first=0.5))),
        mutant_value("sign of the second term", lambda **v: float(_value(v, second=-1))),
        mutant_value("h^2/2", lambda **v: float(_value(v, second=0.5))),
    ),
    regime=SMALL,
    constraints=(_SHAPES,),
    rungs=("algebra", "flow"),
    priority="B",
    gate_points=10,
)


def _derive_scalar() -> Derivation:
    loss = (p.U * p.W - _TARGET) ** 2 / 2
    theta, generator = sp.Matrix([p.U, p.W]), sp.diag(1, -1)
    g = sp.Matrix([sp.diff(loss, q) for q in theta])
    hessian = sp.Matrix(2, 2, lambda i, j: sp.diff(loss, theta[i], theta[j]))
    first, second = ((g.T * generator * g)[0], (g.T * generator * hessian * g)[0])
    return derivation(
        ("gradient", sp.Tuple(*g), "L = (u w - t)^2/2"),
        ("[g^T A g, g^T A H g]", sp.Tuple(sp.factor(first), sp.factor(second)), "A = diag(1, -1)"),
        ("dC/dt", p.ETA * sp.factor(first) + p.ETA**2 * sp.factor(second), "insert"),
    )


def _define_scalar(first_weight: Any, second_weight: Any, target: Any, learning_rate: Any) -> Any:
    def step(theta: Any, h: Any) -> Any:
        if theta is None:
            return first_weight, second_weight
        u, w = theta
        return u - h * (u * w - target) * w, w - h * (u * w - target) * u

    return drift_from_iterates(step, lambda q: q[0] ** 2 - q[1] ** 2, learning_rate)


def _first_term(first_weight: float, second_weight: float, target: float, learning_rate: float) -> float:
    u, w = first_weight, second_weight
    return learning_rate * (u * w - target) ** 2 * (w * w - u * u)


_GOAL = Parameter("target", _TARGET, "target t of the product", real(-1.0, 1.0))
scalar_net = Law(
    id="symmetry.backward_error.charge_drift.scalar_net",
    title="drift of the charge of the scalar net under plain gradient descent",
    statement="L = (u w - t)^2/2: dC/dt = h g^T A g + h^2 g^T A H g + O(h^3), C = u^2 - w^2",
    quantity=sp.Symbol("dC/dt"),
    parameters=(p.first_weight, p.second_weight, _GOAL, p.learning_rate),
    derive=_derive_scalar,
    definition=_define_scalar,
    sources=(DERIVED, p.BARRETT),
    mutants=(
        mutant_value("first term only", _first_term),
        mutant_parameters("half the step", lambda v: {"learning_rate": v["learning_rate"] / 2}),
    ),
    regime=SMALL,
    rungs=("algebra", "flow"),
    priority="B",
)
LAWS = (charge_drift, scalar_net)
