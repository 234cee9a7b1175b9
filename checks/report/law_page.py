"""What the page of one law shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

import theory
from checks import table
from checks.outcome import Outcome
from checks.output import json_ready
from checks.report.curves import Curve
from checks.report.figures import Checks, law_curves, law_figures
from checks.report.formulas import formula
from checks.report.live import Panel, panel, tabulated
from checks.report.names import breakable, typeset
from checks.report.shown import claim_of, shown_derivation
from theory.law import RUNGS, Law


def law_page(law: Law, outcomes: Sequence[Outcome], checks: Checks, out: Path) -> dict[str, Any]:
    """Return the variables of the template and draw the figures it refers to."""
    derived, structure = shown_derivation(law)
    ordered = sorted(outcomes, key=lambda o: RUNGS.index(o.rung))
    curves = law_curves(law, ordered, checks)
    live = panel(law)
    points = panel_points(law, [o for o in ordered if _direct(o, checks)], live)
    if live:
        live.widen(points)
    elif curves and (live := tabulated(curves[0])):
        points = _curve_points(curves[0])
    return {
        "root": "../",
        "law": law,
        "known": law.family in theory.families(),
        "name": breakable(law.id),
        "claim": formula(claim_of(law, derived)),
        "structure": structure,
        "outcomes": [(o, row(o)) for o in ordered],
        "figures": law_figures(law, ordered, curves, out / "figures"),
        "panel": live,
        "panel_points": points,
        "panel_json": script_json({"arguments": live.arguments, "points": points}) if live else "",
        "steps": [(s.name, formula(s.expression), s.rule) for s in derived.steps],
    }


def _direct(outcome: Outcome, checks: Checks) -> bool:
    """Whether the check measures the law's own value, and not a function of it."""
    check = checks.get((outcome.check, outcome.case))
    return outcome.kind != "gate" and (check is None or check.observable is None)


def row(outcome: Outcome) -> tuple[Any, ...]:
    """Return the cells of a verdict's row: those of the text table, typeset."""
    return tuple(typeset(cell) for cell in table.row(outcome))


def panel_points(law: Law, outcomes: Sequence[Outcome], live: Panel | None) -> list[dict[str, Any]]:
    """Return the measured values which the live panel can draw: one number, at numeric parameters."""
    keys = [a["key"] for a in live.arguments] if live else []
    full = [(o, {p.key: o.values.get(p.key, p.default) for p in law.parameters}) for o in outcomes]
    return [
        {"label": o.case, "values": {k: values[k] for k in keys}, "estimate": o.estimate[0], "low": o.low[0],
         "high": o.high[0]}
        for o, values in full
        if len(o.estimate) == 1 and all(isinstance(values[k], (int, float)) for k in keys)
        and live is not None and all(values.get(k) == v for k, v in live.fixed.items())
    ]  # fmt: skip


def _curve_points(curve: Curve) -> list[dict[str, Any]]:
    dots = curve.dots[0] if curve.dots and curve.measured else []
    return [
        {"label": d.label, "values": {curve.key: d.x}, "estimate": d.estimate, "low": d.low, "high": d.high}
        for d in dots
    ]


def script_json(data: Any) -> Markup:
    """Return JSON that is safe inside a script element."""
    return Markup(json.dumps(json_ready(data)).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
