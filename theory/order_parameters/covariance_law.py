"""A law about a mean over Gaussian fields: its parameter is their covariance, its form has the entries as symbols."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation
from theory.evaluation import to_mp
from theory.gaussian import covariance_symbols
from theory.gaussian.numeric import form_function
from theory.law import Law
from theory.order_parameters.domains import COVARIANCE, symmetric
from theory.parameter import Constraint
from theory.source import DERIVED, Source

STANDARD = Source(
    "price1958",
    "R. Price",
    "A useful theorem for nonlinear devices having Gaussian inputs",
    1958,
    venue="IRE Transactions on Information Theory 4, 69",
)
Z = sp.symbols("z1:5", real=True)


def on_covariance(form: Any, matrix: Any, covariance: Any) -> Any:
    """Evaluate a form in the entries of a symbolic covariance at a numeric one."""
    n = matrix.rows
    symbols = tuple(matrix[i, j] for i in range(n) for j in range(i, n))
    return form_function(form, symbols)(*(mpmath.mpmathify(covariance[i][j]) for i in range(n) for j in range(i, n)))


def evaluate_form(size: int, d: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate a derived form at the covariance of a point."""
    with mpmath.workdps(digits + 10):
        return on_covariance(d.result, covariance_symbols(size), to_mp(values["covariance"]))


def floats(matrix: Any) -> list[list[float]]:
    """Return a matrix as floats."""
    return [[float(x) for x in row] for row in matrix]


def covariance_law(
    name: str,
    title: str,
    statement: str,
    quantity: str,
    size: int,
    derive: Any,
    definition: Any,
    mutants: Any,
    **more: Any,
) -> Law:
    """Return a law on ``size`` fields; ``more`` overrides evaluator, constraints and sources."""
    covariance = COVARIANCE.within(symmetric("covariance", size))
    fits = Constraint(lambda v: len(v["covariance"]) == size, f"the covariance must be {size} x {size}")
    more = {"evaluator": partial(evaluate_form, size), "constraints": (fits,), "sources": (STANDARD, DERIVED)} | more
    return Law(
        id=f"order_parameters.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(quantity),
        parameters=(covariance, *more.pop("extra", ())),
        derive=derive,
        definition=definition,
        mutants=mutants,
        **more,
    )
