"""The vendor's own client, unmodified, drives an app over a real socket: create, get, list, update, delete.

Google's client builds its methods from a discovery document; nothing but the document's root address is changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.model import AppDecl, OperationDecl
from app_clones.kit.serve import Served, serve_world
from app_clones.kit.world import World
from factory.compiler.certificate import Check, Ledger
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_case import same
from factory.compiler.proof_looking import is_of, items_of, shows_rows, unwrapped
from factory.compiler.proof_subject import Stage, Subject
from factory.compiler.proof_wire import placed

Json = Any

_MOST_PAGES = 50
#: What an entity must have for the round to be gone.
_ROUND = (("create",), ("get",), ("list",), ("update", "replace"), ("delete",))


def rounds(decl: AppDecl) -> dict[str, tuple[str, ...]]:
    """The entities whose rows a client can create, get, list, change and delete, with the operations for it."""
    found: dict[str, tuple[str, ...]] = {}
    for entity in decl.entities:
        chosen = [
            next((name for name, op in decl.operations.items() if op.entity == entity and _serves(op, kinds)), None)
            for kinds in _ROUND
        ]
        if None not in chosen:
            found[entity] = tuple(name for name in chosen if name is not None)
    return found


def _serves(operation: OperationDecl, kinds: tuple[str, ...]) -> bool:
    whole = operation.kind != "get" or shows_rows(operation)
    return operation.kind in kinds and bool(operation.origin) and operation.http is not None and whole


def prove_client(subject: Subject, document: Mapping[str, Json]) -> tuple[Check, ...]:
    """Goes the round once for each entity that has all of it; one check an entity. ``document``: as Google wrote it."""
    wanted = rounds(subject.decl)
    if not wanted:
        return ()
    with World(subject.snapshot, subject.registry) as world, serve_world(world) as served:
        service = _service(subject.decl, document, served)
        stage = Stage(subject, world, "", None)
        ledger = Ledger()
        for entity, names in wanted.items():
            _Round(stage, service, _paths(document), entity, names, ledger).go()
        service.close()
    return ledger.checks()


def _service(decl: AppDecl, document: Mapping[str, Json], served: Served) -> Any:
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build_from_document

    root = decl.api.base.removesuffix(document.get("servicePath", ""))
    moved = {**document, "rootUrl": f"{served.url}/{decl.app}/{root}"}
    return build_from_document(moved, credentials=Credentials(token=served.token()))  # type: ignore[no-untyped-call]


class _Round:
    """One row's way through the client's methods."""

    def __init__(
        self,
        stage: Stage,
        service: Any,
        paths: Mapping[str, tuple[str, Mapping[str, str]]],
        entity: str,
        names: tuple[str, ...],
        ledger: Ledger,
    ) -> None:
        self._stage = stage
        self._service = service
        self._paths = paths
        self._entity = entity
        self._create, self._get, self._list, self._update, self._delete = names
        self._ledger = ledger

    def go(self) -> None:
        """All of it; what fails is in the ledger under the entity's name."""
        from googleapiclient.errors import Error

        try:
            self._go()
        except Unaskable as error:
            self._expect(False, f"no request could be made up: {error}")
        except (Error, TypeError, KeyError, ValueError) as error:
            self._expect(False, f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _expect(self, holds: bool, evidence: str) -> bool:
        return self._ledger.expect(self._entity, holds, evidence)

    def _go(self) -> None:
        before = {row["id"] for row in self._stage.rows(self._entity)}
        asked = Asker(self._stage, self._create, "client").good()
        self._call(asked)
        made = [row for row in self._stage.rows(self._entity) if row["id"] not in before]
        if not self._expect(len(made) == 1, f"{self._create} made {len(made)} rows"):
            return
        row = made[0]
        if not (self._shows(row, asked.sent) and self._is_listed(row, True)):
            return
        changed = Asker(self._stage, self._update, "client").good(target=row)
        self._call(changed)
        row = self._stage.row(self._entity, row["id"]) or row
        if not self._shows(row, changed.sent):
            return
        getting = Asker(self._stage, self._get, "client").good(target=row)
        self._call(Asker(self._stage, self._delete, "client").good(target=row))
        self._expect(self._is_gone(getting), f"{self._delete}, and {self._get} still answers")
        self._is_listed(row, False)

    def _shows(self, row: Row, sent: Mapping[str, Json]) -> bool:
        plan = self._stage.subject.plan(self._entity)
        operation = self._stage.subject.decl.operations[self._get]
        told = unwrapped(operation, self._call(Asker(self._stage, self._get, "client").good(target=row)))
        for name, value in sent.items():
            wire = plan.names[name]
            if not plan.decl.fields[name].hidden and not same(told.get(wire), value):
                return self._expect(False, f"{wire}: sent {str(value)[:60]}, read {str(told.get(wire))[:60]}")
        return self._expect(True, "")

    def _is_listed(self, row: Row, wanted: bool) -> bool:
        """Walks through the list by the client's own ``list_next``."""
        subject = self._stage.subject
        operation = subject.decl.operations[self._list]
        asked = Asker(self._stage, self._list, "client").listing(self._entity, row)
        resource, method = self._resource(operation)
        request, pages, there = getattr(resource, method)(**self._arguments(asked)), 0, False
        while request is not None and pages < _MOST_PAGES and not there:
            answer = request.execute()
            there = any(is_of(self._stage, self._entity, row, item) for item in items_of(operation, answer))
            onward = getattr(resource, f"{method}_next", None)
            request, pages = onward(request, answer) if onward else None, pages + 1
        return self._expect(there == wanted, f"{self._list} {'lacks' if wanted else 'still has'} the row")

    def _is_gone(self, asked: Asked) -> bool:
        from googleapiclient.errors import HttpError

        try:
            self._call(asked)
        except HttpError as error:
            return int(error.resp.status) == 404
        return False

    def _call(self, asked: Asked) -> Json:
        operation = self._stage.subject.decl.operations[asked.operation]
        resource, method = self._resource(operation)
        return getattr(resource, method)(**self._arguments(asked)).execute()

    def _resource(self, operation: OperationDecl) -> tuple[Any, str]:
        """``pubsub.projects.topics.create`` as the client has it: ``service.projects().topics()`` and ``create``."""
        from googleapiclient.discovery import fix_method_name

        _, *parts = operation.origin.split(".")
        resource = self._service
        for part in parts[:-1]:
            resource = getattr(resource, fix_method_name(part))()
        return resource, fix_method_name(parts[-1])

    def _arguments(self, asked: Asked) -> dict[str, Json]:
        from googleapiclient.discovery import key2param

        subject = self._stage.subject
        operation = subject.decl.operations[asked.operation]
        found = placed(subject.decl, operation, asked.arguments)
        path = _as_told(*self._paths[operation.origin], operation, found.path)
        named = {key2param(name): value for name, value in {**path, **found.query}.items()}
        return named if found.body is None else {**named, "body": found.body}


def _paths(node: Mapping[str, Json]) -> dict[str, tuple[str, dict[str, str]]]:
    """Method → its path as the document has it, and by parameter the pattern there is."""
    found = {
        method["id"]: (
            method["path"],
            {name: one["pattern"] for name, one in method.get("parameters", {}).items() if "pattern" in one},
        )
        for method in node.get("methods", {}).values()
    }
    for resource in node.get("resources", {}).values():
        found |= _paths(resource)
    return found


def _as_told(
    path: str, patterns: Mapping[str, str], operation: OperationDecl, given: Mapping[str, Json]
) -> dict[str, str]:
    """The parameters of the document's ``path``, read off the address that the app has for the same: words that stand
    in the app's path may be parts of what a parameter of the document's holds."""
    assert operation.http is not None
    texts = {name: str(value) for name, value in given.items()}
    address = operation.http.path
    for name, text in texts.items():
        address = address.replace(f"{{{name}}}", text).replace(f"{{+{name}}}", text)
    parts = re.split(r"\{(\+?)([^}]+)\}", path)
    names = [name for plus, name in zip(parts[1::3], parts[2::3], strict=True) if plus]
    regex = re.escape(parts[0])
    for plus, name, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        pattern = patterns.get(name, ".+").removeprefix("^").removesuffix("$")
        regex += (f"(?P<at{names.index(name)}>{pattern})" if plus else re.escape(texts[name])) + re.escape(after)
    read = re.fullmatch(regex, address)
    if read is None:
        raise ValueError(f"{address} is no address of {path}")
    return {
        **{name: texts[name] for name in parts[2::3] if name in texts},
        **{n: read[f"at{i}"] for i, n in enumerate(names)},
    }
