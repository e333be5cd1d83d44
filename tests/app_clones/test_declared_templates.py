"""Templates of an app's own, in files beside it: shown by both drivers, kept with the declaration, checked at load."""

from __future__ import annotations

import pytest

from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.web import WorldSite
from app_clones.declared.load import from_json, load_app, load_declared, to_json
from app_clones.kit.located import FileError
from app_clones.kit.world import World
from factory.apps import files_of, find_app

MEMO = """\
app: memo
title: Memos
entities:
  memo:
    fields:
      text: {required: true, search: true, seed: place}
      state: {type: enum, values: [new, done], default: new}
    operations: [list, get, create, update, delete]
    rows: 4
  folder:
    fields: {name: {required: true, search: true, seed: company}}
    operations: [list, get, create, update, delete]
    rows: 2
"""
TEMPLATES = {
    "dashboard.html": """\
{% extends "dashboard.html" %}
{% block head %}<h1>Good morning, {{ me }}</h1>{% endblock %}
""",
    "search.html": """\
{% extends "search.html" %}
{% block groups %}<p>{{ total }} memos and folders hold “{{ q }}”</p>{{ super() }}{% endblock %}
""",
    "list.html": """\
{% extends "list.html" %}
{% block filters %}<p>All our {{ shelf.nouns }}</p>{% endblock %}
""",
    "_badge.html": '<p class="tag">State: {{ row.state }}</p>',
    "memo/list.html": """\
{% extends "app/list.html" %}
{% block rows %}<ul aria-label="Memos">{% for row in rows %}<li>Memo</li>{% endfor %}</ul>{% endblock %}
""",
    "memo/detail.html": """\
{% extends "detail.html" %}
{% block facts %}{% include "app/_badge.html" %}{{ super() }}{% endblock %}
""",
    "memo/form.html": """\
{% extends "form.html" %}
{% block fields %}<h2>Write it down</h2>{{ super() }}{% endblock %}
""",
}
SEEN = {
    "/memo/": "Good morning, ",
    "/memo/search?q=e": "memos and folders hold “e”",
    "/memo/folder": "All our folders",
    "/memo/memo": "]: Memo",
    "/memo/memo/1": "State: ",
    "/memo/memo/new": "Write it down",
    "/memo/memo/1/edit": "Write it down",
}


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "memo", TEMPLATES)


def written(folder, templates, decl=MEMO):
    for name, text in templates.items():
        (folder / "templates" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "templates" / name).write_text(text)
    (folder / "app.yaml").write_text(decl)
    return folder


def built(app):
    return World.build([app], seed=1, start_ms=1_741_000_000_000, step_ms=1000, persons=3)


async def test_each_kind_of_page_has_the_apps_own_look_and_both_drivers_see_the_same(folder):
    async with chromium() as browser:
        with built(load_app(folder)) as one, built(load_app(folder)) as other:
            dom, real = DomBrowser(WorldSite(one, 1)), await browser.open(WorldSite(other, 1))
            for path, words in SEEN.items():
                texts = []
                for driver in (dom, real):
                    await driver.navigate(path)
                    texts.append(await driver.snapshot())
                assert words in texts[0], path
                assert texts[0] == texts[1], path


def test_they_are_kept_with_the_declaration_and_its_digest_tells_a_change(folder, monkeypatch):
    kept = to_json(load_declared(folder).decl)
    assert from_json(kept).decl.templates == TEMPLATES
    assert set(files_of("memo", folder.parent)) == {"memo/app.yaml", *(f"memo/templates/{name}" for name in TEMPLATES)}
    written(folder, {"_badge.html": "<p>It is {{ row.state }}</p>"})
    assert find_app("memo", "memo", folder.parent).kept["app.json"] != kept


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("dashbord.html", "x", "no page dashbord; there are list"),
        ("note/list.html", "x", "no entity note"),
        ("memo/search.html", "x", "no page search"),
        ("list.htm", "x", "is called PAGE.html"),
        ("list.html", "{% if %}", "line 1 of the template"),
        ("list.html", '{% extends "list.html" %}\n{% block rows %}\n{{ shelf.nothing.more }}{% endblock %}', "line 3"),
        ("memo/form.html", '{% extends "form.html" %}{% block fields %}{{ 1 // 0 }}{% endblock %}', "line 1"),
        ("memo/detail.html", "{{ ''.__class__.__mro__ }}", "unsafe"),
        ("dashboard.html", '{% extends "dashboard.html" %}{% block head %}<p style="float: left">x</p>{% endblock %}',
         "float"),
        ("search.html", '{% extends "serch.html" %}', "serch.html"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_told_by_file_as_the_app_loads(tmp_path, name, text, said):
    with pytest.raises(FileError) as told:
        load_declared(written(tmp_path / "memo", {name: text}))
    assert f"templates/{name}" in str(told.value)
    assert said in str(told.value)


def test_a_template_stands_in_one_place(tmp_path):
    inline = MEMO + "pages: {memo: {template: '{{ heading }}'}}\n"
    with pytest.raises(FileError, match=r"memo/detail.html, too"):
        load_declared(written(tmp_path / "one", {"memo/detail.html": "x"}, inline))
    inline = MEMO + "templates: {list.html: '{{ heading }}'}\n"
    with pytest.raises(FileError, match="it is a file in templates, too"):
        load_declared(written(tmp_path / "two", {"list.html": "x"}, inline))
