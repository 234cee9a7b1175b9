"""The command line: list, show, evaluate, derive, check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import theory
from checks.derive import derive_app
from checks.errors import CheckError
from checks.output import emit, json_ready
from checks.version import __version__
from numerics.errors import NumericsError
from theory.errors import TheoryError
from theory.law import Law

app = typer.Typer(
    name="sgdlaws",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(derive_app, name="derive")

JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document.")]
JournalOption = Annotated[Path, typer.Option("--journal", help="Journal of chunks and verdicts.")]
_JOURNAL = Path(".sgdlaws/journal.sqlite")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sgdlaws {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A theory checker for stochastic gradient descent: derive, evaluate and test closed forms.

    Examples:

      sgdlaws list --family stability

      sgdlaws show stability.exponent.normal

      sgdlaws evaluate stability.exponent.normal learning_rate=0.5 curvature_mean=-0.1 curvature_std=1

      sgdlaws derive lyapunov --curvature "Normal(m, s)" --at m=-0.2,s=1,learning_rate=0.5

      sgdlaws check stability.exponent
    """


@app.command("list")
def list_laws(
    family: Annotated[str | None, typer.Option(help="Only the laws of this family.")] = None,
    journal: JournalOption = _JOURNAL,
    json_output: JsonOption = False,
) -> None:
    """List the laws: id, title, regime, rungs, last verdicts."""
    verdicts = _last_verdicts(journal)
    rows = [
        {
            "id": law.id,
            "title": law.title,
            "priority": law.priority,
            "regime": str(law.regime),
            "rungs": list(law.rungs),
            "verdicts": verdicts.get(law.id, {}),
        }
        for law in theory.laws(family)
    ]
    if json_output:
        emit(rows, True)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("law", "title", "regime", "rungs: last verdicts", box=None, pad_edge=False)
    for r in rows:
        seen = "  ".join(f"{rung}: {r['verdicts'].get(rung, '-')}" for rung in r["rungs"])
        table.add_row(*map(_plain_cell, (r["id"], r["title"], r["regime"], seen)))
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)
    console.print(f"{len(rows)} laws")


def _plain_cell(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _last_verdicts(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    from checks.journal import Journal

    found: dict[str, dict[str, set[str]]] = {}
    for outcome in Journal(path).latest():
        shown = outcome.verdict if outcome.ok else f"{outcome.verdict} (unexpected)"
        found.setdefault(outcome.law, {}).setdefault(outcome.rung, set()).add(shown)
    return {law: {rung: ", ".join(sorted(v)) for rung, v in by.items()} for law, by in found.items()}


@app.command()
def show(
    law_id: Annotated[str, typer.Argument(metavar="LAW")],
    latex: Annotated[bool, typer.Option("--latex", help="Print only the claim in LaTeX.")] = False,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print only the sources in BibTeX.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Show a law: statement, parameters, assumptions, derivation, mutants, sources.

    Example: sgdlaws show stability.exponent.exponential
    """
    law = theory.law(law_id)
    if latex or bibtex:
        typer.echo(law.latex() if latex else law.citation())
        return
    described = _describe(law)
    if json_output:
        emit(described, True)
        return
    typer.echo(f"{law.id}\n{law.title}\n\n{law.statement}\n\n  {described['claim']}\n\nregime: {law.regime}")
    if law.parameters:
        typer.echo("parameters:")
    for p in described["parameters"]:
        tail = "" if p["required"] else f" [default {p['default']}]"
        typer.echo(f"  {p['key']}: {p['meaning']}; {p['domain']}{tail}")
    for title, lines in (("assumptions", law.assumptions), ("mutants", [m.name for m in law.mutants])):
        if lines:
            typer.echo(f"{title}:\n" + "\n".join(f"  - {line}" for line in lines))
    typer.echo("derivation:\n" + "\n".join("  " + line for line in law.derivation().text().splitlines()))
    typer.echo("sources:\n" + "\n".join(f"  {s.text()}" for s in law.sources))
    if law.erratum:
        typer.echo(f"erratum: {law.erratum}")


def _describe(law: Law) -> dict[str, Any]:
    return {
        "id": law.id,
        "title": law.title,
        "statement": law.statement,
        "claim": str(law.claim),
        "latex": law.latex(),
        "regime": str(law.regime),
        "rungs": list(law.rungs),
        "priority": law.priority,
        "parameters": [
            {
                "key": p.key,
                "symbol": str(p.symbol) if p.symbol is not None else None,
                "meaning": p.meaning,
                "domain": p.domain.describe(),
                "required": p.required,
                "default": p.default,
            }
            for p in law.parameters
        ],
        "assumptions": list(law.assumptions),
        "derivation": [
            {"name": s.name, "expression": str(s.expression), "rule": s.rule} for s in law.derivation().steps
        ],
        "mutants": [m.name for m in law.mutants],
        "sources": [s.text() for s in law.sources],
        "erratum": law.erratum,
    }


@app.command()
def evaluate(
    law_id: Annotated[str | None, typer.Argument(metavar="[LAW]")] = None,
    words: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...")] = None,
    digits: Annotated[int, typer.Option(min=1, max=1000, help="Digits (more than 15 are printed as text).")] = 15,
    source: Annotated[Path | None, typer.Option("--from", help='JSON list of {"id": ..., "params": {...}}.')] = None,
    json_output: JsonOption = False,
) -> None:
    """Evaluate the closed form of a law, or of many with --from.

    Examples:

      sgdlaws evaluate stability.exponent.normal learning_rate=0.5 curvature_mean=-0.1 curvature_std=1 --json

      sgdlaws evaluate --from cases.json
    """
    from checks.values import cases_from_file, from_mapping, from_words

    if source is not None:
        if law_id is not None:
            raise CheckError("--from takes its laws from the file; leave out LAW and KEY=VALUE.")
        emit([_evaluate_case(case, from_mapping) for case in cases_from_file(source)], True)
        return
    if law_id is None:
        raise CheckError("which law? Give LAW key=value ..., or --from cases.json.")
    law = theory.law(law_id)
    result = _value(law, from_words(law, words or []), digits)
    if json_output:
        emit(result, True)
    else:
        shown = result.get("digits", result["value"])
        typer.echo(str(json_ready(shown)))


def _value(law: Law, values: dict[str, Any], digits: int) -> dict[str, Any]:
    result: dict[str, Any] = {"law": law.id, "value": law(**values)}
    exact = _exact(law, values)
    if exact is not None:
        result["exact"] = exact
    if digits != 15:
        import mpmath

        with mpmath.workdps(digits + 5):
            result["digits"] = _digits(law.evaluate(digits=digits, **values), digits)
    return result


def _exact(law: Law, values: dict[str, Any]) -> str | None:
    """Return the exact coefficient of a tree, in the symbols that are left, as text."""
    if "tree" not in law.structure or law.evaluator is not None:
        return None
    return str(law.derivation(**law.structure_of(law.complete(values))).result)


def _digits(value: Any, digits: int) -> Any:
    import mpmath

    if isinstance(value, (list, tuple)):
        return [_digits(v, digits) for v in value]
    return value if value is None or isinstance(value, (str, bool, int)) else mpmath.nstr(value, digits)


def _evaluate_case(case: dict[str, Any], read: Any) -> dict[str, Any]:
    try:
        law = theory.law(case["id"])
        return {"law": law.id, "value": law(**read(law, case.get("params") or {}))}
    except (TheoryError, CheckError) as error:
        return {"law": case["id"], "error": str(error)}


@app.command()
def check(
    pattern: Annotated[str | None, typer.Argument(help="Part of a check or law id, or a glob with *.")] = None,
    profile: Annotated[str, typer.Option(help="quick or full")] = "quick",
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    seed: Annotated[int, typer.Option(help="Root seed of all random streams.")] = 0,
    fresh_seed: Annotated[bool, typer.Option("--fresh-seed", help="Draw a new root seed and print it.")] = False,
    resume: Annotated[bool, typer.Option(help="Use finished chunks of the journal.")] = True,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="Dask: local:N or tcp://HOST:PORT.")] = None,
    journal: JournalOption = _JOURNAL,
    json_output: JsonOption = False,
) -> None:
    """Run the checks, with progress; the same engine as `pytest checks`.

    Examples:

      sgdlaws check stability.exponent

      sgdlaws check "*net*" --profile full --json

      sgdlaws check --cluster local:4
    """
    from checks.runner import run_checks

    all_good = run_checks(pattern, profile, device, seed, fresh_seed, resume, workers, cluster, journal, json_output)
    if not all_good:
        raise typer.Exit(1)


@app.command("test", context_settings={"ignore_unknown_options": True})
def try_formula(
    formula: Annotated[str, typer.Argument(help="Your formula, in the parameter keys of the law.")],
    against: Annotated[str, typer.Option(help="Law, or experiment FILE::CHECK, that judges it.")],
    seed: Annotated[int, typer.Option(help="Root seed of all random streams.")] = 0,
    json_output: JsonOption = False,
) -> None:
    """Test a formula of your own against the definition and the experiments of a law, or against one experiment.

    Examples:

      sgdlaws test "-learning_rate*curvature_mean" --against stability.exponent.normal

      sgdlaws test "-learning_rate*curvature_mean" --against check_stability::exponent_normal_sgd
    """
    from checks.conjecture import judge_formula
    from checks.options import Options
    from checks.table import render

    algebra, outcomes = judge_formula(formula, against, Options(seed=seed))
    if json_output:
        emit({**algebra, "verdicts": [o.as_dict() for o in outcomes]}, True)
    else:
        emit(algebra, False)
        typer.echo("\n".join(render(outcomes)) if outcomes else "no sampling checks of this law")
    if algebra["verdict"] == "REFUTED" or not all(o.ok for o in outcomes):
        raise typer.Exit(1)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Directory of the report.")] = Path("report"),
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print report.pdf through a headless browser.")] = False,
    pattern: Annotated[str | None, typer.Option(help="Only checks that match, as in `sgdlaws check`.")] = None,
    profile: Annotated[str, typer.Option(help="quick or full")] = "quick",
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    seed: Annotated[int, typer.Option(help="Root seed of all random streams.")] = 0,
    journal: JournalOption = _JOURNAL,
    json_output: JsonOption = False,
) -> None:
    """Write the validation report from the journal, running what is missing.

    Example: sgdlaws report --out report
    """
    from checks.options import Options
    from checks.registry import select
    from checks.report import report_of
    from checks.runner import up_to_date

    chosen = select(pattern)
    outcomes = up_to_date(chosen, Options(profile, seed, device), journal)
    page = report_of(chosen, outcomes, out, everything=pattern is None, pdf=pdf)
    good = sum(o.ok for o in outcomes)
    emit({"report": str(page), "verdicts": len(outcomes), "as_expected": good}, json_output)
    if good < len(outcomes):
        raise typer.Exit(1)


def main() -> None:
    """Run the program: 0 all as expected, 1 an unexpected verdict, 2 wrong usage."""
    try:
        app()
    except (TheoryError, NumericsError, CheckError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
