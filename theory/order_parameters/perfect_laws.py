"""Laws of perfect learning: critical learning rates, convergence rates and noise floors of single units."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian.numeric import form_function
from theory.law import Law, Mutant, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import perfect, response
from theory.order_parameters.activation import activation as unit
from theory.parameter import Constraint, Parameter, nonnegative, positive, text
from theory.source import DERIVED

SMALL_NOISE = Regime("Delta -> 0", "O(Delta**2)")
ACTIVATION = dm.ACTIVATION.within(text("erf", "quadratic", "relu", "sine", "cubic", "erf(x/sqrt(2)) + x/3"))
_SYMBOLS = {
    "teacher_norm": perfect.T,
    "learning_rate": perfect.ETA,
    "noise_variance": perfect.NOISE,
    "batch_size": perfect.BATCH,
}
RATE = dm.LEARNING_RATE.within(positive(0.05, 0.3))


def threshold(name: str, batch: int | None = None, norm: Any = None) -> Derivation:
    """Derive the critical learning rate of a unit from the growth rate of small deviations."""
    one = perfect.BATCH if batch is None else batch
    rate, _ = perfect.rates(name)
    form = perfect.critical_rate(name).subs(perfect.BATCH, one)
    return derivation(
        ("slope", unit(name).derivative, f"activation {name}"),
        ("moments", sp.Tuple(perfect.mu(name, 2), perfect.mu(name, 4)), "E s'^2 and E s'^4 at nu ~ N(0, T)"),
        ("growth rate", rate.subs(perfect.BATCH, one), "|delta|^2/d orthogonal to the teacher, first order"),
        ("critical learning rate", form if norm is None else form.subs(perfect.T, norm), "root of the growth rate"),
    )


def _floor(name: str) -> Derivation:
    rate, _ = perfect.rates(name)
    return derivation(
        ("growth rate", rate, "small deviations orthogonal to the teacher"),
        ("source", perfect.ETA**2 / perfect.BATCH * perfect.NOISE * perfect.mu(name, 2), "label noise"),
        ("stationary error", perfect.noise_floor(name), "mu2 r*/2"),
    )


def _single(which: str, activation: str = "erf") -> Derivation:
    return threshold(activation) if which == "threshold" else _floor(activation)


def _evaluate_single(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    keys = [k for k in _SYMBOLS if k in values]
    with mpmath.workdps(digits + 10):
        function = form_function(d.result, tuple(_SYMBOLS[k] for k in keys))
        return function(*(to_mp(values[k]) for k in keys))


def _threshold_definition(activation: str, teacher_norm: Any, batch_size: Any = 1) -> Any:
    learning, noise, _, _ = response.perpendicular(activation, float(teacher_norm))
    return -batch_size * learning / noise


def _floor_definition(
    activation: str, teacher_norm: Any, learning_rate: Any, noise_variance: Any, batch_size: Any
) -> Any:
    """Stationary squared deviation of the linearised drift."""
    learning, noise, error, source = response.perpendicular(activation, float(teacher_norm))
    share = learning_rate / batch_size
    return error * share * noise_variance * source / (-learning - share * noise)


def _plain_moments(activation: str, teacher_norm: float) -> tuple[float, float]:
    at = {perfect.T: teacher_norm}
    return float(perfect.mu(activation, 2).subs(at)), float(perfect.mu(activation, 4).subs(at))


def _wrong_threshold(name: str, formula: Callable[[float, float, int], float]) -> Mutant:
    return mutant_value(
        name,
        lambda activation, teacher_norm, batch_size: formula(*_plain_moments(activation, teacher_norm), batch_size),
    )


def _wrong_floor(name: str, factor: Callable[[float, float, float, int], float]) -> Mutant:
    def wrong(
        activation: str, teacher_norm: float, learning_rate: float, noise_variance: float, batch_size: int
    ) -> float:
        second, fourth = _plain_moments(activation, teacher_norm)
        return learning_rate * noise_variance * factor(second, fourth, learning_rate, batch_size)

    return mutant_value(name, wrong)


def _stable(values: dict[str, Any]) -> bool:
    second, fourth = _plain_moments(values["activation"], values["teacher_norm"])
    return values["learning_rate"] < 2 * values["batch_size"] * second / fourth


def _named(name: str, definition_name: str, mutants: tuple[Mutant, ...], norm: Any = None, **more: Any) -> Law:
    parameters = (dm.TEACHER_NORM,) if norm is None else ()
    return Law(
        id=f"order_parameters.critical_learning_rate.{name}",
        title=f"critical learning rate of one {name} unit",
        statement=f"Perfect learning of a {name} teacher by one student is stable below this rate (batch size one).",
        quantity=sp.Symbol("eta_c"),
        parameters=parameters,
        derive=partial(threshold, definition_name, 1, norm),
        definition=partial(_threshold_definition, definition_name),
        mutants=mutants,
        sources=(DERIVED,),
        rungs=("algebra", "flow", "chain"),
        **more,
    )


_KEEP = Parameter(
    "teacher_norm", perfect.T, "squared norm of the teacher; it drops out", positive(0.4, 2.0)
).with_default(1.0)


def _rates(name: str) -> Derivation:
    perpendicular, parallel = (r.subs(perfect.BATCH, 1) for r in perfect.rates(name))
    return derivation(
        ("moments", sp.Tuple(perfect.mu(name, 2), perfect.mu(name, 4)), "E s'^2, E s'^4"),
        ("perpendicular", perpendicular, "squared deviation orthogonal to the teacher"),
        ("parallel", parallel, "amplitude along the teacher, -eta E[s'^2 nu^2]/T"),
        ("rates", sp.Tuple(sp.simplify(perpendicular), sp.simplify(parallel)), "perpendicular, parallel"),
    )


def _rates_definition(name: str, learning_rate: Any, teacher_norm: Any) -> list[Any]:
    learning, noise, _, _ = response.perpendicular(name, float(teacher_norm))
    along = response.parallel(name, float(teacher_norm))
    return [learning_rate * learning + learning_rate**2 * noise, learning_rate * along]


def _rate_law(name: str, mutants: tuple[Mutant, ...]) -> Law:
    return Law(
        id=f"order_parameters.convergence_rate.{name}",
        title=f"rates of convergence of one {name} unit",
        statement="Small deviations from the teacher grow with these rates: squared length orthogonal to the teacher, "
        "amplitude along it (batch size one).",
        quantity=sp.Symbol("rates"),
        parameters=(dm.LEARNING_RATE, dm.TEACHER_NORM),
        derive=partial(_rates, name),
        definition=partial(_rates_definition, name),
        mutants=mutants,
        sources=(DERIVED,),
        rungs=("algebra", "flow"),
    )


def _erf_rates(eta: float, t: float, square: float = 1.0, power: float = 1.5) -> list[float]:
    m2, m4 = 2 / math.pi / (1 + 2 * t) ** 0.5, (2 / math.pi) ** 2 / (1 + 4 * t) ** 0.5
    return [-2 * eta * m2 + square * eta**2 * m4, -eta * (2 / math.pi) * (1 + 2 * t) ** -power]


_STABLE = Constraint(_stable, "the learning rate must lie below the critical one, 2 B mu2/mu4")

LAWS = (
    Law(
        id="order_parameters.critical_learning_rate.single",
        title="critical learning rate of one unit, any activation",
        statement="For p = k = 1 perfect learning is stable for eta < 2 B mu2/mu4, mu_n = E[s'(nu)^n], nu ~ N(0, T).",
        quantity=sp.Symbol("eta_c"),
        parameters=(ACTIVATION, dm.TEACHER_NORM, dm.BATCH),
        derive=partial(_single, "threshold"),
        definition=_threshold_definition,
        evaluator=_evaluate_single,
        structure=("activation",),
        display={"activation": "erf"},
        sources=(DERIVED,),
        rungs=("algebra", "flow", "chain"),
        mutants=(
            _wrong_threshold("mu2/mu4", lambda a, b, n: n * a / b),
            _wrong_threshold("mu2^2 for mu4", lambda a, b, n: 2 * n / a),
            _wrong_threshold("without B", lambda a, b, n: 2 * a / b),
        ),
    ),
    _named(
        "erf",
        "erf",
        (
            mutant_value(
                "inverted ratio",
                lambda teacher_norm: math.pi * ((1 + 2 * teacher_norm) / (1 + 4 * teacher_norm)) ** 0.5,
            ),
            mutant_value("value at T = 1", lambda teacher_norm: math.pi * (5 / 3) ** 0.5),
        ),
    ),
    _named("quadratic", "quadratic", (mutant_value("1/(12 T)", lambda teacher_norm: 1 / (12 * teacher_norm)),)),
    _named("relu", "relu", (mutant_value("4", lambda **_: 4.0),)).but(parameters=(_KEEP,)),
    _named("linear", "linear", (mutant_value("1", lambda **_: 1.0),)).but(parameters=(_KEEP,)),
    _rate_law(
        "erf",
        (
            mutant_value(
                "eta^2 term left out",
                lambda learning_rate, teacher_norm: _erf_rates(learning_rate, teacher_norm, square=0.0),
            ),
            mutant_value(
                "exponent 1/2 for 3/2",
                lambda learning_rate, teacher_norm: _erf_rates(learning_rate, teacher_norm, power=0.5),
            ),
        ),
    ),
    _rate_law(
        "quadratic",
        (
            mutant_value(
                "parallel -8 eta T",
                lambda learning_rate, teacher_norm: [
                    -8 * learning_rate * teacher_norm + 48 * (learning_rate * teacher_norm) ** 2,
                    -8 * learning_rate * teacher_norm,
                ],
            ),
        ),
    ),
    Law(
        id="order_parameters.noise_floor.single",
        title="noise floor of one unit, any activation",
        statement="With small label noise the error is (eta Delta/(4B)) mu2/(1 - eta/eta_c), all orders in eta.",
        quantity=sp.Symbol("eps"),
        parameters=(ACTIVATION, dm.TEACHER_NORM, RATE, dm.NOISE.within(nonnegative(0.01, 0.5)), dm.BATCH),
        derive=partial(_single, "floor"),
        definition=_floor_definition,
        evaluator=_evaluate_single,
        structure=("activation",),
        display={"activation": "erf"},
        constraints=(_STABLE,),
        sources=(DERIVED,),
        regime=SMALL_NOISE,
        rungs=("algebra", "flow", "chain"),
        mutants=(
            _wrong_floor("without the denominator", lambda a, b, e, n: a / (4 * n)),
            _wrong_floor("1/2 for 1/4", lambda a, b, e, n: a / (2 * n) / (1 - e * b / (2 * n * a))),
        ),
    ),
)
