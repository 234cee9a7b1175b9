"""Evaluation of closed forms that may hold one-dimensional integrals over (0, 1)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp
from sympy.integrals.quadrature import gauss_legendre


@functools.lru_cache(maxsize=1024)
def form_function(form: Any, symbols: tuple[Any, ...]) -> Callable[..., Any]:
    """Compile a closed form to an mpmath function of its symbols; integrals are done by Gauss-Legendre quadrature.

    >>> t, a = sp.symbols("t a")
    >>> print(form_function(2 * sp.Integral(a * t, (t, 0, 1)), (a,))(mpmath.mpf(3)))
    3.0
    """
    form = sp.sympify(form)
    integrals = sorted(form.atoms(sp.Integral), key=sp.default_sort_key)
    slots = [sp.Dummy(f"J{i}") for i in range(len(integrals))]
    outer = sp.lambdify((*symbols, *slots), form.xreplace(dict(zip(integrals, slots, strict=True))), "mpmath", cse=True)
    inner = []
    for integral in integrals:
        (variable, low, high) = integral.limits[0]
        compiled = sp.lambdify((*symbols, variable), integral.function, "mpmath", cse=True)
        inner.append((compiled, float(low), float(high)))

    def value(*arguments: Any) -> Any:
        done = [
            mpmath.quad(lambda t, f=f: f(*arguments, t), [low, high], method="gauss-legendre") for f, low, high in inner
        ]
        return outer(*arguments, *done)

    return value


def quadrature_form(form: Any, nodes: int = 24) -> Any:
    """Return the form with every integral replaced by its Gauss-Legendre sum, for printers that know no integral."""
    replaced = {}
    integrals = sp.sympify(form).atoms(sp.Integral)
    if not integrals:
        return form
    points, weights = gauss_legendre(nodes, 20)
    for integral in integrals:
        variable, low, high = integral.limits[0]
        middle, half = (low + high) / 2, (high - low) / 2
        replaced[integral] = sp.Add(
            *(
                half * w * integral.function.subs(variable, middle + half * x)
                for x, w in zip(points, weights, strict=True)
            )
        )
    return form.xreplace(replaced)
