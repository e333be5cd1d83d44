"""Root file systems out of packages: what is unpacked where, what is left out, and that the real one boots."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from shelf import ar, deb, wheel

from factory import rootfs
from factory.errors import BuildError, InputGone
from factory.lock import Lock, LockedInput, fetch, read_lock
from factory.rootfs import base_snapshot, compiled
from factory.store import Store
from sandboxes.base import Limits
from sandboxes.layers import entries_of
from sandboxes.native import NativeBackend

ROOT = Path(__file__).parents[2]
FIELDS = {"Package": "p", "Version": "1", "Architecture": "all"}
PACKAGES = "usr/lib/python3/dist-packages"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def locked(store: Store, *, debs=(), wheels=()) -> Lock:
    inputs = [
        LockedInput(kind=kind, name=f"p{n}", version="1", filename=f"p{n}", sha256=store.put(data), size=len(data))
        for kind, blobs in (("deb", debs), ("wheel", wheels))
        for n, data in enumerate(blobs)
    ]
    return Lock(spec="x", wants="y", inputs=tuple(inputs))


def tree(store: Store, lock: Lock):
    """All entries of the base by path, as the layers give them in order."""
    return {e.path: e for layer in base_snapshot(lock, store).layers for e in entries_of(store.get(layer))}


def raw_tar(*members: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, link: str = "", size: int = 0):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, size
    info.mtime, info.uid, info.uname = 1_700_000_000, 4242, "builder"
    return info


def made(*members: tarfile.TarInfo) -> bytes:
    return deb(FIELDS, {}, data_tar=("", raw_tar(*members)))


def test_what_debian_keeps_in_bin_and_lib_is_found_there_and_in_usr(store):
    found = tree(store, locked(store, debs=[deb(FIELDS, {"bin/bash": b"elf", "lib/x.so": b"so", "etc/conf": b"c"})]))
    assert found["usr/bin/bash"].data == b"elf"
    assert found["usr/bin/bash"].executable
    assert not found["usr/lib/x.so"].executable
    assert (found["bin"].kind, found["bin"].target) == ("link", "usr/bin")
    assert (found["lib"].kind, found["lib"].target) == ("link", "usr/lib")
    assert found["etc/conf"].data == b"c"
    assert not any(path.startswith(("bin/", "lib/")) for path in found)


def test_links_hard_links_and_modes_are_kept_and_setuid_bits_dropped(store):
    package = made(
        member("./bin/su", mode=0o4755, size=9),
        member("./bin/su2", tarfile.LNKTYPE, link="./bin/su"),
        member("./usr/lib/libz.so.1", tarfile.SYMTYPE, link="libz.so.1.2"),
    )
    lock = locked(store, debs=[package])
    found = tree(store, lock)
    assert (found["usr/bin/su2"].kind, found["usr/bin/su2"].target) == ("hardlink", "usr/bin/su")
    assert (found["usr/lib/libz.so.1"].kind, found["usr/lib/libz.so.1"].target) == ("link", "libz.so.1.2")
    layer = store.get(base_snapshot(lock, store).layers[0])
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        modes = {m.mode for m in tar.getmembers() if not m.issym() and m.name != "tmp"}
        assert modes <= {0o755, 0o644}
        assert {m.uid for m in tar.getmembers()} <= {0, 1000}
        assert len({m.mtime for m in tar.getmembers()}) == 1


def test_documentation_translations_and_byte_code_are_left_out(store):
    out = ["usr/share/doc/p/README", "usr/share/man/man1/p.1", "usr/share/locale/de/p.mo", "var/lib/dpkg/status"]
    out += ["usr/lib/python3.11/__pycache__/os.cpython-311.pyc", "usr/lib/python3.11/old.pyc"]
    kept = ["usr/lib/python3.11/os.py", "usr/share/terminfo/x"]
    found = tree(store, locked(store, debs=[deb(FIELDS, dict.fromkeys(out + kept, b""))]))
    assert set(kept) <= found.keys()
    assert not set(out) & found.keys()


def test_no_script_of_a_package_is_run_or_unpacked(store):
    found = tree(store, locked(store, debs=[deb(FIELDS, {"etc/conf": b""})]))
    assert not any(path.endswith(("postinst", "control")) for path in found)


def test_the_base_has_what_no_package_brings(store):
    found = tree(
        store, locked(store, debs=[deb(FIELDS, {"bin/bash": b"", "usr/bin/mawk": b"", "usr/bin/python3": b""})])
    )
    assert b"agent:x:1000:1000" in found["etc/passwd"].data
    assert {found[f].kind for f in ("work", "tmp", "proc", "dev", "root")} == {"dir"}
    links = {path: found[path].target for path in ("usr/bin/sh", "usr/bin/awk", "usr/bin/python")}
    assert links == {"usr/bin/sh": "bash", "usr/bin/awk": "mawk", "usr/bin/python": "python3"}


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.ZstdCompressor().compress)],
)
def test_every_compression_of_debian_packages_is_read(store, suffix, compress):
    package = deb(FIELDS, {}, data_tar=(suffix, compress(raw_tar(member("./etc/conf", size=3)))))
    assert tree(store, locked(store, debs=[package]))["etc/conf"].data == b"xxx"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not a package",
        deb(FIELDS, {"etc/conf": b"c"})[:300],
        ar({"debian-binary": b"2.0\n"}),
        ar({"data.tar.rar": b"??"}),
        ar({"data.tar.xz": b"no xz"}),
        made(member("./../../etc/cron.d/evil", size=1)),
        made(member("./usr/../../evil", size=1)),
    ],
)
def test_what_is_no_package_or_leaves_its_tree_fails_the_build(store, broken):
    with pytest.raises(BuildError, match="unpack p0"):
        base_snapshot(locked(store, debs=[broken]), store)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.ZstdCompressor().compress)],
)
def test_a_package_that_unpacks_to_more_than_a_disk_holds_fails_the_build(store, monkeypatch, suffix, compress):
    package = deb(FIELDS, {}, data_tar=(suffix, compress(raw_tar(member("./bomb", size=3_000_000)))))
    monkeypatch.setattr(rootfs, "LARGEST", 2_000_000)
    with pytest.raises(BuildError, match="unpacks to more than 2000000 bytes"):
        base_snapshot(locked(store, debs=[package]), store)


def test_a_wheel_that_unpacks_to_more_than_a_disk_holds_fails_the_build(store, monkeypatch):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("one.py", "two.py"):
            archive.writestr(name, b"#" * 1_500_000)
    assert len(out.getvalue()) < 20_000
    monkeypatch.setattr(rootfs, "LARGEST", 2_000_000)
    with pytest.raises(BuildError, match="unpacks to more than 2000000 bytes"):
        base_snapshot(locked(store, debs=[deb(FIELDS, {"etc/x": b""})], wheels=[out.getvalue()]), store)


def test_a_wheel_lands_where_debians_python_looks_with_a_command_per_script(store):
    scripts = "[console_scripts]\ncheck = checker.main:run\n[other]\nx = y\n"
    files = {"checker/__init__.py": "", "checker/__pycache__/a.pyc": "", "checker-1.data/scripts/sh": "rm -rf /\n"}
    files |= {"checker-1.data/purelib/extra.py": "e", "checker-1.dist-info/entry_points.txt": scripts}
    found = tree(store, locked(store, debs=[deb(FIELDS, {"etc/x": b""})], wheels=[wheel("checker", "1", files)]))
    assert found[f"{PACKAGES}/checker/__init__.py"].kind == "file"
    assert found[f"{PACKAGES}/extra.py"].data == b"e"
    assert b"from checker.main import run" in found["usr/bin/check"].data
    assert found["usr/bin/check"].executable
    assert not any(path.endswith((".pyc", "/sh", "/x", "/y")) and "dist-packages" in path for path in found)


def test_a_wheel_that_writes_outside_its_place_fails_the_build(store):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../../../etc/passwd", "root::0:0")
    with pytest.raises(BuildError):
        base_snapshot(locked(store, wheels=[out.getvalue()]), store)


def test_a_missing_input_is_gone_and_a_made_layer_is_not_made_twice(store):
    lock = locked(store, debs=[deb(FIELDS, {"etc/x": b""})])
    first = base_snapshot(lock, store)
    store.path(lock.inputs[0].sha256).unlink()
    assert base_snapshot(lock, store) == first
    store.path(first.layers[0]).unlink()
    with pytest.raises(InputGone, match=lock.inputs[0].sha256):
        base_snapshot(lock, store)


ELSEWHERE = """
import sys
from factory.lock import read_lock
from factory.rootfs import base_snapshot
from factory.store import Store
print(base_snapshot(read_lock(sys.argv[1]), Store(sys.argv[2])).layers)
"""


def test_the_same_inputs_give_the_same_bits_in_another_folder_zone_locale_hash_seed_and_umask(store, tmp_path):
    from factory.lock import write_lock

    debs = [deb(FIELDS, {f"usr/bin/{n}": b"x" for n in "zyxw"}), made(member("./usr/lib/ü.py", size=3))]
    lock = locked(store, debs=debs, wheels=[wheel("a", "1", {"a.py": "a"})])
    write_lock(lock, tmp_path / "x.lock")
    other = Store(tmp_path / "far" / "away")
    for entry in lock.inputs:
        other.put(store.get(entry.sha256))
    environment = {**os.environ, "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "99"}
    script = 'umask 077 && cd / && exec "$@"'
    argv = ["sh", "-c", script, "sh", sys.executable, "-c", ELSEWHERE, str(tmp_path / "x.lock"), str(other.root)]
    environment["PYTHONPATH"] = str(ROOT)
    ran = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(base_snapshot(lock, store).layers)


# ---- the real one: from the index and archives of this machine


@pytest.fixture(scope="session")
def real():
    """The committed lock of cachetools, fetched; kept in the user's store between runs."""
    from factory.store import default_root

    store, lock = Store(default_root()), read_lock(ROOT / "specs/cachetools.lock")
    fetch(lock, store)
    return store, lock


async def test_the_locked_base_boots_and_has_what_tests_and_a_shell_agent_need(real):
    store, lock = real
    modules = "ssl, hashlib, sqlite3, ctypes, zlib, bz2, lzma, decimal, asyncio, unittest, readline, pytest"
    check = f"import {modules}; import locale; print(locale.setlocale(locale.LC_ALL, 'C.UTF-8'))"
    tools = "sh bash ls cat grep sed awk find xargs diff patch sort tar pytest python python3"
    async with NativeBackend(store) as backend, backend.fork(base_snapshot(lock, store), Limits()) as box:
        ran = await box.exec(["python3", "-c", check], timeout_s=60)
        assert (ran.exit_code, ran.stdout.strip()) == (0, b"C.UTF-8"), ran.stderr
        ran = await box.exec(["sh", "-c", f"for t in {tools}; do command -v $t || exit 1; done"], timeout_s=60)
        assert ran.exit_code == 0, ran.stdout
        assert len(ran.stdout.split()) == len(tools.split())
        ran = await box.exec(["pytest", "--version"], timeout_s=60)
        assert ran.stdout.strip() == b"pytest 8.4.2", ran.stderr


async def test_the_base_holds_no_copy_of_the_package_under_test(real):
    store, lock = real
    paths = [e.path for d in base_snapshot(lock, store).layers for e in entries_of(store.get(d))]
    assert not [path for path in paths if "cachetools" in path]


async def test_byte_code_is_the_same_bits_each_time_is_used_and_is_never_checked_against_a_clock(real, tmp_path):
    store, lock = real
    base = base_snapshot(lock, store)
    fresh = Store(tmp_path / "store")
    for digest in base.layers:
        fresh.put(store.get(digest))
    async with NativeBackend(store) as first, NativeBackend(fresh, tmp_path / "cache") as second:
        with_pyc = await compiled(base, store, first)
        assert await compiled(base, fresh, second) == with_pyc
        async with first.fork(with_pyc, Limits()) as box:
            ran = await box.exec(["python3", "-v", "-c", "import json, _pytest.config"], timeout_s=60)
    assert b"matches /usr/lib/python3.11/json/__init__.py" in ran.stderr
    layer = list(entries_of(store.get(with_pyc.layers[-1])))
    files = [entry for entry in layer if entry.kind == "file"]
    assert len(files) > 500
    assert {entry.data[4:8] for entry in files} == {b"\x01\0\0\0"}, "flags of PEP 552: hash-based, unchecked"
