"""Every kind of seeded fault in every view of every kind of app: told in its form, without effect, then over."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest
from google.oauth2.credentials import Credentials

from app_clones.browser.base import Browser, Field
from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.lint import lint_page, lint_sheet
from app_clones.browser.web import WorldSite
from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl, load_declared
from app_clones.kit.asgi import request, token
from app_clones.kit.faults import KINDS, Faults
from app_clones.kit.schema import is_log
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from app_clones.mail import MAIL
from app_clones.notes import NOTES

HERE = Path(__file__).parent
HELPDESK = load_declared(HERE.parents[1] / "specs" / "apps" / "helpdesk").app()
PETS, CLOUD = (declared(load_decl(HERE / "engine" / f"{name}.yaml")).app() for name in ("pets", "cloud"))
APPS = (MAIL, NOTES, HELPDESK, PETS, CLOUD)

#: Virtual ms. A window holds five steps.
STEP_MS, WINDOW_MS = 60_000, 300_000


@cache
def snapshot(*kinds):
    options = {"mail": {"messages": 20}}
    with World.build(APPS, seed=5, start_ms=1_741_000_000_000, step_ms=STEP_MS, persons=4, options=options,
                     faults=Faults(0.5, kinds, WINDOW_MS)) as world:  # fmt: skip
        return world.snapshot()


def fork(*kinds):
    return World.fork(snapshot(*kinds), APPS)


def counted(world):
    """What a verifier looks at."""
    return [change for change in world.net_change() if not is_log(world.registry.schema[change.table]) and
            change.table != "kit_meta"]  # fmt: skip


# ---- over HTTP

FORMS = {
    "plain": ("/helpdesk/api/macros", lambda body: body["error"]["message"]),
    "problem": ("/pets/v2/pets", lambda body: body["detail"]),
    "google": ("/cloud/v1/projects/p1/topics", lambda body: body["error"]["message"]),
    "gmail": ("/mail/gmail/v1/users/me/labels", lambda body: body["error"]["errors"][0]["message"]),
}
STATUS = {"error": 500, "rate_limit": 429, "stale_page": 412, "expired_session": 401}
JSON = {"content-type": "application/json"}


async def faulted(world, method, path, **more):
    """The first failing reply, as the clock goes on window by window."""
    for _ in range(40):
        before = counted(world)
        reply = await request(world, method, path, **more)
        if reply.status >= 400:
            assert counted(world) == before
            return reply
        world.wait(WINDOW_MS)
    raise AssertionError("no fault in forty windows")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["error", "rate_limit", "expired_session"])
async def test_an_api_tells_a_fault_in_its_own_form_and_works_again(kind, form):
    path, message = FORMS[form]
    with fork(kind) as world:
        now = world.now_ms
        reply = await faulted(world, "GET", path)
        assert reply.status == STATUS[kind]
        assert "nothing was read" in message(json.loads(reply.body))
        assert (reply.headers["content-type"] == "application/problem+json") == (form == "problem")
        assert world.now_ms > now
        await dealt_with(world, kind, reply)
        replies = [(await request(world, "GET", path)).status for _ in range(200 if kind == "error" else 1)]
        assert 200 in replies  # how long an outage lasts, nobody is told
        world.check()


async def dealt_with(world, kind, reply):
    """What an API's client does about a fault."""
    assert ("retry-after" in reply.headers) == (kind == "rate_limit")
    if kind == "rate_limit":
        world.wait(1000 * int(reply.headers["retry-after"]))
    if kind == "expired_session":
        assert "invalid_token" in reply.headers["www-authenticate"]
        given = f"grant_type=refresh_token&refresh_token={token(world, 1)}".encode()
        fresh = await request(world, "POST", "/kit/token", body=given)
        assert json.loads(fresh.body) == {"access_token": token(world, 1), "token_type": "Bearer"}


async def test_an_ended_session_answers_401_until_the_token_is_refreshed_and_by_its_own_word_only():
    with fork("expired_session") as world:
        await faulted(world, "GET", "/helpdesk/api/macros")
        assert (await request(world, "GET", "/helpdesk/api/macros")).status == 401
        for body in (b"grant_type=refresh_token&refresh_token=x", b"grant_type=password", b""):
            assert (await request(world, "POST", "/kit/token", body=body)).status == 400
        assert (await request(world, "GET", "/helpdesk/api/macros")).status == 401


async def test_an_api_tells_once_that_what_is_written_was_stale():
    with fork("stale_page") as world:
        body = json.dumps({"name": "Hello", "reply": "Good day"}).encode()
        reply = await request(world, "POST", "/helpdesk/api/macros", headers=JSON, body=body)
        tries = 1
        while reply.status != 412:
            assert (await request(world, "DELETE", f"/helpdesk/api/macros/{json.loads(reply.body)['id']}")).status < 413
            world.wait(WINDOW_MS)
            reply = await request(world, "POST", "/helpdesk/api/macros", headers=JSON, body=body)
            tries += 1
        rows = counted(world)
        assert (await request(world, "POST", "/helpdesk/api/macros", headers=JSON, body=body)).status in (200, 201)
        assert len(counted(world)) == len(rows) + 1


def test_the_google_library_refreshes_its_token_by_itself_and_repeats_the_call():
    from google.auth.transport.requests import AuthorizedSession

    with fork("expired_session") as world, serve_world(world) as served:
        word = served.token()
        credentials = Credentials(word, refresh_token=word, token_uri=f"{served.url}/kit/token", client_id="c",
                                  client_secret="s")  # fmt: skip
        with AuthorizedSession(credentials) as session:
            seen = []
            session.hooks["response"].append(lambda reply, **_: seen.append(reply.status_code))
            for _ in range(40):
                assert session.get(f"{served.url}/mail/gmail/v1/users/me/labels").status_code == 200
                world.wait(WINDOW_MS)
        assert 401 in seen


# ---- in pages

TASKS = {
    "helpdesk": ("/helpdesk/macro/new", {"Name": "Hello {n}", "Reply": "Good day"}, "Create macro", "helpdesk_macro"),
    "notes": ("/notes/note/new", {"Text": "milk {n}"}, "Create note", "notes_note"),
    "mail": ("/mail/compose", {"To": "{me}", "Subject": "milk {n}", "Message": "please"}, "Send", "mail_message"),
}
OFFERS = re.compile(r'- (?:link|button) "(Try again|Reload the page|Sign in)".*\[ref=(\w+)\]')


class Person:
    """Somebody who does one thing over and over in the pages, and deals with what comes up as the pages say."""

    def __init__(self, world: World, browser: Browser) -> None:
        self.world, self.browser = world, browser
        self.met: list[tuple[str, str]] = []  # what was offered against a fault, and on which page
        self.trace: list[tuple[str, str, str, str]] = []

    async def do(self, app: str, n: int) -> None:
        address, texts, button, _ = TASKS[app]
        await self.browser.navigate(address)
        await self.shown()
        for attempt in range(20):
            shown = await self.browser.snapshot()
            me = self.world.persons()[1].email
            refs = {label: re.search(rf'- textbox "{label}.*?\[ref=(\w+)\]', shown)[1] for label in texts}
            await self.browser.fill_form([Field(refs[k], text.format(n=n, me=me)) for k, text in texts.items()])
            self.world.wait(0 if attempt else WINDOW_MS)  # a page that is left open for a while may become stale
            before = counted(self.world)
            shown = await self.browser.snapshot()
            await self.browser.click(re.search(rf'- button "{button}".*?\[ref=(\w+)\]', shown)[1])
            done = counted(self.world) != before
            await self.shown()
            assert ("done=" in self.browser.url) == done
            if done:
                return
        raise AssertionError("no end of it")

    async def shown(self) -> None:
        """Until the page that was asked for is there, or the one where a form lies that was not accepted."""
        for _ in range(20):
            self.world.wait(0)
            shown = await self.browser.snapshot()
            self.trace.append((self.browser.url, self.browser.title, shown, self.world.state_digest))
            found = OFFERS.search(shown)
            if not found:
                return
            assert "- alert" in shown
            self.met.append((found[1], self.browser.url))
            if told := re.search(r"again in (\d+) seconds", shown):
                self.world.wait(1000 * int(told[1]))
            await self.browser.click(found[2])
        raise AssertionError("no end of it")


OFFERED = {"error": "Try again", "rate_limit": "Try again", "stale_page": "Reload the page",
           "expired_session": "Sign in"}  # fmt: skip


@pytest.mark.parametrize("app", TASKS)
@pytest.mark.parametrize("kind", KINDS)
async def test_pages_say_what_to_do_and_what_was_not_done_can_be_done_again(kind, app):
    with fork(kind) as world:
        person = Person(world, DomBrowser(WorldSite(world)))
        for n in range(12):
            await person.do(app, n)
            world.wait(WINDOW_MS)
        assert {offer for offer, _ in person.met} == {OFFERED[kind]}
        made = [one for one in counted(world) if one.table == TASKS[app][3] and one.op == "insert"]
        assert len(made) == 12
        world.check()


async def test_both_drivers_see_the_same_faults_and_leave_the_same_state():
    async def session(browser, world):
        person = Person(world, browser)
        for n, app in enumerate(list(TASKS) * 5):
            await person.do(app, n)
        return person

    kinds = tuple(KINDS)
    with fork(*kinds) as world, fork(*kinds) as other:
        mine = await session(DomBrowser(WorldSite(world)), world)
        async with chromium() as process:
            theirs = await session(await process.open(WorldSite(other)), other)
        assert mine.trace == theirs.trace
        assert len({offer for offer, _ in mine.met}) >= 2
        assert world.state_digest == other.state_digest


async def test_the_sign_in_page_keeps_to_the_subset_and_leads_nowhere_else():
    with fork("expired_session") as world:
        sheet = (await request(world, "GET", "/kit/sign-in.css")).text
        page = await request(world, "GET", "/kit/sign-in?back=//evil.example/")
        assert lint_sheet(sheet) == [] == lint_page(page.text, (sheet,))
        for back, to in (("//evil.example/", "/"), ("/\\evil.example", "/"), ("/notes/?_done=x", "/notes/?_done=x")):
            form = urlencode({"back": back}).encode()
            assert (await request(world, "POST", "/kit/sign-in", body=form)).headers["location"] == to


async def test_who_sends_a_form_again_though_only_its_answer_failed_has_done_it_twice():
    """An effect may come before the failure of the page that would show it; the error page says that it was done."""
    address, _, _, table = TASKS["helpdesk"]
    with fork("error") as world:
        for n in range(80):
            form = urlencode({"name": f"Hello {n}", "reply": "Good day"}).encode()
            sent = await request(world, "POST", address, body=form)
            if sent.status == 303:
                shown = await request(world, "GET", sent.headers["location"])
                if shown.status == 500:
                    break
        else:
            raise AssertionError("no page failed after its form")
        assert "Macro created" in shown.text
        assert "nothing was read" in shown.text
        made = sum(one.table == table for one in counted(world))
        for _ in range(40):
            if (await request(world, "POST", address, body=form.replace(b"Hello", b"Again"))).status == 303:
                break
        assert sum(one.table == table for one in counted(world)) == made + 1
