"""How figures look: colours that follow the reader's light or dark scheme, and SVG that is equal for equal data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK, GRID, MUTED = "#1d1e20", "#d4d8df", "#8b929c"
LAW, MEASURED = "#0a50a4", "#a3110b"
LINES = (LAW, "#0b6b2e", "#6b3fa1")
REGIONS = ("#9fcfe6", "#fbc45d", "#ced3d9", "#eba08a")
_DARK = {
    INK: "#e8eaed", GRID: "#3a4149", MUTED: "#8f98a3", LAW: "#8ab8ff", MEASURED: "#ff8a80",
    LINES[1]: "#6fd08c", LINES[2]: "#cba6f7",
    REGIONS[0]: "#1f5a78", REGIONS[1]: "#7a5711", REGIONS[2]: "#4a525b", REGIONS[3]: "#7d3a2a",
}  # fmt: skip
_NAMES = {colour: f"--c{n}" for n, colour in enumerate(_DARK)}
_RC = {
    "svg.hashsalt": "sgdlaws", "svg.fonttype": "none", "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "text.color": INK, "axes.edgecolor": MUTED,
    "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 9, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "text.parse_math": False, "legend.frameon": False, "legend.fontsize": 8,
}  # fmt: skip


styled = matplotlib.rc_context(_RC)
"""Decorator of functions that draw: texts and ticks take their style when they are made."""


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure of a size in inches and its axes, side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def save(figure: Figure, path: Path) -> None:
    """Write an SVG without a date and without a background, its colours as variables with a dark alternative."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    text = written.getvalue()
    for colour, name in _NAMES.items():
        text = text.replace(colour, f"var({name}, {colour})")
    dark = " ".join(f"{_NAMES[light]}: {shade};" for light, shade in _DARK.items())
    style = f"<style>@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}</style>"
    head, tail = text.split("<defs>", 1)
    path.write_text(f"{head}{style}<defs>{tail}")
