"""Hostile and malformed input to `sgdlaws derive lyapunov`: exit code 2, one clear message, nothing executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.cli import main

CURVATURES = (
    "__import__('os').system('touch pwned')",
    "eval('1')",
    "exec(\"open('pwned','w')\")",
    "(lambda: open('pwned', 'w'))()",
    "[x for x in (1,2)]",
    "Normal(m, s).__class__",
    "Normal.__init__(0, 1)",
    "getattr(Normal, 'x')",
    "Normal(m, s)[0]",
    "open('pwned', 'w')",
    "Normal(9**9**9, 1)",
    "Normal(10**400, 1)",
    "Normal(" + "(" * 300 + "1" + ")" * 300 + ", 1)",
    "Normal(0, 1)" + "+1" * 20000,
    "Normal(0, -1)",
    "Normal(0)",
    "Normal(0, 1, 2)",
    "Nrmal(0, 1)",
    "",
    "   ",
    "Normal(0, 1",
    "Normal(0, 1))",
    "Normal(0; 1)",
    "Normal(nan, 1)",
    "Normal(inf, 1)",
    "Finite([], [])",
    "Finite([1, 2], [0.5])",
    "TwoPoint(1, 2, 1.5)",
    "Normal(1, 1)*Normal(1, 1)",
    "x := 3",
    "f'{1}'",
    "Normal(0, 1) if 1 else 2",
    "\x00",
    "import os",
)


@pytest.mark.parametrize("curvature", CURVATURES, ids=range(len(CURVATURES)))
def test_bad_curvatures_are_refused_with_one_message(
    curvature: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sgdlaws", "derive", "lyapunov", "--curvature", curvature, "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert len(output.err) < 2000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--at", "m=1"],
        ["--at", "m=1,s=0,learning_rate=0.5"],
        ["--at", "m=1,s=1,learning_rate=-0.5"],
        ["--at", "m=__import__('os'),s=1,learning_rate=1"],
        ["--batch", "0"],
        ["--replacement", "without"],
        ["--at", "m"],
    ],
)
def test_bad_options_are_refused_with_one_message(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv", ["sgdlaws", "derive", "lyapunov", "--curvature", "Normal(m, s)", *options, "--json"]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert output.out == ""
