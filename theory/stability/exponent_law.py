"""What all exponent laws share: derivation from the multiplier, oracle by quadrature, batch columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, Step, derivation
from theory.law import Law, Mutant, mutant_parameters
from theory.parameter import Constraint, Parameter, integer
from theory.source import Source
from theory.stability.symbols import HERE, eta, exponent, h_, learning_rate

B = sp.Symbol("B", positive=True)
RUNGS = ("algebra", "chain", "sgd")


def batch(high: int = 4, symbol: sp.Symbol | None = None) -> Parameter:
    """Batch size B, drawn with replacement; ``symbol`` where the form keeps it as a symbol."""
    return Parameter("batch_size", symbol, "samples per batch B", integer(1, (1, high)), 1, False)


def exact_number(value: Any) -> sp.Rational:
    """A number of a structure parameter as the rational a user means."""
    return sp.Rational(repr(float(value))) if isinstance(value, float) else sp.Rational(value)


def exponent_derivation(density: Any, source: Derivation | tuple[Step, ...], result: Any, rule: str) -> Derivation:
    """Multiplier, law of the curvature, the steps of the standardised potential, and its value here."""
    steps = source.steps if isinstance(source, Derivation) else source
    return derivation(
        ("multiplier", 1 - eta * h_, "theta <- theta - eta h theta; Lambda = E log|1 - eta h|"),
        ("law of the curvature", density, "one sample; the batch mean of B of them enters the multiplier"),
        *((f"standardised: {step.name}", step.expression, step.rule) for step in steps),
        ("Lyapunov exponent", result, rule),
    )


def exponent_law(
    name: str,
    title: str,
    formula: str,
    parameters: tuple[Parameter, ...],
    derive: Callable[..., Derivation],
    definition: Callable[..., Any],
    mutants: tuple[Mutant, ...],
    *,
    rate: Parameter | None = None,
    batch_parameter: Parameter | None = None,
    structure: tuple[str, ...] = (),
    sources: tuple[Source, ...] = (HERE,),
    constraints: tuple[Constraint, ...] = (),
    rungs: tuple[str, ...] = RUNGS,
    **more: Any,
) -> Law:
    """A law ``stability.exponent.<name>``: the Lyapunov exponent for one curvature law."""
    return Law(
        id=f"stability.exponent.{name}",
        title=title,
        statement=f"Lambda = E log|1 - eta h| per step for the batch-mean curvature h: {formula}.",
        quantity=exponent,
        parameters=(rate or learning_rate(), *parameters, batch_parameter or batch()),
        derive=derive,
        definition=definition,
        sources=sources,
        mutants=mutants,
        rungs=rungs,
        structure=structure,
        constraints=constraints,
        assumptions=("the batches of different steps are independent", "the curvatures commute (one direction)"),
        **more,
    )


def batch_mutant(name: str, change: Callable[[Any], Any]) -> Mutant:
    """Mutant which evaluates the law at another batch size."""
    return mutant_parameters(name, lambda v: {"batch_size": change(v["batch_size"])})


def whole(value: Any) -> int:
    """A batch size or dimension given as any number, as an int."""
    return int(mpmath.nint(value))
