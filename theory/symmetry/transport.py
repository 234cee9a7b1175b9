"""Noise along the orbit of a symmetry: the covariance is transported, and it never makes the charge fluctuate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import average, require_zero
from theory.symmetry.noether import THETA, A, loss_gradient, numeric_gradient, symmetry_direction

_DATA = (p.first_weight, p.second_weight, p.inputs, p.targets)
_LAMBDA = p.flow_parameter.symbol


def _second_moments(gradient: sp.Matrix) -> list[sp.Expr]:
    pairs = ((0, 0), (0, 1), (1, 1))
    return [average(gradient[i] * gradient[j]) - average(gradient[i]) * average(gradient[j]) for i, j in pairs]


def _derive_transport() -> Derivation:
    gradient = loss_gradient()
    back = (-_LAMBDA * A).exp()
    moved = dict(zip(THETA, (_LAMBDA * A).exp() * sp.Matrix(THETA), strict=True))
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
    uu, uw, ww = _second_moments(loss_gradient())
    a_theta = symmetry_direction()
    variance = (a_theta.T * sp.Matrix([[uu, uw], [uw, ww]]) * a_theta)[0]
    # inside the averages: the variance of g . A theta, which is zero sample by sample
    per_sample = sp.expand((loss_gradient().T * a_theta)[0])
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
LAWS = (gradient_transport, no_martingale)
