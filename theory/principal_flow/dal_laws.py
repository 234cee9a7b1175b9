"""Drift-adjusted learning rates (DAL): the rate, its lower bound, its orbit of period two, its limit on quadratics."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, positive, real_list
from theory.principal_flow import symbols as s
from theory.source import DERIVED

_POWER = Parameter("dal_power", sp.Symbol("p", positive=True), "power p", positive(0.3, 1.6))
_CAP = Parameter(
    "learning_rate_cap", sp.Symbol("cap", positive=True), "upper clip of the rate", positive(1.0, 6.0), None, False
)
_DAL = (s.gradient_components, s.curvatures, _POWER, _CAP)
_SAME = s.same_lengths("gradient_components", "curvatures")
_MOVING = Constraint(
    lambda v: any(a * c != 0 for a, c in zip(v["gradient_components"], v["curvatures"])),
    "H g must not vanish; the rate is unbounded there",
)


def _dal_steps() -> Derivation:
    index = (s.i, 0, s.n - 1)
    norm_g = sp.Sum(s.comps[s.i] ** 2, index)
    norm_hg = sp.Sum((s.curvs[s.i] * s.comps[s.i]) ** 2, index)
    ratio = sp.sqrt(norm_hg) / sp.sqrt(norm_g)
    return derivation(
        ("drift per step over h^2/2", sp.sqrt(norm_hg), "|H g| in the eigenbasis, drift.per_step"),
        ("relative drift", ratio, "over |g|"),
        ("rate before the clip", 2 / ratio**_POWER.symbol, "2/(.)^p"),
    )


def _dal_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(derived.result, (s.comps, s.curvs, _POWER.symbol, s.n))
    given = [values[key] for key in ("gradient_components", "curvatures", "dal_power")]
    cap = values["learning_rate_cap"]

    def rate() -> Any:
        value = function(*to_mp(given), len(given[0]))
        return value if cap is None else min(value, to_mp(cap))

    return converged(rate, digits)


def _dal_definition(gradient_components: Any, curvatures: Any, dal_power: Any, learning_rate_cap: Any) -> Any:
    """Drift of a literal step from the gradient flow of the quadratic, read off at a tiny step."""
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -15
        drift = []
        for a, c in zip(gradient_components, curvatures):
            flow = -a * mpmath.expm1(-c * h) / c if c else a * h
            drift.append((flow - a * h) * 2 / h**2)
        ratio = mpmath.norm(drift) / mpmath.norm(gradient_components)
        rate = 2 / ratio**dal_power
        return rate if learning_rate_cap is None else min(rate, learning_rate_cap)


def _dal_variant(top: float, divide: bool) -> Any:
    def value(
        gradient_components: list[float], curvatures: list[float], dal_power: float, learning_rate_cap: float | None
    ) -> float:
        norm = math.sqrt(sum((a * c) ** 2 for a, c in zip(gradient_components, curvatures)))
        if divide:
            norm /= math.sqrt(sum(a * a for a in gradient_components))
        rate = top / norm**dal_power
        return rate if learning_rate_cap is None else min(rate, learning_rate_cap)

    return value


DAL = Law(
    id="principal_flow.dal.learning_rate",
    title="Drift-adjusted learning rate",
    statement="min(2/(|H g|/|g|)^p, cap)",
    quantity=sp.Symbol("rate"),
    parameters=_DAL,
    derive=_dal_steps,
    definition=_dal_definition,
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("1/(...)^p", _dal_variant(1.0, True)),
        mutant_value("|H g| without |g|", _dal_variant(2.0, False)),
    ),
    rungs=("algebra", "net"),
    evaluator=_dal_value,
    constraints=(_SAME, _MOVING),
    priority="B",
)

_CURVED = s.curvatures.within(real_list(-4.0, 9.0, (2, 5)))
_CONVEX = s.curvatures.within(real_list(0.4, 6.0, (2, 4), positive=True))
_TOP = sp.Symbol("lambda_max", positive=True)


def _largest(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    return 2 / max(abs(to_mp(c)) for c in values["curvatures"])


def _bound_steps() -> Derivation:
    index = (s.i, 0, s.n - 1)
    square = sp.Sum((s.curvs[s.i] * s.comps[s.i]) ** 2, index)
    return derivation(
        ("|H g|^2", square, "eigenbasis"),
        (
            "bound",
            _TOP**2 * sp.Sum(s.comps[s.i] ** 2, index),
            "lambda_i^2 <= lambda_max^2, equality along its direction",
        ),
        ("rate", 2 / _TOP, "2 |g|/|H g| >= 2/max|lambda|"),
    )


def _smallest_rate(curvatures: Any) -> Any:
    """Power iteration for the gradient with the smallest rate 2 |g|/|H g|, by repeated squaring."""
    with mpmath.workdps(60):
        powers = [abs(c) for c in curvatures]
        for _ in range(14):
            top = max(powers)
            powers = [(c / top) ** 2 for c in powers]
        return 2 * mpmath.norm(powers) / mpmath.norm([c * w for c, w in zip(curvatures, powers)])


BOUND = Law(
    id="principal_flow.dal.lower_bound",
    title="DAL with power 1 never takes less than the edge of stability",
    statement="rate >= 2/max|lambda| unless the cap binds; value: the bound",
    quantity=sp.Symbol("min(rate)"),
    parameters=(_CURVED,),
    derive=_bound_steps,
    definition=_smallest_rate,
    sources=(DERIVED,),
    mutants=(
        mutant_value("upper bound", lambda curvatures: 2 / min(abs(c) for c in curvatures)),
        mutant_result("1/max|lambda|", lambda v, **_: v / 2),
    ),
    evaluator=_largest,
    priority="B",
)


def _two_cycle(curvature: Any) -> Any:
    """Literal DAL-1 step along a rotated eigenvector: the rate at which theta' = -theta."""
    angle = mpmath.mpf("0.7")
    u = [mpmath.cos(angle), mpmath.sin(angle)]
    gradient = [mpmath.mpf("1.3") * curvature * c for c in u]
    other = mpmath.mpf("0.41")
    w = [-u[1], u[0]]
    hess = [[curvature * u[a] * u[c] + other * w[a] * w[c] for c in range(2)] for a in range(2)]
    product = [sum(hess[a][c] * gradient[c] for c in range(2)) for a in range(2)]
    return 2 * mpmath.norm(gradient) / mpmath.norm(product)


PERIOD_TWO = Law(
    id="principal_flow.dal.period_two",
    title="DAL with power 1 along an eigenvector jumps to and fro for ever",
    statement="on a quadratic with g along u_i: rate 2/lambda_i (the value), theta' = -theta, constant loss",
    quantity=sp.Symbol("rate"),
    parameters=(s.curvature.within(positive(0.3, 5.0)),),
    derive=lambda: derivation(
        ("relative drift", sp.Abs(s.lam), "|H g|/|g| along u_i"),
        ("rate", 2 / s.lam, "dal.learning_rate at p = 1; 1 - h lambda = -1"),
    ),
    definition=_two_cycle,
    sources=(DERIVED,),
    mutants=(mutant_value("1/lambda", lambda curvature: 1 / curvature),),
    rungs=("algebra", "chain"),
    priority="B",
)


def dal_iterates(curvatures: list[float], steps: int) -> tuple[float, list[float]]:
    """Run DAL with power 1 on a quadratic from generic coordinates; return the last rate and coordinates."""
    theta = [1.0 + 0.37 * index for index in range(len(curvatures))]
    rate = 0.0
    for _ in range(steps):
        g = [c * t for c, t in zip(curvatures, theta)]
        rate = 2 * math.sqrt(sum(a * a for a in g) / sum((a * c) ** 2 for a, c in zip(g, curvatures)))
        theta = [t - rate * a for t, a in zip(theta, g)]
    return rate, theta


QUADRATIC_LIMIT = Law(
    id="principal_flow.dal.quadratic_limit",
    title="DAL with power 1 on a quadratic ends at the edge of stability",
    statement="from a generic start the rate tends to 2/max lambda and the loss to a positive constant",
    quantity=sp.Symbol("lim rate"),
    parameters=(_CONVEX,),
    derive=lambda: derivation(
        ("multiplier of direction i", 1 - s.h * s.curvs[s.i], "gradient descent"),
        ("attracting rate", 2 / _TOP, "there every other direction has |1 - h lambda_i| < 1 and the top one has -1"),
    ),
    definition=lambda curvatures: mpmath.mpf(dal_iterates([float(c) for c in curvatures], 20000)[0]),
    sources=(DERIVED,),
    mutants=(
        mutant_value("2/mean", lambda curvatures: 2 * len(curvatures) / sum(curvatures)),
        mutant_result("0", lambda v, **_: 0.0),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("steps -> infinity"),
    evaluator=_largest,
    gate_points=6,
    priority="B",
)

LAWS = (DAL, BOUND, PERIOD_TWO, QUADRATIC_LIMIT)
