"""Committees near their teacher, from the definition: drifts at displaced students, by quadrature.

Some students are moved off their teachers by a common deviation orthogonal to all of them, so that lambda_i = nu_i + u
with u ~ N(0, eps) and the residual is e = sum_i s(nu_i) - s(nu_i + u). The changes of r = Q - M - M' + P,

    dr_lm/dt = eta E[e (s'_l u_m + s'_m u_l)] + eta^2 (E[e^2 s'_l s'_m] + Delta E[s'_l s'_m]),

are taken with all units at their displaced fields, divided by eps and extrapolated to eps = 0. Given u the units are
independent. One and two moved students span all symmetric deviations.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

from theory.gaussian.quadrature import numeric_function
from theory.order_parameters.activation import X, activation
from theory.order_parameters.response import extrapolated

_NODES = (200, 40)


@dataclass(frozen=True)
class Displaced:
    """Means over nu of e_i^a s'_i^b at the nodes of u for a moved unit, and of s'^b for one at its teacher."""

    u: Any
    weights: Any
    moved: Any
    resting: Any

    @classmethod
    def at(cls, name: str, norm: float, eps: float) -> Displaced:
        """Tabulate the means of a unit at a mean squared displacement."""
        import numpy as np

        unit = activation(name)
        s, ds = (numeric_function(e, (X,)) for e in (unit.expression, unit.derivative))
        (x, wx), (y, wy) = (np.polynomial.hermite_e.hermegauss(n) for n in _NODES)
        nu, u = (norm**0.5 * x)[:, None], eps**0.5 * y
        there = nu + u
        e, slope = s(np.broadcast_to(nu, there.shape)) - s(there), np.broadcast_to(ds(there), there.shape)
        rest = ds(nu[:, 0])
        moved = [[(wx / wx.sum()) @ (e**a * slope**b) for b in range(3)] for a in range(3)]
        return cls(u, wy / wy.sum(), moved, [float((wx / wx.sum()) @ rest**b) for b in range(5)])

    def mean(self, moved: tuple[int, ...], power: int, slopes: tuple[int, ...], factor: Any = 1.0) -> float:
        """Return E[e^power prod_l s'_l factor(u)] for units in ``slopes`` (repeated ones count), ``moved`` displaced."""
        zero = 0.0 * self.u
        total = zero
        for choice in itertools.product(moved, repeat=power):
            product = 1.0 + zero
            for i in {*choice, *slopes}:
                a, b = choice.count(i), slopes.count(i)
                product = product * (self.moved[a][b] if i in moved else self.resting[b])
            total = total + product
        return float(self.weights @ (factor * total))


@dataclass(frozen=True)
class Response:
    """Linear maps of symmetric deviations (pairs i <= j): dr/dt = eta L r + eta^2 (N r + Delta source), error.r."""

    learning: Any
    noise: Any
    source: Any
    error: Any


@functools.lru_cache(maxsize=64)
def response(name: str, width: int, norm: float) -> Response:
    """Return the response of a committee of units with second layers one on an orthogonal teacher of squared norm."""
    import numpy as np

    pairs = [(i, j) for i in range(width) for j in range(i, width)]

    def changes(eps: float) -> Any:
        """Learning, noise and error per squared deviation: columns of one moved student, of two moved alike."""
        table = Displaced.at(name, norm, eps)
        columns = []
        for moved in ((0,), (0, 1))[: 1 if width == 1 else 2]:
            learning = []
            for l, m in pairs:
                found = table.mean(moved, 1, (l,), table.u) if m in moved else 0.0
                found += table.mean(moved, 1, (m,), table.u) if l in moved else 0.0
                learning.append(found)
            noise = [table.mean(moved, 2, pair) for pair in pairs]
            columns.append([*learning, *noise, table.mean(moved, 2, ()) / 2])
        return np.array(columns) / eps

    found = extrapolated(changes, 0.05 * norm, 6)
    n, place = len(pairs), {pair: k for k, pair in enumerate(pairs)}

    def spread(entries: Any, i: int, j: int) -> Any:
        """Return the entries of moved students 0 (and 1) for students i (and j)."""
        names = [i] if i == j else [i, j]
        order = names + [k for k in range(width) if k not in names]
        return np.array([entries[place[tuple(sorted((order.index(l), order.index(m))))]] for l, m in pairs])

    def assembled(first: int) -> Any:
        matrix = np.empty((n, n))
        for i, j in pairs:
            column = spread(found[0 if i == j else 1][first : first + n], i, j)
            if i != j:
                column = column - sum(spread(found[0][first : first + n], k, k) for k in (i, j))
            matrix[:, place[i, j]] = column
        return matrix

    error = np.array([found[0][-1] if i == j else found[1][-1] - 2 * found[0][-1] for i, j in pairs])
    rest = Displaced.at(name, norm, norm * 1e-3).resting
    source = np.array([rest[2] if i == j else rest[1] ** 2 for i, j in pairs])
    return Response(assembled(0), assembled(n), source, error)


def threshold(name: str, width: int, norm: float) -> float:
    """Return the smallest rate at which a deviation neither grows nor shrinks: (eta L + eta^2 N) r = 0.

    Deviations of linear students that cancel in the sum are neutral at any rate and left out (pseudoinverse).
    """
    import numpy as np

    near = response(name, width, norm)
    inverse = np.linalg.eigvals(np.linalg.pinv(-near.learning, rcond=1e-9) @ near.noise)
    return float(1 / max(x.real for x in inverse if abs(x.imag) < 1e-12))


def floor(name: str, width: int, norm: float, rate: float, noise: float) -> float:
    """Return the error of the stationary deviation under label noise, first order in it."""
    import numpy as np

    near = response(name, width, norm)
    pull = -near.learning - rate * near.noise
    r = np.linalg.lstsq(pull, rate * noise * near.source, rcond=1e-9)[0]
    return float(near.error @ r)
