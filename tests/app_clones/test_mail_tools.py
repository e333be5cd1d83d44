"""The mail tools, as an agent uses them."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_clones.kit.world import World
from app_clones.mail import MAIL, text
from app_clones.notes import NOTES

APPS = [MAIL, NOTES]
START = 1_741_000_000_000


def built(seed=5, messages=120, persons=8):
    options = {"mail": {"messages": messages}}
    with World.build(APPS, seed=seed, start_ms=START, step_ms=1000, persons=persons, options=options) as world:
        return world.snapshot()


@cache
def snapshot() -> bytes:
    return built()


@cache
def whole() -> bytes:
    """A world as specs ask for it."""
    with World.build(APPS, seed=7, start_ms=START, step_ms=1000, persons=24) as world:
        return world.snapshot()


@pytest.fixture
def world():
    with World.fork(snapshot(), APPS) as fork:
        yield fork


def sql(world, statement, *args):
    return world.connection.execute(statement, args).fetchall()


def ask(world, tool, actor=1, **arguments):
    result = world.call(f"mail_{tool}", arguments, actor=actor).result
    assert result.error is None, result.text
    return result


def refusal(world, tool, **arguments):
    before = sql(world, "SELECT count(*) FROM mail_message")
    step = world.call(f"mail_{tool}", arguments)
    assert step.result.error is not None, step.result.text
    assert {change.table for change in world.net_change()} <= {"kit_meta"}
    assert sql(world, "SELECT count(*) FROM mail_message") == before
    return step.result.error


def first_name(world, id):
    return sql(world, "SELECT name FROM kit_person WHERE id = ?", id)[0][0].split()[0]


def hits(world, **arguments):
    out, page = [], 1
    while found := ask(world, "search", page=page, **arguments).data["hits"]:
        assert len(found) <= 4
        out += [hit["id"] for hit in found]
        page += 1
    return out


def incoming(world):
    return sql(
        world,
        "SELECT id, from_name, subject, body FROM mail_message WHERE owner_id = 1 AND from_email <>"
        " (SELECT email FROM kit_person WHERE id = 1) ORDER BY sent_ms DESC, id DESC",
    )


def test_a_built_mailbox_is_what_tasks_need():
    with World.fork(whole(), APPS) as world:
        assert len(whole()) >= 1_000_000
        received = incoming(world)
        pairs = Counter((name, subject.removeprefix("Re: ")) for _, name, subject, _ in received)
        assert len(pairs) >= 200
        assert sum(n == 1 for n in pairs.values()) >= 150
        assert any(n > 1 for n in pairs.values())
        per_sender = Counter(name for _, name, _, _ in received)
        assert len(per_sender) == 23
        assert min(per_sender.values()) >= 4
        assert max(per_sender.values()) <= 16
        for _, _, subject, body in received:
            assert subject.removeprefix("Re: ") in text.SUBJECTS
            assert len(body.split()) <= 25
            assert len(text.facts_in(body)) <= 1
        assert sum(bool(text.facts_in(body)) for *_, body in received) > len(received) / 2
        assert sql(world, "SELECT count(*) FROM mail_message WHERE sent_ms >= ?", START) == [(0,)]
        assert sql(world, "SELECT max(length(history)) > 1500, min(id) FROM mail_message") == [(1, 1001)]


def test_one_seed_gives_one_snapshot_and_another_seed_another():
    assert built() == snapshot()
    assert built(seed=6) != snapshot()


def test_every_fact_sentence_is_found_again_with_its_value():
    for kind in text.FACTS:
        for sentence in kind.sentences:
            for value in kind.values:
                assert text.facts_in(f"Hello. {sentence.format(value)} Thanks.") == {kind.name: value}


def test_a_search_shows_four_hits_a_page_newest_first(world):
    result = ask(world, "search", label="inbox")
    lines = result.text.split("\n")
    assert re.fullmatch(r"\d+ found", lines[0])
    assert len(lines) == 5
    row = r"(\d)\. \d+ \| \w+ \w+ \| (Re: )?\w+ \w+ \| [a-z, ]*inbox[a-z, ]*"
    assert [re.fullmatch(row, line)[1] for line in lines[1:]] == ["1", "2", "3", "4"]
    found = hits(world, label="inbox")
    times = dict(sql(world, "SELECT id, sent_ms FROM mail_message"))
    assert found == sorted(found, key=lambda id: (times[id], id), reverse=True)
    assert len(found) == len(set(found)) == result.data["found"]


def test_sender_and_subject_name_one_mail(world):
    id, name, subject, _ = next(row for row in incoming(world) if not row[2].startswith("Re:"))
    found = ask(world, "search", sender=name.split()[0].lower(), subject=subject)
    assert found.text.startswith(f"1 found\n1. {id} | {name} | {subject} | ")


def test_reading_shows_the_new_text_and_hides_the_quoted(world):
    id, name, subject, body = incoming(world)[0]
    shown = ask(world, "read", id=id).text.split("\n")
    assert shown[0].startswith(f"from {name} to ")
    assert f"subject {subject}" in shown
    assert body in shown
    assert shown[-1] == "[quoted text hidden]"


def test_labels_go_on_and_come_off_in_any_case(world):
    id = hits(world, label="inbox")[0]
    ask(world, "create_label", name="Tennis")
    assert ask(world, "label", id=id, label="tennis").text == "ok"
    assert hits(world, label="TENNIS") == [id]
    ask(world, "unlabel", id=id, label="Tennis")
    assert hits(world, label="tennis") == []
    assert "Tennis" in ask(world, "list_labels").text.split(", ")


def test_each_marking_is_seen_by_a_search(world):
    id = hits(world, label="inbox")[0]
    marks = [
        ("mark_unread", "unread", True),
        ("mark_read", "unread", False),
        ("star", "starred", True),
        ("archive", "inbox", False),
        ("trash", "trash", True),
    ]
    for tool, label, there in marks:
        ask(world, tool, id=id)
        assert (id in hits(world, label=label)) == there, tool
    assert id not in hits(world)


def test_a_sent_mail_reaches_each_recipient_once(world):
    ana, bo = first_name(world, 2), first_name(world, 3)
    sent = ask(world, "send", to=f"{bo}, {ana}", cc=ana, subject="budget review", body="The door code is 4821.")
    assert sent.text == f"sent {sent.data['sent']}"
    for person in (2, 3):
        newest = world.call("mail_search", {"label": "unread"}, actor=person).result.data["hits"][0]
        assert (newest["subject"], newest["labels"]) == ("budget review", ["inbox", "unread"])
        assert "The door code is 4821." in ask(world, "read", actor=person, id=newest["id"]).text
    changed = Counter((change.table, change.op) for change in world.net_change() if change.table.startswith("mail_"))
    assert changed == {
        ("mail_thread", "insert"): 3,
        ("mail_message", "insert"): 3,
        ("mail_message_label", "insert"): 5,
    }
    assert hits(world, label="sent")[0] == sent.data["sent"]


def test_the_order_of_recipients_makes_no_difference(world):
    ana, bo = first_name(world, 2), first_name(world, 3)
    ask(world, "send", to=f"{bo}, {ana}", subject="budget review", body="Hello.")
    with World.fork(snapshot(), APPS) as other:
        ask(other, "send", to=f"{ana},{bo}", subject="budget review", body="Hello.")
        assert world.anchor_digest() == other.anchor_digest()


def test_a_reply_joins_both_threads_and_quotes_without_times(world):
    id, name, subject, body = next(row for row in incoming(world) if not row[2].startswith("Re:"))
    (thread,), (owner,) = sql(world, "SELECT thread_id FROM mail_message WHERE id = ?", id) + sql(
        world, "SELECT id FROM kit_person WHERE name = ?", name
    )
    sent = ask(world, "reply", id=id, body="That works.").data["sent"]
    mine = sql(world, "SELECT thread_id, subject, history FROM mail_message WHERE id = ?", sent)[0]
    assert mine[:2] == (thread, f"Re: {subject}")
    assert mine[2].startswith(f"{name} wrote:\n> {body}")
    theirs = sql(
        world, "SELECT thread_id, reply_to_id FROM mail_message WHERE owner_id = ? AND origin_id = ?", owner, sent
    )[0]
    origin = sql(world, "SELECT origin_id FROM mail_message WHERE id = ?", id)[0][0]
    assert theirs == (sql(world, "SELECT thread_id FROM mail_message WHERE id = ?", origin)[0][0], origin)
    with World.fork(snapshot(), APPS) as later:
        later.wait(86_400_000)
        ask(later, "reply", id=id, body="That works.")
        assert later.anchor_digest() == world.anchor_digest()


def test_a_forwarded_mail_is_quoted_for_a_third(world):
    id, name, subject, body = incoming(world)[0]
    other = next(i for i in range(2, 9) if first_name(world, i) != name.split()[0])
    ask(world, "forward", id=id, to=first_name(world, other))
    got = world.call("mail_search", {"label": "unread"}, actor=other).result.data["hits"][0]
    assert got["subject"] == f"Fwd: {subject.removeprefix('Re: ')}"
    assert body in sql(world, "SELECT history FROM mail_message WHERE id = ?", got["id"])[0][0]


def test_a_draft_waits_and_is_sent_once(world):
    ana = first_name(world, 2)
    draft = ask(world, "save_draft", to=ana, subject="travel plan", body="Soon.").data["draft"]
    assert f"{draft} | " in ask(world, "list_drafts").text
    assert "travel plan" not in [h["subject"] for h in world.call("mail_search", {}, actor=2).result.data["hits"]]
    ask(world, "send_draft", id=draft)
    assert ask(world, "list_drafts").text == "0 drafts"
    assert world.call("mail_search", {}, actor=2).result.data["hits"][0]["subject"] == "travel plan"
    assert world.call("mail_send_draft", {"id": draft}).result.error == "not_found"
    world.check()


def test_a_reminder_of_another_app_arrives_as_mail_when_it_is_due(world):
    world.call("notes_create", {"text": "call the bank", "remind_in_minutes": 5})
    unread = ask(world, "search", label="unread").data["found"]
    world.wait(4 * 60_000)
    assert ask(world, "search", label="unread").data["found"] == unread
    world.wait(60_000)
    assert ask(world, "search", label="unread").data["found"] == unread + 1
    assert "call the bank" in ask(world, "read", id=hits(world, label="unread")[0]).text


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("read", {"id": 99}, "not_found"),
        ("read", {"id": 2**70}, "invalid"),
        ("label", {"id": 99, "label": "finance"}, "not_found"),
        ("send", {"to": "nobody", "subject": "a b", "body": "c"}, "not_found"),
        ("send", {"to": "", "subject": "a b", "body": "c"}, "invalid"),
        ("send", {"to": "ana", "subject": "a b", "body": "c", "bcc": "x"}, "invalid"),
        ("search", {"sender": "nobody"}, "not_found"),
        ("search", {"label": "nothing"}, "not_found"),
        ("search", {"page": 0}, "invalid"),
        ("create_label", {"name": "INBOX"}, "conflict"),
        ("create_label", {"name": "Finance"}, "conflict"),
        ("create_label", {"name": " "}, "invalid"),
        ("send_draft", {"id": 5}, "not_found"),
    ],
)
def test_a_mistake_is_an_error_and_changes_nothing(world, tool, arguments, code):
    assert refusal(world, tool, **arguments) == code


def test_other_peoples_mail_and_system_labels_are_out_of_reach(world):
    theirs = sql(world, "SELECT min(id) FROM mail_message WHERE owner_id = 2")[0][0]
    mine = hits(world)[0]
    for tool in ("read", "star", "trash", "archive", "mark_read"):
        assert refusal(world, tool, id=theirs) == "not_found"
    for label in ("sent", "draft", "trash", "spam"):
        assert refusal(world, "label", id=mine, label=label) == "forbidden"


WORDS = st.sampled_from(["code", "budget", "room", "Thanks", "euros", "library", "zebra", "hello", "it is"])
PEOPLE = st.integers(1, 7)
TOOLS = [
    "label",
    "unlabel",
    "archive",
    "trash",
    "star",
    "mark_read",
    "mark_unread",
    "send",
    "reply",
    "forward",
    "create_label",
    "save_draft",
    "send_draft",
]


@st.composite
def calls(draw):
    ids = st.integers(1001, 1160)
    label = st.sampled_from(["finance", "Legal", "inbox", "unread", "starred", "sent", "zzz"])
    tool = draw(st.sampled_from(TOOLS))
    arguments = {
        "label": lambda: {"id": draw(ids), "label": draw(label)},
        "unlabel": lambda: {"id": draw(ids), "label": draw(label)},
        "send": lambda: {
            "to": f"#{draw(PEOPLE)}",
            "cc": f"#{draw(PEOPLE)}",
            "subject": draw(WORDS),
            "body": draw(WORDS),
        },
        "reply": lambda: {"id": draw(ids), "body": draw(WORDS)},
        "forward": lambda: {"id": draw(ids), "to": f"#{draw(PEOPLE)}", "body": draw(WORDS)},
        "create_label": lambda: {"name": draw(WORDS)},
        "save_draft": lambda: {"to": f"#{draw(PEOPLE)}", "subject": draw(WORDS), "body": draw(WORDS)},
        "send_draft": lambda: {"id": draw(st.integers(1, 3))},
    }
    return tool, arguments.get(tool, lambda: {"id": draw(ids)})()


def run(world, step):
    tool, arguments = step
    named = {
        key: first_name(world, int(value[1:])) if isinstance(value, str) and value.startswith("#") else value
        for key, value in arguments.items()
    }
    return world.call(f"mail_{tool}", named)


def check_invariants(world):
    world.check()
    assert not sql(world, "SELECT 1 FROM mail_message_label x JOIN mail_message m ON m.id = x.message_id"
                          " JOIN mail_label l ON l.id = x.label_id WHERE l.owner_id <> m.owner_id")  # fmt: skip
    for table in MAIL.tables:
        for column in table.columns:
            if column.to:
                lost = f"SELECT 1 FROM {table.name} t LEFT JOIN {column.to} o ON o.id = t.{column.name}"
                assert not sql(world, f"{lost} WHERE t.{column.name} IS NOT NULL AND o.id IS NULL"), (
                    table.name,
                    column,
                )
    drafts = set(sql(world, "SELECT message_id FROM mail_draft"))
    labelled = (
        "SELECT message_id FROM mail_message_label x JOIN mail_label l ON l.id = x.label_id WHERE l.name = 'DRAFT'"
    )
    assert drafts == set(sql(world, labelled))


def check_search(world, word):
    hidden = (
        "id NOT IN (SELECT message_id FROM mail_message_label x JOIN mail_label l ON l.id = x.label_id"
        " WHERE l.name IN ('TRASH', 'SPAM', 'DRAFT'))"
    )
    rows = sql(
        world,
        "SELECT id, from_name || ' ' || from_email || ' ' || to_line || ' ' || cc_line || ' ' || subject || ' ' || body"
        f" FROM mail_message WHERE owner_id = 1 AND {hidden} ORDER BY sent_ms DESC, id DESC",
    )
    wanted = {part.lower() for part in word.split()}
    expected = [id for id, line in rows if wanted <= set(re.findall(r"[^\W_]+", line.lower()))]
    assert hits(world, text=word) == expected


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(calls(), min_size=1, max_size=12), word=WORDS)
def test_whatever_is_done_labels_refs_and_the_search_index_stay_right(steps, word):
    with World.fork(snapshot(), APPS) as world:
        for step in steps:
            run(world, step)
        check_invariants(world)
        check_search(world, word)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(calls(), min_size=2, max_size=8), word=WORDS)
def test_a_world_put_away_after_any_step_goes_on_as_if_it_had_not_been(steps, word):
    def record(world, step):
        done = run(world, step)
        found = world.call("mail_search", {"text": word})
        return done.result.text, done.state_digest, found.result.text, found.state_digest

    with World.fork(snapshot(), APPS) as straight:
        expected = [record(straight, step) for step in steps]
    world = World.fork(snapshot(), APPS)
    for step, want in zip(steps, expected, strict=True):
        with world:
            assert record(world, step) == want
            changeset = world.changeset()
        world = World.restore(snapshot(), APPS, [changeset])
    world.check()
    world.close()


def test_the_search_check_catches_an_index_that_lost_a_row(world):
    id, _, _, body = incoming(world)[0]
    word = body.split()[1].lower()
    check_search(world, word)
    world.connection.execute("DELETE FROM mail_search WHERE rowid = ?", (id,))
    with pytest.raises(AssertionError):
        check_search(world, word)
