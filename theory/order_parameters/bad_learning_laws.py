"""Laws of the phase in which only the noise term survives: the overlap with the teacher freezes, the norm grows."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters.network_parameters import VEIGA
from theory.order_parameters.phase_laws import SCALED_RATE, SCALED_WIDTH
from theory.order_parameters.single_unit import OMEGA, TIME, M, P, Q, single_equations
from theory.order_parameters.state import definition_means, state_of
from theory.parameter import Parameter, positive, real
from theory.source import DERIVED

NORM = Parameter("teacher_overlap", P, "squared norm of the teacher", positive(0.5, 2.0))
_STUDENT = Parameter("student_overlap", Q, "squared norm of the student", positive(0.8, 2.0))
_CROSS = Parameter("teacher_student_overlap", M, "overlap with the teacher", real(-0.5, 0.5))
_LONG = dm.TIME.within(positive(500.0, 5000.0))


def noise_drift() -> Any:
    """Return E[s'^2 (e^2 + Delta)] of one erf unit in Q, M, P."""
    dq, _, _ = single_equations("erf")
    eta = dm.LEARNING_RATE.symbol
    return dq.subs({OMEGA: 0, dm.BATCH.symbol: 1}).coeff(eta, 2)


def _frozen() -> Derivation:
    scale = (SCALED_RATE.symbol / SCALED_WIDTH.symbol) ** 2
    drift = sp.Tuple(scale * noise_drift(), 0)
    return derivation(
        ("noise term", noise_drift(), "E[s'^2 (e^2 + Delta)], one erf unit"),
        ("[dQ, dM]", drift, "the learning term is smaller by d^(-|sigma|); time in units of the noise step"),
    )


def _frozen_definition(
    student_overlap: Any,
    teacher_student_overlap: Any,
    teacher_overlap: Any,
    noise_variance: Any,
    scaled_learning_rate: Any,
    scaled_width: Any,
) -> list[float]:
    state = state_of(
        {
            "activation": "erf",
            "student_overlap": student_overlap,
            "teacher_student_overlap": teacher_student_overlap,
            "teacher_overlap": teacher_overlap,
            "learning_rate": scaled_learning_rate / scaled_width,
            "noise_variance": noise_variance,
        }
    )
    return [definition_means(state, 120)["noise"][0][0], 0.0]


def _growth() -> Derivation:
    rest = sp.simplify(sp.limit(noise_drift().subs(M, 0) * sp.sqrt(Q), Q, sp.oo))
    c = sp.simplify(rest * sp.pi / sp.sqrt(2))
    form = (3 * c * TIME / (sp.sqrt(2) * sp.pi)) ** sp.Rational(2, 3)
    return derivation(
        ("drift times sqrt Q, Q -> oo", rest, "limit of the derived noise term"),
        ("c", c, "drift = sqrt 2 c/(pi sqrt Q)"),
        ("Q(t)", form, "separate variables"),
    )


def _growth_definition(time: Any, teacher_overlap: Any, noise_variance: Any) -> Any:
    """Integrate the drift at infinite Q: lambda has the flat density 1/sqrt(2 pi Q) where s' is not small."""
    import numpy as np
    from scipy.special import erf

    x, weight = np.polynomial.hermite.hermgauss(100)
    nodes, share = np.polynomial.hermite_e.hermegauss(100)
    teacher = erf(nodes * float(teacher_overlap) ** 0.5 / 2**0.5)
    square = (teacher[None, :] - erf(x / 2**0.5)[:, None]) ** 2 + float(noise_variance)
    # s'^2 = (2/pi) exp(-lambda^2) is the weight of the rule
    drift = 2 / math.pi * float(weight @ square @ share) / share.sum() / math.sqrt(2 * math.pi)
    return (mpmath.mpf(3) / 2 * drift * time) ** (mpmath.mpf(2) / 3)


def _limit() -> Derivation:
    _, _, error = single_equations("erf")
    form = sp.simplify(sp.limit(error.subs(M, 0), Q, sp.oo))
    return derivation(("error", error, "one erf unit"), ("Q -> oo", form, "student and teacher decorrelate"))


def _limit_definition(teacher_overlap: Any) -> Any:
    """Mean over the teacher's field and the sign that the student's output has become."""
    import numpy as np
    from scipy.special import erf

    nodes, share = np.polynomial.hermite_e.hermegauss(100)
    teacher = erf(nodes * float(teacher_overlap) ** 0.5 / 2**0.5)
    return float(share @ ((teacher - 1) ** 2 + (teacher + 1) ** 2)) / share.sum() / 4


def _c(p: float, noise: float, third: bool = True) -> float:
    return 2 / math.pi * ((math.asin(1 / 3) if third else 0.0) + math.asin(p / (1 + p))) + noise


def _growth_wrong(time: float, teacher_overlap: float, noise_variance: float, power: float, third: bool) -> float:
    return (3 * _c(teacher_overlap, noise_variance, third) * time / (math.sqrt(2) * math.pi)) ** power


def _relaxing(saturate: bool = False, **v: float) -> list[float]:
    """The drift of the plateau phase: the learning term of M, or of Q, kept."""
    q, m, p = v["student_overlap"], v["teacher_student_overlap"], v["teacher_overlap"]
    eta = v["scaled_learning_rate"] / v["scaled_width"]
    found = definition_means(
        state_of(
            {
                "activation": "erf",
                "student_overlap": q,
                "teacher_student_overlap": m,
                "teacher_overlap": p,
                "learning_rate": eta,
                "noise_variance": v["noise_variance"],
            }
        ),
        60,
    )
    noise = float(found["noise"][0][0])
    if saturate:
        return [noise + float(found["learning"][0][0]), 0.0]
    return [noise, float(found["m"][0][0])]


LAWS = (
    Law(
        id="order_parameters.bad_learning.frozen_overlap",
        title="drift in the noise phase",
        statement="p = k = 1, erf, -1/2 < kappa + delta < 0: [dQ, dM] = [(gamma0/p0)^2 E s'^2 (e^2 + Delta), 0].",
        quantity=sp.Symbol("[dQ, dM]"),
        parameters=(_STUDENT, _CROSS, NORM, dm.NOISE, SCALED_RATE, SCALED_WIDTH),
        derive=_frozen,
        definition=_frozen_definition,
        sources=(VEIGA,),
        regime=Regime("d -> infinity", "O(d**-|sigma|)"),
        rungs=("algebra", "chain"),
        gate_points=10,
        mutants=(
            mutant_value("M relaxes", _relaxing),
            mutant_value("Q saturates with the learning term", partial(_relaxing, saturate=True)),
        ),
    ),
    Law(
        id="order_parameters.bad_learning.growth",
        title="growth of the student norm in the noise phase",
        statement="p = k = 1, erf, unit rate: Q ~ (3 c t/(sqrt2 pi))^(2/3) for t -> infinity.",
        quantity=sp.Symbol("Q"),
        parameters=(_LONG, NORM, dm.NOISE),
        derive=_growth,
        definition=_growth_definition,
        sources=(DERIVED,),
        regime=Regime("t -> infinity", "relative O(t**(-2/3))"),
        rungs=("algebra", "flow"),
        mutants=(
            mutant_value("exponent 1/2", partial(_growth_wrong, power=0.5, third=True)),
            mutant_value("asin(1/3) left out", partial(_growth_wrong, power=2 / 3, third=False)),
        ),
    ),
    Law(
        id="order_parameters.bad_learning.error_limit",
        title="error at late times in the noise phase",
        statement="p = k = 1, erf: (1/2)(1 + (2/pi) asin(P/(1+P))).",
        quantity=sp.Symbol("eps"),
        parameters=(NORM,),
        derive=_limit,
        definition=_limit_definition,
        sources=(DERIVED,),
        regime=Regime("t -> infinity", "o(1)"),
        rungs=("algebra", "flow"),
        mutants=(
            mutant_value(
                "without 1", lambda teacher_overlap: math.asin(teacher_overlap / (1 + teacher_overlap)) / math.pi
            ),
            mutant_value(
                "cross term kept: M = sqrt(P) for M = 0",
                lambda teacher_overlap: (
                    0.5
                    + math.asin(teacher_overlap / (1 + teacher_overlap)) / math.pi
                    - 2 / math.pi * math.asin(math.sqrt(teacher_overlap / (2 * (1 + teacher_overlap))))
                ),
            ),
            mutant_value(
                "without 1/2",
                lambda teacher_overlap: 1 + 2 / math.pi * math.asin(teacher_overlap / (1 + teacher_overlap)),
            ),
        ),
    ),
)
