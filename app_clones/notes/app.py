"""The whole notes app."""

from __future__ import annotations

from html import escape
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app_clones.kit.app import App, Operation, Params
from app_clones.kit.asgi import opened
from app_clones.kit.errors import NotFound
from app_clones.kit.schema import Column, Table
from app_clones.kit.world import Call

OWNER = Column("owner_id", "INTEGER", "ref", to="kit_person")
COLUMNS = (Column("id", "INTEGER", "id"), OWNER, Column("text"), Column("made_ms", "INTEGER", "time"))


class Create(Params):
    """``remind_in_minutes``: when a mail with the text shall arrive; 0 for never."""

    text: str = Field(min_length=1, max_length=10_000)
    remind_in_minutes: int = Field(0, ge=0, le=31 * 24 * 60)


class NoteId(Params):
    """Names one note."""

    id: int


def _create(call: Call, params: Create) -> dict[str, Any]:
    id = call.insert("notes_note", owner_id=call.actor, text=params.text, made_ms=call.now_ms)
    if params.remind_in_minutes:
        ((me,),) = call.rows("SELECT email FROM kit_person WHERE id=?", call.actor)
        mail = {"to": me, "sender": me, "subject": "note reminder", "body": params.text}
        call.schedule(params.remind_in_minutes * 60_000, "mail.deliver", **mail)
    return {"id": id}


def _list(call: Call, params: Params) -> list[dict[str, Any]]:
    rows = call.rows("SELECT id,text FROM notes_note WHERE owner_id=? ORDER BY id DESC", call.actor)
    return [{"id": id, "text": text} for id, text in rows]


def _delete(call: Call, params: NoteId) -> dict[str, Any]:
    if not call.delete("notes_note", id=params.id, owner_id=call.actor):
        raise NotFound(f"no note {params.id}")
    return {"id": params.id}


def _lines(notes: list[dict[str, Any]]) -> str:
    return "\n".join([f"{len(notes)} found", *(f"{note['id']} | {note['text']}" for note in notes)])


async def _page(request: Request) -> Response:
    with opened(request) as call:
        items = "".join(f"<li>{escape(note['text'])}</li>" for note in _list(call, Params()))
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notes</title></head>'
    return HTMLResponse(f"{head}<body><main><h1>Notes</h1><ul>{items}</ul></main></body></html>")


NOTES = App(
    name="notes",
    tables=(Table("notes_note", COLUMNS, indexes=(("owner_id", "id"),)),),
    operations=(
        Operation(
            "create", "Writes a note; a reminder arrives as mail.", Create, _create, True, lambda d: f"ok {d['id']}"
        ),
        Operation("list", "Lists all notes, newest first.", Params, _list, False, _lines),
        Operation("delete", "Deletes a note.", NoteId, _delete, True, lambda _: "ok"),
    ),
    routes=lambda: (Route("/", _page),),
)
