"""The default pages of declared apps keep to the subset of HTML and CSS in which both drivers see the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import urljoin

import pytest
from playwright.sync_api import sync_playwright

from app_clones.browser.dom import DomBrowser
from app_clones.browser.lint import lint_page, lint_sheet
from app_clones.browser.page import Page
from app_clones.browser.web import WorldSite
from app_clones.declared.engine import declared
from app_clones.declared.pages_inputs import inputs_of, known_rows
from app_clones.declared.pages_plan import is_offered
from app_clones.kit.asgi import request
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from factory.compiler.compile import compile_app
from factory.places import compiled, places
from factory.worlds.episode import LONGEST_OBSERVATION

FORM = {"content-type": "application/x-www-form-urlencoded"}
PAGES = 24
"""Pages read of each app, of as many kinds as there are."""


@pytest.fixture(scope="module")
def apps():
    return [place for place in places(20, tasks=0) if place.name != "mail"]


class Crawl:
    """The pages of one app, two of each kind at most: a page's kind is its status and the classes that it uses."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.left, self.met = [f"/{name}/", f"/{name}/nowhere"], set()
        self.kinds = Counter()
        self.sheets = {}
        self.faults = []

    async def run(self):
        while self.left and sum(self.kinds.values()) < PAGES:
            path = self.left.pop(0)
            if path not in self.met:
                self.met.add(path)
                await self.look(path, await request(self.world, "GET", path))

    async def look(self, path, answer):
        if "text/html" not in answer.headers.get("content-type", ""):
            return
        page = Page(answer.text)
        page.apply(())
        kind = (answer.status, frozenset(element.attrs.get("class", "") for element in page.elements))
        if self.kinds[kind] == 2:
            return
        self.kinds[kind] += 1
        linked = [await self.sheet(urljoin(path, text)) for kind, text in page.sheets if kind == "link"]
        self.faults += [(path, fault) for fault in lint_page(answer.text, tuple(linked))]
        self.left += [
            urljoin(path, one.attrs["href"]) for one in page.elements if one.tag == "a" and "href" in one.attrs
        ]
        for form in page.elements:
            if form.tag == "form" and form.attrs.get("method") == "post":
                to = urljoin(path, form.attrs.get("action", ""))
                await self.look(to, await request(self.world, "POST", to, headers=FORM))

    async def sheet(self, url):
        if url not in self.sheets:
            self.sheets[url] = (await request(self.world, "GET", url)).text
            self.faults += [(url, fault) for fault in lint_sheet(self.sheets[url])]
        return self.sheets[url]


def test_the_pages_of_the_example_and_of_compiled_apps_keep_to_the_subset(apps):
    kinds = Counter()
    for place in apps:
        with World.fork(place.snapshot, place.apps) as world:
            crawl = Crawl(world, place.apps[0].name)
            asyncio.run(crawl.run())
        assert crawl.faults == [], place.name
        assert crawl.sheets
        for (status, _), seen in crawl.kinds.items():
            kinds[status] += seen
    assert len(apps) >= 21
    assert kinds[200] >= 15 * len(apps)
    assert kinds[404] >= len(apps)
    assert kinds[400] + kinds[422] >= len(apps) // 2, "forms with errors"


def test_every_argument_that_an_operation_needs_can_be_given_in_its_form():
    by_itself = {"resource", "etag", "request_id", "mask", "read_mask", "parts", "inert"}
    forms, lacking = 0, []
    for name in ("drive:v3", "youtube:v3", "calendar:v3", "classroom:v1", "bigquery:v2", "compute:v1"):
        decl = declared(compile_app(f"discovery:{name}")).decl
        for operation, one in decl.operations.items():
            if is_offered(one):
                forms += 1
                given = {each.place[0] for each in inputs_of(decl, operation) if each.place} | known_rows(decl, one)
                lacking += [f"{name} {operation}.{argument}" for argument, param in one.params.items()
                            if param.required and argument not in given and param.role not in by_itself]  # fmt: skip
    assert forms > 500
    assert lacking == []


def test_on_a_phone_the_current_section_is_seen_and_at_a_desk_no_column_is_cut(apps):
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        desk = browser.new_page(viewport={"width": 1280, "height": 900})
        phone = browser.new_page(viewport={"width": 390, "height": 844})
        looked = 0
        for place in apps[:8]:
            with World.fork(place.snapshot, place.apps) as world, serve_world(world) as served:
                desk.goto(f"{served.url}/{place.apps[0].name}/")
                lists = [one.get_attribute("href") for one in desk.query_selector_all("nav.side a")]
                for path in lists[1:5]:
                    desk.goto(served.url + path)
                    table = desk.query_selector("main .scroll")
                    cut = table.evaluate("one => one.scrollWidth - one.clientWidth") if table else 0
                    phone.goto(served.url + path)
                    box = phone.query_selector("nav.side [aria-current]").bounding_box()
                    assert cut == 0, path
                    assert box["x"] >= 0, path
                    assert box["x"] + box["width"] <= 390, path
                    looked += 1
        browser.close()
    assert looked >= 8


def test_no_page_is_wider_than_its_window_and_no_tag_than_its_place():
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
    too_wide = """() => document.documentElement.scrollWidth > innerWidth
        || [...document.querySelectorAll('.tag')].some(one => !one.closest('.scroll')
            && one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 1)"""
    looked, wide = 0, []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page()
        for name in ("classroom:v1", "sheets:v4", "bigquery:v2"):
            place = compiled(name, tasks=0)
            with World.fork(place.snapshot, place.apps) as world, serve_world(world) as served:
                for start in place.starts:
                    for path in (start, f"{start}/1", f"{start}/new"):
                        answer = page.goto(served.url + path)
                        if answer is None or answer.status != 200:
                            continue
                        looked += 1
                        for width in (390, 1280):
                            page.set_viewport_size({"width": width, "height": 844})
                            wide += [(path, width)] if page.evaluate(too_wide) else []
        browser.close()
    assert looked >= 60
    assert wide == []


def test_the_linter_sees_a_float_that_is_planted_in_a_default_page(apps):
    place = apps[0]
    with World.fork(place.snapshot, place.apps) as world:
        html = asyncio.run(request(world, "GET", f"/{place.apps[0].name}/")).text
    assert "float" in str(lint_page(html.replace("<h1", '<h1 style="float: left"', 1)))


def test_no_two_controls_of_a_form_have_one_label():
    labels = {}
    for name, operations in (
        ("content:v2.1", ("accounts_labels_create", "ordertrackingsignals_create")),
        ("storage:v1", ("buckets_insert", "objects_insert")),
        ("sqladmin:v1", ("instances_insert",)),
    ):
        decl = declared(compile_app(f"discovery:{name}")).decl
        labels |= {operation: [one.label for one in inputs_of(decl, operation)] for operation in operations}
    for found in labels.values():
        assert len(found) == len({*found})
    assert {"In account", "Account ID"} <= {*labels["accounts_labels_create"]}
    assert {"In project", "Project"} <= {*labels["instances_insert"]}
    assert {"New ID", "ID"} <= {*labels["buckets_insert"]}


async def test_an_agent_is_shown_whole_pages(apps):
    for one in apps:
        with World.fork(one.snapshot, one.apps) as world:
            page = DomBrowser(WorldSite(world))
            for address in one.starts:
                await page.navigate(address)
                assert len(await page.snapshot()) < LONGEST_OBSERVATION, address
