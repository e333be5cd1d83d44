import os
import stat

import pytest

from factory.durable import write_whole


def test_a_file_is_replaced_whole_and_readable_by_others(tmp_path):
    path = tmp_path / "state"
    write_whole(path, "first, längst")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["state"]


def test_what_is_renamed_is_on_the_disk_before_and_its_name_after(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace

    def synced(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        done.append((kind, os.fstat(handle).st_size if kind == "file" else 0))
        sync(handle)

    def replaced(*paths):
        done.append(("renamed", 0))
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_whole(tmp_path / "state", bytes(1000))
    assert done == [("file", 1000), ("renamed", 0), ("folder", 0)]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_whole(path, "kept")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "lost")
    assert path.read_text() == "kept"
    assert os.listdir(tmp_path) == ["state"]
