"""The symmetric ansatz of a committee, Q_ii, Q_ij, M_ii, M_ij, driven by the general right-hand side at eta -> 0."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.order_parameters.expectations import closed_form, value
from theory.order_parameters.state import State, evaluate, rows

K = sp.Symbol("K", integer=True, positive=True)


def _state(students: int, teachers: int, norm: Any, q: tuple[Any, Any], m: tuple[Any, Any]) -> State:
    return State(
        "erf", "erf",
        [[q[0] if i == j else q[1] for j in range(students)] for i in range(students)],
        [[m[0] if i == r else m[1] for r in range(teachers)] for i in range(students)],
        [[norm if r == s else mpmath.mpf(0) for s in range(teachers)] for r in range(teachers)],
        [1] * students, [1] * teachers, mpmath.mpf(1),
    )  # fmt: skip


def symmetric_state(students: int, teachers: int, norm: Any) -> tuple[Any, Any]:
    """Return (Q, M) of the plateau: the root of dM/dt = dQ/dt = 0 (learning terms) with all students equal."""

    def drift(q: Any, m: Any) -> tuple[Any, Any]:
        c = [[q, m, m], [m, norm, 0], [m, 0, norm]]

        def i3(*indices: int) -> Any:
            return value("I3", "erf", ("erf",), indices, c)

        along_m = i3(0, 1, 1) + (teachers - 1) * i3(0, 1, 2) - students * i3(0, 1, 0)
        along_q = teachers * i3(0, 0, 1) - students * i3(0, 0, 0)
        return along_m, along_q

    start = norm * teachers / (students**2 * (1 + norm))
    root = mpmath.findroot(lambda q, m: drift(q, m), (start, mpmath.sqrt(start * norm / teachers)), maxsteps=60)
    return root[0], root[1]


def reduced_rates(width: int, norm: Any, asymmetry: Any) -> Any:
    """Return dM_11/dt/eta at the plateau displaced along the mode (1, -1/(K-1))."""
    q, m = symmetric_state(width, width, norm)
    state = _state(width, width, norm, (q, q), (m + asymmetry, m - asymmetry / (width - 1)))
    return rows(evaluate(state, "learning_m"), width)[0][0]


def _ansatz_drift(x: list[Any], width: int, norm: Any) -> list[Any]:
    state = _state(width, width, norm, (x[0], x[1]), (x[2], x[3]))
    dq = rows(evaluate(state, "learning_q"), width)
    dm = rows(evaluate(state, "learning_m"), width)
    return [dq[0][0], dq[0][1], dm[0][0], dm[0][1]]


def numeric_jacobian(width: int) -> list[list[Any]]:
    """Return the Jacobian over eta of the ansatz at the plateau, T = 1, by difference quotients."""
    one = mpmath.mpf(1)
    q, m = symmetric_state(width, width, one)
    base, h = [q, q, m, m], mpmath.mpf(10) ** -6
    columns = []
    for i in range(4):
        up, down = ([x + s * h * (i == j) for j, x in enumerate(base)] for s in (1, -1))
        pairs = zip(_ansatz_drift(up, width, one), _ansatz_drift(down, width, one), strict=True)
        columns.append([(a - b) / (2 * h) for a, b in pairs])
    return [list(row) for row in zip(*columns, strict=True)]


def symmetric_jacobian() -> sp.ImmutableMatrix:
    """Return the Jacobian over eta u of (Q_ii, Q_ij, M_ii, M_ij) at the plateau for symbolic K, T = 1.

    u = (2/pi) K (2K-1)^(1/2) (2K+1)^(-3/2). The drifts are sums of I3 over the classes of equal fields.
    """
    n = sp.Symbol("n", positive=True)
    q, c, r, s = sp.symbols("q c r s", positive=True)
    drift = [e.subs(K, 1 + n) for e in _symbolic_drift(q, c, r, s)]
    width = 1 + n
    plateau_q = 1 / (2 * width - 1)
    plateau_m = 1 / sp.sqrt(width * (2 * width - 1))
    unit = 2 / sp.pi * width * sp.sqrt(2 * width - 1) / (2 * width + 1) ** sp.Rational(3, 2)
    point = {q: plateau_q, c: plateau_q, r: plateau_m, s: plateau_m}

    def entry(i: int, j: int) -> Any:
        slope = sp.diff(drift[i], (q, c, r, s)[j]).subs(point) / unit
        return sp.powdenest(sp.factor(sp.powdenest(sp.factor(slope), force=True)), force=True).subs(n, K - 1)

    return sp.ImmutableMatrix(4, 4, entry)


def _symbolic_drift(q: Any, c: Any, r: Any, s: Any) -> list[Any]:
    """Return the drifts over eta of (Q_ii, Q_ij, M_ii, M_ij) with K symbolic, T = 1."""
    form, _ = closed_form("I3", "erf", ("erf",), (1, 2, 3))

    def overlap(a: tuple[str, int], b: tuple[str, int]) -> Any:
        if a[0] == b[0] == "t":
            return sp.Integer(a[1] == b[1])
        if a[0] == b[0]:
            return q if a[1] == b[1] else c
        return r if a[1] == b[1] else s

    def i3(a: Any, b: Any, d: Any) -> Any:
        given = {"C11": (a, a), "C12": (a, b), "C13": (a, d), "C22": (b, b), "C23": (b, d), "C33": (d, d)}
        symbols = {
            sp.Symbol(k, positive=True) if k[1] == k[2] else sp.Symbol(k, real=True): overlap(*pair)
            for k, pair in given.items()
        }
        return form.subs(symbols, simultaneous=True)

    def total(j: int, field: tuple[str, int]) -> Any:
        """Sum over teachers minus students of I3(j, field, u); units 0, 1 are explicit, the rest count K - n."""
        seen = sorted({j, field[1]})
        result = []
        for kind, sign in (("t", 1), ("s", -1)):
            result += [sign * i3(("s", j), field, (kind, u)) for u in seen]
            result.append(sign * (K - len(seen)) * i3(("s", j), field, (kind, 9)))
        return sp.Add(*result)

    return [2 * total(0, ("s", 0)), 2 * total(0, ("s", 1)), total(0, ("t", 0)), total(0, ("t", 1))]
