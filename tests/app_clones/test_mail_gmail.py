"""The vendor's own client, unmodified, over a real socket."""

from __future__ import annotations

import asyncio
import base64
import email
import io
import json
from email.message import EmailMessage

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_clones.kit.asgi import request as ask
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from app_clones.mail import MAIL

START = 1_741_000_000_000  # of the world in conftest.py


def client_for(served, person=1):
    with open(f"{DISCOVERY_DOC_DIR}/gmail.v1.json") as file:
        document = json.load(file)
    document["rootUrl"] = document["baseUrl"] = served.describe()["apps"]["mail"]["api"]
    return build_from_document(document, credentials=Credentials(token=served.token(person)))


@pytest.fixture
def served(world):
    with serve_world(world) as it:
        yield it


@pytest.fixture
def gmail(served):
    return client_for(served)


def person(world, id):
    return world.connection.execute("SELECT name, email FROM kit_person WHERE id = ?", (id,)).fetchone()


def raw(subject="budget review", body="The door code is 4821.", **headers):
    mail = EmailMessage()
    mail["Subject"] = subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(body)
    return base64.urlsafe_b64encode(mail.as_bytes()).decode()


def ids_of(gmail, **arguments):
    out, request = [], gmail.users().messages().list(userId="me", **arguments)
    while request is not None:
        answer = request.execute()
        out += [item["id"] for item in answer.get("messages", [])]
        request = gmail.users().messages().list_next(request, answer)
    return out


def test_a_search_too_long_for_an_address_finds_what_it_finds_in_a_short_one(gmail, world):
    wanted = ids_of(gmail, q="subject:report")
    before = world.full_digest()
    assert wanted
    long = " OR ".join(["subject:report", *(f"subject:nothing{'x' * 40}{n:04}" for n in range(45))])
    assert ids_of(gmail, q=long) == wanted
    assert world.full_digest() == before


def refused(request):
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    assert error["code"] == caught.value.resp.status
    assert error["message"]
    assert error["errors"][0]["message"] == error["message"]
    assert error["errors"][0]["domain"] == "global"
    assert error["errors"][0]["reason"]
    assert error["status"].isupper()
    return error


def expected_ids(world, where, *args):
    sql = f"SELECT id FROM mail_message m WHERE owner_id = 1 AND {where} ORDER BY sent_ms DESC, id DESC"
    return [f"{id:016x}" for (id,) in world.connection.execute(sql, args)]


HAS = (
    "EXISTS (SELECT 1 FROM mail_message_label x JOIN mail_label l ON l.id = x.label_id"
    " WHERE x.message_id = m.id AND l.name = '{}')"
)


def test_paging_visits_each_message_once_and_newest_first(gmail, world):
    every = expected_ids(world, "1")
    assert len(every) > 70
    assert ids_of(gmail, maxResults=7) == every


def test_a_mail_that_arrives_between_two_pages_shifts_nothing(gmail, served, world):
    before = expected_ids(world, "1")
    first = gmail.users().messages().list(userId="me", maxResults=10).execute()
    other = client_for(served, 2)
    other.users().messages().send(userId="me", body={"raw": raw(To=person(world, 1)[1])}).execute()
    rest = ids_of(gmail, maxResults=500, pageToken=first["nextPageToken"])
    assert [item["id"] for item in first["messages"]] + rest == before


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("in:inbox is:unread", HAS.format("INBOX") + " AND " + HAS.format("UNREAD")),
        ("is:starred OR is:unread", "(" + HAS.format("STARRED") + " OR " + HAS.format("UNREAD") + ")"),
        ("in:inbox -is:unread", HAS.format("INBOX") + " AND NOT " + HAS.format("UNREAD")),
        ("label:finance", HAS.format("finance")),
        ("subject:budget", "subject LIKE '%budget%'"),
        ("subject:(budget OR travel)", "(subject LIKE '%budget%' OR subject LIKE '%travel%')"),
        ("{subject:budget subject:client}", "(subject LIKE '%budget%' OR subject LIKE '%client%')"),
        ("extension", "body LIKE '%extension%'"),
        ('"new code" -subject:budget', "body LIKE '%new code%' AND subject NOT LIKE '%budget%'"),
        ("before:2025/02/20", "sent_ms < 1740009600000"),
        ("after:2025/02/20 before:2025/02/25", "sent_ms >= 1740009600000 AND sent_ms < 1740441600000"),
        ("newer_than:3d", f"sent_ms >= {START - 3 * 86_400_000}"),
        ("has:userlabels", "EXISTS (SELECT 1 FROM mail_message_label x JOIN mail_label l ON l.id = x.label_id"
                           " WHERE x.message_id = m.id AND l.kind = 'user')"),
        ("nosuchword", "0"),
    ],
)  # fmt: skip
def test_a_search_finds_what_a_scan_of_the_rows_finds(gmail, world, query, where):
    found = ids_of(gmail, q=query, maxResults=50)
    assert found == expected_ids(world, where)
    if where != "0":
        assert found


def test_a_quoted_subject_is_found_as_a_phrase(gmail, world):
    (subject,) = world.connection.execute("SELECT subject FROM mail_message WHERE id = 1100").fetchone()
    first, second = subject.removeprefix("Re: ").split()
    every = expected_ids(world, "subject LIKE ?", f"%{first} {second}%")
    assert ids_of(gmail, q=f'subject:"{first} {second}"') == every
    assert ids_of(gmail, q=f'subject:"{second} {first}"') == []
    assert ids_of(gmail, q=f"subject:({second} {first})") == every


def test_from_and_to_take_names_and_addresses(gmail, world):
    name, address = person(world, 3)
    mine = person(world, 1)[1]
    first = name.split()[0]
    assert ids_of(gmail, q=f"from:{first}") == ids_of(gmail, q=f"from:{address}")
    assert ids_of(gmail, q=f"from:{first}") == expected_ids(world, "from_email = ?", address)
    assert ids_of(gmail, q=f"from:me to:{first}") == expected_ids(
        world, "from_email = ? AND instr(to_line || cc_line, ?)", mine, address
    )


def test_a_message_reads_the_same_in_every_format(gmail, world):
    id = ids_of(gmail, q="in:inbox extension")[0]
    row = world.connection.execute(
        "SELECT from_name, from_email, subject, body, history, sent_ms FROM mail_message WHERE id = ?", (int(id, 16),)
    ).fetchone()
    full = gmail.users().messages().get(userId="me", id=id).execute()
    headers = {item["name"]: item["value"] for item in full["payload"]["headers"]}
    assert headers["Subject"] == row[2]
    assert headers["From"] == f"{row[0]} <{row[1]}>"
    assert full["internalDate"] == str(row[5])
    text = base64.urlsafe_b64decode(full["payload"]["body"]["data"]).decode()
    assert text.replace("\r\n", "\n").strip() == f"{row[3]}\n\n{row[4]}".strip()
    parsed = email.message_from_bytes(
        base64.urlsafe_b64decode(gmail.users().messages().get(userId="me", id=id, format="raw").execute()["raw"]),
        policy=email.policy.default,
    )
    assert parsed.get_content().replace("\r\n", "\n").strip() == f"{row[3]}\n\n{row[4]}".strip()
    some = gmail.users().messages().get(userId="me", id=id, format="metadata", metadataHeaders=["Subject"]).execute()
    assert some["payload"]["headers"] == [{"name": "Subject", "value": row[2]}]
    assert "payload" not in gmail.users().messages().get(userId="me", id=id, format="minimal").execute()


def test_a_sent_mail_arrives_and_its_answer_joins_the_thread(gmail, served, world):
    me, ana = person(world, 1)[1], person(world, 2)[1]
    sent = gmail.users().messages().send(userId="me", body={"raw": raw(To=ana, Cc=person(world, 3)[1])}).execute()
    assert sent["labelIds"] == ["SENT"]
    other = client_for(served, 2)
    got = other.users().messages().get(userId="me", id=ids_of(other, q="is:unread")[0]).execute()
    assert set(got["labelIds"]) == {"INBOX", "UNREAD"}
    headers = {item["name"]: item["value"] for item in got["payload"]["headers"]}
    answer = raw("Re: budget review", "Thanks.", To=me, In_Reply_To=headers["Message-ID"])
    other.users().messages().send(userId="me", body={"raw": answer, "threadId": got["threadId"]}).execute()
    thread = gmail.users().threads().get(userId="me", id=sent["threadId"]).execute()
    assert [item["labelIds"] for item in thread["messages"]] == [["SENT"], ["INBOX", "UNREAD"]]
    world.check()


def test_uploads_by_media_and_with_attachments_come_back_whole(gmail, served, world):
    mail = EmailMessage()
    mail["To"], mail["Subject"] = person(world, 2)[1], "travel plan"
    mail.set_content("See the table.\n")
    mail.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="table.csv")
    media = MediaIoBaseUpload(io.BytesIO(mail.as_bytes(policy=email.policy.SMTP)), "message/rfc822")
    for body in (None, {"threadId": gmail.users().threads().list(userId="me").execute()["threads"][0]["id"]}):
        sent = gmail.users().messages().send(userId="me", body=body, media_body=media).execute()
        other = client_for(served, 2)
        got = other.users().messages().get(userId="me", id=ids_of(other, q="has:attachment filename:csv")[0]).execute()
        text, table = got["payload"]["parts"]
        assert base64.urlsafe_b64decode(text["body"]["data"]).strip() == b"See the table."
        found = other.users().messages().attachments().get(
            userId="me", messageId=got["id"], id=table["body"]["attachmentId"]
        ).execute()  # fmt: skip
        assert base64.urlsafe_b64decode(found["data"]).replace(b"\r\n", b"\n") == b"a,b\n1,2\n"
        assert sent["threadId"] == (body or sent)["threadId"]


def test_labels_are_made_put_on_renamed_and_removed(gmail):
    label = gmail.users().labels().create(userId="me", body={"name": "Waiting"}).execute()
    id = ids_of(gmail, q="in:inbox")[0]
    change = {"addLabelIds": [label["id"], "STARRED"], "removeLabelIds": ["INBOX"]}
    changed = gmail.users().messages().modify(userId="me", id=id, body=change).execute()
    assert label["id"] in changed["labelIds"]
    assert "INBOX" not in changed["labelIds"]
    assert ids_of(gmail, labelIds=[label["id"], "STARRED"]) == [id]
    gmail.users().labels().patch(userId="me", id=label["id"], body={"name": "Later on"}).execute()
    assert gmail.users().labels().get(userId="me", id=label["id"]).execute()["messagesTotal"] == 1
    assert ids_of(gmail, q="label:later-on") == [id]
    gmail.users().labels().delete(userId="me", id=label["id"]).execute()
    assert label["id"] not in gmail.users().messages().get(userId="me", id=id).execute()["labelIds"]
    assert refused(gmail.users().labels().get(userId="me", id=label["id"]))["code"] == 404


def test_batch_changes_reach_every_message_or_none(gmail, world):
    ids = ids_of(gmail, q="is:unread")[:5]
    gmail.users().messages().batchModify(userId="me", body={"ids": ids, "removeLabelIds": ["UNREAD"]}).execute()
    assert not set(ids) & set(ids_of(gmail, q="is:unread"))
    before = world.state_digest
    broken = {"ids": [*ids, "00000000000fffff"], "addLabelIds": ["UNREAD"]}
    assert refused(gmail.users().messages().batchModify(userId="me", body=broken))["code"] == 404
    assert world.state_digest == before
    gmail.users().messages().batchDelete(userId="me", body={"ids": ids}).execute()
    assert not set(ids) & set(ids_of(gmail, includeSpamTrash=True))


def test_trashed_mail_is_hidden_comes_back_and_deleted_mail_is_gone(gmail, world):
    id = ids_of(gmail, q="in:inbox")[0]
    gmail.users().messages().trash(userId="me", id=id).execute()
    assert id not in ids_of(gmail)
    assert ids_of(gmail, q="in:trash") == [id]
    assert id in ids_of(gmail, includeSpamTrash=True)
    gmail.users().messages().untrash(userId="me", id=id).execute()
    assert id in ids_of(gmail)
    gmail.users().messages().delete(userId="me", id=id).execute()
    for request in (
        gmail.users().messages().get(userId="me", id=id),
        gmail.users().messages().delete(userId="me", id=id),
    ):
        assert refused(request)["errors"][0]["reason"] == "notFound"
    world.check()


def test_threads_list_and_change_as_one(gmail):
    listed = gmail.users().threads().list(userId="me", q="in:inbox", maxResults=500).execute()["threads"]
    assert len({item["id"] for item in listed}) == len(listed)
    threads = (gmail.users().threads().get(userId="me", id=item["id"], format="minimal").execute() for item in listed)
    long = next(thread for thread in threads if len(thread["messages"]) > 1)
    gmail.users().threads().modify(userId="me", id=long["id"], body={"addLabelIds": ["STARRED"]}).execute()
    again = gmail.users().threads().get(userId="me", id=long["id"], format="minimal").execute()
    assert all("STARRED" in item["labelIds"] for item in again["messages"])
    gmail.users().threads().trash(userId="me", id=long["id"]).execute()
    trashed = gmail.users().threads().list(userId="me", q="in:trash").execute()["threads"]
    assert [item["id"] for item in trashed] == [long["id"]]
    gmail.users().threads().untrash(userId="me", id=long["id"]).execute()
    gmail.users().threads().delete(userId="me", id=long["id"]).execute()
    assert refused(gmail.users().threads().get(userId="me", id=long["id"]))["code"] == 404


def test_a_draft_is_written_changed_and_sent(gmail, served, world):
    to = person(world, 2)[1]
    drafts = gmail.users().drafts()
    draft = drafts.create(userId="me", body={"message": {"raw": raw("client notes", "One.", To=to)}}).execute()
    drafts.update(userId="me", id=draft["id"], body={"message": {"raw": raw("client notes", "Two.", To=to)}}).execute()
    listed = drafts.list(userId="me").execute()["drafts"]
    assert [item["id"] for item in listed] == [draft["id"]]
    got = drafts.get(userId="me", id=draft["id"]).execute()
    assert base64.urlsafe_b64decode(got["message"]["payload"]["body"]["data"]).strip() == b"Two."
    sent = drafts.send(userId="me", body={"id": draft["id"]}).execute()
    assert sent["labelIds"] == ["SENT"]
    assert refused(drafts.get(userId="me", id=draft["id"]))["code"] == 404
    assert ids_of(client_for(served, 2), q='subject:"client notes" "Two"')
    other = drafts.create(userId="me", body={"message": {"raw": raw(To="later@nowhere.example")}}).execute()
    assert refused(drafts.send(userId="me", body={"id": other["id"]}))["code"] == 400
    drafts.delete(userId="me", id=other["id"]).execute()
    assert "drafts" not in drafts.list(userId="me").execute()
    world.check()


def test_insert_and_import_file_mail_from_outside(gmail):
    old = raw("website survey", "Hello.", From="Zoe <zoe@far.example>", To="me@far.example",
              Date="Mon, 06 Jan 2025 10:00:00 +0000")  # fmt: skip
    imported = gmail.users().messages().import_(userId="me", body={"raw": old, "labelIds": ["INBOX"]}).execute()
    inserted = gmail.users().messages().insert(userId="me", body={"raw": old}).execute()
    got = gmail.users().messages().get(userId="me", id=imported["id"]).execute()
    assert got["internalDate"] == "1736157600000"
    assert got["labelIds"] == ["INBOX"]
    assert ids_of(gmail, q="from:zoe") == [inserted["id"], imported["id"]]


def test_field_masks_keep_what_they_name(gmail):
    answer = gmail.users().messages().list(userId="me", maxResults=2, fields="messages(id),nextPageToken").execute()
    assert set(answer) == {"messages", "nextPageToken"}
    assert all(set(item) == {"id"} for item in answer["messages"])
    one = (
        gmail.users()
        .messages()
        .get(userId="me", id=answer["messages"][0]["id"], fields="payload/headers/name")
        .execute()
    )
    assert set(one["payload"]["headers"][0]) == {"name"}
    assert refused(gmail.users().messages().list(userId="me", fields="messages(nosuch)"))["code"] == 400
    assert refused(gmail.users().messages().list(userId="me", fields="messages(id"))["code"] == 400


def test_a_batch_runs_its_calls_one_by_one(gmail):
    answers = {}
    batch = gmail.new_batch_http_request(callback=lambda id, answer, error: answers.update({id: answer or error}))
    id = ids_of(gmail, q="in:inbox")[0]
    batch.add(gmail.users().labels().list(userId="me"), request_id="labels")
    batch.add(gmail.users().messages().modify(userId="me", id=id, body={"addLabelIds": ["STARRED"]}), request_id="star")
    batch.add(gmail.users().messages().get(userId="me", id="00000000000fffff"), request_id="none")
    batch.execute()
    assert any(label["id"] == "INBOX" for label in answers["labels"]["labels"])
    assert "STARRED" in answers["star"]["labelIds"]
    assert answers["none"].resp.status == 404
    assert id in ids_of(gmail, q="is:starred")


def test_the_profile_counts_the_mailbox(gmail, world):
    profile = gmail.users().getProfile(userId="me").execute()
    assert profile["emailAddress"] == person(world, 1)[1]
    assert profile["messagesTotal"] == len(expected_ids(world, "1"))
    history = gmail.users().history()
    assert history.list(userId="me", startHistoryId=profile["historyId"]).execute()["historyId"] == profile["historyId"]
    assert refused(history.list(userId="me", startHistoryId="1"))["code"] == 404


def bad_requests(gmail, world):
    users, other = gmail.users(), person(world, 2)[1]
    theirs = world.connection.execute("SELECT min(id) FROM mail_message WHERE owner_id = 2").fetchone()[0]
    mine = ids_of(gmail)[0]
    to = person(world, 2)[1]
    return [
        (users.messages().get(userId="me", id=f"{theirs:016x}"), 404),
        (users.messages().get(userId="me", id="not-hex"), 400),
        (users.messages().list(userId=other), 403),
        (users.messages().list(userId="me", q="size:5"), 400),
        (users.messages().list(userId="me", q="(budget"), 400),
        (users.messages().list(userId="me", q="before:2025/13/45"), 400),
        (users.messages().list(userId="me", labelIds=["NOPE"]), 400),
        (users.messages().list(userId="me", maxResults=0), 400),
        (users.messages().list(userId="me", pageToken="x"), 400),
        (users.messages().send(userId="me", body={"raw": "!!!"}), 400),
        (users.messages().send(userId="me", body={}), 400),
        (users.messages().send(userId="me", body={"raw": raw(To="nobody@nowhere.example")}), 400),
        (users.messages().send(userId="me", body={"raw": raw()}), 400),
        (users.messages().send(userId="me", body={"raw": raw(To=to, From=other)}), 400),
        (users.messages().send(userId="me", body={"raw": raw(To=to), "threadId": "00000000000fffff"}), 404),
        (users.messages().send(userId="me", body={"raw": raw(To=to), "colour": "red"}), 400),
        (users.messages().modify(userId="me", id=mine, body={"addLabelIds": ["SENT"]}), 400),
        (users.messages().modify(userId="me", id=mine, body={"addLabelIds": ["Label_9999"]}), 400),
        (users.messages().modify(userId="me", id=mine, body={}), 400),
        (users.messages().insert(userId="me", body={"raw": raw(From=other)}, deleted=True), 400),
        (users.labels().create(userId="me", body={"name": "inbox"}), 409),
        (users.labels().create(userId="me", body={}), 400),
        (users.labels().create(userId="me", body={"name": "\ud800"}), 400),
        (users.labels().delete(userId="me", id="INBOX"), 403),
        (users.labels().patch(userId="me", id="SENT", body={"name": "x"}), 403),
        (users.drafts().send(userId="me", body={"id": "r999"}), 404),
        (users.settings().getVacation(userId="me"), 501),
        (users.watch(userId="me", body={}), 501),
    ]


def test_bad_requests_get_googles_error_form_and_change_nothing(gmail, world):
    before = world.state_digest
    for request, code in bad_requests(gmail, world):
        error = refused(request)
        assert error["code"] == code, (request.uri, error)
        assert world.state_digest == before, request.uri
    world.check()


def test_unknown_parameters_and_missing_tokens_are_refused(served, world):
    http = httplib2.Http()
    headers = {"authorization": f"Bearer {served.token()}"}
    base = f"{served.url}/mail/gmail/v1/users/me/messages"
    for tail, code in (("?colour=red", 400), ("?maxResults=many", 400), ("?q=a&q=b", 400), ("?alt=proto", 400)):
        response, content = http.request(base + tail, headers=headers)
        assert (response.status, json.loads(content)["error"]["code"]) == (code, code)
    response, content = http.request(base)
    assert response.status == 401
    assert json.loads(content)["error"]["message"]


FRAGMENTS = [
    b"From: Zoe <zoe@far.example>\r\n", b"To: ", b"Subject: ", b"Cc: ", b"Date: Mon, 06 Jan 2025 10:00:00 +0000\r\n",
    b"Content-Type: text/plain; charset=bogus\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Type: ",
    b"text/html", b"message/rfc822", b"\r\n", b"\r\n\r\n", b"--x\r\n", b"--x--", b"<a@@b>", b"a b@c", b"hello",
    b"> q\n", b"=?utf-8?b?/////w==?=", b"=?utf-8?q?=00=0A?=", b"\xff\xfe", b"\x00",
    b"Content-Transfer-Encoding: base64\r\n",
    b'Content-Disposition: attachment; filename="a\r\n b"\r\n', b"group: a@b.c, d@e.f;", b'"quoted, name" <q@r.s>',
    b"In-Reply-To: <00000000000003e9@mail.example.com>\r\n", b"Message-ID: <x@y>\r\n",
]  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14), headed=st.booleans())
def test_no_message_however_odd_breaks_the_mailbox(mail_snapshot, parts, headed):
    data = (FRAGMENTS[0] if headed else b"") + b"".join(parts)
    body = json.dumps({"raw": base64.urlsafe_b64encode(data).decode()}).encode()
    with World.fork(mail_snapshot, [MAIL]) as world:
        base = "/mail/gmail/v1/users/me/messages"
        before = world.state_digest
        reply = asyncio.run(ask(world, "POST", base, body=body))
        assert reply.status in (200, 400), reply.text
        if reply.status == 400:
            assert world.state_digest == before
            return
        made = json.loads(reply.text)
        for format in ("full", "raw", "metadata"):
            assert asyncio.run(ask(world, "GET", f"{base}/{made['id']}?format={format}")).status == 200
        assert asyncio.run(ask(world, "GET", f"/mail/thread/{int(made['threadId'], 16)}")).status == 200


def test_reading_never_changes_the_world(gmail, world):
    before = world.state_digest
    for id in ids_of(gmail, q="is:unread")[:3]:
        gmail.users().messages().get(userId="me", id=id).execute()
    gmail.users().labels().list(userId="me").execute()
    assert world.state_digest == before
