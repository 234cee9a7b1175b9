"""The algebra rung: a closed form against its definition at generic points, and every mutant refuted there."""

from __future__ import annotations

from typing import Any

from checks.check import CONFIRMED, INVALID, REFUTED, Gate
from checks.options import Options
from checks.outcome import Outcome
from theory.gate import definition_value, difference


def run_gate(name: str, check: Gate, label: str, options: Options) -> Outcome:
    """Gate one law and return its outcome."""
    law = check.by_label()[label]
    count = law.gate_points if law.parameters else 1
    points = law.generic_points(count, options.seed)
    definitions = [definition_value(law, values) for values in points]
    closed = [law(**values) for values in points]
    errors = [difference(c, d) for c, d in zip(closed, definitions, strict=True)]
    worst = max(errors)
    verdict = CONFIRMED if worst <= law.tolerance else REFUTED
    mutants = {}
    for mutant in law.mutants_with_automatic():
        wrong = [mutant.evaluate(law, v) for v in points]
        if mutant.name.startswith("automatic") and all(map(_identical, wrong, closed)):
            continue
        apart = max(difference(w, d) for w, d in zip(wrong, definitions, strict=True))
        mutants[mutant.name] = (REFUTED if apart > 3 * law.tolerance else CONFIRMED).value
    note = f"{count} generic points, largest relative error {worst:.1e}"
    survivors = [m for m, v in mutants.items() if v != REFUTED.value]
    if verdict is CONFIRMED and survivors:
        verdict, note = INVALID, f"mutant {survivors[0]!r} equals the law at every gate point"
    if law.published is not None and verdict is CONFIRMED:
        gap = max(difference(law.published(**law.complete(v)), c) for v, c in zip(points, closed, strict=True))
        agrees = gap <= max(law.tolerance, 1e-9)
        note += f"; the published form {'agrees' if agrees else f'differs by {gap:.2g}'}"
        if agrees is not law.published_agrees:
            verdict, note = REFUTED, note + ", which the law does not declare"
    return Outcome(
        check=name, case=label, law=law.id, rung="algebra", verdict=verdict.value, expected=CONFIRMED.value,
        kind="gate", estimate=[worst], low=[0.0], high=[worst], prediction=[0.0], margin=[law.tolerance],
        resolution=law.tolerance, replicas=count, looks=1, alpha=0.0, mutants=mutants, note=note, seed=options.seed,
        device="cpu", profile=options.profile, claim=check.claim_key(label), sample=check.sample_key(label),
    )  # fmt: skip


def _identical(mutated: Any, value: Any) -> bool:
    """Whether an automatic mutation changed nothing at all, as for a law whose value is 0 or 1."""
    return difference(mutated, value) == 0.0
