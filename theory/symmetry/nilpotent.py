"""Exact derivatives by numbers with nilpotent parts, e_1**2 = ... = e_m**2 = 0: arrays with 2**m leading components.

Component b of an array belongs to the product of the e_k whose bit is set in b. A field evaluated at theta + e X(theta)
gives its derivative along X, and again with a second e the derivative of that: nested Lie brackets without finite differences.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp

if TYPE_CHECKING:
    import numpy as np

Z = sp.Symbol("z", real=True)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of two arrays of equally many components."""
    import numpy as np

    half = len(a) // 2
    if half == 0:
        return a * b
    low = multiply(a[:half], b[:half])
    return np.concatenate([low, multiply(a[:half], b[half:]) + multiply(a[half:], b[:half])])


def lift(a: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Return a + e along, with a new nilpotent e."""
    import numpy as np

    return np.concatenate([a, along])


def constant(value: Any, like: np.ndarray) -> np.ndarray:
    """Return a number or an array without nilpotent parts, with as many components as ``like``."""
    import numpy as np

    result = np.zeros((len(like), *np.shape(value)))
    result[0] = value
    return result


def unary(function: sp.Expr, a: np.ndarray) -> np.ndarray:
    """Return function(a) for an expression in ``Z``: f(a0 + e a1) = f(a0) + e f'(a0) a1."""
    import numpy as np

    half = len(a) // 2
    if half == 0:
        return number(function, {Z: a})
    return np.concatenate([unary(function, a[:half]), multiply(unary(slope(function), a[:half]), a[half:])])


@lru_cache(maxsize=512)
def slope(function: sp.Expr) -> sp.Expr:
    """Return the derivative of an expression in ``Z``."""
    return sp.diff(function, Z)


def number(expression: sp.Expr, values: dict[sp.Symbol, Any]) -> Any:
    """Return the plain value of an expression at arrays, by walking its tree."""
    import numpy as np

    if expression.is_Symbol:
        return values[expression]
    if not expression.args or expression.is_number:
        return float(expression)
    args = [number(a, values) for a in expression.args]
    if isinstance(expression, sp.Add):
        return sum(args[1:], args[0])
    if isinstance(expression, sp.Mul):
        return math.prod(args[1:], start=args[0])
    with np.errstate(all="ignore"):
        if isinstance(expression, sp.Pow):
            exponent = args[1]
            if isinstance(exponent, float) and exponent.is_integer():
                exponent = int(exponent)
            return np.asarray(args[0], dtype=float) ** exponent
        return _functions()[expression.func](*args)


@lru_cache(maxsize=1)
def _functions() -> dict[Any, Any]:
    import numpy as np

    same = ["exp", "log", "tanh", "sin", "cos", "sinh", "cosh", "sign"]
    table: dict[Any, Any] = {getattr(sp, name): getattr(np, name) for name in same}
    return table | {
        sp.Abs: np.abs,
        sp.atan: np.arctan,
        sp.erf: np.vectorize(math.erf, otypes=[float]),
        sp.erfc: np.vectorize(math.erfc, otypes=[float]),
        sp.floor: np.floor,
        sp.Max: lambda *a: np.maximum.reduce(np.broadcast_arrays(*a)),
        sp.Min: lambda *a: np.minimum.reduce(np.broadcast_arrays(*a)),
    }
