"""Noether identities of a symmetric loss: orthogonality, Hessian, third derivative, transport, no martingale."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import average, require_zero, scalar_loss

_THETA = (p.U, p.W)
_A = sp.diag(1, -1)
_SAMPLE = (p.first_weight, p.second_weight, p.input_value, p.target_value)
_DATA = (p.first_weight, p.second_weight, p.inputs, p.targets)
_RHO = sp.Symbol("rho", real=True)
_LAMBDA = p.flow_parameter.symbol


def _gradient() -> sp.Matrix:
    return sp.Matrix([sp.diff(scalar_loss(), q) for q in _THETA])


def _a_theta() -> sp.Matrix:
    """A theta, from the group action theta -> exp(rho A) theta."""
    moved = (_A * _RHO).exp() * sp.Matrix(_THETA)
    return moved.diff(_RHO).subs(_RHO, 0)


def _derive_orthogonality() -> Derivation:
    moved = dict(zip(_THETA, (_A * _RHO).exp() * sp.Matrix(_THETA), strict=True))
    along = scalar_loss().subs(moved, simultaneous=True)
    slope = sp.diff(along, _RHO)
    gradient = _gradient()
    product = sp.expand((gradient.T * _a_theta())[0])
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
    gradient, theta, a_theta = _gradient(), sp.Matrix(_THETA), _a_theta()
    velocity = -gradient - p.DECAY * theta
    rate = sp.expand(2 * (a_theta.T * velocity)[0])
    charge = (theta.T * _A * theta)[0]
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
    gradient, a_theta = _gradient(), _a_theta()
    claim = -_A * gradient
    found = gradient.jacobian(_THETA) * a_theta
    for entry in found - claim:
        require_zero(entry, "H A theta + A g")
    return derivation(
        (
            "derivative of g . A theta",
            sp.Tuple(*sp.Matrix([(gradient.T * a_theta)[0]]).jacobian(_THETA)),
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
    hess = _gradient().jacobian(_THETA)
    a_theta = _a_theta()
    contracted = sp.zeros(2)
    for k, q in enumerate(_THETA):
        contracted += hess.diff(q) * a_theta[k]
    claim = -(hess * _A + _A * hess)
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


def _second_moments(gradient: sp.Matrix) -> list[sp.Expr]:
    pairs = ((0, 0), (0, 1), (1, 1))
    return [average(gradient[i] * gradient[j]) - average(gradient[i]) * average(gradient[j]) for i, j in pairs]


def _derive_transport() -> Derivation:
    gradient = _gradient()
    back = (-_LAMBDA * _A).exp()
    moved = dict(zip(_THETA, (_LAMBDA * _A).exp() * sp.Matrix(_THETA), strict=True))
    for entry in (gradient.subs(moved, simultaneous=True) - back * gradient).applyfunc(sp.simplify):
        require_zero(entry, "g(theta_lambda) - exp(-lambda A) g(theta)")
    uu, uw, ww = _second_moments(gradient)
    sigma = back * sp.Matrix([[uu, uw], [uw, ww]]) * back
    return derivation(
        ("g(theta_lambda)", sp.Tuple(*(back * gradient)), "differentiate l(exp(lambda A) theta) = l(theta)"),
        ("[Sigma_uu, Sigma_uw, Sigma_ww] at theta_lambda", sp.Tuple(sigma[0, 0], sigma[0, 1], sigma[1, 1]),
         "covariance of the transported gradients"),
    )  # fmt: skip


def _covariances(v: dict[str, Any], u: Any, w: Any) -> Any:
    gradients = [numeric_gradient(u, w, x, y) for x, y in zip(v["inputs"], v["targets"], strict=True)]
    c = witness.covariance(gradients)
    return [c[0][0], c[0][1], c[1][1]]


def _define_transport(**v: Any) -> Any:
    stretch = mpmath.exp(v["flow_parameter"])
    return _covariances(v, v["first_weight"] * stretch, v["second_weight"] / stretch)


def _transport_mutant(factors: Callable[[Any], Any]) -> Any:
    def change(value: Any, flow_parameter: float, **_: Any) -> Any:
        return [x * float(f) for x, f in zip(value, factors(mpmath.exp(flow_parameter)), strict=True)]

    return change


gradient_transport = Law(
    id="symmetry.noether.gradient_transport",
    title="transport of the noise covariance along the orbit",
    statement="g(theta_lambda) = exp(-lambda A) g(theta), hence Sigma is transported on both sides;"
    " value [Sigma_uu, Sigma_uw, Sigma_ww] at theta_lambda for f = u w x",
    quantity=sp.Symbol("Sigma_lambda"),
    parameters=(*_DATA, p.flow_parameter),
    derive=_derive_transport,
    definition=_define_transport,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("exp(+lambda A)", _transport_mutant(lambda e: (e**4, 1, e**-4))),
        mutant_result("one-sided transport", _transport_mutant(lambda e: (e, 1, 1 / e))),
    ),
    constraints=(p.SAME_LENGTH,),
    gate_points=8,
)


def _derive_martingale() -> Derivation:
    uu, uw, ww = _second_moments(_gradient())
    a_theta = _a_theta()
    variance = (a_theta.T * sp.Matrix([[uu, uw], [uw, ww]]) * a_theta)[0]
    # inside the averages: the variance of g . A theta, which is zero sample by sample
    per_sample = sp.expand((_gradient().T * a_theta)[0])
    require_zero(per_sample, "g . A theta")
    return derivation(
        ("variance rate of C over 4 T", variance, "dC = 2 theta^T A sqrt(T Sigma) dW + drift"),
        ("as the variance of g . A theta", per_sample**2, "orthogonality sample by sample"),
    )


def _define_martingale(**v: Any) -> Any:
    u, w = v["first_weight"], v["second_weight"]
    uu, uw, ww = _covariances(v, u, w)
    return u * u * uu - 2 * u * w * uw + w * w * ww


def _fluctuating(first_weight: float, second_weight: float, inputs: Any, targets: Any) -> float:
    u, w = first_weight, second_weight
    slopes = [2 * (u * w * x - y) * x for x, y in zip(inputs, targets, strict=True)]
    mean = sum(slopes) / len(slopes)
    return 4 * (u * w) ** 2 * sum((g - mean) ** 2 for g in slopes) / len(slopes)


no_martingale = Law(
    id="symmetry.noether.no_martingale",
    title="the charge has no stochastic differential",
    statement="theta^T A Sigma A theta = 0: the noise moves C without making it fluctuate (here f = u w x)",
    quantity=sp.Symbol("VarC"),
    parameters=_DATA,
    derive=_derive_martingale,
    definition=_define_martingale,
    sources=(p.ZIYIN,),
    mutants=(mutant_value("C fluctuates", _fluctuating),),
    constraints=(p.SAME_LENGTH,),
    rungs=("algebra", "flow", "sgd"),
)
LAWS = (orthogonality, charge, hessian, third_derivative, gradient_transport, no_martingale)
