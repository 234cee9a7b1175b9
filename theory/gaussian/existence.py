"""Whether a Gaussian mean exists: exp(+q z^2) outgrows the density where 1 - 2 q C_ii would be negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from theory.gaussian.normal_form import Fields, normal_form


def mean_exists(expression: Any, variables: Sequence[sp.Symbol], covariance: Any, values: Mapping[Any, float]) -> bool:
    """Return whether E[expression] is finite at a numeric covariance, parameters given in ``values``.

    Each term exp(-sum q_i z_i^2 / 2) of the normal form needs I + R' diag(q) R positive definite, C = R R'.

    >>> x, y = sp.symbols("x y", real=True)
    >>> mean_exists(sp.exp(x**2 + y**2), (x, y), [[1.0, 0.0], [0.0, 1.0]], {})
    False
    """
    import numpy as np

    numeric = sp.sympify(expression).subs(dict(values))
    fields = Fields(tuple(variables), numeric)
    terms = [t for t in normal_form(numeric, fields) if any(q.is_negative for q in t.quadratic)]
    if not terms:
        return True
    weights = np.array([[float(c) for c in row] for row in fields.combinations])
    full = weights @ np.asarray(covariance, dtype=float) @ weights.T
    spectrum, vectors = np.linalg.eigh(full)
    root = vectors * np.sqrt(np.clip(spectrum, 0.0, None))
    return all(
        np.linalg.eigvalsh(np.eye(len(full)) + root.T @ np.diag([float(q) for q in t.quadratic]) @ root)[0] > 0
        for t in terms
    )
