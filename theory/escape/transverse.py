"""How noise proportional to the Hessian changes the escape rate: the exact leading factor of the double well."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp

from theory.derivation import Derivation, derivation
from theory.escape.identities import require_zero
from theory.escape.notation import BARRIER_RATIO, CURVATURES, ESCAPE_CURVATURE, N, c, eigenvalues, h_e, i
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Domain, Parameter
from theory.source import DERIVED

ratio = sp.Symbol("r", positive=True)
RATIO = Parameter(
    "curvature_ratio",
    ratio,
    "h_i/h_e, transverse over escape curvature, the same ratio of the noises",
    Domain("real", low=0.5, low_open=True, region=(0.7, 1.9)),
)


def effective_dimension() -> Derivation:
    """n_eff = Tr H / h_e by averaging the noise over the transverse directions."""
    low, ratio, rest = sp.symbols("L r R", positive=True)
    variance = ratio * low
    averaged = low + rest * variance / 2
    exponent = sp.Rational(1, 2) + 1 / (ratio * h_e) * low / averaged
    expanded = sp.series(exponent, ratio, 0, 1).removeO()
    effective = sp.expand(2 * (1 / (ratio * h_e) + 1 - expanded))
    require_zero(effective - 1 - rest / h_e, "n_eff = 1 + R/h_e")
    form = sp.Sum(eigenvalues[i], (i, 0, N - 1)) / h_e
    return derivation(
        ("transverse variance", variance, "D_i = r L h_i, r = eta/B: the same for every direction"),
        ("loss averaged over the transverse directions", averaged, "R = Tr H - h_e"),
        ("exponent", expanded, "1/2 + d(barrier)/d log L, barrier int L'/(T_e averaged L), first order in r"),
        ("n_eff from 1/T_e + 1 - n_eff/2", effective, "compare"),
        ("n_eff", form, "1 + R/h_e = Tr H/h_e"),
    )


def _added_directions(curvature: float, escape_curvature: float) -> float:
    """By how much one transverse direction lowers the power of the rate, times two, as eta/B -> 0.

    At loss M on the axis the frozen transverse process dy = -h y dt + sqrt(2 r h (M + h y^2/2)) dW, r = eta/B, has a
    zero-current law; over it the noise of the escape direction is averaged, r h_e (M + mean of h y^2/2), and the power
    is that of M in exp(-int dM/(mean noise)). Quadrature at four r, extrapolated.
    """
    nodes, weights = np.polynomial.legendre.leggauss(120)
    level = 1.7

    def at(r: float) -> float:
        y = 9 * math.sqrt(r * level) * nodes
        # int_0^y slope by the same nodes on [0, y], then the zero-current law (1/D) exp(-int slope)
        inner = (nodes + 1) / 2 * y[:, None]
        field = curvature * inner / (r * curvature * (level + curvature * inner * inner / 2))
        barrier = y / 2 * (field @ weights)
        density = weights * np.exp(-barrier) / (level + curvature * y * y / 2)
        excess = float(density @ (curvature * y * y / 2) / density.sum()) / level
        return 2 / (r * escape_curvature) * excess / (1 + excess)

    table = [at(4e-3 / 2**k) for k in range(5)]
    for order in range(1, 5):
        table = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(table)]
    return table[0]


def _effective_definition(curvatures: Any, escape_curvature: Any) -> Any:
    """One direction and what all directions but the escape direction itself add."""
    own = float(escape_curvature)
    return mpmath.mpf(1 + sum(_added_directions(float(a), own) for a in curvatures) - _added_directions(own, own))


EFFECTIVE = Law(
    id="escape.effective_dimension.anisotropic",
    title="Effective number of directions with noise proportional to the Hessian",
    statement="D = (eta/B) L H: n is replaced by n_eff = Tr H/h_e, exponent 1/T_e + 1 - n_eff/2.",
    quantity=sp.Symbol("n_eff"),
    parameters=(CURVATURES, ESCAPE_CURVATURE),
    derive=effective_dimension,
    definition=_effective_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("n", lambda curvatures, escape_curvature: len(curvatures)),
        mutant_value("1 + n/2", lambda curvatures, escape_curvature: 1 + len(curvatures) / 2),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("temperature -> 0, barrier_ratio -> 1", "O((barrier_ratio - 1)^2)"),
    priority="B",
)


def transverse_factor() -> Derivation:
    """Eikonal and transport equations along the axis of L = 1 + q (x^2-1)^2 + k y^2/2, D = T L diag(1, r), k = 8 q r."""
    x, y = sp.symbols("x y", real=True)
    q, z = sp.symbols("q z", positive=True)
    u, width, curve = (sp.Function(name)(x) for name in ("u", "Q", "U"))
    potential = curve + u * y**2 / 2
    phase = curve + width * y**2 / 2
    # R = L P solves sum_i d_i (U_i R) + T a_i d_i^2 R = 0 with U = log L, a = (1, r); R = K exp(-phase/T)
    eikonal = sum(
        a * sp.diff(phase, s) ** 2 - sp.diff(potential, s) * sp.diff(phase, s) for a, s in ((1, x), (ratio, y))
    )
    axis = sp.expand(eikonal).coeff(y, 0)
    require_zero(axis, "the phase on the axis is log L")
    second: Any = sp.expand(eikonal).coeff(y, 2)
    amplitude = sp.Function("K")(x)
    # order T^0: U_i K_i + U_ii K - a_i (2 phase_i K_i + phase_ii K); along x the phase is U, so that its U_xx cancels
    transport = sp.diff(amplitude, x) * (sp.diff(curve, x) - 2 * sp.diff(phase, x).subs(y, 0)) + amplitude * (
        sp.diff(potential, y, 2) - ratio * sp.diff(phase, y, 2)
    ).subs(y, 0)
    growth = sp.solve(transport, sp.diff(amplitude, x))[0] / amplitude
    # the double well: z = 1 - x^2 runs from 0 at the minimum to 1 at the saddle; Q = (u/r) (1 - delta(z))
    delta = sp.Function("delta")
    place = -sp.sqrt(1 - z)
    loss = 1 + q * (x**2 - 1) ** 2
    transverse = 8 * q * ratio / loss
    chosen = {u: transverse, width: transverse / ratio * (1 - delta(1 - x**2)), curve: sp.log(loss)}
    along = second.subs(chosen).doit().subs(x, place).doit()
    slope = sp.Symbol("slope")
    along = along.replace(lambda e: isinstance(e, sp.Subs | sp.Derivative), lambda _: slope)
    value = sp.Symbol("value")
    along = along.subs(delta(z), value)
    (found,) = sp.solve(along, slope)
    wanted = (2 * (ratio - 1 + value) * q * (1 - z) * z**2 / (1 + q * z**2) - 2 * ratio * value * (1 - value)) / (
        z * (1 - z)
    )
    require_zero(found - wanted, "Riccati equation in z")
    rate = sp.cancel((growth.subs(chosen).doit() / sp.diff(1 - x**2, x)).subs(x, place).doit().subs(delta(z), value))
    require_zero(rate - ratio * value / (z * (1 - z)), "growth of the amplitude in z")
    form = sp.exp(sp.Integral(ratio * delta(z) / (z * (1 - z)), (z, 0, 1)))
    return derivation(
        ("order y^2 of the eikonal equation", sp.Eq(second, 0), "R = K exp(-phase/T), phase = U + Q y^2/2"),
        ("transport of the amplitude", sp.Eq(sp.diff(amplitude, x) / amplitude, growth), "order T^0 on the axis"),
        (
            "Riccati equation",
            sp.Eq(sp.diff(delta(z), z), wanted.subs(value, delta(z)).subs(q, c - 1)),
            "z = 1 - x^2, Q = (u/r)(1 - delta), regular at the minimum: delta = (r-1)(c-1) z^2/(1+r) + ...",
        ),
        ("K_s/K_m", form, "both widths are u/r at minimum and saddle, so they cancel in the rate"),
    )


def _value(barrier_ratio: Any, curvature_ratio: Any) -> Any:
    q, r = float(barrier_ratio) - 1, float(curvature_ratio)
    start, stop = 1e-4, 1 - 1e-7

    def right(z: float, state: np.ndarray) -> list[float]:
        push = 2 * (r - 1 + state[0]) * q * (1 - z) * z * z / (1 + q * z * z)
        return [(push - 2 * r * state[0] * (1 - state[0])) / (z * (1 - z)), r * state[0] / (z * (1 - z))]

    def crossing(_: float, state: np.ndarray) -> float:
        return float(state[0]) - 0.9999

    crossing.terminal = True  # type: ignore[attr-defined]
    first = (r - 1) * q / (1 + r)
    found = solve_ivp(
        right, (start, stop), [first * start**2, r * first * start**2 / 2],
        method="LSODA", rtol=1e-11, atol=1e-14, events=crossing,
    )  # fmt: skip
    if found.status != 0:
        return None
    return mpmath.exp(found.y[1, -1] + r * found.y[0, -1])


def _definition(barrier_ratio: Any, curvature_ratio: Any) -> Any:
    """The same from the unreduced equations in x: (1/2) U' (Q' + u U') = Q (u - r Q), (log K)' = (u - r Q)/U'."""
    q, r = float(barrier_ratio) - 1, float(curvature_ratio)
    distance = 1e-4

    def right(x: float, state: np.ndarray) -> list[float]:
        loss = 1 + q * (x * x - 1) ** 2
        slope, stiff = 4 * q * x * (x * x - 1) / loss, 8 * q * r / loss
        return [2 * state[0] * (stiff - r * state[0]) / slope - stiff * slope, (stiff - r * state[0]) / slope]

    found = solve_ivp(right, (-1 + distance, -2e-5), [8 * q, 0.0], method="LSODA", rtol=1e-10, atol=1e-12)
    return mpmath.exp(found.y[1, -1])


TRANSVERSE = Law(
    id="escape.transverse_factor.anisotropic",
    title="Escape rate with noise proportional to the Hessian over that with equal noise",
    statement="Double well, one transverse direction, D_i = (eta/B) L h_i, r = h_i/h_e: K_s/K_m = exp int_0^1 "
    "r delta/(z(1-z)) dz, z(1-z) delta' = 2 (r-1+delta)(c-1)(1-z) z^2/(1+(c-1) z^2) - 2 r delta (1-delta). None where "
    "delta reaches one: the rays cross and the factor does not exist.",
    quantity=sp.Symbol("kappa") / sp.Symbol("kappa_isotropic"),
    parameters=(BARRIER_RATIO.within(Domain("real", low=1.0, low_open=True, region=(1.4, 3.2))), RATIO),
    derive=transverse_factor,
    evaluator=lambda _, values, digits: _value(**values),
    definition=_definition,
    sources=(DERIVED,),
    # a stiff integration from 1e-4 off the minimum
    tolerance=1e-6,
    mutants=(
        mutant_value(
            "leading order, n_eff = 1 + r",
            lambda barrier_ratio, curvature_ratio: math.exp((curvature_ratio - 1) / 2 * math.log(barrier_ratio)),
        ),
        mutant_result("inverse", lambda value, **_: 1 / value),
        mutant_value("no factor", lambda **_: 1.0),
    ),
    constraints=(Constraint(lambda v: abs(v["curvature_ratio"] - 1) > 0, "r = 1 is the isotropic case"),),
    rungs=("algebra", "flow"),
    regime=Regime("temperature -> 0, curvature_ratio <= 2", "O(temperature)"),
    gate_points=8,
    priority="C",
)

TRANSVERSE_LAWS = (EFFECTIVE, TRANSVERSE)
