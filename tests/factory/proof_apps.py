"""An app with every habit that the proof knows of, declared by hand; and a way to plant faults into an app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response
from starlette.routing import Mount, Router

from app_clones.declared.engine import Declared, declared
from app_clones.declared.model import AppDecl
from app_clones.kit.app import App
from app_clones.kit.asgi import WORLD, Reply, exchange

PARENT = {"place": "path", "role": "row", "entity": "library", "type": "string", "required": True,
          "pattern": "^libraries/[^/]+$", "wire": "parent"}  # fmt: skip
NAME = {"place": "path", "role": "row", "entity": "book", "type": "string", "required": True,
        "pattern": "^libraries/[^/]+/books/[^/]+$", "wire": "name"}  # fmt: skip
BOOK = {"role": "resource", "type": "json", "required": True}
QUERY = {"place": "query"}

SHELF: dict[str, Any] = {
    "app": "shelf",
    "title": "Shelf",
    "api": {
        "base": "v1/",
        "errors": "google",
        "naming": "camel",
        "common": {
            "fields": {**QUERY, "role": "read_mask"},
            "pretty_print": {**QUERY, "role": "inert", "type": "boolean"},
            "callback": {**QUERY, "role": "refused"},
        },
        "long_running": {
            "entity": "operation",
            "pending": {"done": False},
            "finished": {"done": True, "response": "$response"},
            "seconds": 30,
        },
    },
    "entities": {
        "library": {
            "plural": "libraries",
            "key": {"form": "given", "wire": None, "path": "name", "collection": "libraries"},
            "fields": {"display_name": {"required": True, "max": 80}, "city": {}},
        },
        "book": {
            "key": {"form": "given", "wire": None, "path": "name", "collection": "books"},
            "parent": "library",
            "label": "title",
            "etag": "etag",
            "schema_name": "Book",
            "fields": {
                "library": {"type": "ref", "to": "library", "required": True, "wire": "libraryRef"},
                "title": {"required": True, "max": 100, "search": True},
                "notes": {"type": "text", "search": True},
                "genre": {"type": "enum", "values": ["NOVEL", "POETRY", "ESSAY"], "default": "NOVEL"},
                "pages": {"type": "integer", "int64": True, "min": 1},
                "rating": {"type": "number", "min": 0, "max": 5},
                "tags": {"repeated": True, "max": 6},
                "published": {"type": "date"},
                "cover": {"type": "json", "shape": {"$ref": "#/$defs/Cover"}},
                "pin": {"hidden": True},
                "state": {"type": "enum", "values": ["SHELVED", "LENT", "ARCHIVED"], "default": "SHELVED",
                          "readonly": True},
                "lent_time": {"type": "datetime", "readonly": True},
                "update_time": {"type": "datetime", "auto": "updated"},
            },
        },
        "note": {
            "parent": "book",
            "fields": {
                "book": {"type": "ref", "to": "book", "required": True},
                "text": {"type": "text", "required": True},
            },
            "operations": ["list", "create"],
        },
        "operation": {
            "key": {"form": "code", "wire": None, "path": "name", "prefix": "op-"},
            "fields": {
                "done": {"type": "boolean", "default": False},
                "response": {"type": "json", "shape": {"type": "object"}},
            },
        },
    },
    "operations": {
        "libraries_list": {
            "kind": "list", "entity": "library", "http": {"verb": "GET", "path": "libraries"},
            "params": {"page_size": {**QUERY, "role": "page_size", "type": "integer", "min": 0},
                       "page_token": {**QUERY, "role": "page_token"}},
            "result": {"shape": "page", "items": "libraries", "next": "nextPageToken"},
        },
        "books_list": {
            "kind": "list", "entity": "book", "http": {"verb": "GET", "path": "{+parent}/books"},
            "params": {
                "parent": PARENT,
                "page_size": {**QUERY, "role": "page_size", "type": "integer", "min": 0},
                "page_token": {**QUERY, "role": "page_token"},
                "filter": {**QUERY, "role": "expression"},
                "genre": {**QUERY, "role": "filter", "field": "genre", "type": "enum",
                          "values": ["NOVEL", "POETRY", "ESSAY"]},
                "changed_since": {**QUERY, "role": "filter", "field": "update_time", "compare": "ge",
                                  "type": "datetime"},
                "q": {**QUERY, "role": "search"},
                "order_by": {**QUERY, "role": "order_by"},
            },
            "result": {"shape": "page", "items": "books", "next": "nextPageToken", "total": "totalSize",
                       "schema_name": "ListBooks"},
        },
        "books_get": {
            "kind": "get", "entity": "book", "http": {"verb": "GET", "path": "{+name}"}, "params": {"name": NAME},
            "result": {"schema_name": "Book"},
        },
        "books_create": {
            "kind": "create", "entity": "book", "http": {"verb": "POST", "path": "{+parent}/books"},
            "params": {
                "parent": PARENT, "book": BOOK,
                "book_id": {**QUERY, "role": "new_id", "pattern": "^[a-z][a-z0-9-]{3,20}$"},
                "request_id": {**QUERY, "role": "request_id"},
                "validate_only": {**QUERY, "role": "validate_only", "type": "boolean"},
            },
            "result": {"schema_name": "Book"},
        },
        "books_patch": {
            "kind": "update", "entity": "book", "http": {"verb": "PATCH", "path": "{+name}"},
            "params": {
                "name": NAME, "book": BOOK,
                "update_mask": {**QUERY, "role": "mask"},
                "if_match": {"place": "header", "role": "etag", "wire": "If-Match"},
                "allow_missing": {**QUERY, "role": "allow_missing", "type": "boolean"},
            },
            "result": {"schema_name": "Book"},
        },
        "books_replace": {
            "kind": "replace", "entity": "book", "http": {"verb": "PUT", "path": "{+name}"},
            "params": {"name": NAME, "book": BOOK}, "result": {"schema_name": "Book"},
        },
        "books_delete": {
            "kind": "delete", "entity": "book", "http": {"verb": "DELETE", "path": "{+name}"},
            "params": {"name": NAME, "force": {**QUERY, "role": "force", "type": "boolean"}},
            "result": {"shape": "empty"},
        },
        "books_lend": {
            "entity": "book", "http": {"verb": "POST", "path": "{+name}:lend"}, "params": {"name": NAME},
            "when": {"state": ["SHELVED"]}, "set": {"state": "LENT", "lent_time": "$now"},
            "result": {"schema_name": "Book"},
        },
        "books_archive": {
            "entity": "book", "http": {"verb": "POST", "path": "{+name}:archive"}, "params": {"name": NAME},
            "set": {"state": "ARCHIVED"}, "result": {"shape": "operation"},
        },
        "books_praise": {
            "kind": "record", "entity": "book", "http": {"verb": "POST", "path": "{+name}:praise"},
            "params": {"name": NAME, "words": {"required": True}}, "result": {"shape": "empty"},
            "reason": "praise is heard by nobody",
        },
        "books_scan": {
            "kind": "refused", "entity": "book", "http": {"verb": "POST", "path": "{+name}:scan"},
            "params": {"name": NAME}, "result": {"shape": "empty"}, "reason": "there is no scanner",
        },
        "books_count": {
            "kind": "custom", "entity": "book", "writes": False,
            "http": {"verb": "GET", "path": "{+name}:summary"}, "params": {"name": NAME},
            "result": {"shape": "value", "values": {"headline": "$row.title", "where": "$row.library.city"}},
        },
        "operations_get": {
            "kind": "get", "entity": "operation", "http": {"verb": "GET", "path": "{+name}"},
            "params": {"name": {**NAME, "entity": "operation", "pattern": "^operations/[^/]+$"}},
        },
    },
    "schemas": {
        "Cover": {
            "type": "object", "additionalProperties": False,
            "properties": {"color": {"type": "string"}, "width": {"type": "integer", "minimum": 1, "maximum": 900}},
        },
        "Book": {
            "type": "object", "additionalProperties": False, "required": ["name", "title", "state"],
            "properties": {
                "name": {"type": "string"}, "libraryRef": {"type": "string"}, "title": {"type": "string"},
                "notes": {"type": "string"}, "genre": {"enum": ["NOVEL", "POETRY", "ESSAY"]},
                "pages": {"type": "string", "format": "int64"}, "rating": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "published": {"type": "string", "format": "date"},
                "cover": {"$ref": "#/$defs/Cover"}, "state": {"enum": ["SHELVED", "LENT", "ARCHIVED"]},
                "lentTime": {"type": "string", "format": "date-time"},
                "updateTime": {"type": "string", "format": "date-time"}, "etag": {"type": "string"},
            },
        },
        "ListBooks": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "books": {"type": "array", "items": {"$ref": "#/$defs/Book"}},
                "nextPageToken": {"type": "string"}, "totalSize": {"type": "integer"},
            },
        },
    },
}  # fmt: skip


@cache
def shelf() -> AppDecl:
    """The declaration."""
    return AppDecl.model_validate(SHELF)


@cache
def ready_shelf() -> Declared:
    """The app, made ready."""
    return declared(shelf())


@dataclass(frozen=True)
class Asking:
    """A request on its way to the app. Awaited through :meth:`go`, it is answered as the app would."""

    scope: Any
    body: bytes
    inner: Any

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """Below the app's mount."""
        return str(self.scope["path"])

    @property
    def query(self) -> dict[str, str]:
        """By name."""
        return dict(parse_qsl(self.scope["query_string"].decode(), keep_blank_values=True))

    @property
    def world(self) -> Any:
        """The world that is asked."""
        return self.scope[WORLD]

    async def go(self, *, path: str | None = None, query: dict[str, str] | None = None, body: bytes | None = None,
                 headers: Any = None) -> Reply:  # fmt: skip
        """What the app answers, to this request or to another."""
        scope = dict(self.scope)
        if path is not None:
            scope["path"], scope["raw_path"] = path, path.encode()
        if query is not None:
            scope["query_string"] = urlencode(query).encode()
        if headers is not None:
            scope["headers"] = headers
        return await exchange(self.inner, scope, self.body if body is None else body)


Hook = Callable[[Asking], Awaitable[Reply]]


def planted(hook: Hook) -> App:
    """The shelf, with all its requests going through ``hook``."""
    app = ready_shelf().app()
    inner = Router(routes=list(app.routes()))

    async def through(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        reply = await hook(Asking(scope, message.get("body", b""), inner))
        headers = {name.decode(): value.decode() for name, value in reply.raw if name != b"content-length"}
        await Response(reply.body, reply.status, headers)(scope, receive, send)

    return replace(app, routes=lambda: (Mount("/", app=through),))
