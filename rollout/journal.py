"""A worker's journal: one SQLite file in which a rollout is finished because it is committed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory.errors import RecordError
from rollout.codec import decode, encode
from rollout.trajectory import Trajectory

SUFFIX = ".journal"
_LEAST_ROOM = 1 << 20  # bytes

_SCHEMA = """CREATE TABLE IF NOT EXISTS rollout (
    seq INTEGER PRIMARY KEY, rollout_id TEXT NOT NULL UNIQUE, trajectory BLOB NOT NULL)"""


class Journal:
    """Append-only; one process writes, its threads in turn. ``with Journal(path) as journal: journal.commit(batch)``.

    Every method raises :class:`RecordError` where the file cannot be written or read; what earlier commits wrote stays.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with _speaking(self.path, "open"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
        self._lock = threading.Lock()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, once a commit under way in another thread is done. Closing twice is harmless."""
        with self._lock:
            self._db.close()

    def commit(self, batch: Sequence[Trajectory]) -> list[Trajectory]:
        """Commits ``batch`` at once, to disk; returns what was not there yet (the first commit of an id wins)."""
        rows = [(trajectory.rollout_id, encode(trajectory)) for trajectory in batch]
        new: list[Trajectory] = []
        with self._lock, _speaking(self.path, "write"), _transaction(self._db):
            for trajectory, row in zip(batch, rows, strict=True):
                sql = "INSERT OR IGNORE INTO rollout (rollout_id, trajectory) VALUES (?, ?)"
                if self._db.execute(sql, row).rowcount == 1:
                    new.append(trajectory)
        return new


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def journals(folder: Path) -> list[Path]:
    """The journals in ``folder``, by name; their order decides whose commit of a doubled id counts as first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def committed_ids(path: Path) -> set[str]:
    """Ids of all rollouts that ``path`` holds. Raises :class:`RecordError`."""
    with _reading(path) as db:
        return {str(row[0]) for row in _select(db, "SELECT rollout_id FROM rollout")}


def read(path: Path, ids: Collection[str] | None = None) -> Iterator[Trajectory]:
    """Rollouts of a journal in commit order (those of ``ids`` only, if given).

    Whatever can be read comes first; then :class:`RecordError` is raised if something could not be.
    """
    bad: list[str] = []
    with _reading(path) as db:
        for rollout_id, data in _select(db, "SELECT rollout_id, trajectory FROM rollout ORDER BY seq"):
            if ids is not None and rollout_id not in ids:
                continue
            try:
                trajectory = decode(data)
            except ValueError:
                bad.append(str(rollout_id))
                continue
            yield trajectory
    if bad:
        raise RecordError(f"{path}: {len(bad)} damaged rollout(s), first {bad[0]}", _hint(path))


def _select(db: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    """Rows; none of a journal whose writer was killed before it had made the table."""
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        yield from db.execute(sql)


def remove(path: Path) -> None:
    """Deletes a journal and the files SQLite keeps beside it."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise RecordError(f"{path}: no such journal", "was it sealed into the run's tables already?")
    with _speaking(path, "read"):
        # Read-write: opening may have to finish what a killed writer left in the write-ahead log.
        db = sqlite3.connect(path, isolation_level=None)
        try:
            yield db
        finally:
            db.close()


@contextmanager
def _speaking(path: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        told, hint = str(error), _hint(path)
        if "full" in told or "No space" in told or _is_full(path.parent):
            told = "the disk is full"
            hint = "free some space, then run it again; with --resume, what was committed is kept"
        raise RecordError(f"{path}: cannot {doing} this journal: {told}", hint) from error


def _is_full(folder: Path) -> bool:
    """Whether hardly anything can be written there: SQLite calls a full disk by several names."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LEAST_ROOM


def _hint(path: Path) -> str:
    return f"move {path.name} away and run it again with --resume: what only it held is played again"
