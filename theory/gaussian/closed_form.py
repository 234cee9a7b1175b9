"""The public face of the Gaussian engine: the mean of an expression as a closed form in the covariances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.gaussian.expectation import Covariance, Engine
from theory.gaussian.normal_form import Fields, normal_form

MAX_VARIABLES = 6
_TIDY = {"terms": 6, "fields": 5, "degree": 2}
RULES = ("wick", "tilt", "stein", "shift", "sign", "orthant")


@dataclass(frozen=True)
class ClosedForm:
    """The mean of an expression: the form, the covariance symbols it is written in, and the rules used."""

    expression: Any
    variables: tuple[sp.Symbol, ...]
    covariance: sp.ImmutableMatrix
    form: Any
    method: tuple[str, ...]

    @property
    def integral(self) -> Any:
        """The one-dimensional integral that is left, or None."""
        left = sorted(self.form.atoms(sp.Integral), key=sp.default_sort_key)
        return sp.Add(*left) if left else None

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The covariance symbols, upper triangle row by row."""
        n = self.covariance.rows
        return tuple(self.covariance[i, j] for i in range(n) for j in range(i, n))


def covariance_symbols(size: int) -> sp.ImmutableMatrix:
    """Return the symmetric matrix of symbols C11, C12, ... (variances positive).

    >>> covariance_symbols(2)
    Matrix([
    [C11, C12],
    [C12, C22]])
    """

    def entry(i: int, j: int) -> sp.Symbol:
        a, b = min(i, j) + 1, max(i, j) + 1
        return sp.Symbol(f"C{a}{b}", positive=True) if a == b else sp.Symbol(f"C{a}{b}", real=True)

    return sp.ImmutableMatrix(size, size, entry)


def _without_minimum(expression: Any) -> Any:
    return expression.replace(
        lambda e: e.func is sp.Min and len(e.args) == 2, lambda e: e.args[0] + e.args[1] - sp.Max(*e.args)
    )


def gaussian_mean(
    expression: Any, variables: Sequence[sp.Symbol], covariance: Any = None, *, tidy: bool | None = None
) -> ClosedForm:
    """Return the mean of an expression in zero-mean jointly Gaussian variables as a closed form.

    Polynomials, exponentials of linear or diagonal quadratic arguments, sin, cos, sinh, cosh, erf, erfc, Heaviside,
    Max(., 0), Abs and sign of linear arguments, with sums, products and integer powers; at most four signs may be
    left after reduction, and four leave one elementary integral.

    Parameters
    ----------
    expression : SymPy expression; symbols that are no variables are parameters
    variables : the Gaussian variables, at most 6
    covariance : their covariance matrix; symbols C11, C12, ... by default
    tidy : whether covariances are kept as expanded polynomials (readable, slow for many terms); chosen if None

    Raises
    ------
    NoClosedForm
        If the expression lies outside this class; the message names the function.

    >>> x, y = sp.symbols("x y", real=True)
    >>> gaussian_mean(sp.erf(x/sp.sqrt(2)) * sp.erf(y/sp.sqrt(2)), (x, y)).form
    2*asin(C12/(sqrt(C11 + 1)*sqrt(C22 + 1)))/pi
    """
    size = len(variables)
    if not 1 <= size <= MAX_VARIABLES:
        raise DerivationError(f"{size} variables given; the engine takes 1 to {MAX_VARIABLES}.")
    matrix = covariance_symbols(size) if covariance is None else sp.ImmutableMatrix(covariance)
    plain = _without_minimum(sp.sympify(expression))
    fields = Fields(variables, plain)
    terms = normal_form(plain, fields)
    full = sp.Matrix(fields.covariance(sp.Matrix(matrix)))
    if tidy is None:
        degree = max((sum(t.powers) for t in terms), default=0)
        tidy = len(terms) <= _TIDY["terms"] and fields.size <= _TIDY["fields"] and degree <= _TIDY["degree"]
    engine, root = Engine(), Covariance(full, sp.S.One, tidy)
    means = [engine.mean(term, root) for term in terms]
    form = sp.Add(*means)
    method = tuple(rule for rule in RULES if rule in engine.rules)
    return ClosedForm(sp.sympify(expression), tuple(variables), matrix, form, method)
