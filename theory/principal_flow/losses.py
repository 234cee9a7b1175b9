"""Losses with prescribed derivatives at a point, as fields that accept numbers and truncated series alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError


def _dot(a: Sequence[Any], c: Sequence[Any]) -> Any:
    total: Any = 0
    for u, v in zip(a, c):
        total = total + v * u
    return total


def cubic_field(
    gradient: Sequence[Any], hessian: Sequence[Sequence[Any]], third_contraction: Sequence[Any] | None
) -> Callable[[list[Any]], list[Any]]:
    """Return -grad of a cubic loss with gradient g, Hessian H and third derivative T, T(g,g) given, at 0.

    T = sym(t a a) - 2 (t.g) a a a with a = g/|g|^2 contracts twice with g to t.
    """
    size = len(gradient)
    if third_contraction is None:
        t, dual = [0] * size, [0] * size
    else:
        t = list(third_contraction)
        norm = _dot(gradient, gradient)
        if norm == 0:
            raise DerivationError(
                "a third derivative contracted with a zero gradient is zero; give third_contraction=None."
            )
        dual = [v / norm for v in gradient]
    overlap = _dot(t, gradient)

    def field(state: list[Any]) -> list[Any]:
        along, across = _dot(dual, state), _dot(t, state)
        result = []
        for c in range(size):
            slope = gradient[c] + _dot(hessian[c], state)
            if third_contraction is not None:
                # T(x,x)/2 = (t (a.x)^2 + 2 a (a.x)(t.x) - 2 (t.g) a (a.x)^2)/2
                square = along * along
                slope = slope + square * (t[c] / 2) + along * across * dual[c] - square * (overlap * dual[c])
            result.append(-slope)
        return result

    return field


@dataclass(frozen=True)
class JetField:
    """-g(x) of the Taylor polynomial with the given jet [g, g', ...] at 0."""

    coefficients: tuple[Any, ...]

    def __call__(self, state: list[Any]) -> list[Any]:
        """Return the field at a state of one component."""
        return [-self.jet(state[0], 1)[0]]

    def jet(self, position: Any, count: int) -> list[Any]:
        """Return g, g', ..., g^(count-1) at a position, by Horner."""
        result = []
        for derivative in range(count):
            value: Any = 0 * position
            for p in range(len(self.coefficients) - 1, derivative - 1, -1):
                # Horner on sum_q c_(d+q) x^q / q!: the factor 1/(q+1) is applied on the way down.
                value = value * position * (mpmath.mpf(1) / (p - derivative + 1)) + self.coefficients[p]
            result.append(value)
        return result


def jet_field(jet: Sequence[Any]) -> JetField:
    """Return the field with this jet."""
    return JetField(tuple(jet))


def third_term(loss: Any, variables: Sequence[Any]) -> list[Any]:
    """Return the components of ``-(H^2 g/3 + T(g,g)/12)`` of a symbolic loss."""
    g = sp.Matrix([sp.diff(loss, v) for v in variables])
    hess = g.jacobian(list(variables))
    contracted = sp.Matrix([(g.T * sp.hessian(g[c], list(variables)) * g)[0] for c in range(len(variables))])
    return list(-(hess * hess * g / 3 + contracted / 12))
