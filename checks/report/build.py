"""Builds the report directory from verdicts."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import theory
from checks import table
from checks.check import Check, Gate
from checks.errors import CheckError
from checks.outcome import Outcome
from checks.registry import Entry, budget_line
from checks.report.diagrams import diagrams
from checks.report.downloads import write_downloads
from checks.report.law_page import law_page
from checks.report.names import breakable, file_stem, typeset
from checks.report.pdf import print_pdf
from checks.version import __version__
from theory.law import RUNGS, Law

_ASSETS = Path(__file__).parent / "assets"
_VERDICTS = ("CONFIRMED", "REFUTED", "INCONCLUSIVE", "INVALID")


def write_report(
    outcomes: Sequence[Outcome],
    out: Path,
    *,
    laws: Sequence[Law] | None = None,
    checks: Mapping[tuple[str, str], Check] | None = None,
    budget: str = "",
    pdf: bool = False,
) -> Path:
    """Write the report of these verdicts into a directory and return the path of its first page.

    ``laws`` are those which get a page (default: the catalogue); ``checks`` maps (check, case) to the check that
    made the verdict, which the figures need to draw predictions.

    Raises CheckError if the directory cannot be written, or if a PDF is asked for and no browser is present.
    """
    chosen = list(theory.laws()) if laws is None else list(laws)
    by_law: dict[str, list[Outcome]] = {}
    for o in outcomes:
        by_law.setdefault(o.law, []).append(o)
    environment = Environment(
        loader=PackageLoader("checks.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"breakable": breakable, "typeset": typeset, "stem": file_stem}
    try:
        for part in ("laws", "figures", "assets"):
            (out / part).mkdir(parents=True, exist_ok=True)
        for asset in _ASSETS.iterdir():
            shutil.copy(asset, out / "assets" / asset.name)
        template = environment.get_template("law.html.j2")
        for law in chosen:
            page = law_page(law, by_law.get(law.id, []), checks or {}, out)
            (out / "laws" / f"{file_stem(law.id)}.html").write_text(template.render(page), encoding="utf-8")
        index = environment.get_template("index.html.j2").render(_index(chosen, outcomes, by_law, budget, out))
        (out / "index.html").write_text(index, encoding="utf-8")
        write_downloads(chosen, outcomes, out)
    except OSError as error:
        raise CheckError(f"the report cannot be written to {out} ({error}); choose another directory.") from error
    if pdf:
        print_pdf(out / "index.html", out / "report.pdf")
    return out / "index.html"


def report_of(
    entries: Sequence[Entry], outcomes: Sequence[Outcome], out: Path, *, everything: bool, pdf: bool = False
) -> Path:
    """Write the report of registry items: their laws get pages, and all of the catalogue if ``everything``."""
    checks = {(e.name, e.case): e.check for e in entries if isinstance(e.check, Check)}
    own = {law.id: law for e in entries for law in [_law_of(e)]}
    laws = [*(theory.laws() if everything else ()), *own.values()]
    ordered = {law.id: law for law in laws}
    budget = budget_line(list(entries))
    return write_report(outcomes, out, laws=list(ordered.values()), checks=checks, budget=budget, pdf=pdf)


def _law_of(entry: Entry) -> Law:
    return entry.check.by_label()[entry.label] if isinstance(entry.check, Gate) else entry.check.resolve()


def _index(
    laws: Sequence[Law], outcomes: Sequence[Outcome], by_law: dict[str, list[Outcome]], budget: str, out: Path
) -> dict[str, Any]:
    rows = [_row(law, by_law.get(law.id, [])) for law in laws]
    place = {law.id: n for n, law in enumerate(laws)}
    shown = sorted((o for o in outcomes if o.law in place), key=lambda o: place[o.law])
    sources = {s.key: s.text() for law in laws for s in law.sources}
    return {
        "root": "",
        "rows": rows,
        "totals": table.totals(outcomes),
        "counts": {v: sum(o.verdict == v for o in outcomes) for v in _VERDICTS},
        "budget": budget,
        "unexpected": [o for o in shown if not o.ok],
        "findings": _findings([o for o in shown if o.ok and o.reason]),
        "errata": [law for law in laws if law.erratum],
        "diagrams": diagrams(out / "figures", {law.family for law in laws}),
        "families": list(dict.fromkeys(law.family for law in laws)),
        "rungs": list(RUNGS),
        "verdicts": _VERDICTS,
        "environment": _environment(outcomes),
        "bibliography": [sources[k] for k in sorted(sources)],
    }


def _row(law: Law, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    by_rung: dict[str, list[Outcome]] = {}
    for o in outcomes:
        by_rung.setdefault(o.rung, []).append(o)
    cells = {}
    for rung, found in by_rung.items():
        counted: dict[tuple[str, str], list[Outcome]] = {}
        for o in found:
            counted.setdefault((o.verdict, o.expected), []).append(o)
        cells[rung] = [(group[0], len(group)) for group in counted.values()]
    kinds = {rung: sorted({o.verdict for o in found}) for rung, found in by_rung.items()}
    return {"law": law, "cells": cells, "kinds": kinds}


def _findings(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, list[str]]]:
    """Findings with the same law and reason are one: the first outcome, and all their cases."""
    grouped: dict[tuple[str, str], list[Outcome]] = {}
    for o in outcomes:
        grouped.setdefault((o.law, o.reason), []).append(o)
    return [(group[0], [o.case for o in group]) for group in grouped.values()]


def _environment(outcomes: Sequence[Outcome]) -> dict[str, str]:
    packages = ("sympy", "mpmath", "torch", "numpy", "scipy")
    return {
        "sgdlaws": __version__,
        "python": platform.python_version(),
        **{p: version(p) for p in packages},
        "device": ", ".join(sorted({o.device for o in outcomes})) or "-",
        "profile": ", ".join(sorted({o.profile for o in outcomes})) or "-",
        "seed": ", ".join(sorted({str(o.seed) for o in outcomes})) or "-",
    }
