"""The admin view of state: what it shows people, and that nobody else gets at it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import httpx
import pytest

from app_clones.kit.app import App
from app_clones.kit.asgi import request
from app_clones.kit.errors import SchemaRuleError
from app_clones.kit.registry import register
from app_clones.kit.sample import BOARD
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World


@pytest.fixture
def world():
    with World.build([BOARD], seed=5, start_ms=1_741_000_000_000, step_ms=1000, persons=3) as built:
        snapshot = built.snapshot()
    with World.fork(snapshot, [BOARD]) as fork:
        fork.call("board_add", {"title": "<b>new</b>"})
        fork.call("board_remind", {"id": 2, "minutes": 90})
        fork.call("board_rename_tag", {"id": 1, "name": "renamed"})
        fork.call("board_remove", {"id": 1})
        yield fork


@pytest.fixture
def client(world):
    with serve_world(world, admin=True) as served, httpx.Client(base_url=served.admin, trust_env=False) as client:
        yield client


def test_it_shows_tables_the_clock_and_what_is_due(client, world):
    page = client.get("").text
    for table in world.registry.schema:
        assert f'href="/admin/table/{table}"' in page
    assert "2025-03-03T11:06:44Z" in page
    assert "board.again" in page
    assert world.state_digest in page


def test_it_shows_the_net_change_with_what_was_before(client):
    page = client.get("changes").text
    assert "<del>" in page
    assert "renamed" in page
    assert "&lt;b&gt;new&lt;/b&gt;" in page
    assert "<b>new" not in page
    marks = re.findall(r'class="mark (\w+)"', page)
    assert {"insert", "update", "delete"} == set(marks)


def test_a_table_shows_each_row_and_marks_those_that_changed(client, world):
    page = client.get("table/board_card").text
    links = re.findall(r'<td class="number"><a href="/admin/table/board_card/(\d+)">\d+</a>', page)
    ids = [str(id) for (id,) in world.connection.execute("SELECT id FROM board_card ORDER BY id")]
    assert links == [*ids, "1"]  # the one that was deleted is shown last
    assert "<del>" in client.get("table/board_tag/1").text
    assert "board_card.owner_id" in client.get("table/kit_person/1").text


@pytest.mark.parametrize("path", ["table/nothing", "table/board_card/999", "table/board_card_tag/1", "nowhere"])
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_looking_changes_nothing_and_writing_is_refused(client, world):
    before = world.state_digest, world.now_ms
    for path in ("", "changes", "table/board_card", "table/board_card/2"):
        assert client.get(path).status_code == 200
        assert client.post(path).status_code == 405
    assert client.get("admin.css").headers["cache-control"] == "max-age=3600"
    assert (world.state_digest, world.now_ms) == before
    world.check()


def test_no_agent_gets_there_in_process_nor_where_it_was_not_asked_for(world):
    assert asyncio.run(request(world, "GET", "/admin/")).status == 404
    with serve_world(world) as served:
        assert served.admin == ""
        assert "admin" not in served.describe()
        assert httpx.get(f"{served.url}/admin/", trust_env=False).status_code == 404


@pytest.mark.parametrize("name", ["admin", "kit", "sqlite"])
def test_no_app_takes_a_place_of_the_kits_own(name):
    with pytest.raises(SchemaRuleError, match=f"app '{name}': this name is not free"):
        register([App(name=name, tables=(), operations=())])


def test_a_world_that_cannot_be_served_ends_the_command_with_one_line(tmp_path):
    (tmp_path / "apps.json").write_text("[]")
    (tmp_path / "world.sqlite").write_bytes(b"no world")
    command = [sys.executable, "-m", "app_clones.served", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
