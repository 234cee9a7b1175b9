"""Checks on Dask: the same chunks, performed by the workers of a cluster.

Cases converse with this process (``checks.engine.steps``); every piece of work they ask for becomes one Dask task and
is journalled here as soon as it is finished. A task of a lost worker is computed again elsewhere. Since a state
depends only on its work and the options, and is merged in the order of its chunks, the results are those of a serial
run, bit for bit on one kind of device.
"""

from __future__ import annotations

import functools
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checks.check import source_hash
from checks.engine import Conversation, Work, perform, steps
from checks.errors import CheckError
from checks.journal import Journal
from checks.options import Options
from checks.outcome import Outcome
from checks.registry import Entry, entries
from checks.version import __version__ as VERSION

_MISSING = "--cluster needs Dask; install it with: pip install 'sgdlaws[cluster]'"
_CONNECT_SECONDS = 10


def outcomes_on_cluster(chosen: list[Entry], options: Options, journal: Path, address: str) -> Iterator[Outcome]:
    """Yield the outcome of every item as it is decided. ``address``: ``local:N`` or ``tcp://host:port``.

    Raises CheckError if Dask is absent, the address is none, no scheduler answers, the workers run another version,
    or a task keeps killing its workers.
    """
    try:
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise CheckError(_MISSING) from error

    book, waiting = Journal(journal), deque(chosen)
    open_cases: dict[str, _OpenCase] = {}
    with _client(address) as client:
        _same_version(client)
        # Two cases for each worker keep all of them busy while this process judges.
        room = 2 * max(1, sum(client.nthreads().values()))
        done = as_completed(with_results=False)
        while waiting or open_cases:
            while waiting and len(open_cases) < room:
                entry = waiting.popleft()
                case = _OpenCase(
                    entry, steps(entry.name, entry.check, entry.label, options, book, entry.replay(options))
                )
                outcome = case.advance(None)
                if outcome is not None:
                    yield outcome
                    continue
                open_cases[entry.node] = case
                done.update(case.submit(client, options))
            if not open_cases:
                continue
            future = next(done)
            node, position = json.loads(future.key)[:2]
            case = open_cases[node]
            try:
                state = future.result()
            except KilledWorker as error:
                raise CheckError(
                    f"{node} lost every worker that tried it ({error}); give the workers more memory or run it alone."
                ) from error
            except FutureCancelledError as error:
                raise CheckError(
                    f"the cluster went away ({error}); the same command resumes from the journal."
                ) from error
            case.take(position, state, book)
            if case.complete:
                outcome = case.advance(case.states)
                if outcome is None:
                    done.update(case.submit(client, options))
                else:
                    del open_cases[node]
                    yield outcome


class _OpenCase:
    """A conversation under way, with the work it has asked for last."""

    def __init__(self, entry: Entry, conversation: Conversation) -> None:
        self.entry, self.conversation, self.round = entry, conversation, 0
        self.wanted: list[Work] = []
        self.found: dict[int, Any] = {}

    def advance(self, states: list[Any] | None) -> Outcome | None:
        """Send the states; return the outcome if that was all, otherwise keep what is wanted next."""
        try:
            self.wanted = self.conversation.send(states) if states is not None else next(self.conversation)
        except StopIteration as end:
            return end.value
        self.found, self.round = {}, self.round + 1
        return None

    def submit(self, client: Any, options: Options) -> list[Any]:
        """Hand the wanted work to the cluster; the key of a task says whose and which it is."""
        return [
            client.submit(
                _perform_on_worker,
                work,
                options,
                key=json.dumps([self.entry.node, position, self.round, options.seed, options.profile]),
                pure=False,
            )
            for position, work in enumerate(self.wanted)
        ]

    def take(self, position: int, state: Any, book: Journal) -> None:
        """Keep one state, in the journal too."""
        work = self.wanted[position]
        self.found[position] = state
        if work.key is not None:
            book.put_chunk(work.key, work.index, state)

    @property
    def complete(self) -> bool:
        """Whether every piece of work of this round is done."""
        return len(self.found) == len(self.wanted)

    @property
    def states(self) -> list[Any]:
        """The states in the order in which their work was wanted."""
        return [self.found[position] for position in range(len(self.wanted))]


@functools.cache
def _checks_by_item() -> dict[tuple[str, str], Any]:
    return {(entry.name, entry.label): entry.check for entry in entries()}


def _perform_on_worker(work: Work, options: Options) -> Any:
    import torch

    torch.set_num_threads(1)
    return perform(work, _checks_by_item()[work.name, work.label], options)


def _sources() -> str:
    return f"{VERSION} (sources {source_hash('theory', 'numerics', 'checks')[:8]})"


def _same_version(client: Any) -> None:
    own = _sources()
    try:
        others = client.run(_sources)
    except ModuleNotFoundError as error:
        raise CheckError(f"the workers lack sgdlaws ({error}); install the same version of it on each.") from error
    for worker, version in others.items():
        if version != own:
            raise CheckError(
                f"worker {worker} runs sgdlaws {version}, this process {own}; install the same version on both."
            )


@contextmanager
def _client(address: str) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    kind, _, rest = address.partition(":")
    if kind == "local":
        if not rest.isdigit() or not 1 <= int(rest) <= 1024:
            raise CheckError(f"--cluster {address!r} names no number of workers; write local:N with N from 1 to 1024.")
        with (
            LocalCluster(
                n_workers=int(rest), threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    if kind not in ("tcp", "tls"):
        raise CheckError(f"--cluster {address!r} is no cluster; write local:N or tcp://HOST:PORT.")
    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise CheckError(f"no Dask scheduler answers at {address} within {_CONNECT_SECONDS} s ({error}).") from error
    with client:
        if not client.nthreads():
            raise CheckError(f"the scheduler at {address} has no workers; start some with `dask worker {address}`.")
        yield client
