import gc
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileOpener
from test_journal import trajectory

import rollout.tables
from factory.environment import Fault
from factory.errors import RecordError
from rollout.journal import Journal
from rollout.rows import About, group_id
from rollout.runs import Run
from rollout.schema import schemas
from rollout.tables import Tables
from rollout.trajectory import Attempt


def faulted(n):
    return trajectory(n, outcome=Fault("PolicyError", "no weights"), stop_reason="fault")


@pytest.fixture
def sealed(tmp_path):
    tables = Tables(str(tmp_path / "tables"))
    tables.seal([trajectory(n) for n in range(5)], About("toy", "abc"))
    tables.seal([faulted(n) for n in range(5, 8)], About("toy", "abc"))
    return tmp_path / "tables"


def test_sealed_trajectories_read_back_without_loss(sealed):
    assert list(Tables(str(sealed)).trajectories()) == [*map(trajectory, range(5)), *map(faulted, range(5, 8))]
    assert list(Tables(str(sealed)).trajectories({trajectory(6).rollout_id})) == [faulted(6)]


def test_duckdb_reads_the_tables_as_they_are(sealed):
    query = f"""
        SELECT r.reward, count(*) FROM '{sealed}/rollouts/*.parquet' r
        JOIN '{sealed}/steps/*.parquet' s USING (rollout_id)
        LEFT JOIN (SELECT DISTINCT digest, size FROM '{sealed}/blobs/*.parquet') b ON b.digest = s.changeset
        WHERE b.size = 8 OR r.fault_kind IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    assert duckdb.sql(query).fetchall() == [(0.5, 1), (None, 6)]


def test_polars_reads_the_tables_as_they_are(sealed):
    rollouts = polars.read_parquet(f"{sealed}/rollouts/*.parquet")
    assert rollouts.columns == schemas()["rollouts"].names
    assert rollouts["reward"].null_count() == 3
    sample = rollouts.row(0, named=True)["samples"][0]
    assert sample["token_ids"] == [1, 2, 3, 4, 5, 6, 7]
    assert sample["mask"] == [False, False, False, True, True, False, True]
    assert sample["logprobs"] == [0, 0, 0, -0.1, -1 / 3, 0, -1e-9]
    assert rollouts["env_name"].unique().to_list() == ["toy"]


def test_the_datasets_library_reads_the_tables_as_they_are(sealed):
    datasets = pytest.importorskip("datasets")
    for name, count in (("rollouts", 8), ("steps", 16)):
        files = [str(path) for path in sorted((sealed / name).glob("*.parquet"))]
        assert len(datasets.Dataset.from_parquet(files, cache_dir=str(sealed.parent / "cache"))) == count


def test_turns_that_do_not_continue_one_another_become_samples_of_their_own(tmp_path):
    one = trajectory(1)
    apart = replace(one, turns=(one.turns[1], one.turns[0]))
    tables = Tables(str(tmp_path))
    tables.seal([apart])
    row = next(tables.rows())
    assert [len(sample["token_ids"]) for sample in row["samples"]] == [7, 5]
    assert list(tables.trajectories()) == [apart]


def test_members_of_a_group_share_task_policy_version_and_run():
    base = trajectory(1)
    assert group_id(base) == group_id(trajectory(2))
    assert group_id(base) != group_id(replace(base, policy_version="v2"))
    assert group_id(base) != group_id(replace(base, attempt=Attempt("r", "toy/tell/0001", 1, 0)))


def test_row_groups_are_closed_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(rollout.tables, "ROW_GROUP_BYTES", 20_000)
    tables = Tables(str(tmp_path))
    tables.seal([trajectory(n, opening="x" * 100) for n in range(200)])
    file = pq.ParquetFile(tmp_path / "steps" / "part-00000.parquet")
    assert file.num_row_groups > 5
    assert len(list(tables.trajectories())) == 200


def test_sealing_twice_doubles_nothing_and_an_empty_part_is_not_written(sealed):
    tables = Tables(str(sealed))
    assert tables.seal([trajectory(0), trajectory(9), trajectory(9)]) == 1
    assert tables.seal([trajectory(0), trajectory(9)]) == 0
    assert len(tables.parts()) == 3


def test_any_fsspec_url_will_do():
    tables = Tables("memory://grind-test/tables")
    tables.seal([trajectory(1)])
    assert list(Tables("memory://grind-test/tables").trajectories()) == [trajectory(1)]


@pytest.mark.parametrize("table", ["rollouts", "steps", "blobs"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_file_is_named_and_other_parts_are_still_readable(sealed, table, damage):
    path = sealed / table / "part-00000.parquet"
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        path.write_bytes(data[:60] + bytes([data[60] ^ 255]) + data[61:])
    elif table != "rollouts":
        path.unlink()
    else:
        return  # a part without this file does not count: that is how a kill in the middle of sealing looks
    with pytest.raises(RecordError, match=rf"{table}/part-00000\.parquet.*--resume"):
        list(Tables(str(sealed)).trajectories())
    damaged = []
    assert list(Tables(str(sealed)).trajectories(damaged=damaged)) == [*map(faulted, range(5, 8))]
    assert len(damaged) == 1


def test_a_writer_that_fails_leaves_no_part(tmp_path):
    def failing():
        yield trajectory(1)
        raise RuntimeError("no more")

    tables = Tables(str(tmp_path))
    with pytest.raises(RuntimeError):
        tables.seal(failing())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_is_told_once_and_not_again_when_the_writer_is_collected(tmp_path, monkeypatch):
    """Files are begun; there is no room for what goes into them."""
    later, write = [], LocalFileOpener.write

    def full(self, data):
        if len(data) > 4:
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(sys, "unraisablehook", later.append)
    monkeypatch.setattr(LocalFileOpener, "write", full)
    with pytest.raises(RecordError, match="No space left"):
        Tables(str(tmp_path)).seal([trajectory(n) for n in range(3)])
    gc.collect()
    assert later == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_steps_and_blobs_of_a_part_that_was_never_committed_are_overwritten(sealed):
    (sealed / "rollouts" / "part-00001.parquet").unlink()
    tables = Tables(str(sealed))
    tables.seal([trajectory(20)])
    assert list(tables.trajectories()) == [*map(trajectory, range(5)), trajectory(20)]
    steps = polars.read_parquet(f"{sealed}/steps/*.parquet")
    assert set(steps["rollout_id"]) == {trajectory(n).rollout_id for n in (*range(5), 20)}


def test_a_schema_of_another_version_is_refused_by_name(sealed, monkeypatch):
    monkeypatch.setattr(rollout.tables, "VERSION", 2)
    with pytest.raises(RecordError, match="schema 1"):
        list(Tables(str(sealed)).trajectories())


def make_run(tmp_path, *journals):
    run = Run.create("r", {"env_name": "toy"}, tmp_path)
    for index, numbers in enumerate(journals):
        with Journal(run.journal_folder / f"w-{index:04d}.journal") as journal:
            journal.commit([trajectory(n) for n in numbers])
    return run


def test_draining_seals_journals_and_the_anti_join_decides_what_is_left(tmp_path):
    run = make_run(tmp_path, [0, 1], [1, 2])
    attempts = [trajectory(n).attempt for n in range(5)]
    assert [a.attempt for a in run.remaining(attempts)] == [3, 4]
    assert run.drain() == 3
    assert list(run.journal_folder.iterdir()) == []
    assert [a.attempt for a in run.remaining(attempts)] == [3, 4]
    assert list(run.trajectories()) == [trajectory(n) for n in range(3)]


def test_a_kill_between_sealing_and_removing_a_journal_doubles_nothing(tmp_path):
    run = make_run(tmp_path, [0, 1])
    kept = (run.journal_folder / "w-0000.journal").read_bytes()
    run.drain()
    (run.journal_folder / "w-0000.journal").write_bytes(kept)
    assert run.drain() == 0
    assert list(run.trajectories()) == [trajectory(0), trajectory(1)]


def test_a_damaged_journal_is_named_while_all_others_are_sealed(tmp_path):
    run = make_run(tmp_path, [0, 1], [2])
    bad = run.journal_folder / "w-0001.journal"
    bad.write_bytes(b"x" * 5000)
    with pytest.raises(RecordError, match=r"w-0001\.journal"):
        run.drain()
    assert run.tables.ids() == {trajectory(n).rollout_id for n in (0, 1)}
    assert bad.exists()
    assert run.find(trajectory(1).rollout_id[:10]) == trajectory(1)


def test_a_run_is_opened_by_name_or_path_and_a_wrong_one_says_where_it_looked(tmp_path):
    run = make_run(tmp_path)
    assert Run.open("r", tmp_path).info == Run.open(str(run.path)).info
    with pytest.raises(RecordError, match=r"run\.json is not there"):
        Run.open("q", tmp_path)
    Path(run.path / "run.json").write_text('{"name": ')
    with pytest.raises(RecordError, match="cannot be read"):
        Run.open("r", tmp_path)


def test_two_drivers_on_one_run_are_refused(tmp_path):
    run = make_run(tmp_path)
    with run.owned(), pytest.raises(RecordError.__base__, match="in use"), Run.open("r", tmp_path).owned():
        pass
