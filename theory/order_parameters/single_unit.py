"""Single units solved exactly: linear and quadratic ones, their motion and their floors."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import evaluate as evaluate_form
from theory.law import Mutant
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters.expectations import arguments_for, closed_form, pattern_of
from theory.order_parameters.state import definition_means, state_of
from theory.parameter import Parameter
from theory.source import Source

ARNABOLDI = Source(
    "arnaboldi2023",
    "L. Arnaboldi, F. Krzakala, B. Loureiro, L. Stephan",
    "Escaping mediocrity: how two-layer networks learn hard generalized linear models with SGD",
    2023,
    "2305.18502",
)
Q, M, P = dm.STUDENT_OVERLAP.symbol, dm.CROSS_OVERLAP.symbol, dm.TEACHER_OVERLAP.symbol
ETA, NOISE, BATCH = dm.LEARNING_RATE.symbol, dm.NOISE.symbol, dm.BATCH.symbol
OMEGA, T, TIME = dm.DECAY.symbol, dm.TEACHER_NORM.symbol, dm.TIME.symbol


def single_equations(name: str) -> tuple[Any, Any, Any]:
    """Return (dQ, dM, error) of one unit learning one unit like itself, in Q, M, P, with a = v = 1.

    >>> sp.factor(single_equations("linear")[1].subs(OMEGA, 0))
    -eta*(M - P)
    """
    found = eq.equations(1, 1)
    place = {(1, 1): Q, (1, 2): M, (2, 2): P}

    def mean(call: Any) -> Any:
        kind, indices = call.func.__name__, tuple(int(i) for i in call.args)
        units = (name,) * {"I2": 2, "I3": 1, "I4": 2, "J2": 0}[kind]
        pattern = pattern_of(indices, ())
        form, _ = closed_form(kind, name, units, pattern)
        pairs = [(a, b) for a in range(len(indices)) for b in range(a, len(indices))]
        entries = [place[min(indices[a], indices[b]), max(indices[a], indices[b])] for a, b in pairs]
        return form.xreplace(dict(zip(arguments_for(pattern), entries, strict=True)))

    names = {
        sp.Symbol("a1", real=True): 1,
        sp.Symbol("v1", real=True): 1,
        eq.ETA: ETA,
        eq.NOISE: NOISE,
        eq.BATCH: BATCH,
        eq.DECAY: OMEGA,
        sp.Symbol("Q11", real=True): Q,
        sp.Symbol("M11", real=True): M,
    }

    def closed(expression: Any) -> Any:
        calls = {c: mean(c) for c in expression.atoms(sp.core.function.AppliedUndef)}
        return sp.expand(expression.xreplace(calls).subs(names))

    return closed(found.dq[0, 0]), closed(found.dm[0, 0]), closed(found.error)


def _number(value: Any) -> Any:
    return value[0][0] if isinstance(value, list) else value


def _scalars(values: dict[str, Any]) -> dict[str, Any]:
    matrices = ("student_overlap", "teacher_student_overlap", "teacher_overlap")
    return {k: _number(v) if k in matrices else v for k, v in values.items()}


def _evaluate(law_parameters: tuple[Parameter, ...], d: Derivation, values: dict[str, Any], digits: int) -> Any:
    return evaluate_form(d.result, law_parameters, _scalars(values), digits)


def numeric_drift(name: str, q: Any, m: Any, p: Any, eta: Any, noise: Any = 0, batch: Any = 1, omega: Any = 0) -> Any:
    """Return (dQ, dM, error) by quadrature of the definition."""
    state = state_of(
        {
            "activation": name,
            "student_overlap": [[q]],
            "teacher_student_overlap": [[m]],
            "teacher_overlap": [[p]],
            "learning_rate": eta,
            "noise_variance": noise,
            "batch_size": batch,
        }
    )
    means = definition_means(state, 16)
    dq = means["learning"][0][0] + means["noise"][0][0] - 2 * float(omega) * float(q)
    return dq, means["m"][0][0] - float(omega) * float(m), means["error"]


def _quadratic_single() -> Derivation:
    dq, dm_, _ = single_equations("quadratic")
    form = sp.Tuple(*(sp.expand(e.subs(OMEGA, 0)) for e in (dq, dm_)))
    return derivation(
        ("equations", sp.Tuple(dq, dm_), "p = k = 1, s = x^2, Wick"), ("no weight decay", form, "[dQ, dM]")
    )


def _quadratic_definition(**v: Any) -> list[float]:
    v = _scalars(v)
    dq, dm_, _ = numeric_drift(
        "quadratic",
        v["student_overlap"],
        v["teacher_student_overlap"],
        v["teacher_overlap"],
        v["learning_rate"],
        v["noise_variance"],
        v["batch_size"],
    )
    return [dq, dm_]


def _spoiled(extra: Any) -> Any:
    def wrong(value: list[float], v: dict[str, Any]) -> list[float]:
        v = _scalars(v)
        scale = 4 * v["learning_rate"] ** 2 / v["batch_size"]
        shift = extra(v["student_overlap"], v["teacher_student_overlap"], v["teacher_overlap"])
        return [value[0] + scale * shift, value[1]]

    return wrong


def spoil(name: str, function: Any) -> Mutant:
    """Mutant that spoils the true value: function(value, values)."""
    return Mutant(name, lambda law, values: function(law(**values), law.complete(values)))


def _linear_trajectory() -> Derivation:
    dq, dm_, _ = (e.subs(OMEGA, 0) for e in single_equations("linear"))
    t = TIME
    m = sp.Function("M")
    solved = sp.dsolve(sp.Eq(m(t).diff(t), dm_.subs(M, m(t))), m(t), ics={m(0): M}).rhs
    r = sp.Symbol("r")
    drift = sp.collect(sp.expand((dq - 2 * dm_).subs(Q, r + 2 * M - P)), r)
    rate, source = -drift.coeff(r, 1), drift.coeff(r, 0)
    if sp.simplify(source.diff(M)) != 0:
        raise ValueError("the excess of the linear unit does not close.")
    star = sp.factor(source / rate)
    excess = star + (Q - 2 * M + P - star) * sp.exp(-rate * t)
    q = excess + 2 * solved - P
    return derivation(
        ("equations", sp.Tuple(dq, dm_), "linear unit"),
        ("overlap with the teacher", solved, "linear ODE"),
        ("excess r = Q - 2M + P", drift, "closes by itself"),
        ("solution", sp.Tuple(q, solved), "[Q(t), M(t)]"),
    )


def _linear_trajectory_definition(**v: Any) -> list[float]:
    """Integrate the drift that quadrature of the definition gives."""
    from scipy.integrate import solve_ivp

    v = {k: float(x) for k, x in _scalars(v).items()}
    rest = (v["teacher_overlap"], v["learning_rate"], v["noise_variance"], v["batch_size"])

    def field(_: float, y: Any) -> list[float]:
        return [float(x) for x in numeric_drift("linear", float(y[0]), float(y[1]), *rest)[:2]]

    start = [v["student_overlap"], v["teacher_student_overlap"]]
    solved = solve_ivp(field, (0.0, v["time"]), start, method="DOP853", rtol=1e-12, atol=1e-13)
    return [float(x) for x in solved.y[:, -1]]


def _linear_wrong(**v: Any) -> list[float]:
    """Excess relaxing with rate 2 eta."""
    return _linear_solution(v, rate=lambda eta, b: 2 * eta, star=lambda eta, b, n: eta * n / (2 * b - eta))


def _linear_wrong_star(**v: Any) -> list[float]:
    return _linear_solution(v, rate=lambda eta, b: 2 * eta - eta**2 / b, star=lambda eta, b, n: eta * n / (2 - eta))


def _linear_solution(v: dict[str, Any], rate: Any, star: Any) -> list[float]:
    v = _scalars(v)
    q, m, p, t = v["student_overlap"], v["teacher_student_overlap"], v["teacher_overlap"], v["time"]
    eta, b = v["learning_rate"], v["batch_size"]
    now = p + (m - p) * math.exp(-eta * t)
    end = star(eta, b, v["noise_variance"])
    excess = end + (q - 2 * m + p - end) * math.exp(-rate(eta, b) * t)
    return [excess + 2 * now - p, now]


def _weight_decay() -> Derivation:
    dq, dm_, error = (e.subs(BATCH, 1) for e in single_equations("linear"))
    m = sp.solve(dm_, M)[0]
    q = sp.solve(dq.subs(M, m), Q)[0]
    form = sp.factor(error.subs({Q: q, M: m}))
    return derivation(
        ("equations", sp.Tuple(dq, dm_), "linear unit with weight decay"),
        ("stationary", sp.Tuple(sp.factor(q), m), "[Q, M]"),
        ("error", form, "(P - 2M + Q)/2"),
    )


def _fixed_point_error(name: str, start: Any, **v: Any) -> Any:
    """Newton's method on the drift by quadrature of the definition, then the error at the fixed point."""
    import numpy as np
    from scipy.optimize import root

    p, eta = float(v["p"]), float(v["eta"])
    arguments = (p, eta, float(v.get("noise", 0)), float(v.get("batch", 1)), float(v.get("omega", 0)))
    found = root(lambda y: np.array(numeric_drift(name, float(y[0]), float(y[1]), *arguments)[:2]), start, tol=1e-14)
    return numeric_drift(name, float(found.x[0]), float(found.x[1]), *arguments)[2]


def _quadratic_floor() -> Derivation:
    dq, dm_, error = (e.subs({BATCH: 1, OMEGA: 0, P: T}) for e in single_equations("quadratic"))
    u = sp.Symbol("u", positive=True)
    square = sp.solve(sp.expand(dq.subs(Q, T)).subs(M**2, u).subs(M, sp.sqrt(u)), u)[0]
    form = sp.factor(sp.expand(error.subs(Q, T)).subs(M**2, square).subs(M**4, square**2))
    return derivation(
        ("equations", sp.Tuple(dq, dm_), "s = x^2"),
        ("Q", T, "dM = 0 at M != 0"),
        ("M^2", sp.factor(square), "dQ = 0"),
        ("error", form, "exact in Delta"),
    )
