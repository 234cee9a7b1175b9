"""The central flow with several unstable eigenvalues: which of them oscillate, and with which variances."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, to_mp
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, matrix, real_list
from theory.principal_flow import symbols as s
from theory.source import DERIVED

_GRADIENT = s.gradient.within(real_list(-2.0, 2.0, (2, 3)))
_SHARPNESSES = Parameter(
    "sharpness_gradients", None, "gradients of the eigenvalues at 2/h, one row each", matrix(-2.0, 2.0, (2, 3))
)


def _steps() -> Derivation:
    first, second = sp.symbols("sigma_1^2 sigma_2^2", real=True)
    b1, b2 = sp.symbols("b_1 b_2", real=True)
    g11, g22, g12 = sp.symbols("G_11 G_22 G_12", real=True)
    drifts = [-b1 - (g11 * first + g12 * second) / 2, -b2 - (g12 * first + g22 * second) / 2]
    solution = sp.solve(drifts, [first, second], dict=True)[0]
    return derivation(
        ("drift of the eigenvalues", sp.Tuple(*drifts), "grad S_i . (-grad L - sum_j sigma_j^2 grad S_j/2), "
         "b_i = grad S_i . grad L, G_ij = grad S_i . grad S_j"),
        ("complementarity", sp.Symbol("sigma_i^2 >= 0, drift_i <= 0, sigma_i^2 drift_i = 0"),
         "an eigenvalue that falls by itself does not oscillate"),
        ("variances, both at the edge", sp.Tuple(*(sp.factor(solution[q]) for q in (first, second))),
         "two eigenvalues; with more, the same linear system on the set that oscillates"),
    )  # fmt: skip


def _solve(values: dict[str, Any]) -> list[Any]:
    """Variances by trying every set of oscillating eigenvalues: for independent gradients exactly one set fits."""
    gradient, rows = to_mp(values["gradient"]), to_mp(values["sharpness_gradients"])
    size = len(rows)

    def dot(a: Any, c: Any) -> Any:
        return mpmath.fsum(p * q for p, q in zip(a, c, strict=True))

    pull = [dot(row, gradient) for row in rows]
    gram = [[dot(a, c) for c in rows] for a in rows]
    for count in range(size + 1):
        for chosen in itertools.combinations(range(size), count):
            found = [mpmath.mpf(0)] * size
            if chosen:
                inner = mpmath.matrix([[gram[i][j] for j in chosen] for i in chosen])
                part = mpmath.lu_solve(inner, mpmath.matrix([-2 * pull[i] for i in chosen]))
                for i, q in zip(chosen, part, strict=True):
                    found[i] = q
            drift = [-pull[i] - dot(gram[i], found) / 2 for i in range(size)]
            tiny = mpmath.mpf(10) ** (5 - mpmath.mp.dps)
            if min(found) >= 0 and all(d <= tiny for i, d in enumerate(drift) if i not in chosen):
                return found
    raise ArithmeticError("no set of oscillating eigenvalues balances the drift")


def _definition(gradient: Any, sharpness_gradients: Any) -> Any:
    """Slow velocity nearest to -grad L that raises no eigenvalue; forces by finite differences of the averaged loss.

    The loss L(theta) + sum_j S_j(theta) x_j^2/2 is averaged over x_j = +-sigma_j; the velocity is minus its gradient. The
    variances are the multipliers of the projection, found by non-negative least squares.
    """
    from scipy.optimize import nnls

    size, count = len(gradient), len(sharpness_gradients)

    def mean_loss(variances: list[Any], theta: tuple[Any, ...]) -> Any:
        slow = mpmath.fsum(a * q for a, q in zip(gradient, theta, strict=True))
        stiff = [3 + mpmath.fsum(c * q for c, q in zip(row, theta, strict=True)) for row in sharpness_gradients]
        return slow + mpmath.fsum(
            k * ((+mpmath.sqrt(v)) ** 2 + (-mpmath.sqrt(v)) ** 2) / 4 for k, v in zip(stiff, variances)
        )

    def force(variances: list[Any]) -> np.ndarray:
        origin = (mpmath.mpf(0),) * size
        parts = (
            mpmath.diff(lambda *theta: mean_loss(variances, theta), origin, tuple(int(i == k) for i in range(size)))
            for k in range(size)
        )
        return np.array([float(p) for p in parts])

    still = force([mpmath.mpf(0)] * count)
    columns = [force([mpmath.mpf(i == j) for i in range(count)]) - still for j in range(count)]
    return [mpmath.mpf(float(v)) for v in nnls(np.stack(columns, 1), -still)[0]]


def _alone(gradient: list[float], sharpness_gradients: list[list[float]]) -> list[float]:
    """Every eigenvalue as if it were the only one at the edge."""
    g = np.array(gradient)
    return [max(0.0, float(-2 * np.dot(row, g) / np.dot(row, row))) for row in np.array(sharpness_gradients)]


def _all_oscillate(gradient: list[float], sharpness_gradients: list[list[float]]) -> list[float]:
    rows = np.array(sharpness_gradients)
    return np.linalg.solve(rows @ rows.T, -2 * rows @ np.array(gradient)).tolist()


VARIANCES = Law(
    id="principal_flow.central_flow.variances",
    title="Variances of the oscillations in the central flow with several unstable eigenvalues",
    statement="eigenvalues S_i at 2/h with fixed eigenvectors: sigma_i^2 >= 0, grad S_i . (grad L + sum_j sigma_j^2 "
    "grad S_j/2) >= 0, and one of the two is zero for every i",
    quantity=sp.Symbol("sigma_i^2"),
    parameters=(_GRADIENT, _SHARPNESSES),
    derive=_steps,
    definition=_definition,
    evaluator=lambda _, values, digits: converged(lambda: _solve(values), digits),
    sources=(s.COHEN, DERIVED),
    mutants=(
        mutant_result("factor 1", lambda value, **_: [v / 2 for v in value]),
        mutant_value("every eigenvalue alone", _alone),
        mutant_value("all of them oscillate", _all_oscillate),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate -> 0", "heuristic for finite h"),
    constraints=(
        Constraint(
            lambda v: all(len(row) == len(v["gradient"]) for row in v["sharpness_gradients"]),
            "every row of sharpness_gradients must be as long as gradient",
        ),
        Constraint(
            lambda v: (
                np.linalg.matrix_rank(np.array(v["sharpness_gradients"], dtype=float)) == len(v["sharpness_gradients"])
            ),
            "the rows of sharpness_gradients must be linearly independent",
        ),
    ),
    priority="C",
)

LAWS = (VARIANCES,)
