from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.base import LayerMalformed, NotFreezable
from sandboxes.digest import entries_digest, tree_digest
from sandboxes.layers import AGENT, MTIME, Entry, entries_of, pack, pack_entries, scan, unpack
from sandboxes.trees import changes, merged

_NAMES = st.sampled_from(["a", "b", "c", "d.txt", "grün", "\udcff\udcfe", "n" * 120])
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map(lambda parts: "work/" + "/".join(parts))


@st.composite
def _trees(draw) -> dict[str, Entry]:
    tree: dict[str, Entry] = {"work": Entry("work", "dir")}
    for path in draw(st.lists(_PATHS, max_size=8)):
        parents = [path[:index] for index, letter in enumerate(path) if letter == "/"]
        if any(tree.get(parent, Entry(parent, "dir")).kind != "dir" for parent in parents) or path in tree:
            continue
        tree |= {parent: Entry(parent, "dir") for parent in parents}
        kind = draw(st.sampled_from(["file", "link", "dir", "fifo"]))
        if kind == "file":
            tree[path] = Entry(path, "file", draw(st.binary(max_size=40)), draw(st.booleans()))
        else:
            tree[path] = Entry(path, kind, target="x/../y" if kind == "link" else "")
    return tree


def _digest_on_disk(folder: Path) -> str:
    fd = os.open(folder, os.O_RDONLY)
    try:
        return tree_digest(fd)
    finally:
        os.close(fd)


@given(_trees())
@settings(max_examples=40, deadline=None)
def test_a_tree_packed_unpacked_and_packed_again_is_the_same_bits(tmp_path_factory, tree):
    into = tmp_path_factory.mktemp("tree")
    data = pack_entries(tree.values())
    unpack(data, into)
    assert pack(into) == data
    assert merged(data) == tree
    assert _digest_on_disk(into) == entries_digest(entries_of(data))


@given(_trees(), _trees())
@settings(max_examples=40, deadline=None)
def test_the_layer_between_two_trees_makes_one_of_the_other_on_disk_and_in_memory(tmp_path_factory, before, now):
    into = tmp_path_factory.mktemp("tree")
    low, high = pack_entries(before.values()), pack_entries(changes(before, now))
    assert merged(low, high) == now
    unpack(low, into)
    unpack(high, into)
    assert pack(into) == pack_entries(now.values())


@given(_trees())
@settings(max_examples=20, deadline=None)
def test_the_order_of_entries_does_not_matter(tree):
    assert pack_entries(reversed(list(tree.values()))) == pack_entries(tree.values())


def test_the_same_tree_is_the_same_layer_in_another_process_zone_and_umask(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "z").write_text("1")
    (tmp_path / "work" / "a").write_text("2")
    here = pack(tmp_path)
    os.utime(tmp_path / "work" / "a", (1, 1))
    (tmp_path / "work" / "z").chmod(0o600)
    program = "import sys, pathlib as p, sandboxes.layers as s; sys.stdout.buffer.write(s.pack(p.Path(sys.argv[1])))"
    environment = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-c", program, str(tmp_path)]
    root = Path(__file__).parents[2]
    assert subprocess.run(argv, env=environment, cwd=root, umask=0o077, capture_output=True, check=True).stdout == here


def test_owners_times_and_modes_are_fixed():
    entries = [Entry("work/x", data=b"1", executable=True), Entry("etc/y", data=b"2"), Entry("tmp", "dir")]
    with tarfile.open(fileobj=io.BytesIO(pack_entries(entries))) as tar:
        found = {member.name: (member.uid, member.gid, member.mode, member.mtime) for member in tar}
    assert found["work/x"] == (AGENT, AGENT, 0o755, MTIME)
    assert found["work"] == (AGENT, AGENT, 0o755, MTIME)
    assert found["etc/y"] == (0, 0, 0o644, MTIME)
    assert found["tmp"] == (0, 0, 0o1777, MTIME)


def test_whiteouts_and_opaque_directories_are_written_as_oci_writes_them():
    data = pack_entries([Entry("work/gone", "whiteout"), Entry("work/new", "dir"), Entry("work/new", "opaque")])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["work", "work/.wh.gone", "work/new", "work/new/.wh..wh..opq"]
    assert [(entry.path, entry.kind) for entry in entries_of(data)][1:] == [
        ("work/gone", "whiteout"),
        ("work/new", "dir"),
        ("work/new", "opaque"),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="making overlayfs's own whiteouts needs root")
def test_whiteouts_survive_the_way_through_overlayfs_form(tmp_path):
    entries = [
        Entry("work/d", "dir"),
        Entry("work/d", "opaque"),
        Entry("work/d/.keep", data=b"k"),
        Entry("work/gone", "whiteout"),
    ]
    data = pack_entries(entries)
    unpack(data, tmp_path, opaque_xattr="trusted.overlay.opaque")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert pack_entries(scan(fd, opaque_xattr="trusted.overlay.opaque")) == data
    finally:
        os.close(fd)


def test_an_opaque_directory_keeps_what_its_own_layer_brings(tmp_path):
    unpack(pack_entries([Entry("work/d/old", data=b"1"), Entry("work/d/!", data=b"2")]), tmp_path)
    unpack(pack_entries([Entry("work/d", "dir"), Entry("work/d", "opaque"), Entry("work/d/!", data=b"3")]), tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "work/d").iterdir()} == {"!": b"3"}


def test_hard_links_stay_one_file_within_a_layer(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "z").write_bytes(b"x" * 100_000)
    (tmp_path / "in" / "a").mkdir()
    os.link(tmp_path / "in" / "z", tmp_path / "in" / "a" / "twin")
    data = pack(tmp_path / "in")
    assert len(data) < 150_000
    (tmp_path / "out").mkdir()
    unpack(data, tmp_path / "out")
    assert os.stat(tmp_path / "out" / "z").st_nlink == 2


def test_reserved_names_sockets_and_setuid_bits_are_left_out(tmp_path):
    import socket

    (tmp_path / ".wh.hidden").write_text("x")
    (tmp_path / "tool").write_text("x")
    (tmp_path / "tool").chmod(0o6755)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        data = pack(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [(member.name, member.mode) for member in tar] == [("tool", 0o755)]


@pytest.mark.parametrize("path", ["/etc/passwd", "../out", "a/../../out", "a//b", "", "a\0b"])
def test_a_path_that_leaves_the_tree_is_no_entry(path):
    with pytest.raises(LayerMalformed):
        pack_entries([Entry(path, data=b"x")])


def _forged(*members: tuple[str, bytes, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    "forged",
    [
        _forged(("../escape", tarfile.REGTYPE, "")),
        _forged(("/absolute/../../escape", tarfile.REGTYPE, "")),
        _forged(("out", tarfile.SYMTYPE, "OUTSIDE"), ("out/escape", tarfile.REGTYPE, "")),
        _forged(("out", tarfile.SYMTYPE, "OUTSIDE"), ("twin", tarfile.LNKTYPE, "out/victim")),
        _forged(("twin", tarfile.LNKTYPE, "../victim")),
        _forged(("null", tarfile.CHRTYPE, "")),
        b"no tar at all" * 100,
    ],
    ids=["climbs", "absolute", "through a link", "links through a link", "links outside", "device", "garbage"],
)
def test_a_forged_layer_writes_nothing_outside(tmp_path, forged):
    outside, into = tmp_path / "OUTSIDE", tmp_path / "into"
    outside.mkdir()
    into.mkdir()
    (outside / "victim").write_text("kept")
    forged = forged.replace(b"OUTSIDE".ljust(64, b"\0"), str(outside).encode().ljust(64, b"\0"))
    with pytest.raises(LayerMalformed):
        unpack(forged, into)
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert os.stat(outside / "victim").st_nlink == 1
    assert not (tmp_path / "escape").exists()


def test_files_beyond_the_limit_are_not_packed(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(10 << 30)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(NotFreezable):
            list(scan(fd, max_bytes=1 << 20))
    finally:
        os.close(fd)


def test_holes_count_as_the_zeros_they_are(tmp_path):
    digests = []
    for name in ("holes", "zeros"):
        (tmp_path / name / "work").mkdir(parents=True)
        with open(tmp_path / name / "work" / "file", "wb") as file:
            if name == "holes":
                file.truncate(5 << 20)
            else:
                file.write(bytes(5 << 20))
            file.seek((3 << 20) + 17)
            file.write(b"data")
        digests.append(_digest_on_disk(tmp_path / name))
    assert digests[0] == digests[1]
