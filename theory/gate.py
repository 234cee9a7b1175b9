"""The gate: a closed form enters the catalogue only if it agrees with its definition at generic points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath

from theory import evaluation
from theory.errors import DerivationError
from theory.law import Law

_GATE_DIGITS = 18


@dataclass(frozen=True)
class GatePoint:
    """One generic point: the parameters, the closed form, the definition and their relative difference."""

    values: Mapping[str, Any]
    closed_form: Any
    definition: Any
    error: float


def difference(value: Any, reference: Any) -> float:
    """Relative difference of two nested values; infinite where shapes, words or infinities differ.

    >>> difference([1.0, 2.0], [1.0, 2.0])
    0.0
    >>> difference("I", "II")
    inf
    """
    if isinstance(value, (list, tuple)) or isinstance(reference, (list, tuple)):
        same = (
            isinstance(value, (list, tuple)) and isinstance(reference, (list, tuple)) and len(value) == len(reference)
        )
        if not same:
            return float("inf")
        scale = max([abs(x) for x in evaluation.flat_numbers(reference)] or [1.0])
        return max((_scalar_difference(a, b, scale) for a, b in zip(value, reference, strict=True)), default=0.0)
    return _scalar_difference(value, reference, 0.0)


def _scalar_difference(value: Any, reference: Any, scale: float) -> float:
    if isinstance(value, (list, tuple)) or isinstance(reference, (list, tuple)):
        return difference(value, reference)
    if value is None or reference is None or isinstance(value, str) or isinstance(reference, str):
        return 0.0 if value == reference else float("inf")
    a, b = float(value), float(reference)
    if a == b:
        return 0.0
    floor = max(abs(b), scale, 1e-3)
    error = abs(a - b) / floor
    return error if error == error else float("inf")


def definition_value(law: Law, values: Mapping[str, Any]) -> Any:
    """Evaluate the definition oracle of a law at parameter values, in plain Python numbers."""
    if law.definition is None:
        raise DerivationError(
            f"{law.id} is a bare conjecture without a definition; give definition= or test it by dynamics."
        )
    full = law.complete(values)
    with mpmath.workdps(_GATE_DIGITS):
        raw = law.definition(**{k: evaluation.to_mp(v) if not _is_structural(law, k) else v for k, v in full.items()})
    return evaluation.to_python(raw, law.complex_valued)


def _is_structural(law: Law, key: str) -> bool:
    return key in law.structure


def gate(law: Law, points: int | None = None, seed: int = 0) -> list[GatePoint]:
    """Compare closed form and definition of a law at generic points of its domain."""
    count = law.gate_points if points is None else points
    if not law.parameters:
        count = 1
    result = []
    for values in law.generic_points(count, seed):
        closed, definition = law(**values), definition_value(law, values)
        result.append(GatePoint(values, closed, definition, difference(closed, definition)))
    return result
