"""What comes of an event: nothing where what it is about is gone, and never nothing because it was told wrongly."""

from __future__ import annotations

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.kit.errors import SchemaRuleError
from app_clones.kit.located import FileError
from app_clones.kit.world import World
from app_clones.mail.app import MAIL

DEPOT = """\
app: depot
title: Depot
entities:
  pack:
    fields:
      name: {max: 9, required: true}
      note: {max: 5}
      keeper: {type: ref, to: person}
      state: {type: enum, values: [in, out], default: in, readonly: true}
    operations: [get, create]
    given: [{name: Moss}]
  label:
    fields:
      pack: {type: ref, to: pack, required: true}
    operations: [create]
operations:
  pack_twin:
    entity: pack
    emit: [{event: depot.pack_create, payload: {name: $row.note}}]
  pack_drop: {entity: pack, delete: true}
  pack_send:
    entity: pack
    set: {state: out}
    emit: [{event: depot.pack_back, after: 1, unit: minute, payload: {id: $id}}]
  pack_back: {entity: pack, internal: true, when: {state: [out]}, set: {state: in}}
  pack_label:
    entity: pack
    emit: [{event: depot.label_create, after: 1, unit: minute, payload: {pack: $id}}]
  pack_name:
    params: {to: {required: true}}
    emit: [{event: depot.pack_create, payload: {name: $to}}]
  pack_mail:
    entity: pack
    emit: [{event: mail.deliver, payload: {to: $row.keeper, subject: $row.name}}]
"""


def world_of(text, *others):
    app = declared(parse_decl(text, "app.yaml")).app()
    options = {"mail": {"messages": 10}} if others else {}
    return World.build((app, *others), seed=3, start_ms=10**12, step_ms=1000, persons=6, options=options)


@pytest.fixture
def world():
    with world_of(DEPOT, MAIL) as built:
        yield built


def call(world, tool, **arguments):
    return world.call(f"depot_{tool}", arguments).result


TWIN = "19: operations.pack_twin.emit.0"
SEND = "24: operations.pack_send.emit"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "{name: $row.note}",
            "{name: $row.note, nope: 3}",
            f"{TWIN}: emits depot.pack_create with nope, but that takes",
        ),
        ("{name: $row.note}", "{note: $row.note}", f"{TWIN}: emits depot.pack_create without name"),
        ("{name: $row.note}", "{name: 5}", f"{TWIN}.payload.name: this: a text is needed"),
        ("{name: $row.note}", "{name: Moss and fern}", f"{TWIN}.payload.name: this: 0 to 9"),
        ("event: depot.pack_back", "event: depot.pack_bak", f"{SEND}.0: emits depot.pack_bak, but"),
        ("event: depot.pack_back, after: 1", "event: depot.pack_send", f"{SEND}: events without end at one moment:"),
    ],
)
def test_an_event_of_its_own_that_is_told_wrongly_is_refused_by_line(old, new, says):
    assert old in DEPOT
    with pytest.raises(FileError) as caught:
        parse_decl(DEPOT.replace(old, new), "app.yaml")
    assert f"app.yaml:{says}" in str(caught.value)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("{to: $row.keeper, subjct: $row.name}", r"depot\.pack_mail: emits mail\.deliver with subjct, but that takes"),
        ("{subject: $row.name}", r"depot\.pack_mail: emits mail\.deliver without to, which that needs"),
    ],
)
def test_an_event_of_another_app_is_refused_in_a_world_that_has_it(new, says):
    text = DEPOT.replace("{to: $row.keeper, subject: $row.name}", new)
    with world_of(text):
        pass
    with pytest.raises(SchemaRuleError, match=says):
        world_of(text, MAIL)


def test_an_event_whose_row_is_gone_or_in_another_state_does_nothing(world):
    call(world, "pack_send", id=1)
    call(world, "pack_drop", id=1)
    assert call(world, "pack_get", id=1).error == "not_found"
    world.call("clock_wait", {"minutes": 5})
    assert world.call("depot_pack_create", {"name": "Fern"}).result.data["id"] == 2


def test_an_event_about_what_has_no_value_does_nothing(world):
    assert call(world, "pack_mail", id=1).error is None
    assert call(world, "pack_twin", id=1).error is None
    assert call(world, "pack_get", id=2).error == "not_found"


def test_an_event_that_is_refused_as_it_was_told_is_logged_for_who_wrote_the_app(world, caplog):
    assert call(world, "pack_name", to="Moss and fern").error is None
    assert "depot.pack_create came to nothing: name: 0 to 9 characters are needed, not 13; it was told" in caplog.text


def test_that_events_rightly_come_to_nothing_is_not_logged(world, caplog):
    call(world, "pack_mail", id=1)  # nobody keeps it
    call(world, "pack_send", id=1)
    call(world, "pack_label", id=1)
    call(world, "pack_drop", id=1)
    world.call("clock_wait", {"minutes": 5})
    assert caplog.text == ""
