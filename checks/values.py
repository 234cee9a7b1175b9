"""Parameter values from the command line and from files, read by the domains of the law."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from checks.errors import CheckError
from theory.law import Law
from theory.parameter import Parameter
from theory.parse import parse_value


def from_words(law: Law, words: Iterable[str]) -> dict[str, Any]:
    """Read ``key=value`` words.

    Raises CheckError for a word without ``=`` or a repeated key.
    """
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise CheckError(f"{word!r} is not of the form key=value; write for example {_example(law)}.")
        if key in values:
            raise CheckError(f"{key} is given twice; give it once.")
        values[key] = text
    return from_mapping(law, values)


def from_mapping(law: Law, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read values where texts stand for numbers, lists or words according to each parameter's domain."""
    parameters = {p.key: p for p in law.parameters}
    return {k: _read(parameters[k], v) if k in parameters else v for k, v in values.items()}


def _read(parameter: Parameter, value: Any) -> Any:
    kind = parameter.domain.kind
    if kind in ("text", "choice"):
        return value if value is None else str(value)
    if isinstance(value, str):
        value = parse_value(value)
    if kind == "list" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return [value]
    if kind == "matrix" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return [[value]]
    if kind == "matrix" and isinstance(value, list) and value and not isinstance(value[0], list):
        return [value]
    return value


def _example(law: Law) -> str:
    return f"{law.parameters[0].key}=0.5" if law.parameters else "nothing (the law has no parameters)"


def cases_from_file(path: Path) -> list[dict[str, Any]]:
    """Read a JSON list of ``{"id": ..., "params": {...}}``.

    Raises CheckError if the file cannot be read or has another form.
    """
    try:
        cases = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckError(f"{path} cannot be read as JSON ({error}); give a list of id and params.") from error
    if not isinstance(cases, list) or not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in cases):
        raise CheckError(f'{path} must hold a list of {{"id": "family.topic", "params": {{...}}}}.')
    return cases
