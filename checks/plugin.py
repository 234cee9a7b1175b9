"""pytest plugin: collects module-level ``Check`` and ``Gate`` objects of ``check_*.py`` files and reports verdicts."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from checks.journal import Journal
    from checks.options import Options
    from checks.outcome import Outcome
    from checks.registry import Entry

_PROPERTY = "sgdlaws"
_LETTERS = {"CONFIRMED": "C", "REFUTED": "R", "INCONCLUSIVE": "?", "INVALID": "I"}


class UnexpectedVerdict(AssertionError):
    """A verdict that differs from the one the check declares."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("sgdlaws", "theory checks")
    group.addoption("--profile", default="quick", help="quick (default) or full: sharper margins, longer plans")
    group.addoption("--device", default="cpu", help="cpu (default) or cuda")
    group.addoption("--seed", type=int, default=0, help="root seed of all random streams (default 0)")
    group.addoption("--fresh-seed", action="store_true", help="draw a new root seed and print it")
    group.addoption("--journal", default=".sgdlaws/journal.sqlite", help="journal of chunks and verdicts")
    group.addoption("--report", default=None, metavar="DIR", help="write the validation report into this directory")
    group.addoption("--no-resume", action="store_true", help="simulate again what the journal already holds")


def pytest_configure(config: pytest.Config) -> None:
    """Fix the seed once, in the controlling process."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.option.seed = worker["sgdlaws_seed"]
    elif config.getoption("fresh_seed", False):
        config.option.seed = secrets.randbits(31)
    config.stash[_outcomes_key] = []
    config.stash[_paths_key] = {}


def pytest_configure_node(node: Any) -> None:
    """Hand the seed to xdist workers."""
    node.workerinput["sgdlaws_seed"] = node.config.option.seed


pytest_configure_node = pytest.hookimpl(optionalhook=True)(pytest_configure_node)
_outcomes_key = pytest.StashKey[list["Outcome"]]()
_paths_key = pytest.StashKey[dict[str, None]]()
_entries_key = pytest.StashKey[list["Entry"]]()
_session_key = pytest.StashKey[tuple["Options", "Journal"]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect files named ``check_*.py`` (a file named on the command line is collected by pytest itself)."""
    if parent.session.isinitpath(file_path):
        return None
    if file_path.suffix == ".py" and file_path.name.startswith("check_"):
        return pytest.Module.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> list[pytest.Item] | None:
    """Turn each case of a module-level check into an item ``name[rung-label]``."""
    if type(obj).__module__ != "checks.check" or not collector.path.name.startswith("check_"):
        return None
    from checks.check import Check, Gate
    from checks.registry import Entry

    if not isinstance(obj, (Check, Gate)):
        return None
    labels = list(obj.cases) if isinstance(obj, Check) else obj.labels()
    shown = collector.nodeid
    entries = [Entry(f"{collector.path.stem}::{name}", obj, label, shown) for label in labels]
    return [CheckItem.from_parent(collector, name=f"{name}[{e.case}]", entry=e) for e in entries]


class CheckItem(pytest.Item):
    """One case of one check."""

    def __init__(self, *, entry: Entry, **kwargs: Any) -> None:
        """Keep the entry."""
        super().__init__(**kwargs)
        self.entry = entry

    def runtest(self) -> None:
        """Run the case; an unexpected verdict fails the item."""
        from checks.engine import run

        options, journal = _session(self.config)
        outcome = run(self.entry.name, self.entry.check, self.entry.label, options, journal, self.entry.replay(options))
        self.user_properties.append((_PROPERTY, json.dumps(outcome.as_dict())))
        if not outcome.ok:
            raise UnexpectedVerdict(f"expected {outcome.expected}, got {outcome.summary()}\nreplay: {outcome.replay}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the verdict alone, without a traceback, where the verdict is the failure."""
        if isinstance(excinfo.value, UnexpectedVerdict):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name the item in reports."""
        return self.path, 0, self.name


def _session(config: pytest.Config) -> tuple[Options, Journal]:
    if _session_key not in config.stash:
        import torch

        from checks.journal import Journal
        from checks.options import Options

        torch.set_num_threads(1)
        options = Options(
            profile=config.getoption("profile"),
            seed=config.getoption("seed"),
            device=config.getoption("device"),
            resume=not config.getoption("no_resume"),
        )
        config.stash[_session_key] = (options, Journal(config.getoption("journal")))
    return config.stash[_session_key]


def _outcome_of(report: pytest.TestReport) -> dict[str, Any] | None:
    found = [value for name, value in report.user_properties if name == _PROPERTY]
    return json.loads(str(found[-1])) if found else None


def pytest_report_teststatus(report: Any) -> tuple[str, str, Any] | None:
    """Name outcomes by their verdicts."""
    if getattr(report, "when", None) != "call" or not isinstance(report, pytest.TestReport):
        return None
    data = _outcome_of(report)
    if data is None or not data["ok"]:
        return None
    verdict = data["verdict"]
    word = verdict if verdict == "CONFIRMED" else f"{verdict} (expected)"
    return verdict.lower(), _LETTERS[verdict], (word, {"green": True})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the outcomes, in the controlling process under xdist."""
    data = _outcome_of(report) if report.when == "call" else None
    if data is not None and _current is not None:
        from checks.outcome import Outcome

        _current.stash[_outcomes_key].append(Outcome.from_dict(data))
        _current.stash[_paths_key][report.nodeid.split("::")[0]] = None


_current: pytest.Config | None = None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the configuration whose reports are collected."""
    global _current
    _current = session.config


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Print the error budget and the settings of the run in the header."""
    if not any(isinstance(item, CheckItem) for item in items):
        return []
    from checks.errors import CheckError
    from checks.registry import budget_line, entries

    try:
        _session(config)
        budget = budget_line(entries())
    except CheckError as error:
        raise pytest.UsageError(str(error)) from error
    chosen = f"profile {config.getoption('profile')}, device {config.getoption('device')}"
    seed = f"seed {config.getoption('seed')}{' (fresh)' if config.getoption('fresh_seed') else ''}"
    return [
        f"sgdlaws: {budget}",
        f"sgdlaws: {chosen}, {seed}, journal {config.getoption('journal')}",
    ]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember the items of the run for the report."""
    session.config.stash[_entries_key] = [item.entry for item in session.items if isinstance(item, CheckItem)]


def _entries(config: pytest.Config) -> list[Entry]:
    """Every item of the run; under xdist the controlling process collects none and reads the files itself."""
    known = config.stash.get(_entries_key, [])
    if known:
        return known
    from checks.registry import entries_of_file

    return [e for path in config.stash[_paths_key] for e in entries_of_file(config.rootpath / path)]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict table, the reasons of expected refutations, and the totals."""
    outcomes = config.stash.get(_outcomes_key, [])
    if not outcomes:
        return
    from checks import table

    outcomes = sorted(outcomes, key=lambda o: (o.check, o.case))
    terminalreporter.section("verdicts")
    for line in table.render(outcomes):
        terminalreporter.write_line(line)
    findings = [o for o in outcomes if o.reason]
    if findings:
        terminalreporter.section("findings: verdicts expected to differ from CONFIRMED")
        for o in findings:
            terminalreporter.write_line(f"{o.law} [{o.case}]: {o.reason}")
    if config.getoption("report"):
        from checks.report import report_of

        page = report_of(_entries(config), outcomes, Path(config.getoption("report")), everything=False)
        terminalreporter.write_line(f"report: {page}")
    terminalreporter.write_line("")
    for line in table.totals(outcomes):
        terminalreporter.write_line(line)
