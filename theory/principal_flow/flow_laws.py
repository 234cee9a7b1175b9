"""Laws of the principal flow: its coefficient, truncations, exactness on quadratics, loss change, local error."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive, real
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import euler_terms, flow_series
from theory.principal_flow.losses import cubic_field
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


def _truncation(scaled_curvature: Any, order: int) -> Any:
    """alpha_N from the formal logarithm of gradient descent on the quadratic with curvature x, at step 1."""
    terms = euler_terms(lambda v: [-scaled_curvature * v[0]], [1 / mpmath.mpf(scaled_curvature)], int(order))
    return sum(term[0] for term in terms)


def _truncated_steps(order: int | None = None) -> Derivation:
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
        derive=lambda: _truncated_steps(order),
        definition=lambda scaled_curvature: _truncation(scaled_curvature, order),
        sources=(s.ROSCA,),
        mutants=mutants,
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
    derive=_truncated_steps,
    definition=_truncation,
    sources=(s.ROSCA,),
    mutants=(mutant_value("p+1 -> p+2", _shifted), mutant_value("(p+1)!", _factorials)),
)

KEEPS_MINIMA = Law(
    id="principal_flow.truncation_keeps_minima",
    title="No truncation sees that a minimum repels",
    statement="for x > 0 every alpha_N < 0: the truncated flow is attracted without oscillation even where x > 2",
    quantity=sp.Function("alpha_N")(s.x),
    parameters=(_X.within(positive(0.2, 3.4)), s.order),
    derive=_truncated_steps,
    definition=_truncation,
    sources=(DERIVED,),
    mutants=(mutant_value("p+1 -> p+2", _shifted),),
    rungs=("algebra", "chain"),
)


def _principal_steps() -> Derivation:
    ladder = -(s.x**_p) / (_p + 1)
    y = sp.Symbol("y")
    geometric = 1 / (1 - y)
    # d/dx (x alpha) is the geometric series; integrating it back gives the logarithm.
    primitive = -sp.integrate(-geometric, (y, 0, s.x))
    closed = sp.log(1 - s.x)
    if sp.simplify(sp.diff(closed, s.x) + 1 / (1 - s.x)) != 0 or closed.subs(s.x, 0) != 0 or primitive is None:
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
    rungs=("algebra", "flow", "net"),
    constraints=(s.not_singular,),
    complex_valued=True,
)

_hl_not_one = Constraint(
    lambda v: abs(v["learning_rate"] * v["curvature"] - 1) > 1e-12,
    "learning_rate * curvature must not be 1 (one-step convergence along this direction)",
)
_START = Parameter("initial_value", sp.Symbol("theta_0", real=True), "coordinate at t = 0", real(-2.0, 2.0))
_STEPS = Parameter("steps", sp.Symbol("s", real=True), "time over learning rate, t/h >= 0", positive(0.0, 6.0).__class__(
    "real", low=0.0, region=(0.3, 6.0)))  # fmt: skip
_RATE = s.learning_rate.within(positive(0.1, 0.7))


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
    statement="theta(t) = theta_0 exp((t/h) log(1 - h lambda)), equal to gradient descent at integer t/h for all h lambda != 1",
    quantity=sp.Symbol("theta"),
    parameters=(_RATE, s.curvature.within(real(-3.0, 5.0)), _START, _STEPS),
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
    rungs=("algebra", "chain"),
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
    parameters=(_RATE, s.curvature.within(real(-3.0, 5.0)), s.gradient_component),
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
    constraints=(_hl_not_one,),
    complex_valued=True,
)  # fmt: skip

_LISTS = (_RATE, s.curvatures.within(s.curvatures.domain), s.gradient_components)
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
    definition=lambda learning_rate, curvatures, gradient_components: sum(
        contour(learning_rate * c) * a * a for c, a in zip(curvatures, gradient_components)
    ),
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


def _largest_zero(order: int) -> Any:
    """Largest negative zero of alpha_N for even N."""
    count = int(order)
    # P(y) = sum (-y)^p/(p+1); the only sign change for y > 0 is the root.
    return mpmath.findroot(
        lambda y: mpmath.fsum((-y) ** q / mpmath.mpf(q + 1) for q in range(count)), (1, 3), solver="anderson"
    )


def _sign_change_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(derived.result.doit() if derived.result.has(sp.Sum) else derived.result, (s.x,))

    def root() -> Any:
        low, high = mpmath.mpf(-3), mpmath.mpf(-1)
        return mpmath.findroot(lambda y: function(y), (low, high), solver="anderson", verify=False)

    return converged(root, digits)


SIGN_CHANGE = Law(
    id="principal_flow.coefficient.truncated_sign_change",
    title="Where a truncation turns a repelling direction of a saddle into an attracting one",
    statement="largest negative zero of alpha_N for even N; odd N have none",
    quantity=sp.Symbol("x_N"),
    parameters=(Parameter("order", s.N, "even number of terms kept", integer(2, (2, 10), 60)),),
    derive=lambda order: derivation(
        ("alpha_N", _truncated_steps(int(order)).result, "coefficient.truncated"),
        ("equation for its zero", sp.expand(_truncated_steps(int(order)).result), "alpha_N(x) = 0, x < 0"),
    ),
    definition=lambda order: -_largest_zero(order),
    sources=(DERIVED,),
    mutants=(
        mutant_value("-1", lambda order: -1.0),
        mutant_result("+root", lambda v, **_: -v),
    ),
    rungs=("algebra", "chain"),
    structure=("order",),
    display={"order": 4},
    constraints=(
        Constraint(
            lambda v: int(v["order"]) % 2 == 0, "order must be even; for odd order alpha_N has no negative zero"
        ),
    ),
    evaluator=_sign_change_value,
    priority="B",
)


def _maximum_steps() -> Derivation:
    w, y = sp.symbols("w y", positive=True)
    real_part = sp.log(s.x - 1) / s.x
    stationary = sp.simplify(sp.diff(real_part, s.x) * s.x**2)
    substituted = sp.simplify(stationary.subs(s.x, 1 + 1 / w))
    root = sp.solve(sp.Eq(w + sp.log(w) + 1, 0), w)[0]
    if sp.simplify(sp.expand_log(substituted, force=True) - (1 + w + sp.log(w))) != 0:
        raise ArithmeticError("the substitution w = 1/(x-1) does not give 1 + w + ln w = 0")
    location = 1 + 1 / root
    return derivation(
        ("real part for x > 2", real_part, "Re log(1-x) = ln(x-1)"),
        ("derivative times x^2", stationary, "stationary point: ln(x-1) = x/(x-1)"),
        ("with w = 1/(x-1)", sp.Eq(w * sp.exp(w), sp.exp(-1)), "w e^w = 1/e"),
        ("location", location, "Lambert's function"),
    )


def _maximum_value_steps() -> Derivation:
    before = _maximum_steps()
    # At the stationary point ln(x-1)/x = 1/(x-1) = w.
    return Derivation((*before.steps, *derivation(
        ("maximum", sp.simplify(1 / (before.result - 1)), "ln(x-1)/x = 1/(x-1) there")).steps))  # fmt: skip


def _maximise() -> Any:
    return mpmath.findroot(lambda y: mpmath.diff(lambda z: mpmath.log(z - 1) / z, y), 4.6)


_W = {name: float(mpmath.lambertw(v)) for name, v in (("W(1)", 1), ("W(e)", mpmath.e))}
MAXIMUM = Law(
    id="principal_flow.coefficient.maximum_growth",
    title="Largest real part of the principal coefficient",
    statement="max over x > 2 of Re alpha(x) = W(1/e), W Lambert's function",
    quantity=sp.Symbol("max Re(alpha)"),
    parameters=(),
    derive=_maximum_value_steps,
    definition=lambda: mpmath.log(_maximise() - 1) / _maximise(),
    sources=(DERIVED,),
    mutants=tuple(mutant_value(name, lambda v=v: v) for name, v in _W.items()),
    priority="B",
)
LOCATION = Law(
    id="principal_flow.coefficient.maximum_growth_location",
    title="Where the real part of the principal coefficient is largest",
    statement="x = 1 + exp(1 + W(1/e)), the solution of ln(x-1) = x/(x-1)",
    quantity=sp.Symbol("x_max"),
    parameters=(),
    derive=_maximum_steps,
    definition=_maximise,
    sources=(DERIVED,),
    mutants=tuple(mutant_value(name, lambda v=v: 1 + math.exp(1 + v)) for name, v in _W.items()),
    priority="B",
)

LAWS = (
    NGF, IGR, THIRD, PRINCIPAL, TRUNCATED, QUADRATIC, REGIME, GROWTH, STABILITY, LOSS_RATE, LOSS_CHANGE,
    LOCAL_PRINCIPAL, KEEPS_MINIMA, MAXIMUM, LOCATION, SIGN_CHANGE,
)  # fmt: skip
