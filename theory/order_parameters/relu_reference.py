"""Means of rectified fields by conditioning: the independent oracle of the relu laws, and their mutant without P_4."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.gaussian.quadrature import kinked_mean
from theory.order_parameters import expectations as ex

_ROLES = {"I2": "rr", "I3": "sfr", "I4": "ssrr", "J2": "ss"}


def mean(kind: str, indices: list[int], covariance: Any) -> float:
    """Return the mean for positions into the covariance: steps s, plain fields f, rectified fields r."""
    import numpy as np

    roles = _ROLES[kind]
    kinked = {i for i, role in zip(indices, roles, strict=True) if role != "f"}

    def integrand(*z: Any) -> Any:
        result = np.ones_like(z[0])
        for i, role in zip(indices, roles, strict=True):
            step = z[i] > 0
            result = result * (step if role == "s" else z[i] if role == "f" else z[i] * step)
        return result

    return float(kinked_mean(integrand, covariance, [0.0 if i in kinked else None for i in range(len(covariance))]))


def without_integral(value: float, covariance: Any, indices: Any) -> float:
    """Return I4 of relu with the integral of the four-field orthant probability left out (distinct fields)."""
    if len(set(indices)) < 4:
        return value
    chosen = [int(i) - 1 for i in indices]
    entries = [float(covariance[a][b]) for n, a in enumerate(chosen) for b in chosen[n:]]
    return float(_bare()(*entries))


@functools.lru_cache(maxsize=1)
def _bare() -> Any:
    form, _ = ex.closed_form("I4", "relu", ("relu", "relu"), (1, 2, 3, 4))
    bare = form.xreplace(dict.fromkeys(form.atoms(sp.Integral), sp.S.Zero))
    return sp.lambdify(ex.arguments_for((1, 2, 3, 4)), bare, "math", cse=True)
