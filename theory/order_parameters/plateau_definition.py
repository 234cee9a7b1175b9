"""The symmetric plateau from its definition: drifts of equal students by quadrature, no closed form of any mean."""

from __future__ import annotations

import functools
import itertools
from typing import Any

_ERF_NODES = {1: 120, 2: 80, 3: 40}


def _erf(x: Any) -> Any:
    import numpy as np
    from scipy.special import erf

    return erf(np.asarray(x) / np.sqrt(2.0))


def _slope(x: Any) -> Any:
    import numpy as np

    return np.sqrt(2 / np.pi) * np.exp(-(np.asarray(x) ** 2) / 2)


@functools.lru_cache(maxsize=4096)
def _mean(covariance: tuple[tuple[float, ...], ...], places: tuple[int, ...]) -> float:
    """Return E[s'(z_j) z_r s(z_u)] for places (j, r, u), E[s(z_a) s(z_b)] for places (a, b)."""
    from theory.gaussian.quadrature import smooth_mean

    def integrand(*z: Any) -> Any:
        if len(places) == 2:
            return _erf(z[places[0]]) * _erf(z[places[1]])
        return _slope(z[places[0]]) * z[places[1]] * _erf(z[places[2]])

    return float(smooth_mean(integrand, covariance, _ERF_NODES[len(covariance)]))


def mean(covariance: Any, *fields: int) -> float:
    """Return I3 (three positions) or I2 (two) at a numeric covariance by quadrature; equal positions share a field."""
    kept = sorted(set(fields))
    chosen = tuple(tuple(float(covariance[a][b]) for b in kept) for a in kept)
    return _mean(chosen, tuple(kept.index(f) for f in fields))


def error_of(q: float, m: float, norm: float, students: int, teachers: int) -> float:
    """Return E[(sum of teachers - p s(lambda))^2]/2 by quadrature, all students equal."""
    c = [[q, m], [m, norm]]
    own, mixed, teacher = mean(c, 0, 0), mean(c, 0, 1), mean(c, 1, 1)
    return (students**2 * own - 2 * students * teachers * mixed + teachers * teacher) / 2


@functools.lru_cache(maxsize=64)
def symmetric_root(students: int, teachers: int, norm: float) -> tuple[float, float]:
    """Return (Q, M) where E[s' nu e] = 0, p equal students in the span of an orthogonal teacher of squared norm T.

    In the span Q = k M^2/T, and E[s' lambda e] = 0 follows, because lambda is a multiple of the sum of the nu.
    """
    from scipy.optimize import brentq

    def drift(q: float) -> float:
        m = (q * norm / teachers) ** 0.5
        c = [[q, m, m], [m, norm, 0.0], [m, 0.0, norm]]
        others = (teachers - 1) * mean(c, 0, 1, 2) if teachers > 1 else 0.0
        return mean(c, 0, 1, 1) + others - students * mean(c, 0, 1, 0)

    centre = norm * teachers / (students**2 * (1 + norm))
    q = float(brentq(drift, 0.3 * centre, 6 * centre, xtol=1e-13, rtol=1e-13))
    return q, (q * norm / teachers) ** 0.5


def mode_rate(width: int, norm: float) -> float:
    """Return the growth rate over eta of dM_ii along (1, -1/(K-1)), students moved within the teachers' span."""
    _, m = symmetric_root(width, width, norm)

    def drift(x: float) -> float:
        """dM_11/dt over eta with M_ii = m + x, M_ij = m - x/(K-1) and Q = M M'/T, a state of real weights."""
        cross = [[m + x if i == r else m - x / (width - 1) for r in range(width)] for i in range(width)]
        own = sum(c * c for c in cross[0]) / norm
        pair = sum(a * b for a, b in zip(cross[0], cross[1], strict=True)) / norm
        teachers = [[own, cross[0][0], cross[0][1]], [cross[0][0], norm, 0.0], [cross[0][1], 0.0, norm]]
        students = [[own, cross[0][0], pair], [cross[0][0], norm, cross[1][0]], [pair, cross[1][0], own]]
        pull = mean(teachers, 0, 1, 1) + (width - 1) * mean(teachers, 0, 1, 2)
        return pull - mean(students, 0, 1, 0) - (width - 1) * mean(students, 0, 1, 2)

    h = 4e-3
    near, far = ((drift(n * h) - drift(-n * h)) / (2 * n * h) for n in (1, 2))
    wide = (drift(4 * h) - drift(-4 * h)) / (8 * h)
    first, second = (4 * near - far) / 3, (4 * far - wide) / 3
    return (16 * first - second) / 15


@functools.lru_cache(maxsize=512)
def _price(covariance: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """Return the derivatives of E[s'(z1) z2 s(z3)] by C11, C12, C13, C22, C23, C33, means of second derivatives."""
    import numpy as np

    from theory.gaussian.quadrature import smooth_mean

    def integrand(x: Any, y: Any, z: Any) -> Any:
        s1, s3 = _slope(x), _slope(z)
        return np.stack(
            [
                (x * x - 1) * s1 * y * _erf(z) / 2,
                -x * s1 * _erf(z),
                -x * s1 * y * s3,
                0 * x,
                s1 * s3,
                -s1 * y * z * s3 / 2,
            ]
        )

    return tuple(float(v) for v in smooth_mean(integrand, covariance, 30))


def ansatz_jacobian(width: int) -> list[list[float]]:
    """Return the Jacobian over eta of (Q_ii, Q_ij, M_ii, M_ij) at the plateau, T = 1, by Price's theorem.

    The sums run over all students and teachers one by one; a covariance between two fields belongs to one of the four
    overlaps or to none.
    """
    q, m = symmetric_root(width, width, 1.0)
    level = (q, q, m, m)

    def overlap(a: tuple[str, int], b: tuple[str, int]) -> int | None:
        if a[0] == b[0] == "t":
            return None
        return (0 if a[0] == b[0] else 2) + (a[1] != b[1])

    units = [("s", i) for i in range(width)] + [("t", i) for i in range(width)]
    own, other = ("s", 0), ("s", 1)
    pairs = [[(own, own)] * 2, [(own, other), (other, own)], [(own, ("t", 0))], [(own, ("t", 1))]]
    result = []
    for slots in pairs:
        row = [0.0] * 4
        for (j, r), unit in itertools.product(slots, units):
            fields, weight = (j, r, unit), -1.0 if unit[0] == "s" else 1.0
            places = [[overlap(a, b) for b in fields] for a in fields]
            matrix = tuple(
                tuple(float(a[1] == b[1]) if n is None else level[n] for b, n in zip(fields, line, strict=True))
                for a, line in zip(fields, places, strict=True)
            )
            upper = [places[a][b] for a in range(3) for b in range(a, 3)]
            for n, value in zip(upper, _price(matrix), strict=True):
                if n is not None:
                    row[n] += weight * value
        result.append(row)
    return result
