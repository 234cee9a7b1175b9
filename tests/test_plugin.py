"""The pytest plugin: collection, outcomes, table, replay line, exit codes, xdist, junit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    source = (ROOT / "tests" / "toy.py").read_text()
    source = source.replace('"toy.second_moment"', '"toy.second_moment"') + "\n\nfrom checks import Gate\n"
    source += "gate = Gate(laws=(SECOND_MOMENT,))\n"
    (tmp_path / "check_toy.py").write_text(source)
    return tmp_path


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    import importlib.metadata

    installed = any(e.value == "checks.plugin" for e in importlib.metadata.entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "checks.plugin"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**_environment(), "COLUMNS": "200"}
    )


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_verdicts_table_budget_and_exit_code(project: Path) -> None:
    run = _pytest(project, "check_toy.py")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "error budget: 0.001 over at most 1000" in run.stdout
    assert re.search(r"RIGHT\[chain-a\]|toy\.second_moment\s+chain\s+a\s+CONFIRMED", run.stdout)
    assert "REFUTED (expected CONFIRMED)" in run.stdout
    assert "verdicts: 4 passed, 1 failed" in run.stdout
    assert "mutants refuted" in run.stdout
    assert "the samples carry a bias of 0.3" in run.stdout


def test_failure_prints_the_line_that_replays_it(project: Path) -> None:
    run = _pytest(project, "check_toy.py", "-k", "WRONG")
    line = next(x for x in run.stdout.splitlines() if x.startswith("replay: "))
    assert line.startswith("replay: pytest 'check_toy.py::WRONG[chain-a]' --profile quick --seed 0")
    again = _pytest(project, "check_toy.py::WRONG[chain-a]", "--no-resume")
    interval = re.search(r"interval \[[^\]]+\]", run.stdout)
    assert interval is not None
    assert interval.group() in again.stdout


def test_selection_and_stop_at_first_failure(project: Path) -> None:
    run = _pytest(project, "check_toy.py", "-k", "RIGHT or gate")
    assert run.returncode == 0, run.stdout
    assert "3 passed, 0 failed" in run.stdout
    stopped = _pytest(project, "check_toy.py", "-x", "-k", "WRONG or FINDING")
    assert "1 passed" not in stopped.stdout.splitlines()[-1] or "stopping" in stopped.stdout


def test_xdist_and_junit_carry_the_verdicts(project: Path) -> None:
    run = _pytest(project, "check_toy.py", "-n", "2", "--junitxml=junit.xml", "-k", "RIGHT or gate")
    assert "verdicts: 3 passed, 0 failed" in run.stdout, run.stdout + run.stderr
    text = (project / "junit.xml").read_text()
    assert text.count('name="sgdlaws"') == 3


def test_seed_reaches_the_sample_and_a_fresh_seed_is_printed(project: Path) -> None:
    run = _pytest(project, "check_toy.py", "-k", "RIGHT", "--fresh-seed")
    assert re.search(r"seed \d+ \(fresh\)", run.stdout)


def test_json_in_the_properties_is_one_document(project: Path) -> None:
    _pytest(project, "check_toy.py", "--junitxml=junit.xml", "-k", "FINDING")
    import html

    found = re.search(r'name="sgdlaws" value="([^"]+)"', (project / "junit.xml").read_text())
    assert found is not None
    data = json.loads(html.unescape(found.group(1)))
    assert (data["verdict"], data["ok"]) == ("REFUTED", True)


def test_wrong_options_are_usage_errors(project: Path) -> None:
    run = _pytest(project, "check_toy.py", "--profile", "fast")
    assert run.returncode != 0
    assert "choose quick or full" in run.stdout + run.stderr
