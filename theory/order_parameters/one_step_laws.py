"""The mean change of the overlaps in one step given the weights, exact at every dimension and batch size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters.equation_laws import derive_part
from theory.order_parameters.expectations import value
from theory.order_parameters.network_parameters import FITS, NETWORK
from theory.order_parameters.single_unit import spoil
from theory.order_parameters.state import State, definition_means, evaluate, rows, state_of
from theory.parameter import Constraint, integer
from theory.source import DERIVED


def one_step_increment(state: State, dimension: Any) -> list[list[Any]]:
    """Return E[dQ | W] of one step, exact at every d.

    |x|^2 = q + chi^2_(d-m) with q = z' Omega^-1 z, and E[g q] = m E[g] + 2 d/ds E_(s Omega)[g] at s = 1 (scale
    derivative of the Gaussian density), so the noise term N(Omega) enters as N/d + (2/d^2) dN(s Omega)/ds. Different
    samples of a batch add eta^2 a_j a_l (B-1)/B h_j' Omega^-1 h_l / d^2.
    """
    p = state.students
    learning, noise = (evaluate(state, part) for part in ("learning_q", "noise_q"))
    d, cross = mpmath.mpf(dimension), [x for row in cross_terms(state) for x in row]
    terms = zip(learning, noise, _scale_slope(state), cross, strict=True)
    return rows([(a + n) / d + (2 * slope + pair) / d**2 for a, n, slope, pair in terms], p)


def _scale_slope(state: State) -> list[Any]:
    """Return d/ds of the noise term at the covariance s Omega, s = 1, by a fourth-order difference quotient."""
    h = mpmath.mpf(10) ** -5

    def noise(s: Any) -> list[Any]:
        q, m, p = ([[s * x for x in row] for row in matrix] for matrix in (state.q, state.m, state.p))
        return evaluate(replace(state, q=q, m=m, p=p), "noise_q")

    with mpmath.workdps(40):
        values = [noise(1 + n * h) for n in (-2, -1, 1, 2)]
        return [(a - 8 * b + 8 * c - e) / (12 * h) for a, b, c, e in zip(*values, strict=True)]


def cross_terms(state: State) -> list[list[Any]]:
    """Return eta^2 a_j a_l (B-1)/B h_j' Omega^-1 h_l, where h_j = E[e s'_j z] is a list of sums of I3."""
    p, omega = state.students, mpmath.matrix(state.covariance)
    b, c = state.weights, state.covariance
    h = [
        mpmath.matrix(
            [
                sum(
                    b[u] * value("I3", state.activation, (state.unit(u),), (j, l, u), c, state.parameters)
                    for u in range(len(b))
                )
                for l in range(len(b))
            ]
        )
        for j in range(p)
    ]
    scale = state.eta**2 * (state.batch - 1) / state.batch
    solved = [mpmath.lu_solve(omega, x) for x in h]
    return [
        [
            scale * state.a[j] * state.a[l] * mpmath.fsum(x * y for x, y in zip(h[j], solved[l], strict=True))
            for l in range(p)
        ]
        for j in range(p)
    ]


def _weighted_square(state: State, inverse: Any) -> Any:
    """Return E[s'_j s'_l (e^2 + Delta) z' Omega^-1 z] by tensor quadrature."""
    import numpy as np

    from theory.gaussian.quadrature import numeric_function, smooth_mean
    from theory.order_parameters.activation import X, activation

    p = state.students
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    ds = numeric_function(activation(state.activation).derivative, (X,))
    b = [float(x) for x in state.weights]

    def integrand(*z: Any) -> Any:
        units = [s(x) if u < p else t(x) for u, x in enumerate(z)]
        e = sum(w * x for w, x in zip(b, units, strict=True))
        fields = np.stack(z)
        q = np.einsum("un,uv,vn->n", fields, inverse, fields)
        slopes = [ds(z[j]) for j in range(p)]
        return np.stack([slopes[j] * slopes[l] * (e**2 + float(state.noise)) * q for j in range(p) for l in range(p)])

    flat = smooth_mean(integrand, [[float(x) for x in row] for row in state.covariance], 48 if len(b) <= 3 else 26)
    return np.array(flat).reshape(p, p)


def _one_step_derivation(part: str, activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    base = derive_part("learning_m" if part == "m" else "dq", 0 if part == "m" else 1, activation, teacher_activation)
    d = sp.Symbol("dimension", positive=True)
    if part == "m":
        return derivation(
            *((s.name, s.expression, s.rule) for s in base.steps[:-1]),
            ("one step", sp.Tuple(eq.equations(2, 1).learning_m / d), "x enters through z only: exact"),
        )
    q, m = sp.symbols("q m", positive=True)
    return derivation(
        *((s.name, s.expression, s.rule) for s in base.steps[:-1]),
        (
            "length",
            sp.Eq(sp.Symbol("|x|**2"), q + sp.Symbol("chi2")),
            "q = z' Omega^-1 z in the span, chi^2_(d-m) outside",
        ),
        ("mean length given z", d - m + q, "m = p + k"),
        (
            "pairs of different samples",
            sp.Symbol("h_j' Omega^-1 h_l") * (eq.BATCH - 1) / eq.BATCH,
            "E[g_j x] lies in the span",
        ),
    )


def _one_step_q(_: Any, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 5):
        return one_step_increment(state_of(values), values["dimension"])


def _one_step_m(_: Any, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 5):
        state = state_of(values)
        return [[x / values["dimension"] for x in row] for row in rows(evaluate(state, "learning_m"), state.teachers)]


def _one_step_m_definition(**values: Any) -> Any:
    d = float(values.pop("dimension"))
    return [[x / d for x in row] for row in definition_means(state_of(values), 48)["m"]]


def _one_step_q_definition(**values: Any) -> Any:
    """The same mean by quadrature, with E[|x|^2 | z] = z' Omega^-1 z + d - m inside the integral."""
    import numpy as np

    d = float(values.pop("dimension"))
    state = state_of(values)
    p = state.students
    means = definition_means(state, 48)
    omega = np.array([[float(x) for x in row] for row in state.covariance])
    inverse = np.linalg.inv(omega)
    weighted = _weighted_square(state, inverse)
    eta, batch, a = float(state.eta), float(state.batch), np.array([float(x) for x in state.a])
    learning, noise = np.array(means["learning"], dtype=float), np.array(means["noise"], dtype=float)
    h = _slope_fields(state)
    scale = np.outer(a, a) * eta**2 / d**2
    total = (
        learning / d
        + noise / d * (1 - len(omega) / d)
        + scale * (weighted / batch + (batch - 1) / batch * (h @ inverse @ h.T))
    )
    return total.reshape(p, p).tolist()


def _slope_fields(state: State) -> Any:
    """Return h_j = E[e s'_j z] for all fields by quadrature of the definition."""
    import numpy as np

    from theory.gaussian.quadrature import numeric_function, smooth_mean
    from theory.order_parameters.activation import X, activation

    p = state.students
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    ds = numeric_function(activation(state.activation).derivative, (X,))
    b = [float(x) for x in state.weights]

    def integrand(*z: Any) -> Any:
        e = sum(w * (s(x) if u < p else t(x)) for u, (w, x) in enumerate(zip(b, z, strict=True)))
        return np.stack([e * ds(z[j]) * x for j in range(p) for x in z])

    flat = smooth_mean(integrand, [[float(x) for x in row] for row in state.covariance], 48)
    return np.array(flat).reshape(p, len(b))


def _scaled(function: Any) -> Any:
    return lambda value, v: [[function(x, v) for x in row] for row in value]


def _infinite(value: Any, v: dict[str, Any]) -> Any:
    state = state_of(v)
    total = evaluate(state, "learning_q"), evaluate(state, "noise_q")
    flat = [float(x + y) / v["dimension"] for x, y in zip(*total, strict=True)]
    return rows(flat, state.students)


def _without_pairs(value: Any, v: dict[str, Any]) -> Any:
    cross, d = cross_terms(state_of(v)), v["dimension"]
    return [[x - float(c) / d**2 for x, c in zip(r, s, strict=True)] for r, s in zip(value, cross, strict=True)]


_STEP = (
    *(p for p in NETWORK if p.key not in ("weight_decay_rate", "second_layer_learning_rate")),
    dm.DIMENSION.within(integer(1, region=(6, 9))),
)
_ROOM = Constraint(
    lambda v: v["dimension"] >= len(dm.as_matrix(v["student_overlap"])) + len(dm.as_matrix(v["teacher_overlap"])),
    "the dimension must be at least the number of units",
)
_GENERIC: dict[str, Any] = {
    "structure": ("activation", "teacher_activation"),
    "display": {"activation": "erf", "teacher_activation": "same"},
    "constraints": (FITS, _ROOM),
    "gate_points": 2,
    "priority": "B",
}

LAWS = (
    Law(
        id="order_parameters.one_step.teacher_overlap",
        title="mean change of M in one step, exact",
        statement="E[dM | W] = learning drift / d at every dimension and batch size.",
        quantity=sp.Symbol("E[dM]"),
        parameters=_STEP,
        derive=lambda activation="erf", teacher_activation="same": _one_step_derivation(
            "m", activation, teacher_activation
        ),
        definition=_one_step_m_definition,
        evaluator=_one_step_m,
        sources=(DERIVED,),
        rungs=("algebra", "sgd"),
        mutants=(spoil("1/d^2 for 1/d", _scaled(lambda x, v: x / v["dimension"])),),
        **_GENERIC,
    ),
    Law(
        id="order_parameters.one_step.student_overlap",
        title="mean change of Q in one step, exact",
        statement="E[dQ | W] with |x|^2 = q + chi^2_(d-m) and the pairs of different samples; Omega is nonsingular.",
        quantity=sp.Symbol("E[dQ]"),
        parameters=_STEP,
        derive=lambda activation="erf", teacher_activation="same": _one_step_derivation(
            "q", activation, teacher_activation
        ),
        definition=_one_step_q_definition,
        evaluator=_one_step_q,
        sources=(DERIVED,),
        rungs=("algebra", "sgd"),
        mutants=(spoil("infinite dimension", _infinite), spoil("without the pairs of samples", _without_pairs)),
        **_GENERIC,
    ),
)
