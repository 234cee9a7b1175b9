"""Noether identities of a symmetric loss: orthogonality, Hessian, third derivative, transport, no martingale."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import require_zero, scalar_loss

THETA = (p.U, p.W)
A = sp.diag(1, -1)
_SAMPLE = (p.first_weight, p.second_weight, p.input_value, p.target_value)
_RHO = sp.Symbol("rho", real=True)
_LAMBDA = p.flow_parameter.symbol


def loss_gradient() -> sp.Matrix:
    """Return the per-sample gradient of (u w x - y)^2."""
    return sp.Matrix([sp.diff(scalar_loss(), q) for q in THETA])


def symmetry_direction() -> sp.Matrix:
    """A theta, from the group action theta -> exp(rho A) theta."""
    moved = (A * _RHO).exp() * sp.Matrix(THETA)
    return moved.diff(_RHO).subs(_RHO, 0)


def _derive_orthogonality() -> Derivation:
    moved = dict(zip(THETA, (A * _RHO).exp() * sp.Matrix(THETA), strict=True))
    along = scalar_loss().subs(moved, simultaneous=True)
    slope = sp.diff(along, _RHO)
    gradient = loss_gradient()
    product = sp.expand((gradient.T * symmetry_direction())[0])
    require_zero(sp.simplify(slope), "the derivative of the loss along the orbit")
    return derivation(
        ("loss on the orbit", sp.powsimp(along), "theta -> exp(rho A) theta leaves it unchanged"),
        ("gradient", sp.Tuple(*gradient), "differentiate"),
        ("g . A theta", product, "derivative along the orbit at rho = 0"),
    )


def _loss(u: Any, w: Any, x: Any, y: Any) -> Any:
    return (u * w * x - y) ** 2


def numeric_gradient(u: Any, w: Any, x: Any, y: Any) -> list[Any]:
    """Gradient of the per-sample loss by numerical differentiation."""
    return [mpmath.diff(lambda a, b: _loss(a, b, x, y), (u, w), order) for order in ((1, 0), (0, 1))]


def _define_orthogonality(**v: Any) -> Any:
    u, w = v["first_weight"], v["second_weight"]
    g = numeric_gradient(u, w, v["input"], v["target"])
    return u * g[0] - w * g[1]


def _wrong_layer(first_weight: float, second_weight: float, input: float, target: float) -> float:
    return 2 * (first_weight * second_weight * input - target) * first_weight * second_weight * input


def _tanh_network(first_weight: Any, second_weight: Any, input: Any, target: Any) -> Any:
    u, w = first_weight, second_weight
    slope = [mpmath.diff(lambda a, b: (a * mpmath.tanh(b * input) - target) ** 2, (u, w), o) for o in ((1, 0), (0, 1))]
    return u * slope[0] - w * slope[1]


orthogonality = Law(
    id="symmetry.noether.orthogonality",
    title="per-sample gradients are orthogonal to the symmetry direction",
    statement="l(exp(rho A) theta) = l(theta) for all rho implies g . A theta = 0 for every sample (here f = u w x)",
    quantity=sp.Symbol("gA"),
    parameters=_SAMPLE,
    derive=_derive_orthogonality,
    definition=_define_orthogonality,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("generator of the wrong layer", _wrong_layer),
        mutant_value("tanh network, which has no symmetry", _tanh_network),
    ),
    rungs=("algebra", "net"),
)


def _derive_charge() -> Derivation:
    gradient, theta, a_theta = loss_gradient(), sp.Matrix(THETA), symmetry_direction()
    velocity = -gradient - p.DECAY * theta
    rate = sp.expand(2 * (a_theta.T * velocity)[0])
    charge = (theta.T * A * theta)[0]
    factor = sp.cancel(rate / charge)
    return derivation(
        ("charge", charge, "C = theta^T A theta"),
        ("dC/dt under gradient flow with decay", rate, "2 theta^T A theta', g . A theta = 0"),
        ("dC/dt", factor * p.CHARGE, "in terms of C"),
    )


def _define_charge(charge: Any, weight_decay: Any) -> Any:
    theta = witness.point(charge)
    slope = witness.gradient(theta, [[mpmath.mpf("0.3"), mpmath.mpf("-1.1")], [mpmath.mpf("0.8"), mpmath.mpf("0.5")]])
    return 2 * witness.bilinear(theta, [-g - weight_decay * q for g, q in zip(slope, theta, strict=True)])


charge = Law(
    id="symmetry.noether.charge",
    title="Noether charge under gradient flow with weight decay",
    statement="dC/dt = -2 wd C for C = theta^T A theta, A symmetric; a constant of motion without decay",
    quantity=sp.Symbol("dC/dt"),
    parameters=(p.charge, p.weight_decay),
    derive=_derive_charge,
    definition=_define_charge,
    sources=(p.ZIYIN, p.DU),
    mutants=(
        mutant_value("antisymmetric generator", lambda charge, weight_decay: 0.0),
        mutant_value("-wd C", lambda charge, weight_decay: -weight_decay * charge),
        mutant_value("-4 wd C", lambda charge, weight_decay: -4 * weight_decay * charge),
    ),
    rungs=("algebra", "flow"),
)


def _derive_hessian() -> Derivation:
    gradient, a_theta = loss_gradient(), symmetry_direction()
    claim = -A * gradient
    found = gradient.jacobian(THETA) * a_theta
    for entry in found - claim:
        require_zero(entry, "H A theta + A g")
    return derivation(
        (
            "derivative of g . A theta",
            sp.Tuple(*sp.Matrix([(gradient.T * a_theta)[0]]).jacobian(THETA)),
            "differentiate",
        ),
        ("H A theta", sp.Tuple(*claim.applyfunc(sp.expand)), "H A theta = -A g"),
    )


def _hessian(u: Any, w: Any, x: Any, y: Any) -> list[list[Any]]:
    orders = [[(2, 0), (1, 1)], [(1, 1), (0, 2)]]
    return [[mpmath.diff(lambda a, b: _loss(a, b, x, y), (u, w), o) for o in row] for row in orders]


def _define_hessian(**v: Any) -> Any:
    u, w = v["first_weight"], v["second_weight"]
    return [row[0] * u - row[1] * w for row in _hessian(u, w, v["input"], v["target"])]


hessian = Law(
    id="symmetry.noether.hessian",
    title="the Hessian along the symmetry direction",
    statement="H A theta = -A g: a zero direction of the Hessian at stationary points only (here f = u w x)",
    quantity=sp.Symbol("HA"),
    parameters=_SAMPLE,
    derive=_derive_hessian,
    definition=_define_hessian,
    sources=(DERIVED,),
    mutants=(
        mutant_result("H A theta = 0 off a minimum", lambda value, **_: [0.0 for _ in value]),
        mutant_result("sign flipped", lambda value, **_: [-x for x in value]),
    ),
    rungs=("algebra", "net"),
)


def _derive_third() -> Derivation:
    hess = loss_gradient().jacobian(THETA)
    a_theta = symmetry_direction()
    contracted = sp.zeros(2)
    for k, q in enumerate(THETA):
        contracted += hess.diff(q) * a_theta[k]
    claim = -(hess * A + A * hess)
    for entry in contracted - claim:
        require_zero(entry, "T3[A theta] + H A + A H")
    return derivation(
        ("Hessian", sp.ImmutableMatrix(hess.applyfunc(sp.expand)), "differentiate twice"),
        ("T3[A theta]", sp.ImmutableMatrix(claim.applyfunc(sp.expand)), "T3[A theta] = -(H A + A H)"),
    )


def _define_third(**v: Any) -> Any:
    u, w, x, y = v["first_weight"], v["second_weight"], v["input"], v["target"]

    def third(i: int, j: int, k: int) -> Any:
        firsts = (i, j, k).count(0)
        return mpmath.diff(lambda a, b: _loss(a, b, x, y), (u, w), (firsts, 3 - firsts))

    return [[third(i, j, 0) * u - third(i, j, 1) * w for j in range(2)] for i in range(2)]


def _one_product(left: bool, **v: Any) -> Any:
    h = _hessian(*(mpmath.mpf(v[k]) for k in ("first_weight", "second_weight", "input", "target")))
    sign = (1, -1)
    return [[float(-h[i][j] * (sign[i] if left else sign[j])) for j in range(2)] for i in range(2)]


third_derivative = Law(
    id="symmetry.noether.third_derivative",
    title="the third derivative along the symmetry direction",
    statement="T3[A theta] = -(H A + A H) (here f = u w x)",
    quantity=sp.Symbol("TA"),
    parameters=_SAMPLE,
    derive=_derive_third,
    definition=_define_third,
    sources=(DERIVED,),
    mutants=(
        mutant_value("without H A", partial(_one_product, True)),
        mutant_value("without A H", partial(_one_product, False)),
    ),
)


LAWS = (orthogonality, charge, hessian, third_derivative)
