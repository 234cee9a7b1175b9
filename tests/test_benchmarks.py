"""The benchmark table of the README is the one that the kept results give."""

from __future__ import annotations

import json

import pytest

from benchmarks.table import README, RESULTS, render, replaced
from benchmarks.timing import interleaved, ratio


def test_readme_shows_the_kept_results() -> None:
    text = README.read_text()
    assert replaced(text, json.loads(RESULTS.read_text())) == text


def test_ratio_is_the_median_over_rounds_per_unit_of_work() -> None:
    times = {"slow": [4.0, 6.0, 90.0], "fast": [2.0, 2.0, 3.0]}
    assert ratio(times, "slow", "fast", work=10.0) == 30.0


def test_contestants_run_in_turn_after_a_warm_up() -> None:
    order: list[str] = []
    interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)
    assert order == ["a", "b", "a", "b", "a", "b"]


@pytest.mark.parametrize(("value", "shown"), [(None, "| - |"), (0.444, "| 0.44x |"), (1234.0, "| 1,200x |")])
def test_ratios_are_shown_with_two_digits(value: float | None, shown: str) -> None:
    line = {"what": "w", "against": "p", "ratio": value, "target": "", "floor": None, "detail": ""}
    assert shown in render([line])[-1]
