"""The command line as a user runs it: output, JSON, errors with exit code 2 and no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAW = "stability.exponent.normal"
VALUES = ("learning_rate=0.5", "curvature_mean=-0.1", "curvature_std=1")


def sgdlaws(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "checks.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )


def test_evaluate_prints_the_value_and_one_json_document() -> None:
    run = sgdlaws("evaluate", LAW, *VALUES, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"law": LAW, "value": pytest.approx(-0.1102068325, abs=1e-10)}


def test_evaluate_gives_tree_coefficients_exactly_too() -> None:
    run = sgdlaws("evaluate", "principal_flow.tree_coefficient.gd", "tree=[0,1,1]", "--json")
    assert json.loads(run.stdout)["exact"] == "1/12"


def test_evaluate_gives_as_many_digits_as_asked() -> None:
    run = sgdlaws("evaluate", LAW, *VALUES, "--digits", "40")
    assert len(run.stdout.strip().lstrip("-0.")) >= 38


def test_evaluate_many_goes_on_after_a_bad_case(tmp_path: Path) -> None:
    params = dict(v.split("=") for v in VALUES)
    cases = [
        {"id": LAW, "params": {k: float(v) for k, v in params.items()}},
        {"id": LAW, "params": {"learning_rate": -1}},
        {"id": "nowhere", "params": {}},
        {"id": LAW, "params": params},
    ]
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    run = sgdlaws("evaluate", "--from", str(tmp_path / "cases.json"), "--json")
    result = json.loads(run.stdout)
    assert [sorted(r) for r in result] == [["law", "value"], ["error", "law"], ["error", "law"], ["law", "value"]]
    assert result[0] == result[3]


def test_list_and_show_name_the_law() -> None:
    listed = json.loads(sgdlaws("list", "--family", "stability", "--json").stdout)
    assert LAW in {row["id"] for row in listed}
    shown = sgdlaws("show", LAW)
    assert "derivation:" in shown.stdout
    assert "curvature_std" in shown.stdout
    assert sgdlaws("show", LAW, "--bibtex").stdout.startswith("@misc{")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", LAW, "learning_rate=0.5"), "needs a value for 'curvature_mean'"),
        (("evaluate", LAW, *VALUES, "curvature_std=-1"), "given twice"),
        (("evaluate", LAW, "learning_rate"), "not of the form key=value"),
        (("evaluate", "stability.exponent.normall"), "did you mean"),
        (("evaluate",), "which law?"),
        (("evaluate", "--from", "absent.json"), "cannot be read"),
        (("show", "x"), "no law has the id"),
        (("list", "--family", "x"), "no family 'x'"),
        (("check", "no-such-check"), "no check matches"),
        (("check", "--profile", "fast"), "choose quick or full"),
        (("check", "--device", "tpu"), "choose cpu or cuda"),
        (("frobnicate",), "No such command"),
        (("evaluate", LAW, *VALUES, "--digits", "0"), "digits"),
    ],
)
def test_wrong_usage_exits_with_2_and_one_message(arguments: tuple[str, ...], message: str) -> None:
    run = sgdlaws(*arguments)
    assert run.returncode == 2, run.stdout + run.stderr
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_version_and_help_answer() -> None:
    assert sgdlaws("--help").returncode == 0
    assert "sgdlaws derive lyapunov" in sgdlaws("--help").stdout
    assert sgdlaws("--version").stdout.startswith("sgdlaws 0.")


def test_check_prints_json_with_every_verdict(tmp_path: Path) -> None:
    run = sgdlaws("check", "check_stability.py::exponent_normal[chain*", "--json", cwd=tmp_path)
    data = json.loads(run.stdout)
    assert run.returncode == 0, run.stderr
    assert {v["verdict"] for v in data["verdicts"]} == {"CONFIRMED"}
    assert (tmp_path / ".sgdlaws" / "journal.sqlite").exists()


def _start_check(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "checks.cli", "check", "stability.exponent.normal", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def test_a_killed_check_resumes_with_the_same_numbers(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    process = _start_check(killed)
    journal = killed / ".sgdlaws" / "journal.sqlite"
    while process.poll() is None and not (journal.exists() and _chunks(journal) > 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = _chunks(journal)
    assert kept > 0
    resumed, complete = (json.loads(_start_check(folder).communicate()[0]) for folder in (killed, whole))
    numbers = [
        [(v["case"], v["estimate"], v["low"], v["high"], v["replicas"], v["verdict"]) for v in run["verdicts"]]
        for run in (resumed, complete)
    ]
    assert numbers[0] == numbers[1]
    assert any(v["resumed"] for v in resumed["verdicts"])


def _chunks(journal: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
            return db.execute("SELECT COUNT(*) FROM chunks").fetchone()[0]
    except sqlite3.Error:
        return 0
