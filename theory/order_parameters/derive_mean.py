"""`derive gaussian-expectation`: the mean of a user's expression in jointly Gaussian variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.gaussian import ClosedForm, NoClosedForm, covariance_symbols, gaussian_mean
from theory.gaussian.closed_form import MAX_VARIABLES
from theory.gaussian.existence import mean_exists
from theory.gaussian.quadrature import expression_mean
from theory.gaussian.self_check import numeric_form, self_check
from theory.order_parameters.domains import symmetry_problem
from theory.parse import parse_expression, parse_names

_LONG = 20_000


def derive_gaussian_expectation(
    expression: str, variables: str, at: Mapping[str, Any] | None = None, allow_quadrature: bool = False
) -> dict[str, Any]:
    """Return the mean of an expression under N(0, C) in closed form, guarded by quadrature.

    Parameters
    ----------
    expression : text in the variables and in parameters (any other name)
    variables : comma-separated names, at most 6; C11, C12, ... are numbered in this order
    at : {"covariance": [[...]], "parameters": {...}} for a number
    allow_quadrature : whether an expression without closed form gives a number by quadrature instead of an error

    >>> derive_gaussian_expectation("x*y**3", "x,y")["closed_form"]
    '3*C12*C22'
    """
    names = parse_names(variables)
    if not 1 <= len(names) <= MAX_VARIABLES:
        raise DerivationError(f"{len(names)} variables are given; give 1 to {MAX_VARIABLES} names, such as x,y.")
    fields = {name: sp.Symbol(name, real=True) for name in names}
    parsed = parse_expression(expression, fields)
    if parsed.has(sp.Max, sp.Min, sp.Heaviside, sp.sign, sp.Abs, sp.erf, sp.erfc):
        parsed = parse_expression(expression, fields, assumptions={"positive": True})
    z = tuple(fields[name] for name in names)
    clash = {str(s) for s in covariance_symbols(len(z)).free_symbols} & {s.name for s in parsed.free_symbols}
    if clash:
        raise DerivationError(f"the name {sorted(clash)[0]!r} is taken by a covariance; rename the parameter.")
    point = _point(parsed, z, at)
    result = {
        "expression": sp.sstr(parsed),
        "variables": list(names),
        "covariance_symbols": [str(s) for s in _upper(covariance_symbols(len(z)))],
    }
    try:
        found = gaussian_mean(parsed, z)
    except NoClosedForm:
        if not allow_quadrature:
            raise
        return result | _by_quadrature(parsed, z, point)
    return result | _closed(found, point)


def _upper(matrix: Any) -> list[Any]:
    return [matrix[i, j] for i in range(matrix.rows) for j in range(i, matrix.rows)]


def _point(parsed: Any, z: tuple[Any, ...], at: Mapping[str, Any] | None) -> tuple[Any, dict[Any, float]] | None:
    if at is None:
        return None
    unknown = set(at) - {"covariance", "parameters"}
    if unknown:
        raise DerivationError(f"the point has the unknown key {sorted(unknown)[0]!r}; give covariance and parameters.")
    covariance = at.get("covariance")
    if isinstance(covariance, (int, float)):
        covariance = [[covariance]]
    good = isinstance(covariance, list) and all(isinstance(r, list) and len(r) == len(covariance) for r in covariance)
    if (
        not good
        or covariance is None
        or len(covariance) != len(z)
        or not all(_number(x) for row in covariance for x in row)
    ):
        raise DerivationError(f"'covariance' must be a {len(z)} x {len(z)} matrix of numbers, one row per variable.")
    problem = symmetry_problem(covariance)
    if problem:
        raise DerivationError(f"the covariance {problem}; give a symmetric positive semidefinite matrix.")
    given = at.get("parameters") or {}
    if not isinstance(given, Mapping) or not all(_number(v) for v in given.values()):
        raise DerivationError("'parameters' must map names to numbers.")
    wanted = {s.name: s for s in parsed.free_symbols - set(z)}
    missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing:
        raise DerivationError(f"the parameter {missing[0]!r} has no value; add it to 'parameters'.")
    if extra:
        raise DerivationError(f"the expression has no parameter {extra[0]!r}; its parameters are {sorted(wanted)}.")
    for name, symbol in wanted.items():
        if symbol.is_positive and given[name] <= 0:
            raise DerivationError(f"the parameter {name} = {given[name]} must be positive; it scales an argument.")
    return covariance, {wanted[name]: float(v) for name, v in given.items()}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _closed(found: ClosedForm, point: Any) -> dict[str, Any]:
    check = self_check(found)
    if not check["passed"]:
        raise DerivationError(
            f"the closed form differs from quadrature by {check['max_difference']:.3g}; it is withheld."
        )
    form, replacements = found.form, []
    text = sp.sstr(form)
    if len(text) > _LONG:
        swaps, (reduced,) = sp.cse([form], symbols=sp.numbered_symbols("c_"))
        replacements = [[str(s), sp.sstr(e)] for s, e in swaps]
        form, text = reduced, sp.sstr(reduced)
    return {
        "closed_form": text,
        "latex": sp.latex(form),
        "replacements": replacements,
        "method": list(found.method),
        "remaining_integral": None if found.integral is None else sp.sstr(found.integral),
        "self_check": check,
        "value": None if point is None else value_at(found.expression, found.variables, *point),
    }


def value_at(expression: Any, z: tuple[Any, ...], covariance: Any, parameters: Mapping[Any, float]) -> float:
    """Evaluate a mean at a covariance; numerically identical variables are merged first."""
    if not mean_exists(expression, z, covariance, parameters):
        raise DerivationError("the mean is infinite at this covariance: a growing exponential outweighs the density.")
    kept: list[int] = []
    merged = expression
    for i in range(len(z)):
        same = [j for j in kept if all(abs(covariance[i][m] - covariance[j][m]) <= 1e-12 for m in range(len(z)))]
        if same:
            merged = merged.subs(z[i], z[same[0]])
        else:
            kept.append(i)
    found = gaussian_mean(merged, [z[i] for i in kept])
    entries = [covariance[i][j] for n, i in enumerate(kept) for j in kept[n:]]
    symbols = _upper(found.covariance)
    needed = dict(zip(symbols, entries, strict=True))
    return numeric_form(found.form, needed | dict(parameters))


def _by_quadrature(parsed: Any, z: tuple[Any, ...], point: Any) -> dict[str, Any]:
    value, error = None, None
    if point is not None:
        covariance, parameters = point
        numbers = {s: sp.Float(v, 17) for s, v in parameters.items()}
        value, error = expression_mean(parsed.subs(numbers), z, covariance)
        if not error <= 1e-3 * (1 + abs(value)):
            raise DerivationError(
                f"quadrature does not settle at this covariance (value {value:.6g}, error {error:.3g}); the expression is "
                "too rough or its mean is infinite."
            )
    return {
        "closed_form": None,
        "latex": None,
        "replacements": [],
        "method": ["quadrature"],
        "remaining_integral": None,
        "self_check": {"points": 0, "max_difference": error, "passed": True},
        "value": value,
    }
