"""Signs of the two exponents of the scalar network near its saddle: the phases, in general and for normal z."""

from __future__ import annotations

from typing import Any

import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Parameter, positive, real
from theory.stability.exponents_elementary import NORMAL
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

eta, m, s = sy.eta, sy.m, sy.s
u, w, x, y, factor = sp.symbols("u w x y c", real=True)
z = sp.Symbol("z", real=True)
exponents = sp.Symbol("Lambda_pm")
Values = dict[str, Any]
NAMES = ("I", "II", "III", "IV")
Z_MEAN = Parameter("curvature_mean", m, "mean m of z = loss_factor x y", real(0.05, 0.8))
Z_STD = Parameter("curvature_std", s, "standard deviation s of z", positive(0.5, 2.0))


def phase_name(plus: float, minus: float, boundary: float = 1e-12) -> str:
    """Return the phase by its property: I correct, II wrong sign, III collapse, IV both directions repel.

    >>> phase_name(0.1, -0.2), phase_name(-0.1, -0.2)
    ('I', 'III')
    """
    if min(abs(plus), abs(minus)) <= boundary:
        return "boundary"
    return NAMES[(0 if plus > 0 else 2) if minus < 0 else (3 if plus > 0 else 1)]


def linearisation() -> tuple[tuple[Any, ...], ...]:
    """Steps from the loss of one sample to the multipliers along u = w and along u = -w."""
    loss = factor * (u * w * x - y) ** 2 / 2
    hessian = sp.hessian(loss, (u, w)).subs({u: 0, w: 0})
    return (
        ("loss of one sample", loss, "f = u w x; c = 1 half-square, c = 2 square loss"),
        ("Hessian at the origin", hessian, "the gradient of every sample vanishes there"),
        ("in z = c x y", hessian.subs(x * y, z / factor), "eigenvectors u = w and u = -w for every sample"),
        ("multipliers", sp.Tuple(1 + eta * z, 1 - eta * z), "along u = w, along u = -w"),
    )


def both_exponents(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> list[Any]:
    """Oracle: both exponents by quadrature of their definitions."""
    spread = learning_rate * curvature_std
    return [
        log_mean(NormalX(), 1 + learning_rate * curvature_mean, spread),
        log_mean(NormalX(), 1 - learning_rate * curvature_mean, spread),
    ]


def _swap(name: str = "signs swapped") -> Mutant:
    return mutant_result(name, lambda value, **_: [value[1], value[0]])


def _normal_pair() -> Derivation:
    minus = NORMAL.derivation(batch_size=1).result if NORMAL.structure else NORMAL.closed_form
    minus = minus.subs(sp.Symbol("B", positive=True), 1)
    return derivation(
        *linearisation(),
        ("exponent of u = -w", minus, "derived in stability.exponent.normal with h = z"),
        ("both exponents", sp.Tuple(minus.subs(m, -m), minus), "u = w: h = -z, that is m -> -m"),
    )


NORMAL_NET = Law(
    id="stability.phase.scalar_net_normal",
    title="Both exponents of the scalar network for normal z",
    statement="|x| = 1, z ~ N(m, s^2): Lambda_+ = g(1 + eta m, eta s), Lambda_- = g(1 - eta m, eta s). Value: [plus, "
    "minus].",
    quantity=exponents,
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=_normal_pair,
    definition=both_exponents,
    sources=(sy.SEED,),
    mutants=(_swap(), mutant_parameters("mean dropped", lambda _: {"curvature_mean": 0.0})),
    rungs=("algebra", "chain", "sgd", "net"),
)
SCALAR_NET = Law(
    id="stability.phase.scalar_net",
    title="The phase of the scalar network is given by the signs of two exponents",
    statement="I (correct): plus > 0, minus < 0; II (wrong sign): plus < 0, minus > 0; III (collapse): both < 0; IV: "
    "both > 0. "
    "Value: the phase for normal z.",
    quantity=sp.Symbol("phase"),
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=lambda: derivation(
        *linearisation(),
        ("exponents", sp.Tuple(sp.Symbol("Lambda_+"), sp.Symbol("Lambda_-")), "E log|1 + eta z|, E log|1 - eta z|"),
        ("phase", sp.Symbol("phase"), "a direction is learned iff its exponent is positive (probability.rank_one)"),
    ),
    evaluator=lambda _, v, digits: phase_name(*NORMAL_NET.value(v)),
    definition=lambda **v: phase_name(*map(float, both_exponents(**v))),
    sources=(sy.SEED,),
    mutants=(
        mutant_value("only plus decides collapse", lambda **v: "III" if NORMAL_NET.value(v)[0] < 0 else "I"),
        mutant_value("the Hessian decides: never collapse", lambda **_: "I"),
    ),
    rungs=("algebra", "chain", "sgd"),
)


def _difference(plus: Any, minus: Any) -> Any:
    return plus - minus


NO_INCORRECT = Law(
    id="stability.phase.normal_no_incorrect",
    title="Normal z never makes the wrong sign win alone",
    statement="z normal with m > 0: g increases in |mu|, so Lambda_- < Lambda_+ for every eta and phase II never "
    "occurs. Value: "
    "Lambda_+ - Lambda_- > 0.",
    quantity=sp.Symbol("Delta"),
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=lambda: derivation(
        *_normal_pair().steps_as_tuples(),
        (
            "difference",
            _normal_pair().result[0] - _normal_pair().result[1],
            "g(mu, sd) increases in |mu|; |1 + eta m| > |1 - eta m|",
        ),
    ),
    definition=lambda **v: _difference(*both_exponents(**v)),
    sources=(sy.HERE,),
    mutants=(
        mutant_result(
            "phase II at large eta", lambda value, learning_rate, **_: -value if learning_rate > 1 else value
        ),
    ),
    rungs=("algebra", "chain"),
)
