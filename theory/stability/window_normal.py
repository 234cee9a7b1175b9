"""Windows of learning rates in which a saddle of normal curvature attracts, and the batches that still have one."""

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
from theory.parameter import Constraint, Parameter, integer, real
from theory.stability.exponents_elementary import NORMAL
from theory.stability.roots import at_precision, near, refined
from theory.stability.window_closed import NEGATIVE, m, s, window

BATCH = Parameter("batch_size", None, "samples per batch B", integer(1, (1, 3)), 1, False)
SADDLE_MEAN = Parameter("curvature_mean", m, "mean m < 0", real(-0.3, -0.05))


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


def _normal_window(values: dict[str, Any], digits: int) -> list[Any]:
    spread, mean = values["curvature_std"] / math.sqrt(values["batch_size"]), abs(values["curvature_mean"])
    full = {**values, "batch_size": int(values["batch_size"])}
    # The exponent grows with |m|: where the largest window closes this one is open, and the last zero of mean 0 lies
    # above its end. At half the leading threshold the saddle repels.
    inside = _touching()[1] / spread
    brackets = (mean / (mean**2 + spread**2), inside), (inside, 1.5561 / spread)
    return [refined(lambda x: at_precision(NORMAL, {**full, "learning_rate": x}, digits), b, digits) for b in brackets]


def _normal_window_definition(curvature_mean: Any, curvature_std: Any, batch_size: Any) -> list[Any]:
    values = {
        "curvature_mean": float(curvature_mean), "curvature_std": float(curvature_std), "batch_size": int(batch_size),
    }  # fmt: skip
    oracle = NORMAL.definition
    if oracle is None:
        raise DerivationError("the normal exponent has no definition.")
    given = {"curvature_mean": curvature_mean, "curvature_std": curvature_std, "batch_size": int(batch_size)}
    return [near(oracle, given, guess) for guess in _normal_window(values, 10)]


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
    evaluator=lambda _, values, digits: _normal_window(values, digits),
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
