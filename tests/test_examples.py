"""The examples as a user has them: copied to a folder of his own, run by the installed plugin, shown in a notebook."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("check_*.py"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_has_fewer_than_60_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60


def test_own_laws_run_outside_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "my_laws"
    folder.mkdir()
    for path in EXAMPLES:
        shutil.copy(path, folder)
    done = run("pytest", "my_laws/", "--report", "report", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdicts: 5 passed, 0 failed" in done.stdout
    verdicts = {
        (d["law"], d["rung"], d["verdict"]) for d in json.loads((tmp_path / "report" / "data.json").read_text())
    }
    assert verdicts == {
        ("example.heavy_ball_variance", "algebra", "CONFIRMED"),
        ("example.heavy_ball_variance", "chain", "CONFIRMED"),
        ("example.averaged_iterates", "chain", "CONFIRMED"),
        ("example.sde_variance", "chain", "REFUTED"),
    }
    pages = {p.stem for p in (tmp_path / "report" / "laws").iterdir()}
    assert pages == {law for law, _, _ in verdicts}
    wrong = (tmp_path / "report" / "laws" / "example.sde_variance.html").read_text()
    assert "the diffusion drops the factor" in wrong
    assert 'src="../figures/example.sde_variance.svg"' in wrong


def test_a_formula_with_a_leading_minus_is_judged_by_one_experiment(tmp_path: Path) -> None:
    formula = "-learning_rate*curvature_mean"
    done = run(
        "checks.cli", "test", formula, "--against", "check_stability::exponent_normal_sgd", "--json", cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] is None
    assert {(v["rung"], v["verdict"]) for v in found["verdicts"]} == {("sgd", "REFUTED")}


def test_an_unknown_experiment_is_named(tmp_path: Path) -> None:
    done = run("checks.cli", "test", "x", "--against", "check_nothing::here", cwd=tmp_path)
    assert done.returncode == 2
    assert "check_nothing::here" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_notebook_runs_and_its_objects_show_themselves(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    shown = [o.data for o in outputs if o.output_type == "execute_result"]
    assert sum("text/html" in data for data in shown) >= 3
    assert any("\\Lambda" in data.get("text/latex", "") for data in shown)
    assert any("CONFIRMED" in data.get("text/html", "") for data in shown)
