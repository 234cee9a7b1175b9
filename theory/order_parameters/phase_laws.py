"""Laws of the phase diagram in the exponents (kappa, delta)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import phase_definition as defined
from theory.order_parameters import phases as ph
from theory.order_parameters.network_parameters import VEIGA
from theory.order_parameters.perfect import mu
from theory.parameter import Constraint, Domain, Parameter, integer, interval, nonnegative, positive
from theory.source import DERIVED


class _Grid(Domain):
    """Numbers whose generic points are multiples of 0.05, so that the lines of the phase diagram are hit."""

    def draw(self, rng: random.Random) -> float:
        """Draw a multiple of 0.05 from the region."""
        low, high = (round(20 * end) for end in self.region)
        return rng.randint(low, high) / 20


KAPPA = Parameter("kappa", ph.KAPPA, "exponent of the width, p = p0 d^kappa", _Grid("real", low=0.0, region=(0.0, 0.8)))
DELTA = Parameter(
    "delta", ph.DELTA, "exponent of the learning rate, gamma = gamma0 d^-delta", _Grid("real", region=(-1.0, 0.6))
)
ASYMPTOTIC = Regime("d -> infinity", "the first correction is of relative order d^(-|sigma|)")


def _counting(quantity: str) -> Derivation:
    learning, noise = ph.exponents()
    x = sp.Max(learning, noise)
    steps = [
        ("sizes in one step", sp.Tuple(*ph.step_sizes()), "p = p0 d^kappa, gamma = gamma0 d^-delta, a = 1/p"),
        ("exponents", sp.Tuple(learning, noise), "power of d"),
    ]
    sigma, c = ph.SIGMA, -x / 2
    words = sp.symbols(" ".join((ph.PERFECT, ph.PLATEAU, ph.BAD, ph.NONE)))
    forms = {
        "learning": (learning, "the learning term"),
        "noise": (noise, "the noise term"),
        "step": (x, "the larger of the two sets the time step"),
        "regime": (
            sp.Piecewise(
                (words[0], sigma > 0),
                (words[1], sp.Eq(sigma, 0)),
                (words[2], sigma > -sp.Rational(1, 2)),
                (words[3], True),
            ),
            "terms as large as the time step survive; no ODE if a step does not shrink",
        ),
        "convergence": (c, "a Markov chain with steps dt fluctuates by sqrt(dt)"),
        "limit": (
            sp.Min(c, sp.Abs(sigma)),
            "the dropped term is smaller by d^(-|sigma|); on the plateau nothing is dropped",
        ),
        "floor": (sigma, "the noise term relative to the learning term is d^(-sigma)"),
    }
    form, rule = forms[quantity]
    return derivation(*steps, ("result", form, rule))


_KEYS = {
    "learning": "learning_term_exponent",
    "noise": "noise_term_exponent",
    "step": "time_step_exponent",
    "regime": "regime",
    "convergence": "convergence_exponent",
    "limit": "limit_exponent",
    "floor": "noise_floor_exponent",
}


def _evaluate(quantity: str, _: Derivation, values: dict[str, Any], digits: int) -> Any:
    found = ph.describe(values["kappa"], values["delta"])[_KEYS[quantity]]
    return found if found is None or isinstance(found, str) else mpmath.mpf(repr(found))


def _released_code(kappa: float, delta: float) -> str:
    """The test for an ODE found in released code, -delta < (kappa + 1)/2."""
    sigma = kappa + delta
    if sigma >= 0:
        return ph.PERFECT if sigma > 0 else ph.PLATEAU
    return ph.BAD if -delta < (kappa + 1) / 2 else ph.NONE


def _by_delta(kappa: float, delta: float) -> str:
    return ph.describe(0, delta)["regime"]


def _law(name: str, quantity: str, title: str, mutants: tuple[Mutant, ...], **more: Any) -> Law:
    return Law(
        id=f"order_parameters.phase.{name}",
        title=title,
        statement=f"{title}: width p0 d^kappa, learning rate gamma0 d^-delta, mean normalisation.",
        quantity=sp.Symbol(name),
        parameters=(KAPPA, DELTA),
        derive=partial(_counting, quantity),
        definition=partial(defined.exponent, quantity),
        evaluator=partial(_evaluate, quantity),
        mutants=mutants,
        **{"sources": (VEIGA,), "regime": ASYMPTOTIC} | more,
    )


def _value(name: str, function: Callable[..., Any]) -> Mutant:
    return mutant_value(name, function)


def _true(kappa: float, delta: float, key: str) -> Any:
    return ph.describe(kappa, delta)[key]


def _only(positive_sum: float) -> Constraint:
    return Constraint(lambda v: v["kappa"] + v["delta"] > positive_sum, f"kappa + delta must exceed {positive_sum:g}")


def _floor_derivation() -> Derivation:
    gamma, p, noise = sp.symbols("gamma p Delta", positive=True)
    rate, scaled = gamma / p**2, p**2 * noise
    committee = rate * scaled / 4 * p * mu("erf", 2)
    per_width = sp.simplify(committee / p**2)
    teacher = per_width.subs(sp.Symbol("T", positive=True), 1)
    scale = {gamma: ph.GAMMA0 * ph.D**-ph.DELTA, p: ph.P0 * ph.D**ph.KAPPA, noise: sp.Symbol("Delta", nonnegative=True)}
    form = sp.powsimp(sp.expand(teacher.subs(scale)))
    return derivation(
        (
            "committee floor",
            committee,
            "small rate, trace of E s'^2: eta Delta K mu2/4 with eta = gamma/p^2, noise p^2 Delta",
        ),
        ("mean normalisation", per_width, "the error is divided by p^2"),
        ("orthonormal teacher", teacher, "T = 1"),
        ("scaling", form, "p = p0 d^kappa, gamma = gamma0 d^-delta"),
    )


def _floor_mutant(power: int, root: float) -> Callable[..., float]:
    def wrong(
        scaled_learning_rate: float,
        scaled_width: float,
        noise_variance: float,
        kappa: float,
        delta: float,
        dimension: int,
    ) -> float:
        gamma, p = scaled_learning_rate * dimension**-delta, scaled_width * dimension**kappa
        return gamma * noise_variance / (2 * root * math.pi * p**power)

    return wrong


SCALED_RATE = Parameter("scaled_learning_rate", ph.GAMMA0, "gamma0", positive(0.3, 2.0))
SCALED_WIDTH = Parameter("scaled_width", ph.P0, "p0", positive(1.5, 5.0))

LAWS = (
    _law(
        "learning_term_exponent",
        "learning",
        "power of d of the learning term in one step",
        (_value("sign of sigma", lambda kappa, delta: -(1 - kappa - delta)),),
        rungs=("algebra", "chain"),
    ),
    _law(
        "noise_term_exponent",
        "noise",
        "power of d of the noise term in one step",
        (_value("-(1 + sigma + 2 delta)", lambda kappa, delta: -(1 + kappa + 3 * delta)),),
        rungs=("algebra", "chain"),
    ),
    _law(
        "time_step_exponent",
        "step",
        "power of d of the time step",
        (
            _value("the smaller term", lambda kappa, delta: min(-(1 + kappa + delta), -(1 + 2 * (kappa + delta)))),
            _value("kappa ignored", lambda kappa, delta: max(-(1 + delta), -(1 + 2 * delta))),
        ),
        rungs=("algebra", "chain"),
    ),
    _law(
        "regime",
        "regime",
        "phase of the exponents",
        (_value("ODE if -delta < (kappa + 1)/2", _released_code), _value("boundary at delta alone", _by_delta)),
        rungs=("algebra", "chain"),
        gate_points=60,
    ),
    _law(
        "convergence_exponent",
        "convergence",
        "exponent c of the distance d^-c to the ODE with both terms",
        (
            _value(
                "c = -x",
                lambda kappa, delta: (
                    2 * _true(kappa, delta, "convergence_exponent")
                    if _true(kappa, delta, "convergence_exponent")
                    else None
                ),
            ),
            _value("1/2 in every phase", lambda kappa, delta: 0.5),
        ),
        rungs=("algebra", "chain"),
    ),
    _law(
        "limit_exponent",
        "limit",
        "exponent of the distance to the limiting ODE, the smaller term removed",
        (_value("c alone", lambda kappa, delta: _true(kappa, delta, "convergence_exponent")),),
        rungs=("algebra", "chain"),
        sources=(DERIVED,),
    ),
    _law(
        "noise_floor_exponent",
        "floor",
        "exponent of the stationary error under perfect learning",
        (
            _value("(1 + sigma)/2", lambda kappa, delta: (1 + kappa + delta) / 2),
            _value("2 sigma", lambda kappa, delta: 2 * (kappa + delta)),
        ),
        rungs=("algebra", "flow"),
        sources=(VEIGA, DERIVED),
    ),
    Law(
        id="order_parameters.phase.noise_floor",
        title="stationary error under perfect learning, erf, p = k",
        statement="With orthonormal teacher (T = 1) the error is gamma Delta/(2 sqrt3 pi p), to leading order in "
        "Delta and in gamma/p.",
        quantity=sp.Symbol("eps"),
        parameters=(
            SCALED_RATE,
            SCALED_WIDTH,
            dm.NOISE.within(nonnegative(0.05, 0.5)),
            KAPPA,
            DELTA.within(interval(-5.0, 5.0, region=(0.05, 0.6))),
            dm.DIMENSION.within(integer(1, region=(50, 5000))),
        ),
        derive=_floor_derivation,
        definition=defined.noise_floor,
        sources=(DERIVED,),
        regime=Regime("Delta -> 0, gamma/p -> 0", "relative O(gamma/p)"),
        constraints=(_only(0.0),),
        mutants=(_value("gamma/p^2", _floor_mutant(2, math.sqrt(3))), _value("without sqrt 3", _floor_mutant(1, 1.0))),
        rungs=("algebra", "flow"),
    ),
)
