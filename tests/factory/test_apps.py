"""Apps of a world spec: where they are from, and that an environment keeps all that a worker needs of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.apps import find_app
from factory.audit import audit
from factory.build import build, load_suite
from factory.environment import Action
from factory.errors import SpecError
from factory.lock import lock_spec
from factory.rebuild import rebuild
from factory.spec import load_spec, parse_spec
from factory.store import Store

APP = """\
app: shelf
title: Shelf
entities:
  book:
    fields:
      name: {required: true}
      state: {type: enum, values: [in, out], default: in, readonly: true}
    operations: [list, get, create]
    rows: 12
operations:
  book_lend: {entity: book, when: {state: [in]}, set: {state: out}}
  book_count: {behaviour: count, writes: false, result: {shape: value}}
"""
BEHAVIOURS = """\
def count(act):
    return {"books": act.call.one("SELECT count(*) FROM shelf_book")[0]}
"""
WORLD = """\
kind: world
name: shelves
seed: 3
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 4
apps:
  shelf: {from: shelf, rows: {book: 15}}
  notes: {}
tasks:
  generated: {per_template: 2}
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A spec with its app beside it."""
    home = tmp_path / "home"
    (home / "shelf").mkdir(parents=True)
    (home / "shelf" / "app.yaml").write_text(APP)
    (home / "shelf" / "behaviours.py").write_text(BEHAVIOURS)
    (home / "world.yaml").write_text(WORLD)
    return home


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def built(folder: Path, store: Store):
    return build(load_spec(folder / "world.yaml"), lock_spec(folder / "world.yaml", store), store)


def test_an_app_lies_beside_its_spec_or_below_the_working_directory(folder, monkeypatch):
    assert find_app("shelf", "shelf", folder).name == "shelf"
    monkeypatch.chdir(folder.parent)
    assert find_app("shelf", "home/shelf", Path("elsewhere")).name == "shelf"
    assert find_app("shelf", ".", folder / "shelf").declared is not None
    assert find_app("mail").name == "mail"


async def test_a_worker_needs_the_store_alone(folder, store):
    digest = built(folder, store).digest
    shutil.rmtree(folder)
    suite = load_suite(store, digest)
    task = next(iter(suite.tasks.values()))
    environment = suite.fork(task)
    await environment.open()
    step = await environment.step(Action("shelf_book_count", {}))
    assert "15" in step.observation.text
    await environment.close()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("app.yaml", "title: Shelf", "title: Shelves"),
        ("behaviours.py", "{", "{'more': 1, "),
        ("world.yaml", "15", "14"),
    ],
)
def test_the_digest_covers_declaration_behaviours_and_options(folder, store, file, old, new):
    before = built(folder, store).digest
    assert built(folder, store).digest == before
    path = folder / ("" if file == "world.yaml" else "shelf") / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert built(folder, store).digest != before


@pytest.mark.parametrize(
    ("source", "differs"),
    [
        (BEHAVIOURS, False),
        ("def count(act):\n    return list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})\n", True),
        (
            "from functools import cache\n\n@cache\ndef _seen():\n    return []\n\n"
            "def count(act):\n    _seen().append(1)\n    return {'seen': len(_seen())}\n",
            True,
        ),
    ],
)
def test_no_task_of_a_world_is_certified_whose_behaviours_answer_otherwise_when_asked_again(
    folder, store, source, differs
):
    (folder / "shelf" / "behaviours.py").write_text(source)
    tasks = audit(store, load_suite(store, built(folder, store).digest)).tasks
    assert [one.ok for one in tasks] == [not differs] * len(tasks)
    if differs:
        assert {one.survivors for one in tasks} == {("shelf.book_count: asked again it answers otherwise",)}


def test_an_app_is_copied_with_its_spec_when_the_world_is_built_elsewhere(folder, store):
    manifest = built(folder, store)
    lock = lock_spec(folder / "world.yaml", store)
    assert rebuild(folder / "world.yaml", lock, store).digest == manifest.digest


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("shelf: {from: shelf, rows: {boook: 3}}", "8: apps.shelf.rows.boook: unknown key; did you mean book?"),
        ("shelf: {from: shelf, row: {}}", "8: apps.shelf.row: unknown key; did you mean rows?"),
        (
            "shelf: {from: shelf, rows: {book: -3}}",
            "8: apps.shelf.rows.book: input should be greater than or equal to 0",
        ),
        ("shelf: {}", "8: apps.shelf: no app 'shelf' (apps here: docs, mail, notes; `from: FOLDER` names"),
        ("desk: {from: shelf}", "8: apps.desk: from: shelf is the app 'shelf', not 'desk'"),
        ("shelf: {from: nowhere}", "8: apps.shelf: nowhere/app.yaml: cannot read the declaration"),
        ("shelf: {from: ../home/shelf}", "8: apps.shelf: from: ../home/shelf leads elsewhere"),
        ("shelf: {from: /etc}", "8: apps.shelf: from: /etc leads elsewhere"),
        (
            "shelf: {from: 'openapi:https://api.example/shelf.yaml'}",
            "8: apps.shelf: from: openapi:https://api.example/shelf.yaml: a world is built without a network",
        ),
        ("shelf: {from: 3}", "8: apps.shelf: from: 3 is no place of an app"),
    ],
)
def test_a_wrong_app_is_refused_by_line_of_the_spec(folder, given, expected):
    text = WORLD.replace("shelf: {from: shelf, rows: {book: 15}}", given)
    with pytest.raises(SpecError) as caught:
        parse_spec(text, str(folder / "world.yaml"))
    assert f"{folder}/world.yaml:{expected}" in str(caught.value)


def test_what_is_wrong_in_an_app_is_told_by_its_own_line(folder):
    (folder / "shelf" / "app.yaml").write_text(APP.replace("required", "requird"))
    with pytest.raises(SpecError) as caught:
        load_spec(folder / "world.yaml")
    assert "shelf/app.yaml:6: entities.book.fields.name.requird: unknown key; did you mean required?" in str(
        caught.value
    )


def test_a_declaration_that_was_compiled_is_an_app_like_others():
    found = find_app("tasksv1", "discovery:tasks:v1")
    assert found.declared is not None
    assert found.declared.decl.source is not None
    assert list(found.kept) == ["app.json"]
