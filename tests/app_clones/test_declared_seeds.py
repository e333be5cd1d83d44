"""The first rows of a declared app: plausible, valid, distinct, and the same whatever else is declared."""

from __future__ import annotations

import json
import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.declared.check import DeclError
from app_clones.declared.drawing import patterns
from app_clones.declared.drawing.fields import fit
from app_clones.declared.drawing.moments import rfc3339
from app_clones.declared.drawing.names import subject_of
from app_clones.declared.drawing.order import order_of
from app_clones.declared.drawing.rows import draw
from app_clones.declared.drawing.shapes import compile_shape
from app_clones.declared.drawing.spot import Scene, Somebody, spot
from app_clones.declared.expand import expand
from app_clones.declared.model import AppDecl
from app_clones.declared.seeds import check_seeds, options_of
from app_clones.declared.shapes import Shapes
from app_clones.declared.values import acceptor
from app_clones.kit.errors import KitError
from app_clones.kit.persons import draw as draw_persons

NOW = 1_740_992_400_000  # 2025-03-03T09:00:00Z
PEOPLE = [Somebody(n, one.name, one.email) for n, one in enumerate(draw_persons(3, 12), 1)]
SCENE = Scene(NOW, PEOPLE)

DESK = {
    "app": "desk",
    "title": "Desk",
    "entities": {
        "firm": {
            "fields": {
                "name": {"required": True, "seed": "company"},
                "phone": {"required": True},
                "country": {"required": True},
                "timezone": {"required": True},
                "website": {"type": "url", "required": True},
            },
            "rows": 25,
        },
        "ticket": {
            "fields": {
                "subject": {"required": True, "max": 60},
                "body": {"type": "text", "required": True},
                "firm": {"type": "ref", "to": "firm", "required": True},
                "assignee": {"type": "ref", "to": "person"},
                "status": {"type": "enum", "values": ["open", "pending", "solved"], "required": True},
                "solved_at": {"type": "datetime", "readonly": True},
                "due_at": {"type": "datetime", "required": True},
                "created": {"type": "datetime", "auto": "created"},
                "updated": {"type": "datetime", "auto": "updated"},
                "merged_into": {"type": "ref", "to": "ticket", "readonly": True},
                "code": {"required": True, "pattern": "^[A-Z]{3}-[0-9]{4}$"},
            },
            "unique": [["code"]],
            "rows": 200,
        },
        "comment": {
            "parent": "ticket",
            "fields": {
                "ticket": {"type": "ref", "to": "ticket", "required": True, "on_delete": "cascade"},
                "body": {"type": "text", "required": True},
                "created": {"type": "datetime", "auto": "created"},
            },
            "rows": 2,
        },
        "note": {
            "owner": "owner",
            "fields": {
                "owner": {"type": "ref", "to": "person", "required": True},
                "title": {"required": True},
                "see": {"type": "ref", "to": "note"},
            },
            "rows": 200,
        },
    },
}


def declared(**entities) -> AppDecl:
    """The desk with further or other entities."""
    decl = AppDecl.model_validate({**DESK, "entities": {**DESK["entities"], **entities}})
    check_seeds(decl)
    return expand(decl)


def one(fields, rows=60, **more):
    """Rows of a single entity ``thing``."""
    decl = AppDecl.model_validate(
        {"app": "x", "title": "X", "entities": {"thing": {"fields": fields, "rows": rows, **more}}}
    )
    check_seeds(decl)
    return draw(expand(decl), 5, SCENE, {})["thing"]


@pytest.fixture(scope="module")
def desk():
    return draw(declared(), 5, SCENE, {})


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(desk):
    assert draw(declared(), 5, SCENE, {}) == desk
    assert draw(declared(), 6, SCENE, {}) != desk


def test_a_further_entity_or_field_leaves_the_values_of_the_others_as_they_are(desk):
    more = declared(
        aaa={"fields": {"name": {"required": True}}, "rows": 9},
        firm={**DESK["entities"]["firm"], "fields": {"vat": {}, **DESK["entities"]["firm"]["fields"]}},
    )
    found = draw(more, 5, SCENE, {})
    assert found["ticket"] == desk["ticket"]
    assert [{k: v for k, v in row.items() if k != "vat"} for row in found["firm"]] == desk["firm"]


def test_ids_run_from_one_with_the_time_of_making(desk):
    for name in ("ticket", "comment"):
        assert [row["id"] for row in desk[name]] == list(range(1, len(desk[name]) + 1))
        times = [row["created"] for row in desk[name]]
        assert times == sorted(times)


def test_rows_live_a_plausible_life(desk):
    made = {row["id"]: row["created"] for row in desk["ticket"]}
    for row in desk["ticket"]:
        assert NOW - 130 * 86_400_000 < row["created"] <= row["updated"] <= NOW
        assert row["due_at"] > rfc3339(row["created"])
        assert (row["solved_at"] is not None) == (row["status"] == "solved")
        assert row["merged_into"] is None
    assert all(row["created"] >= made[row["ticket"]] for row in desk["comment"])


def test_children_are_as_many_on_average_as_was_asked(desk):
    per_parent = Counter(row["ticket"] for row in desk["comment"])
    assert 300 < len(desk["comment"]) < 500
    assert max(per_parent.values()) <= 3
    assert len(draw(declared(), 5, SCENE, {"comment": 0})["comment"]) == 0
    assert len(draw(declared(), 5, SCENE, {"firm": 3})["firm"]) == 3
    for seed in range(20):
        few = draw(declared(), seed, SCENE, {"ticket": 1, "comment": 1})
        assert 1 <= len(few["comment"]) <= 2


def test_labels_and_unique_values_are_all_different(desk):
    for name, field in (("firm", "name"), ("ticket", "subject"), ("ticket", "code"), ("note", "title")):
        values = [row[field] for row in desk[name]]
        assert len(set(values)) == len(values), field


def test_values_meet_bounds_and_patterns(desk):
    assert all(len(row["subject"]) <= 60 for row in desk["ticket"])
    assert all(re.fullmatch(r"[A-Z]{3}-\d{4}", row["code"]) for row in desk["ticket"])
    assert {row["status"] for row in desk["ticket"]} == {"open", "pending", "solved"}


def test_what_a_row_says_of_one_place_agrees(desk):
    dial = {"Portugal": "+351", "Austria": "+43", "Norway": "+47", "Japan": "+81"}
    seen = [row for row in desk["firm"] if row["country"] in dial]
    assert seen
    assert all(row["phone"].startswith(dial[row["country"]]) for row in seen)


def test_owners_are_spread_and_the_agent_has_a_good_share(desk):
    owners = Counter(row["owner"] for row in desk["note"])
    assert len(owners) == len(PEOPLE)
    assert 0.5 < owners[1] / len(desk["note"]) < 0.8


def test_a_ref_is_to_a_row_that_the_owner_sees_and_that_is_there_before(desk):
    owner = {row["id"]: row["owner"] for row in desk["note"]}
    seen = [row for row in desk["note"] if row["see"]]
    assert len(seen) > 20
    assert all(owner[row["see"]] == row["owner"] and row["see"] < row["id"] for row in seen)


def test_a_ref_stays_within_the_parent_that_the_row_names():
    decl = declared(
        board={"fields": {"name": {"required": True}}, "rows": 4},
        column={
            "parent": "board",
            "fields": {"board": {"type": "ref", "to": "board", "required": True}, "name": {"required": True}},
            "rows": 3,
        },
        card={
            "parent": "board",
            "fields": {
                "board": {"type": "ref", "to": "board", "required": True},
                "column": {"type": "ref", "to": "column", "required": True},
                "title": {"required": True},
            },
            "rows": 10,
        },
    )
    found = draw(decl, 5, SCENE, {})
    board_of = {row["id"]: row["board"] for row in found["column"]}
    assert len(found["card"]) > 20
    assert all(board_of[row["column"]] == row["board"] for row in found["card"])


def test_each_parent_has_exactly_one_singleton():
    decl = declared(
        settings={
            "parent": "firm",
            "singleton": True,
            "fields": {
                "firm": {"type": "ref", "to": "firm", "required": True},
                "dark": {"type": "boolean", "default": False},
            },
        }
    )
    found = draw(decl, 5, SCENE, {})
    assert sorted(row["firm"] for row in found["settings"]) == [row["id"] for row in found["firm"]]


def test_entities_come_after_what_they_need_and_rings_of_need_stay_out():
    ref = {"type": "ref", "required": True}
    decl = declared(
        a={"fields": {"b": {**ref, "to": "b"}}, "rows": 3},
        b={"fields": {"a": {**ref, "to": "a"}}, "rows": 3},
        c={"fields": {"d": {"type": "ref", "to": "d"}}, "rows": 3},
        d={"fields": {"c": {**ref, "to": "c"}}, "rows": 3},
    )
    order = order_of(decl)
    assert order.index("firm") < order.index("ticket") < order.index("comment")
    assert order.index("c") < order.index("d")
    assert not {"a", "b"} & set(order)


# ---- what happened before


CASES = {
    "case": {
        "fields": {
            "name": {"required": True},
            "status": {"type": "enum", "values": ["open", "held", "done", "void"], "default": "open", "readonly": True},
            "level": {"type": "enum", "values": ["low", "high"], "required": True},
            "raised": {"type": "boolean", "default": False, "readonly": True},
            "agent": {"type": "ref", "to": "person", "readonly": True},
            "done_at": {"type": "datetime", "readonly": True},
            "reason": {"readonly": True},
            "twin": {"type": "ref", "to": "case", "readonly": True},
            "created": {"type": "datetime", "auto": "created"},
            "updated": {"type": "datetime", "auto": "updated"},
        },
        "rows": 200,
    }
}
STEPS = {
    "take": {"entity": "case", "when": {"status": ["open", "held"]}, "set": {"agent": "$who"},
             "params": {"who": {"type": "ref", "to": "person", "required": True}}},
    "hold": {"entity": "case", "when": {"status": ["open"]}, "set": {"status": "held"}},
    "raise": {"entity": "case", "when": {"status": ["open"], "raised": [False]},
              "set": {"raised": True, "level": "high"}},
    "finish": {"entity": "case", "only": ["agent"], "when": {"status": ["open", "held"]},
               "set": {"status": "done", "done_at": "$now"}},
    "merge": {"entity": "case", "when": {"status": ["open"]},
              "set": {"status": "void", "twin": "$into", "reason": "$why"},
              "params": {"into": {"type": "ref", "to": "case", "required": True}, "why": {"required": True}}},
}  # fmt: skip


def cases(**operations):
    decl = AppDecl.model_validate({"app": "x", "title": "X", "entities": CASES, "operations": {**STEPS, **operations}})
    return draw(expand(decl), 5, SCENE, {})["case"]


def test_every_row_is_in_a_state_that_its_operations_lead_to():
    for row in cases():
        assert (row["done_at"] is not None) == (row["status"] == "done")
        assert (row["twin"] is not None) == (row["reason"] is not None) == (row["status"] == "void")
        assert row["twin"] is None or row["twin"] < row["id"]
        assert row["agent"] is not None or row["status"] != "done"
        assert row["level"] == "high" or not row["raised"]
        assert row["created"] <= row["updated"] <= NOW
        if row["done_at"]:
            assert rfc3339(row["created"])[:19] <= row["done_at"][:19] <= rfc3339(row["updated"])[:19]


def test_all_states_are_about_as_frequent():
    found = Counter(row["status"] for row in cases())
    assert len(found) == 4
    assert min(found.values()) > 25


def test_what_no_operation_tells_leaves_a_row_at_its_defaults():
    told = cases(hold={**STEPS["hold"], "behaviour": "hold"}, merge={**STEPS["merge"], "set": {"status": ["$why"]}})
    assert {row["status"] for row in told} == {"open", "done"}


# ---- given rows


GIVEN = {
    "shelf": {"fields": {"name": {"required": True}}, "given": [{"name": "Upper"}, {"name": "Lower"}], "rows": 1},
    "book": {
        "fields": {
            "title": {"required": True},
            "shelf": {"type": "ref", "to": "shelf", "required": True},
            "reader": {"type": "ref", "to": "person"},
            "pages": {"type": "integer", "default": 100},
        },
        "given": [
            {"title": "Moss", "shelf": "Lower", "reader": PEOPLE[2].email},
            {"title": "Fern", "shelf": 1, "pages": 7},
        ],
        "rows": 4,
    },
}


def test_given_rows_stand_first_as_they_are_written_and_name_others_by_their_labels():
    found = draw(declared(**GIVEN), 5, SCENE, {})
    assert [row["name"] for row in found["shelf"]][:2] == ["Upper", "Lower"]
    moss, fern = found["book"][:2]
    assert (moss["shelf"], moss["reader"], moss["pages"]) == (2, 3, 100)
    assert (fern["shelf"], fern["reader"], fern["pages"]) == (1, None, 7)
    assert len(found["book"]) == 6


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"title": "Moss", "shelf": "Cellar"}, "entities.book.given.0.shelf: there is no shelf 'Cellar' before it"),
        ({"title": "Moss", "shelf": 1, "pages": "many"}, "pages: an integer is needed"),
        ({"title": "Moss", "shelf": 1, "reader": "nobody@example.com"}, "there is no person"),
    ],
)
def test_a_given_row_that_makes_no_sense_is_refused(row, says):
    with pytest.raises(KitError, match=re.escape(says)):
        draw(declared(**{**GIVEN, "book": {**GIVEN["book"], "given": [row]}}), 5, SCENE, {})


def test_a_given_row_that_is_there_already_is_refused():
    twice = {**GIVEN["shelf"], "unique": [["name"]], "given": [{"name": "Upper"}, {"name": "Upper"}]}
    with pytest.raises(KitError, match="there already"):
        draw(declared(shelf=twice), 5, SCENE, {})


# ---- what fields get by name, type and description


@pytest.mark.parametrize(
    ("name", "field", "pattern"),
    [
        ("email", {}, r"[\w.-]+@[\w-]+\.example"),
        ("contact_email", {"type": "email"}, r"[\w.-]+@[\w-]+\.example"),
        ("sender", {"type": "email"}, r"[\w.-]+@example\.com"),
        ("website", {"type": "url"}, r"https://[\w.-]+/.+"),
        ("phone_number", {}, r"\+\d+ 555 .+"),
        ("ip_address", {}, r"\d+\.\d+\.\d+\.\d+"),
        ("mime_type", {}, r"[a-z]+/.+"),
        ("file_name", {}, r"[\w-]+\.\w+"),
        ("checksum", {}, r"[0-9a-f]{64}"),
        ("color", {"about": "as a hexadecimal color"}, r"[a-z]+"),
        ("tint", {"about": "As a hexadecimal color."}, r"#[0-9a-f]{6}"),
        ("place", {"about": "The CLDR region code."}, r"[A-Z]{2}"),
        ("seen", {"about": "When, in RFC 3339 format."}, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("birthday", {"type": "date"}, r"(19|20)\d\d-\d\d-\d\d"),
        ("data", {"type": "bytes"}, r"[A-Za-z0-9+/]+=*"),
        ("price", {}, r"\d+\.\d+"),
        ("version", {}, r"\d+\.\d+\.\d+"),
        ("zip_code", {}, r"\d{5}"),
        ("cron", {}, r"[\d*/,\- ]+"),
        ("role", {"about": 'Possible values are: - "reader" - reads. - "writer" - writes.'}, r"reader|writer"),
        ("mode", {"about": "One of `on`, `off` or `MODE_UNSPECIFIED`."}, r"on|off"),
        ("shard", {"about": "Where it is, for example, `eu-3`."}, r"eu-3"),
        ("tag_ids", {"about": "Tags."}, r"[A-Z]{3}-\d{4}"),
        ("body_html", {}, r"<p>.+</p>"),
        ("file_extension", {}, r"[a-z0-9]{3,4}"),
        ("full_file_extension", {}, r"[a-z0-9]{3,4}"),
        ("position", {"about": "String indicating the position of the task among its sibling tasks."}, r"\d+"),
        ("sort_order", {}, r"\d+"),
        ("color_rgb", {}, r"#[0-9a-f]{6}"),
        ("color_id", {}, r"\d+"),
        ("i_cal_uid", {}, r"[0-9a-f]{8}-[0-9a-f-]{27}"),
        ("md5_checksum", {}, r"[0-9a-f]{32}"),
        ("sha1_checksum", {}, r"[0-9a-f]{40}"),
        ("locale", {}, r"[a-z]{2}-[A-Z]{2}"),
        ("self_link", {}, r"https://[\w.-]+/.+"),
        ("state", {}, r"[a-z]+"),
        ("status", {}, r"[a-z]+"),
        ("status", {"about": "This is either `needsAction` or `completed`."}, r"needsAction|completed"),
        ("priority", {}, r"low|normal|high|urgent"),
        ("width", {}, r"\d+"),
        ("reply_to_address", {}, r"[\w.-]+@example\.com"),
        ("issuer", {"about": "Of the S/MIME certificate."}, r"[\w ]+"),
        ("ref", {"seed": {"pattern": {"pattern": "INV-[0-9]{3}"}}}, r"INV-\d{3}"),
        ("kind", {"seed": {"pick": {"values": ["a", "b"]}}}, r"a|b"),
        ("desk", {"seed": {"template": {"text": "Desk {number}"}}}, r"Desk \d+"),
    ],
)
def test_a_text_looks_like_what_its_field_is_called(name, field, pattern):
    rows = one({"name_": {"required": True}, name: {"required": True, **field}}, label="name_")
    assert all(re.fullmatch(pattern, row[name]) for row in rows), rows[0][name]


@pytest.mark.parametrize(
    ("name", "field", "low", "high"),
    [
        ("rating", {"type": "integer"}, 1, 5),
        ("port", {"type": "integer"}, 1024, 49151),
        ("count", {"type": "integer", "min": 1000}, 1000, 1040),
        ("count", {"type": "integer", "max": -5}, -1000, -5),
        ("x", {"type": "integer", "min": 7, "max": 7}, 7, 7),
        ("x", {"type": "number", "min": -2, "max": 2}, -2, 2),
        ("confidence", {"type": "number"}, 0, 1),
        ("price", {"type": "number"}, 4, 480),
        ("price", {"type": "number", "max": 3}, 0, 3),
        ("end_time", {"type": "integer"}, NOW - 130 * 86_400_000, NOW),
    ],
)
def test_a_number_is_within_its_bounds_and_what_is_usual(name, field, low, high):
    assert all(low <= row[name] <= high for row in one({name: {"required": True, **field}}))


def test_an_unspecified_value_of_an_enum_is_never_drawn():
    values = ["STATE_UNSPECIFIED", "ON", "OFF"]
    assert {row["state"] for row in one({"state": {"type": "enum", "values": values, "required": True}})} == {
        "ON",
        "OFF",
    }


def test_a_list_has_different_items_within_its_bounds():
    rows = one({"tags": {"repeated": True, "min": 2, "max": 4, "required": True}})
    assert all(2 <= len(row["tags"]) == len(set(row["tags"])) <= 4 for row in rows)


def test_an_end_that_is_json_comes_after_its_start_too():
    when = {"type": "json", "required": True, "shape": {"$ref": "#/$defs/When"}}
    shape = {"type": "object", "properties": {"date": {"type": "string", "format": "date"},
             "dateTime": {"type": "string", "format": "date-time"}, "timeZone": {"type": "string"}}}  # fmt: skip
    event = {"fields": {"title": {}, "end": when, "start": when}, "rows": 40}
    decl = expand(AppDecl.model_validate(
        {"app": "diary", "title": "Diary", "schemas": {"When": shape}, "entities": {"event": event}}
    ))  # fmt: skip
    rows = draw(decl, 5, SCENE, {})["event"]
    timed = [row for row in rows if {"date", "dateTime"} & {*row["start"]}]
    assert len(timed) >= 20
    for row in timed:
        parts = {"date", "dateTime"} & {*row["start"]}
        assert parts == {"date", "dateTime"} & {*row["end"]}
        assert all(row["start"][part] < row["end"][part] for part in parts)


def test_an_end_comes_after_its_start():
    moment = {"type": "datetime", "required": True}
    assert all(row["start_time"] < row["end_time"] for row in one({"end_time": moment, "start_time": moment}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("customer", "person"),
        ("support_ticket", "issue"),
        ("orderItem", "product"),
        ("stories", "thing"),
        ("topics", "resource"),
    ],
)
def test_an_entity_is_of_the_kind_that_its_last_telling_word_says(name, kind):
    assert subject_of(name) == kind


@pytest.mark.parametrize(
    ("seed", "says"),
    [
        ("phon", "no drawer 'phon'"),
        ({"integer": {"least": 3}}, "integer: got an unexpected keyword argument 'least'"),
        ({"integer": 3}, "no drawer 'integer'"),
        (["phone"], "no drawer"),
    ],
)
def test_a_seed_that_asks_for_what_is_not_there_is_refused_where_it_stands(seed, says):
    with pytest.raises(DeclError, match=re.escape(says)) as caught:
        one({"a": {"seed": seed}})
    assert caught.value.loc == ("entities", "thing", "fields", "a", "seed")


def test_a_seed_that_draws_what_the_field_does_not_take_is_refused():
    with pytest.raises(KitError, match=r"entities\.thing\.fields\.n\.seed: it draws what the field does not take"):
        one({"n": {"type": "integer", "seed": "phone", "required": True}})


# ---- patterns and shapes


@pytest.mark.parametrize(
    "pattern",
    [r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", r"^projects/[^/]+/topics/[^/]+$", r"^(red|green)+$", r"^#[0-9a-fA-F]{6}$",
     r"^(?!goog)[a-z]{3,}$", r"\d{3}-\w+", r"^.{3,9}$", r"^[^\s@]+@[^\s@]+$", r"^[\x20-\x7e]{4}$"],
)  # fmt: skip
def test_text_is_found_for_a_pattern(pattern):
    for n in range(20):
        text = patterns.matching(Random(n), pattern)
        assert text is not None
        assert patterns.accepts(pattern, text)


def test_a_readable_text_is_bent_to_a_pattern_before_one_is_made_up():
    assert fit(Random(1), "Oak desk lamp", r"^[a-z][a-z-]+$", 0, None) == "oak-desk-lamp"
    assert fit(Random(1), "Oak desk lamp", r"^[A-Z_]+$", 0, None) == "OAK_DESK_LAMP"
    assert fit(Random(1), "A rather long title", None, 0, 8) == "A rather"
    assert len(fit(Random(1), "ab", None, 11, 12)) in (11, 12)


SCHEMAS = {
    "Node": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^n[0-9]+$"},
            "next": {"$ref": "#/$defs/Node"},
            "size": {"type": "integer", "minimum": 3, "exclusiveMaximum": 9},
            "ratio": {"type": "number", "minimum": 0, "maximum": 1},
            "when": {"type": "string", "format": "date-time"},
            "total": {"type": "string", "format": "int64"},
            "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "choice": {"oneOf": [{"type": "null"}, {"type": "integer"}]},
            "both": {
                "allOf": [{"$ref": "#/$defs/Part"}, {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}]
            },
        },
        "required": ["id", "size"],
        "additionalProperties": False,
    },
    "Part": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": ["a"]},
    "Endless": {"type": "object", "properties": {"more": {"$ref": "#/$defs/Endless"}}, "required": ["more"]},
}


def drawn(shape, n):
    rng = Random(n)
    return compile_shape(shape, SCHEMAS, "data", "thing")(rng, spot(rng, SCENE, "thing", 1, NOW))


def test_a_value_of_a_shape_that_refers_to_itself_is_valid_and_small():
    shapes = Shapes(SCHEMAS)
    for n in range(200):
        value = drawn({"$ref": "#/$defs/Node"}, n)
        assert shapes.fault({"$ref": "#/$defs/Node"}, value) is None, value
        assert len(json.dumps(value)) < 3000


def test_a_shape_without_end_ends():
    assert len(json.dumps(drawn({"$ref": "#/$defs/Endless"}, 1))) < 200


leaf = st.one_of(
    st.just({"type": "string"}),
    st.builds(lambda n: {"type": "string", "minLength": n, "maxLength": n + 9}, st.integers(0, 9)),
    st.builds(
        lambda n, d: {"type": "integer", "minimum": n, "maximum": n + d}, st.integers(-50, 50), st.integers(0, 9)
    ),
    st.builds(lambda n: {"type": "integer", "multipleOf": n}, st.integers(1, 9)),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.sampled_from([{"type": "string", "format": f} for f in ("date", "date-time", "email", "uri", "ipv4", "uuid")]),
    st.builds(lambda v: {"enum": v}, st.lists(st.integers(), min_size=1, max_size=3, unique=True)),
)


def nested(inner):
    names = st.sampled_from(["name", "size", "items", "owner", "color"])
    return st.one_of(
        st.builds(
            lambda p, closed: {
                "type": "object",
                "properties": p,
                "required": sorted(p)[:1],
                "additionalProperties": not closed,
            },
            st.dictionaries(names, inner, max_size=3),
            st.booleans(),
        ),
        st.builds(
            lambda i, n: {"type": "array", "items": i, "minItems": n, "maxItems": n + 2}, inner, st.integers(0, 2)
        ),
        st.builds(lambda i: {"type": "object", "additionalProperties": i}, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
    )


@settings(max_examples=120, deadline=None)
@given(st.recursive(leaf, nested, max_leaves=8), st.integers(0, 3))
def test_what_is_drawn_of_a_shape_is_valid(shape, n):
    assert Shapes({}).fault(shape, drawn(shape, n)) is None


def test_every_drawn_value_is_one_that_a_client_could_have_given():
    decl = declared()
    shapes = Shapes({})
    found = draw(decl, 9, SCENE, {})
    for name, entity in decl.entities.items():
        checks = {f: acceptor(d, shapes) for f, d in entity.fields.items() if not d.auto and d.type != "ref"}
        for row in found[name]:
            assert row.keys() - {"id"} == entity.fields.keys()
            for field, check in checks.items():
                if row[field] is None:
                    assert not entity.fields[field].required
                else:
                    assert check(row[field], field) == row[field]


# ---- options


def test_the_options_of_an_app_name_its_entities_and_refuse_others():
    options = options_of(declared(schema={"fields": {"name": {}}}))
    given = options.model_validate({"rows": {"ticket": 3, "schema": 4}}).model_dump(by_alias=True)["rows"]
    assert (given["ticket"], given["schema"], given["firm"]) == (3, 4, None)
    for wrong in ({"rows": {"tickets": 3}}, {"rowz": {}}, {"rows": {"ticket": -1}}, {"rows": {"ticket": "3"}}):
        with pytest.raises(ValueError, match="validation error"):
            options.model_validate(wrong)
