"""Builds the report directory from the verdicts of the journal."""

from __future__ import annotations

import csv
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import theory
from checks import table
from checks.errors import CheckError
from checks.outcome import Outcome
from checks.output import json_ready
from checks.report.diagrams import diagrams
from checks.report.figures import Drawn, law_figure
from checks.report.formulas import mathml
from checks.report.live import Panel, panel
from checks.version import __version__
from theory.law import RUNGS, Law

_ASSETS = Path(__file__).parent / "assets"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def write_report(
    outcomes: Sequence[Outcome], out: Path, *, laws: Sequence[Law] | None = None, budget: str = "", pdf: bool = False
) -> Path:
    """Write the report of these verdicts into a directory and return the path of its first page.

    Raises CheckError if the directory cannot be written, or if a PDF is asked for and no browser is present.
    """
    chosen = list(theory.laws()) if laws is None else list(laws)
    try:
        for part in ("laws", "figures", "assets"):
            (out / part).mkdir(parents=True, exist_ok=True)
        for asset in _ASSETS.iterdir():
            shutil.copy(asset, out / "assets" / asset.name)
    except OSError as error:
        raise CheckError(f"the report cannot be written to {out} ({error}); choose another directory.") from error
    by_law: dict[str, list[Outcome]] = {}
    for o in outcomes:
        by_law.setdefault(o.law, []).append(o)
    environment = Environment(
        loader=PackageLoader("checks.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    for law in chosen:
        page = _law_page(environment, law, by_law.get(law.id, []), out)
        (out / "laws" / f"{law.id}.html").write_text(page)
    index = environment.get_template("index.html.j2").render(_index(chosen, outcomes, by_law, budget, out))
    (out / "index.html").write_text(index)
    _data_files(chosen, outcomes, out)
    if pdf:
        print_pdf(out / "index.html", out / "report.pdf")
    return out / "index.html"


def _index(
    laws: Sequence[Law], outcomes: Sequence[Outcome], by_law: dict[str, list[Outcome]], budget: str, out: Path
) -> dict[str, Any]:
    rows = []
    for law in laws:
        by_rung: dict[str, list[Outcome]] = {}
        for o in by_law.get(law.id, []):
            by_rung.setdefault(o.rung, []).append(o)
        kinds = {rung: sorted({o.verdict for o in found}) for rung, found in by_rung.items()}
        summary = {rung: _distinct(found) for rung, found in by_rung.items()}
        rows.append({"law": law, "by_rung": summary, "kinds": kinds})
    sources = {s.key: s.text() for law in laws for s in law.sources}
    return {
        "root": "",
        "rows": rows,
        "totals": table.totals(outcomes),
        "budget": budget,
        "unexpected": [o for o in outcomes if not o.ok],
        "findings": [o for o in outcomes if o.ok and o.reason],
        "errata": [law for law in laws if law.erratum],
        "diagrams": diagrams(out / "figures"),
        "families": list(dict.fromkeys(law.family for law in laws)),
        "rungs": list(RUNGS),
        "environment": _environment(outcomes),
        "bibliography": [sources[k] for k in sorted(sources)],
    }


def _distinct(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """One outcome per distinct (verdict, expectation): a matrix cell says what happened, not how often."""
    return list({(o.verdict, o.expected): o for o in outcomes}.values())


def _law_page(environment: Environment, law: Law, outcomes: Sequence[Outcome], out: Path) -> str:
    drawn: Drawn | None = law_figure(law, outcomes, out / "figures")
    live = panel(law)
    points = _points(law, outcomes, live)
    context = {
        "root": "../",
        "law": law,
        "claim": mathml(law.claim),
        "outcomes": [(o, table.row(o)) for o in outcomes],
        "figure": drawn,
        "panel": live and _with_starts(live, points),
        "panel_points": points,
        "steps": [(s.name, mathml(s.expression), s.rule) for s in law.derivation().steps],
    }
    context["panel_json"] = _script_json({"arguments": context["panel"].arguments, "points": points}) if live else ""
    return environment.get_template("law.html.j2").render(context)


def _points(law: Law, outcomes: Sequence[Outcome], live: Panel | None) -> list[dict[str, Any]]:
    keys = [a["key"] for a in live.arguments] if live else []
    full = [(o, {p.key: o.values.get(p.key, p.default) for p in law.parameters}) for o in outcomes if o.kind != "gate"]
    return [
        {
            "label": o.case,
            "values": {k: values[k] for k in keys},
            "estimate": o.estimate[0],
            "low": o.low[0],
            "high": o.high[0],
        }
        for o, values in full
        if len(o.estimate) == 1 and all(isinstance(values[k], (int, float)) for k in keys)
    ]


def _with_starts(live: Panel, points: Sequence[dict[str, Any]]) -> Panel:
    """Widen the sliders so that they reach every simulated point, and start at the first of them."""
    for a in live.arguments:
        seen = [p["values"][a["key"]] for p in points]
        a["low"], a["high"] = min([a["low"], *seen]), max([a["high"], *seen])
        middle = (a["low"] + a["high"]) / 2
        usual = a["default"] if a["default"] is not None else (round(middle) if a["integer"] else middle)
        a["start"] = seen[0] if seen else usual
    return live


def _script_json(data: Any) -> Markup:
    """JSON that is safe inside a script element."""
    return Markup(json.dumps(json_ready(data)).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


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


def _data_files(laws: Sequence[Law], outcomes: Sequence[Outcome], out: Path) -> None:
    (out / "data.json").write_text(json.dumps(json_ready([o.as_dict() for o in outcomes]), indent=1))
    with (out / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        header = (
            "law",
            "check",
            "case",
            "rung",
            "verdict",
            "expected",
            "estimate",
            "low",
            "high",
            "prediction",
            "margin",
        )
        writer.writerow([*header, "resolution", "replicas", "mutants_refuted", "mutants", "reason"])
        for o in outcomes:
            vectors = (o.estimate, o.low, o.high, o.prediction, o.margin)
            joined = [" ".join(f"{x!r}" for x in v) for v in vectors]
            row = [o.law, o.check, o.case, o.rung, o.verdict, o.expected, *joined, o.resolution, o.replicas]
            writer.writerow([*row, o.killed, len(o.mutants), o.reason])
    entries = {s.key: s.bibtex() for law in laws for s in law.sources}
    (out / "references.bib").write_text("\n\n".join(entries[k] for k in sorted(entries)) + "\n")


def print_pdf(page: Path, target: Path) -> None:
    """Print a page to PDF through a headless browser; raises CheckError if none is present or it fails."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise CheckError(f"no browser is present for --pdf; install one of {', '.join(_BROWSERS)}.")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-pdf-header-footer", f"--user-data-dir={profile}",
            f"--print-to-pdf={target.resolve()}", page.resolve().as_uri(),
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    if run.returncode or not target.exists():
        raise CheckError(
            f"the browser could not print {target} (exit {run.returncode}); open the HTML and print it there."
        )
