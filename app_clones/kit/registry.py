"""A set of apps, checked once and made ready: what every fork of every world of these apps shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import apsw

from app_clones.kit import db as sqlite
from app_clones.kit import digest
from app_clones.kit.app import App, Operation, Parameters, Params
from app_clones.kit.builtin import BUILTIN
from app_clones.kit.errors import AppError, SchemaRuleError
from app_clones.kit.events import check_emissions
from app_clones.kit.faults import SEEN_TABLE
from app_clones.kit.faults import TABLE as FAULT_TABLE
from app_clones.kit.schema import (
    Column,
    Search,
    Table,
    check_name,
    check_refs,
    check_search,
    check_table,
    columns_sql,
    ddl,
    require,
    search_ddl,
    shadows,
)

#: Names that no app may have, beside those of the built-in apps: mounts and tables of the kit's own, the admin view's
#: mount, SQLite's tables, and what lies beside the apps' packages.
RESERVED = frozenset({"admin", "browser", "declared", "kit", "sqlite"})
TAKEN = RESERVED | {app.name for app in BUILTIN}

#: The kit's own rows. Counters and streams are logs: that something was made and removed again is no change.
KIT_TABLES = (
    Table(
        "kit_meta",
        (
            Column("id", "INTEGER", "id"),
            Column("seed"),
            Column("start_ms", "INTEGER", "time"),
            Column("step_ms", "INTEGER"),
            Column("now_ms", "INTEGER", "time"),
        ),
    ),
    Table("kit_counter", (Column("name", kind="log"), Column("next", "INTEGER", "log")), key=("name",)),
    Table("kit_stream", (Column("name", kind="log"), Column("draws", "INTEGER", "log")), key=("name",)),
    Table("kit_person", (Column("id", "INTEGER", "id"), Column("name"), Column("email")), unique=(("email",),)),
    Table(
        "kit_event",
        (
            Column("id", "INTEGER", "id"),
            Column("due_ms", "INTEGER", "time"),
            Column("event"),
            Column("actor", "INTEGER", "ref", to="kit_person"),
            Column("payload"),
        ),
        indexes=(("due_ms", "id"),),
    ),
    FAULT_TABLE,
    SEEN_TABLE,
)

#: The snapshot's own digest, beside the state and never part of it, so that a fork need not compute it.
SEAL = "CREATE TABLE kit_seal(id INTEGER PRIMARY KEY NOT NULL,digest TEXT NOT NULL,tables TEXT NOT NULL)STRICT"

Handler = Callable[[Any, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table, with the statements that every write to it uses."""

    table: Table
    noun: str
    names: tuple[str, ...]
    required: frozenset[str]
    insert: str
    updates: dict[tuple[str, ...], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """Checked apps. ``operations`` by tool name; ``tables`` and ``layouts`` hold all that is digested."""

    apps: tuple[App, ...]
    tables: Mapping[str, TableInfo]
    layouts: Mapping[str, digest.Layout]
    searches: Mapping[str, Search]
    operations: Mapping[str, tuple[App, Operation]]
    events: Mapping[str, Handler]
    statements: tuple[str, ...]
    schema: Mapping[str, Table]
    recorded: frozenset[str]  # the tables that a step's changeset may hold
    fingerprint: str  # of all statements: a snapshot is forked only with the tables that it was built with
    readable: dict[str, bool] = field(default_factory=dict)  # SQL already seen to be a plain read: has it an order?


def register(apps: Sequence[App]) -> Registry:
    """Checks ``apps`` (the built-in ones come by themselves) and makes them ready; the same apps give the same object.

    Raises :class:`~app_clones.kit.errors.SchemaRuleError` naming the first rule that is broken.
    """
    return _register(tuple(app for app in apps if app not in BUILTIN))


@lru_cache(maxsize=64)
def _register(chosen: tuple[App, ...]) -> Registry:
    apps = (*BUILTIN, *chosen)
    _check_apps(apps)
    tables = {table.name: table for table in (*KIT_TABLES, *(table for app in apps for table in app.tables))}
    searches = {search.name: search for app in apps for search in app.search}
    check_refs(tables)
    for search in searches.values():
        check_search(search, tables)
    statements = [line for table in tables.values() for line in ddl(table)]
    statements += [search_ddl(search) for search in searches.values()]
    _try_out(statements)
    return Registry(
        apps=apps,
        tables={name: _info(table) for name, table in tables.items()},
        layouts={name: digest.layout(table) for name, table in tables.items()},
        searches=searches,
        operations={f"{app.name}_{op.name}": (app, op) for app in apps for op in app.operations},
        events={name: handler for app in apps for name, handler in app.events.items()},
        statements=(*statements, SEAL),
        schema=tables,
        recorded=frozenset(tables) | {shadow for search in searches.values() for shadow in shadows(search)},
        fingerprint=sha256("\n".join(statements).encode()).hexdigest(),
    )


def _check_apps(apps: Sequence[App]) -> None:
    names = [app.name for app in apps]
    require(len(set(names)) == len(names), f"two apps of one name among {names}")
    for table in KIT_TABLES:
        check_table(table)
    for app in apps:
        check_name(app.name, "app")
        require(app.name not in RESERVED and "_" not in app.name, f"app {app.name!r}: this name is not free")
        for table in app.tables:
            require(table.name.startswith(f"{app.name}_"), f"{table.name}: a table of {app.name} starts with its name")
            check_table(table)
        for search in app.search:
            require(search.name.startswith(f"{app.name}_"), f"{search.name}: a search of {app.name} starts so too")
        for event in app.events:
            require(event.startswith(f"{app.name}."), f"{event}: an event of {app.name} starts with {app.name}.")
        _check_unique([*(t.name for t in app.tables), *(s.name for s in app.search)], f"{app.name}: table or search")
        _check_unique([operation.name for operation in app.operations], f"{app.name}: operation")
        for operation in app.operations:
            check_name(operation.name, f"{app.name}: operation")
            at = f"{app.name}_{operation.name}"
            require(_is_strict(operation.params), f"{at}: its parameters are not a Params, so unknown ones would pass")
    check_emissions(apps)


def _is_strict(params: type[Params] | Parameters) -> bool:
    if isinstance(params, type):
        return issubclass(params, Params)
    try:
        params.model_validate({"no such argument": None})
    except AppError:
        return True
    return False


def _try_out(statements: Sequence[str]) -> None:
    """SQLite has the last word: on its own keywords, on two indexes of one name."""
    db = sqlite.create()
    try:
        for statement in statements:
            db.execute(statement)
    except apsw.Error as error:
        raise SchemaRuleError(f"{error}: {statement[:200]}") from error
    finally:
        db.close()


def _check_unique(names: Sequence[str], what: str) -> None:
    for name in names:
        require(names.count(name) == 1, f"{what} {name!r} is declared twice")


def _info(table: Table) -> TableInfo:
    names = tuple(column.name for column in table.columns)
    return TableInfo(
        table=table,
        noun=table.name.partition("_")[2].replace("_", " "),
        names=names,
        required=frozenset(c.name for c in table.columns if not c.nullable and c.kind != "id"),
        insert=f"INSERT INTO {table.name}({columns_sql(names)}) VALUES({','.join('?' * len(names))})",
    )
