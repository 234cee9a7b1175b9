"""The map between the two normalisations of a committee, solved from both sets of equations."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters.network_parameters import VEIGA
from theory.order_parameters.single_unit import ETA, NOISE
from theory.order_parameters.state import definition_means, state_of
from theory.parameter import Parameter, integer
from theory.source import DERIVED


def _mapping(students: int = 2) -> Derivation:
    p = students
    gamma, noise, eta, scaled = sp.symbols("gamma Delta eta_c Delta_c", positive=True)
    found = eq.equations(p, p)
    ones = {sp.Symbol(f"{c}{j}", real=True): 1 for c in "av" for j in range(1, p + 1)}
    mean = {s: sp.Rational(1, p) for s in ones}
    plain = {eq.BATCH: 1, eq.DECAY: 0}
    m_mean = found.learning_m[0, 0].subs(mean).subs({eq.ETA: gamma})
    m_committee = found.learning_m[0, 0].subs(ones).subs({eq.ETA: eta})
    rate = sp.simplify(sp.solve(sp.expand(m_mean - m_committee), eta)[0])
    q_mean = sp.expand(found.noise_q[0, 0].subs(mean).subs(plain).subs({eq.ETA: gamma, eq.NOISE: noise}))
    q_committee = sp.expand(found.noise_q[0, 0].subs(ones).subs(plain).subs({eq.ETA: rate, eq.NOISE: scaled}))
    variance = sp.simplify(sp.solve(q_mean - q_committee, scaled)[0])
    factor = sp.simplify(found.error.subs(mean) / found.error.subs(ones))
    names = {gamma: ETA, noise: NOISE}
    return derivation(
        ("drift of M, both conventions", sp.Tuple(m_mean, m_committee), f"p = k = {p}"),
        ("rate", rate, "equal drifts of M"),
        ("label noise", variance, "equal noise terms of Q"),
        ("map", sp.Tuple(rate, variance, factor).subs(names), "[eta, noise variance, error factor]"),
    )


def _mapping_definition(students: int, learning_rate: Any, noise_variance: Any) -> list[float]:
    """Compare the drifts of the two conventions by quadrature, for quadratic units at one state."""
    p = int(students)
    q = [[1.0 if i == j else 0.2 for j in range(p)] for i in range(p)]
    m = [[0.3 if i == j else 0.1 for j in range(p)] for i in range(p)]
    teacher = [[1.6 if i == j else 0.1 for j in range(p)] for i in range(p)]
    base = {"activation": "quadratic", "student_overlap": q, "teacher_student_overlap": m, "teacher_overlap": teacher}
    layers = {"student_second_layer": [1 / p] * p, "teacher_second_layer": [1 / p] * p}
    gamma, noise = float(learning_rate), float(noise_variance)
    mean = definition_means(state_of({**base, **layers, "learning_rate": gamma, "noise_variance": noise}), 5)
    free = definition_means(state_of({**base, "learning_rate": 1.0}), 5)
    noisy = definition_means(state_of({**base, "learning_rate": 1.0, "noise_variance": 1.0}), 5)
    eta = mean["m"][0][0] / free["m"][0][0]
    slope = noisy["noise"][0][0] - free["noise"][0][0]
    scaled = (mean["noise"][0][0] / eta**2 - free["noise"][0][0]) / slope
    return [eta, scaled, mean["error"] / free["error"]]


LAWS = (
    Law(
        id="order_parameters.mapping.mean_to_committee",
        title="mean normalisation as a committee",
        statement="p = k: (gamma, Delta) with a = v = 1/p equals a committee with eta = gamma/p^2, noise p^2 Delta, "
        "error/p^2.",
        quantity=sp.Symbol("mean_to_committee"),
        parameters=(Parameter("students", None, "p = k", integer(1, region=(2, 3))), dm.LEARNING_RATE, dm.NOISE),
        derive=_mapping,
        definition=_mapping_definition,
        mutants=(
            mutant_value(
                "gamma/p",
                lambda students, learning_rate, noise_variance: [
                    learning_rate / students,
                    students**2 * noise_variance,
                    1 / students**2,
                ],
            ),
            mutant_value(
                "Delta unscaled",
                lambda students, learning_rate, noise_variance: [
                    learning_rate / students**2,
                    noise_variance,
                    1 / students**2,
                ],
            ),
        ),
        structure=("students",),
        display={"students": 2},
        sources=(VEIGA, DERIVED),
        gate_points=6,
    ),
)
