"""A run's Parquet tables on any fsspec URL: sealed part by part, each part there whole or not at all.

``URL/rollouts/part-NNNNN.parquet`` and the same under ``steps`` and ``blobs``. A part counts once its ``rollouts`` file
is there, which is written last. The columns are told in ``schema.py``.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import RecordError
from rollout.rows import About, Row, digest_of, rollout_row, step_rows, trajectory_of
from rollout.schema import VERSION, VERSION_KEY, schemas
from rollout.trajectory import Trajectory

ROW_GROUP_BYTES = 32 << 20
"""Rough uncompressed size at which a row group is closed; half of the 64 MB that it may have."""

COPIES_TO_DELETE = "delete this part's files, then run it again with --resume: what only they held is played again"


class Tables:
    """The tables under ``url``. Reading raises :class:`RecordError` naming the file that cannot be read."""

    def __init__(self, url: str) -> None:
        self.fs, self.root = fsspec.core.url_to_fs(str(url))

    # ---- writing

    def seal(self, trajectories: Iterable[Trajectory], about: About | None = None) -> int:
        """Writes one more part; returns how many rollouts it holds. Of a doubled id the first is kept, sealed ones are
        left out; nothing left over is nothing written. Raises RecordError where the disk is full."""
        self._sweep()
        seen = self.ids()
        fresh = _first_of_each(trajectories, seen)
        part = self._next_part()
        with _Part(self, part, about or About()) as writer:
            for trajectory in fresh:
                writer.add(trajectory)
        return writer.count

    def _sweep(self) -> None:
        """Removes what a killed writer left half-written. One writer at a time is the run's duty."""
        for path in self.fs.glob(f"{self.root}/*/.part-*"):
            self.fs.rm(path)

    def _next_part(self) -> int:
        return max((int(_stem(path)) for path in self.parts()), default=-1) + 1

    # ---- reading

    def parts(self) -> list[str]:
        """Paths of the ``rollouts`` files of all parts, in the order of their sealing."""
        self.fs.invalidate_cache()
        return sorted(str(path) for path in self.fs.glob(f"{self.root}/rollouts/part-*.parquet"))

    def ids(self) -> set[str]:
        """Ids of all sealed rollouts."""
        found: set[str] = set()
        for path in self.parts():
            found |= self.ids_of(path)
        return found

    def ids_of(self, path: str) -> set[str]:
        """Ids of one part's rollouts."""
        return set(self._read(path, ["rollout_id"]).column("rollout_id").to_pylist())

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Rows of ``rollouts``, of the columns named (all, if none are), part by part."""
        for path in self.parts():
            yield from self._read(path, list(columns) if columns is not None else None).to_pylist()

    def trajectories(
        self, ids: Collection[str] | None = None, *, damaged: list[RecordError] | None = None
    ) -> Iterator[Trajectory]:
        """Sealed trajectories (those of ``ids``, if given) in order of sealing.

        Where a part cannot be read: raises, or, given a list ``damaged``, notes it there and goes on with the next.
        """
        for path in self.parts():
            try:
                found = self._part(path, ids)
            except RecordError as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            yield from found

    def _part(self, path: str, ids: Collection[str] | None) -> list[Trajectory]:
        chosen = None if ids is None else [("rollout_id", "in", sorted(ids))]
        rows = self._read(path, None, chosen).to_pylist() if chosen is None or ids else []
        if not rows:
            return []
        steps: dict[str, list[Row]] = {}
        step_path, blob_path = self._path("steps", _stem(path)), self._path("blobs", _stem(path))
        for step in self._read(step_path, None, chosen).to_pylist():
            steps.setdefault(step["rollout_id"], []).append(step)
        wanted = {step["changeset"] for group in steps.values() for step in group} - {None}
        blobs = self._blobs(blob_path, wanted)
        for row in rows:
            if (found := len(steps.get(row["rollout_id"], ()))) != row["n_steps"]:
                what = f"{found} steps of rollout {row['rollout_id']}, it took {row['n_steps']}"
                raise RecordError(f"{step_path}: {what}", COPIES_TO_DELETE)
        return [trajectory_of(row, steps.get(row["rollout_id"], ()), blobs) for row in rows]

    def _blobs(self, path: str, wanted: set[str]) -> dict[str, bytes]:
        if not wanted:
            return {}
        table = self._read(path, None, [("digest", "in", sorted(wanted))])
        blobs = {row["digest"]: row["data"] for row in table.to_pylist()}
        for digest in wanted:
            if digest not in blobs or digest_of(blobs[digest]) != digest:
                raise RecordError(f"{path}: blob {digest} is missing or was altered", COPIES_TO_DELETE)
        return blobs

    def _read(self, path: str, columns: list[str] | None, filters: Any = None) -> pa.Table:
        try:
            with self.fs.open(path, "rb") as source:
                version = (pq.read_schema(source).metadata or {}).get(VERSION_KEY, b"none").decode()
                if version != str(VERSION):
                    raise RecordError(f"{path}: written as schema {version}", f"this reads schema {VERSION}")
                source.seek(0)
                # One thread: with its pool, pyarrow now and then aborts the process as that ends, its work all done.
                return pq.read_table(
                    source, columns=columns, filters=filters, partitioning=None, page_checksum_verification=True,
                    use_threads=False, pre_buffer=False,
                )  # fmt: skip
        except (OSError, pa.ArrowException, ValueError) as error:
            raise RecordError(f"{path}: cannot be read: {error}", COPIES_TO_DELETE) from error

    def _path(self, table: str, part: str | int) -> str:
        return posixpath.join(self.root, table, f"part-{int(part):05d}.parquet")


def _stem(path: str) -> str:
    return posixpath.basename(path).removeprefix("part-").removesuffix(".parquet")


def _first_of_each(trajectories: Iterable[Trajectory], seen: set[str]) -> Iterator[Trajectory]:
    for trajectory in trajectories:
        if trajectory.rollout_id not in seen:
            seen.add(trajectory.rollout_id)
            yield trajectory


class _Part:
    """Writes the three files of one part beside their places, and moves them there at the end."""

    def __init__(self, tables: Tables, part: int, about: About) -> None:
        self.tables, self.part, self.about = tables, part, about
        self.count = 0
        self._blobs: set[str] = set()
        self._open: dict[str, _Writer] = {}

    def __enter__(self) -> _Part:
        return self

    def add(self, trajectory: Trajectory) -> None:
        """One more rollout."""
        if not self._open:
            self._start()
        self.count += 1
        self._open["rollouts"].add(rollout_row(trajectory, self.about), _size_of(trajectory))
        for row, step in zip(step_rows(trajectory), trajectory.steps, strict=True):
            self._open["steps"].add(row, len(step.observation) + len(row["arguments"] or "") + 512)
            if row["changeset"] is not None and row["changeset"] not in self._blobs:
                self._blobs.add(row["changeset"])
                blob = {"digest": row["changeset"], "size": len(step.changeset), "data": step.changeset}
                self._open["blobs"].add(blob, len(step.changeset) + 128)

    def _start(self) -> None:
        for name, schema in schemas().items():
            self._open[name] = _Writer(self.tables.fs, self.tables._path(name, self.part), schema)

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            for writer in self._open.values():
                writer.finish()
        except BaseException:
            self._discard()
            raise
        for writer in self._open.values():  # blobs, steps, rollouts: the last move commits the part
            writer.publish()

    def _discard(self) -> None:
        for writer in self._open.values():
            writer.discard()


def _size_of(trajectory: Trajectory) -> int:
    tokens = sum(len(turn.tokens.ids) + len(turn.text) for turn in trajectory.turns if turn.tokens is not None)
    longest = max((len(turn.tokens.prompt_ids) for turn in trajectory.turns if turn.tokens is not None), default=0)
    return 1024 + 17 * (tokens + longest) + sum(len(turn.text) for turn in trajectory.turns)


class _Writer:
    """One Parquet file, row groups closed by size; at ``path`` only once published."""

    def __init__(self, fs: Any, path: str, schema: pa.Schema) -> None:
        self.fs, self.path, self.schema = fs, path, schema
        self.temporary = posixpath.join(posixpath.dirname(path), f".{posixpath.basename(path)}.{os.getpid()}")
        self.rows: list[Row] = []
        self.bytes = 0
        with _writing(path):
            fs.makedirs(posixpath.dirname(path), exist_ok=True)
            self.file = fs.open(self.temporary, "wb")
            self.writer = pq.ParquetWriter(self.file, schema, compression="zstd", write_page_checksum=True)

    def add(self, row: Row, size: int) -> None:
        self.rows.append(row)
        self.bytes += size
        if self.bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            with _writing(self.path):
                self.writer.write_table(pa.Table.from_pylist(self.rows, self.schema))
        self.rows, self.bytes = [], 0

    def finish(self) -> None:
        self._flush()
        with _writing(self.path):
            self.writer.close()
            self.file.flush()
            _sync(self.file)
            self.file.close()

    def publish(self) -> None:
        with _writing(self.path):
            self.fs.mv(self.temporary, self.path)

    def discard(self) -> None:
        for step in (self.writer.close, self.file.close, lambda: self.fs.rm(self.temporary)):
            _quietly(step)
        self.writer.is_open = False  # after a failed close it would try once more when it is collected, and complain


def _quietly(step: Callable[[], object]) -> None:
    with suppress(Exception):
        step()


def _sync(file: Any) -> None:
    """To disk, where the file is one; an object store has its own promise."""
    with suppress(AttributeError, ValueError, OSError):
        os.fsync(file.fileno())


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        hint = "free some space, then run it again with --resume: the journals still hold everything"
        raise RecordError(f"{path}: cannot be written: {error}", hint) from error
