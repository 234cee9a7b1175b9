"""From one step of online SGD to the ODEs of the overlaps: the conditional mean, taken monomial by monomial.

Fields z = (lambda_1..p, nu_1..k), residual E = sum_u b_u s_u + sqrt(Delta) xi with b = (-a, v), and the update
w_j += (eta a_j / B) sum_m E s'_j x / sqrt(d). Times d, one step changes

    M_jr by eta a_j E s'_j nu_r,        a_j by eta2 E s_j   (the second layer moves with rate eta2/d),
    Q_jl by eta (a_j E s'_j lambda_l + a_l E s'_l lambda_j) + (eta^2/B) a_j a_l E^2 s'_j s'_l |x|^2/d,

where |x|^2/d -> 1 and the products of two different samples of a batch vanish as 1/d. Each mean over x and the label
noise is one of I2, I3, I4, J2.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import sympy as sp

ETA = sp.Symbol("learning_rate", positive=True)
ETA2 = sp.Symbol("second_layer_learning_rate", nonnegative=True)
NOISE = sp.Symbol("noise_variance", nonnegative=True)
BATCH = sp.Symbol("batch_size", positive=True)
DECAY = sp.Symbol("weight_decay_rate", nonnegative=True)
I2, I3, I4, J2 = (sp.Function(name) for name in ("I2", "I3", "I4", "J2"))
XI = sp.Symbol("xi", real=True)

DEFINITION = """z = (lam, nu), b = (-a_1..-a_p, v_1..v_k), u, w over the p+k fields, Omega = [[Q, M], [M', P]] = Cov(z)
I2(u,w)=E[s_u s_w]  I3(j,r,u)=E[s'(z_j) z_r s_u]  I4(j,l,u,w)=E[s'(z_j) s'(z_l) s_u s_w]  J2(j,l)=E[s'(z_j) s'(z_l)]
dM_jr/dt = eta a_j sum_u b_u I3(j,r,u) - omega M_jr
dQ_jl/dt = eta a_j sum_u b_u I3(j,l,u) + eta a_l sum_u b_u I3(l,j,u)
         + (eta^2/B) a_j a_l (sum_{u,w} b_u b_w I4(j,l,u,w) + Delta J2(j,l)) - 2 omega Q_jl
da_j/dt  = eta2 sum_u b_u I2(j,u) - omega a_j
generalisation_error = (1/2) sum_{u,w} b_u b_w I2(u,w)"""


@dataclass(frozen=True)
class Network:
    """Formal symbols of a network with p students and k teachers: fields, activations, slopes, second layers."""

    students: int
    teachers: int

    @property
    def size(self) -> int:
        """Number of fields."""
        return self.students + self.teachers

    def field(self, u: int) -> sp.Symbol:
        """Return z_u (u from 1)."""
        return sp.Symbol(f"z{u}", real=True)

    def unit(self, u: int) -> sp.Symbol:
        """Return s_u."""
        return sp.Symbol(f"s{u}", real=True)

    def slope(self, j: int) -> sp.Symbol:
        """Return s'(z_j)."""
        return sp.Symbol(f"ds{j}", real=True)

    def a(self, j: int) -> sp.Symbol:
        """Return the second-layer weight of student j."""
        return sp.Symbol(f"a{j}", real=True)

    def v(self, r: int) -> sp.Symbol:
        """Return the second-layer weight of teacher r."""
        return sp.Symbol(f"v{r}", real=True)

    def overlap(self, name: str, i: int, j: int) -> sp.Symbol:
        """Return Q_ij, M_ij or P_ij; Q and P are symmetric."""
        if name != "M":
            i, j = min(i, j), max(i, j)
        return sp.Symbol(f"{name}{i}{j}" if max(i, j) < 10 else f"{name}{i}_{j}", real=True)

    def residual(self, noise: bool = True) -> Any:
        """Return E = label - output in formal symbols."""
        p = self.students
        clean = sum(-self.a(j) * self.unit(j) for j in range(1, p + 1))
        clean += sum(self.v(r) * self.unit(p + r) for r in range(1, self.teachers + 1))
        return clean + (sp.sqrt(NOISE) * XI if noise else 0)

    def mean(self, expression: Any) -> Any:
        """Return the mean over x and the label noise as a sum of I2, I3, I4, J2."""
        fields = [self.field(u) for u in range(1, self.size + 1)]
        units = [self.unit(u) for u in range(1, self.size + 1)]
        slopes = [self.slope(j) for j in range(1, self.students + 1)]
        generators = [XI, *fields, *units, *slopes]
        polynomial = sp.Poly(sp.expand(expression), *generators)
        n, result = self.size, []
        for powers, coefficient in polynomial.terms():
            if powers[0] % 2:
                continue
            spread = [_spread(powers[1 : n + 1]), _spread(powers[n + 1 : 2 * n + 1]), _spread(powers[2 * n + 1 :])]
            result.append(coefficient * _mean_of(*spread))
        return sp.Add(*result)


def _spread(powers: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i + 1 for i, n in enumerate(powers) for _ in range(n))


def _mean_of(fields: tuple[int, ...], units: tuple[int, ...], slopes: tuple[int, ...]) -> Any:
    counts = (len(fields), len(units), len(slopes))
    if counts == (0, 2, 0):
        return I2(*units)
    if counts == (1, 1, 1):
        return I3(*slopes, *fields, *units)
    if counts == (0, 2, 2):
        return I4(*slopes, *units)
    if counts == (0, 0, 2):
        return J2(*slopes)
    raise ValueError(f"no mean has {counts} fields, activations and slopes.")


@dataclass(frozen=True)
class Equations:
    """Right-hand sides of a network in I2, I3, I4, J2 and the symbols of the state."""

    students: int
    teachers: int
    increments: Any
    learning_m: Any
    learning_q: Any
    noise_q: Any
    second_layer: Any
    error: Any
    dm: Any
    dq: Any
    da: Any


@functools.lru_cache(maxsize=64)
def equations(students: int, teachers: int) -> Equations:
    """Derive the ODEs of a network with p students and k teachers from its one-step update.

    >>> equations(1, 1).learning_m[0, 0]
    a1*learning_rate*(-a1*I3(1, 2, 1) + v1*I3(1, 2, 2))
    """
    net = Network(students, teachers)
    residual = net.residual()
    rows, columns = range(1, students + 1), range(1, teachers + 1)

    def step_m(j: int, r: int) -> Any:
        return residual * net.slope(j) * net.field(students + r)

    def step_q(j: int, l: int) -> Any:
        return residual * net.slope(j) * net.field(l)

    means_m = {(j, r): net.mean(step_m(j, r)) for j in rows for r in columns}
    means_q = {(j, l): net.mean(step_q(j, l)) for j in rows for l in rows}
    squares = {
        (j, l): net.mean(residual**2 * net.slope(j) * net.slope(l)) for j in rows for l in range(j, students + 1)
    }
    learning_m = sp.Matrix(students, teachers, lambda i, r: ETA * net.a(i + 1) * means_m[i + 1, r + 1])
    learning_q = sp.Matrix(
        students,
        students,
        lambda i, l: ETA * (net.a(i + 1) * means_q[i + 1, l + 1] + net.a(l + 1) * means_q[l + 1, i + 1]),
    )
    noise_q = sp.Matrix(
        students,
        students,
        lambda i, l: ETA**2 / BATCH * net.a(i + 1) * net.a(l + 1) * squares[min(i, l) + 1, max(i, l) + 1],
    )
    layer = sp.Matrix([ETA2 * net.mean(residual * net.unit(j)) for j in rows])
    error = net.mean(net.residual(noise=False) ** 2) / 2
    increments = sp.Tuple(
        ETA * net.a(1) * step_m(1, 1),
        ETA * net.a(1) * (step_q(1, 1) * 2) + ETA**2 / BATCH * net.a(1) ** 2 * residual**2 * net.slope(1) ** 2,
        ETA2 * residual * net.unit(1),
    )
    m = sp.Matrix(students, teachers, lambda i, r: net.overlap("M", i + 1, r + 1))
    q = sp.Matrix(students, students, lambda i, l: net.overlap("Q", i + 1, l + 1))
    a = sp.Matrix([net.a(j) for j in rows])
    parts = [
        learning_m,
        learning_q,
        noise_q,
        layer,
        learning_m - DECAY * m,
        learning_q + noise_q - 2 * DECAY * q,
        layer - DECAY * a,
    ]
    frozen = [sp.ImmutableMatrix(x) for x in parts]
    return Equations(students, teachers, increments, *frozen[:4], error, *frozen[4:])
