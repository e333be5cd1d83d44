"""An app as a person writes it: what is wrong is told by file, line and field, what is right is what is played."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from app_clones.declared.expand import expand
from app_clones.declared.load import from_json, load_app, load_decl, load_declared, parse_decl, read_behaviours, to_json
from app_clones.kit.located import Fault, FileError, JsonLoader, parse
from app_clones.kit.world import World

SHELF = """\
app: shelf
title: Shelf
entities:
  book:
    fields:
      name: {required: true}
      state: {type: enum, values: [in, out, on], default: in, readonly: true}
      reader: {type: ref, to: person}
      since: {type: date, default: 2025-03-01}
    operations: [list, get, create]
    given:
      - {name: Moss}
operations:
  book_lend:
    entity: book
    when: {state: [in]}
    set: {state: out, reader: $actor}
  book_count:
    behaviour: count
    writes: false
    result: {shape: value}
"""
BEHAVIOURS = """\
from app_clones.declared.act import Act


def count(act: Act) -> dict[str, int]:
    ((n,),) = act.call.rows("SELECT count(*) FROM shelf_book ORDER BY 1")
    return {"books": n, "doubled": _twice(n)}


def _twice(n):
    return 2 * n
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "app.yaml").write_text(SHELF)
    (tmp_path / "behaviours.py").write_text(BEHAVIOURS)
    return tmp_path


def refused(text: str) -> str:
    with pytest.raises(FileError) as caught:
        parse_decl(text, "app.yaml")
    return str(caught.value)


def world_of(app, **options):
    return World.build((app,), seed=3, start_ms=10**12, step_ms=1000, persons=3, options=options)


def test_a_folder_is_an_app_that_can_be_played(folder):
    with world_of(load_app(folder)) as world:
        assert world.call("shelf_book_lend", {"id": 1}).result.error is None
        assert world.call("shelf_book_lend", {"id": 1}).result.error == "conflict"
        assert world.call("shelf_book_get", {"id": 1}).result.data["state"] == "out"


def test_a_behaviour_is_a_function_of_the_file_beside_it(folder):
    ready = load_declared(folder)
    assert list(ready.behaviours) == ["count"]
    with world_of(ready.app()) as world:
        assert world.call("shelf_book_count", {}).result.data == {"books": 1, "doubled": 2}


def test_yaml_means_json_so_dates_and_switches_stay_text():
    fields = parse_decl(SHELF, "app.yaml").entities["book"].fields
    assert fields["state"].values == ("in", "out", "on")
    assert fields["since"].default == "2025-03-01"
    text = "{a: yes, b: 12:30, c: 010, d: 1e3, e: ~, f: .5, g: True, h: true, i: 8.0.0}"
    assert parse(text, "x", JsonLoader).data == {
        "a": "yes", "b": "12:30", "c": 10, "d": 1000.0, "e": None, "f": 0.5, "g": "True", "h": True, "i": "8.0.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("default: in,", "defalt: in,", "7: entities.book.fields.state.defalt: unknown key; did you mean default?"),
        ("operations: [list", "operatons: [list", "10: entities.book.operatons: unknown key; did you mean operations?"),
        (
            "  book_lend:\n    entity",
            "  book_lend:\n    entty",
            "15: operations.book_lend.entty: unknown key;",
        ),
        ("type: enum", "type: enumm", "7: entities.book.fields.state.type: input should be 'string'"),
        ("title: Shelf\n", "", "1: title: missing"),
        ("app: shelf", "app: Shelf", "1: app: string should match pattern"),
        ("entity: book", "entity: bok", "15: operations.book_lend.entity: no entity bok"),
        ("to: person", "to: persn", "8: entities.book.fields.reader.to: no entity persn"),
        ("set: {state: out", "set: {stat: out", "17: operations.book_lend.set.stat: no field stat"),
        ("$actor", "$actr", "17: operations.book_lend.set.reader: $actr is nothing here"),
        ("- {name: Moss}", "- {nam: Moss}", "12: entities.book.given.0.nam: no field nam"),
        ("{required: true}", "{required: true, seed: nme}", "6: entities.book.fields.name.seed: no drawer 'nme'"),
        ("app: shelf", "app: admin", "1: app: admin is a name of the kit's own"),
        ("app: shelf", "app: clock", "1: app: clock is a name of the kit's own"),
        ("app: shelf", "app: shelf\napp: other", "2: app: given twice, first on line 1"),
        ("entities:", "entities: [", "5: not YAML"),
    ],
)
def test_a_wrong_declaration_is_refused_by_file_line_and_field(old, new, expected):
    assert old in SHELF
    assert f"app.yaml:{expected}" in refused(SHELF.replace(old, new))


@pytest.mark.parametrize("text", ["", "- a\n", "words\n"])
def test_what_is_no_mapping_is_no_declaration(text):
    assert "app.yaml:1: a declaration is a mapping" in refused(text)


def test_an_unreadable_declaration_is_named(tmp_path):
    with pytest.raises(FileError, match=r"app\.yaml: cannot read the declaration: No such file"):
        load_app(tmp_path)


def test_a_fault_survives_a_pickle_and_tells_its_parts():
    error = FileError(Fault("a.yaml", 3, "x.y", "is wrong", "mend it"), Fault("a.yaml", 0, "", "is gone"))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a.yaml:3: x.y: is wrong\na.yaml: is gone"
    assert (again.hint, again.faults[0].line) == ("mend it", 3)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def count(act:\n", "behaviours.py:1: not Python"),
        ("import os\nimport requests\n", "behaviours.py:2: imports requests"),
        ("from . import other\n", "behaviours.py:1: imports ."),
        ("def count(act):\n    import time\n", "behaviours.py:2: imports time"),
        ("from app_clones.mail.app import MAIL\n", "behaviours.py:1: imports app_clones.mail.app"),
        ("from random import Random\n", "behaviours.py:1: imports random: act.call.random(name)"),
        ("from os import urandom\n", "behaviours.py:1: imports os: a world has no files"),
        ("from urllib import request\n", "behaviours.py:1: imports urllib"),
        (
            "from datetime import datetime\nx = datetime.now()\n",
            "behaviours.py:2: .now reads the wall clock: the world",
        ),
        ("def count(act):\n    return hash('a')\n", "behaviours.py:2: uses hash: texts hash otherwise"),
        ("def count(act):\n    return sorted([act], key=id)\n", "behaviours.py:2: uses id: a thing in memory"),
        ("def count(act):\n    return open('/x').read()\n", "behaviours.py:2: uses open: a world has no files"),
        ("m = __import__('time')\n", "behaviours.py:1: uses __import__"),
        ("SEEN = ()\ndef count(act):\n    global SEEN\n", "behaviours.py:3: global SEEN: all worlds would share it"),
        ("x = 1\nSEEN = [x]\n", "behaviours.py:2: SEEN can change, and all worlds would share it: state is rows"),
        ("from itertools import count as c\nN = c()\n", "behaviours.py:2: N can change"),
        ("def count(act, seen={}):\n    return 1\n", "behaviours.py:1: a default of count can change"),
        ("class Held:\n    seen = []\n", "behaviours.py:2: Held.seen can change"),
        ("def count(act):\n    count.n = 1\n", "behaviours.py:2: count.n is set, and all worlds would share it"),
        ("async def count(act):\n    return 1\n", "behaviours.py:1: a behaviour is a plain function: no async"),
        ("x = 1\ndef count(act):\n    yield 1\n", "behaviours.py:2: a behaviour is a plain function: no async"),
        (
            "def count(act, more):\n    return 1\n",
            "behaviours.py:1: a behaviour is called with the act alone, and this",
        ),
        ("def count():\n    return 1\n", "behaviours.py:1: a behaviour is called with the act alone, and this"),
        ("x = 1\ny = x / 0\n", "behaviours.py:2: ZeroDivisionError"),
        ("from json import dumps as count\n", "app.yaml:19: operations.book_count.behaviour: no behaviour count"),
        ("def _count(act):\n    return 1\n", "app.yaml:19: operations.book_count.behaviour: no behaviour count"),
        ("", "app.yaml:19: operations.book_count.behaviour: no behaviour count"),
    ],
)
def test_behaviours_that_cannot_be_kept_or_are_not_there_are_refused_by_line(folder, source, expected):
    (folder / "behaviours.py").write_text(source)
    with pytest.raises(FileError) as caught:
        load_app(folder)
    assert f"{folder}/{expected}" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("def count(act):\n    x = 1\n    return x / 0\n", "ZeroDivisionError", 3),
        ("\n\ndef count(act):\n    return {1, 2}\n", "TypeError", 3),
        ("def count(act):\n    return float('nan')\n", "TypeError", 1),
    ],
)
def test_a_behaviour_that_crashes_tells_its_author_where_and_the_agent_only_that(folder, caplog, source, kind, line):
    text = SHELF.replace("result: {shape: value}", 'result: {shape: value}\n    text: ["{answer}"]')
    (folder / "app.yaml").write_text(text)
    (folder / "behaviours.py").write_text(source)
    with world_of(load_app(folder)) as world:
        answer = world.call("shelf_book_count", {}).result
    assert (answer.error, answer.text) == ("internal", f"error: internal error: {kind}")
    assert "shelf_book_count crashed" in caplog.text
    assert f'behaviours.py", line {line}' in caplog.text or f"behaviours.py:{line}" in caplog.text


def test_behaviours_may_compute_and_hold_constants(folder):
    (folder / "behaviours.py").write_text("""\
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

Json = Any
DIGITS = re.compile("[0-9]")
DAYS = MappingProxyType({"week": 7})
NAMES = ("a", frozenset({"b"}))


class Kind(Enum):
    ONE = 1


class Pair(NamedTuple):
    left: int
    right: int = 0


@dataclass(frozen=True)
class Book:
    id: int


NONE = Book(0)


def count(act) -> Json:
    id, hash = Book(1).id, Pair(2)
    return {"id": id, "hash": list(hash), "due": str(date(2025, 3, 1) + timedelta(DAYS["week"]))}
""")
    with world_of(load_app(folder)) as world:
        assert world.call("shelf_book_count", {}).result.data == {"id": 1, "hash": [2, 0], "due": "2025-03-08"}


def test_a_declaration_kept_as_json_is_the_same_app_to_the_byte(folder):
    ready = load_declared(folder)
    again = from_json(to_json(ready.decl), read_behaviours(folder))
    assert again.decl == ready.decl
    assert to_json(again.decl) == to_json(ready.decl)
    assert list(again.decl.entities["book"].fields) == list(load_decl(folder / "app.yaml").entities["book"].fields)
    with world_of(ready.app()) as one, world_of(again.app()) as other:
        assert one.snapshot() == other.snapshot()
        assert other.call("shelf_book_count", {}).result.data["books"] == 1


def test_build_options_scale_the_rows_and_unknown_ones_are_refused(folder):
    app = load_app(folder)
    with world_of(app, shelf={"rows": {"book": 9}}) as world:
        assert world.call("shelf_book_count", {}).result.data["books"] == 10
    with pytest.raises(ValueError, match="bok"):
        world_of(app, shelf={"rows": {"bok": 9}})


def test_nobody_is_called_by_a_password():
    fields = "{password: {required: true}, primary_email: {type: email}}"
    decl = parse_decl(f"app: office\ntitle: Office\nentities:\n  user: {{fields: {fields}}}\n", "app.yaml")
    assert expand(decl).entities["user"].label == "primary_email"
