"""A user's state of the overlaps: read from JSON, checked, and turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theory.errors import DerivationError
from theory.order_parameters.activation import Activation
from theory.order_parameters.domains import state_problem, symmetry_problem
from theory.order_parameters.state import State, state_of

_KEYS = {
    "Q",
    "M",
    "P",
    "a",
    "v",
    "learning_rate",
    "noise_variance",
    "batch_size",
    "second_layer_learning_rate",
    "weight_decay_rate",
    "parameters",
}


def read_state(
    at: Mapping[str, Any],
    student: Activation,
    teacher: Activation,
    size: tuple[int, int],
    trained: bool,
    batch: int | None,
) -> State:
    """Validate a state given by a user."""
    unknown = sorted(set(at) - _KEYS)
    if unknown:
        raise DerivationError(f"the state has the unknown key {unknown[0]!r}; its keys are {', '.join(sorted(_KEYS))}.")
    needed = ["Q", "M", "P", "learning_rate"] + ["second_layer_learning_rate"] * trained
    missing = [k for k in needed if k not in at]
    if missing:
        raise DerivationError(f"the state lacks {missing[0]!r}; it needs {', '.join(needed)}.")
    if not trained and at.get("second_layer_learning_rate"):
        raise DerivationError(
            "second_layer_learning_rate is given but the second layer is fixed; use --second-layer trained."
        )
    q, m, p = (
        _matrix(at[k], k, shape)
        for k, shape in zip("QMP", ((0, 0), (0, 1), (1, 1)), strict=True)
        for shape in [(size[shape[0]], size[shape[1]])]
    )
    a, v = (_list(at.get(k), k, n) for k, n in zip("av", size, strict=True))
    for name, value in (("Q", q), ("P", p)):
        problem = symmetry_problem(value)
        if problem:
            raise DerivationError(f"{name} {problem}.")
    problem = state_problem(q, m, p, a, v)
    if problem:
        raise DerivationError(problem + ".")
    own = at.get("batch_size")
    if own is not None and batch is not None and own != batch:
        raise DerivationError(f"batch_size {own} of the state and --batch {batch} differ; give one of them.")
    chosen = own if own is not None else batch or 1
    rates = {
        k: _rate(at, k, low)
        for k, low in (
            ("learning_rate", None),
            ("noise_variance", 0.0),
            ("second_layer_learning_rate", 0.0),
            ("weight_decay_rate", 0.0),
        )
    }
    if not _is_number(chosen) or chosen < 1 or int(chosen) != chosen:
        raise DerivationError(f"batch_size {chosen!r} must be an integer of at least 1.")
    given = at.get("parameters") or {}
    if not isinstance(given, Mapping) or not all(_is_number(x) for x in given.values()):
        raise DerivationError("'parameters' must map names to numbers.")
    wanted = {s.name for s in (*student.parameters, *teacher.parameters)}
    for name in sorted(wanted ^ set(given)):
        reason = "has no value; add it to 'parameters'" if name in wanted else "does not occur in the activations"
        raise DerivationError(f"the parameter {name!r} {reason}.")
    return state_of(
        {
            "activation": student.text,
            "teacher_activation": teacher.text,
            "student_overlap": q,
            "teacher_student_overlap": m,
            "teacher_overlap": p,
            "student_second_layer": a,
            "teacher_second_layer": v,
            "batch_size": int(chosen),
            "parameters": given,
            **rates,
        }
    )


def _rate(at: Mapping[str, Any], key: str, low: float | None) -> float:
    value = at.get(key, 0.0)
    if not _is_number(value) or value < 0 or (low is None and value <= 0):
        raise DerivationError(f"{key} = {value!r} must be a number {'> 0' if low is None else '>= 0'}.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _matrix(value: Any, name: str, shape: tuple[int, int]) -> list[list[float]]:
    if _is_number(value):
        value = [[value]]
    good = isinstance(value, list) and len(value) == shape[0]
    good = good and all(isinstance(r, list) and len(r) == shape[1] and all(map(_is_number, r)) for r in value)
    if not good:
        raise DerivationError(f"{name} must be a {shape[0]} x {shape[1]} matrix of numbers.")
    return [[float(x) for x in row] for row in value]


def _list(value: Any, name: str, size: int) -> list[float]:
    if value is None:
        return [1.0] * size
    if _is_number(value):
        value = [value]
    if not isinstance(value, list) or len(value) != size or not all(map(_is_number, value)):
        raise DerivationError(f"{name} must be a list of {size} numbers.")
    return [float(x) for x in value]
