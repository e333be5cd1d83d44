"""A run's folder: ``run.json`` (what it plays), ``journal/`` (workers' commits), ``tables/`` (sealed)."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from factory.errors import GrindError, RecordError
from rollout import journal
from rollout.rows import About
from rollout.tables import Tables
from rollout.trajectory import Attempt, Trajectory

ROOT = Path("out/runs")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Run:
    """One run. ``info`` is ``run.json``: at least ``name``, ``env_name``, ``environment``, ``snapshot``.

    Made by :meth:`create` or :meth:`open`. Its tables may lie elsewhere: ``info["tables"]``, any fsspec URL.
    """

    def __init__(self, path: Path, info: Mapping[str, Any]) -> None:
        self.path = path
        self.info = dict(info)
        self.tables = Tables(str(info.get("tables") or path.absolute() / "tables"))

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.info["name"])

    @property
    def journal_folder(self) -> Path:
        """Where workers keep their journals."""
        return self.path / "journal"

    @classmethod
    def create(cls, name: str, info: Mapping[str, Any], root: Path = ROOT) -> Run:
        """A new run. Raises GrindError if there is one of that name or the name is no plain word."""
        if not _NAME.fullmatch(name):
            raise GrindError(f"{name!r} is no name for a run", "letters, digits, dot, dash and underscore")
        path = root / name
        if (path / "run.json").exists():
            raise GrindError(f"run {name} is there already", "take another --run, or go on with it: --resume")
        run = cls(path, {"name": name, **info})
        try:
            (path / "journal").mkdir(parents=True, exist_ok=True)
            run.save()
        except OSError as error:
            raise GrindError(f"{path}: cannot be written: {error.strerror}", "take another --runs") from error
        return run

    @classmethod
    def open(cls, name: str, root: Path = ROOT) -> Run:
        """A run by name, or by the path of its folder. Raises RecordError."""
        path = file = Path(name)
        try:
            path = root / name if (root / name).is_dir() else Path(name)
            file = path / "run.json"
            info = json.loads(file.read_text())
            if not isinstance(info, dict) or "name" not in info:
                raise ValueError("no object with a name")
        except (FileNotFoundError, NotADirectoryError):
            raise RecordError(f"no run {name}: {file} is not there", "`grind ls` lists the runs") from None
        except (OSError, ValueError) as error:
            raise RecordError(f"{file}: cannot be read: {error}", "write it again, or start another run") from error
        return cls(path, info)

    def save(self) -> None:
        """Writes ``run.json`` in one step."""
        write_whole(self.path / "run.json", json.dumps(self.info, indent=1, sort_keys=True) + "\n")

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Only one driver at a time. Raises GrindError if another process has the run."""
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                hint = "wait for it, or end that process"
                raise GrindError(f"run {self.name} is in use by another process", hint) from None
            yield

    def drain(self) -> int:
        """Seals all journals into one more part of the tables and removes them; returns how many rollouts that added.

        Killed anywhere in between and called again, it doubles and loses nothing: what a part holds is left out of the
        next. Raises RecordError if a journal is damaged; what can be read of it has then been sealed, and it is kept.
        """
        damaged: list[RecordError] = []
        paths = journal.journals(self.journal_folder)
        about = About(str(self.info.get("env_name", "")), str(self.info.get("snapshot", "")))
        readable: list[Path] = []
        added = self.tables.seal(_readable(paths, readable, damaged), about)
        for path in readable:
            journal.remove(path)
        if damaged:
            raise damaged[0]
        return added

    def ids(self) -> set[str]:
        """Ids of all rollouts that are finished: sealed, or in a journal."""
        found = self.tables.ids()
        for path in journal.journals(self.journal_folder):
            found |= journal.committed_ids(path)
        return found

    def unsealed(self) -> int:
        """Rollouts that are committed in journals and not sealed yet."""
        found: set[str] = set()
        for path in journal.journals(self.journal_folder):
            found |= journal.committed_ids(path)
        return len(found - self.tables.ids())

    def remaining(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Those of ``attempts`` that no finished rollout answers (the anti-join)."""
        done = self.ids()
        return [attempt for attempt in attempts if attempt.rollout_id not in done]

    def trajectories(self, ids: Collection[str] | None = None) -> Iterator[Trajectory]:
        """All finished rollouts (those of ``ids``, if given), each once: sealed ones first, then the journals'."""
        seen: set[str] = set()
        for trajectory in self.tables.trajectories(ids):
            seen.add(trajectory.rollout_id)
            yield trajectory
        for path in journal.journals(self.journal_folder):
            for trajectory in journal.read(path, ids):
                if trajectory.rollout_id not in seen:
                    seen.add(trajectory.rollout_id)
                    yield trajectory

    def find(self, prefix: str) -> Trajectory:
        """The one rollout whose id starts with ``prefix``, wherever it still can be read. Raises RecordError."""
        damaged: list[RecordError] = []
        found = {id for id in self._ids_despite(damaged) if id.startswith(prefix)}
        if len(found) > 1:
            raise RecordError(f"{len(found)} rollouts of {self.name} start with {prefix!r}", "give more digits")
        for trajectory in self.tables.trajectories(found, damaged=damaged):
            return trajectory
        for path in journal.journals(self.journal_folder) if found else ():
            for trajectory in journal.read(path, found):
                return trajectory
        if damaged:
            raise damaged[0]
        raise RecordError(f"run {self.name} has no rollout {prefix!r}", "`grind show` lists them")

    def _ids_despite(self, damaged: list[RecordError]) -> set[str]:
        found: set[str] = set()
        for path in self.tables.parts():
            try:
                found.update(self.tables.ids_of(path))
            except RecordError as error:
                damaged.append(error)
        for file in journal.journals(self.journal_folder):
            try:
                found |= journal.committed_ids(file)
            except RecordError as error:
                damaged.append(error)
        return found


def _readable(paths: Sequence[Path], readable: list[Path], damaged: list[RecordError]) -> Iterator[Trajectory]:
    """All that can be read of the journals; notes which of them were whole."""
    for path in paths:
        try:
            yield from journal.read(path)
        except RecordError as error:
            damaged.append(error)
        else:
            readable.append(path)


def runs(root: Path = ROOT) -> list[str]:
    """Names of all runs under ``root``."""
    return sorted(file.parent.name for file in root.glob("*/run.json"))
