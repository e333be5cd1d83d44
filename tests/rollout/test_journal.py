import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from factory.environment import Action, Check, Fault, Verdict
from factory.errors import RecordError
from rollout.codec import decode, encode
from rollout.journal import Journal, committed_ids, journals, read
from rollout.policies import PolicySpec
from rollout.policies.base import TokenTrace
from rollout.pools import LocalPool
from rollout.trajectory import Attempt, StepRecord, Trajectory, TurnRecord


def trajectory(n, **changes):
    """Rollout ``n``, with everything that a trajectory can hold."""
    attempt = Attempt("r", "toy/copy/0000", n, 2**62 + n)
    one = TokenTrace((1, 2, 3), (4, 5), (-0.1, -1 / 3))
    two = TokenTrace((1, 2, 3, 4, 5, 6), (7,), (-1e-9,))
    steps = (
        StepRecord(0, 0, Action("memo_read", {"id": n, "ü": [1, None, 0.5]}), "böse\0", None, b"", "a" * 64, "b" * 64),
        StepRecord(1, 1, Action("", None, "{oops"), "error: no JSON", "invalid", b"\x00\xff" * n, "c" * 64, "d" * 64),
    )
    verdict = Verdict(0.5, (Check("one", True), Check("two", False, "why")), {"rows": [1, {"a": "b"}]})
    whole = Trajectory(
        attempt.rollout_id, attempt, "env", "v1", "do it", "2026", "e" * 64,
        (TurnRecord("one", one), TurnRecord("two", two), TurnRecord("", None)), steps, "submitted", verdict,
        {"rollout_id": "f" * 24, "step": 1}, 0.7,
    )  # fmt: skip
    return replace(whole, **changes)


def test_a_trajectory_survives_its_coding_without_loss():
    for one in (trajectory(3), trajectory(4, outcome=Fault("SandboxError", "gone"), turns=(), steps=(), origin=None)):
        assert decode(encode(one)) == one


def test_one_flipped_bit_in_a_coded_trajectory_is_noticed():
    data = bytearray(encode(trajectory(3)))
    for place in range(0, len(data), 7):
        data[place] ^= 0x10
        with pytest.raises(ValueError):
            decode(bytes(data))
        data[place] ^= 0x10


def test_what_was_committed_reads_back_in_order_and_the_first_commit_wins(tmp_path):
    path = tmp_path / "w.journal"
    first, second = trajectory(1), trajectory(2)
    with Journal(path) as journal:
        assert journal.commit([second, first]) == [second, first]
        assert journal.commit([replace(first, stop_reason="gave_up"), trajectory(3)]) == [trajectory(3)]
    assert list(read(path)) == [second, first, trajectory(3)]
    assert list(read(path, {first.rollout_id})) == [first]
    assert committed_ids(path) == {trajectory(n).rollout_id for n in (1, 2, 3)}
    assert journals(tmp_path) == [path]


def test_a_journal_cut_short_names_the_file_and_what_to_do(tmp_path):
    path = tmp_path / "w.journal"
    with Journal(path) as journal:
        for n in range(200):
            journal.commit([trajectory(n)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RecordError, match=r"w\.journal.*--resume"):
        list(read(path))


def test_a_damaged_row_is_named_and_all_others_are_still_read(tmp_path):
    path = tmp_path / "w.journal"
    with Journal(path) as journal:
        journal.commit([trajectory(n) for n in range(5)])
    needle = encode(trajectory(2))
    data = path.read_bytes()
    place = data.index(needle) + len(needle) // 2
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    found = []
    with pytest.raises(RecordError, match=trajectory(2).rollout_id):
        found.extend(read(path))
    assert found == [trajectory(n) for n in (0, 1, 3, 4)]


def test_a_file_that_is_no_journal_and_one_that_is_not_there_are_record_errors(tmp_path):
    (tmp_path / "w.journal").write_bytes(b"not a database at all" * 100)
    for name in ("w.journal", "absent.journal"):
        with pytest.raises(RecordError, match=name):
            list(read(tmp_path / name))


def test_a_journal_whose_writer_was_killed_before_its_first_commit_is_empty(tmp_path):
    (tmp_path / "w.journal").touch()
    assert committed_ids(tmp_path / "w.journal") == set()
    assert list(read(tmp_path / "w.journal")) == []


def test_a_writer_killed_at_once_after_a_commit_loses_nothing_of_it(tmp_path):
    path = tmp_path / "w.journal"
    script = textwrap.dedent(f"""
        import sys, time
        sys.path[:0] = {[str(Path(__file__).parents[2]), str(Path(__file__).parent)]!r}
        from test_journal import trajectory
        from rollout.journal import Journal
        journal = Journal({str(path)!r})
        n = 0
        while True:
            journal.commit([trajectory(n), trajectory(n + 1)])
            print(n + 1, flush=True)
            n += 2
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as writer:
        said = [int(writer.stdout.readline()) for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
    ids = committed_ids(path)
    assert {trajectory(n).rollout_id for n in range(said[-1] + 1)} <= ids
    assert len(ids) % 2 == 0  # a batch is there whole or not at all


async def test_a_local_pool_yields_each_rollout_once_and_only_what_is_committed(toy, tmp_path):
    attempts = [Attempt("r", task, n, n) for task in toy.tasks for n in range(3)]
    got = []
    async with LocalPool(toy, tmp_path) as pool:
        async for batch in pool.play(attempts * 2, PolicySpec("oracle")):
            assert {t.rollout_id for t in batch} <= committed_ids(journals(tmp_path)[0])
            got += batch
    assert sorted(t.rollout_id for t in got) == sorted(a.rollout_id for a in attempts)
    assert {t.start_digest for t in got} == {toy.start_digest}
    assert all(t.reward == 1.0 for t in got)
