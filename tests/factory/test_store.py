"""The store: whole or not at all, whatever happens to who writes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import BuildError, InputGone
from factory.store import Store, canonical_json, default_root


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(bytes(data))


def test_a_blob_comes_back_under_its_sha256(store):
    digest = store.put(b"grist")
    assert digest == hashlib.sha256(b"grist").hexdigest()
    assert store.get(digest) == b"grist"
    assert store.has(digest)
    assert not store.has("0" * 64)


def test_a_missing_blob_is_named_with_what_to_do(store):
    with pytest.raises(InputGone, match="0" * 64) as caught:
        store.get("0" * 64)
    assert "grind lock" in caught.value.hint


@pytest.mark.parametrize("bit", [0, 7, 4003, 8 * 1000 - 1])
def test_one_flipped_bit_is_found_and_named(store, bit):
    digest = store.put(b"x" * 1000)
    flip(store.path(digest), bit)
    with pytest.raises(InputGone, match=f"{digest} was altered") as caught:
        store.get(digest)
    assert "restores it" in caught.value.hint


def test_putting_the_bytes_again_repairs_a_damaged_blob(store):
    digest = store.put(b"x" * 1000)
    flip(store.path(digest), 12)
    assert store.put(b"x" * 1000) == digest
    assert store.get(digest) == b"x" * 1000


def test_a_cut_blob_is_altered_too(store):
    digest = store.put(b"x" * 1000)
    store.path(digest).chmod(0o644)
    os.truncate(store.path(digest), 999)
    with pytest.raises(InputGone, match="altered"):
        store.get(digest)


def test_what_is_no_digest_is_refused_before_it_becomes_a_path(store):
    for wrong in ("", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"):
        with pytest.raises(ValueError, match="not a SHA-256"):
            store.path(wrong)


def test_a_name_points_at_the_last_digest_it_was_given(store):
    first, second = store.put(b"1"), store.put(b"2")
    assert store.ref("environment", "mail") is None
    store.set_ref("environment", "mail", first)
    store.set_ref("environment", "mail", second)
    store.set_ref("environment", "apple", first)
    assert store.ref("environment", "mail") == second
    assert list(store.refs("environment").items()) == [("apple", first), ("mail", second)]
    assert store.refs("certificate") == {}


def test_a_name_cannot_leave_the_store(store):
    digest = store.put(b"1")
    for wrong in ("../x", "a/b", "", ".hidden", "x" * 200):
        with pytest.raises(ValueError, match="plain name"):
            store.set_ref("environment", wrong, digest)
        assert store.ref("environment", wrong) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), json_values))
def test_canonical_json_does_not_depend_on_the_order_of_keys(obj):
    backwards = dict(reversed(list(obj.items())))
    assert canonical_json(obj) == canonical_json(backwards)


def test_canonical_json_refuses_what_json_cannot_say():
    with pytest.raises(ValueError):
        canonical_json({"x": float("nan")})
    with pytest.raises(TypeError):
        canonical_json({"x": b"bytes"})


def test_json_comes_back(store):
    obj = {"b": [1, 2.5, None], "a": "ß"}
    assert store.get_json(store.put_json(obj)) == obj


def put_many(root: str) -> list[str]:
    store = Store(root)
    return [store.put(str(n).encode() * 5000) for n in range(30)]


def test_processes_that_write_the_same_blobs_at_once_agree(tmp_path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(put_many, [str(tmp_path)] * 4))
    assert all(digests == found[0] for digests in found)
    store = Store(tmp_path)
    assert [store.get(d) for d in found[0]] == [str(n).encode() * 5000 for n in range(30)]
    assert list((tmp_path / "tmp").iterdir()) == []


KILLED = """
import sys
from factory.store import Store
store, n = Store(sys.argv[1]), 0
while True:
    n += 1
    store.put(n.to_bytes(4, "big") * 500_000)
    store.set_ref("last", "blob", store.put(n.to_bytes(4, "big")))
    print(n, flush=True)
"""


def test_a_killed_writer_leaves_only_whole_blobs_and_whole_names(tmp_path):
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(4):
                assert writer.stdout.readline()
            time.sleep(0.003)
            writer.send_signal(signal.SIGKILL)
    store = Store(tmp_path)
    blobs = [path.parent.name + path.name for path in tmp_path.glob("blobs/*/*")]
    assert len(blobs) >= 8
    for digest in blobs:
        store.get(digest)
    last = store.ref("last", "blob")
    assert last is not None
    assert store.has(last)
    store.sweep()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_sweeping_takes_what_the_dead_left_and_not_what_the_living_write(store):
    import fcntl

    (store.root / "tmp" / "left").write_bytes(b"half")
    with (store.root / "tmp" / "living").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert store.sweep() == 1
        assert [p.name for p in (store.root / "tmp").iterdir()] == ["living"]


def test_sweeping_beside_a_writer_that_finishes_meanwhile_is_no_error(store, monkeypatch):
    left = store.root / "tmp" / "left"
    left.write_bytes(b"half")
    listed = list((store.root / "tmp").iterdir())
    left.unlink()  # as its writer does by renaming it, or another sweep, between the listing and the look
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed))
    assert store.sweep() == 0


def test_sweeping_leaves_what_is_not_ours_to_judge(store):
    (store.root / "tmp" / "folder").mkdir()
    (store.root / "tmp" / "link").symlink_to(store.root / "nowhere")
    assert store.sweep() == 0


@pytest.mark.parametrize("kept", ["", "no digest", "../../etc/passwd", "ab" * 32 + "\n"])
def test_a_damaged_name_is_gone_and_not_followed(store, kept):
    store.set_ref("environment", "mail", store.put(b"x"))
    path = store.root / "refs" / "environment" / "mail"
    path.chmod(0o644)
    path.write_text(kept)
    for look in (lambda: store.ref("environment", "mail"), lambda: store.refs("environment")):
        with pytest.raises(InputGone, match="name 'mail' of kind 'environment' was altered"):
            look()
    store.set_ref("environment", "mail", "ab" * 32)
    assert store.ref("environment", "mail") == "ab" * 32


def test_names_are_listed_of_plain_kinds_only(store):
    store.put(b"x")
    assert store.refs("../blobs") == {}
    assert store.refs("none") == {}


FULL = """
import sys
from factory.errors import BuildError
from factory.store import Store
store = Store(sys.argv[1])
kept = store.put(b"before" * 1000)
try:
    store.put(b"x" * 2_000_000)
except BuildError as error:
    print(error)
else:
    sys.exit("two megabytes fitted on a disk of one")
assert store.get(kept) == b"before" * 1000
assert sorted(p.parent.name + p.name for p in store.root.glob("blobs/*/*")) == [kept]
assert not list((store.root / "tmp").iterdir())
assert store.get(store.put(b"small")) == b"small"
"""


def test_a_full_disk_is_said_plainly_and_leaves_no_half_blob(tmp_path):
    """On a real file system of one megabyte, in a mount namespace that ends with the test."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1/store"'
    argv = [*unshare, "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "no space left" in ran.stdout
    assert "GRINDWORKS_HOME" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_store_where_a_file_lies_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BuildError, match="GRINDWORKS_HOME"):
        Store(tmp_path / "file")


def test_the_home_is_taken_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GRINDWORKS_HOME", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("GRINDWORKS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".local/share/grindworks"
