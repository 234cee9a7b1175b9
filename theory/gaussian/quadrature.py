"""Numerical Gaussian means straight from the definition: tensor rules, split where the integrand has kinks.

Double precision suffices here: the rules are the second opinion of closed forms, compared to 1e-7 or better. A
positive semidefinite root of the covariance is used for smooth integrands, so that singular ones are allowed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from theory.errors import DerivationError

SMOOTH_NODES = {1: 200, 2: 100, 3: 50, 4: 30, 5: 16, 6: 10}
_KINKED_NODES = {1: 64, 2: 48, 3: 32, 4: 24}
_REACH = 8.0


@functools.lru_cache(maxsize=64)
def _hermite(nodes: int) -> tuple[Any, Any]:
    import numpy as np

    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    return x, w / w.sum()


def _root(covariance: Any) -> Any:
    import numpy as np

    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=float))
    if values.min() < -1e-9 * max(1.0, values.max()):
        raise DerivationError(
            f"the covariance has the eigenvalue {values.min():.3g} < 0; give a positive semidefinite matrix."
        )
    return vectors * np.sqrt(np.clip(values, 0.0, None))


def smooth_mean(function: Callable[..., Any], covariance: Any, nodes: int | None = None) -> Any:
    """Return E[function(z_1, ..., z_n)] by tensor Gauss-Hermite quadrature on a root of the covariance.

    ``function`` takes n arrays and returns an array (or a stack of them, fields last).

    >>> round(float(smooth_mean(lambda x, y: x * y, [[1.0, 0.4], [0.4, 2.0]])), 12)
    0.4
    """
    import numpy as np

    root = _root(covariance)
    size = root.shape[0]
    x, w = _hermite(nodes or SMOOTH_NODES[size])
    grids = np.meshgrid(*[x] * size, indexing="ij")
    weights = functools.reduce(np.multiply.outer, [w] * size).ravel()
    keep = weights > 1e-22
    points = np.stack([g.ravel()[keep] for g in grids])
    weights = weights[keep]
    total, block = 0.0, 1 << 18
    for start in range(0, points.shape[1], block):
        part = slice(start, start + block)
        with np.errstate(all="ignore"):  # callers judge whether the sum is finite
            values = np.asarray(function(*(root @ points[:, part])))
            total = total + np.sum(values * weights[part], axis=-1)
    return total


def kinked_mean(function: Callable[..., Any], covariance: Any, kinks: Sequence[float | None]) -> Any:
    """Return E[function(z)] where variable i has a kink at ``kinks[i]`` (None if smooth), by Gauss-Legendre pieces.

    Conditioning on one variable after the other makes each kink an end point of its own integral.
    """
    import numpy as np

    c = np.asarray(covariance, dtype=float)
    lower = np.linalg.cholesky(c + 1e-300 * np.eye(len(c)))
    x, w = np.polynomial.legendre.leggauss(_KINKED_NODES.get(len(c), 12))
    unit, weight = np.zeros((len(c), 1)), np.ones(1)
    for i in range(len(c)):
        mean = lower[i, :i] @ unit[:i]
        kink = kinks[i]
        break_at = np.zeros_like(mean) if kink is None else (kink - mean) / lower[i, i]
        middle = np.clip(break_at, -_REACH, _REACH)
        pieces = []
        for low, high in ((-_REACH, middle), (middle, _REACH)):
            half = (high - low) / 2
            u = low + np.multiply.outer(x + 1, half) if np.ndim(half) else low + (x[:, None] + 1) * half
            density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
            pieces.append((u, w[:, None] * half * density * weight))
        u = np.concatenate([p[0] for p in pieces])
        weight = np.concatenate([p[1] for p in pieces]).ravel()
        unit = np.repeat(unit[:, None, :], u.shape[0], axis=1).reshape(len(c), -1)
        unit[i] = u.ravel()
    fields = lower @ unit
    with np.errstate(all="ignore"):
        return np.sum(np.asarray(function(*fields)) * weight, axis=-1)


def numeric_function(expression: Any, variables: Sequence[sp.Symbol]) -> Callable[..., Any]:
    """Compile an expression of Gaussian variables to a NumPy function (Max and Heaviside broadcast)."""
    return _compiled(sp.sympify(expression), tuple(variables))


@functools.lru_cache(maxsize=256)
def _compiled(expression: Any, variables: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    import numpy as np

    larger = sp.Function("larger")
    plain = expression.replace(sp.Max, larger).replace(sp.Heaviside, lambda a, *_: sp.Function("theta")(a))
    table = {"larger": lambda *a: functools.reduce(np.maximum, a), "theta": lambda a: np.heaviside(a, 0.5)}
    compiled = sp.lambdify(variables, plain, modules=[table, "scipy", "numpy"], cse=False)
    return lambda *fields: np.broadcast_to(compiled(*fields), np.shape(fields[0]))


def kinks_of(expression: Any, variables: Sequence[sp.Symbol]) -> list[float | None] | None:
    """Return the kink of each variable (None where smooth), or None if one lies across a combination of variables."""
    found: list[float | None] = [None] * len(variables)
    for node in sp.preorder_traversal(sp.sympify(expression)):
        if node.func is sp.Max:
            arguments = [node.args[0] - node.args[1]] if len(node.args) == 2 else list(node.args)
        elif isinstance(node, (sp.Heaviside, sp.sign, sp.Abs)):
            arguments = [node.args[0]]
        else:
            continue
        for argument in arguments:
            present = [i for i, v in enumerate(variables) if argument.has(v)]
            if not present:
                continue
            slope = argument.diff(variables[present[0]])
            if len(present) > 1 or slope.free_symbols or slope == 0:
                return None
            offset = argument.subs(variables[present[0]], 0)
            place = float(-offset / slope)
            if found[present[0]] not in (None, place):
                return None
            found[present[0]] = place
    return found


def expression_mean(expression: Any, variables: Sequence[sp.Symbol], covariance: Any) -> tuple[float, float]:
    """Return (mean, error estimate) of a numeric expression under N(0, covariance), by quadrature of the definition."""
    function = numeric_function(expression, variables)
    kinks = kinks_of(expression, variables)
    if kinks is not None and any(k is not None for k in kinks) and len(variables) <= 4:
        value = float(kinked_mean(function, covariance, kinks))
        return value, 1e-7 * (1.0 + abs(value))
    nodes = SMOOTH_NODES[len(variables)]
    value = float(smooth_mean(function, covariance, nodes))
    coarse = float(smooth_mean(function, covariance, nodes - 3))
    return value, 3 * abs(value - coarse) + 1e-10 * (1.0 + abs(value))
