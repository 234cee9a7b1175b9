"""Windows of learning rates in which a saddle attracts, and the largest batch that still has one."""

from __future__ import annotations

import functools
import math
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive, real
from theory.stability.exponents_elementary import CAUCHY, NORMAL
from theory.stability.roots import at_precision, near, refined, sign_changes

eta, m, s = sy.eta, sy.m, sy.s
BATCH = Parameter("batch_size", None, "samples per batch B", integer(1, (1, 3)), 1, False)
SADDLE_MEAN = Parameter("curvature_mean", m, "mean m < 0", real(-0.3, -0.05))
NEGATIVE = Constraint(lambda v: v["curvature_mean"] < 0, "curvature_mean must be negative (a saddle)")
window = sp.Symbol("window")


@functools.lru_cache(maxsize=1)
def _touching() -> tuple[float, float]:
    """Return (|m| sqrt(B)/s, eta s/sqrt(B)) where the window of normal curvature closes: both zeros coincide.

    With r = eta s/sqrt(B) and u = (1/r + |m| sqrt(B)/s)/sqrt 2 the exponent is log r - (gamma + log 2)/2 + 2 int_0^u D,
    D Dawson's integral. Its derivative in r vanishes at r = sqrt 2 D(u), which leaves one equation for u.
    """

    def dawson(u: Any) -> Any:
        return mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-u * u) * mpmath.erfi(u)

    def lowest(u: Any) -> Any:
        rise = u * u * mpmath.hyp2f2(1, 1, 1.5, 2, -u * u)
        return mpmath.log(dawson(u)) - mpmath.euler / 2 + rise

    with mpmath.workdps(30):
        u = mpmath.findroot(lowest, (1.15, 1.35), solver="anderson")
        rate = mpmath.sqrt(2) * dawson(u)
        return float(mpmath.sqrt(2) * u - 1 / rate), float(rate)


def _unit(rate: float, ratio: float) -> float:
    """Exponent for s/sqrt(B) = 1 and mean -ratio."""
    return NORMAL.value({"learning_rate": rate, "curvature_mean": -ratio, "curvature_std": 1.0})


def _exists(values: dict[str, Any]) -> bool:
    batch = int(values.get("batch_size", 1))
    return abs(values["curvature_mean"]) * math.sqrt(batch) / values["curvature_std"] < 0.328187573


def _normal_window(_: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    spread = values["curvature_std"] / math.sqrt(values["batch_size"])
    full = {**values, "batch_size": int(values["batch_size"])}
    brackets = sign_changes(lambda x: NORMAL.value({**full, "learning_rate": x}), 2e-2 / spread, 3 / spread)
    if len(brackets) != 2:
        raise DerivationError(
            f"the exponent changes sign {len(brackets)} times; a window needs |m| sqrt(B)/s in (0.01, 0.328)."
        )
    return [refined(lambda x: at_precision(NORMAL, {**full, "learning_rate": x}, digits), b, digits) for b in brackets]


def _normal_window_definition(curvature_mean: Any, curvature_std: Any, batch_size: Any) -> list[Any]:
    values = {
        "curvature_mean": float(curvature_mean), "curvature_std": float(curvature_std), "batch_size": int(batch_size),
    }  # fmt: skip
    oracle = NORMAL.definition
    if oracle is None:
        raise DerivationError("the normal exponent has no definition.")
    given = {"curvature_mean": curvature_mean, "curvature_std": curvature_std, "batch_size": int(batch_size)}
    return [near(oracle, given, guess) for guess in _normal_window(derivation(("", 0)), values, 10)]


def _derive_window(name: str, rule: str) -> Derivation:
    lower, upper = sp.symbols("eta_- eta_+", positive=True)
    return derivation(
        ("exponent", NORMAL.closed_form, "derived in stability.exponent.normal, s -> s/sqrt(B)"),
        ("zeros", sp.Tuple(lower, upper), "Lambda is positive at small and large eta, negative between its two zeros"),
        (name, sp.Tuple(lower, upper), rule),
    )


NORMAL_WINDOW = Law(
    id="stability.window.normal",
    title="Attractive window of a saddle with normal curvature",
    statement="A saddle of mean m < 0 attracts for eta between the two zeros of g(1 - eta m, eta s/sqrt(B)); the "
    "window "
    "exists iff |m| sqrt(B)/s < 0.328187573.",
    quantity=window,
    parameters=(SADDLE_MEAN, sy.curvature_std(0.7, 1.8), BATCH),
    derive=lambda **_: _derive_window("window", "the zeros are found on the closed form"),
    evaluator=_normal_window,
    definition=_normal_window_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_result(
            "leading threshold as lower edge",
            lambda value, curvature_mean, curvature_std, batch_size: [
                -2 * curvature_mean / (curvature_mean**2 + curvature_std**2 / batch_size), value[1],
            ],
        ),
        mutant_result("upper edge at the touching point", lambda value, **_: [value[0], (value[0] * value[1]) ** 0.5]),
    ),
    structure=("batch_size",),
    rungs=("algebra", "chain", "sgd"),
    constraints=(
        NEGATIVE,
        Constraint(_exists, "the window exists only for |curvature_mean| sqrt(batch_size)/curvature_std < 0.328187573"),
        Constraint(
            lambda v: abs(v["curvature_mean"]) * math.sqrt(v["batch_size"]) / v["curvature_std"] > 0.01,
            "|curvature_mean| sqrt(batch_size)/curvature_std must exceed 0.01; use escape_threshold.leading below",
        ),
    ),
    gate_points=2,
)  # fmt: skip


def _two_point_window() -> Derivation:
    product = sp.expand((1 - eta * (m + s)) * (1 - eta * (m - s)))
    lower = next(r for r in sp.solve(sp.Eq(product, 1), eta) if r != 0)
    lower_negative, upper = sp.solve(sp.Eq(product, -1), eta)
    edges = sorted((lower_negative, upper), key=lambda r: float(r.subs({m: sp.Rational(-1, 5), s: 1})))
    return derivation(
        ("exponent", sp.log(sp.Abs(product)) / 2, "two atoms m + s and m - s of probability 1/2"),
        (
            "edges",
            sp.Tuple(sp.Eq(product, 1), sp.Eq(product, -1)),
            "Lambda = 0 iff the product of the multipliers is +-1",
        ),
        ("window", sp.Tuple(sp.simplify(lower), sp.simplify(edges[-1])), "the product falls from 1 through 0 to -1"),
    )


def _bisected(function: Any, low: Any, high: Any) -> Any:
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) * function(low) > 0 else (low, middle)
    return (low + high) / 2


def _two_point_edges(curvature_mean: Any, curvature_std: Any) -> list[Any]:
    first, second = curvature_mean + curvature_std, curvature_mean - curvature_std

    def growth(x: Any) -> Any:
        return mpmath.log(abs((1 - x * first) * (1 - x * second)) + mpmath.mpf(10) ** -60)

    pole = 1 / first
    return [_bisected(growth, pole / 10**6, pole), _bisected(growth, pole * (1 + mpmath.mpf(10) ** -12), 60 * pole)]


WIDE = Constraint(
    lambda v: v["curvature_std"] > -v["curvature_mean"], "the window is empty unless curvature_std > |curvature_mean|"
)
TWO_POINT_WINDOW = Law(
    id="stability.window.two_point",
    title="Attractive window of a saddle with two curvatures m +- s",
    statement="[-2m/(s^2 - m^2), (-m + sqrt(2 s^2 - m^2))/(s^2 - m^2)], nonempty iff s > |m|.",
    quantity=window,
    parameters=(Parameter("curvature_mean", m, "mean m < 0", real(-0.6, -0.1)), sy.curvature_std(0.9, 2.0)),
    derive=_two_point_window,
    definition=_two_point_edges,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("-2m/(s^2 + m^2)", lambda value, curvature_mean, curvature_std: [
            -2 * curvature_mean / (curvature_std**2 + curvature_mean**2), value[1]]),
        mutant_result("wrong sign of m in the upper edge", lambda value, curvature_mean, curvature_std: [
            value[0], value[1] + 2 * curvature_mean / (curvature_std**2 - curvature_mean**2)]),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(NEGATIVE, WIDE),
)  # fmt: skip


def _arcsine_window() -> Derivation:
    c, r = sp.symbols("c r", real=True)
    centre = -(sy.a + sy.b) / 2
    radius = (sy.b - sy.a) / 2
    y = 1 / eta + c
    squared = sp.expand((2 / eta - y) ** 2 - (y**2 - r**2))
    outer = sp.solve(sp.Eq(sp.simplify(squared * eta**2), 0), eta)
    lower = next(x for x in outer if x != 0)
    return derivation(
        ("outer branch", sp.log(eta) + sp.log((y + sp.sqrt(y**2 - r**2)) / 2), "h = -c + r cos t, y = 1/eta + |c| > r"),
        ("zero of the outer branch", lower, "y + sqrt(y^2 - r^2) = 2/eta, squared once"),
        ("zero of the inner branch", 2 / r, "log(eta r/2) = 0"),
        (
            "window",
            sp.Tuple(sp.simplify(lower.subs({c: centre, r: radius})), 2 / radius),
            "c = |a + b|/2, r = (b - a)/2",
        ),
    )


def _arcsine_edges(lower_curvature: Any, upper_curvature: Any) -> list[Any]:
    centre, radius = (lower_curvature + upper_curvature) / 2, (upper_curvature - lower_curvature) / 2

    def growth(x: Any) -> Any:
        inside = abs((1 - x * centre) / (x * radius))
        pole = mpmath.acos(min(max((1 - x * centre) / (x * radius), -1), 1))
        points = [0, pole, mpmath.pi] if inside < 1 else [0, mpmath.pi]
        return mpmath.quad(
            lambda t: mpmath.log(abs(1 - x * (centre + radius * mpmath.cos(t))) + mpmath.mpf(10) ** -60), points
        )

    peak = 1 / (radius - abs(centre))
    ends = (4 * abs(centre) / radius**2, 2 / radius)
    found = [near(lambda learning_rate: growth(learning_rate), {}, e) for e in ends]
    return found if peak > 0 else []


ARCSINE_WINDOW = Law(
    id="stability.window.arcsine",
    title="Attractive window of a saddle with arcsine curvature",
    statement="c = (a + b)/2 < 0, r = (b - a)/2: [4|c|/r^2, 2/r], nonempty iff |c| < r/2.",
    quantity=window,
    parameters=sy.support((-2.6, -1.6), (1.1, 1.5)),
    derive=_arcsine_window,
    definition=_arcsine_edges,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("2|c|/(c^2 + r^2/2)", lambda value, lower_curvature, upper_curvature: [
            -(lower_curvature + upper_curvature) / ((lower_curvature + upper_curvature) ** 2 / 4
            + (upper_curvature - lower_curvature) ** 2 / 8), value[1]]),
        mutant_result("4|c|/(r^2 - c^2)", lambda value, lower_curvature, upper_curvature: [
            -2 * (lower_curvature + upper_curvature) / (-lower_curvature * upper_curvature), value[1]]),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(
        Constraint(lambda v: v["lower_curvature"] + v["upper_curvature"] < 0, "the mean curvature must be negative"),
        Constraint(
            lambda v: 3 * v["upper_curvature"] > -v["lower_curvature"],
            "the window is empty unless |c| < r/2",
        ),
    ),
    gate_points=6,
    tolerance=1e-8,
)  # fmt: skip


def _normal_instead(curvature_location: float, curvature_scale: float) -> float:
    mean, std = curvature_location, curvature_scale
    return NORMAL.value({"learning_rate": 1 / std, "curvature_mean": mean, "curvature_std": std})


CAUCHY_NEVER = Law(
    id="stability.window.cauchy_never",
    title="A saddle with Cauchy curvature never attracts",
    statement="m <= 0: Lambda = log((1 - eta m)^2 + eta^2 g^2)/2 > 0 for every eta. Value: the exponent at "
    "eta = 1/g, where a normal law would have its window.",
    quantity=sy.exponent,
    parameters=(
        Parameter("curvature_location", m, "location m <= 0", real(-1.5, -0.05)),
        Parameter("curvature_scale", sy.gamma_, "half-width g", positive(0.4, 2.0)),
    ),
    derive=lambda: derivation(
        ("exponent", CAUCHY.closed_form, "derived in stability.exponent.cauchy"),
        ("lower bound", sp.log(1 + eta**2 * sy.gamma_**2) / 2, "m <= 0 makes (1 - eta m)^2 >= 1: Lambda > 0 always"),
        ("at eta = 1/g", sp.log((1 - m / sy.gamma_) ** 2 + 1) / 2, "substitution"),
    ),
    definition=lambda curvature_location, curvature_scale: mpmath.quad(
        lambda u: mpmath.log(abs(1 - (curvature_location / curvature_scale + mpmath.tan(u)))),
        [-mpmath.pi / 2, mpmath.atan(1 - curvature_location / curvature_scale), mpmath.pi / 2],
    ) / mpmath.pi,
    sources=(sy.HERE,),
    mutants=(mutant_value("the exponent of the normal law", _normal_instead),),
    rungs=("algebra", "chain", "sgd"),
    constraints=(Constraint(lambda v: v["curvature_location"] <= 0, "curvature_location must not be positive"),),
)  # fmt: skip


def _largest_batch(curvature_mean: Any, curvature_std: Any) -> int:
    """Count up: the last batch whose exponent is negative somewhere, its minimum over eta found on the definition."""
    batch = 1
    ratio = float(abs(curvature_mean) / curvature_std)
    while True:
        rates = [0.707262 * (0.8 + 0.05 * i) for i in range(10)]
        lowest = min(_unit(r, ratio * math.sqrt(batch)) for r in rates)
        near_touch = abs(ratio * math.sqrt(batch) - 0.328187573) < 2e-3
        if lowest >= 0 and not (near_touch and ratio * math.sqrt(batch) < _touching()[0]):
            return batch - 1
        batch += 1


MAXIMUM_BATCH = Law(
    id="stability.maximum_batch.normal",
    title="Largest batch with which a saddle of normal curvature can attract",
    statement="floor((0.328187573 s/m)^2): beyond it no learning rate makes the saddle attract.",
    quantity=sp.Symbol("B_max"),
    parameters=(SADDLE_MEAN.within(real(-0.16, -0.04)), sy.curvature_std(0.7, 1.8)),
    derive=lambda: derivation(
        ("exponent", NORMAL.closed_form, "a function of eta s/sqrt(B) and |m| sqrt(B)/s only"),
        ("closing of the window", sp.Symbol("c_0"), "double zero at |m| sqrt(B)/s = c_0 = 0.328187573"),
        ("largest batch", sp.floor((sp.Symbol("c_0") * s / m) ** 2), "solved for B"),
    ),
    evaluator=lambda _, v, digits: math.floor((_touching()[0] * v["curvature_std"] / v["curvature_mean"]) ** 2),
    definition=_largest_batch,
    sources=(sy.HERE, sy.SEED),
    mutants=(
        mutant_value("1/4 for 0.328^2", lambda curvature_mean, curvature_std: math.floor(
            0.25 * (curvature_std / curvature_mean) ** 2)),
        mutant_result("ceil", lambda value, **_: value + 1),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(NEGATIVE,),
)  # fmt: skip

n_batch = sp.Symbol("B", positive=True)
LINEAR_SCALING = Law(
    id="stability.batch.linear_scaling",
    title="Large batches need proportionally larger steps to collapse",
    statement="The lower edge of the window is about 2|m|B/s^2 for B << s^2/m^2: eta/B is fixed.",
    quantity=sp.Symbol("eta_-"),
    parameters=(
        SADDLE_MEAN.within(real(-0.05, -0.01)),
        sy.curvature_std(0.7, 1.8),
        Parameter("batch_size", n_batch, "samples per batch B", integer(1, (2, 6))),
    ),
    derive=lambda: derivation(
        ("leading threshold", 2 * sp.Abs(m) / (m**2 + s**2 / n_batch), "escape_threshold.leading with q = m^2 + s^2/B"),
        ("small batch", -2 * m * n_batch / s**2, "m^2 << s^2/B"),
    ),
    definition=lambda curvature_mean, curvature_std, batch_size: mpmath.limit(
        lambda k: -2 * curvature_mean / ((curvature_mean / k) ** 2 + curvature_std**2 / batch_size), mpmath.inf
    ),
    sources=(sy.SEED, sy.HERE),
    mutants=(mutant_value("eta/sqrt(B) fixed", lambda curvature_mean, curvature_std, batch_size: -2 * curvature_mean
                          * batch_size**0.5 / curvature_std**2),),
    rungs=("algebra", "chain", "sgd"),
    regime=Regime("B m^2/s^2 -> 0", "O(B m^2/s^2)"),
    constraints=(NEGATIVE,),
)  # fmt: skip

WINDOW_LAWS: tuple[Law, ...] = (
    NORMAL_WINDOW, TWO_POINT_WINDOW, ARCSINE_WINDOW, CAUCHY_NEVER, MAXIMUM_BATCH, LINEAR_SCALING,
)  # fmt: skip
