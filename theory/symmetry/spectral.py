"""Noise equilibria of a general generator, given by its spectrum: root, uniqueness, classes, relaxation."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.equilibrium import Orbit
from theory.symmetry.noise import LAMBDA, SDE, TEMPERATURE
from theory.symmetry.process_oracles import OrbitProcess, decreasing_root

_I = sp.Symbol("i", integer=True)
_SPECTRAL = (p.generator_eigenvalues, p.components, p.noise_components, p.learning_rate, p.batch_size, p.weight_decay)


def _terms(summand: Any) -> sp.Sum:
    return sp.Sum(summand, (_I, 0, p.SPECTRUM_SIZE - 1))


def _drift() -> sp.Expr:
    m, c, s = p.EIGENVALUES[_I], p.COMPONENTS[_I], p.NOISES[_I]
    decay = _terms(m * sp.exp(2 * LAMBDA * m) * c**2)
    noise = _terms(m * sp.exp(-2 * LAMBDA * m) * s)
    return -2 * p.DECAY * decay + TEMPERATURE * noise


def _orbit(values: dict[str, Any]) -> Orbit:
    v = {k: to_mp(x) for k, x in values.items()}
    return Orbit(v["generator_eigenvalues"], v["components"], v["noise_components"],
                 v["learning_rate"] / v["batch_size"], v["weight_decay"])  # fmt: skip


def _exists(values: dict[str, Any]) -> bool:
    return _orbit(values).exists()


EXISTS = Constraint(
    _exists, "no equilibrium exists: the drift has one sign on the whole orbit; give noise or decay in both directions"
)


def _derive_position() -> Derivation:
    slope = sp.diff(_drift(), LAMBDA)
    return derivation(
        ("drift D(lambda)", _drift(), "components grow like e^{lambda mu}, gradients like e^{-lambda mu}"),
        ("slope D'(lambda)", slope, "every term is negative, so D has one zero at most"),
        ("lambda*", LAMBDA, "root of D, bracketed and bisected"),
    )


def _evaluate_position(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return _orbit(values).position()


def _process(v: dict[str, Any]) -> OrbitProcess:
    spectrum = (v[key] for key in ("generator_eigenvalues", "components", "noise_components"))
    return OrbitProcess(*spectrum, v["learning_rate"] / v["batch_size"], v["weight_decay"])


def _define_position(**v: Any) -> Any:
    """Root of the mean change of the charge in one literal step of the process on the orbit."""
    return decreasing_root(_process(v).drift)


def _wrong_root(term: Any) -> Any:
    """Minimum of |wrong drift| on a grid: a wrong drift need not have a root."""

    def value(**v: Any) -> float:
        rows = list(zip(v["generator_eigenvalues"], v["components"], v["noise_components"], strict=True))
        t, wd = v["learning_rate"] / v["batch_size"], v["weight_decay"]
        grid = [0.03 * k for k in range(-100, 101)]
        return min(grid, key=lambda x: abs(sum(term(m, c, s, t, wd, x) for m, c, s in rows)))

    return value


def _plus(m: float, c: float, s: float, t: float, wd: float, x: float) -> float:
    return m * (-2 * wd * math.exp(2 * x * m) * c * c + t * math.exp(2 * x * m) * s)


def _unweighted(m: float, c: float, s: float, t: float, wd: float, x: float) -> float:
    return -2 * wd * math.exp(2 * x * m) * c * c + t * math.exp(-2 * x * m) * s


position = Law(
    id="symmetry.noise_equilibrium.spectral",
    title="noise equilibrium of a general generator",
    statement="lambda*, the root of D = -2 wd sum mu_i e^{2 l mu_i} c_i^2 + T sum mu_i e^{-2 l mu_i} s_i",
    quantity=sp.Symbol("lambda_star"),
    parameters=_SPECTRAL,
    derive=_derive_position,
    definition=_define_position,
    evaluator=_evaluate_position,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("e^{+2 lambda mu} in the noise", _wrong_root(_plus)),
        mutant_value("weight mu_i missing", _wrong_root(_unweighted)),
    ),
    regime=SDE,
    constraints=(p.SPECTRUM, EXISTS),
    rungs=("algebra", "flow"),
    gate_points=10,
)


def _derive_relaxation() -> Derivation:
    m, c, s = p.EIGENVALUES[_I], p.COMPONENTS[_I], p.NOISES[_I]
    charge = _terms(m * sp.exp(2 * LAMBDA * m) * c**2)
    ratio = TEMPERATURE * _terms(m**2 * sp.exp(-2 * LAMBDA * m) * s) / _terms(m**2 * sp.exp(2 * LAMBDA * m) * c**2)
    return derivation(
        ("C'(lambda)", sp.diff(charge, LAMBDA), "charge along the orbit"),
        ("D'(lambda)", sp.diff(_drift(), LAMBDA), "drift along the orbit"),
        ("rate -D'/C' at lambda*", 2 * p.DECAY + ratio, "the decay part of D' is -2 wd C'"),
    )


def _evaluate_relaxation(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        orbit = _orbit(values)
        return orbit.relaxation_rate(orbit.position())


def _define_relaxation(**v: Any) -> Any:
    """Slope of d lambda/dt of the literal process at its own zero."""
    process = _process(v)
    return -mpmath.diff(process.velocity, decreasing_root(process.drift))


def _first_power(**v: Any) -> float:
    orbit = _orbit(v)
    x = orbit.position()
    rows = list(zip(orbit.eigenvalues, orbit.components, orbit.noise, strict=True))
    top = sum(abs(m) * mpmath.exp(-2 * x * m) * s for m, _, s in rows)
    bottom = sum(abs(m) * mpmath.exp(2 * x * m) * c * c for m, c, _ in rows)
    return float(2 * orbit.weight_decay + orbit.temperature * top / bottom)


relaxation_spectral = Law(
    id="symmetry.noise_equilibrium.relaxation_rate.spectral",
    title="relaxation rate to the noise equilibrium of a general generator",
    statement="2 wd + T sum mu^2 e^{-2 l mu} s / sum mu^2 e^{2 l mu} c^2 at l = lambda*, per unit time",
    quantity=sp.Symbol("rate"),
    parameters=_SPECTRAL,
    derive=_derive_relaxation,
    definition=_define_relaxation,
    evaluator=_evaluate_relaxation,
    sources=(DERIVED,),
    mutants=(
        mutant_value("mu for mu^2", _first_power),
        mutant_result("4 wd", lambda value, weight_decay, **_: value + 2 * weight_decay),
    ),
    regime=SDE,
    constraints=(p.SPECTRUM, EXISTS),
    rungs=("algebra", "flow"),
    gate_points=10,
)


def _derive_uniqueness() -> Derivation:
    drift = _drift()
    return derivation(
        ("drift D(lambda)", drift, "transport of parameters and gradients"),
        ("slope D'(lambda)", sp.diff(drift, LAMBDA), "a sum of squares times negative factors"),
    )


def _define_uniqueness(flow_parameter: Any, **v: Any) -> Any:
    return mpmath.diff(_process(v).drift, flow_parameter)


uniqueness = Law(
    id="symmetry.noise_equilibrium.uniqueness",
    title="the drift decreases along the whole orbit, so the equilibrium is unique and attracts",
    statement="D'(lambda) = -4 wd sum mu^2 e^{2 l mu} c^2 - 2 T sum mu^2 e^{-2 l mu} s < 0 everywhere; value D'(lambda)",
    quantity=sp.Symbol("dD"),
    parameters=(*_SPECTRAL, p.flow_parameter),
    derive=_derive_uniqueness,
    definition=_define_uniqueness,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("slope of the other sign (two zeros)", lambda value, **_: -value),
        mutant_parameters("slope depends on the start alone", lambda v: {"flow_parameter": 0.0}),
    ),
    constraints=(p.SPECTRUM,),
    rungs=("algebra", "flow"),
)


def _derive_classes() -> Derivation:
    indefinite = _drift().subs(p.SPECTRUM_SIZE, 2)
    return derivation(
        ("drift D(lambda)", _drift(), "limits of D at both ends of the orbit decide"),
        ("two eigenvalues", indefinite.doit(), "each term dominates at one end"),
        (
            "[class, equilibrium exists]",
            sp.Tuple(1, 1),
            "class 1: both signs; class 2: one sign, then decay must hold it",
        ),
    )


def _evaluate_classes(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    orbit = _orbit(values)
    return [orbit.orbit_class, int(orbit.exists())]


def _define_classes(**v: Any) -> Any:
    """Signs of the mean change of the charge far out on both sides of the orbit, and signs of the charge itself."""
    process, far = _process(v), mpmath.mpf(300)
    low, high = (int(mpmath.sign(process.drift(x))) for x in (-far, far))
    # an indefinite generator has charges of both signs on the orbit of generic components, far out on either side
    plain = OrbitProcess(v["generator_eigenvalues"], [1] * len(v["components"]), v["noise_components"], 1, 0)
    signs = {int(mpmath.sign(plain.charge(x))) for x in (-far, far)}
    return [1 if len(signs) == 2 else 2, int(low > 0 > high)]


classes = Law(
    id="symmetry.noise_equilibrium.classes",
    title="two classes of symmetries: noise equilibrium or divergence",
    statement="class 1 (A indefinite): finite lambda*; class 2 (A semi-definite): none without decay, one with decay; "
    "value [class, 1 if an equilibrium exists else 0]",
    quantity=sp.Symbol("class_and_existence"),
    parameters=_SPECTRAL,
    derive=_derive_classes,
    definition=_define_classes,
    evaluator=_evaluate_classes,
    sources=(p.ZIYIN, DERIVED),
    mutants=(
        mutant_result("class by the sign of the trace", lambda value, generator_eigenvalues, **_:
                      [1 if sum(generator_eigenvalues) < 0 else 2, value[1]]),
        mutant_result("equilibrium always", lambda value, **_: [value[0], 1 - value[1]]),
    ),
    constraints=(p.SPECTRUM,),
    rungs=("algebra", "flow", "sgd"),
)  # fmt: skip
LAWS = (uniqueness, classes, position, relaxation_spectral)
