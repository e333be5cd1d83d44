"""What real clients, odd mail and cheats do at the edges; in process, through the API, the tools and the pages."""

from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import quote, urlencode

import pytest

from app_clones.kit.asgi import request
from app_clones.kit.world import Person, World
from app_clones.mail import MAIL


def gmail(world, method, path, body=None, actor=1, status=200, **query):
    """One call of Gmail's API as ``actor``; its answer, once the status is the one expected."""
    data = b"" if body is None else json.dumps(body).encode()
    tail = f"?{urlencode(query, doseq=True)}" if query else ""
    reply = asyncio.run(request(world, method, f"/mail/gmail/v1/users/me{path}{tail}", body=data, actor=actor))
    assert reply.status == status, reply.text
    return json.loads(reply.text) if reply.body else None


def get(world, path):
    return asyncio.run(request(world, "GET", f"/mail{path}"))


def post(world, path, headers=None, **form):
    return asyncio.run(request(world, "POST", f"/mail{path}", headers=headers, body=urlencode(form).encode()))


def tool(world, name, /, **arguments):
    result = world.call(f"mail_{name}", arguments).result
    assert result.error is None, result.text
    return result


def email(world, id):
    return world.persons()[id].email


def first_name(world, id):
    return world.persons()[id].name.split()[0]


def raw(to="", subject="budget review", body="Hello.", **headers):
    lines = [f"To: {to}"] if to else []
    lines += [f"Subject: {subject}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return base64.urlsafe_b64encode("\r\n".join([*lines, "", body]).encode()).decode()


def header(world, id, name, actor=1):
    headers = gmail(world, "GET", f"/messages/{id}", actor=actor)["payload"]["headers"]
    return next((item["value"] for item in headers if item["name"] == name), None)


def received(world):
    """The id and subject of the newest mail that somebody else wrote and nobody answered."""
    return world.connection.execute(
        "SELECT id, subject FROM mail_message m WHERE owner_id = 1 AND from_email <> ? AND subject NOT LIKE 'Re:%' AND"
        " 1 = (SELECT count(*) FROM mail_message t WHERE t.thread_id = m.thread_id) ORDER BY id DESC LIMIT 1",
        (email(world, 1),),
    ).fetchone()


def search(world, q):
    return [item["id"] for item in gmail(world, "GET", "/messages", q=q, maxResults=500).get("messages", [])]


def test_what_the_api_gave_can_be_sent_back_to_it(world):
    draft = gmail(world, "POST", "/drafts", {"message": {"raw": raw(email(world, 2))}})
    whole = gmail(world, "GET", f"/drafts/{draft['id']}", format="raw")
    gmail(world, "PUT", f"/drafts/{draft['id']}", whole)
    sent = gmail(world, "POST", "/drafts/send", {"id": draft["id"], "message": whole["message"] | {"raw": ""}})
    assert sent["labelIds"] == ["SENT"]
    made = gmail(world, "POST", "/labels", {"name": "tennis"})
    label = gmail(world, "GET", f"/labels/{made['id']}")
    assert gmail(world, "PUT", f"/labels/{made['id']}", label | {"name": "sport"})["name"] == "sport"


def test_metadata_headers_count_only_in_their_format_and_a_page_is_never_larger_than_500(world):
    id = gmail(world, "GET", "/messages", maxResults=100_000)["messages"][0]["id"]
    full = gmail(world, "GET", f"/messages/{id}", metadataHeaders="Subject")
    assert len(full["payload"]["headers"]) > 1


def test_ones_own_address_is_oneself_in_any_case(world):
    reply = asyncio.run(request(world, "GET", f"/mail/gmail/v1/users/{email(world, 1).upper()}/profile"))
    assert reply.status == 200


def test_references_alone_make_an_answer_and_name_the_whole_chain(world):
    id, subject = received(world)
    first = header(world, f"{id:016x}", "Message-ID")
    answer = raw(email(world, 2), f"Re: {subject}", References=f"<unknown@far.example> {first}")
    sent = gmail(world, "POST", "/messages/send", {"raw": answer})
    assert sent["threadId"] == gmail(world, "GET", f"/messages/{id:016x}")["threadId"]
    second = header(world, sent["id"], "Message-ID")
    third = raw(email(world, 2), f"Re: {subject}", In_Reply_To=second)
    again = gmail(world, "POST", "/messages/send", {"raw": third})
    assert header(world, again["id"], "References") == f"{first} {second}"


def test_an_answer_outlives_what_it_answers_in_another_thread(world):
    id, subject = received(world)
    other = gmail(world, "POST", "/messages/send", {"raw": raw(email(world, 2), subject)})
    answer = raw(email(world, 2), subject, In_Reply_To=header(world, f"{id:016x}", "Message-ID"))
    sent = gmail(world, "POST", "/messages/send", {"raw": answer, "threadId": other["threadId"]})
    gmail(world, "DELETE", f"/messages/{id:016x}", status=204)
    assert header(world, sent["id"], "In-Reply-To") is None


def test_a_sent_draft_leaves_the_trash_and_an_edited_one_keeps_its_star(world):
    draft = gmail(world, "POST", "/drafts", {"message": {"raw": raw(email(world, 2))}})
    gmail(world, "POST", f"/messages/{draft['message']['id']}/modify", {"addLabelIds": ["STARRED"]})
    edited = gmail(world, "PUT", f"/drafts/{draft['id']}", {"message": {"raw": raw(email(world, 2), "other")}})
    assert set(edited["message"]["labelIds"]) == {"DRAFT", "STARRED"}
    gmail(world, "POST", f"/messages/{edited['message']['id']}/trash")
    assert set(gmail(world, "POST", "/drafts/send", {"id": draft["id"]})["labelIds"]) == {"SENT", "STARRED"}


def test_mail_older_than_1970_does_not_stop_paging(world):
    for year in (1955, 1956):
        old = raw(From="zoe@far.example", Date=f"Mon, 05 Jan {year} 10:00:00 +0000")
        gmail(world, "POST", "/messages/import", {"raw": old, "labelIds": ["SPAM"]})
    first = gmail(world, "GET", "/messages", labelIds="SPAM", maxResults=1)
    rest = gmail(world, "GET", "/messages", labelIds="SPAM", pageToken=first["nextPageToken"])
    assert len({item["id"] for item in first["messages"] + rest["messages"]}) == 2
    gmail(world, "GET", "/messages", pageToken="9" * 5000, status=400)


@pytest.mark.parametrize("target", ["/mail/compose?x=/gmail/v1/", "/mail/batch/gmail/v1?x=/gmail/v1/", "/notes/"])
def test_a_batch_reaches_nothing_but_gmails_methods(world, target):
    before = world.state_digest
    inner = f"POST {target} HTTP/1.1\r\n\r\ndo=send&to={first_name(world, 2)}&subject=a&body=b"
    body = f"--x\r\nContent-Type: application/http\r\n\r\n{inner}\r\n--x--".encode()
    headers = {"content-type": "multipart/mixed; boundary=x"}
    assert asyncio.run(request(world, "POST", "/mail/batch", headers=headers, body=body)).status == 400
    assert world.state_digest == before


def test_a_search_for_a_message_id_finds_that_message(world):
    id, _ = received(world)
    own = header(world, f"{id:016x}", "Message-ID")
    assert search(world, f"rfc822msgid:{own}") == search(world, f"rfc822msgid:{own.strip('<>')}") == [f"{id:016x}"]
    assert search(world, "rfc822msgid:<none@far.example>") == []


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("code & new", "code new"),
        ("after:02/20/2025", "after:2025/02/20"),
        ("in:anywhere - budget", "in:anywhere budget"),
    ],
)
def test_two_ways_to_search_find_the_same(world, query, same):
    assert search(world, query) == search(world, same) != []


def test_an_address_with_a_colon_is_text_and_punctuation_alone_finds_nothing(world):
    tool(world, "send", to=first_name(world, 2), subject="link", body="See https://far.example/door for more.")
    assert len(search(world, "https://far.example/door")) == 1
    assert search(world, "nosuch:thing") == search(world, "&") == []


def test_leaving_out_the_trash_does_not_ask_for_spam(world):
    id, _ = received(world)
    gmail(world, "POST", f"/messages/{id:016x}/modify", {"addLabelIds": ["SPAM"]})
    assert f"{id:016x}" not in search(world, "-in:trash")
    assert f"{id:016x}" in search(world, "in:spam -in:trash")


def test_cc_me_is_oneself(world):
    sent = gmail(world, "POST", "/messages/send", {"raw": raw(email(world, 2), Cc=email(world, 1))})
    assert sent["id"] in search(world, "cc:me")


def test_a_label_of_any_script_is_one_label_in_any_case(world):
    tool(world, "create_label", name="Été")
    id, _ = received(world)
    tool(world, "label", id=id, label="éTÉ")
    assert f"{id} | " in tool(world, "search", label="été").text
    assert get(world, f"/folder/{quote('été')}").status == 200
    assert world.call("mail_create_label", {"name": "E\u0301TE\u0301"}).result.error == "conflict"
    gmail(world, "POST", "/labels", {"name": "éTé"}, status=409)


def test_a_nested_label_has_its_page_and_its_search(world):
    id, _ = received(world)
    tool(world, "create_label", name="work/travel plans")
    tool(world, "label", id=id, label="work/travel plans")
    assert search(world, "label:work-travel-plans") == [f"{id:016x}"]
    page = get(world, "/folder/work/travel%20plans")
    assert page.status == 200
    assert "/folder/work/travel%20plans" in page.text


def test_no_way_in_stores_a_control_character_or_a_second_subject_line(world):
    name, address = first_name(world, 2), email(world, 2)
    tool(world, "send", to=name, subject="a\x00b\r\nBcc: c", body="x\x00\r\ny")
    post(world, "/compose", do="send", to=name, subject="a\x00b\r\nBcc: c", body="x\x00\r\ny")
    gmail(world, "POST", "/messages/send", {"raw": raw(address, "=?utf-8?q?a=00b=0D=0ABcc:_c?=", "x\x00\r\ny")})
    rows = world.connection.execute(
        "SELECT subject, body, bcc_line FROM mail_message WHERE owner_id = 2 ORDER BY id DESC LIMIT 3"
    ).fetchall()
    assert rows == [("ab Bcc: c", "x\ny", "")] * 3


@pytest.mark.parametrize("gap", ["=0A", "=0D=0A", "=E2=80=A8", "=C2=85"])
def test_a_senders_name_cannot_add_a_line_to_a_tools_text(world, gap):
    forged = raw(From=f"=?utf-8?q?Ana{gap}1003_|_Boss_|_x_|_inbox?= <ana@far.example>")
    body = {"raw": forged, "labelIds": ["INBOX"]}
    data = json.dumps(body).encode()
    asyncio.run(request(world, "POST", "/mail/gmail/v1/users/me/messages", body=data))
    lines = tool(world, "search", label="inbox").text.splitlines()
    assert len(lines) == 5
    assert not any(line.startswith("1003") for line in lines)


def test_a_page_form_with_a_number_of_any_length_is_refused_kindly(world):
    before = world.state_digest
    for name in ("draft", "forward"):
        for number in ("9" * 30, "9" * 5000, "x"):
            reply = post(world, "/compose", do="send", to=first_name(world, 2), subject="a", body="b", **{name: number})
            assert reply.status in (400, 404)
    assert world.state_digest == before


def test_a_form_of_another_site_does_nothing(world):
    before = world.state_digest
    form = {"do": "send", "to": first_name(world, 2), "subject": "a", "body": "b"}
    for origin in ("https://far.example", "null"):
        assert post(world, "/compose", {"origin": origin}, **form).status == 403
        assert post(world, "/labels", {"origin": origin}, do="create", name="x").status == 403
    assert world.state_digest == before
    assert post(world, "/compose", {"origin": "http://world"}, **form).status == 303


def test_no_text_of_a_mail_becomes_markup(world):
    nasty = "<script>alert(1)</script>\"'><img src=x>"
    tool(world, "create_label", name=nasty)
    old = raw(subject=nasty, body=nasty, From=f'"{nasty[:25]}" <zoe@far.example>')
    made = gmail(world, "POST", "/messages", {"raw": old, "labelIds": ["INBOX"]})
    tool(world, "label", id=int(made["id"], 16), label=nasty)
    for path in ("/", f"/thread/{int(made['threadId'], 16)}", "/labels", f"/compose?forward={int(made['id'], 16)}",
                 f"/?q={quote(nasty)}", f"/folder/{quote(nasty)}", f"/folder/{quote('<b>')}"):  # fmt: skip
        page = get(world, path)
        assert "<script" not in page.text, path
        assert "<img" not in page.text, path
        assert "<b>" not in page.text, path
        assert "default-src 'none'" in page.headers["content-security-policy"], path


def test_the_blind_copy_of_a_draft_survives_the_page_and_is_shown_to_the_sender_alone(world):
    draft = gmail(world, "POST", "/drafts", {"message": {"raw": raw(email(world, 2), Bcc=email(world, 3))}})
    form = get(world, f"/compose?draft={draft['id'][1:]}").text
    assert f'name="bcc" value="{world.persons()[3].name}"' in form
    post(world, "/compose", do="save", draft=draft["id"][1:], to=first_name(world, 2), bcc=first_name(world, 3))
    sent = gmail(world, "POST", "/drafts/send", {"id": draft["id"]})
    assert f"bcc {world.persons()[3].name}" in get(world, f"/thread/{int(sent['threadId'], 16)}").text
    (theirs,) = world.connection.execute(
        "SELECT bcc_line FROM mail_message WHERE owner_id = 2 ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert theirs == ""
    assert gmail(world, "GET", "/messages", actor=3, q="is:unread")["resultSizeEstimate"] > 0


def test_every_label_has_a_page_and_spam_comes_back_to_the_inbox(world):
    id, _ = received(world)
    thread = int(gmail(world, "GET", f"/messages/{id:016x}")["threadId"], 16)
    gmail(world, "POST", f"/messages/{id:016x}/modify", {"addLabelIds": ["SPAM", "IMPORTANT"]})
    for folder in ("spam", "important"):
        assert f"folder/{folder}" in get(world, "/").text
    assert f"/thread/{thread}" in get(world, "/folder/spam").text
    post(world, f"/thread/{thread}/inbox")
    assert "SPAM" not in gmail(world, "GET", f"/messages/{id:016x}")["labelIds"]
    assert f"/thread/{thread}" in get(world, "/folder/important").text
    post(world, f"/thread/{thread}/archive")
    assert f'href="/mail/thread/{thread}"' in get(world, "/all?page=1").text + get(world, "/all?page=2").text


def test_a_draft_in_a_conversation_is_marked_and_is_not_what_gets_answered(world):
    id, subject = received(world)
    mail = gmail(world, "GET", f"/messages/{id:016x}")
    body = {"message": {"raw": raw(email(world, 3), f"Re: {subject}", "Not yet."), "threadId": mail["threadId"]}}
    draft = gmail(world, "POST", "/drafts", body)
    page = get(world, f"/thread/{int(mail['threadId'], 16)}").text
    sender = world.connection.execute("SELECT from_name FROM mail_message WHERE id = ?", (id,)).fetchone()[0]
    assert f"Reply to {sender}" in page
    assert f"/mail/compose?draft={draft['id'][1:]}" in page
    alone = gmail(world, "POST", "/drafts", {"message": {"raw": raw(email(world, 3))}})
    assert "Send reply" not in get(world, f"/thread/{int(alone['message']['threadId'], 16)}").text


def test_a_forwarded_draft_shows_what_it_forwards(world):
    id, _ = received(world)
    post(world, "/compose", do="save", forward=str(id), to=first_name(world, 2), body="Look.")
    body = world.connection.execute("SELECT body FROM mail_message WHERE id = ?", (id,)).fetchone()[0]
    (draft,) = world.connection.execute("SELECT id FROM mail_draft").fetchone()
    assert body[:10] in get(world, f"/compose?draft={draft}").text


@pytest.mark.parametrize("path", ["/nothing", "/thread/1/star", "/folder/"])
def test_an_address_that_is_none_is_a_page_that_says_so(world, path):
    reply = get(world, path)
    assert reply.status == 404
    assert 'role="alert"' in reply.text


def test_nothing_of_another_mailbox_can_be_seen_or_changed_by_its_id(world):
    body = {"message": {"raw": raw(email(world, 3), "travel plan", "A secret of theirs.")}}
    draft = gmail(world, "POST", "/drafts", body, actor=2)
    label = gmail(world, "POST", "/labels", {"name": "theirs"}, actor=2)["id"]
    id, thread, row = draft["message"]["id"], draft["message"]["threadId"], draft["id"][1:]
    mine = f"{received(world)[0]:016x}"
    theirs = {(change.table, change.op) for change in world.net_change() if not change.table.startswith("kit_")}
    for method, path, sent, status in [
        ("GET", f"/messages/{id}", None, 404),
        ("DELETE", f"/messages/{id}", None, 404),
        ("POST", f"/messages/{id}/trash", None, 404),
        ("POST", f"/messages/{id}/untrash", None, 404),
        ("POST", f"/messages/{id}/modify", {"addLabelIds": ["STARRED"]}, 404),
        ("POST", f"/messages/{mine}/modify", {"addLabelIds": [label]}, 400),
        ("POST", "/messages/batchModify", {"ids": [id], "addLabelIds": ["STARRED"]}, 404),
        ("POST", "/messages/batchDelete", {"ids": [id]}, 204),
        ("POST", "/messages/send", body["message"] | {"threadId": thread}, 404),
        ("GET", f"/messages/{id}/attachments/attachment-1", None, 404),
        ("GET", f"/threads/{thread}", None, 404),
        ("POST", f"/threads/{thread}/modify", {"addLabelIds": ["STARRED"]}, 404),
        ("DELETE", f"/threads/{thread}", None, 404),
        ("GET", f"/drafts/{draft['id']}", None, 404),
        ("PUT", f"/drafts/{draft['id']}", body, 404),
        ("POST", "/drafts/send", {"id": draft["id"]}, 404),
        ("DELETE", f"/drafts/{draft['id']}", None, 404),
        ("GET", f"/labels/{label}", None, 404),
        ("PATCH", f"/labels/{label}", {"name": "mine"}, 404),
        ("DELETE", f"/labels/{label}", None, 404),
    ]:
        gmail(world, method, path, sent, status=status)
    number = int(id, 16)
    for reply in (
        get(world, f"/thread/{int(thread, 16)}"),
        get(world, f"/compose?draft={row}"),
        get(world, f"/compose?forward={number}"),
        get(world, f"/message/{number}/attachment/1"),
        post(world, f"/message/{number}/star"),
        post(world, f"/thread/{int(thread, 16)}/reply", body="x"),
        post(world, "/compose", do="send", draft=row, to=first_name(world, 3), subject="a", body="b"),
        post(world, "/compose", do="discard", draft=row),
        post(world, "/compose", do="send", forward=str(number), to=first_name(world, 3)),
        post(world, "/labels", do="delete", label="theirs"),
    ):
        assert "secret" not in reply.text
        assert reply.status in (400, 404), reply.status
    assert search(world, "secret") == []
    assert gmail(world, "GET", f"/drafts/{draft['id']}", actor=2)["message"]["id"] == id
    rows = {(change.table, change.op) for change in world.net_change() if not change.table.startswith("kit_")}
    assert rows == theirs


def test_a_person_of_any_script_is_found_in_any_case():
    persons = [Person(name="Me One", email="me@x.example"), Person(name="Élodie Durand", email="elodie@x.example")]
    options = {"mail": {"messages": 5}}
    with World.build([MAIL], seed=5, start_ms=0, step_ms=1000, persons=persons, options=options) as built:
        snapshot = built.snapshot()
    with World.fork(snapshot, [MAIL]) as world:
        for name in ("élodie", "ÉLODIE DURAND", "E\u0301lodie", "Elodie@X.Example"):
            tool(world, "send", to=name, subject="budget review", body="Hello.")
        assert world.call("mail_send", {"to": "durand", "subject": "a", "body": "b"}).result.error == "not_found"


def test_a_subject_too_long_to_fold_is_refused_and_the_longest_can_be_answered(world):
    error = world.call("mail_send", {"to": first_name(world, 2), "subject": "é" * 999, "body": "b"}).result.error
    assert error == "invalid"
    sent = tool(world, "send", to=first_name(world, 2), subject="é" * 998, body="b").data["sent"]
    tool(world, "reply", id=sent, body="c")
    tool(world, "forward", id=sent, to=first_name(world, 3))
