"""Laws of the symmetric plateau of an erf committee: overlaps, error, escape rate, spectrum, escape time."""

from __future__ import annotations

import math
from functools import partial

import sympy as sp

from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import plateau_forms as pl
from theory.order_parameters.network_parameters import SAAD_SOLLA
from theory.order_parameters.plateau_definition import symmetric_root
from theory.order_parameters.plateau_forms import ASYMMETRY, SMALL_RATE, WIDTH
from theory.parameter import Parameter, integer
from theory.source import DERIVED


def _rectangular_wrong(students: int, teachers: int, teacher_norm: float, power: int) -> list[float]:
    """Positive root of k T (1 + 2Q) = p^power Q ((1 + Q)(1 + T) - Q T/k)."""
    import numpy as np

    n, k, t = students**power, teachers, teacher_norm
    roots = np.roots([-n * (1 + t - t / k), 2 * k * t - n * (1 + t), k * t])
    q = float(max(roots.real))
    return [q, math.sqrt(q * t / k)]


def _power(width: int, teacher_norm: float, learning_rate: float) -> float:
    n = width * (1 + teacher_norm)
    return (
        learning_rate
        * 2
        / math.pi
        * teacher_norm**2
        * width
        / math.sqrt(n - teacher_norm)
        / math.sqrt(n + teacher_norm)
    )


def _true_escape(width: int, teacher_norm: float, learning_rate: float) -> float:
    return _power(width, teacher_norm, learning_rate) / (width * (1 + teacher_norm) + teacher_norm)


def _lists(count: str) -> Parameter:
    return Parameter(count, None, f"number of {count}", integer(1, region=(2, 4)))


def _q(k: int, t: float) -> float:
    return t / (k * (1 + t) - t)


def _u(k: int) -> float:
    return 2 / math.pi * k * math.sqrt(2 * k - 1) / (2 * k + 1) ** 1.5


_FLOW = ("algebra", "flow")
LAWS = (
    Law(
        id="order_parameters.plateau.overlaps",
        title="overlaps on the symmetric plateau",
        statement="K = p = k erf units, orthogonal teacher of squared norm T, eta -> 0: all Q equal, all M equal.",
        quantity=sp.Symbol("Q, M"),
        parameters=(WIDTH, dm.TEACHER_NORM),
        derive=pl.overlaps,
        definition=pl.define_overlaps,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=_FLOW,
        gate_points=4,
        mutants=(
            mutant_value(
                "Q = 1/(2K+1)",
                lambda width, teacher_norm: [1 / (2 * width + 1), math.sqrt(teacher_norm / (2 * width + 1) / width)],
            ),
            mutant_value("Q = M", lambda width, teacher_norm: [_q(width, teacher_norm)] * 2),
        ),
    ),
    Law(
        id="order_parameters.plateau.error",
        title="generalisation error on the plateau",
        statement="(K/pi) [asin(T/(1+T)) - K asin(T/(K(1+T)))] at eta -> 0.",
        quantity=sp.Symbol("eps"),
        parameters=(WIDTH, dm.TEACHER_NORM),
        derive=pl.error,
        definition=pl.define_error,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=_FLOW,
        gate_points=4,
        mutants=(
            mutant_value(
                "K asin(1/K)",
                lambda width, teacher_norm: (
                    width / math.pi * (math.asin(teacher_norm / (1 + teacher_norm)) - width * math.asin(1 / width))
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.escape_rate",
        title="growth rate of the unstable mode of the plateau",
        statement="The mode (dM_ii, dM_ij) ~ (1, -1/(K-1)) grows with rate eta (2/pi) M T (1+T+T/K)^(-3/2).",
        quantity=sp.Symbol("rate"),
        parameters=(WIDTH, dm.TEACHER_NORM, dm.LEARNING_RATE),
        derive=pl.escape,
        definition=pl.define_escape,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=(*_FLOW, "chain"),
        gate_points=3,
        mutants=(
            mutant_value("exponent 1/2 for 3/2", _power),
            mutant_value(
                "mode (1, 0)",
                lambda width, teacher_norm, learning_rate: (
                    _true_escape(width, teacher_norm, learning_rate) * (1 - 1 / width)
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.spectrum",
        title="eigenvalues of the symmetric ansatz at the plateau, T = 1",
        statement="u = (2/pi) K (2K-1)^(1/2) (2K+1)^(-3/2): -(4K+2)u, -(2K-1)u, 0, u/(2K-1) times eta, ascending.",
        quantity=sp.Symbol("eigenvalues"),
        parameters=(WIDTH, dm.LEARNING_RATE),
        derive=pl.spectrum,
        definition=pl.define_spectrum,
        sources=(SAAD_SOLLA,),
        regime=SMALL_RATE,
        gate_points=6,
        mutants=(
            mutant_value(
                "-u for 0",
                lambda width, learning_rate: [
                    learning_rate * _u(width) * x for x in (-(4 * width + 2), -(2 * width - 1), -1, 1 / (2 * width - 1))
                ],
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.escape_time",
        title="time to leave the plateau",
        statement="t = ln(1/initial asymmetry)/(eta lambda) to leading logarithm.",
        quantity=sp.Symbol("t"),
        parameters=(WIDTH, dm.TEACHER_NORM, dm.LEARNING_RATE, ASYMMETRY),
        derive=pl.escape_time,
        definition=pl.define_time,
        sources=(SAAD_SOLLA,),
        regime=Regime("initial asymmetry -> 0", "O(1)"),
        rungs=(*_FLOW, "chain"),
        gate_points=3,
        mutants=(
            mutant_value(
                "2 lambda",
                lambda width, teacher_norm, learning_rate, initial_asymmetry: (
                    -math.log(initial_asymmetry) / 2 / _true_escape(width, teacher_norm, learning_rate)
                ),
            ),
            mutant_value(
                "without ln",
                lambda width, teacher_norm, learning_rate, initial_asymmetry: (
                    1 / initial_asymmetry / _true_escape(width, teacher_norm, learning_rate)
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.rectangular",
        title="plateau of p equal students on k teachers",
        statement="All students equal: k T (1+2Q) = p^2 Q ((1+Q)(1+T) - Q T/k), M = sqrt(Q T/k); eta -> 0.",
        quantity=sp.Symbol("Q, M"),
        parameters=(_lists("students"), _lists("teachers"), dm.TEACHER_NORM),
        derive=pl.rectangular,
        evaluator=pl.evaluate_rectangular,
        sources=(DERIVED,),
        regime=SMALL_RATE,
        rungs=_FLOW,
        definition=lambda students, teachers, teacher_norm: list(
            symmetric_root(int(students), int(teachers), float(teacher_norm))
        ),
        mutants=(
            mutant_value("p for p^2", partial(_rectangular_wrong, power=1)),
            mutant_value("M = Q", lambda **v: [_rectangular_wrong(**v, power=2)[0]] * 2),
        ),
        gate_points=5,
        priority="B",
    ),
)
