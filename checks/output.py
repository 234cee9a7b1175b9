"""What the command line prints: exactly one JSON document, or readable text."""

from __future__ import annotations

import json
import math
import sys
from typing import Any


def json_ready(value: Any) -> Any:
    """Return a JSON-able copy; infinities become the strings "inf" and "-inf", nan becomes null.

    >>> json_ready({"a": (1.5, float("-inf"))})
    {'a': [1.5, '-inf']}
    """
    if isinstance(value, dict):
        return {str(k): json_ready(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)


def emit(result: Any, as_json: bool) -> None:
    """Print a result: one JSON document, or ``key: value`` lines for a dictionary."""
    if as_json:
        sys.stdout.write(json.dumps(json_ready(result), indent=2, allow_nan=False) + "\n")
        return
    sys.stdout.write(_text(json_ready(result)) + "\n")


def _text(value: Any, indent: int = 0) -> str:
    pad = " " * indent
    if isinstance(value, dict):
        width = max((len(k) for k in value), default=0)
        lines = []
        for key, item in value.items():
            nested = (isinstance(item, dict) and item) or (
                isinstance(item, list) and any(isinstance(x, (dict, list)) for x in item)
            )
            lines.append(
                f"{pad}{key}:\n{_text(item, indent + 2)}" if nested else f"{pad}{key.ljust(width)}  {_inline(item)}"
            )
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(_text(v, indent) if isinstance(v, dict) else f"{pad}- {_inline(v)}" for v in value)
    return pad + _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return f"{value:.12g}"
    return "-" if value is None else str(value)
