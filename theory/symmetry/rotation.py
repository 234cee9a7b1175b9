"""Matrix symmetries do not commute: where their charges would balance, SGD makes them rotate."""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.evaluation import to_mp
from theory.law import Law, mutant_result, mutant_value
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import FACTOR_SHAPES, covariance_constraint, input_covariance, residual_covariance
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import require_positive, symmetric_function, to_matrix, trace
from theory.symmetry.matrix_factorisation import geometric_mean
from theory.symmetry.noise import SDE
from theory.symmetry.rotation_oracle import rotating_state
from theory.symmetry.two_layer import representation

_MATRICES = (p.first_factor, p.second_factor, input_covariance, residual_covariance)


def _derive() -> Derivation:
    u, w, b = (sp.Matrix(2, 2, sp.symbols(f"{n}11 {n}12 {n}21 {n}22", real=True)) for n in "UWB")
    x, y = (sp.Matrix(sp.symbols(f"{n}1:3", real=True)) for n in "xy")
    loss = sum((q - f) ** 2 for q, f in zip(y, u * w * x, strict=True))
    g_u, g_w = (m.applyfunc(lambda q: sp.diff(loss, q)) for m in (u, w))
    require_zero(sp.expand((g_u.T * (u * b)).trace() - (g_w.T * (b * w)).trace()), "g . T_B")
    h, s, c = (sp.Symbol(n, commutative=False) for n in ("H", "Sigma", "C"))
    return derivation(
        ("g . T_B(theta)", sp.S.Zero, "T_B = (U B, -B W) leaves every sample's loss as it is: exact for each step"),
        ("d theta . T_B(theta*)", sp.Symbol("eta") * sp.Symbol("g . B delta"),
         "theta = theta* + delta, T_B is linear: T_B(theta*) = T_B(theta) - B delta"),
        ("Lyapunov equation", sp.Eq(h * s + s * h, c),
         "covariance (eta/S) Sigma of delta next to theta*; C = E xi xi^T with xi = -2 (e (W x)^T, U^T e x^T)"),
        ("drift along T_B", sp.Symbol("eta") ** 2 / sp.Symbol("batch_size") * sp.Symbol("Tr[B^T H Sigma]"),
         "mean of eta (H delta) . B delta"),
        ("symmetric B = S", sp.Symbol("Tr[S C]") / 2, "the Noether charge: half the noise difference"),
        ("antisymmetric B = A", sp.Symbol("Tr[A^T (H Sigma - Sigma H)]") / 2,
         "no charge belongs to it: a drift wherever H and Sigma do not commute"),
        ("X", sp.Symbol("X"), "T_B . T_X = Tr[B^T H Sigma] for all B; d(U, W) = (U X, -X W) in units of eta^2/S"),
        ("[spread, speed]", sp.Tuple(sp.Symbol("spread"), sp.Symbol("speed")),
         "where X is antisymmetric the shape rests and the charges rotate by |X|/sqrt(2) per eta^2/S steps"),
    )  # fmt: skip


def _inner(left: Any, right: Any, context: Any) -> Any:
    return context.fsum(left[i, j] * right[i, j] for i in range(left.rows) for j in range(left.cols))


def _eigen(m: Any, context: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors of a symmetric matrix."""
    if context is mpmath.mp:
        return mpmath.eigsy(m)
    values, vectors = np.linalg.eigh(np.array(m.tolist(), dtype=float))
    return values.tolist(), context.matrix(vectors.tolist())


def slow_drift(u: Any, w: Any, s_x: Any, s_e: Any, context: Any = mpmath.mp) -> Any:
    """Return X of the drift d(U, W) = (U X, -X W) along the orbit of a global minimum, in units of eta^2/S steps.

    A displacement is seen through D = dU W + U dW only: with J: (dU, dW) -> D the Hessian is 2 J^T (D S_x) J and the
    covariance of the noise 4 J^T (S_e D S_x) J. ``context`` is ``mpmath.mp`` or, for floats, ``mpmath.fp``.
    """
    first = {(i, j): k for k, (i, j) in enumerate(product(range(u.rows), range(u.cols)))}
    second = {(i, j): k + len(first) for k, (i, j) in enumerate(product(range(w.rows), range(w.cols)))}
    seen = [_unit(u, place, context) * w for place in first] + [u * _unit(w, place, context) for place in second]
    size = len(seen)
    hessian, noise = context.matrix(size, size), context.matrix(size, size)
    for j, d in enumerate(seen):
        curved = 2 * d * s_x
        noisy = 2 * s_e * curved
        for i in range(size):
            hessian[i, j], noise[i, j] = _inner(seen[i], curved, context), _inner(seen[i], noisy, context)
    values, vectors = _eigen((hessian + hessian.T) / 2, context)
    turned = vectors.T * noise * vectors
    floor = 1e-8 * max(values)
    for i, j in product(range(size), repeat=2):
        # (H Sigma)_ij with Sigma_ij = C_ij/(h_i + h_j); along the orbit there is neither curvature nor noise
        flat = min(values[i], values[j]) < floor
        turned[i, j] = 0 if flat else turned[i, j] * values[i] / (values[i] + values[j])
    h_sigma = vectors * turned * vectors.T
    force = context.matrix(u.cols, u.cols)
    for i, j in product(range(u.cols), repeat=2):
        of_u = context.fsum(h_sigma[first[a, j], first[a, i]] for a in range(u.rows))
        force[i, j] = of_u - context.fsum(h_sigma[second[i, c], second[j, c]] for c in range(w.cols))
    # T_B . T_X = Tr[B^T (U^T U X + X W W^T)]
    left, v_left = _eigen(u.T * u, context)
    right, v_right = _eigen(w * w.T, context)
    solution = v_left.T * force * v_right
    for i, j in product(range(u.cols), repeat=2):
        solution[i, j] /= left[i] + right[j]
    return v_left * solution * v_right.T


def _unit(like: Any, place: tuple[int, int], context: Any) -> Any:
    unit = context.matrix(like.rows, like.cols)
    unit[place] = 1
    return unit


def _on_orbit(entries: Any, u: Any, w: Any, context: Any) -> tuple[Any, Any]:
    """(U G, G^-1 W) for the symmetric G with these entries of its upper triangle."""
    g = context.matrix(u.cols, u.cols)
    for (i, j), value in zip(combinations_with_replacement(range(u.cols), 2), entries, strict=True):
        g[i, j] = g[j, i] = value
    return u * g, g**-1 * w


def _residual(entries: Any, sides: tuple[Any, ...], context: Any) -> list[Any]:
    u, w, s_x, s_e = (context.matrix(m.tolist()) for m in sides)
    drift = slow_drift(*_on_orbit(entries, u, w, context), s_x, s_e, context)
    return [drift[i, j] + drift[j, i] for i, j in combinations_with_replacement(range(u.cols), 2)]


def _relative_equilibrium(matrices: list[Any], digits: int) -> tuple[Any, Any]:
    """Return spread and speed where the shape of (U, W) rests."""
    from scipy import optimize

    u, w, s_x, s_e = sides = tuple(to_matrix(to_mp(m)) for m in matrices)
    noise_u = require_positive(trace(s_x) * u.T * s_e * u, "U^T S_e U")
    noise_w = require_positive(trace(s_e) * w * s_x * w.T, "W S_x W^T")
    start = symmetric_function(geometric_mean(noise_u, noise_w), mpmath.sqrt)
    places = list(combinations_with_replacement(range(u.cols), 2))
    found = optimize.root(
        lambda z: [float(x) for x in _residual(z.tolist(), sides, mpmath.fp)],
        [float(start[place]) for place in places], tol=1e-12,
    )  # fmt: skip
    if not found.success:
        raise DerivationError(f"no rotating equilibrium was found on this orbit: {found.message}")
    # Newton's steps at full precision with the slope in floats: about eight digits each.
    entries = mpmath.matrix(found.x.tolist())
    inverse = mpmath.matrix(np.linalg.inv(_slopes(found.x, sides)).tolist())
    for _ in range(2 + (digits + 10) // 5):
        change = inverse * mpmath.matrix(_residual(list(entries), sides, mpmath.mp))
        entries -= change
        if mpmath.norm(change) < mpmath.mpf(10) ** (-digits - 5):
            break
    else:
        raise DerivationError(f"the rotating equilibrium did not converge to {digits} digits.")
    end = _on_orbit(list(entries), u, w, mpmath.mp)
    k, drift = end[1] * s_x * end[1].T, slow_drift(*end, s_x, s_e)
    speed = mpmath.sqrt(_inner(drift, drift, mpmath.mp) / 2)
    return k.rows * trace(k * k) / trace(k) ** 2 - 1, speed


def _slopes(entries: Any, sides: tuple[Any, ...]) -> Any:
    step, columns = 1e-6, []
    for k in range(len(entries)):
        ends = []
        for sign in (1, -1):
            moved = entries.copy()
            moved[k] += sign * step
            ends.append(np.array([float(x) for x in _residual(moved.tolist(), sides, mpmath.fp)]))
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.array(columns).T


def _evaluate(_: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    with mpmath.workdps(digits + 15):
        return list(_relative_equilibrium([values[q.key] for q in _MATRICES], digits))


def _at_balance(**values: Any) -> list[float]:
    """What noise balance says: the spread where the charges have no drift, and no rotation."""
    return [representation.value(values), 0.0]


rotation = Law(
    id="symmetry.two_layer_linear.rotation",
    title="the charges of a matrix symmetry do not come to rest: they rotate",
    statement="l = |y - U W x|^2, wd = 0, label noise independent of x: next to a minimum SGD drifts by (U X, -X W) per "
    "eta^2/S steps, U^T U X + X W W^T = F, Tr[B^T F] = Tr[(B, -B)^T H Sigma], H Sigma + Sigma H = C. Its rest is a rotation: "
    "X = -X^T. Value: [spread r Tr K^2/(Tr K)^2 - 1 of K = W S_x W^T there, speed |X|/sqrt(2) in radians per eta^2/S steps]",
    quantity=sp.Symbol("spread_and_speed"),
    parameters=_MATRICES,
    derive=_derive,
    definition=rotating_state,
    evaluator=_evaluate,
    sources=(DERIVED, p.ZIYIN),
    mutants=(
        mutant_value("noise balance, no rotation", _at_balance),
        mutant_result("half the speed", lambda value, **_: [value[0], value[1] / 2]),
    ),
    published=_at_balance,
    published_agrees=False,
    erratum="The noise equilibrium is stated generator by generator; the charges of a matrix symmetry do not commute, and "
    "where H and Sigma do not commute either, the balance W S_x W^T/Tr S_x = U^T S_e U/Tr S_e is not where SGD ends.",
    regime=SDE,
    constraints=(FACTOR_SHAPES, covariance_constraint("input_covariance", "residual_covariance")),
    rungs=("algebra", "sgd"),
    tolerance=1e-7,
    gate_points=2,
)
LAWS = (rotation,)
