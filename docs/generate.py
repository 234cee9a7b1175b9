"""mkdocs hook: one page per family from the catalogue, and the command reference from the program."""

from __future__ import annotations

import subprocess
import sys
from html import escape

import sympy as sp
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

import theory
from theory.law import Law

_COMMANDS = (
    (), ("list",), ("show",), ("evaluate",), ("derive",), ("check",), ("test",), ("report",),
)  # fmt: skip
_LONGEST = 1500


def on_files(files: Files, config: object) -> Files:
    """Add the generated pages."""
    for family in theory.families():
        files.append(File.generated(config, f"laws/{family}.md", content=family_page(family)))
    files.append(File.generated(config, "commands.md", content=command_page()))
    return files


def family_page(family: str) -> str:
    """Return the page of a family: every law with its claim, parameters, mutants and sources."""
    laws = list(theory.laws(family))
    title = family.replace("_", " ")
    head = f"# {title}\n\n{len(laws)} laws. `sgdlaws list --family {family}` shows their last verdicts.\n"
    return head + "\n".join(_section(law) for law in laws)


def _section(law: Law) -> str:
    rows = "\n".join(f"| `{p.key}` | {_cell(p.meaning)} | {_cell(p.domain.describe())} |" for p in law.parameters)
    parameters = f"\n| key | meaning | domain |\n|---|---|---|\n{rows}\n" if rows else ""
    mutants = "; ".join(_cell(m.name) for m in law.mutants)
    return (
        f"\n## {law.id}\n\n{_cell(law.title)}\n\n{_cell(law.statement)}\n\n{_claim(law)}\n\n"
        f"Regime: {_cell(str(law.regime))}. Rungs: {', '.join(law.rungs)}.\n{parameters}\n"
        + (f"Mutants refuted: {mutants}.\n\n" if mutants else "")
        + (f"Erratum: {_cell(law.erratum)}\n\n" if law.erratum else "")
        + "Sources: " + "; ".join(_cell(s.text()) for s in law.sources) + ".\n"
    )  # fmt: skip


def _claim(law: Law) -> str:
    claim = law.claim
    latex = sp.latex(claim)
    if len(latex) > _LONGEST:
        return f"The closed form has {sp.count_ops(claim)} operations; `sgdlaws show {law.id}` prints it."
    return f"<div>{convert(latex, display='block')}</div>"


def _cell(text: str) -> str:
    plain = escape(text)
    for mark in "|*_[]`":
        plain = plain.replace(mark, f"&#{ord(mark)};")
    return plain


def command_page() -> str:
    """Return the help texts of all commands."""
    parts = ["# Commands\n\nEvery command takes `--help`; `--json` prints exactly one JSON document.\n"]
    for words in _COMMANDS:
        run = subprocess.run(
            [sys.executable, "-m", "checks.cli", *words, "--help"], capture_output=True, text=True, check=True
        )
        parts.append(f"\n## {' '.join(('sgdlaws', *words))}\n\n```text\n{run.stdout.strip()}\n```\n")
    return "".join(parts)
