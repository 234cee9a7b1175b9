"""The derived ODE integrated from a state: overlaps at a later time, with any term of the right-hand side spoiled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.errors import DerivationError
from theory.gaussian.numeric import quadrature_form
from theory.order_parameters import equations as eq
from theory.order_parameters import expectations as ex
from theory.order_parameters.activation import activation
from theory.order_parameters.state import State, state_of

Spoil = Callable[[dict[str, Any], State], dict[str, Any]]


@functools.lru_cache(maxsize=256)
def _numeric(kind: str, student: str, units: tuple[str, ...], pattern: tuple[int, ...]) -> Callable[..., Any]:
    form, _ = ex.closed_form(kind, student, units, pattern)
    return sp.lambdify(ex.arguments_for(pattern), quadrature_form(form), "numpy", cse=True)


@functools.lru_cache(maxsize=64)
def _compiled(students: int, teachers: int) -> tuple[list[AppliedUndef], Callable[..., Any]]:
    found = eq.equations(students, teachers)
    blocks = (found.learning_q, found.noise_q, found.learning_m, found.second_layer)
    entries = [e for block in blocks for e in block]
    calls = sorted(set().union(*(e.atoms(AppliedUndef) for e in entries)), key=str)
    slots = {call: sp.Dummy(f"mean{i}") for i, call in enumerate(calls)}
    net = eq.Network(students, teachers)
    layers = [net.a(j) for j in range(1, students + 1)] + [net.v(r) for r in range(1, teachers + 1)]
    symbols = [*layers, eq.ETA, eq.ETA2, eq.NOISE, eq.BATCH, *slots.values()]
    return calls, sp.lambdify(symbols, [e.xreplace(slots) for e in entries], "math", cse=True)


@functools.lru_cache(maxsize=64)
def _means(
    students: int, teachers: int, student: str, teacher: str
) -> list[tuple[Callable[..., Any], list[tuple[int, int]]]]:
    """Return for every mean of the equations its function and the places of its covariances."""
    name = lambda u: student if u < students else teacher  # noqa: E731
    found = []
    for call in _compiled(students, teachers)[0]:
        kind, indices = call.func.__name__, tuple(int(i) - 1 for i in call.args)
        units = tuple(name(u) for u in indices[ex.KINDS[kind] - ex.unit_count(kind) :])
        kinked = ex.kinked_positions(kind, activation(student), tuple(activation(u) for u in units))
        pattern = ex.pattern_of(indices, kinked)
        chosen = [indices[label - 1] for label in sorted(set(pattern))]
        places = [(a, b) for n, a in enumerate(chosen) for b in chosen[n:]]
        found.append((_numeric(kind, student, units, pattern), places))
    return found


def parts(state: State) -> dict[str, Any]:
    """Return learning and noise of dQ, learning of dM and da as NumPy arrays, in double precision."""
    import numpy as np

    p, k = state.students, state.teachers
    _, function = _compiled(p, k)
    omega = state.covariance
    values = [
        float(mean(*(omega[a][b] for a, b in places)))
        for mean, places in _means(p, k, state.activation, state.teacher_activation)
    ]
    flat = np.array(function(*state.a, *state.v, state.eta, state.eta2, state.noise, state.batch, *values), dtype=float)
    cut = np.cumsum([0, p * p, p * p, p * k, p])
    shapes = {"learning": (p, p), "noise": (p, p), "m": (p, k), "layer": (p,)}
    return {name: flat[cut[i] : cut[i + 1]].reshape(s) for i, (name, s) in enumerate(shapes.items())}


def integrate(values: Mapping[str, Any], time: float, spoil: Spoil | None = None, rtol: float = 1e-11) -> list[float]:
    """Return [Q upper triangle, M row by row, a] at ``time`` from the state given by the parameter keys."""
    import numpy as np
    from scipy.integrate import solve_ivp

    start = state_of(values, exact=False)
    p, k = start.students, start.teachers
    upper = np.triu_indices(p)
    y0 = np.concatenate([np.array(start.q, float)[upper], np.array(start.m, float).ravel(), np.array(start.a, float)])

    def unpack(y: Any) -> State:
        q = np.zeros((p, p))
        q[upper] = y[: len(upper[0])]
        q = q + np.triu(q, 1).T
        m = y[len(upper[0]) : len(upper[0]) + p * k].reshape(p, k)
        return State(
            start.activation,
            start.teacher_activation,
            q.tolist(),
            m.tolist(),
            start.p,
            list(y[-p:]),
            start.v,
            start.eta,
            start.noise,
            start.batch,
            start.eta2,
            start.decay,
        )

    def field(_: float, y: Any) -> Any:
        state = unpack(y)
        found = parts(state) if spoil is None else spoil(parts(state), state)
        dq = found["learning"] + found["noise"] - 2 * state.decay * np.array(state.q)
        dm = found["m"] - state.decay * np.array(state.m)
        da = found["layer"] - (state.decay * np.array(state.a) if state.eta2 else 0.0)
        return np.concatenate([dq[upper], dm.ravel(), da])

    solved = solve_ivp(field, (0.0, float(time)), y0, method="DOP853", rtol=rtol, atol=rtol * 1e-2)
    if not solved.success:
        raise DerivationError(f"the ODE cannot be integrated to t = {time}: {solved.message}")
    return [float(x) for x in solved.y[:, -1]]
