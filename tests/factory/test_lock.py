"""Locks: resolved once by the real pip and apt, against an index and an archive in a folder; fetched anywhere."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
from shelf import GRIST, look_at, stock

from factory.errors import BuildError, InputGone, SpecError
from factory.lock import Lock, check_lock, fetch, lock_path, lock_spec, read_lock, resolve, wanted, write_lock
from factory.spec import load_spec
from factory.store import Store

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def spec_path(tmp_path):
    path = tmp_path / "grist.yaml"
    path.write_text(GRIST)
    return path


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    """The lock of GRIST, resolved once: a shelf holds the same bytes wherever it is set up."""
    root = tmp_path_factory.mktemp("resolved")
    (root / "grist.yaml").write_text(GRIST)
    with pytest.MonkeyPatch.context() as monkeypatch:
        look_at(stock(root / "shelf"), monkeypatch)
        return lock_spec(root / "grist.yaml", Store(root / "store"))


@pytest.fixture
def lock(resolved, spec_path, shelf):
    """The same, beside this test's own spec and shelf."""
    write_lock(resolved, lock_path(spec_path))
    return resolved


def relocate(shelf, kind, name, data):
    """Serves other bytes for a file of the index or archive."""
    folder = {"package": "simple", "deb": "archive/pool"}[kind]
    (path,) = (shelf.root / folder).rglob(name)
    path.write_bytes(data)


def test_everything_the_spec_needs_is_pinned_and_nothing_else(shelf, spec_path, store):
    lock = lock_spec(spec_path, store)
    found = [(i.kind, i.name, i.version) for i in lock.inputs]
    assert found == [
        ("deb", "python3-minimal", "3.11-1"),
        ("deb", "python3.11-minimal", "3.11-2"),
        ("deb", "tiny-libc", "1:2.36+x-1"),
        ("sdist", "grist", "2.0"),
        ("wheel", "checker", "3.1"),
        ("wheel", "helper", "1.5"),
    ]
    for entry in lock.inputs:
        data = store.get(entry.sha256)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry.sha256, entry.size)
    assert lock.of_kind("sdist")[0].sha256 == hashlib.sha256(shelf.packages["grist"]["grist-2.0.tar.gz"]).hexdigest()


def test_the_lock_file_is_the_same_text_each_time_and_reads_back(shelf, spec_path, store, tmp_path):
    lock = lock_spec(spec_path, store)
    text = lock_path(spec_path).read_text()
    write_lock(resolve(load_spec(spec_path), Store(tmp_path / "other")), tmp_path / "again.lock")
    assert (tmp_path / "again.lock").read_text() == text
    assert read_lock(lock_path(spec_path)) == lock
    assert str(shelf.root) not in text
    assert json.loads(text)["platform"] == lock.platform != ""


def test_a_lock_that_is_there_is_kept_though_the_index_moved_on(shelf, lock, spec_path, tmp_path):
    shelf.wheel("helper", "1.6", {"helper/__init__.py": ""})
    shelf.publish()
    other = Store(tmp_path / "other")
    assert lock_spec(spec_path, other) == lock
    assert all(other.has(entry.sha256) for entry in lock.inputs)
    updated = lock_spec(spec_path, other, update=True)
    assert [i.version for i in updated.inputs if i.name == "helper"] == ["1.6"]


def test_a_damaged_blob_is_fetched_again(shelf, lock, store):
    fetch(lock, store)
    victim = lock.inputs[0]
    store.path(victim.sha256).chmod(0o644)
    store.path(victim.sha256).write_bytes(b"rotten")
    fetch(lock, store)
    assert len(store.get(victim.sha256)) == victim.size


@pytest.mark.parametrize(
    ("kind", "name"), [("package", "grist-2.0.tar.gz"), ("package", "checker-*.whl"), ("deb", "tiny-libc_*.deb")]
)
def test_a_file_served_with_another_hash_is_refused_with_both(shelf, lock, tmp_path, kind, name):
    relocate(shelf, kind, name, b"something else")
    other = Store(tmp_path / "other")
    served = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(InputGone, match=f"locked with SHA-256 [0-9a-f]{{64}}, but served with {served}"):
        fetch(lock, other)
    assert not other.has(served)


def test_a_page_that_promises_another_hash_than_is_served_is_not_trusted(shelf, spec_path, store):
    relocate(shelf, "package", "grist-2.0.tar.gz", b"something else")
    with pytest.raises(InputGone, match="the index promises SHA-256"):
        lock_spec(spec_path, store)
    assert not lock_path(spec_path).exists()


def test_a_deb_that_left_the_lists_is_still_taken_from_the_pool(shelf, lock, tmp_path):
    shelf.debs.clear()
    shelf.deb("tiny-libc", "1:9.99", {"lib/libc.so": "newer"})
    shelf.publish()
    fetch(lock, Store(tmp_path / "other"))


def test_a_deb_that_is_served_no_more_says_so_and_how_to_go_on(shelf, lock, tmp_path):
    for path in (shelf.root / "archive/pool").glob("tiny-libc*"):
        path.rename(tmp_path / path.name)
    with pytest.raises(InputGone, match=r"tiny-libc=1:2\.36.x-1 is locked, but no archive") as caught:
        fetch(lock, Store(tmp_path / "other"))
    assert "grind lock --update" in caught.value.hint


def test_a_deb_that_is_served_no_more_comes_from_an_archive_that_kept_it(shelf, lock, tmp_path, monkeypatch):
    (shelf.root / "archive/pool").rename(tmp_path / "pool")
    monkeypatch.setenv("GRINDWORKS_DEB_MIRROR", tmp_path.as_uri())
    other = Store(tmp_path / "other")
    fetch(lock, other)
    assert all(other.has(entry.sha256) for entry in lock.inputs)


def test_a_lock_of_another_distribution_says_that_it_is(shelf, lock, tmp_path):
    lock = lock.model_copy(update={"platform": "debian 99 sparc"})
    for path in (shelf.root / "archive/pool").iterdir():
        path.unlink()
    with pytest.raises(InputGone, match="locked for debian 99 sparc, this machine is"):
        fetch(lock, Store(tmp_path / "other"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("package: grist", "package: gristle", "grist.yaml:5: source.package: no such package on the index: gristle"),
        ("'2.0'", "'2.5'", "grist.yaml:6: source.version: the index has no sdist grist 2.5 (it has grist-1.0, "),
        ("[python3-minimal]", "[python9]", "grist.yaml:9: base.packages: E: Unable to locate package python9"),
        ("checker==3.1", "checker==3.2", "grist.yaml:10: base.test_requires: ERROR: No matching distribution"),
        ("checker==3.1", "chequer==3.1", "grist.yaml:10: base.test_requires: ERROR: No matching distribution"),
        ("[python3-minimal]", "[tiny-libc]", "the base has no Python (add python3-minimal to base.packages)"),
        ("'2.0'", f"'2.0'\n  sha256: {'a' * 64}", f"grist.yaml:7: source.sha256: the spec says {'a' * 64}, but "),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_named_with_its_line(shelf, spec_path, store, old, new, expected):
    spec_path.write_text(GRIST.replace(old, new))
    with pytest.raises(SpecError) as caught:
        lock_spec(spec_path, store)
    assert expected in str(caught.value)
    assert not lock_path(spec_path).exists()


def test_a_spec_changed_since_it_was_locked_is_noticed(shelf, lock, spec_path, store):
    spec_path.write_text(GRIST.replace("seed: 3", "seed: 4"))
    check_lock(load_spec(spec_path), lock)
    spec_path.write_text(GRIST.replace("'2.0'", "'1.0'"))
    with pytest.raises(SpecError, match="another state of spec 'grist'") as caught:
        lock_spec(spec_path, store)
    assert "grind lock --update" in caught.value.hint
    assert lock_spec(spec_path, store, update=True).of_kind("sdist")[0].version == "1.0"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"spec": "x", "wants": "y", "inputs": [{"kind": "exe"}]}', "\0"])
def test_a_damaged_lock_file_is_refused_by_name(tmp_path, text):
    (tmp_path / "x.lock").write_text(text)
    with pytest.raises(SpecError, match=r"x\.lock"):
        read_lock(tmp_path / "x.lock")
    with pytest.raises(SpecError, match=r"gone\.lock: cannot read"):
        read_lock(tmp_path / "gone.lock")


def test_an_index_that_cannot_be_reached_is_an_error_of_the_build_and_not_a_missing_package(
    shelf, spec_path, store, monkeypatch
):
    monkeypatch.setattr("factory.indexes.time", type("NoWait", (), {"sleep": staticmethod(lambda s: None)}))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(BuildError, match=r"cannot reach 127\.0\.0\.1"):
        lock_spec(spec_path, store)


def test_a_world_locks_nothing_and_needs_no_index(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    (tmp_path / "mail.yaml").write_text((SPECS / "mail.yaml").read_text())
    lock = lock_spec(tmp_path / "mail.yaml", store)
    assert lock == Lock(spec="mail", wants=wanted(load_spec(tmp_path / "mail.yaml")))


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.lock")), ids=lambda p: p.name)
def test_the_committed_locks_are_of_the_committed_specs_and_name_no_host(path):
    lock = read_lock(path)
    check_lock(load_spec(path.with_suffix(".yaml")), lock)
    assert "://" not in path.read_text()
    write_back = path.read_text()
    assert write_back == json.dumps(json.loads(write_back), indent=1, sort_keys=True) + "\n"


# ---- locks that somebody has touched


def changed(lock: Lock, kind: str, **given: object) -> Lock:
    """``lock`` with the first input of a kind changed, as an edited file reads."""
    first = lock.of_kind(kind)[0]
    entries = [{**i.model_dump(), **(given if i == first else {})} for i in lock.inputs]
    return Lock.model_validate({**lock.model_dump(), "inputs": entries})


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("sdist", {"version": "1.0"}, "pins grist 1.0"),
        ("sdist", {"name": "other"}, "pins other 2.0"),
        ("wheel", {"version": "3.0"}, "does not pin checker==3.1"),
    ],
)
def test_a_lock_that_pins_something_else_than_the_spec_asks_for_is_refused(resolved, spec_path, kind, given, told):
    spec = load_spec(spec_path)
    check_lock(spec, resolved)
    with pytest.raises(SpecError, match=f"{told}.*grind lock --update"):
        check_lock(spec, changed(resolved, kind, **given))


def test_a_lock_with_another_hash_than_the_spec_gives_is_refused(resolved, spec_path):
    right = resolved.of_kind("sdist")[0].sha256
    spec_path.write_text(GRIST.replace("version:", f"sha256: {right}\n  version:", 1))
    spec = load_spec(spec_path)
    lock = resolved.model_copy(update={"wants": wanted(spec)})
    check_lock(spec, lock)
    with pytest.raises(SpecError, match=f"the spec says SHA-256 {right}"):
        check_lock(spec, changed(lock, "sdist", sha256="0" * 64))


@pytest.mark.parametrize("missing", [0, 2])
def test_a_lock_pins_one_source(resolved, spec_path, missing):
    rest = tuple(i for i in resolved.inputs if i.kind != "sdist")
    lock = resolved.model_copy(update={"inputs": (*rest, *resolved.of_kind("sdist") * missing)})
    with pytest.raises(SpecError, match=f"pins {missing} sources"):
        check_lock(load_spec(spec_path), lock)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("deb", {"name": "-oAPT::Update::Pre-Invoke::=id"}),
        ("deb", {"version": "1 -oDir::Etc=x"}),
        ("deb", {"path": "../../etc/passwd"}),
        ("deb", {"path": "pool/../../x.deb"}),
        ("deb", {"path": "/etc/passwd"}),
        ("wheel", {"filename": "../checker-3.1-py3-none-any.whl"}),
        ("wheel", {"name": "../simple"}),
        ("wheel", {"size": -1}),
    ],
)
def test_a_lock_cannot_hand_options_or_paths_to_the_tools_that_fetch(resolved, tmp_path, kind, given):
    field = next(iter(given))
    path = tmp_path / "x.lock"
    first = resolved.of_kind(kind)[0]
    entries = [{**i.model_dump(), **(given if i == first else {})} for i in resolved.inputs]
    path.write_text(json.dumps({**resolved.model_dump(), "inputs": entries}))
    with pytest.raises(SpecError, match=rf"x\.lock: inputs\.\d+\.{field}: "):
        read_lock(path)


def test_a_file_of_another_size_than_locked_is_refused(shelf, resolved, tmp_path):
    lock = changed(resolved, "sdist", size=7)
    with pytest.raises(InputGone, match="locked with 7 bytes"):
        fetch(lock, Store(tmp_path / "other"))
