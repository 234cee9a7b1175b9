"""The journal: every finished chunk and every verdict in one SQLite file, so that a killed run resumes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.errors import CheckError
from checks.outcome import Outcome

DEFAULT_PATH = Path(".sgdlaws/journal.sqlite")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunks (
  sample TEXT, check_id TEXT, case_id TEXT, chunk INTEGER, seed INTEGER, device TEXT, version TEXT, state TEXT,
  PRIMARY KEY (sample, check_id, case_id, chunk, seed, device, version));
CREATE TABLE IF NOT EXISTS verdicts (
  id INTEGER PRIMARY KEY, check_id TEXT, case_id TEXT, law TEXT, rung TEXT, seed INTEGER, device TEXT,
  profile TEXT, claim TEXT, version TEXT, time REAL, outcome TEXT);
CREATE INDEX IF NOT EXISTS verdicts_by_case ON verdicts (check_id, case_id);
CREATE INDEX IF NOT EXISTS verdicts_by_law ON verdicts (law);
"""


@dataclass(frozen=True)
class ChunkKey:
    """What identifies the chunks of one case."""

    sample: str
    check: str
    case: str
    seed: int
    device: str
    version: str

    def row(self) -> tuple[Any, ...]:
        """Return the key as a database row without the chunk index."""
        return (self.sample, self.check, self.case, self.seed, self.device, self.version)


class Journal:
    """A journal file; safe for several processes (write-ahead log, busy timeout).

    >>> journal = Journal(":memory:")
    >>> key = ChunkKey("s", "check", "case", 0, "cpu", "0.1")
    >>> journal.put_chunk(key, 3, {"count": 2})
    >>> journal.chunks(key)
    {3: {'count': 2}}
    """

    def __init__(self, path: Path | str = DEFAULT_PATH) -> None:
        """Open or create the journal; a file that is no journal raises CheckError."""
        self.path = path
        try:
            if str(path) != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise CheckError(
                f"the journal {path} cannot be used ({error}); move it away or choose another with --journal PATH."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._db
        except sqlite3.Error as error:
            raise CheckError(f"writing to the journal {self.path} failed ({error}); free space or move it.") from error

    def put_chunk(self, key: ChunkKey, chunk: int, state: Any) -> None:
        """Store the state of one finished chunk."""
        text = json.dumps(state)
        sample, check, case, seed, device, version = key.row()
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO chunks VALUES (?,?,?,?,?,?,?,?)",
                (sample, check, case, chunk, seed, device, version, text),
            )

    def chunks(self, key: ChunkKey) -> dict[int, Any]:
        """Return the stored states of one case by chunk index; damaged rows are left out and computed again."""
        rows = self._db.execute(
            "SELECT chunk, state FROM chunks WHERE sample=? AND check_id=? AND case_id=? AND seed=? AND device=?"
            " AND version=?",
            key.row(),
        )
        found = {}
        for chunk, text in rows:
            try:
                found[chunk] = json.loads(text)
            except ValueError:
                continue
        return found

    def put_verdict(self, outcome: Outcome, version: str) -> None:
        """Store a verdict."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO verdicts"
                " (check_id, case_id, law, rung, seed, device, profile, claim, version, time, outcome)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                (
                    outcome.check, outcome.case, outcome.law, outcome.rung, outcome.seed, outcome.device,
                    outcome.profile, outcome.claim, version, time.time(), json.dumps(outcome.as_dict()),
                ),
            )  # fmt: skip

    def last_verdict(self, check: str, case: str) -> Outcome | None:
        """Return the latest verdict of a case, whatever its claim was then."""
        row = self._db.execute(
            "SELECT outcome FROM verdicts WHERE check_id=? AND case_id=? ORDER BY id DESC LIMIT 1",
            (check, case),
        ).fetchone()
        return Outcome.from_dict(json.loads(row[0])) if row else None

    def latest(self) -> list[Outcome]:
        """Return the latest verdict of every case."""
        rows = self._db.execute(
            "SELECT outcome FROM verdicts WHERE id IN (SELECT MAX(id) FROM verdicts GROUP BY check_id, case_id)"
            " ORDER BY id"
        )
        return [Outcome.from_dict(json.loads(text)) for (text,) in rows]
