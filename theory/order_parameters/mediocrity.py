"""Phase retrieval before it starts: the norm of a student across its teacher, and how its overlap grows."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.order_parameters.single_unit import BATCH, ETA, NOISE, OMEGA, M, P, Q, T, numeric_drift, single_equations


def plateau_overlap() -> Derivation:
    """Derive the norm of a student across its teacher: the smaller root of dQ = 0 at M = 0."""
    dq, _, _ = (e.subs({BATCH: 1, OMEGA: 0, P: T, M: 0}) for e in single_equations("quadratic"))
    quadratic = sp.expand(sp.cancel(dq / Q))
    root = min(sp.solve(quadratic, Q), key=lambda s: float(s.subs({ETA: 0.05, NOISE: 0.1, T: 1.2})))
    return derivation(
        ("dQ at M = 0", dq, "phase retrieval"),
        ("quadratic", quadratic, "divide by Q"),
        ("smaller root", root, "the branch that starts at T/3"),
    )


def define_plateau(learning_rate: Any, noise_variance: Any, teacher_norm: Any) -> Any:
    """Return that norm as the first zero of the drift by quadrature of the definition."""
    from scipy.optimize import brentq

    arguments = (float(teacher_norm), float(learning_rate), float(noise_variance))
    grid = [float(teacher_norm) * x for x in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)]
    values = [numeric_drift("quadratic", q, 0.0, *arguments)[0] for q in grid]
    for a, b, low, high in zip(grid, grid[1:], values, values[1:], strict=False):
        if low > 0 >= high:
            return brentq(lambda q: numeric_drift("quadratic", q, 0.0, *arguments)[0], a, b, xtol=1e-14)
    return float("nan")


def escape() -> Derivation:
    """Derive the growth rate of a small overlap at that norm."""
    _, dm_, _ = (e.subs({BATCH: 1, OMEGA: 0, P: T}) for e in single_equations("quadratic"))
    rate = sp.factor(sp.diff(dm_, M).subs(M, 0))
    form = rate.subs(Q, plateau_overlap().result)
    return derivation(("growth rate of M", rate, "linear in M"), ("on the plateau", form, "Q = Q*"))


def define_passage(initial_overlap: Any, target_overlap: Any, **v: Any) -> Any:
    """Integrate dM over the drift of M that quadrature of the definition gives on the plateau."""
    q = define_plateau(**v)
    arguments = (float(v["teacher_norm"]), float(v["learning_rate"]), float(v["noise_variance"]))
    low, span = mpmath.log(initial_overlap), mpmath.log(target_overlap / initial_overlap)
    total = mpmath.mpf(0)
    # Gauss-Legendre in ln M, with three nodes
    for place, weight in ((-mpmath.sqrt(0.6), 5), (0, 8), (mpmath.sqrt(0.6), 5)):
        m = float(mpmath.exp(low + span * (1 + place) / 2))
        total += weight * m / numeric_drift("quadratic", q, m, *arguments)[1]
    return span * total / 18


def define_escape(**v: Any) -> Any:
    """Return the growth rate from the drift by quadrature of the definition."""
    q = define_plateau(**v)
    h = 1e-3
    arguments = (float(v["teacher_norm"]), float(v["learning_rate"]), float(v["noise_variance"]))
    return numeric_drift("quadratic", q, h, *arguments)[1] / h
