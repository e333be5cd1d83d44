from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandboxes.base import LayerMissing
from sandboxes.layers import Entry, pack_entries
from sandboxes.store import SQUASH_AT, DirectoryStore, UnpackCache


def _layer(number: int) -> bytes:
    return pack_entries([Entry(f"work/f{number}", data=b"%d" % number), Entry("work/last", data=b"%d" % number)])


def test_what_is_put_can_be_got_and_putting_again_changes_nothing(tmp_path):
    store = DirectoryStore(tmp_path)
    digest = store.put(b"data")
    assert store.put(b"data") == digest
    assert store.get(digest) == b"data"
    assert [path.name for path in (tmp_path / digest[:2]).iterdir()] == [digest[2:]]


def test_a_missing_blob_and_one_with_a_flipped_bit_are_refused(tmp_path):
    store = DirectoryStore(tmp_path)
    with pytest.raises(LayerMissing):
        store.get("0" * 64)
    digest = store.put(b"data")
    (tmp_path / digest[:2] / digest[2:]).write_bytes(b"dat\x60")
    with pytest.raises(LayerMissing):
        store.get(digest)
    with pytest.raises(LayerMissing):
        UnpackCache(tmp_path / "cache", store).ensure([digest])
    assert not (tmp_path / "cache" / digest[:32]).exists()


def _ensure(root: str, digest: str) -> int:
    cache = UnpackCache(Path(root, "cache"), DirectoryStore(Path(root, "blobs")))
    names = cache.ensure([digest])
    return len(list(Path(root, "cache", names[-1]).rglob("*")))


def test_processes_that_unpack_the_same_layer_at_once_all_see_it_whole(tmp_path):
    data = pack_entries(Entry(f"work/{number}", data=b"x") for number in range(300))
    digest = DirectoryStore(tmp_path / "blobs").put(data)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.starmap(_ensure, [(str(tmp_path), digest)] * 8) == [301] * 8
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: _ensure(str(tmp_path), digest), range(4))) == [301] * 4


def test_what_a_killed_process_left_half_unpacked_is_made_anew(tmp_path):
    store = DirectoryStore(tmp_path / "blobs")
    digest = store.put(_layer(1))
    partial = tmp_path / "cache" / f".partial-{digest[:32]}"
    (partial / "work").mkdir(parents=True)
    (partial / "work" / "rubbish").write_text("x")
    cache = UnpackCache(tmp_path / "cache", store)
    assert cache.ready([digest]) is None
    name = cache.ensure([digest])[-1]
    assert sorted(path.name for path in (tmp_path / "cache" / name / "work").iterdir()) == ["f1", "last"]
    assert cache.ready([digest]) == cache.ensure([digest])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [_flip, lambda path: path.chmod(0o600), Path.unlink, lambda path: path.write_bytes(b""),
     lambda path: (path.parent / "more").write_bytes(b"")],
)  # fmt: skip
def test_a_damaged_tree_is_unpacked_anew_by_the_next_process(tmp_path, damage):
    store = DirectoryStore(tmp_path / "blobs")
    digest = store.put(_layer(1))
    tree = tmp_path / "cache" / UnpackCache(tmp_path / "cache", store).ensure([digest])[-1]
    before = {path: (path.stat().st_mode, path.is_file() and path.read_bytes()) for path in sorted(tree.rglob("*"))}
    damage(tree / "work" / "last")
    cache = UnpackCache(tmp_path / "cache", store)
    assert cache.ready([digest]) is None
    cache.ensure([digest])
    after = {path: (path.stat().st_mode, path.is_file() and path.read_bytes()) for path in sorted(tree.rglob("*"))}
    assert after == before


@pytest.mark.skipif(os.geteuid() != 0, reason="making overlayfs's own whiteouts needs root")
def test_many_layers_are_squashed_below_the_limit(tmp_path):
    store = DirectoryStore(tmp_path / "blobs")
    digests = [store.put(_layer(number)) for number in range(2 * SQUASH_AT + 3)]
    digests.append(store.put(pack_entries([Entry("work/f0", "whiteout")])))
    names = UnpackCache(tmp_path / "cache", store).ensure(digests)
    assert len(names) <= SQUASH_AT + 2
    squashed = tmp_path / "cache" / names[1] / "work"
    assert (squashed / "f0").exists()
    assert (squashed / "last").read_text() == str(2 * SQUASH_AT - 1)


async def test_a_snapshot_of_a_hundred_layers_forks(native, layer_store, base):
    from sandboxes.base import FileSnapshot, Limits

    layers = [layer_store.put(_layer(number)) for number in range(100)]
    gone = layer_store.put(pack_entries([Entry("work/f7", "whiteout")]))
    async with native.fork(FileSnapshot((*base.layers, *layers, gone)), Limits()) as box:
        result = await box.exec(["sh", "-c", "ls | wc -l; cat last"], timeout_s=60)
    assert result.stdout.split() == [b"100", b"99"]
