"""Lists show what people go by, times as people say them, and are called by whole words."""

from __future__ import annotations

import json

import pytest

from app_clones.declared.expand import expand
from app_clones.declared.model import AppDecl, FieldDecl
from app_clones.declared.pages_cells import maker
from app_clones.declared.pages_columns import columns, is_time, reading_order, times_in
from app_clones.declared.pages_plan import plan
from app_clones.declared.pages_text import moment_told, pretty, prose, tint

NOW = 1_740_992_400_000  # 2025-03-03T09:00:00Z
MOMENT = {
    "type": "object",
    "properties": {"date": {"format": "date"}, "dateTime": {"format": "date-time"}, "timeZone": {}},
}
EVENT = {
    "color_id": {},
    "created": {"type": "datetime", "auto": "created"},
    "end": {"type": "json", "shape": {"$ref": "#/$defs/Moment"}},
    "etag": {},
    "html_link": {},
    "i_cal_uid": {},
    "location": {},
    "sequence": {"type": "integer"},
    "start": {"type": "json", "shape": {"$ref": "#/$defs/Moment"}},
    "status": {},
    "summary": {},
    "updated": {"type": "datetime", "auto": "updated"},
}


def app(fields, **entity):
    return expand(
        AppDecl.model_validate(
            {
                "app": "diary",
                "title": "Diary",
                "schemas": {"Moment": MOMENT},
                "entities": {"event": {"fields": fields, "operations": ["list"], **entity}},
            }
        )
    )


def shown(fields, **entity):
    decl = app(fields, **entity)
    return columns(decl, decl.entities["event"])


def test_what_only_programs_read_is_no_column_where_there_is_enough_else():
    assert shown(EVENT)[:5] == ("summary", "start", "status", "end", "location")
    assert not {"color_id", "etag", "html_link", "i_cal_uid", "sequence"} & {*shown(EVENT)}


def test_where_there_is_little_else_it_is_shown():
    assert shown({"name": {}, "etag": {}, "color_id": {}, "parent_uid": {}}) == ("name", "etag", "color_id")


def test_columns_stand_as_a_person_declared_them():
    fields = {"name": {}, "kind": {"type": "enum", "values": ["a"]}, "city": {}, "amount": {"type": "integer"}}
    assert shown(fields) == ("name", "kind", "city", "amount")


def test_one_row_is_read_from_what_it_is_called_to_what_only_programs_write():
    def read(fields):
        decl = app(fields)
        return reading_order(decl, decl.entities["event"])

    needed = {**EVENT, "attendees": {"type": "json", "shape": {}}, "start": {**EVENT["start"], "required": True}}
    told = read({name: needed[name] for name in sorted(needed)})
    assert told[:5] == ("summary", "start", "status", "end", "location")
    assert told[-1] == "attendees"
    assert read({"title": {}, "body": {}, "about": {}}) == ("title", "body", "about"), "as a person declared them"


def test_of_many_times_a_few_are_shown_and_all_columns_fit_beside_each_other():
    times = {f"seen_{letter}_time": {"type": "datetime"} for letter in "abcdef"}
    found = shown({"name": {}, **times, "size": {"type": "integer"}, "owner": {}, "plan": {}})
    assert {"size", "owner", "plan"} <= {*found}
    assert len(found) <= 6


def test_text_is_a_time_by_its_type_or_by_what_is_said_of_it():
    assert is_time(FieldDecl(type="datetime"))
    assert is_time(FieldDecl(about="Due date of the task (as an RFC 3339 timestamp)."))
    assert not is_time(FieldDecl(about="Its name."))
    decl = app(EVENT)
    assert times_in(decl, decl.entities["event"].fields["start"]) == ("dateTime", "date")
    odd = FieldDecl(type="json", shape={"type": "object", "properties": {"at": {"format": "date-time"}, "by": {}}})
    assert times_in(decl, odd) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2025-03-03T14:05:00Z", "Today 14:05"),
        ("2025-03-04T00:30:00+01:00", "Today 23:30"),
        ("2025-01-12T06:22:00.5Z", "12 Jan, 06:22"),
        ("2024-12-20T03:50:00", "20 Dec 2024"),
        ("2025-03-03", "3 Mar 2025"),
        ("in spring", "in spring"),
        ("2025-02-30T00:00:00Z", "2025-02-30T00:00:00Z"),
    ],
)
def test_a_time_that_is_text_is_said_as_the_clocks_own_times_are(text, said):
    assert moment_told(text, NOW) == said
    cell = maker(app(EVENT), FieldDecl(type="datetime"))(text, {}, NOW)
    assert said in cell
    held = {"timeZone": "Europe/Rome", "dateTime": text}
    assert said in maker(app(EVENT), app(EVENT).entities["event"].fields["start"])(held, {}, NOW)


def test_a_word_longer_than_a_column_is_broken_and_a_sentence_is_not():
    make = maker(app(EVENT), FieldDecl())
    assert 'class="long"' in make("application/vnd.openxmlformats-officedocument", {}, NOW)
    assert "class" not in make("a sentence of many short words that goes on", {}, NOW)


@pytest.mark.parametrize(("told", "most", "shown"), [
    ("Methods (such as `files.update`) need a **file**.", 80, "Methods (such as files.update) need a file."),
    ("See [Share files](https://example.com/share).", 80, "See Share files."),
    ("All about files. See [`Sharing`](https://exam", 80, "All about files. See Sharing"),
    ("A calendar of events. To get its ID, call the method of that name.", 60, "A calendar of events."),
    ("A calendar, e.g. A-1, that is shared with all people of one household.", 30, "A calendar, e.g. A-1, that …"),
    (f"Kept. {'Words of a text ' * 10}that is cut with", 200, f"Kept. {'Words of a text ' * 10}that is cut …"),
    (f"It is kept {'for long ' * 14}indeed. And then it is cut with", 200, f"It is kept {'for long ' * 14}indeed."),
    ("No full stop", 80, "No full stop"),
    ("", 80, ""),
])  # fmt: skip
def test_descriptions_are_told_without_marks_and_end_where_a_sentence_does(told, most, shown):
    assert prose(told, most) == shown


def test_json_stands_in_one_line_where_it_fits():
    assert pretty({"day": 3, "at": ["x", None]}) == '{"at": ["x", null], "day": 3}'
    long = {"b": {"c": 1}, "a": ["one " * 9, "two " * 9], "d": {}}
    assert pretty(long).splitlines()[0::6] == ["{", '  "d": {}']
    assert '\n  "b": {"c": 1},\n' in pretty(long)
    assert json.loads(pretty(long)) == long


def test_work_that_was_returned_is_no_failure():
    assert (tint("RETURNED"), tint("REJECTED")) == ("", "bad")


def test_a_new_row_is_made_by_the_method_for_that_and_not_by_an_import():
    ways = {
        name: {
            "kind": kind,
            "entity": "event",
            "origin": f"diary.events.{name}",
            "params": {"title": {"role": "field"}},
        }
        for name, kind in (("bring_in", "create"), ("insert", "create"))
    }
    decl = {"app": "diary", "title": "Diary", "entities": {"event": {"fields": {"title": {}}}}, "operations": ways}
    shelf = plan(expand(AppDecl.model_validate(decl))).shelves["event"]
    assert (shelf.create, shelf.acts) == ("insert", ("bring_in",))
