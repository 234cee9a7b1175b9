"""Checks on Dask give the numbers of a serial run, whatever happens to the workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from checks.cluster import outcomes_on_cluster
from checks.engine import run
from checks.errors import CheckError
from checks.journal import Journal
from checks.options import Options
from checks.registry import Entry, select

OPTIONS = Options(seed=5)


@pytest.fixture(scope="module")
def items() -> list[Entry]:
    chosen = select("stability.critical_learning_rate")
    return [e for e in chosen if e.case.startswith("chain")][:4]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as started:
        yield started


def _numbers(outcomes: Any) -> list[tuple[Any, ...]]:
    return sorted((o.id, o.estimate, o.low, o.high, o.replicas, o.verdict, tuple(o.mutants.items())) for o in outcomes)


def test_a_lost_worker_changes_no_number(items: list[Entry], cluster: Any, tmp_path: Path) -> None:
    serial = [run(e.name, e.check, e.label, OPTIONS, Journal(":memory:")) for e in items]
    stream = outcomes_on_cluster(items, OPTIONS, tmp_path / "j.sqlite", cluster.scheduler_address)
    outcomes = [next(stream)]
    with Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    outcomes += stream
    assert _numbers(outcomes) == _numbers(serial)


def test_a_second_run_takes_its_chunks_from_the_journal(items: list[Entry], cluster: Any, tmp_path: Path) -> None:
    for item in items[:1]:
        run(item.name, item.check, item.label, OPTIONS, Journal(tmp_path / "j.sqlite"))
    (again,) = outcomes_on_cluster(items[:1], OPTIONS, tmp_path / "j.sqlite", cluster.scheduler_address)
    assert again.resumed


@pytest.mark.parametrize(
    ("address", "message"),
    [("local:none", "local:N"), ("local:0", "from 1 to 1024"), ("spark://x", "is no cluster"), ("", "is no cluster")],
)
def test_an_address_that_is_none_is_refused(items: list[Entry], address: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=message):
        list(outcomes_on_cluster(items, OPTIONS, tmp_path / "j.sqlite", address))


def test_a_scheduler_without_workers_is_refused(items: list[Entry], tmp_path: Path) -> None:
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(CheckError, match="has no workers"),
    ):
        list(outcomes_on_cluster(items, OPTIONS, tmp_path / "j.sqlite", empty.scheduler_address))
