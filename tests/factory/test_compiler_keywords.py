"""Words that a document lets stand for a row or for who asks: understood where they are said, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from discovered import TEXT, described, method

from app_clones.declared.check import DeclError
from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.protocol import ToolResult
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.infer import infer
from factory.compiler.infer_keywords import words
from factory.compiler.prove import prove

Json = Any

ME = 'The member: an email, or the string literal `"me"`, indicating the requesting user.'
MAIN = 'The club. To open the main one of the logged in user, use the "main" keyword.'


def about(text: str, name: str, made: Json) -> Json:
    made["parameters"][name]["description"] = text
    return made


def clubs(*, said: bool = True) -> Json:
    """Clubs, one of them the main one, and their members, who are called by an id that they choose."""
    club, member = {"club": ""}, {"club": "", "userId": ""}
    path = "v1/clubs/{club}/members"
    lists = {"Clubs": {"clubs": {"type": "array", "items": {"$ref": "Club"}}},
             "Members": {"members": {"type": "array", "items": {"$ref": "Member"}}}}  # fmt: skip
    members = {
        "create": method("depot.clubs.members.create", "POST", path, club, request="Member", response="Member"),
        "list": method("depot.clubs.members.list", "GET", path, club, response="Members"),
        "get": method("depot.clubs.members.get", "GET", f"{path}/{{userId}}", member, response="Member"),
        "delete": method("depot.clubs.members.delete", "DELETE", f"{path}/{{userId}}", member),
    }
    get = method("depot.clubs.get", "GET", "v1/clubs/{club}", club, response="Club")
    one: Json = {
        "list": method("depot.clubs.list", "GET", "v1/clubs", {}, response="Clubs"),
        "get": about(MAIN, "club", get) if said else get,
        "create": method("depot.clubs.create", "POST", "v1/clubs", {}, request="Club", response="Club"),
        "patch": method("depot.clubs.patch", "PATCH", "v1/clubs/{club}", club, request="Club", response="Club"),
    }
    text = {**TEXT, "description": ME} if said else TEXT
    schemas = {
        "Club": {"club": {**TEXT, "readOnly": True}, "name": TEXT, "treasurer": text},
        "Member": {"userId": text, "motto": TEXT},
        **lists,
    }
    return described({"clubs": {"methods": one, "resources": {"members": {"methods": members}}}}, schemas)


def app(document: Json) -> AppDecl:
    return infer(discovery.parse(document, "0" * 64)).decl


def world(decl: AppDecl) -> World:
    return World.build([declared(decl).app()], seed=3, start_ms=1_717_243_200_000, step_ms=1000, persons=4)


def call(within: World, operation: str, **arguments: Json) -> ToolResult:
    return within.call(f"depotv1_{operation}", arguments).result


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('use the "primary" keyword.', {"primary": "row"}),
        ("The special value `me` can be used to indicate the authenticated user.", {"me": "person"}),
        ('To indicate the authenticated user, you can use the special value "me".', {"me": "person"}),
        ("You can also use the `my_customer` alias to represent your account's `customerId`.", {"my_customer": "row"}),
        ("Use `me` to refer to your own email address.", {"me": "person"}),
        ("Can either be a specific account ID or '~all', which refers to all the accounts.", {}),
        ("The \"default\" version alias is created for the first version; `latest` is the newest.", {}),
        ("where `location_id` refers to a region. Example: `users/me`.", {}),
    ],
)  # fmt: skip
def test_a_description_says_which_words_stand_for_what(text: str, found: Json) -> None:
    assert words(text) == found


def test_a_keyword_stands_for_a_row_in_every_method_that_names_one() -> None:
    with world(app(clubs())) as within:
        first = call(within, "clubs_list").data["clubs"][0]["club"]
        assert call(within, "clubs_get", club="main").data["club"] == first
        assert call(within, "clubs_patch", club="main", resource={"name": "Chess"}).error is None
        assert call(within, "clubs_get", club=first).data["name"] == "Chess"
        members = call(within, "clubs_members_list", club="main").data
        assert members == call(within, "clubs_members_list", club=first).data


def test_who_asks_is_kept_by_email_and_found_again_by_the_keyword() -> None:
    with world(app(clubs())) as within:
        assert call(within, "clubs_members_get", club="main", user_id="me").error == "not_found"
        made = call(within, "clubs_members_create", club="main", new_id="me", resource={"motto": "Ho"}).data
        assert "@" in made["userId"]
        assert call(within, "clubs_members_get", club="main", user_id="me").data == made
        again = call(within, "clubs_members_create", club="main", new_id=made["userId"], resource={})
        assert again.error == "conflict"
        assert call(within, "clubs_members_delete", club="main", user_id="me").error is None
        assert call(within, "clubs_members_get", club="main", user_id="me").error == "not_found"
        changed = call(within, "clubs_patch", club="main", resource={"treasurer": "me"}).data
        assert changed["treasurer"] == made["userId"]


def test_the_id_that_a_new_row_calls_itself_is_honoured_or_the_call_refused() -> None:
    with world(app(clubs())) as within:
        made = call(within, "clubs_members_create", club="main", resource={"userId": "ann", "motto": "Ho"}).data
        assert made["userId"] == "ann"
        assert call(within, "clubs_members_get", club="main", user_id="ann").data == made
        asked = call(within, "clubs_members_create", club="main", resource={"userId": "me"}).data
        assert "@" in asked["userId"]
        before = call(within, "clubs_list").data
        refused = call(within, "clubs_create", resource={"club": "mine", "name": "Chess"})
        assert refused.error == "invalid"
        assert "club: 'mine' is not what this is called" in refused.text
        assert call(within, "clubs_list").data == before
        assert call(within, "clubs_create", resource={"club": "", "name": "Chess"}).error is None


def test_where_nothing_is_documented_nothing_is_understood() -> None:
    with world(app(clubs(said=False))) as within:
        assert call(within, "clubs_get", club="main").error == "not_found"
        first = call(within, "clubs_list").data["clubs"][0]["club"]
        assert call(within, "clubs_patch", club=first, resource={"treasurer": "me"}).data["treasurer"] == "me"


@pytest.mark.parametrize(
    ("entity", "fault"),
    [
        ({"key": {"form": "number", "keywords": {"main": "first"}}, "fields": {"name": {}}}, "where an id is a text"),
        ({"fields": {"age": {"type": "integer", "keywords": ["me"]}}}, "is a text, not a integer"),
    ],
)
def test_a_keyword_stands_only_where_a_text_may(entity: Json, fault: str) -> None:
    decl = AppDecl.model_validate({"app": "a", "title": "A", "entities": {"club": entity}})
    with pytest.raises(DeclError, match=fault):
        declared(decl)


def test_an_app_with_keywords_is_proven() -> None:
    document = clubs()
    found = prove(app(document), document=discovery.parse(document, "0" * 64))
    assert [one for one in found.methods if one.verdict != "stateful"] == []
