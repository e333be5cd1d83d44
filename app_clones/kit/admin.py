"""The admin view of a world, for people: tables, rows, the clock, pending events, the net change since the fork.

Read-only, served under ``/admin/`` by ``serve_world(..., admin=True)`` alone: no agent's request gets here in process,
since :func:`~app_clones.kit.asgi.world_app` does not mount it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from app_clones.kit import forms
from app_clones.kit.asgi import WORLD
from app_clones.kit.builtin import iso
from app_clones.kit.change import RowChange
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.protocol import Call, Value
from app_clones.kit.schema import Column, Table, columns_sql, key_of, quoted
from app_clones.kit.world import World

#: Where the view is mounted.
ROOT = "/admin"
ROWS_A_PAGE = 50
#: Characters of a value that a table shows; a row's own page shows it whole.
SHOWN = 120


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as people read it. ``href``: the row that it refers to; ``was``: what it was, where it changed."""

    text: str
    href: str = ""
    null: bool = False
    number: bool = False
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row. ``op``: what became of it since the fork (``insert``, ``update``, ``delete``), or nothing."""

    key: str
    href: str
    op: str
    cells: tuple[Cell, ...]


def admin_app() -> ASGIApp:
    """The ASGI app that shows the world in its scope; every method but GET and HEAD is refused."""
    routes = [
        Route("/", _page(_overview)),
        Route("/state.json", _state),
        Route("/changes", _page(_changes)),
        Route("/table/{name}", _page(_table)),
        Route("/table/{name}/{id:int}", _page(_row)),
        Route("/admin.css", _style),
    ]
    return Starlette(routes=[Mount(ROOT, routes=routes)])


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = PackageLoader("app_clones.kit")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _page(show: Callable[[World, Call, Request], tuple[str, Mapping[str, Any]]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        world: World = request.scope[WORLD]
        template, status = "admin_problem.html", 200
        with world.transaction(readonly=True) as call:
            try:
                template, values = show(world, call, request)
            except AppError as error:
                status, values = error.status, {"message": error.message}
            frame = {"root": ROOT, "now": iso(call.now_ms), "steps": len(world.steps()), "digest": world.state_digest}
            text = _templates().get_template(template).render(**frame, **values)
        return forms.html(text, status)

    return endpoint


async def _state(request: Request) -> Response:
    world: World = request.scope[WORLD]
    return JSONResponse({"state_digest": world.state_digest, "now_ms": world.now_ms, "steps": len(world.steps())})


async def _style(request: Request) -> Response:
    return forms.style_sheet(files("app_clones.kit").joinpath("templates/admin.css").read_text())


def _overview(world: World, call: Call, request: Request) -> tuple[str, Mapping[str, Any]]:
    changed = Counter(change.table for change in world.net_change())
    tables = []
    for name in world.registry.schema:
        ((count,),) = call.rows(f"SELECT count(*) FROM {name}")
        tables.append({"name": name, "app": name.partition("_")[0], "rows": count, "changed": changed[name]})
    events = call.rows("SELECT id,due_ms,event,actor,payload FROM kit_event ORDER BY due_ms,id LIMIT 200")
    ((start, step),) = call.rows("SELECT start_ms,step_ms FROM kit_meta WHERE id=1")
    clock = {"Now": iso(call.now_ms), "Began": iso(start), "A step takes": f"{step} ms",
             "Steps since the fork": len(world.steps()), "State": world.state_digest}  # fmt: skip
    waiting = [{"id": id, "due": iso(due), "in": _span(due - call.now_ms), "event": event, "actor": actor,
                "payload": payload} for id, due, event, actor, payload in events]  # fmt: skip
    return "admin_home.html", {"tables": tables, "events": waiting, "clock": clock, "changed": sum(changed.values())}


def _table(world: World, call: Call, request: Request) -> tuple[str, Mapping[str, Any]]:
    table = _found(world, request)
    page = request.query_params.get("page", "1")
    number = int(page) if page.isdecimal() and len(page) < 10 else 1
    ((total,),) = call.rows(f"SELECT count(*) FROM {table.name}")
    last = max(1, -(-total // ROWS_A_PAGE))
    number = min(max(1, number), last)
    names = columns_sql(column.name for column in table.columns)
    sql = f"SELECT {names} FROM {table.name} ORDER BY {columns_sql(key_of(table))} LIMIT ? OFFSET ?"
    changes = {_key(table, change.key): change for change in world.net_change() if change.table == table.name}
    rows = call.rows(sql, ROWS_A_PAGE, (number - 1) * ROWS_A_PAGE)
    lines = [_line(table, dict(zip((c.name for c in table.columns), row, strict=True)), changes) for row in rows]
    gone = [_line(table, change.old, changes) for change in changes.values() if change.op == "delete"]
    return "admin_table.html", {"table": table, "lines": lines, "gone": gone if number == last else [],
                                "total": total, "page": number, "last": last}  # fmt: skip


def _row(world: World, call: Call, request: Request) -> tuple[str, Mapping[str, Any]]:
    table, id = _found(world, request), request.path_params["id"]
    names = [column.name for column in table.columns]
    if table.key:
        raise NotFound(f"The rows of {table.name} have no id.")
    row = call.one(f"SELECT {columns_sql(names)} FROM {table.name} WHERE id=?", id)
    change = next((c for c in world.net_change() if c.table == table.name and c.key == {"id": id}), None)
    if row is None and change is None:
        raise NotFound(f"{table.name} has no row {id}.")
    values: Mapping[str, Value] = dict(zip(names, row, strict=True)) if row else change.old  # type: ignore[union-attr]
    cells = [(c.name, c.kind, _cell(c, values[c.name], change, whole=True)) for c in table.columns]
    return "admin_row.html", {"table": table, "id": id, "cells": cells, "op": change.op if change else "",
                              "referring": _referring(world, call, table.name, id)}  # fmt: skip


def _changes(world: World, call: Call, request: Request) -> tuple[str, Mapping[str, Any]]:
    shown = []
    for change in world.net_change():
        table = world.registry.schema[change.table]
        cells = [(c.name, _cell(c, (change.new or change.old).get(c.name), change)) for c in table.columns
                 if c.name in (change.new or change.old)]  # fmt: skip
        shown.append({"table": change.table, "op": change.op, "key": _key(table, change.key), "cells": cells,
                      "href": _address(table, change.key)})  # fmt: skip
    return "admin_changes.html", {"changes": shown}


def _referring(world: World, call: Call, name: str, id: int) -> list[tuple[str, str, int]]:
    """Table, column and number of the rows that refer to this one."""
    found = []
    for table in world.registry.schema.values():
        for column in table.columns:
            if column.to == name:
                ((count,),) = call.rows(f"SELECT count(*) FROM {table.name} WHERE {quoted(column.name)}=?", id)
                if count:
                    found.append((table.name, column.name, count))
    return found


def _found(world: World, request: Request) -> Table:
    name = request.path_params["name"]
    table = world.registry.schema.get(name)
    if table is None:
        raise NotFound(f"This world has no table {name[:60]!r}.")
    return table


def _line(table: Table, row: Mapping[str, Value], changes: Mapping[str, RowChange]) -> Line:
    key = _key(table, row)
    change = changes.get(key)
    cells = tuple(_cell(column, row[column.name], change) for column in table.columns)
    return Line(key, _address(table, row), change.op if change else "", cells)


def _key(table: Table, row: Mapping[str, Value]) -> str:
    return " · ".join(_plain(row[name]) for name in key_of(table))


def _address(table: Table, row: Mapping[str, Value]) -> str:
    return "" if table.key else f"{ROOT}/table/{table.name}/{_plain(row['id'])}"


def _cell(column: Column, value: Value, change: RowChange | None, *, whole: bool = False) -> Cell:
    updated = change is not None and change.op == "update" and column.name in change.new
    was = _text(column, change.old[column.name], whole) if updated and change else None
    href = f"{ROOT}/table/{column.to}/{_plain(value)}" if column.to and value is not None else ""
    return Cell(_text(column, value, whole), href, value is None, isinstance(value, int | float), was)


def _text(column: Column, value: Value, whole: bool) -> str:
    if column.kind == "time" and isinstance(value, int):
        return f"{iso(value)} ({value})" if whole else iso(value)
    text = _plain(value)
    return text if whole or len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _plain(value: Value) -> str:
    return "null" if value is None else f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def _span(ms: int) -> str:
    """A span of virtual time, in its two largest units."""
    seconds, words = max(0, ms) // 1000, []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "now"
