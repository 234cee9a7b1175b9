"""Laws of the fluctuations of order d^(-1/2) around the ODE, and of Hermite coefficients."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.gaussian import gaussian_mean
from theory.gaussian.numeric import form_function
from theory.law import Law, Mutant, Regime, mutant_result, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import activation as unit
from theory.order_parameters.clt_laws import diffusion, drift, jacobian, unpack
from theory.order_parameters.expectation_laws import picked
from theory.order_parameters.network_parameters import FITS
from theory.order_parameters.single_unit import (
    ARNABOLDI,
    BATCH,
    ETA,
    NOISE,
    M,
    P,
    Q,
    _evaluate,
)
from theory.order_parameters.single_unit_laws import SINGLE as _SINGLE
from theory.order_parameters.state import State
from theory.parameter import Parameter, integer, positive
from theory.source import DERIVED

_FIELD, _TEACHER, _XI = sp.symbols("lam nu xi", real=True)
ORDER = Parameter("order", None, "degree of the Hermite polynomial", integer(0, region=(0, 9), high=60))


def _noise_mean(expression: Any) -> Any:
    """Mean over the label noise: moments 1, 0, Delta, 0, 3 Delta^2."""
    polynomial = sp.Poly(sp.expand(expression), _XI)
    moments = {0: 1, 2: NOISE, 4: 3 * NOISE**2}
    return sp.Add(*(c * moments[n] for (n,), c in polynomial.terms() if n % 2 == 0))


def _increment_covariance(name: str) -> Derivation:
    s, slope = unit(name).at, unit(name).slope
    residual = s(_TEACHER) - s(_FIELD) + _XI
    m = ETA * residual * slope(_FIELD) * _TEACHER
    linear = 2 * ETA * residual * slope(_FIELD) * _FIELD
    square = ETA**2 * residual**2 * slope(_FIELD) ** 2

    def mean(expression: Any) -> Any:
        return gaussian_mean(_noise_mean(expression), (_FIELD, _TEACHER), sp.Matrix([[Q, M], [M, P]])).form

    def covariance(x: Any, y: Any) -> Any:
        return sp.expand(mean(x * y) - mean(x) * mean(y))

    per_batch = square / BATCH
    cross = covariance(m, linear) / BATCH + covariance(m, square) / BATCH**2
    own = (
        covariance(linear, linear) / BATCH
        + 2 * covariance(linear, square) / BATCH**2
        + covariance(square, square) / BATCH**3
    )
    form = sp.Tuple(*(sp.expand(e) for e in (covariance(m, m) / BATCH, cross, own)))
    return derivation(
        ("increments per sample", sp.Tuple(m, linear + per_batch), "d times the change, |x|^2/d -> 1"),
        ("Var M, Cov(M, Q), Var Q", form, "Wick; the square enters with 1/B, averaged over B samples"),
    )


def _increment_definition(name: str, **v: Any) -> list[float]:
    """Covariance of the increments by quadrature over fields and label noise."""
    import numpy as np

    from theory.gaussian.quadrature import numeric_function, smooth_mean
    from theory.order_parameters.activation import X

    number = lambda x: float(x[0][0] if isinstance(x, list) else x)  # noqa: E731
    q, m, p = (number(v[k]) for k in ("student_overlap", "teacher_student_overlap", "teacher_overlap"))
    eta, noise, b = (number(v[k]) for k in ("learning_rate", "noise_variance", "batch_size"))
    s, ds = (numeric_function(e, (X,)) for e in (unit(name).expression, unit(name).derivative))

    def integrand(x: Any, y: Any, xi: Any) -> Any:
        e = s(y) - s(x) + math.sqrt(noise) * xi
        dm_, dq = eta * e * ds(x) * y, eta * 2 * e * ds(x) * x + eta**2 / b * e**2 * ds(x) ** 2
        return np.stack([dm_, dq, dm_ * dm_, dm_ * dq, dq * dq])

    a, c, aa, ac, cc = smooth_mean(integrand, [[q, m, 0.0], [m, p, 0.0], [0.0, 0.0, 1.0]], 14)
    return [(aa - a * a) / b, (ac - a * c) / b, (cc - c * c) / b]


def _stationary_error() -> Derivation:
    r = sp.Symbol("r", positive=True)
    rate = 2 * ETA - ETA**2
    star = ETA * NOISE / (2 - ETA)
    variance = sp.factor(_increment_of_excess())
    stationary = sp.factor(sp.simplify((variance / (2 * rate)).subs(r, star)) / 4)
    return derivation(
        ("excess", r, "r = Q - 2M + P, error r/2"),
        ("drift", -rate * r + ETA**2 * NOISE, "linear unit"),
        ("noise of the excess", variance, "d^2 times the one-step variance"),
        ("stationary", stationary, "Ornstein-Uhlenbeck: variance/(2 rate), error = r/2"),
    )


def _increment_of_excess() -> Any:
    """Return d^2 Var of the change of r in one step, u the deviation field of variance r."""
    r = sp.Symbol("r", positive=True)
    u = sp.Symbol("u", real=True)
    change = -2 * ETA * (u + _XI) * u + ETA**2 * (u + _XI) ** 2
    first = gaussian_mean(_noise_mean(change), (u,), sp.Matrix([[r]])).form
    second = gaussian_mean(_noise_mean(change**2), (u,), sp.Matrix([[r]])).form
    return sp.expand(second - first**2)


def _stationary_definition(learning_rate: Any, noise_variance: Any) -> float:
    """Lyapunov equation of the overlaps at the floor: Jacobian of the ODE, covariance of one step by quadrature."""
    import numpy as np
    from scipy.linalg import solve_continuous_lyapunov
    from scipy.optimize import root

    base = State(
        "linear", "linear", [[1.0]], [[1.0]], [[1.0]], [1.0], [1.0], float(learning_rate), float(noise_variance)
    )
    fixed = root(lambda x: drift(x, base), np.array([1.0, 1.1]), tol=1e-14).x
    j = jacobian(fixed, base)
    sigma = solve_continuous_lyapunov(j, -diffusion(unpack(fixed, base)))
    weight = np.array([-1.0, 0.5])  # error = (Q - 2 M + P)/2
    return float(weight @ sigma @ weight)


def _hermite(order: int = 3) -> Derivation:
    x = sp.Symbol("x", real=True)
    polynomial = sp.expand(2 ** sp.Rational(-order, 2) * sp.hermite(order, x / sp.sqrt(2)))
    form = gaussian_mean(sp.erf(x / sp.sqrt(2)) * polynomial, (x,), sp.Matrix([[1]])).form / sp.factorial(order)
    return derivation(
        ("Hermite polynomial", polynomial, "He_n"), ("coefficient", sp.nsimplify(sp.simplify(form)), "Stein")
    )


def _hermite_definition(order: int) -> Any:
    n = int(order)

    def integrand(x: Any) -> Any:
        he = mpmath.hermite(n, x / mpmath.sqrt(2)) / mpmath.mpf(2) ** (mpmath.mpf(n) / 2)
        return mpmath.erf(x / mpmath.sqrt(2)) * he * mpmath.npdf(x)

    return mpmath.quad(integrand, [-12, -4, 0, 4, 12]) / mpmath.factorial(n)


def _mixed(power: int) -> Derivation:
    z1, z2 = sp.symbols("z1 z2", real=True)
    variable = sp.erf(z1 / sp.sqrt(2)) * z2**power
    return derivation(
        ("random variable", variable, "erf unit against a polynomial one"),
        ("mean", sp.factor(gaussian_mean(variable, (z1, z2)).form), "Stein and tilt"),
    )


def _mixed_evaluate(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    c = values["covariance"]
    with mpmath.workdps(digits + 10):
        symbols = (sp.Symbol("C11", positive=True), sp.Symbol("C12", real=True), sp.Symbol("C22", positive=True))
        return form_function(d.result, symbols)(*(mpmath.mpf(repr(float(x))) for x in (c[0][0], c[0][1], c[1][1])))


def _mixed_definition(power: int, covariance: Any) -> float:
    from scipy.special import erf

    from theory.gaussian.quadrature import smooth_mean

    matrix = [[float(x) for x in row] for row in covariance]
    return float(smooth_mean(lambda x, y: erf(x / math.sqrt(2)) * y**power, matrix, 100))


def _mixed_law(power: int, name: str, mutants: Any) -> Law:
    return Law(
        id=f"order_parameters.mixed.{name}",
        title=f"mean of an erf unit times z^{power}",
        statement="Zero-mean Gaussian fields with any 2 x 2 covariance.",
        quantity=sp.Symbol("E[s(z1) z2**n]"),
        parameters=(dm.COVARIANCE.within(dm.symmetric("covariance", 2)),),
        derive=partial(_mixed, power),
        definition=partial(_mixed_definition, power),
        evaluator=_mixed_evaluate,
        sources=(DERIVED,),
        mutants=mutants,
        priority="B",
    )


def _plain(covariance: Any, squared: bool) -> float:
    c = picked(covariance, (1, 2))
    base = math.sqrt(2 / math.pi) * c(1, 2) / math.sqrt(1 + c(1, 1))
    return base * 3 * c(2, 2) if squared else base * math.sqrt(1 + c(1, 1))


def _without_squared_noise(law: Law, values: Any) -> list[float]:
    """Var Q without its terms in Delta^2, as if the label noise entered the square of the residual once."""
    full = law.complete(values)
    form = law.derivation().result
    spoiled = sp.Tuple(*form[:2], sp.expand(form[2]).subs(NOISE**2, 0))
    return [float(x) for x in _evaluate(_SINGLE, derivation(("spoiled", spoiled)), full, 15)]


def _increment_law(name: str) -> Law:
    return Law(
        id=f"order_parameters.increment_covariance.{name}",
        title=f"covariance of one step of one {name} unit",
        statement="d^2 times the one-step covariance of the overlaps, value [Var M, Cov(M, Q), Var Q], d -> infinity.",
        quantity=sp.Symbol("Dm"),
        parameters=_SINGLE,
        derive=partial(_increment_covariance, name),
        definition=partial(_increment_definition, name),
        evaluator=lambda d, v, n: _evaluate(_SINGLE, d, v, n),
        constraints=(FITS,),
        regime=Regime("d -> infinity", "O(1/d)"),
        sources=(ARNABOLDI, DERIVED),
        rungs=("algebra", "chain"),
        priority="B",
        gate_points=8,
        mutants=(
            mutant_result("Cov(M, Q) = 0", lambda value, **_: [value[0], 0.0, value[2]]),
            Mutant("Delta^2 term of Var Q missing", _without_squared_noise),
        ),
    )


LAWS = (
    _increment_law("linear"),
    _increment_law("quadratic"),
    Law(
        id="order_parameters.fluctuation.stationary_error.linear",
        title="fluctuation of the error at the floor of a linear unit",
        statement="d Var(eps) = 2 eps*^2 with eps* = eta Delta/(2(2 - eta)), batch one.",
        quantity=sp.Symbol("d Var(eps)"),
        parameters=(dm.LEARNING_RATE.within(positive(0.2, 1.2)), dm.NOISE),
        derive=_stationary_error,
        definition=_stationary_definition,
        sources=(DERIVED,),
        regime=Regime("d -> infinity", "O(1/d)"),
        rungs=("algebra", "chain"),
        priority="B",
        mutants=(
            mutant_result("eps*^2", lambda value, **_: value / 2),
            mutant_value(
                "2 eps*", lambda learning_rate, noise_variance: learning_rate * noise_variance / (2 - learning_rate)
            ),
        ),
    ),
    Law(
        id="order_parameters.hermite_coefficient.erf",
        title="Hermite coefficients of erf(x/sqrt 2)",
        statement="c_n = E[erf(x/sqrt 2) He_n(x)]/n! for x ~ N(0, 1).",
        quantity=sp.Symbol("c_n"),
        parameters=(ORDER,),
        derive=_hermite,
        definition=_hermite_definition,
        structure=("order",),
        display={"order": 3},
        sources=(DERIVED,),
        priority="B",
        gate_points=10,
        mutants=(
            mutant_result("without /n!", lambda value, order: value * math.factorial(int(order))),
            mutant_result("no alternating sign", lambda value, **_: abs(value)),
        ),
    ),
    _mixed_law(1, "i2_erf_linear", (mutant_value("without 1/sqrt(1 + C11)", partial(_plain, squared=False)),)),
    _mixed_law(3, "i2_erf_cubic", (mutant_value("3 C22 only", partial(_plain, squared=True)),)),
)
