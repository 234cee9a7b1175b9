"""Figures of the report: predicted curves with measured points and mutants, and all verdicts on one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from checks.check import Check
from checks.outcome import Outcome
from checks.report.curves import Curve, definition_curve, key_of, measured_curve, stored
from checks.report.names import file_stem
from checks.report.style import GRID, INK, LINES, MEASURED, MUTED, new_figure, save, styled
from theory.law import Law

_PANELS = 2
# a law with fewer gate points has declared itself expensive
_CHEAP = 10
_ROWS = 40
_DECADES = 100.0


@dataclass(frozen=True)
class Drawn:
    """A figure on disk with its caption and the text that stands for it."""

    file: str
    caption: str
    alt: str
    wide: bool = False


Checks = Mapping[tuple[str, str], Check]


def law_curves(law: Law, outcomes: Sequence[Outcome], checks: Checks) -> list[Curve]:
    """Return the curves of a law's page: through its measurements, else along a generic line with its definition."""
    found: dict[str, list[tuple[Outcome, Check]]] = {}
    for o in outcomes:
        if o.kind != "gate" and o.estimate and (o.check, o.case) in checks:
            found.setdefault(o.check, []).append((o, checks[o.check, o.case]))
    curves = _curves(law, sorted(found.values(), key=len, reverse=True))
    if not curves:
        one = stored(law, "definition", lambda: definition_curve(law))
        curves = [one] if one else []
    return curves


@styled
def law_figures(law: Law, outcomes: Sequence[Outcome], curves: Sequence[Curve], folder: Path) -> list[Drawn]:
    """Draw what a law's page shows; the list is empty for laws whose value is no function of a number."""
    tested = [o for o in outcomes if o.kind != "gate" and o.estimate]
    drawn = [_draw_curves(law, curves, folder)] if curves else []
    dots = sum(len(d) for c in curves if c.measured for d in c.dots[:1])
    if tested and dots < len(tested):
        drawn.append(_draw_verdicts(law, tested, folder))
    return drawn


def _curves(law: Law, groups: Sequence[list[tuple[Outcome, Check]]]) -> list[Curve]:
    """Return the first panels; checks that predict the same curve on several rungs share one."""
    curves: list[Curve] = []
    waiting = list(groups)
    for _ in range(2 * _PANELS + 2):
        if not waiting or len(curves) == (_PANELS if law.gate_points >= _CHEAP else 1):
            break
        group = waiting.pop(0)
        curve = stored(law, key_of(group), lambda g=group: measured_curve(law, g))
        if curve is None:
            continue
        shown = {d.label for d in curve.dots[0]}
        rest = [(o, c) for o, c in group if o.case not in shown]
        if rest:
            waiting.append(rest)
        twin = next(
            (n for n, c in enumerate(curves) if (c.key, c.xs, c.lines) == (curve.key, curve.xs, curve.lines)), None
        )
        if twin is None:
            curves.append(curve)
        else:
            old = curves[twin]
            dots = [a + b for a, b in zip(old.dots, curve.dots, strict=True)]
            curves[twin] = replace(old, dots=dots, title=f"{old.title}, {curve.title}")
    return curves


def _draw_curves(law: Law, curves: Sequence[Curve], folder: Path) -> Drawn:
    figure, panels = new_figure(4.6 * len(curves), 3.3, len(curves))
    for axes, curve in zip(panels, curves, strict=True):
        _panel(axes, curve)
    save(figure, folder / f"{file_stem(law.id)}.svg")
    dots = "measured, with interval" if curves[0].measured else "from the definition"
    mutants = list(dict.fromkeys(name for c in curves for name, _ in c.mutants))
    grey = f"; grey: mutants ({', '.join(mutants)})" if mutants else ""
    grey += "; dash-dotted: the rival formula" if any(c.rival is not None for c in curves) else ""
    held = "; ".join(_held(c) for c in curves)
    caption = f"Lines: closed form; points: {dots}{grey}. {held}"
    alt = " ".join(_words(law, c) for c in curves)
    return Drawn(f"{file_stem(law.id)}.svg", caption, alt, wide=len(curves) > 1)


def _held(curve: Curve) -> str:
    shown = {k: v for k, v in curve.fixed.items() if isinstance(v, (int, float, str)) or len(str(v)) < 60}
    fixed = ", ".join(f"{k} = {v:.4g}" if isinstance(v, float) else f"{k} = {v}" for k, v in shown.items())
    return f"{curve.title}: {fixed}." if fixed else ""


def _words(law: Law, curve: Curve) -> str:
    seen = [(x, y) for x, y in zip(curve.xs, curve.lines[0], strict=True) if y is not None]
    (a, ya), (b, yb) = seen[0], seen[-1]
    text = f"{law.id} against {curve.key}: from {ya:.4g} at {a:.4g} to {yb:.4g} at {b:.4g}"
    if curve.dots and curve.dots[0]:
        d = curve.dots[0][0]
        what = f"measured {d.low:.4g} to {d.high:.4g}" if curve.measured else f"the definition gives {d.estimate:.4g}"
        text += f"; at {d.x:.4g} {what}"
    return text + "."


def _panel(axes: Axes, curve: Curve) -> None:
    for _, ys in curve.mutants:
        axes.plot(curve.xs, _gaps(ys), color=MUTED, lw=1, ls="--")
    if curve.rival is not None:
        axes.plot(curve.xs, _gaps(curve.rival), color=LINES[1], lw=1.6, ls="-.")
    for colour, ys, dots in zip(LINES, curve.lines, curve.dots, strict=False):
        axes.plot(curve.xs, _gaps(ys), color=colour, lw=1.8)
        if dots:
            errors = [[d.estimate - d.low for d in dots], [d.high - d.estimate for d in dots]]
            marks = {"fmt": "o", "ms": 4, "capsize": 3, "color": MEASURED if len(curve.lines) == 1 else colour}
            axes.errorbar([d.x for d in dots], [d.estimate for d in dots], yerr=errors, **marks)
    ys = [y for line in curve.lines for y in line if y is not None]
    ys += [y for dots in curve.dots for d in dots for y in (d.low, d.high)]
    low, high = min(ys), max(ys)
    if low > 0 and high > _DECADES * low:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.5, high * 1.5)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        pad = 0.12 * (high - low or abs(high) or 1.0)
        axes.set_ylim(low - pad, high + pad)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.6g}"))
    axes.set_xlabel(curve.key)
    axes.set_title(curve.title)


def _gaps(ys: Sequence[float | None]) -> list[float]:
    return [math.nan if y is None else y for y in ys]


def _draw_verdicts(law: Law, outcomes: Sequence[Outcome], folder: Path) -> Drawn:
    """One row per component: the interval minus the prediction, in margins; the band is what the margin allows."""
    rows = [(o, i) for o in outcomes for i in range(len(o.estimate))]
    rows = [(o, i) for o, i in rows if o.margin[i] > 0 and all(map(math.isfinite, (o.low[i], o.high[i])))][:_ROWS]
    figure, (axes,) = new_figure(6.4, 0.9 + 0.24 * len(rows))
    axes.axvspan(-1, 1, color=GRID, lw=0)
    axes.axvline(0, color=LINES[0], lw=1.4)
    labels = []
    for y, (o, i) in enumerate(rows):
        low, middle, high = ((v[i] - o.prediction[i]) / o.margin[i] for v in (o.low, o.estimate, o.high))
        clipped = [max(-8.0, min(8.0, x)) for x in (low, middle, high)]
        colour = MEASURED if o.verdict != "CONFIRMED" else INK
        axes.plot([clipped[0], clipped[2]], [y, y], color=colour, lw=2, solid_capstyle="butt")
        axes.plot(clipped[1], y, "o", color=colour, ms=4)
        labels.append(o.case if len(o.estimate) == 1 else f"{o.case} [{i + 1}]")
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("(measured - predicted) / margin, cut off at 8")
    save(figure, folder / f"{file_stem(law.id)}.verdicts.svg")
    within = sum(abs(o.estimate[i] - o.prediction[i]) <= o.margin[i] for o, i in rows)
    caption = (
        "All measured cases on one scale: the line is the prediction, the band prediction ± margin, bars are intervals."
    )
    alt = f"{len(rows)} measured values of {law.id}: {within} lie within their margin of the prediction."
    return Drawn(f"{file_stem(law.id)}.verdicts.svg", caption, alt, wide=True)
