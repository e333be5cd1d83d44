"""The mail pages: in process, and one mail sent through them in a real browser."""

from __future__ import annotations

import asyncio
import json
import re
from importlib.resources import files
from urllib.parse import urlencode

import httplib2
import pytest
from playwright.sync_api import sync_playwright

from app_clones.kit.asgi import request
from app_clones.kit.serve import serve_world

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def get(world, path, actor=1):
    return asyncio.run(request(world, "GET", f"/mail{path}", actor=actor))


def post(world, path, **form):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return asyncio.run(request(world, "POST", f"/mail{path}", headers=headers, body=urlencode(form).encode()))


def one(world, sql, *args):
    return world.connection.execute(sql, args).fetchone()


def name_of(world, id):
    return one(world, "SELECT name FROM kit_person WHERE id = ?", id)[0]


def labels_of(world, thread):
    sql = (
        "SELECT DISTINCT l.name FROM mail_label l JOIN mail_message_label x ON x.label_id = l.id"
        " JOIN mail_message m ON m.id = x.message_id WHERE m.thread_id = ?"
    )
    return {name for (name,) in world.connection.execute(sql, (thread,))}


def a_thread(world):
    """A thread of one mail that lies in the agent's inbox, neither starred nor unread."""
    for (thread,) in world.connection.execute(
        "SELECT thread_id FROM mail_message WHERE owner_id = 1 GROUP BY 1 HAVING count(*) = 1 ORDER BY 1"
    ).fetchall():
        if labels_of(world, thread) == {"INBOX"}:
            return thread
    raise AssertionError("no such thread")


PAGES = (
    "/",
    "/?q=from%3Ame",
    "/?page=2",
    "/folder/sent",
    "/folder/draft",
    "/folder/finance",
    "/folder/trash",
    "/labels",
    "/compose",
    "/compose?forward={mail}",
    "/thread/{thread}",
    "/thread/{thread}?quoted={mail}",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_and_changes_nothing(world, path):
    thread = a_thread(world)
    (mail,) = one(world, "SELECT id FROM mail_message WHERE thread_id = ?", thread)
    before = world.state_digest, world.now_ms
    reply = get(world, path.format(thread=thread, mail=mail))
    assert reply.status == 200
    assert (world.state_digest, world.now_ms) == before
    world.check()


@pytest.mark.parametrize("path", PAGES)
def test_every_form_control_has_a_name(world, path):
    thread = a_thread(world)
    (mail,) = one(world, "SELECT id FROM mail_message WHERE thread_id = ?", thread)
    html = get(world, path.format(thread=thread, mail=mail)).text
    labelled = set(re.findall(r'<label for="([^"]+)"', html))
    for tag, attributes in re.findall(r"<(input|select|textarea)\b([^>]*)>", html):
        if 'type="hidden"' not in attributes:
            id = re.search(r'\bid="([^"]+)"', attributes)
            assert "aria-label=" in attributes or (id and id.group(1) in labelled), (tag, attributes)
    for attributes, text in re.findall(r"<button\b([^>]*)>([^<]*)</button>", html):
        assert "aria-label=" in attributes or re.search(r"[A-Za-z]", text), text


def test_the_inbox_pages_through_every_conversation_once(world):
    seen, page = [], 1
    while True:
        html = get(world, f"/?page={page}").text
        rows = re.findall(r'href="/mail/thread/(\d+)"', html)
        if not rows:
            break
        seen, page = seen + rows, page + 1
    sql = (
        "SELECT count(DISTINCT m.thread_id) FROM mail_message m JOIN mail_message_label x ON x.message_id = m.id"
        " JOIN mail_label l ON l.id = x.label_id WHERE m.owner_id = 1 AND l.name = 'INBOX'"
    )
    assert len(seen) == len(set(seen)) == one(world, sql)[0]


@pytest.mark.parametrize(
    ("action", "there", "gone"),
    [
        ("star", "STARRED", ""),
        ("unread", "UNREAD", ""),
        ("archive", "", "INBOX"),
        ("trash", "TRASH", "INBOX"),
    ],
)
def test_an_action_changes_the_labels_and_says_so(world, action, there, gone):
    thread = a_thread(world)
    reply = post(world, f"/thread/{thread}/{action}", back=f"/mail/thread/{thread}")
    assert reply.status == 303
    found = labels_of(world, thread)
    assert not there or there in found
    assert gone not in found
    page = get(world, reply.headers["location"].removeprefix("/mail"))
    assert 'role="status"' in page.text
    world.check()


def test_a_label_is_created_put_on_renamed_and_deleted(world):
    thread = a_thread(world)
    assert post(world, "/labels", do="create", name="tennis").status == 303
    assert post(world, f"/thread/{thread}/label", label="tennis").status == 303
    assert f"/mail/thread/{thread}" in get(world, "/folder/tennis").text
    assert post(world, "/labels", do="rename", label="tennis", name="sport").status == 303
    assert "sport" in labels_of(world, thread)
    assert post(world, "/labels", do="delete", label="sport").status == 303
    assert labels_of(world, thread) == {"INBOX"}
    assert post(world, "/labels", do="create", name="finance").status == 400
    assert post(world, "/labels", do="delete", label="inbox").status == 400


def test_a_draft_is_saved_edited_and_sent(world):
    ana = name_of(world, 2)
    assert post(world, "/compose", do="save", to=ana, subject="travel plan", body="One.").status == 303
    (draft,) = one(world, "SELECT id FROM mail_draft")
    assert f"compose?draft={draft}" in get(world, "/folder/draft").text
    assert "One." in get(world, f"/compose?draft={draft}").text
    sent = post(world, "/compose", do="send", draft=draft, to=ana, subject="travel plan", body="Two.")
    assert sent.status == 303
    assert one(world, "SELECT count(*) FROM mail_draft") == (0,)
    assert "travel plan" in get(world, "/", actor=2).text
    world.check()


@pytest.mark.parametrize("form", [{"to": "nobody"}, {"to": ""}, {"to": "me@", "do": "burn"}])
def test_a_refused_mail_comes_back_as_it_was_written(world, form):
    before = world.state_digest
    reply = post(world, "/compose", **{"do": "send", "subject": "budget <b>", "body": "Long text.", **form})
    assert reply.status == 400
    assert 'role="alert"' in reply.text
    assert "Long text." in reply.text
    assert "budget &lt;b&gt;" in reply.text
    assert world.state_digest == before


def test_what_is_not_there_is_a_page_that_says_so(world):
    before = world.state_digest
    theirs = one(world, "SELECT thread_id FROM mail_message WHERE owner_id = 2")[0]
    for reply, status in (
        (get(world, f"/thread/{theirs}"), 404),
        (get(world, "/thread/abc"), 404),
        (get(world, "/folder/nothing"), 404),
        (get(world, "/?q=size%3A5"), 400),
        (get(world, "/?page=0"), 404),
        (post(world, f"/thread/{theirs}/star"), 404),
        (post(world, f"/thread/{a_thread(world)}/burn"), 404),
        (post(world, f"/thread/{a_thread(world)}/reply", body=" "), 400),
    ):
        assert reply.status == status
        assert 'role="alert"' in reply.text
        assert world.state_digest == before


def test_a_form_sends_nobody_to_another_site(world):
    for back in ("https://evil.example/", "//evil.example/", "/mail/\\evil", "/other"):
        reply = post(world, f"/thread/{a_thread(world)}/star", back=back)
        assert reply.headers["location"].startswith("/mail/?done=")


def test_the_style_sheet_keeps_to_what_the_page_driver_understands():
    css = files("app_clones.mail").joinpath("templates/mail.css").read_text()
    properties = {name for name, _ in re.findall(r"[;{]\s*([a-z-]+):\s*([^;}]+)", css)}
    assert not properties & {"content", "float", "visibility", "pointer-events"}
    assert {value for name, value in re.findall(r"[;{]\s*([a-z-]+):\s*([^;}]+)", css) if name == "display"} <= {
        "flex",
        "block",
        "inline-block",
    }
    assert "::" not in css
    phone = css[css.index("@media") :]
    assert "display" not in phone


def test_a_mail_written_in_the_browser_arrives(world):
    ana, me = name_of(world, 2), one(world, "SELECT email FROM kit_person WHERE id = 1")[0]
    with serve_world(world) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(java_script_enabled=False)
        page.goto(f"{served.url}/mail/")
        page.get_by_role("link", name="Compose").click()
        page.get_by_label("To").fill(ana)
        page.get_by_label("Subject").fill("budget review")
        page.get_by_label("Message").fill("The door code is 4821.")
        page.get_by_role("button", name="Send", exact=True).click()
        assert page.get_by_role("status").inner_text() == "Message sent."
        page.get_by_role("link", name="Sent", exact=True).click()
        assert page.get_by_text("The door code is 4821.").is_visible()
        browser.close()
        headers = {"authorization": f"Bearer {served.token(2)}"}
        base = f"{served.url}/mail/gmail/v1/users/me/messages"
        http = httplib2.Http()
        listed = json.loads(http.request(f"{base}?q=is:unread+from:{me}&maxResults=1", headers=headers)[1])
        got = json.loads(http.request(f"{base}/{listed['messages'][0]['id']}", headers=headers)[1])
        assert got["snippet"] == "The door code is 4821."
        assert {"INBOX", "UNREAD"} == set(got["labelIds"])
    row = one(world, "SELECT subject, body FROM mail_message WHERE owner_id = 2 ORDER BY id DESC LIMIT 1")
    assert row == ("budget review", "The door code is 4821.")
    world.check()
