"""Runs selected checks from the command line, in one process or several, with progress."""

from __future__ import annotations

import multiprocessing
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import torch

from checks import table
from checks.engine import run
from checks.journal import Journal
from checks.options import Options
from checks.outcome import Outcome
from checks.output import emit
from checks.registry import Entry, budget_line, entries, select


def run_checks(
    pattern: str | None,
    profile: str,
    device: str,
    seed: int,
    fresh_seed: bool,
    resume: bool,
    workers: int,
    cluster: str | None,
    journal: Path,
    as_json: bool,
) -> bool:
    """Run the items that match, print the table or one JSON document, return whether all verdicts are expected."""
    options = Options(profile, secrets.randbits(31) if fresh_seed else seed, device, resume)
    chosen = select(pattern)
    budget = budget_line(entries())
    with _progress(len(chosen), quiet=as_json) as advance:
        outcomes = []
        for outcome in _outcomes(chosen, options, journal, workers, cluster):
            outcomes.append(outcome)
            advance(f"{outcome.law} [{outcome.case}] {outcome.verdict}")
    order = {(e.name, e.case): i for i, e in enumerate(chosen)}
    outcomes.sort(key=lambda o: order[o.check, o.case])
    if as_json:
        emit({"budget": budget, "seed": options.seed, "verdicts": [o.as_dict() for o in outcomes]}, True)
    else:
        sys.stdout.write("\n".join([budget, f"seed {options.seed}", *table.render(outcomes), "", *_failures(outcomes)]))
        sys.stdout.write("\n".join(table.totals(outcomes)) + "\n")
    return all(o.ok for o in outcomes)


def up_to_date(chosen: list[Entry], options: Options, journal: Path) -> list[Outcome]:
    """Return the verdicts of the items: from the journal where claim and experiment are unchanged, else run now."""
    book = Journal(journal)
    missing, known = [], {}
    for e in chosen:
        last = book.last_verdict(e.name, e.case)
        wanted = (
            options.profile,
            options.seed,
            options.device,
            e.check.claim_key(e.label),
            e.check.sample_key(e.label),
        )
        if last is not None and (last.profile, last.seed, last.device, last.claim, last.sample) == wanted:
            known[e.name, e.case] = last
        else:
            missing.append(e)
    with _progress(len(missing), quiet=False) as advance:
        for outcome in _outcomes(missing, options, journal):
            known[outcome.check, outcome.case] = outcome
            advance(f"{outcome.law} [{outcome.case}] {outcome.verdict}")
    return [known[e.name, e.case] for e in chosen]


def _failures(outcomes: list[Outcome]) -> list[str]:
    return [f"UNEXPECTED {o.id}: {o.summary()}\n  replay: {o.replay}\n" for o in outcomes if not o.ok]


def _outcomes(
    chosen: list[Entry], options: Options, journal: Path, workers: int = 1, cluster: str | None = None
) -> Iterator[Outcome]:
    torch.set_num_threads(1)
    if cluster is not None:
        from checks.cluster import outcomes_on_cluster

        yield from outcomes_on_cluster(chosen, options, journal, cluster)
        return
    if workers == 1:
        book = Journal(journal)
        for entry in chosen:
            yield run(entry.name, entry.check, entry.label, options, book, entry.replay(options))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        tasks = [pool.submit(_run_one, e.name, e.case, options, journal) for e in chosen]
        for task in as_completed(tasks):
            yield Outcome.from_dict(task.result())


def _run_one(name: str, case: str, options: Options, journal: Path) -> dict[str, object]:
    torch.set_num_threads(1)
    entry = next(e for e in entries() if (e.name, e.case) == (name, case))
    return run(entry.name, entry.check, entry.label, options, Journal(journal), entry.replay(options)).as_dict()


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator:
    if quiet or not sys.stderr.isatty():
        yield lambda message: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checks", total=total)
        yield lambda message: bar.update(task, advance=1, description=escape(message[:60]))
