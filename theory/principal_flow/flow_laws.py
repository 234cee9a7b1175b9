"""Laws of the principal flow: its coefficient, its truncations, exactness on quadratics, stability."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, nonnegative, positive, real
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import euler_terms
from theory.source import DERIVED

_X = s.scaled_curvature
_ALPHA = sp.Function("alpha")(s.x)
_p = sp.Symbol("p", integer=True, nonnegative=True)


def alpha_form(x: Any) -> Any:
    """phi(x) = log(1-x)/x with phi(0) = -1, as an expression (principal logarithm)."""
    return sp.Piecewise((-1, sp.Eq(x, 0)), (sp.log(1 - x) / x, True))


def contour(x: Any) -> Any:
    """- int_0^1 ds/(1 - s x) on a path below the real axis: phi(x) without a logarithm, on the branch of the family."""
    return -mpmath.quad(lambda t: 1 / (1 - t * x), [0, mpmath.mpc("0.3", "-0.4"), mpmath.mpc("0.8", "-0.4"), 1])


def log_alpha(x: float) -> complex:
    """phi(x) in floats, for mutants."""
    return complex(mpmath.mpc(mpmath.log(mpmath.mpf(1) - x) / x)) if x else -1.0


def pair(value: complex) -> list[float]:
    """[re, im] of a number."""
    return [complex(value).real, complex(value).imag]


def truncation(scaled_curvature: Any, order: int) -> Any:
    """alpha_N from the formal logarithm of gradient descent on the quadratic with curvature x, at step 1."""
    terms = euler_terms(lambda v: [-scaled_curvature * v[0]], [1 / mpmath.mpf(scaled_curvature)], int(order))
    return sum(term[0] for term in terms)


def truncated_steps(order: int | None = None) -> Derivation:
    """Ladders only: F(path_n) = (-1)^n H^(n-1) g with coefficient (-1)^(n-1)/n."""
    ladder = -(s.x**_p) / (_p + 1)
    top = s.N - 1 if order is None else order - 1
    total = sp.Sum(ladder, (_p, 0, top))
    return derivation(
        ("ladder terms", ladder, "c(path) = (-1)^(n-1)/n times one minus per node, n = p + 1, h^p lambda^p = x^p"),
        ("sum over the kept orders", total if order is None else total.doit(), "all other trees vanish on a quadratic"),
    )


def _fixed_order(name: str, order: int, title: str, mutants: Any) -> Law:
    return Law(
        id=f"principal_flow.coefficient.{name}",
        title=title,
        statement=f"thetadot = alpha u_i.g along the eigenvector u_i, truncated at {order} term(s)",
        quantity=_ALPHA,
        parameters=(_X,),
        derive=lambda: truncated_steps(order),
        definition=lambda scaled_curvature: truncation(scaled_curvature, order),
        sources=(s.ROSCA,),
        mutants=mutants,
        rungs=("algebra", "net"),
    )


NGF = _fixed_order("ngf", 1, "Coefficient of the negative gradient flow", (
    mutant_value("1+x", lambda scaled_curvature: -(1 + scaled_curvature)),
    mutant_value("IGR", lambda scaled_curvature: -(1 + scaled_curvature / 2)),
))  # fmt: skip
IGR = _fixed_order("igr", 2, "Coefficient of the implicit-regularisation flow", (
    mutant_value("1+x", lambda scaled_curvature: -(1 + scaled_curvature)),
    mutant_value("1-x/2", lambda scaled_curvature: -(1 - scaled_curvature / 2)),
))  # fmt: skip
THIRD = _fixed_order("third_order", 3, "Coefficient of the third-order flow along an eigenvector of a quadratic", (
    mutant_value("x^2/6", lambda scaled_curvature: -(1 + scaled_curvature / 2 + scaled_curvature**2 / 6)),
    mutant_value("1+x", lambda scaled_curvature: -(1 + scaled_curvature + scaled_curvature**2 / 3)),
))  # fmt: skip


def _factorials(scaled_curvature: float, order: int) -> float:
    return -sum(scaled_curvature**q / math.factorial(q + 1) for q in range(int(order)))


def _shifted(scaled_curvature: float, order: int) -> float:
    return -sum(scaled_curvature**q / (q + 2) for q in range(int(order)))


TRUNCATED = Law(
    id="principal_flow.coefficient.truncated",
    title="Coefficient of the flow truncated at any order",
    statement="alpha_N = - sum_{p<N} x^p/(p+1); it tends to the principal flow for |x| < 1 only",
    quantity=sp.Function("alpha_N")(s.x),
    parameters=(_X, s.order),
    derive=truncated_steps,
    definition=truncation,
    sources=(s.ROSCA,),
    mutants=(mutant_value("p+1 -> p+2", _shifted), mutant_value("(p+1)!", _factorials)),
    rungs=("algebra", "chain"),
)

KEEPS_MINIMA = Law(
    id="principal_flow.truncation_keeps_minima",
    title="No truncation sees that a minimum repels",
    statement="for x > 0 every alpha_N < 0: the truncated flow is attracted without oscillation even where x > 2",
    quantity=sp.Function("alpha_N")(s.x),
    parameters=(_X.within(positive(0.2, 3.4)), s.order),
    derive=truncated_steps,
    definition=truncation,
    sources=(DERIVED,),
    mutants=(mutant_value("p+1 -> p+2", _shifted),),
    rungs=("algebra", "chain"),
)


def _principal_steps() -> Derivation:
    ladder = -(s.x**_p) / (_p + 1)
    # d/dx (x alpha) is the geometric series; its integral from 0 is the logarithm.
    closed = sp.log(1 - s.x)
    if sp.simplify(sp.diff(closed, s.x) + 1 / (1 - s.x)) != 0 or closed.subs(s.x, 0) != 0:
        raise ArithmeticError("the sum of the ladders is not the logarithm")
    return derivation(
        ("sum of the ladders", sp.Sum(ladder, (_p, 0, sp.oo)), "principal terms of all orders"),
        ("derivative of x alpha", -1 / (1 - s.x), "geometric series, |x| < 1"),
        ("x alpha", closed, "integration from 0; continued above the branch point at x = 1"),
        ("alpha", alpha_form(s.x), "division by x; alpha(0) = -1"),
    )


PRINCIPAL = Law(
    id="principal_flow.coefficient.principal",
    title="Coefficient of the principal flow",
    statement="thetadot = sum_i alpha(h lambda_i) (g.u_i) u_i = phi(hH) g with alpha(x) = log(1-x)/x, "
    "log(1-x) = ln(x-1) + i pi for x > 1",
    quantity=_ALPHA,
    parameters=(_X,),
    derive=_principal_steps,
    definition=lambda scaled_curvature: contour(scaled_curvature),
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("log(1+x)/x", lambda scaled_curvature: pair(-log_alpha(-scaled_curvature))),
        mutant_result("conjugate", lambda v, **_: [v[0], -v[1]]),
        mutant_result("real part only", lambda v, **_: [v[0], 0.0]),
        mutant_value("-1/(1-x/2)", lambda scaled_curvature: [-1 / (1 - scaled_curvature / 2), 0.0]),
    ),
    rungs=("algebra", "net"),
    constraints=(s.not_singular,),
    complex_valued=True,
)

_hl_not_one = Constraint(
    lambda v: abs(v["learning_rate"] * v["curvature"] - 1) > 1e-12,
    "learning_rate * curvature must not be 1 (one-step convergence along this direction)",
)
_START = Parameter("initial_value", sp.Symbol("theta_0", real=True), "coordinate at t = 0", real(-2.0, 2.0))
_STEPS = Parameter("steps", sp.Symbol("s", real=True), "time over learning rate, t/h >= 0", nonnegative(0.3, 6.0))
RATE = s.learning_rate.within(positive(0.1, 0.7))


def _quadratic_steps() -> Derivation:
    theta, t = sp.Symbol("theta"), sp.Symbol("t")
    exponent = sp.log(1 - s.h * s.lam) / s.h
    return derivation(
        ("gradient", s.lam * theta, "E = lambda theta^2/2"),
        ("principal flow", exponent * theta, "alpha(h lambda) lambda theta; no division by lambda remains"),
        ("solution", _START.symbol * sp.exp(exponent * t), "linear equation"),
        ("after s steps", _START.symbol * sp.exp(_STEPS.symbol * sp.log(1 - s.h * s.lam)), "t = s h"),
    )


def _quadratic_definition(learning_rate: Any, curvature: Any, initial_value: Any, steps: Any) -> Any:
    x = learning_rate * curvature
    whole = int(mpmath.floor(steps))
    value = mpmath.mpf(initial_value)
    for _ in range(whole):
        value -= learning_rate * curvature * value
    return value * mpmath.exp((steps - whole) * x * contour(x))


def _power(value: Any, exponent: complex) -> list[float]:
    return pair(value * complex(mpmath.exp(exponent)))


QUADRATIC = Law(
    id="principal_flow.quadratic_solution",
    title="The principal flow passes through every iterate on a quadratic",
    statement="theta(t) = theta_0 exp((t/h) log(1 - h lambda)), = GD at integer t/h, h lambda != 1",
    quantity=sp.Symbol("theta"),
    parameters=(RATE, s.curvature.within(real(-3.0, 5.0)), _START, _STEPS),
    derive=_quadratic_steps,
    definition=_quadratic_definition,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("exp(-lambda t)", lambda learning_rate, curvature, initial_value, steps: _power(
            initial_value, -steps * learning_rate * curvature)),
        mutant_value("IGR exponent", lambda learning_rate, curvature, initial_value, steps: _power(
            initial_value, -steps * learning_rate * curvature * (1 + learning_rate * curvature / 2))),
        mutant_value("i pi missing", lambda learning_rate, curvature, initial_value, steps: [
            initial_value * abs(1 - learning_rate * curvature) ** steps, 0.0]),
    ),
    rungs=("algebra", "flow"),
    constraints=(_hl_not_one,),
    complex_valued=True,
)  # fmt: skip

_NONZERO = Constraint(lambda v: v["scaled_curvature"] != 0, "scaled_curvature must not be 0 (alpha(0) = -1)")


def _grows(scaled_curvature: Any) -> Any:
    value = mpmath.mpf(1)
    for _ in range(60):
        value *= 1 - scaled_curvature
    size = mpmath.log(abs(value)) / scaled_curvature
    return mpmath.sign(size) if abs(size) > mpmath.mpf(10) ** -12 else mpmath.mpf(0)


REGIME = Law(
    id="principal_flow.stability_regime",
    title="Sign of the principal coefficient: attracted, marginal or repelled",
    statement="Re alpha < 0 for x < 2, 0 at x = 2, > 0 for x > 2; Im alpha = pi/x for x > 1, else 0 (value: the sign)",
    quantity=sp.Symbol("sign(Re(alpha))"),
    parameters=(_X.within(real(-1.5, 5.5)),),
    derive=lambda: derivation(
        ("alpha", sp.log(1 - s.x) / s.x, "coefficient.principal"),
        ("real part", sp.log(sp.Abs(1 - s.x)) / s.x, "log of a negative number: ln|.| + i pi"),
        ("sign", sp.sign(sp.log(sp.Abs(1 - s.x)) / s.x), "zero at x = 2"),
    ),
    definition=_grows,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("threshold 1", lambda scaled_curvature: float((scaled_curvature > 1) - (scaled_curvature < 1))),
        mutant_value("threshold 4", lambda scaled_curvature: float((scaled_curvature > 4) - (scaled_curvature < 4))),
    ),
    rungs=("algebra", "chain", "net"),
    constraints=(s.not_singular, _NONZERO),
)


def _growth(scaled_curvature: Any) -> Any:
    value, count = mpmath.mpf(1), 25
    for _ in range(count):
        value -= scaled_curvature * value
    return mpmath.log(abs(value)) / count


GROWTH = Law(
    id="principal_flow.growth_exponent.gd",
    title="Growth per step of gradient descent close to a critical point",
    statement="log|1 - x| per step along an eigenvector of the Hessian: tangent dynamics at a critical point",
    quantity=sp.Symbol("Lambda"),
    parameters=(_X,),
    derive=lambda: derivation(
        ("tangent map", 1 - s.x, "derivative of theta - h g at a critical point"),
        ("exponent", sp.log(sp.Abs(1 - s.x)), "logarithm of its modulus"),
    ),
    definition=_growth,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("-x", lambda scaled_curvature: -scaled_curvature),
        mutant_value("log|1-x/2|", lambda scaled_curvature: math.log(abs(1 - scaled_curvature / 2))),
    ),
    rungs=("algebra", "chain", "net"),
    constraints=(s.not_singular,),
)

STABILITY = Law(
    id="principal_flow.stability_coefficient",
    title="Stability coefficient of a Hessian direction",
    statement="sc_i = alpha(h lambda_i) |g.u_i|, the speed of the principal flow along u_i with g.u_i >= 0",
    quantity=sp.Symbol("sc"),
    parameters=(RATE, s.curvature.within(real(-3.0, 5.0)), s.gradient_component),
    derive=lambda: derivation(
        ("speed along u_i", alpha_form(s.h * s.lam) * s.gradient_component.symbol, "principal flow"),
        ("sign of u_i", alpha_form(s.h * s.lam) * sp.Abs(s.gradient_component.symbol), "chosen so that g.u_i >= 0"),
    ),
    definition=lambda learning_rate, curvature, gradient_component: (
        contour(learning_rate * curvature) * abs(gradient_component)
    ),
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("alpha of IGR", lambda learning_rate, curvature, gradient_component: [
            -(1 + learning_rate * curvature / 2) * abs(gradient_component), 0.0]),
        mutant_result("real logarithm of |1-x| only", lambda v, **_: [v[0], 0.0]),
    ),
    rungs=("algebra", "net"),
    constraints=(_hl_not_one,),
    complex_valued=True,
)  # fmt: skip

LAWS = (NGF, IGR, THIRD, PRINCIPAL, TRUNCATED, QUADRATIC, REGIME, GROWTH, STABILITY, KEEPS_MINIMA)
