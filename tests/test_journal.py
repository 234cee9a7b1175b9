"""The journal: chunks and verdicts survive, damaged rows are computed again, foreign files are refused."""

from __future__ import annotations

import sqlite3

import pytest

from checks.errors import CheckError
from checks.journal import ChunkKey, Journal

KEY = ChunkKey("sample", "check", "case", 0, "cpu", "0.1.0")


def test_chunks_come_back_bit_for_bit(tmp_path) -> None:
    state = {"count": 3, "mean": [0.1 + 0.2, 1e-300]}
    Journal(tmp_path / "j.sqlite").put_chunk(KEY, 4, state)
    assert Journal(tmp_path / "j.sqlite").chunks(KEY) == {4: state}


def test_chunks_of_another_key_are_not_used(tmp_path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.put_chunk(KEY, 0, {"count": 1})
    assert journal.chunks(ChunkKey("other", "check", "case", 0, "cpu", "0.1.0")) == {}


def test_damaged_rows_are_left_out(tmp_path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.put_chunk(KEY, 0, {"count": 1})
    journal.put_chunk(KEY, 1, {"count": 1})
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        db.execute("UPDATE chunks SET state='{broken' WHERE chunk=0")
    assert list(journal.chunks(KEY)) == [1]


def test_a_file_that_is_no_journal_is_refused(tmp_path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_text("this is not a database, and it is long enough to be sure of that" * 10)
    with pytest.raises(CheckError, match="cannot be used"):
        Journal(path)
