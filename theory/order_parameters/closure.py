"""The mean of the overlaps of one unit at finite dimension, up to O(d^-3): an exact step and a closure at the third cumulant.

The overlaps x = (M, Q) of one student and one teacher are a Markov chain. Given x, one step of SGD changes d x by

    (eta a e s' nu,  2 eta a e s' lambda + (eta a e s')^2 |x|^2/d),   |x|^2 = z'Omega^-1 z + chi^2_(d-2),

so that its three first moments are Gaussian means. The cumulants of x of order n are O(d^(1-n)); mean, covariance and
third cumulant are moved by the exact moments of a step, the fourth is left out, which the mean feels at O(d^-3).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theory.errors import DerivationError
from theory.gaussian.quadrature import numeric_function
from theory.order_parameters.activation import X, activation
from theory.order_parameters.state import State, state_of

_TOO_SMALL = "the fluctuations are too large for a closure at the third cumulant; give a larger dimension."
_FIELD_NODES, _NOISE_NODES, _STATE_NODES = 60, 4, 5
_NEGLIGIBLE = 1e-17


@dataclass(frozen=True)
class _Unit:
    """The functions and numbers of one student on one teacher."""

    s: Callable[..., Any]
    t: Callable[..., Any]
    ds: Callable[..., Any]
    state: State

    def step_moments(self, m: Any, q: Any, d: float) -> list[Any]:
        """Return the first three raw moments of d times one step, at states (points,): shapes (points, 2, ...)."""
        import numpy as np

        st = self.state
        eta, a, v, noise = (float(x) for x in (st.eta, st.a[0], st.v[0], st.noise))
        x, w = np.polynomial.hermite_e.hermegauss(_FIELD_NODES)
        y, u = np.polynomial.hermite_e.hermegauss(_NOISE_NODES)
        norm = float(st.p[0][0]) ** 0.5
        # coordinates: along the teacher, across it, label noise
        z1, z2, xi = (g.ravel() for g in np.meshgrid(x, x, y, indexing="ij"))
        weight = functools.reduce(np.multiply.outer, (w / w.sum(), w / w.sum(), u / u.sum())).ravel()
        kept = weight > _NEGLIGIBLE
        z1, z2, xi, weight = z1[kept], z2[kept], xi[kept], weight[kept]
        nu = norm * z1
        own = q - (m / norm) ** 2
        if own.min() < 0:
            raise DerivationError(_TOO_SMALL)
        lam = np.multiply.outer(m / norm, z1) + np.multiply.outer(np.sqrt(own), z2)
        push = eta * a * (v * self.t(nu) - a * self.s(lam) + noise**0.5 * xi) * self.ds(lam)
        one, linear, square = push * nu, 2 * push * lam, push**2
        # moments of |x|^2/d given the two coordinates of the plane
        rest, mean = d - 2, z1**2 + z2**2 + d - 2
        length = [1.0, mean / d, (mean**2 + 2 * rest) / d**2, (mean**3 + 6 * mean * rest + 8 * rest) / d**3]
        powers = [np.ones_like(linear)]
        for n in (1, 2, 3):
            binomial = {1: (1, 1), 2: (1, 2, 1), 3: (1, 3, 3, 1)}[n]
            powers.append(sum(c * linear ** (n - k) * square**k * length[k] for k, c in enumerate(binomial)))
        found = []
        for order in (1, 2, 3):
            moments = np.empty((len(m), *[2] * order))
            for index in itertools.product(range(2), repeat=order):
                k = sum(index)
                moments[(slice(None), *index)] = (one ** (order - k) * powers[k]) @ weight
            found.append(moments)
        return found


def _edgeworth(mean: Any, covariance: Any, third: Any) -> tuple[Any, Any]:
    """Return points (n, 2) and weights of a distribution with these cumulants: Gaussian nodes, Edgeworth weights."""
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(_STATE_NODES)
    weights = weights / weights.sum()
    z = np.stack([g.ravel() for g in np.meshgrid(nodes, nodes, indexing="ij")])
    weight = np.multiply.outer(weights, weights).ravel()
    if not covariance.any():
        return mean[None], np.ones(1)
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise DerivationError(_TOO_SMALL) from None
    inverse = np.linalg.inv(root)
    skew = np.einsum("ai,bj,ck,ijk->abc", inverse, inverse, inverse, third)
    tilt = np.einsum("abc,an,bn,cn->n", skew, z, z, z) - 3 * np.einsum("aab,bn->n", skew, z)
    return mean + (root @ z).T, weight * (1 + tilt / 6)


def _symmetric(matrix: Any, vector: Any, weight: Any) -> Any:
    """Return sum_n w_n (S_ij v_k + S_ik v_j + S_jk v_i)."""
    import numpy as np

    found = np.einsum("n,nij,nk->ijk", weight, matrix, vector)
    return found + found.transpose(0, 2, 1) + found.transpose(2, 1, 0)


def finite_mean(values: dict[str, Any]) -> list[float]:
    """Return [E M, E Q] after time * d steps from given overlaps, up to O(d^-3); batch one, no decay, layer fixed.

    Raises DerivationError for more units, batches, weight decay or a trained second layer, and where the dimension is
    too small for the expansion.

    >>> point = {"activation": "linear", "student_overlap": 0.9, "teacher_student_overlap": 0.3,
    ...          "teacher_overlap": 1.0, "learning_rate": 0.5, "time": 0.1, "dimension": 20}
    >>> abs(finite_mean(point)[0] - (1 - 0.7 * (1 - 0.5 / 20) ** 2)) < 1e-12
    True
    """
    import numpy as np

    state = state_of(values, exact=False)
    if state.students * state.teachers != 1 or float(state.batch) != 1 or float(state.decay) or float(state.eta2):
        raise DerivationError(
            "the closure is that of one student and one teacher, batch one, no decay, second layer fixed."
        )
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    unit = _Unit(s, t, numeric_function(activation(state.activation).derivative, (X,)), state)
    d = float(values["dimension"])
    mean = np.array([float(state.m[0][0]), float(state.q[0][0])])
    covariance, third = np.zeros((2, 2)), np.zeros((2, 2, 2))
    for _ in range(round(float(values["time"]) * d)):
        points, weight = _edgeworth(mean, covariance, third)
        first, second, raw = unit.step_moments(points[:, 0], points[:, 1], d)
        spread = second - np.einsum("ni,nj->nij", first, first)
        ones = np.ones(len(points))
        skew = np.stack(
            [
                raw[n]
                - _symmetric(second[n : n + 1], first[n : n + 1], ones[:1])
                + 2 * np.einsum("i,j,k->ijk", first[n], first[n], first[n])
                for n in range(len(points))
            ]
        )
        moved = points + first / d
        mean = weight @ moved
        away = moved - mean
        covariance = np.einsum("n,ni,nj->ij", weight, away, away) + np.einsum("n,nij->ij", weight, spread) / d**2
        third = np.einsum("n,ni,nj,nk->ijk", weight, away, away, away)
        third = third + _symmetric(spread, away, weight) / d**2 + np.einsum("n,nijk->ijk", weight, skew) / d**3
    return [float(x) for x in mean]
