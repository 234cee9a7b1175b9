"""The table of the README, made from ``results.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent.parent / "README.md"
_BEGIN, _END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2g}x" if value < 100 else f"{float(f'{value:.2g}'):,.0f}x"


def render(lines: list[dict[str, Any]]) -> list[str]:
    """Return the rows of a Markdown table, heading first."""
    head = ["| what | against | ratio | of the floor | target | |", "|---|---|---|---|---|---|"]
    return head + [
        f"| {x['what']} | {x['against']} | {_ratio(x['ratio'])} | "
        f"{'-' if x['floor'] is None else format(x['floor'], '.0%')} | {x.get('target') or '-'} | {x['detail']} |"
        for x in lines
    ]


def replaced(text: str, results: dict[str, Any]) -> str:
    """Return the text with everything between the two marks made anew from the results."""
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    blocks = []
    for kept in results.values():
        known = kept["environment"]
        title = f"{known['device']}, one thread, Python {known['python']}, torch {known['torch']}:"
        blocks.append("\n".join([title, "", *render([line for part in kept["parts"].values() for line in part])]))
    return f"{before}{_BEGIN}\n" + "\n\n".join(blocks) + f"\n{_END}{after}"
