"""Charges of the momentum flow theta'' + tau theta' = -grad L: rotations of hidden units, damped by the friction."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Parameter, nonnegative
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.identities import require_zero

TAU, TIME = sp.Symbol("tau", nonnegative=True), sp.Symbol("t", nonnegative=True)
friction = Parameter("friction", TAU, "friction tau", nonnegative(0.2, 1.5))
time = Parameter("time", TIME, "time t of the flow", nonnegative(0.3, 2.0))


def _rotation_model() -> tuple[sp.Matrix, sp.Matrix, sp.Matrix, sp.Matrix]:
    """Return theta = (u, w), v, the gradient of any loss of u . w, and A which rotates u and w together."""
    theta = sp.Matrix(sp.symbols("u1 u2 w1 w2", real=True))
    velocity = sp.Matrix(sp.symbols("v1:5", real=True))
    slope = sp.Symbol("dL", real=True)
    loss = slope * (theta[0] * theta[2] + theta[1] * theta[3])
    gradient = sp.Matrix([sp.diff(loss, q) for q in theta])
    block = sp.Matrix([[0, 1], [-1, 0]])
    return theta, velocity, gradient, sp.diag(block, block)


def _derive_charge() -> Derivation:
    theta, v, g, a = _rotation_model()
    rate = sp.expand((v.T * a * v + theta.T * a * (-TAU * v - g))[0])
    charge = sp.expand((theta.T * a * v)[0])
    require_zero(rate + TAU * charge, "d/dt theta^T A v + tau theta^T A v")
    return derivation(
        ("theta^T A v", charge, "A rotates the hidden units of u . w"),
        ("its derivative", -TAU * p.CHARGE, "v^T A v = 0 as A is antisymmetric, theta^T A g = 0"),
        ("after t", p.CHARGE * sp.exp(-TAU * TIME), "e^{tau t} theta^T A theta' is conserved"),
    )


def integrate_momentum_flow(charge: float, friction: float, time: float, steps: int = 1500) -> Any:
    """Return (theta, v) at ``time`` of L = (u . w - 1)^2/2 by the classical Runge-Kutta method."""
    import numpy as np

    theta = np.array([0.9, -0.4, 0.5, 1.1])
    turned = np.array([theta[1], -theta[0], theta[3], -theta[2]])
    # theta^T A v = charge with A^T theta = -A theta
    start = np.concatenate([theta, np.array([0.3, 0.2, -0.1, 0.4])])
    dual = -turned
    start[4:] += (charge - dual @ start[4:]) / (dual @ dual) * dual

    def field(z: Any) -> Any:
        u, w, v = z[:2], z[2:4], z[4:]
        gap = u @ w - 1.0
        return np.concatenate([v, -friction * v - gap * np.concatenate([w, u])])

    z, h = start, time / steps
    for _ in range(steps):
        k1 = field(z)
        k2 = field(z + h / 2 * k1)
        k3 = field(z + h / 2 * k2)
        k4 = field(z + h * k3)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return z


def _define_charge(charge: Any, friction: Any, time: Any) -> Any:
    z = integrate_momentum_flow(float(charge), float(friction), float(time))
    theta, v = z[:4], z[4:]
    return mpmath.mpf(float(theta[0] * v[1] - theta[1] * v[0] + theta[2] * v[3] - theta[3] * v[2]))


def _symmetric(charge: Any, friction: Any, time: Any) -> float:
    """theta^T S v with the symmetric rescaling S = diag(1, 1, -1, -1), as if it decayed like a rotation charge."""
    z = integrate_momentum_flow(float(charge), float(friction), float(time))
    return float(z[0] * z[4] + z[1] * z[5] - z[2] * z[6] - z[3] * z[7])


charge_law = Law(
    id="symmetry.momentum_flow.charge",
    title="conserved charge of a rotation under the momentum flow",
    statement="theta'' + tau theta' = -grad L, A antisymmetric with grad L . A theta = 0: e^{tau t} theta^T A theta' is "
    "conserved; value theta^T A theta' at time t from the charge at time 0",
    quantity=sp.Symbol("J_t"),
    parameters=(p.charge, friction, time),
    derive=_derive_charge,
    definition=_define_charge,
    sources=(p.MARCOTTE, DERIVED),
    mutants=(
        mutant_value("symmetric A", _symmetric),
        mutant_value("no e^{tau t}", lambda charge, friction, time: charge),
        mutant_result("twice the friction", lambda value, friction, time, **_: value * mpmath.exp(-friction * time)),
    ),
    rungs=("algebra", "flow"),
    priority="C",
    gate_points=6,
)
LAWS = (charge_law,)
