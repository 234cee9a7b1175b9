"""Critical learning rates in closed form: Cauchy and arcsine curvature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, positive
from theory.stability.critical_roots import critical
from theory.stability.exponents_circle import ARCSINE
from theory.stability.exponents_elementary import CAUCHY
from theory.stability.roots import exponent_roots, near

eta = sy.eta


def defined(exponent: Law) -> Callable[..., Any]:
    """Return the definition of an exponent, the quadrature on which its zeros are sought again."""
    if exponent.definition is None:
        raise DerivationError(f"{exponent.id} has no definition.")
    return exponent.definition


def _cauchy() -> Derivation:
    exponent = CAUCHY.closed_form
    location, width = sy.m, sy.gamma_
    inside = sp.expand((1 - eta * location) ** 2 + eta**2 * width**2)
    roots = sp.solve((inside - 1) / eta, eta)
    return derivation(
        ("exponent", exponent, "derived in stability.exponent.cauchy"),
        ("modulus", inside, "Lambda = log(modulus)/2 vanishes where the modulus is 1"),
        ("zero", sp.simplify(roots[0]), "the other zero is eta = 0"),
    )


CAUCHY_RATE = Law(
    id="stability.critical_learning_rate.cauchy",
    title="Critical learning rate of Cauchy curvature",
    statement="eta_c = 2 m/(m^2 + g^2), m > 0: the mean-square formula of a finite-variance law, although E h^2 is "
    "infinite here and SGD is mean-square unstable at every learning rate.",
    quantity=critical,
    parameters=(
        Parameter("curvature_location", sy.m, "location m > 0", positive(0.3, 1.5)),
        Parameter("curvature_scale", sy.gamma_, "half-width g", positive(0.3, 1.5)),
    ),
    derive=_cauchy,
    definition=lambda curvature_location, curvature_scale: near(
        defined(CAUCHY),
        {"curvature_location": curvature_location, "curvature_scale": curvature_scale, "batch_size": 1},
        2 * curvature_location / (curvature_location**2 + curvature_scale**2),
    ),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("2/m", lambda curvature_location, **_: 2 / curvature_location),
        mutant_value(
            "2 m/g^2", lambda curvature_location, curvature_scale: 2 * curvature_location / curvature_scale**2
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    gate_points=6,
)


def _arcsine() -> Derivation:
    c, r = sp.symbols("c r", positive=True)
    centre, radius = (sy.a + sy.b) / 2, (sy.b - sy.a) / 2
    inner = sp.solve(sp.Eq(eta * r / 2, 1), eta)[0]
    # Beyond the last pole y = c - 1/eta; y + sqrt(y^2 - r^2) = 2/eta, squared once, admits y <= 2/eta only.
    y = c - 1 / eta
    zeros = sp.solve(sp.Eq(sp.expand(((2 / eta - y) ** 2 - (y**2 - r**2)) * eta**2), 0), eta)
    narrow = {c: sp.Integer(2), r: sp.Rational(1, 2)}
    outer = next(x for x in zeros if 0 < x.subs(narrow) <= 3 / narrow[c])
    ends = {c: centre, r: radius}
    return derivation(
        ("exponent", ARCSINE.derivation(batch_size=1).result, "derived in stability.exponent.arcsine"),
        ("zero of the inner branch", inner, "log(eta r/2) = 0, c = (a + b)/2, r = (b - a)/2"),
        ("zero of the outer branch", outer, "eta (y + sqrt(y^2 - r^2))/2 = 1 with y = c - 1/eta > r, hence eta c <= 3"),
        ("which branch", sp.Ge(sy.b, 5 * sy.a), "1/eta = r/2 lies in (a, b): the pole is inside the support"),
        (
            "critical learning rate",
            sp.Piecewise((inner.subs(ends), sp.Ge(sy.b, 5 * sy.a)), (sp.simplify(outer.subs(ends)), True)),
            "the exponent increases beyond it",
        ),
    )


def _arcsine_zero(lower_curvature: Any, upper_curvature: Any) -> Any:
    """The zero of the quadrature over the curvature next to the largest zero of the exponent's closed form."""
    support = {"lower_curvature": float(lower_curvature), "upper_curvature": float(upper_curvature)}
    guess = exponent_roots(ARCSINE, {**support, "batch_size": 1}, support["upper_curvature"], 10)[-1]
    given = {"lower_curvature": lower_curvature, "upper_curvature": upper_curvature, "batch_size": 1}
    return near(defined(ARCSINE), given, guess)


ARCSINE_RATE = Law(
    id="stability.critical_learning_rate.arcsine",
    title="Critical learning rate of arcsine curvature",
    statement="4/(b - a) if b >= 5a; for 0 < a < b < 5a the pole lies below the support: 4/[c + sqrt(c^2 - 2 r^2)] with "
    "c = (a + b)/2, r = (b - a)/2; the two join at b = 5a. For 3b < -a no learning rate attracts.",
    quantity=critical,
    parameters=sy.support((-0.8, 1.1), (1.2, 2.9)),
    derive=_arcsine,
    definition=_arcsine_zero,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("2/b", lambda upper_curvature, **_: 2 / upper_curvature),
        mutant_value("4/(a + b)", lambda lower_curvature, upper_curvature: 4 / (lower_curvature + upper_curvature)),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(
        Constraint(
            lambda v: v["lower_curvature"] < v["upper_curvature"], "lower_curvature must lie below upper_curvature"
        ),
        Constraint(
            lambda v: 3 * v["upper_curvature"] >= -v["lower_curvature"] and v["upper_curvature"] > 0,
            "3 upper_curvature must be at least -lower_curvature: below that no learning rate attracts",
        ),
    ),
    gate_points=8,
)

CLOSED_RATES: tuple[Law, ...] = (CAUCHY_RATE, ARCSINE_RATE)
