"""Sources: what an sdist is split into, and copies of the answer found in a base."""

from __future__ import annotations

import io
import marshal
import tarfile
import zipfile

import pytest
from toy_repo import PACKAGE, sdist

from factory.errors import BuildError
from factory.repos.leaks import find_copies
from factory.repos.source import unpack_sdist
from sandboxes.layers import Entry, entries_of, pack_entries

LIBRARY = 'def other():\n    """Something else entirely, of no concern to anyone here."""\n'


def tree():
    return unpack_sdist(sdist(), "sums", ["tests"])


def copies(*entries):
    return find_copies([pack_entries(entries)], tree(), "sums")


def test_tests_are_hidden_and_history_and_metadata_left_out():
    found = tree()
    assert set(found.visible) == {"README", "sums/__init__.py"}
    assert all(path.startswith("tests/") for path in found.hidden)
    assert (found.import_root, found.package_dir) == ("", "sums")
    assert {e.path for e in entries_of(found.layer()) if e.kind == "file"} == {"work/README", "work/sums/__init__.py"}


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"no archive", "not an sdist"), (sdist()[:200], "not an sdist")],
)
def test_what_is_no_sdist_is_refused(data, says):
    with pytest.raises(BuildError, match=says):
        unpack_sdist(data, "sums", ["tests"])


def test_an_sdist_without_its_tests_or_package_or_with_links_is_refused():
    with pytest.raises(BuildError, match="has no tests"):
        unpack_sdist(sdist(), "sums", ["spec"])
    with pytest.raises(BuildError, match="no package folder"):
        unpack_sdist(sdist(), "differences", ["tests"])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("sums-1.0/sums/__init__.py")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(BuildError, match="no plain file"):
        unpack_sdist(out.getvalue(), "sums", ["tests"])


def test_a_base_without_copies_is_clean():
    assert (
        copies(Entry("usr/lib/python3/dist-packages/other.py", data=LIBRARY.encode()), Entry("usr/bin/checksums")) == []
    )


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3/dist-packages/sums/__init__.py",
        "usr/lib/python3/dist-packages/pip/_vendor/sums/__init__.py",
        "usr/lib/python3/dist-packages/sums-1.0.dist-info/METADATA",
        "usr/lib/python3/dist-packages/sums.py",
        "usr/lib/python3/dist-packages/__pycache__/sums.cpython-311.pyc",
        "root/.cache/pip/sums-1.0-py3-none-any.whl",
        "work/.git/HEAD",
    ],
)
def test_a_copy_or_history_is_found_by_its_name(path):
    assert copies(Entry(path, data=b"")) != []


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hidden.py", text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("usr/lib/python3/dist-packages/big/_internal.py", PACKAGE.encode()),
        ("usr/lib/python3/dist-packages/x/__pycache__/y.cpython-311.pyc", marshal.dumps(compile(PACKAGE, "y", "exec"))),
        ("usr/share/wheels/bundle.zip", zipped(PACKAGE)),
    ],
)
def test_a_copy_under_another_name_is_found_by_its_passages(path, data):
    assert "passages" in copies(Entry(path, data=data))[0]
