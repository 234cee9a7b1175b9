"""mkdocs hook: family pages and citations from the catalogue, commands from the program, tables from the benchmarks."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import theory
from benchmarks.table import RESULTS, render
from checks.check import Check
from checks.cli import app
from checks.registry import entries
from checks.report.formulas import Formula, formula
from checks.report.shown import claim_of, shown_derivation
from theory.law import Law

_ROOT = Path(__file__).parent.parent
_TABLE = "<!-- table of the benchmark suite -->"
_GENERATED = "laws/{}.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add a section per family to the navigation: its essay where one is written, and its laws."""
    sections = []
    for family in theory.families():
        pages = [{"All laws": _GENERATED.format(family)}]
        if (Path(config.docs_dir) / f"{family}.md").exists():
            pages.insert(0, {"Overview": f"{family}.md"})
        sections.append({_title(family): pages})
    place = next(n for n, item in enumerate(config.nav) if "Families" in item)
    config.nav[place] = {"Families": sections}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    experiments = _experiments()
    made = {_GENERATED.format(f): family_page(f, experiments) for f in theory.families()}
    made |= {"commands.md": command_page(), "citations.md": citation_page()}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the measured ratios into the page on performance."""
    return markdown.replace(_TABLE, benchmark_tables()) if _TABLE in markdown else markdown


def _title(family: str) -> str:
    return family.replace("_", " ").capitalize()


def _experiments() -> dict[str, list[str]]:
    """What each law is confronted with: one line per check and rung, with the verdict that is expected."""
    found: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for e in entries():
        if isinstance(e.check, Check):
            case = e.check.case(e.label)
            key = (e.check.rung, str(case.expected.value if case.expected else "CONFIRMED"), case.reason)
            found.setdefault(e.law, {}).setdefault(key, []).append(e.label)
    return {
        law: [
            f"`{rung}`: {verdict} at {_cell(', '.join(labels))}" + (f" ({_cell(reason)})" if reason else "")
            for (rung, verdict, reason), labels in lines.items()
        ]
        for law, lines in found.items()
    }


def family_page(family: str, experiments: dict[str, list[str]]) -> str:
    """Return the page of a family: every law with claim, derivation, parameters, checks, mutants and sources."""
    laws = list(theory.laws(family))
    head = (
        f"# {_title(family)}: all laws\n\n{len(laws)} laws, made from the catalogue. "
        f"`sgdlaws list --family {family}` shows their last verdicts, `sgdlaws report` their figures.\n"
    )
    return head + "\n".join(_section(law, experiments.get(law.id, [])) for law in laws)


def _section(law: Law, checked: list[str]) -> str:
    derived, structure = shown_derivation(law)
    rows = "\n".join(f"| `{p.key}` | {_cell(p.meaning)} | {_cell(p.domain.describe())} |" for p in law.parameters)
    held = ", ".join(f"{k} = {v}" for k, v in structure.items() if v is not None)
    steps = "".join(
        f"<li><strong>{escape(s.name)}</strong>{f' <em>({escape(s.rule)})</em>' if s.rule else ''}"
        f"{_html(formula(s.expression))}</li>"
        for s in derived.steps
    )
    lines = [
        f"\n## {law.id}",
        f"**{_cell(law.title)}.** {_cell(law.statement)}",
        _html(formula(claim_of(law, derived))),
        f"Shown for {_cell(held)}." if held else "",
        f"Regime: {_cell(str(law.regime))}.",
        f"\n| key | meaning | domain |\n|---|---|---|\n{rows}\n" if rows else "",
        f"<details><summary>Derivation in {len(derived.steps)} steps</summary><ol>{steps}</ol></details>",
        "Verdicts that the suite demands:\n\n" + "\n".join(f"- {line}" for line in _demanded(law, checked)),
        f"Mutants that must be refuted: {'; '.join(_cell(m.name) for m in law.mutants)}." if law.mutants else "",
        f"Erratum: {_cell(law.erratum)}" if law.erratum else "",
        "Sources: " + "; ".join(_cell(s.text()) for s in law.sources) + ".",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _demanded(law: Law, checked: list[str]) -> list[str]:
    gate = [f"`algebra`: CONFIRMED at {law.gate_points} generic points, to {law.tolerance:g}"] if law.definition else []
    return gate + checked


def _html(shown: Formula) -> str:
    if shown.line is not None:
        return f'<div class="formula">{shown.line}</div>'
    if shown.parts:
        parts = "".join(f'<div class="formula">{part}</div>' for part in shown.parts)
        return f"<details><summary>A form of {shown.summary}, in parts</summary>{parts}</details>"
    return f"<p>A form of {shown.summary}: <code>sgdlaws show</code> prints it.</p>"


def _cell(text: str) -> str:
    plain = escape(text)
    for mark in "|*_[]`^~#\\":
        plain = plain.replace(mark, f"&#{ord(mark)};") if mark != "#" else plain
    return plain


def command_page() -> str:
    """Return the help texts of all commands, of `derive` and its topics too."""
    head = "# Commands\n\nEvery command takes `--help`; `--json` prints exactly one JSON document. "
    head += "Exit codes: 0 as expected, 1 an unexpected verdict, 2 wrong usage.\n"
    return head + "".join(_help(typer.main.get_command(app), "sgdlaws", None))


def _help(command: Any, name: str, parent: Any) -> list[str]:
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=100)
    title = context.command_path
    parts = [f"\n## {title}\n\n```text\n{command.get_help(context).strip()}\n```\n"]
    for word in command.list_commands(context) if hasattr(command, "list_commands") else ():
        parts += _help(command.get_command(context, word), word, context)
    return parts


def citation_page() -> str:
    """Return the sources of all laws, with BibTeX."""
    laws: dict[str, list[Law]] = {}
    sources = {}
    for law in theory.laws():
        for source in law.sources:
            sources[source.key] = source
            laws.setdefault(source.key, []).append(law)
    parts = ["# Citations\n\n`sgdlaws show LAW --bibtex` prints the sources of one law.\n"]
    for key in sorted(sources):
        families = ", ".join(
            f"{sum(law.family == f for law in laws[key])} in [{_title(f)}]({_GENERATED.format(f)})"
            for f in theory.families()
            if any(law.family == f for law in laws[key])
        )
        bibtex = sources[key].bibtex()
        parts.append(f"\n## {_cell(sources[key].text())}\n\nLaws: {families}.\n\n```bibtex\n{bibtex}\n```\n")
    return "".join(parts)


def benchmark_tables() -> str:
    """Return the measured ratios of every device, from the results of the benchmark suite."""
    if not RESULTS.exists():
        return "Not measured yet: run `python -m benchmarks`."
    blocks = []
    for kept in json.loads(RESULTS.read_text()).values():
        known = kept["environment"]
        title = f"{known['device']}, one thread, Python {known['python']}, torch {known['torch']}:"
        blocks.append("\n".join([title, "", *render([line for part in kept["parts"].values() for line in part])]))
    return "\n\n".join(blocks)
