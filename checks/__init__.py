"""Where theory and simulation meet: experiments, verdicts, journal, command line.

Importing this package installs the torch printer as the compiler of laws, so that laws take tensors.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from theory.law import use_compiler

if TYPE_CHECKING:
    from checks.check import (
        CONFIRMED,
        INCONCLUSIVE,
        INVALID,
        REFUTED,
        Case,
        Check,
        Context,
        Gate,
        Margin,
        Measured,
    )
    from checks.engine import check_law
    from checks.options import Options
    from checks.outcome import Outcome

_EXPORTS = {
    "checks.check": (
        "CONFIRMED", "INCONCLUSIVE", "INVALID", "REFUTED", "Case", "Check", "Context", "Gate", "Margin", "Measured",
    ),
    "checks.engine": ("check_law",),
    "checks.options": ("Options",),
    "checks.outcome": ("Outcome",),
}  # fmt: skip
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "CONFIRMED",
    "INCONCLUSIVE",
    "INVALID",
    "REFUTED",
    "Case",
    "Check",
    "Context",
    "Gate",
    "Margin",
    "Measured",
    "Options",
    "Outcome",
    "check_law",
]


def _compile(*arguments: Any, **options: Any) -> Any:
    from numerics.printer import compile_torch

    return compile_torch(*arguments, **options)


use_compiler(_compile)


def __getattr__(name: str) -> Any:
    """Import the public names on first use: the command line must not wait for torch."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'checks' has no attribute {name!r}")
