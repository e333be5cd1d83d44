"""What mail has from its declaration: a document of its API that is true, and that agrees with the original's."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from email.message import EmailMessage

import httpx
import jsonschema_rs
import pytest
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from openapi_spec_validator import OpenAPIV31SpecValidator

from app_clones.kit.asgi import request
from app_clones.kit.serve import serve_world

ME = "/mail/gmail/v1/users/me"


def ask(world, method, path, body=None, **headers):
    data = b"" if body is None else json.dumps(body).encode()
    return asyncio.run(request(world, method, path, body=data, headers=headers))


@pytest.fixture(scope="module")
def original():
    with open(f"{DISCOVERY_DOC_DIR}/gmail.v1.json") as file:
        return json.load(file)


@pytest.fixture
def document(world):
    return json.loads(ask(world, "GET", "/mail/gmail/v1/openapi.json").text)


def methods_of(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)


def test_the_document_of_the_api_is_valid(document):
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_each_path_of_the_document_is_the_originals_with_no_parameter_that_it_has_not(document, original):
    theirs = {(one["flatPath"], one["httpMethod"]): one for one in methods_of(original)}
    common = set(original["parameters"])
    count = 0
    for path, verbs in document["paths"].items():
        for verb, ours in verbs.items():
            method = theirs[f"gmail/v1{path}", verb.upper()]
            told = {one["name"] for one in ours["parameters"]}
            assert told <= set(method["parameters"]) | common, path
            assert ("description" in ours) == bool(method.get("supportsMediaUpload")), path
            assert ("requestBody" in ours) == ("request" in method), path
            count += 1
    assert count == 32


def test_what_the_schemas_of_the_document_tell_is_told_by_the_originals(document, original):
    shared = set(document["components"]["schemas"]) & set(original["schemas"])
    assert {"Message", "MessagePart", "MessagePartBody", "Thread", "Draft", "Label", "Profile"} <= shared
    for name in shared:
        theirs = original["schemas"][name]["properties"]
        for prop, ours in document["components"]["schemas"][name]["properties"].items():
            told = theirs[prop].get("type", "object")
            kind = "object" if "$ref" in ours else "string" if "enum" in ours else ours["type"]
            assert kind == told, (name, prop)


def test_each_answer_meets_the_schema_that_the_document_gives_it(world, document):
    raw = base64.urlsafe_b64encode(f"To: {world.persons()[2].email}\r\nSubject: a\r\n\r\nb".encode()).decode()
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "zoe@far.example", "a"
    mail.add_attachment(b"a,b", maintype="text", subtype="csv", filename="table.csv")
    foreign = base64.urlsafe_b64encode(mail.as_bytes()).decode()
    (id, thread) = world.connection.execute(
        "SELECT id, thread_id FROM mail_message WHERE owner_id=1 ORDER BY id DESC LIMIT 1"
    ).fetchone()
    message, thread = f"{id:016x}", f"{thread:016x}"
    label = json.loads(ask(world, "POST", f"{ME}/labels", {"name": "new"}).text)["id"]
    draft = json.loads(ask(world, "POST", f"{ME}/drafts", {"message": {"raw": raw}}).text)["id"]
    held = json.loads(ask(world, "POST", f"{ME}/messages", {"raw": foreign}).text)["id"]
    change = {"addLabelIds": [label], "removeLabelIds": ["INBOX"]}
    history = world.now_ms + 10**9
    asked = [
        ("GET", "/profile", None), ("GET", f"/history?startHistoryId={history}", None), ("GET", "/labels", None),
        ("POST", "/labels", {"name": "other", "color": {"textColor": "#000000", "backgroundColor": "#ffffff"}}),
        ("GET", f"/labels/{label}", None), ("PUT", f"/labels/{label}", {"name": "put"}),
        ("PATCH", f"/labels/{label}", {"messageListVisibility": "hide"}),
        ("GET", "/messages?maxResults=2", None), ("GET", f"/messages/{message}", None),
        ("GET", f"/messages/{message}?format=raw", None), ("GET", f"/messages/{message}?format=metadata", None),
        ("POST", "/messages/send", {"raw": raw}), ("POST", "/messages", {"raw": foreign}),
        ("POST", "/messages/import?internalDateSource=receivedTime", {"raw": foreign}),
        ("POST", f"/messages/{message}/modify", change), ("POST", f"/messages/{message}/trash", None),
        ("POST", f"/messages/{message}/untrash", None), ("GET", "/threads?maxResults=2", None),
        ("GET", f"/threads/{thread}", None), ("POST", f"/threads/{thread}/modify", change),
        ("POST", f"/threads/{thread}/trash", None), ("POST", f"/threads/{thread}/untrash", None),
        ("GET", "/drafts", None), ("GET", f"/drafts/{draft}", None),
        ("POST", "/drafts", {"message": {"raw": raw}}), ("GET", f"/messages/{held}/attachments/attachment-1", None),
        ("GET", f"/messages/{held}", None),
        ("PUT", f"/drafts/{draft}", {"message": {"raw": raw}}), ("POST", "/drafts/send", {"id": draft}),
    ]  # fmt: skip
    seen = set()
    for method, path, body in asked:
        reply = ask(world, method, ME + path, body)
        assert reply.status == 200, (path, reply.text)
        ours, shape = told(document, method, path)
        whole = {**shape, "components": document["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(json.loads(reply.text))
        seen.add((ours, method))
    every = {(path, verb.upper()) for path, verbs in document["paths"].items() for verb in verbs
             if "200" in verbs[verb]["responses"]}  # fmt: skip
    assert every == seen


def told(document, method, path):
    """The path of the document that ``path`` is, and the schema of its answer."""
    bare = f"/users/me{path.partition('?')[0]}"
    # The literal comes before the placeholder, as in the routes.
    for ours in sorted(document["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", ours), bare) and method.lower() in document["paths"][ours]:
            answers = document["paths"][ours][method.lower()]["responses"]
            return ours, answers["200"]["content"]["application/json"]["schema"]
    raise AssertionError(f"{method} {path} is not in the document")


def test_the_admin_view_shows_mails_tables_and_what_changed(world):
    id = world.call("mail_search", {"label": "inbox"}).result.data["hits"][0]["id"]
    world.call("mail_star", {"id": id})
    with serve_world(world, admin=True) as served, httpx.Client(base_url=served.admin, trust_env=False) as client:
        home = client.get("").text
        for table in ("thread", "message", "attachment", "label", "message_label", "draft"):
            assert f'href="/admin/table/mail_{table}"' in home
        assert "mail_message_label" in client.get("changes").text
        assert client.get(f"table/mail_message/{id}").status_code == 200
