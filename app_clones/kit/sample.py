"""A small app that uses every feature of the kit: the kit's own tests run on it, and it shows how one is written.

A board of cards with tags, a search, a named stream, an event that schedules itself, and a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app_clones.kit.app import App, Operation, Options, Params
from app_clones.kit.asgi import json_body, opened
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.protocol import Build, Call
from app_clones.kit.schema import Column, Search, Table

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "juniper", "kelp", "larch")
ID = Column("id", "INTEGER", "id")

TABLES = (
    Table(
        "board_card",
        (
            ID,
            Column("owner_id", "INTEGER", "ref", to="kit_person"),
            Column("parent_id", "INTEGER", "ref", to="board_card", nullable=True),
            Column("title"),
            Column("body"),
            Column("weight", "REAL", nullable=True),
            Column("made_ms", "INTEGER", "time"),
            Column("views", "INTEGER", "log"),
        ),
        indexes=(("owner_id", "id"), ("parent_id",)),
    ),
    Table("board_tag", (ID, Column("name")), unique=(("name",),)),
    Table(
        "board_card_tag",
        (Column("card_id", "INTEGER", "ref", to="board_card"), Column("tag_id", "INTEGER", "ref", to="board_tag")),
        key=("card_id", "tag_id"),
    ),
)


class BoardOptions(Options):
    """``cards`` to begin with, each with a body of ``words`` words."""

    cards: int = Field(20, ge=0)
    words: int = Field(8, ge=1)


class Add(Params):
    """``parent``: the card that this one hangs under, 0 for none."""

    title: str = Field(min_length=1)
    body: str = ""
    parent: int = 0


class CardId(Params):
    """Names one card."""

    id: int


class Tagging(Params):
    """Names a card and a tag; the tag is made if it is new."""

    id: int
    name: str = Field(min_length=1, max_length=40)


class Find(Params):
    """Words that must all occur."""

    text: str


class Remind(Params):
    """``times``: how often the card comes up again, ``minutes`` apart."""

    id: int
    minutes: int = Field(ge=1, le=10_000)
    times: int = Field(1, ge=1, le=20)


def _card(call: Call, id: int) -> tuple[Any, ...]:
    row = call.one("SELECT id,title,body,parent_id FROM board_card WHERE id=? AND owner_id=?", id, call.actor)
    if row is None:
        raise NotFound(f"no card {id}")
    return row


def _make(call: Call, title: str, body: str, parent: int | None, weight: float | None) -> int:
    id = call.insert(
        "board_card",
        owner_id=call.actor,
        parent_id=parent,
        title=title,
        body=body,
        weight=weight,
        made_ms=call.now_ms,
        views=0,
    )
    call.index("board_index", id, title=title, body=body)
    return id


def _add(call: Call, params: Add) -> dict[str, Any]:
    parent = _card(call, params.parent)[0] if params.parent else None
    return {"id": _make(call, params.title, params.body, parent, None)}


def _draw(call: Call, params: Params) -> dict[str, Any]:
    rng = call.random("board.draw")
    title = " ".join(rng.choice(WORDS) for _ in range(3))
    id = call.perform("board_add", title=title, body=rng.choice(WORDS))["id"]
    call.update("board_card", id, weight=rng.randrange(1000) / 8)
    return {"id": id, "title": title}


def _remove(call: Call, params: CardId) -> dict[str, Any]:
    _card(call, params.id)
    call.unindex("board_index", params.id)
    call.delete("board_card_tag", card_id=params.id)
    call.delete("board_card", id=params.id)
    if call.one("SELECT 1 FROM board_card WHERE parent_id=?", params.id):
        raise AppError(f"card {params.id} has others under it")  # late on purpose: all that was done is undone
    return {}


def _tag(call: Call, params: Tagging) -> dict[str, Any]:
    _card(call, params.id)
    found = call.one("SELECT id FROM board_tag WHERE name=?", params.name)
    tag = found[0] if found else call.insert("board_tag", name=params.name)
    call.put("board_card_tag", card_id=params.id, tag_id=tag)
    return {"tag": tag}


def _rename_tag(call: Call, params: Tagging) -> dict[str, Any]:
    call.update("board_tag", params.id, name=params.name)
    return {}


def _find(call: Call, params: Find) -> list[dict[str, Any]]:
    found = call.search("board_index", params.text)[:20]
    return [{"id": id, "title": _card(call, id)[1]} for id in found]


def _remind(call: Call, params: Remind) -> dict[str, Any]:
    _card(call, params.id)
    delay = params.minutes * 60_000
    call.schedule(delay, "board.again", card=params.id, delay_ms=delay, left=params.times - 1)
    return {}


def again(call: Call, payload: Mapping[str, Any]) -> None:
    """Event ``board.again``: the card comes up as a card under it, and is due again while any times are left."""
    title = f"again {_card(call, payload['card'])[1]}"
    call.perform("board_add", title=title[:200], body=str(call.now_ms), parent=payload["card"])
    if payload["left"]:
        call.schedule(payload["delay_ms"], "board.again", **{**payload, "left": payload["left"] - 1})


def populate(build: Build, options: BoardOptions) -> None:
    """Writes the first cards, every third with a tag."""
    tags = [build.insert("board_tag", name=word) for word in WORDS]
    rng = build.random("board.populate")
    for number in range(options.cards):
        body = " ".join(rng.choice(WORDS) for _ in range(options.words))
        id = _make(build, f"{rng.choice(WORDS)} {rng.choice(WORDS)}", body, None, number / 4)
        if number % 3 == 0:
            build.put("board_card_tag", card_id=id, tag_id=rng.choice(tags))


async def _page(request: Request) -> Response:
    with opened(request) as call:
        rows = call.rows("SELECT id,title FROM board_card WHERE owner_id=? ORDER BY id DESC LIMIT 50", call.actor)
    items = "".join(f"<li>{id} {escape(title)}</li>" for id, title in rows)
    return HTMLResponse(f"<!doctype html><title>Board</title><h1>Board</h1><ul>{items}</ul>")


async def _post(request: Request) -> Response:
    body = await json_body(request)
    with opened(request) as call:
        return JSONResponse(call.perform("board_add", **body), status_code=201)


BOARD = App(
    name="board",
    tables=TABLES,
    operations=(
        Operation("add", "Adds a card.", Add, _add, True),
        Operation("draw", "Adds a card drawn by chance.", Params, _draw, True),
        Operation("remove", "Removes a card that has none under it.", CardId, _remove, True),
        Operation("tag", "Tags a card.", Tagging, _tag, True),
        Operation("rename_tag", "Renames a tag.", Tagging, _rename_tag, True),
        Operation("find", "Finds cards by words, newest first.", Find, _find, False),
        Operation("remind", "Makes a card come up again later.", Remind, _remind, True),
    ),
    populate=populate,
    options=BoardOptions,
    search=(Search("board_index", ("title", "body")),),
    events={"board.again": again},
    routes=lambda: (Route("/", _page), Route("/api/cards", _post, methods=["POST"])),
    api=("api/",),
    root="api/",
)
