"""What is wrong with a declaration is found before an app is made of it, and told by place."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from app_clones.declared.check import DeclError, check
from app_clones.declared.engine import declared
from app_clones.declared.expand import expand
from app_clones.declared.load import load_decl
from app_clones.declared.model import AppDecl
from app_clones.kit.errors import KitError
from app_clones.kit.registry import register
from app_clones.kit.world import World

HERE = Path(__file__).parent / "engine"

GOOD = """
app: shop
title: Shop
entities:
  buyer:
    label: name
    fields: {name: {required: true}, who: {type: ref, to: person}, tags: {repeated: true}}
    operations: [list, get, create, update, delete]
  order:
    parent: buyer
    key: {form: code, prefix: o}
    fields: {buyer: {type: ref, to: buyer}, state: {type: enum, values: [new, sent]}, note: {type: text}}
    operations: [list, get]
operations:
  order_send:
    entity: order
    params: {note: {}}
    when: {state: [new]}
    set: {state: sent, note: $note}
"""


def altered(*changes):
    raw = yaml.safe_load(GOOD)
    for path, value in changes:
        at = raw
        *above, last = path.split(".")
        for part in above:
            at = at.setdefault(part, {})
        at[last] = value
    return AppDecl.model_validate(raw)


@pytest.mark.parametrize(
    ("path", "value", "loc", "told"),
    [
        ("entities.buyer.label", "nam", "entities.buyer.label", "no field nam"),
        ("entities.buyer.fields.id", {}, "entities.buyer.fields.id", "id is a row's own"),
        ("entities.buyer.fields.slug", {}, "entities.buyer.fields.slug", "slug is a row's own"),
        ("entities.buyer.fields.x", {"type": "ref"}, "entities.buyer.fields.x.to", "says which entity"),
        ("entities.buyer.fields.x", {"to": "order"}, "entities.buyer.fields.x.to", "says which entity"),
        ("entities.buyer.fields.x", {"type": "ref", "to": "ordr"}, "entities.buyer.fields.x.to", "no entity ordr"),
        ("entities.buyer.fields.x", {"values": ["a"]}, "entities.buyer.fields.x.values", "only an enum"),
        ("entities.buyer.fields.x", {"type": "enum", "values": ["a", "a"]}, "entities.buyer.fields.x.values", "twice"),
        ("entities.buyer.fields.x", {"min": 3, "max": 2}, "entities.buyer.fields.x.min", "above max"),
        ("entities.buyer.fields.x", {"pattern": "("}, "entities.buyer.fields.x.pattern", "no pattern"),
        ("entities.buyer.fields.x", {"shape": {}}, "entities.buyer.fields.x.shape", "only json"),
        ("entities.buyer.fields.x", {"int64": True}, "entities.buyer.fields.x.int64", "only an integer"),
        ("entities.buyer.fields.x", {"type": "json", "auto": "created"}, "entities.buyer.fields.x.auto", "cannot hold"),
        ("entities.buyer.indexes", [["nam"]], "entities.buyer.indexes.0.0", "no field nam"),
        (
            "entities.buyer.words",
            {"name": "found", "columns": {"who": ["name", "who"]}},
            "entities.buyer.words.columns.who.1",
            "only texts",
        ),
        ("links", {"order": {"a": "buyer", "b": "order"}}, "links.order", "another table"),
        ("api", {"told": {"NOT_FOUND": {}}}, "api.told.NOT_FOUND", "where errors are google's"),
        ("api", {"errors": "google", "told": {"NOT_FUOND": {}}}, "api.told.NOT_FUOND", "there are ABORTED, ALREADY"),
        ("operations.x", {"params": {"a": {"role": "body"}}}, "operations.x.params.a.type", "json in the body"),
        (
            "operations.x",
            {"media": ["a/b"], "http": {"verb": "POST", "path": "a"}},
            "operations.x.media",
            "no behaviour",
        ),
        ("links", {"likes": {"a": "buyer"}}, "links.likes", "two refs"),
        ("links", {"likes": {"a": "buyer", "b": "ordr"}}, "links.likes.b", "no entity ordr"),
        ("arguments", {"One": {"id": {}}}, "arguments.One.id", "required, or has a default"),
        ("arguments", {"One": {"id": {"type": "json", "required": True}}}, "arguments.One.id", "is one of string"),
        ("operations.x", {"takes": "One"}, "operations.x.takes", "no arguments One"),
        ("operations.x", {"text": ["a", "{b"]}, "operations.x.text.1", "expected '}'"),
        ("operations.x", {"text": ["{a.b}"]}, "operations.x.text.0", "not 'a.b'"),
        ("operations.x", {"text": [{"line": "{a!r}"}]}, "operations.x.text.0", "not 'a'"),
        ("operations.x", {"text": [{"line": "", "each": "a", "when": "a"}]}, "operations.x.text.0.when", "no line"),
        ("operations.x", {"fixed": {"a": 1}}, "operations.x.fixed", "no behaviour"),
        (
            "entities.buyer.fields.x",
            {"type": "integer", "search": True},
            "entities.buyer.fields.x.search",
            "only texts",
        ),
        ("entities.buyer.fields.x", {"wire": "name"}, "entities.buyer", "the property name is name and x"),
        ("entities.buyer.fields.x", {"wire": "id"}, "entities.buyer", "the property id is key and x"),
        ("entities.buyer.unique", [["name", "nam"]], "entities.buyer.unique.0.1", "no field nam"),
        ("entities.buyer.unique", [[]], "entities.buyer.unique.0", "unique over no field"),
        ("entities.buyer.owner", "name", "entities.buyer.owner", "no ref to one row"),
        ("entities.order.owner", "buyer", "entities.order.owner", "no ref to person"),
        ("entities.order.parent", "note", "entities.order.parent", "no ref to one row"),
        ("entities.buyer.singleton", True, "entities.buyer.singleton", "there is none"),
        ("entities.order.singleton", True, "entities.order.operations.0", "that is singleton has no list"),
        ("entities.buyer.fixed", True, "entities.buyer.operations.2", "that is fixed has no create"),
        ("entities.buyer.key", {"scope": "name", "form": "given", "int64": True}, "entities.buyer.key.int64", "number"),
        ("entities.buyer.key", {"scope": "colour"}, "entities.buyer.key.scope", "no field colour"),
        ("entities.buyer.given", [{"nam": "x"}], "entities.buyer.given.0.nam", "no field nam"),
        ("entities.person", {"fields": {}}, "entities.person", "a name of the engine's own"),
        ("entities.call", {"fields": {}}, "entities.call", "a name of the engine's own"),
        ("pages", {"byer": {}}, "pages.byer", "no entity byer"),
        ("pages", {"buyer": {"columns": ["nam"]}}, "pages.buyer.columns.0", "no field nam"),
        ("operations.order_send.entity", "ordr", "operations.order_send.entity", "no entity ordr"),
        ("operations.order_send.set", {"stat": 1}, "operations.order_send.set.stat", "no field stat"),
        ("operations.order_send.set", {"note": "$not"}, "operations.order_send.set.note", "$not is nothing here"),
        ("operations.order_send.set", {"note": "$row.x"}, "operations.order_send.set.note", "no field x"),
        (
            "operations.order_send.set",
            {"note": "$row.note.x"},
            "operations.order_send.set.note",
            "$row.note has no fields",
        ),
        (
            "operations.order_send.set",
            {"note": "$row.buyer.who.mail"},
            "operations.order_send.set.note",
            "no field mail",
        ),
        ("operations.order_send.set", {"note": "$5"}, "operations.order_send.set.note", "no expression"),
        (
            "operations.order_send.set",
            {"state": "snt"},
            "operations.order_send.set.state",
            "'snt' is none of new, sent",
        ),
        ("operations.order_send.when", {"state": ["nw"]}, "operations.order_send.when.state.0", "'nw' is none of"),
        (
            "operations.order_send.params",
            {"note": {"default": 3}},
            "operations.order_send.params.note.default",
            "a text",
        ),
        (
            "entities.buyer.fields.x",
            {"type": "integer", "default": "1"},
            "entities.buyer.fields.x.default",
            "an integer",
        ),
        ("operations.order_send.append", {"note": "x"}, "operations.order_send.append.note", "no list"),
        ("operations.order_send.when", {"stat": [1]}, "operations.order_send.when.stat", "no field stat"),
        ("operations.order_send.only", ["buyer"], "operations.order_send.only.0", "no ref to person"),
        (
            "operations.order_send.make",
            [{"entity": "x", "values": {}}],
            "operations.order_send.make.0.entity",
            "no entity",
        ),
        (
            "operations.order_send.make",
            [{"entity": "buyer", "values": {"nam": 1}}],
            "operations.order_send.make.0.values.nam",
            "no field nam",
        ),
        (
            "operations.order_send.emit",
            [{"event": "mail.deliver", "payload": {"to": {"x": ["$rw"]}}}],
            "operations.order_send.emit.0.payload",
            "$rw is nothing here",
        ),
        ("operations.order_send.result", {"shape": "page"}, "operations.order_send.result.shape", "only a list"),
        (
            "operations.order_send.result",
            {"shape": "operation"},
            "operations.order_send.result.shape",
            "does not say how",
        ),
        ("operations.order_send.result", {"schema_name": "X"}, "operations.order_send.result.schema_name", "no schema"),
        (
            "operations.order_send.params",
            {"x": {"role": "filter", "field": "state"}},
            "operations.order_send.set.note",
            "$note is nothing",
        ),
        ("operations.x", {"kind": "list"}, "operations.x", "is about an entity"),
        (
            "operations.x",
            {"emit": [{"event": "a.b", "after": "$now"}]},
            "operations.x.emit.0.after",
            "a delay is a number",
        ),
        ("operations.x", {"kind": "replace", "entity": "buyer"}, "operations.x.params", "names the row"),
        ("operations.x", {"set": {"name": 1}}, "operations.x.set", "no row that this could be about"),
        (
            "operations.x",
            {"kind": "get", "entity": "buyer", "params": {"id": {"role": "row"}}},
            "operations.x.params.id.entity",
            "does not say of which entity",
        ),
        (
            "operations.x",
            {"kind": "create", "entity": "order", "params": {"id": {"role": "new_id"}}},
            "operations.x.params.id.role",
            "nobody chooses",
        ),
        (
            "operations.x",
            {"http": {"verb": "POST", "path": "a/{b}"}},
            "operations.x.http.path",
            "{b}, which is no parameter",
        ),
        (
            "operations.x",
            {"http": {"verb": "POST", "path": "a"}, "params": {"b": {"place": "path"}}},
            "operations.x.params.b.place",
            "does not hold it",
        ),
        ("operations.x", {"http": {"verb": "POST", "path": "a/{b"}}, "operations.x.http.path", "no placeholder"),
        (
            "operations.x",
            {"params": {"a": {"wire": "z"}, "b": {"wire": "z"}}},
            "operations.x.params.b",
            "a has the name z in the body too",
        ),
        (
            "operations.x",
            {"entity": "buyer", "kind": "create", "http": {"verb": "GET", "path": "a"}},
            "operations.x.http.verb",
            "a GET never writes",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path, value, loc, told):
    with pytest.raises(DeclError) as caught:
        check(altered((path, value)))
    assert ".".join(map(str, caught.value.loc)) == loc
    assert told in caught.value.message


def test_the_declaration_that_the_others_alter_is_a_good_one():
    check(altered())
    check(expand(altered()))


def test_parents_may_not_go_in_a_ring():
    fields = {"order": {"type": "ref", "to": "order"}, "name": {}}
    with pytest.raises(DeclError, match="ring: buyer → order → buyer"):
        check(
            altered(
                ("entities.buyer.fields", fields), ("entities.buyer.parent", "order"), ("entities.buyer.label", "name")
            )
        )


def test_two_operations_at_one_path_clash_even_where_they_name_its_parts_differently():
    one = {"http": {"verb": "POST", "path": "a/{x}:go"}, "params": {"x": {"place": "path"}}}
    two = {"http": {"verb": "POST", "path": "a/{y}:go"}, "params": {"y": {"place": "path"}}}
    with pytest.raises(DeclError, match=r"operations\.two\.http: it is reached just as one is"):
        check(altered(("operations.one", one), ("operations.two", two)))


def test_a_behaviour_that_nobody_gives_is_missed():
    with pytest.raises(DeclError, match="no behaviour go"):
        declared(altered(("operations.x", {"behaviour": "go"})))


def test_the_error_is_the_kits_and_survives_pickling():
    error = DeclError("no", ("entities", 3))
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, KitError)
    assert (str(copy), copy.loc, copy.message) == ("entities.3: no", ("entities", 3), "no")


def test_fields_may_be_called_by_words_of_sql():
    fields = {
        name: {"search": True} for name in ("order", "group", "index", "select", "rank", "rowid", "values", "from")
    }
    app = declared(
        altered(("entities.word", {"fields": fields, "operations": ["list", "get", "create", "update"]}))
    ).app()
    register([app])
    with World.build([app], seed=1, start_ms=0, step_ms=1, persons=1) as world:
        made = world.call("shop_word_create", dict.fromkeys(fields, "a b")).result
        assert made.data == {"id": 1, **dict.fromkeys(fields, "a b")}
        assert world.call("shop_word_update", {"id": 1, "group": "c"}).result.error is None
        found = world.call("shop_word_list", {"order_by": "order,group desc", "group": "c", "search": "b"}).result
        assert found.data["total"] == 1
        world.check()


@pytest.mark.parametrize("name", ["desk", "cloud"])
def test_expanding_twice_adds_nothing(name):
    once = expand(load_decl(HERE / f"{name}.yaml"))
    assert expand(once) == once
    check(once)


def test_what_says_all_of_itself_is_left_as_it_is():
    decl = load_decl(HERE / "cloud.yaml")
    full = expand(decl)
    assert set(full.operations) == set(decl.operations)
    for name, operation in decl.operations.items():
        assert full.operations[name].model_copy(update={"writes": None}) == operation


def test_the_terse_form_becomes_the_full_one():
    full = expand(altered())
    assert {name: (op.kind, op.http and f"{op.http.verb} {op.http.path}") for name, op in full.operations.items()} == {
        "order_send": ("custom", "POST orders/{id}/send"),
        "buyer_list": ("list", "GET buyers"),
        "buyer_get": ("get", "GET buyers/{id}"),
        "buyer_create": ("create", "POST buyers"),
        "buyer_update": ("update", "PATCH buyers/{id}"),
        "buyer_delete": ("delete", "DELETE buyers/{id}"),
        "order_list": ("list", "GET buyers/{buyer}/orders"),
        "order_get": ("get", "GET orders/{id}"),
    }
    assert list(full.operations["order_send"].params) == ["id", "note"]
    assert list(full.operations["buyer_create"].params) == ["name", "who", "tags"]
    assert list(full.operations["buyer_list"].params) == ["name", "who", "order_by", "page_size", "page_token"]
    assert (full.entities["buyer"].title, full.entities["buyer"].plural) == ("Buyer", "buyers")


def test_children_whose_ids_tell_only_within_their_parent_are_reached_through_it():
    key = {"form": "given"}
    decl = expand(altered(("entities.order.key", key), ("entities.order.operations", ["get", "create", "delete"])))
    assert decl.operations["order_get"].http.path == "buyers/{buyer}/orders/{id}"
    assert decl.operations["order_send"].http.path == "buyers/{buyer}/orders/{id}/send"
    assert list(decl.operations["order_delete"].params) == ["buyer", "id"]
    check(decl)


def test_rows_that_lie_under_their_own_kind_may_lie_under_none():
    folder = {
        "parent": "up",
        "fields": {"up": {"type": "ref", "to": "folder", "on_delete": "cascade"}, "name": {"required": True}},
        "operations": ["list", "get", "create", "update", "delete"],
    }
    app = declared(altered(("entities.folder", folder))).app()
    with World.build([app], seed=1, start_ms=0, step_ms=1, persons=1) as world:

        def do(tool, **arguments):
            return world.call(f"shop_folder_{tool}", arguments).result

        for up in (None, 1, 2):
            assert do("create", name="x", **({"up": up} if up else {})).error is None
        assert do("list", up=1).data["total"] == 1
        assert "cannot lie under itself" in do("update", id=1, up=3).text
        assert "cannot lie under itself" in do("update", id=2, up=2).text
        assert do("update", id=3, up=1).error is None
        assert do("delete", id=1).error is None
        assert do("list").data["total"] == 0
        world.check()
