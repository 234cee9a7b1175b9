"""Interleaved timing: what is compared runs in turn, and only ratios within a round count."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch


def seconds(work: Callable[[], Any], device: str = "cpu") -> float:
    """Return the wall time of one call, finished on its device."""
    if device != "cpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def interleaved(
    contestants: Mapping[str, Callable[[], Any]], rounds: int = 5, device: str = "cpu"
) -> dict[str, list[float]]:
    """Call every contestant once to warm up, then once in each round; return the seconds of each by round."""
    for work in contestants.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            times[name].append(seconds(work, device))
    return times


def ratio(times: Mapping[str, list[float]], slow: str, fast: str, work: float = 1.0) -> float:
    """Median over the rounds of slow/fast, times ``work`` (work of ``fast`` over work of ``slow`` per call)."""
    return work * statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))


def row(
    what: str, against: str, found: float | None, target: str, floor: float | None = None, detail: str = ""
) -> dict:
    """One line of the result: ratio of times (peer over ours) and the fraction of the physical floor reached."""
    return {"what": what, "against": against, "ratio": found, "target": target, "floor": floor, "detail": detail}
