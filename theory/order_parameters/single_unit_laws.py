"""Laws of single units solved exactly: linear and quadratic ones, phase retrieval; the map between conventions."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import evaluate as evaluate_form
from theory.law import Law, Mutant, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters.equation_laws import FITS, LIMIT, VEIGA
from theory.order_parameters.expectations import arguments_for, closed_form, pattern_of
from theory.order_parameters.state import definition_means, state_of
from theory.parameter import Constraint, Parameter, integer, nonnegative, positive
from theory.source import DERIVED, Source

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


def _numeric_drift(name: str, q: Any, m: Any, p: Any, eta: Any, noise: Any = 0, batch: Any = 1, omega: Any = 0) -> Any:
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
    dq, dm_, _ = _numeric_drift(
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


def _linear_trajectory_definition(**v: Any) -> list[Any]:
    """Integrate the definition of the drift with a Taylor method."""
    v = _scalars(v)
    eta, p, noise, batch = v["learning_rate"], v["teacher_overlap"], v["noise_variance"], v["batch_size"]

    def field(_: Any, y: Any) -> list[Any]:
        q, m = y
        residual_square = q - 2 * m + p
        return [2 * eta * (m - q) + eta**2 / batch * (residual_square + noise), eta * (p - m)]

    solution = mpmath.odefun(field, 0, [v["student_overlap"], v["teacher_student_overlap"]])
    return list(solution(v["time"]))


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
    found = root(lambda y: np.array(_numeric_drift(name, float(y[0]), float(y[1]), *arguments)[:2]), start, tol=1e-14)
    return _numeric_drift(name, float(found.x[0]), float(found.x[1]), *arguments)[2]


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


def _plateau_overlap() -> Derivation:
    dq, _, _ = (e.subs({BATCH: 1, OMEGA: 0, P: T, M: 0}) for e in single_equations("quadratic"))
    quadratic = sp.expand(sp.cancel(dq / Q))
    root = min(sp.solve(quadratic, Q), key=lambda s: float(s.subs({ETA: 0.05, NOISE: 0.1, T: 1.2})))
    return derivation(
        ("dQ at M = 0", dq, "phase retrieval"),
        ("quadratic", quadratic, "divide by Q"),
        ("smaller root", root, "the branch that starts at T/3"),
    )


def _plateau_definition(learning_rate: Any, noise_variance: Any, teacher_norm: Any) -> Any:
    from scipy.optimize import brentq

    arguments = (float(teacher_norm), float(learning_rate), float(noise_variance))
    grid = [float(teacher_norm) * x for x in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)]
    values = [_numeric_drift("quadratic", q, 0.0, *arguments)[0] for q in grid]
    for a, b, low, high in zip(grid, grid[1:], values, values[1:], strict=False):
        if low > 0 >= high:
            return brentq(lambda q: _numeric_drift("quadratic", q, 0.0, *arguments)[0], a, b, xtol=1e-14)
    return float("nan")


def _escape() -> Derivation:
    _, dm_, _ = (e.subs({BATCH: 1, OMEGA: 0, P: T}) for e in single_equations("quadratic"))
    rate = sp.factor(sp.diff(dm_, M).subs(M, 0))
    form = rate.subs(Q, _plateau_overlap().result)
    return derivation(("growth rate of M", rate, "linear in M"), ("on the plateau", form, "Q = Q*"))


def _escape_definition(**v: Any) -> Any:
    q = _plateau_definition(**v)
    h = 1e-3
    arguments = (float(v["teacher_norm"]), float(v["learning_rate"]), float(v["noise_variance"]))
    return _numeric_drift("quadratic", q, h, *arguments)[1] / h


def _escape_time() -> Derivation:
    rate = _escape().result
    return derivation(("growth", rate, "rate"), ("time", sp.log(TARGET.symbol / START.symbol) / rate, "linear growth"))


START = Parameter("initial_overlap", sp.Symbol("M0", positive=True), "overlap at the start", positive(1e-4, 1e-2))
TARGET = Parameter(
    "target_overlap", sp.Symbol("M1", positive=True), "overlap where the clock stops", positive(0.05, 0.3)
)
_RATE = dm.LEARNING_RATE.within(positive(0.01, 0.08))
_SMALL_NOISE = dm.NOISE.within(nonnegative(0.05, 0.5))
_RETRIEVAL = (_RATE, _SMALL_NOISE, dm.TEACHER_NORM.within(positive(0.7, 1.4)).with_default(1.0))
_ONE = dm.symmetric("overlap", 1)
_SINGLE = (
    dm.STUDENT_OVERLAP.within(_ONE),
    dm.CROSS_OVERLAP.within(dm.MatrixDomain("matrix", region=(-0.6, 0.6), shape=(1, 1))),
    dm.TEACHER_OVERLAP.within(_ONE),
    dm.LEARNING_RATE,
    dm.NOISE,
    dm.BATCH,
)
_SINGLE_ANY = (dm.ACTIVATION.with_default("quadratic"), *_SINGLE)
_LINEAR = (*_SINGLE, dm.TIME)


def _discriminant(v: dict[str, Any]) -> bool:
    e, t, n = v["learning_rate"], v["teacher_norm"], v["noise_variance"]
    return (3 + 6 * e * t) ** 2 > 60 * e * (t + 3 * e * t * t + e * n)


_PLATEAU = Constraint(_discriminant, "no plateau: the learning rate or the noise is too large, Q* is not real")
_DECAY = (
    dm.LEARNING_RATE.within(positive(0.1, 1.2)),
    dm.TEACHER_OVERLAP.within(positive(0.5, 2.0)),
    dm.NOISE,
    dm.DECAY,
)
_QFLOOR = (
    dm.LEARNING_RATE.within(positive(0.01, 0.08)),
    dm.NOISE,
    dm.TEACHER_NORM.within(positive(0.5, 1.5)).with_default(1.0),
)
_BELOW = Constraint(lambda v: 12 * v["learning_rate"] * v["teacher_norm"] < 2, "6 eta T must lie below 1")


def _q_plateau(learning_rate: float, noise_variance: float, teacher_norm: float, sign: float = -1.0) -> float:
    e, t, n = learning_rate, teacher_norm, noise_variance
    b, c = 3 + 6 * e * t, t + 3 * e * t * t + e * n
    return (b + sign * math.sqrt(b * b - 60 * e * c)) / (30 * e)


def _law(
    name: str, title: str, statement: str, parameters: Any, derive: Any, definition: Any, mutants: Any, **more: Any
) -> Law:
    return Law(
        id=f"order_parameters.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(name.split(".")[-1]),
        parameters=parameters,
        derive=derive,
        definition=definition,
        mutants=mutants,
        **{"sources": (DERIVED,)} | more,
    )


LAWS = (
    _law(
        "ode.quadratic_single",
        "ODE of phase retrieval, p = k = 1",
        "s = x^2, value [dQ, dM].",
        _SINGLE_ANY,
        _quadratic_single,
        lambda activation, **v: _quadratic_definition(**v),
        (
            spoil("12 M^2 T -> 6", _spoiled(lambda q, m, p: -6 * m * m * p)),
            spoil("15 -> 9", _spoiled(lambda q, m, p: -6 * q**3)),
        ),
        evaluator=lambda d, v, n: _evaluate(_SINGLE, d, v, n),
        constraints=(FITS,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "chain"),
    ),
    _law(
        "trajectory.linear",
        "overlaps of one linear unit at any time",
        "p = k = 1, s = x, value [Q(t), M(t)].",
        _LINEAR,
        _linear_trajectory,
        _linear_trajectory_definition,
        (mutant_value("rate 2 eta", _linear_wrong), mutant_value("r* with 2 - eta at B > 1", _linear_wrong_star)),
        evaluator=lambda d, v, n: _evaluate(_LINEAR, d, v, n),
        constraints=(FITS,),
        regime=LIMIT,
        rungs=("algebra", "chain", "sgd"),
        gate_points=10,
    ),
    _law(
        "mapping.mean_to_committee",
        "mean normalisation as a committee",
        "p = k: (gamma, Delta) with a = v = 1/p equals a committee with eta = gamma/p^2, noise p^2 Delta, error/p^2.",
        (Parameter("students", None, "p = k", integer(1, region=(2, 3))), dm.LEARNING_RATE, dm.NOISE),
        _mapping,
        _mapping_definition,
        (
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
    _law(
        "noise_floor.linear_weight_decay",
        "noise floor of a linear unit with weight decay",
        "p = k = 1, batch one.",
        _DECAY,
        _weight_decay,
        lambda learning_rate, teacher_overlap, noise_variance, weight_decay_rate: _fixed_point_error(
            "linear", [1.0, 0.5], p=teacher_overlap, eta=learning_rate, noise=noise_variance, omega=weight_decay_rate
        ),
        (
            mutant_value(
                "omega for 2 omega",
                lambda learning_rate, teacher_overlap, noise_variance, weight_decay_rate: (
                    lambda e, p, n, w, m: (p - 2 * m + (2 * e * m + e * e * (p - 2 * m + n)) / (2 * e - e * e + w)) / 2
                )(
                    learning_rate,
                    teacher_overlap,
                    noise_variance,
                    weight_decay_rate,
                    learning_rate * teacher_overlap / (learning_rate + weight_decay_rate),
                ),
            ),
        ),
        rungs=("algebra", "chain"),
    ),
    _law(
        "noise_floor.quadratic",
        "noise floor of one quadratic unit",
        "Q* = T, exact in Delta: eta Delta T/(1 - 6 eta T).",
        _QFLOOR,
        _quadratic_floor,
        lambda learning_rate, noise_variance, teacher_norm: _fixed_point_error(
            "quadratic",
            [
                float(teacher_norm),
                math.sqrt(
                    float(
                        teacher_norm**2
                        - learning_rate * noise_variance * teacher_norm / (2 - 12 * learning_rate * teacher_norm)
                    )
                ),
            ],
            p=teacher_norm,
            eta=learning_rate,
            noise=noise_variance,
        ),
        (
            mutant_value(
                "12 for 6",
                lambda learning_rate, noise_variance, teacher_norm: (
                    learning_rate * noise_variance * teacher_norm / (1 - 12 * learning_rate * teacher_norm)
                ),
            ),
            mutant_value(
                "no denominator",
                lambda learning_rate, noise_variance, teacher_norm: learning_rate * noise_variance * teacher_norm,
            ),
        ),
        constraints=(_BELOW,),
        rungs=("algebra", "flow"),
    ),
    _law(
        "mediocrity.overlap",
        "student norm before phase retrieval escapes",
        "M = 0: smaller root of a quadratic in Q.",
        _RETRIEVAL,
        _plateau_overlap,
        _plateau_definition,
        (
            mutant_value("larger root", partial(_q_plateau, sign=1.0)),
            mutant_value("T", lambda teacher_norm, **_: teacher_norm),
        ),
        constraints=(_PLATEAU,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "flow"),
        priority="B",
    ),
    _law(
        "mediocrity.escape_rate",
        "growth rate of the overlap in phase retrieval",
        "6 eta (T - Q*).",
        _RETRIEVAL,
        _escape,
        _escape_definition,
        (
            mutant_value("4 eta T", lambda learning_rate, teacher_norm, **_: 4 * learning_rate * teacher_norm),
            mutant_value(
                "3 eta",
                lambda learning_rate, noise_variance, teacher_norm: (
                    3 * learning_rate * (teacher_norm - _q_plateau(learning_rate, noise_variance, teacher_norm))
                ),
            ),
        ),
        constraints=(_PLATEAU,),
        sources=(ARNABOLDI,),
        regime=LIMIT,
        rungs=("algebra", "flow"),
        priority="B",
    ),
    _law(
        "mediocrity.escape_time",
        "time to leave mediocrity",
        "ln(target/initial)/rate + O(1).",
        (*_RETRIEVAL, START, TARGET),
        _escape_time,
        lambda initial_overlap, target_overlap, **v: (
            mpmath.log(target_overlap / initial_overlap) / _escape_definition(**v)
        ),
        (
            mutant_value(
                "ln(1/initial) only",
                lambda learning_rate, noise_variance, teacher_norm, initial_overlap, target_overlap: (
                    -math.log(initial_overlap)
                    / (6 * learning_rate * (teacher_norm - _q_plateau(learning_rate, noise_variance, teacher_norm)))
                ),
            ),
        ),
        constraints=(
            _PLATEAU,
            Constraint(lambda v: v["initial_overlap"] < v["target_overlap"], "the target must be larger"),
        ),
        sources=(ARNABOLDI,),
        regime=Regime("initial_overlap -> 0", "O(1)"),
        rungs=("algebra", "flow"),
        priority="B",
    ),
)
