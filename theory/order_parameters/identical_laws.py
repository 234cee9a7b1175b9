"""Exactly equal students stay equal: their overlaps obey the same equations, those of one student counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, Mutant
from theory.order_parameters import equations as eq
from theory.order_parameters.activation import X, activation
from theory.order_parameters.network_parameters import FITS, LIMIT, NETWORK, SAAD_SOLLA
from theory.order_parameters.state import State, evaluate, rows, state_of


def _derive(activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    found = eq.equations(3, 1)
    apart = [found.dm[1, 0] - found.dm[2, 0], found.dq[0, 1] - found.dq[0, 2]]
    apart += [found.dq[1, 1] - found.dq[1, 2], found.dq[1, 2] - found.dq[2, 2], found.da[1] - found.da[2]]
    together = [_identify(e) for e in apart]
    if any(e != 0 for e in together):
        raise DerivationError("equal students are driven apart; the equations do not respect their exchange.")
    row = sp.Tuple(*(_identify(e) for e in (found.dm[1, 0], found.dq[0, 1], found.dq[1, 1], found.da[1])))
    return derivation(
        ("rates of the differences", sp.Tuple(*apart), "three students, one teacher; students 2 and 3"),
        ("same field, same second layer", sp.Tuple(*together), "z3 = z2, a3 = a2 in every mean: all vanish"),
        ("common rates", row, "dM, dQ with another student, dQ of the pair, da; student 2 counts twice in E"),
    )


def _identify(expression: Any) -> Any:
    """Put student 3 equal to student 2 in the means and in the symbols."""
    calls = {c: c.func(*(2 if i == 3 else i for i in c.args)) for c in expression.atoms(AppliedUndef)}
    names = {"a3": "a2", "M31": "M21", "Q13": "Q12", "Q23": "Q22", "Q33": "Q22"}
    symbols = {sp.Symbol(old, real=True): sp.Symbol(new, real=True) for old, new in names.items()}
    return sp.expand(expression.xreplace(calls).xreplace(symbols))


def _with_copy(state: State) -> State:
    q = [[*row, row[-1]] for row in state.q]
    m = [list(row) for row in state.m]
    return replace(state, q=[*q, list(q[-1])], m=[*m, list(m[-1])], a=[*state.a, state.a[-1]])


def pair_rates(state: State) -> list[list[Any]]:
    """Return for the last student and its copy: dM, dQ with the others, with itself, with its twin, and da."""
    doubled = _with_copy(state)
    p = doubled.students
    m, q = rows(evaluate(doubled, "dm"), doubled.teachers), rows(evaluate(doubled, "dq"), p)
    layer = evaluate(doubled, "da")
    return [[*m[j], *q[j][: p - 2], q[j][j], q[p - 2][p - 1], layer[j]] for j in (p - 2, p - 1)]


def _evaluate(_: Derivation, values: dict[str, Any], digits: int) -> list[list[Any]]:
    with mpmath.workdps(digits + 10):
        return pair_rates(state_of(values))


def _definition(**values: Any) -> list[list[float]]:
    """Quadrature of the definition without the copy: its student enters the residual twice, its slope once."""
    import numpy as np

    state = state_of(values)
    p, k = state.students, state.teachers
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    ds = numeric_function(activation(state.activation).derivative, (X,))
    a, eta, last = [float(x) for x in state.a], float(state.eta), p - 1
    b = [-x for x in a[:-1]] + [-2 * a[-1]] + [float(x) for x in state.v]

    def integrand(*z: Any) -> Any:
        e = sum(w * (s(f) if u < p else t(f)) for u, (w, f) in enumerate(zip(b, z, strict=True)))
        push = [eta * a[j] * ds(z[j]) for j in range(p)]
        square = (e**2 + float(state.noise)) / float(state.batch)
        out = [e * push[last] * f for f in z[p:]]
        out += [e * (push[last] * z[l] + push[l] * z[last]) + push[last] * push[l] * square for l in range(p)]
        return np.stack([*out, float(state.eta2) * e * s(z[last])])

    omega = [[float(x) for x in row] for row in state.covariance]
    found = [float(x) for x in smooth_mean(integrand, omega, 48 if p + k <= 3 else None)]
    decay = float(state.decay)
    m = [x - decay * float(y) for x, y in zip(found[:k], state.m[last], strict=True)]
    q = [x - 2 * decay * float(y) for x, y in zip(found[k : k + p], state.q[last], strict=True)]
    row = [*m, *q, q[last], found[-1] - decay * a[last]]
    return [row, row]


def _floats(matrix: Any) -> list[list[float]]:
    return [[float(x) for x in row] for row in matrix]


def _counted_once(law: Law, values: Any) -> Any:
    """The student and its copy each driven by a residual that contains the student once."""
    state = state_of(law.complete(values))
    doubled, p = _with_copy(state), state.students
    m, q = rows(evaluate(state, "dm"), state.teachers), rows(evaluate(state, "dq"), p)
    row = [*m[-1], *q[-1], q[-1][-1], evaluate(doubled, "da")[p]]
    return _floats([row, row])


def _own_noise(law: Law, values: Any) -> Any:
    """Independent label noise for each student: none in the overlap of the pair."""
    full = law.complete(values)
    with_noise, without = (
        _floats(pair_rates(state_of({**full, **change}))) for change in ({}, {"noise_variance": 0.0})
    )
    return [[*x[:-2], y[-2], x[-1]] for x, y in zip(with_noise, without, strict=True)]


def _second_decoupled(law: Law, values: Any) -> Any:
    """A copy whose second-layer weight moves the other way."""
    first, second = law(**values)
    return [first, [*second[:-1], -second[-1]]]


LAWS = (
    Law(
        id="order_parameters.ode.identical_students",
        title="equal students stay equal",
        statement="A copy of the last student has the rates of its twin: dM, dQ with each other student, with itself, "
        "with the twin, and da; value one row each, equal for ever under the ODE and under SGD.",
        quantity=sp.Symbol("rates of the pair"),
        parameters=NETWORK,
        derive=_derive,
        definition=_definition,
        evaluator=_evaluate,
        structure=("activation", "teacher_activation"),
        display={"activation": "erf", "teacher_activation": "same"},
        constraints=(FITS,),
        regime=LIMIT,
        sources=(SAAD_SOLLA,),
        rungs=("algebra", "sgd"),
        priority="B",
        gate_points=2,
        mutants=(
            Mutant("the student counted once", _counted_once),
            Mutant("label noise of its own for each student", _own_noise),
            Mutant("second layer of the copy mirrored", _second_decoupled),
        ),
    ),
)
