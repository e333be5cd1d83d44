"""How custom operations, what they are given and what fields are called are put into English, by names alone."""

from __future__ import annotations

import pytest
from generated_world import club
from small_world import ROOT

from app_clones.declared.model import OperationDecl
from factory.apps import find_app
from factory.verifiers.declared.deeds import Condition, Described, New, Target
from factory.worlds.generated import phrases
from factory.worlds.generated.abilities import abilities
from factory.worlds.generated.verbs import verb_of


@pytest.fixture(scope="module")
def desk():
    found = find_app("helpdesk", "specs/apps/helpdesk", ROOT).declared
    assert found is not None
    return abilities(found, (), 60_000)


def named(entity, field, value):
    return Target(what=Described(entity=entity, where=(Condition(field=field, value=value),)), id=1, names={})


def said(can, operation, *news):
    verb = verb_of(operation, can.decl.operations[operation])
    return f"{verb.before} the ticket{phrases.inputs(can, news, verb)}"


def test_who_is_given_something_stands_behind_to(desk):
    agent = New(field="agent", row=named("person", "email", "ana@example.com"))
    assert said(desk, "ticket_assign", agent) == 'assign the ticket to the agent "ana@example.com"'


def test_a_verb_that_needs_a_preposition_has_it_and_what_it_is_done_with_stands_behind_with(desk):
    macro = New(field="macro", row=named("macro", "name", "Restart"))
    assert said(desk, "ticket_reply", macro) == 'reply to the ticket with the macro "Restart"'


def test_a_parameter_that_is_a_preposition_is_one_in_the_sentence(desk):
    into = New(field="into", row=named("ticket", "subject", "Printer"))
    assert said(desk, "ticket_merge", into) == 'merge the ticket into the ticket "Printer"'


@pytest.mark.parametrize(
    ("name", "path", "phrase"),
    [
        ("box_archive", "", "archive the box"),
        ("archive_box", "", "archive the box"),
        ("boxes_archive", "", "archive the box"),
        ("box_roll_back", "", "roll the box back"),
        ("box_mark_read", "", "mark the box as read"),
        ("box_mark_as_read", "", "mark the box as read"),
        ("box_add_member", "", "add a member to the box"),
        ("box_add_members", "", "add members to the box"),
        ("box_remove_member", "", "remove a member from the box"),
        ("box_comment", "", "comment on the box"),
        ("box_move_to_trash", "", "move the box to trash"),
        ("x", "{+name}:setIamPolicy", "set the iam policy of the box"),
        ("x", "{+name}:generateAccessToken", "generate an access token for the box"),
        ("x", "{+name}:forceDelete", "force delete the box"),
        ("x", "{+name}:undelete", "undelete the box"),
    ],
)
def test_names_read_as_english_around_the_row(name, path, phrase):
    http = {"http": {"verb": "POST", "path": path}} if path else {}
    verb = verb_of(name, OperationDecl.model_validate({"entity": "box", **http}))
    assert f"{verb.before} the box{' ' + verb.behind if verb.behind else ''}" == phrase


def test_recipients_and_names_that_begin_with_a_preposition_are_put_behind_it(desk):
    verb = verb_of("ticket_send", OperationDecl(entity="ticket"))
    news = (New(field="recipient", value="a@example.com"), New(field="to_queue", value="Second line"))
    told = phrases.inputs(desk, (*news, New(field="note", value="Late.")), verb)
    assert told == ' to the recipient "a@example.com" to the queue "Second line" with the note "Late."'


@pytest.mark.parametrize(
    ("type", "name", "noun"),
    [
        ("date", "starts_on", "start date"),
        ("date", "due_on", "due date"),
        ("datetime", "created_at", "created time"),
        ("datetime", "process_at", "process time"),
        ("date", "founded", "founded date"),
        ("datetime", "expires", "expire time"),
        ("date", "day", "day"),
        ("datetime", "create_time", "create time"),
        ("string", "look_at", "look at"),
        ("datetime", "due", "due time"),
        ("boolean", "logged_on", "logged on flag"),
        ("boolean", "has_wide_scope", "wide scope flag"),
        ("boolean", "is_public", "public flag"),
        ("string", "completed", "completed value"),
        ("string", "due", "due value"),
        ("string", "i_cal_uid", "ical uid"),
        ("string", "e_mail", "email"),
        ("string", "i_pad_name", "ipad name"),
    ],
)
def test_a_field_is_called_by_what_it_holds(type, name, noun):
    entity = club().decl.entities["team"].model_copy()
    field = entity.fields["founded"].model_copy(update={"type": type})
    assert phrases.field(entity.model_copy(update={"fields": {name: field}}), name) == noun
