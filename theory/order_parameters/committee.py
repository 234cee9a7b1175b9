"""Perfect learning of a committee K = p = k with orthogonal teacher: the stability problem reduced to two modes.

Near the teacher the residual is e = sum_i s'_i u_i with Cov(u) = r, so that the deviations r obey
dr/dt = -eta (Hr + rH) + eta^2 (G[r] + Delta H), H_ij = E s'_i s'_j, G[r]_lm = sum_ij r_ij E s'_i s'_j s'_l s'_m with
independent fields. On r = r1 I + r2 J (J all ones) this is a 2 x 2 system; its entries are sums over index
coincidences, counted for symbolic K.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from typing import Any

import sympy as sp

K = sp.Symbol("K", integer=True, positive=True)
ETA = sp.Symbol("eta", positive=True)
NOISE = sp.Symbol("Delta", nonnegative=True)
M1, M2, M3, M4 = sp.symbols("m1:5", positive=True)
_MOMENTS = {1: M1, 2: M2, 3: M3, 4: M4}


def _weight(labels: tuple[int, ...]) -> Any:
    return sp.Mul(*(_MOMENTS[n] for n in Counter(labels).values()))


def coincidence_sum(fixed: tuple[int, ...], summed: int) -> Any:
    """Return the sum of E s'... over ``summed`` distinct indices (each squared if it is one), for fixed labels.

    Every summed index is one of the fixed labels or one of the other K - n units; new ones are counted by falling
    factorials. One summed index enters as s'_i^2, two distinct ones as s'_i s'_j.

    >>> coincidence_sum((0, 0), 1)
    m2**2*(K - 1) + m4
    """
    known = sorted(set(fixed))
    result = []
    for choice in itertools.product([*known, "new"], repeat=summed):
        old = [c for c in choice if c != "new"]
        if len(set(old)) < len(old):
            continue
        fresh = len(choice) - len(old)
        count = sp.Mul(*(K - len(known) - i for i in range(fresh)))
        labels = list(fixed)
        for position, c in enumerate(choice):
            labels += [c if c != "new" else 100 + position] * (2 if summed == 1 else 1)
        result.append(count * _weight(tuple(labels)))
    return sp.Add(*result)


@functools.lru_cache(maxsize=1)
def two_modes() -> tuple[sp.ImmutableMatrix, sp.ImmutableMatrix, sp.ImmutableMatrix]:
    """Return (A, B, source): d(r1, r2)/dt = (-eta A + eta^2 B)(r1, r2) + eta^2 Delta source."""
    c, h = M1**2, M2 - M1**2
    diagonal, off = (0, 0), (0, 1)
    dd, do = coincidence_sum(diagonal, 1), coincidence_sum(diagonal, 2)
    od, oo = coincidence_sum(off, 1), coincidence_sum(off, 2)
    b = sp.ImmutableMatrix([[dd - od, dd - od + do - oo], [od, od + oo]])
    a = sp.ImmutableMatrix([[2 * h, 0], [2 * c, 2 * (h + K * c)]])
    return a, b, sp.ImmutableMatrix([h, c])


def error_of(deviations: Any) -> Any:
    """Return the error tr(H r)/2 of r = r1 I + r2 J."""
    c, h = M1**2, M2 - M1**2
    r1, r2 = deviations
    return (h * K * (r1 + r2) + c * (K * r1 + K**2 * r2)) / 2


@functools.lru_cache(maxsize=1)
def threshold_polynomial() -> Any:
    """Return det(eta B - A), a quadratic in eta whose smallest positive root is the critical rate."""
    a, b, _ = two_modes()
    return sp.expand((ETA * b - a).det())


@functools.lru_cache(maxsize=1)
def stationary_error() -> Any:
    """Return the noise floor to first order in Delta, all orders in eta."""
    a, b, source = two_modes()
    matrix = a - ETA * b
    adjugate = sp.Matrix([[matrix[1, 1], -matrix[0, 1]], [-matrix[1, 0], matrix[0, 0]]])
    deviations = ETA * NOISE * adjugate * source / (matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    return error_of(list(deviations))
