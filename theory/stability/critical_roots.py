"""Laws whose value is the largest zero of an exponent: found on the closed form, defined on the quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, Mutant
from theory.parameter import Constraint, Parameter
from theory.source import Source
from theory.stability.roots import exponent_roots, near

eta = sy.eta
critical = sp.Symbol("eta_c", positive=True)
Values = dict[str, Any]


def by_root(
    name: str,
    title: str,
    statement: str,
    parameters: tuple[Parameter, ...],
    exponent: Law,
    mutants: tuple[Mutant, ...],
    *,
    scale: Callable[[Values], float],
    scaling: tuple[Any, str],
    full: Callable[[Values], Values] = lambda v: v,
    structure: tuple[str, ...] = (),
    constraints: tuple[Constraint, ...] = (),
    sources: tuple[Source, ...] = (sy.HERE,),
    rungs: tuple[str, ...] = ("algebra", "chain", "sgd"),
    gate_points: int = 6,
) -> Law:
    """A law whose value is the largest zero of the exponent of another law.

    ``scale`` is the curvature scale that sets the search range, ``full`` completes the values of the exponent,
    ``scaling`` the form which the zero takes with its rule. The definition finds the zero of the *definition* of the
    exponent (quadrature), starting from the closed form's; it is slow, hence fewer gate points.
    """

    def derive(**_: Any) -> Derivation:
        return derivation(
            ("multiplier", 1 - eta * sy.h_, "theta <- theta - eta h theta"),
            ("exponent", exponent.closed_form, f"derived in {exponent.id}"),
            ("largest zero", scaling[0], scaling[1]),
        )

    def largest_zero(values: Values, digits: int) -> Any:
        return exponent_roots(exponent, full(values), scale(values), digits)[-1]

    def definition(**values: Any) -> Any:
        plain = {k: _plain(v) for k, v in values.items()}
        guess = exponent_roots(exponent, full(plain), scale(plain), 10)[-1]
        oracle = exponent.definition
        if oracle is None:
            raise DerivationError(f"{exponent.id} has no definition.")
        return near(oracle, exponent.complete({**full(values), "learning_rate": guess}, check=False), guess)

    return Law(
        id=f"stability.critical_learning_rate.{name}",
        title=title,
        statement=statement,
        quantity=critical,
        parameters=parameters,
        derive=derive,
        evaluator=lambda _, values, digits: largest_zero(values, digits),
        definition=definition,
        sources=sources,
        mutants=mutants,
        rungs=rungs,
        structure=structure,
        constraints=constraints,
        gate_points=gate_points,
    )


def _plain(value: Any) -> Any:
    return [float(v) for v in value] if isinstance(value, list) else float(value) if hasattr(value, "_mpf_") else value


def int_batch(values: Values) -> Values:
    """Return the values with an integer batch size."""
    return {**values, "batch_size": int(values["batch_size"])}
