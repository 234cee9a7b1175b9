"""Laws of whole trajectories: the overlaps at a later time, and their fluctuations around the ODE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant
from theory.order_parameters import domains as dm
from theory.order_parameters.equation_laws import derive_part
from theory.order_parameters.network_parameters import FITS, GOLDT, LIMIT, NETWORK, SAAD_SOLLA, VEIGA
from theory.order_parameters.state import definition_means, state_of
from theory.order_parameters.trajectory import Spoil, integrate
from theory.parameter import Parameter, nonnegative, text

_TIME = dm.TIME.within(nonnegative(0.1, 0.4))


def _derive(activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    m, q = (derive_part(part, index, activation, teacher_activation) for part, index in (("dm", 0), ("dq", 1)))
    return derivation(
        *((f"M: {s.name}", s.expression, s.rule) for s in m.steps),
        *((f"Q: {s.name}", s.expression, s.rule) for s in q.steps),
        ("overlaps at time t", sp.Symbol("Phi_t(Q0, M0, a0)"), "the flow of these equations, integrated numerically"),
    )


def _evaluate(_: Derivation, values: dict[str, Any], digits: int) -> list[float]:
    return integrate(values, values["time"])


def _definition(**values: Any) -> list[float]:
    """Classical Runge-Kutta steps on drifts by quadrature of the definition, Richardson-extrapolated."""
    import numpy as np

    time = float(values.pop("time"))
    start = state_of(values)
    p, k = start.students, start.teachers
    upper = np.triu_indices(p)
    omega = float(start.decay)

    def field(y: Any) -> Any:
        q = np.zeros((p, p))
        q[upper] = y[: len(upper[0])]
        q = q + np.triu(q, 1).T
        m = y[len(upper[0]) : -p].reshape(p, k)
        current = state_of(
            {
                **values,
                "student_overlap": q.tolist(),
                "teacher_student_overlap": m.tolist(),
                "student_second_layer": [float(x) for x in y[-p:]],
            },
            exact=False,
        )
        means = definition_means(current, 36)
        dq = np.array(means["learning"]) + np.array(means["noise"]) - 2 * omega * q
        da = np.array(means["layer"]) - (omega * y[-p:] if float(start.eta2) else 0.0)
        return np.concatenate([dq[upper], (np.array(means["m"]) - omega * m).ravel(), da]).astype(float)

    first = np.concatenate(
        [np.array(start.q, float)[upper], np.array(start.m, float).ravel(), np.array(start.a, float)]
    )

    def run(steps: int) -> Any:
        y, h = first, time / steps
        for _ in range(steps):
            a = field(y)
            b = field(y + h / 2 * a)
            c = field(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + field(y + h * c))
        return y

    coarse, fine = run(8), run(16)
    return [float(x) for x in fine + (fine - coarse) / 15]


def spoiled(name: str, spoil: Spoil) -> Mutant:
    """Mutant that integrates a wrong right-hand side."""
    return Mutant(name, lambda law, values: integrate((full := law.complete(values)), full["time"], spoil))


def _scale(key: str, factor: Callable[[Any], float]) -> Spoil:
    return lambda found, state: {**found, key: found[key] * factor(state)}


PARAMETERS: tuple[Parameter, ...] = (
    dm.ACTIVATION.within(text("erf", "sine")),
    dm.TEACHER_ACTIVATION.within(text("same")),
    *NETWORK[2:7],
    dm.LEARNING_RATE,
    *NETWORK[8:],
    _TIME,
)

OVERLAPS = Law(
    id="order_parameters.trajectory.overlaps",
    title="overlaps at a later time",
    statement="Online SGD from given overlaps has at time t = step/d the overlaps of the ODE, up to O(1/d) in the "
    "mean and O(d^(-1/2)) in each run; value [Q upper triangle, M row by row, a].",
    quantity=sp.Symbol("Q(t), M(t), a(t)"),
    parameters=PARAMETERS,
    derive=_derive,
    definition=_definition,
    evaluator=_evaluate,
    structure=("activation", "teacher_activation"),
    display={"activation": "erf", "teacher_activation": "same"},
    constraints=(FITS,),
    regime=LIMIT,
    sources=(VEIGA, SAAD_SOLLA, GOLDT),
    rungs=("algebra", "chain", "sgd", "net"),
    gate_points=2,
    mutants=(
        spoiled("noise term missing", _scale("noise", lambda _: 0.0)),
        spoiled("noise term doubled", _scale("noise", lambda _: 2.0)),
        spoiled("1/B missing", _scale("noise", lambda s: s.batch)),
        spoiled("factor 2 of the learning term missing", _scale("learning", lambda _: 0.5)),
    ),
)

LAWS = (
    OVERLAPS,
    OVERLAPS.but(
        id="order_parameters.net.whitened_inputs",
        title="overlaps on whitened real inputs",
        statement="The ODE for Gaussian inputs describes SGD on real inputs of unit covariance (principal components, "
        "sampled with replacement, well below one epoch) within .02.",
        rungs=("algebra", "net"),
        priority="B",
        gate_points=1,
    ),
    OVERLAPS.but(
        id="order_parameters.net.raw_pixels",
        title="overlaps on raw pixels",
        statement="The ODE for Gaussian inputs of unit covariance, applied to pixels over their standard deviation.",
        rungs=("algebra", "net"),
        priority="B",
        gate_points=1,
    ),
)
