"""Figures of the report: the predicted curve, the simulated points with their intervals, the mutants in grey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from checks.outcome import Outcome
from theory.errors import TheoryError
from theory.law import Law

matplotlib.rcParams["svg.hashsalt"] = "sgdlaws"
_POINTS = 41
_MUTANTS = 3


@dataclass(frozen=True)
class Drawn:
    """A figure on disk with its caption and the text that stands for it."""

    file: str
    caption: str
    alt: str


def save(figure: Figure, path: Path) -> None:
    """Write an SVG without a date, so that equal figures are equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})


def law_figure(law: Law, outcomes: Sequence[Outcome], folder: Path) -> Drawn | None:
    """Draw up to two cases of a scalar law whose check compares its value directly; None where that is not so."""
    usable = [o for o in outcomes if _plottable(law, o)][:2]
    key = _axis(law)
    if not usable or key is None:
        return None
    figure = Figure(figsize=(4.2 * len(usable), 3.2), layout="constrained")
    for axes, outcome in zip(figure.subplots(1, len(usable), squeeze=False)[0], usable, strict=True):
        _panel(axes, law, outcome, key)
    save(figure, folder / f"{law.id}.svg")
    names = ", ".join(o.case for o in usable)
    o = usable[0]
    alt = (
        f"{law.id} against {key}: at {key} = {o.values[key]:.4g} the simulation gives {o.estimate[0]:.4g} with interval "
        f"{o.low[0]:.4g} to {o.high[0]:.4g}, the law predicts {o.prediction[0]:.4g}."
    )
    return Drawn(
        f"{law.id}.svg", f"Closed form (line), simulation with interval (point), mutants (grey): {names}.", alt
    )


def _plottable(law: Law, o: Outcome) -> bool:
    if o.kind == "gate" or len(o.estimate) != 1 or any(p.key not in o.values for p in law.parameters if p.required):
        return False
    own = {p.key: o.values[p.key] for p in law.parameters if p.key in o.values}
    value = _value(law, own)
    return value is not None and math.isclose(value, o.prediction[0], rel_tol=1e-9, abs_tol=1e-12)


def _axis(law: Law) -> str | None:
    return next((p.key for p in law.parameters if p.domain.kind == "real" and len(p.domain.region) == 2), None)


def _value(law: Law, values: dict[str, Any], evaluate: Any = None) -> float | None:
    try:
        found = evaluate(law, values) if evaluate is not None else law(**values)
    except (TheoryError, ArithmeticError, ValueError):
        return None
    return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None


def _panel(axes: Any, law: Law, o: Outcome, key: str) -> None:
    own = {p.key: o.values[p.key] for p in law.parameters if p.key in o.values}
    centre = own[key]
    spread = 0.6 * abs(centre) or 1.0
    xs = [centre + spread * (2 * i / (_POINTS - 1) - 1) for i in range(_POINTS)]
    for mutant in law.mutants[:_MUTANTS]:
        ys = [_value(law, {**own, key: x}, mutant.evaluate) for x in xs]
        axes.plot(xs, [math.nan if y is None else y for y in ys], color="0.75", lw=1)
    ys = [_value(law, {**own, key: x}) for x in xs]
    finite = [y for y in ys if y is not None]
    axes.plot(xs, [math.nan if y is None else y for y in ys], color="#0a4fa3", lw=1.8)
    yerr = [[o.estimate[0] - o.low[0]], [o.high[0] - o.estimate[0]]]
    axes.errorbar([centre], o.estimate, yerr=yerr, fmt="o", color="#a3110a", capsize=3, ms=4)
    low, high = min([*finite, o.low[0]]), max([*finite, o.high[0]])
    pad = 0.15 * (high - low or 1.0)
    axes.set_ylim(low - pad, high + pad)
    axes.set_xlabel(key)
    axes.set_title(o.case, fontsize=9)
    axes.tick_params(labelsize=8)
