"""The verdict table as plain text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from checks.outcome import Outcome

POWER = re.compile(r"(-?\d+(?:\.\d+)?)e([+-]\d+)")
"""A number in exponential notation, as it occurs in cells: mantissa and exponent."""

_HEADERS = (
    "law",
    "rung",
    "case",
    "verdict",
    "interval",
    "prediction +- margin",
    "resolution",
    "mutants",
    "n",
    "s",
)


def _number(x: float) -> str:
    return f"{x:.4g}"


def worst_component(outcome: Outcome) -> int:
    """Index of the component furthest from its prediction in units of its margin."""
    rows = zip(outcome.estimate, outcome.prediction, outcome.margin)
    scores = [abs(e - p) / m if m > 0 else 0.0 for e, p, m in rows]
    return scores.index(max(scores)) if scores else 0


def row(outcome: Outcome) -> tuple[str, ...]:
    """Return the table row of one outcome; for several components that of the worst one."""
    i = worst_component(outcome)
    if outcome.kind == "gate":
        interval, prediction = f"error {outcome.estimate[0]:.1e}", f"<= {outcome.margin[0]:.0e}"
    elif outcome.estimate:
        interval = f"[{_number(outcome.low[i])}, {_number(outcome.high[i])}]"
        prediction = f"{_number(outcome.prediction[i])} +- {_number(outcome.margin[i])}"
    else:
        interval = prediction = "-"
    sharp = "-" if math.isnan(outcome.resolution) else f"{100 * outcome.resolution:.2g} %"
    verdict = outcome.verdict if outcome.ok else f"{outcome.verdict} (expected {outcome.expected})"
    mutants = f"{outcome.killed}/{len(outcome.mutants)}" if outcome.mutants else "-"
    return (
        outcome.law, outcome.rung, outcome.case.removeprefix(f"{outcome.rung}-"), verdict, interval, prediction,
        sharp if outcome.kind != "gate" else "-", mutants, str(outcome.replicas or "-"), f"{outcome.seconds:.2f}",
    )  # fmt: skip


def render(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines of the table, grouped by law in the order of the catalogue of checks."""
    rows = [_HEADERS, *(row(o) for o in outcomes)]
    widths = [max(len(r[c]) for r in rows) for c in range(len(_HEADERS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return lines


def totals(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the closing lines: verdicts by kind, mutants, and how many verdicts were as expected."""
    kinds = Counter(o.verdict for o in outcomes)
    laws = len({o.law for o in outcomes})
    killed, declared = sum(o.killed for o in outcomes), sum(len(o.mutants) for o in outcomes)
    good = sum(o.ok for o in outcomes)
    parts = ", ".join(f"{n} {k}" for k, n in sorted(kinds.items()))
    return [
        f"{laws} laws, {len(outcomes)} verdicts: {parts}; mutants refuted {killed} of {declared}",
        f"verdicts: {good} passed, {len(outcomes) - good} failed",
    ]
