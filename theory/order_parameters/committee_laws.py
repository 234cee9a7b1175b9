"""Laws of committees: critical learning rates, noise floors, and the small-rate floor of wider students."""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian.numeric import form_function
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import committee as cm
from theory.order_parameters import committee_definition as defined
from theory.order_parameters import domains as dm
from theory.order_parameters import perfect
from theory.order_parameters.network_parameters import GOLDT
from theory.order_parameters.response import wide_floor
from theory.parameter import Constraint, Parameter, integer, nonnegative, positive
from theory.source import DERIVED

SMALL_NOISE = Regime("Delta -> 0", "O(Delta**2)")
_MOMENTS = (cm.M1, cm.M2, cm.M3, cm.M4)
RATE = dm.LEARNING_RATE.within(positive(0.02, 0.35))
EXCESS = Parameter("excess_width", sp.Symbol("L", nonnegative=True), "extra students, p - k", integer(0, region=(0, 4)))


def erf_moments() -> dict[Any, Any]:
    """Return mu_1 to mu_4 of erf as functions of T."""
    return {m: perfect.mu("erf", n) for n, m in enumerate(_MOMENTS, 1)}


@functools.lru_cache(maxsize=1)
def _threshold() -> Derivation:
    a, b, _ = cm.two_modes()
    polynomial = sp.collect(cm.threshold_polynomial(), cm.ETA)
    return derivation(
        ("drift", a, "r -> Hr + rH on r = r1 I + r2 J"),
        ("noise", b, "r -> G[r], sums over index coincidences"),
        ("determinant", polynomial, "det(eta B - A); its smallest positive root is the critical rate"),
        ("erf", polynomial.subs(erf_moments()), "mu_n = (2/pi)^(n/2) (1 + n T)^(-1/2)"),
    )


def smallest_root(polynomial: Any, width: Any, norm: Any) -> Any:
    """Return the smallest positive root in eta; one unit has its own threshold."""
    if int(width) == 1:
        return form_function(perfect.critical_rate("erf"), (perfect.T, perfect.BATCH))(norm, mpmath.mpf(1))
    numbers = [form_function(c, (cm.K, perfect.T))(mpmath.mpf(int(width)), norm) for c in _coefficients(polynomial)]
    roots = [mpmath.re(r) for r in mpmath.polyroots(numbers, maxsteps=200, extraprec=60)]
    return min(r for r in roots if r > 0)


@functools.lru_cache(maxsize=8)
def _coefficients(polynomial: Any) -> tuple[Any, ...]:
    # a sum of powers of eta already: Poly would expand the moments for seconds
    return tuple(polynomial.coeff(cm.ETA, n) for n in (2, 1, 0))


def _threshold_evaluate(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return smallest_root(d.result, values["width"], to_mp(values["teacher_norm"]))


def _defined_threshold(name: str, width: Any, teacher_norm: Any = 1.3) -> float:
    """Critical rate from displaced students; that of linear units does not depend on the teacher's norm."""
    return defined.threshold(name, int(width), float(teacher_norm))


def _defined_floor(name: str, width: Any, learning_rate: Any, noise_variance: Any, teacher_norm: Any = 1.3) -> float:
    return defined.floor(name, int(width), float(teacher_norm), float(learning_rate), float(noise_variance))


def _floor() -> Derivation:
    a, b, source = cm.two_modes()
    form = cm.stationary_error().subs(erf_moments())
    return derivation(
        ("drift", a, "r -> Hr + rH"),
        ("noise", b, "r -> G[r]"),
        ("source", source, "label noise, eta^2 Delta H"),
        ("noise floor", form, "solve (A - eta B) r = eta Delta (h, c), error tr(H r)/2"),
    )


def _small_floor(width: int, learning_rate: float, noise_variance: float, teacher_norm: float = 1.0, **_: Any) -> float:
    return learning_rate * noise_variance * width / (2 * math.pi * math.sqrt(1 + 2 * teacher_norm))


def _plain_threshold(width: int, norm: float) -> float:
    return float(_threshold_evaluate(_threshold(), {"width": width, "teacher_norm": norm}, 15))


def _single(teacher_norm: float) -> float:
    return math.pi * math.sqrt((1 + 4 * teacher_norm) / (1 + 2 * teacher_norm))


def _without_last(width: int, teacher_norm: float) -> float:
    """Threshold with the last term of g_oo left out."""
    return float(smallest_root(_spoiled_polynomial(), width, mpmath.mpf(teacher_norm)))


@functools.lru_cache(maxsize=1)
def _spoiled_polynomial() -> Any:
    wrong = (cm.K - 2) * (cm.K - 3) * cm.M1**4
    a, b, _ = cm.two_modes()
    spoiled = b - sp.Matrix([[0, -wrong], [0, wrong]])
    return sp.expand((cm.ETA * spoiled - a).det()).subs(erf_moments())


def _phase_threshold(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    return values["width"] ** 2 * _threshold_evaluate(d, values, digits)


def _below(values: dict[str, Any]) -> bool:
    return values["learning_rate"] < 0.9 * _plain_threshold(values["width"], values["teacher_norm"])


def _committee_linear() -> Derivation:
    width, eta, noise = dm.WIDTH.symbol, dm.LEARNING_RATE.symbol, dm.NOISE.symbol
    s = sp.Symbol("s")
    drift = -2 * eta * width * s + eta**2 * width * width * s + eta**2 * width * width * noise
    stationary = sp.solve(sp.expand(drift), s)[0]
    return derivation(
        ("collective deviation", s, "s = sum_ij r_ij, Var of the residual; error s/2"),
        ("drift of s", drift, "each of the K students moves by eta E x/sqrt d"),
        ("threshold", sp.solve(-2 + eta * width, eta)[0], "the growth rate of s vanishes"),
        ("stationary error", sp.factor(stationary / 2), "drift zero"),
    )


def _linear_threshold() -> Derivation:
    d = _committee_linear()
    return derivation(*((s.name, s.expression, s.rule) for s in d.steps[:3]))


def _small() -> Derivation:
    k, excess = dm.WIDTH.symbol, EXCESS.symbol
    eta, noise = dm.LEARNING_RATE.symbol, dm.NOISE.symbol
    square = perfect.mu("erf", 2)
    idle, active = square.subs(perfect.T, 0), square.subs(perfect.T, 1)
    form = sp.expand(eta * noise / 4 * (excess * idle + k * active))
    return derivation(
        ("per student", eta * noise / 4 * square, "small rate: (eta Delta/4) E s'(lambda_j)^2"),
        ("students without teacher", idle, "lambda = 0"),
        ("students on a teacher", active, "lambda ~ N(0, 1)"),
        ("sum", form, "k on a teacher, L without"),
    )


def _small_definition(width: Any, excess_width: Any, learning_rate: Any, noise_variance: Any) -> Any:
    """Stationary displacement of all overlaps under weak label noise, from the Jacobian of the ODE."""
    return learning_rate * noise_variance * wide_floor(int(width), int(excess_width))


_STABLE = Constraint(lambda v: v["learning_rate"] * v["width"] < 2, "learning_rate * width must lie below 2")
_WIDE = dm.WIDTH.within(integer(1, region=(2, 6)))

LAWS = (
    Law(
        id="order_parameters.critical_learning_rate.committee_linear",
        title="critical learning rate of linear committees",
        statement="K linear students on K linear teachers, second layers one: stable for eta < 2/K.",
        quantity=sp.Symbol("eta_c"),
        parameters=(_WIDE,),
        derive=_linear_threshold,
        definition=partial(_defined_threshold, "linear"),
        sources=(DERIVED,),
        rungs=("algebra", "chain"),
        mutants=(mutant_value("2", lambda width: 2.0),),
    ),
    Law(
        id="order_parameters.critical_learning_rate.committee_erf",
        title="critical learning rate of erf committees",
        statement="K = p = k, orthogonal teacher of squared norm T: smallest positive root of det(eta B - A).",
        quantity=sp.Symbol("eta_c"),
        parameters=(_WIDE, dm.TEACHER_NORM.within(positive(0.4, 2.5)).with_default(1.0)),
        derive=_threshold,
        definition=partial(_defined_threshold, "erf"),
        evaluator=_threshold_evaluate,
        sources=(DERIVED,),
        rungs=("algebra", "flow", "chain"),
        mutants=(
            mutant_value("single unit over K", lambda width, teacher_norm: _single(teacher_norm) / width),
            mutant_value("g_oo without its last term", _without_last),
        ),
    ),
    Law(
        id="order_parameters.phase.critical_learning_rate",
        title="critical gamma on the plateau line, mean normalisation",
        statement="erf, p = k: perfect learning with gamma < p^2 eta_c(p), which tends to pi sqrt(1 + 2T) p.",
        quantity=sp.Symbol("gamma_c"),
        parameters=(_WIDE, dm.TEACHER_NORM),
        derive=_threshold,
        definition=lambda width, teacher_norm: width**2 * _defined_threshold("erf", width, teacher_norm),
        evaluator=_phase_threshold,
        sources=(DERIVED,),
        rungs=("algebra", "chain"),
        mutants=(
            mutant_value("p eta_c", lambda width, teacher_norm: width * _plain_threshold(width, teacher_norm)),
            mutant_value("eta_c", lambda width, teacher_norm: _plain_threshold(width, teacher_norm)),
        ),
    ),
    Law(
        id="order_parameters.noise_floor.committee_linear",
        title="noise floor of linear committees",
        statement="K linear students on K linear teachers: eta K Delta/(2(2 - eta K)), exact in Delta.",
        quantity=sp.Symbol("eps"),
        parameters=(_WIDE, RATE, dm.NOISE),
        derive=_committee_linear,
        definition=partial(_defined_floor, "linear"),
        sources=(DERIVED,),
        constraints=(_STABLE,),
        rungs=("algebra", "flow", "chain"),
        mutants=(
            mutant_value(
                "K missing in the denominator",
                lambda width, learning_rate, noise_variance: (
                    learning_rate * width * noise_variance / (2 * (2 - learning_rate))
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.noise_floor.committee_erf",
        title="noise floor of erf committees",
        statement="K = p = k, orthogonal teacher: first order in Delta, all orders in eta.",
        quantity=sp.Symbol("eps"),
        parameters=(_WIDE, dm.TEACHER_NORM, RATE, dm.NOISE),
        derive=_floor,
        definition=partial(_defined_floor, "erf"),
        sources=(DERIVED,),
        regime=SMALL_NOISE,
        rungs=("algebra", "flow"),
        constraints=(Constraint(_below, "the learning rate must lie below the critical one"),),
        mutants=(mutant_value("small-rate formula", _small_floor),),
    ),
    Law(
        id="order_parameters.noise_floor.small_rate",
        title="small-rate floor of a student with more units than the teacher",
        statement="erf, orthonormal teacher of k units (width), p = k + L students: (eta Delta/2pi)(L + k/sqrt 3); for "
        "L >= 2 only while eta^2 Delta t << 1, see overparametrised.relaxation.",
        quantity=sp.Symbol("eps"),
        parameters=(
            dm.WIDTH.within(integer(1, region=(1, 2))),
            EXCESS.within(integer(0, region=(0, 2))),
            RATE,
            dm.NOISE.within(nonnegative(0.01, 0.5)),
        ),
        gate_points=6,
        tolerance=1e-7,
        derive=_small,
        definition=_small_definition,
        sources=(GOLDT,),
        regime=Regime("eta -> 0, t -> infinity", "O(eta**2)"),
        rungs=("algebra", "flow"),
        mutants=(
            mutant_value(
                "L + k",
                lambda width, excess_width, learning_rate, noise_variance: (
                    learning_rate * noise_variance / (2 * math.pi) * (width + excess_width)
                ),
            ),
            mutant_value(
                "sqrt 3 on L",
                lambda width, excess_width, learning_rate, noise_variance: (
                    learning_rate * noise_variance / (2 * math.pi) * (width + excess_width / math.sqrt(3))
                ),
            ),
        ),
    ),
)
