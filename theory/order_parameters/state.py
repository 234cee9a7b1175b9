"""Numbers from the derived equations: a state of the overlaps, its rates of change; the same from the definition."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.evaluation import to_mp
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.order_parameters import equations as eq
from theory.order_parameters.activation import X, activation
from theory.order_parameters.domains import as_matrix, field_covariance
from theory.order_parameters.expectations import value


@dataclass(frozen=True)
class State:
    """Overlaps, second layers and rates of a network, as mpmath numbers or floats."""

    activation: str
    teacher_activation: str
    q: Any
    m: Any
    p: Any
    a: Any
    v: Any
    eta: Any
    noise: Any = 0
    batch: Any = 1
    eta2: Any = 0
    decay: Any = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def students(self) -> int:
        """Number of students."""
        return len(self.q)

    @property
    def teachers(self) -> int:
        """Number of teachers."""
        return len(self.p)

    @property
    def covariance(self) -> list[list[Any]]:
        """Covariance of the fields."""
        return field_covariance(self.q, self.m, self.p)

    def unit(self, u: int) -> str:
        """Return the activation of field u (from 0)."""
        return self.activation if u < self.students else self.teacher_activation

    @property
    def weights(self) -> list[Any]:
        """Return b = (-a, v), so that the residual is sum b_u s_u."""
        return [-x for x in self.a] + list(self.v)


def state_of(values: Mapping[str, Any], exact: bool = True) -> State:
    """Build a state from the parameter keys of the family; missing second layers are ones."""
    number = to_mp if exact else (lambda x: x)
    q, m, p = (as_matrix(number(values[k])) for k in ("student_overlap", "teacher_student_overlap", "teacher_overlap"))
    teacher = values.get("teacher_activation") or "same"
    return State(
        values["activation"],
        values["activation"] if teacher == "same" else teacher,
        q,
        m,
        p,
        number(values.get("student_second_layer") or [1] * len(q)),
        number(values.get("teacher_second_layer") or [1] * len(p)),
        number(values["learning_rate"]),
        number(values.get("noise_variance") or 0),
        number(values.get("batch_size") or 1),
        number(values.get("second_layer_learning_rate") or 0),
        number(values.get("weight_decay_rate") or 0),
        values.get("parameters") or {},
    )


@functools.lru_cache(maxsize=64)
def _compiled(students: int, teachers: int, part: str) -> tuple[tuple[Any, ...], Callable[..., Any]]:
    form = getattr(eq.equations(students, teachers), part)
    entries = list(form) if isinstance(form, sp.MatrixBase) else [form]
    means = sorted(set().union(*(e.atoms(AppliedUndef) for e in entries)), key=str)
    slots = {mean: sp.Dummy(f"mean{i}") for i, mean in enumerate(means)}
    function = sp.lambdify(
        (*_state_symbols(students, teachers), *slots.values()), [e.xreplace(slots) for e in entries], "mpmath"
    )
    return tuple(means), function


def _state_symbols(students: int, teachers: int) -> list[sp.Symbol]:
    net, rows, columns = eq.Network(students, teachers), range(1, students + 1), range(1, teachers + 1)
    symbols = [net.overlap("Q", i, j) for i in rows for j in rows if i <= j]
    symbols += [net.overlap("M", i, r) for i in rows for r in columns]
    symbols += [net.a(j) for j in rows] + [net.v(r) for r in columns]
    return [*symbols, eq.ETA, eq.ETA2, eq.NOISE, eq.BATCH, eq.DECAY]


def evaluate(state: State, part: str) -> list[Any]:
    """Evaluate one part of the derived equations (dm, dq, da, error, learning_q, ...) as a flat list, row by row."""
    means, function = _compiled(state.students, state.teachers, part)
    known: dict[tuple[Any, ...], Any] = {}
    found = [_mean(state, mean.func.__name__, tuple(int(i) - 1 for i in mean.args), known) for mean in means]
    p, k = state.students, state.teachers
    numbers = [state.q[i][j] for i in range(p) for j in range(p) if i <= j]
    numbers += [state.m[i][r] for i in range(p) for r in range(k)] + list(state.a) + list(state.v)
    return function(*numbers, state.eta, state.eta2, state.noise, state.batch, state.decay, *found)


def _mean(state: State, kind: str, indices: tuple[int, ...], known: dict[tuple[Any, ...], Any]) -> Any:
    if (kind, indices) not in known:
        slopes = {"I2": 0, "I3": 2, "I4": 2, "J2": 2}[kind]
        units = tuple(state.unit(u) for u in indices[slopes:])
        known[kind, indices] = value(kind, state.activation, units, indices, state.covariance, state.parameters)
    return known[kind, indices]


def rows(flat: list[Any], columns: int) -> list[list[Any]]:
    """Return a flat list as rows."""
    return [list(flat[i : i + columns]) for i in range(0, len(flat), columns)]


def definition_means(state: State, nodes: int | None = None) -> dict[str, Any]:
    """Return the drifts by quadrature of the definition: residual times slope times field, for smooth activations.

    Keys: m (p x k), learning and noise (p x p), layer (p), error.
    """
    import numpy as np

    p = state.students
    student, teacher = activation(state.activation), activation(state.teacher_activation)
    given = {s: float(state.parameters[s.name]) for s in (*student.parameters, *teacher.parameters)}
    s, t, ds = (
        numeric_function(sp.sympify(e).subs(given), (X,))
        for e in (student.expression, teacher.expression, student.derivative)
    )
    b = [float(x) for x in state.weights]
    eta, noise, batch, eta2 = (float(x) for x in (state.eta, state.noise, state.batch, state.eta2))
    a = [float(x) for x in state.a]

    def integrand(*z: Any) -> Any:
        units = [s(x) if u < p else t(x) for u, x in enumerate(z)]
        residual = sum(w * x for w, x in zip(b, units, strict=True))
        slopes = [ds(z[j]) for j in range(p)]
        out = [eta * a[j] * residual * slopes[j] * x for j in range(p) for x in z[p:]]
        for j in range(p):
            out += [eta * residual * (a[j] * slopes[j] * z[l] + a[l] * slopes[l] * z[j]) for l in range(p)]
        square = residual**2 + noise
        out += [eta**2 / batch * a[j] * a[l] * slopes[j] * slopes[l] * square for j in range(p) for l in range(p)]
        out += [eta2 * residual * units[j] for j in range(p)]
        return np.stack([*out, residual**2 / 2])

    flat = list(smooth_mean(integrand, [[float(x) for x in row] for row in state.covariance], nodes))
    k = state.teachers
    cut = [0, p * k, p * k + p * p, p * k + 2 * p * p, p * k + 2 * p * p + p]
    m, learning, noise_part, layer = (flat[cut[i] : cut[i + 1]] for i in range(4))
    return {
        "m": rows(m, k),
        "learning": rows(learning, p),
        "noise": rows(noise_part, p),
        "layer": layer,
        "error": flat[-1],
    }
