"""The files beside the report: verdicts as JSON and CSV, references as BibTeX."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from checks.outcome import Outcome
from checks.output import json_ready
from theory.law import Law

_COLUMNS = (
    "law", "check", "case", "rung", "verdict", "expected", "estimate", "low", "high", "prediction", "margin",
    "resolution", "replicas", "mutants_refuted", "mutants", "seconds", "seed", "replay", "reason",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_downloads(laws: Sequence[Law], outcomes: Sequence[Outcome], out: Path) -> None:
    """Write ``data.json``, ``data.csv`` and ``references.bib``; vectors in the CSV are separated by spaces."""
    (out / "data.json").write_text(json.dumps(json_ready([o.as_dict() for o in outcomes]), indent=1), encoding="utf-8")
    with (out / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for o in outcomes:
            vectors = (o.estimate, o.low, o.high, o.prediction, o.margin)
            joined = [" ".join(f"{x!r}" for x in v) for v in vectors]
            named = [_cell(x) for x in (o.law, o.check, o.case, o.rung, o.verdict, o.expected)]
            ends = [o.resolution, o.replicas, o.killed, len(o.mutants), round(o.seconds, 3), o.seed]
            writer.writerow([*named, *joined, *ends, _cell(o.replay), _cell(o.reason)])
    entries = {s.key: s.bibtex() for law in laws for s in law.sources}
    (out / "references.bib").write_text("\n\n".join(entries[k] for k in sorted(entries)) + "\n", encoding="utf-8")


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
