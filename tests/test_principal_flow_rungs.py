"""Every rung that a law of the family declares is checked, and every rung that is checked is declared."""

from __future__ import annotations

import importlib
from pathlib import Path

import checks
from checks.registry import entries_of
from theory.principal_flow.laws import LAWS


def test_declared_rungs_are_the_checked_ones():
    checked: dict[str, set[str]] = {}
    for file in sorted(Path(checks.__file__).parent.glob("check_principal_flow*.py")):
        for entry in entries_of(importlib.import_module(f"checks.{file.stem}")):
            checked.setdefault(entry.law, set()).add(entry.check.rung)
    assert {law.id: set(law.rungs) for law in LAWS} == checked
