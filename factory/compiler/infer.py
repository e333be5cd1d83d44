"""From what an API's description says to a whole app, whichever format the description came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app_clones.declared.model import Api, AppDecl, FieldDecl, LongRunning, OperationDecl, Source
from factory.compiler import infer_params
from factory.compiler.api import ApiDoc
from factory.compiler.infer_entities import SCOPE, entities
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import app_name, free, short, snake
from factory.compiler.infer_operations import operation
from factory.compiler.infer_paths import Place, places, words
from factory.compiler.infer_resources import OPERATION, resources
from factory.compiler.infer_rest import infer_rest
from factory.compiler.infer_schemas import Shapes

Json = Any

_SKIPPED = {"projects", "locations", "organizations", "folders"}
_OPERATION_NAME = 39
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Inferred:
    """An app and what is to be known of how it came about: ``notes``, one line each; ``about``: by the id of each
    method the word of what it acts on, as paths have it (``instances``), "-" where that is nothing."""

    decl: AppDecl
    notes: tuple[str, ...]
    about: Mapping[str, str]


def infer(doc: ApiDoc) -> Inferred:
    """The app that ``doc`` describes. Pure: the same document gives the same app, to the letter."""
    if doc.style == "rest":
        return Inferred(*infer_rest(doc))
    shapes = Shapes(doc)
    found = places(doc, shapes)
    model = Model(doc, shapes, found, resources(doc, found, shapes))
    entities(model)
    operations: dict[str, OperationDecl] = {}
    seen: set[tuple[object, ...]] = set()
    about: dict[str, str] = {}
    notes = list(doc.notes)
    for at, method in enumerate(doc.methods):
        route = (method.verb, method.flat, tuple(p.pattern for p in method.parameters if p.place == "path"))
        if route in seen:
            notes.append(f"{method.id}: reached just as another method is, which answers for both")
            continue
        seen.add(route)
        made = operation(model, at)
        operations[free(_name(method.id, method.verb), operations)] = made
        about[method.id] = _word(model, made, found[at])
    common = infer_params.common(doc.common, model)
    decl = AppDecl(
        app=app_name(doc.name, doc.version),
        title=doc.title,
        about=doc.about,
        version=doc.version,
        source=Source(kind=doc.kind, name=doc.name, version=doc.version, sha256=doc.sha256),
        api=Api(
            base=f"api/{doc.base.strip('/')}/" if doc.base.strip("/") else "api/",
            errors="google" if doc.style == "google" else "plain",
            naming="camel" if doc.style == "google" else "snake",
            page_size=20,
            page_max=1000,
            common=common,
            long_running=_long_running(model),
        ),
        entities=model.entities,
        operations=operations,
        schemas={name: dict(schema) for name, schema in doc.schemas.items()},
    )
    kinds = Counter(made.kind for made in operations.values())
    notes.append(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    return Inferred(decl, tuple(notes), about)


def _word(model: Model, made: OperationDecl, place: Place) -> str:
    """The word of what an operation acts on: its entity's, or else that of where the path leads."""
    keys = [key for key, resource in sorted(model.resources.by_key.items()) if resource.entity == made.entity]
    key = place.key if place.key in keys or not keys else keys[0]
    return words(key[-1]) if key else "-"


def _name(id: str, verb: str) -> str:
    """An operation's name: the method's own without the API's, and without words that every method of it has."""
    _, *parts = id.split(".") if "." in id else ("", id)
    while len(parts) > 2 and parts[0] in _SKIPPED:
        parts = parts[1:]
    name = "_".join(snake(part) for part in parts)
    return short(f"{name}_{verb.lower()}" if name in ("finish",) else name, _OPERATION_NAME)


def _holds(field: FieldDecl | None, value: Json) -> bool:
    """Whether there is such a field, and it can hold the value: a number, one of its own words."""
    if field is None or (field.type == "enum" and value not in field.values):
        return False
    return not isinstance(value, int) or field.type in ("integer", "number", "boolean")


def _long_running(model: Model) -> LongRunning | None:
    if model.resources.running is None or OPERATION not in model.entities:
        return None
    fields = model.entities[OPERATION].fields
    if "done" in fields:
        pending: dict[str, Json] = {"done": False}
        finished: dict[str, Json] = {"done": True, "response": "$response"}
    else:
        states = fields["status"].values
        running = next((value for value in states if "RUNNING" in value.upper()), states[0] if states else "RUNNING")
        done = next((value for value in states if "DONE" in value.upper()), states[-1] if states else "DONE")
        pending = {"status": running, "progress": 0, "insert_time": "$now", "start_time": "$now",
                   "operation_type": "$operation", "target_link": "$target"}  # fmt: skip
        finished = {"status": done, "progress": 100, "end_time": "$now"}
    under = [model.resources.by_key[key].entity for key in model.resources.under if key in model.resources.by_key]
    return LongRunning(
        entity=OPERATION,
        pending={name: value for name, value in pending.items() if _holds(fields.get(name), value)},
        finished={name: value for name, value in finished.items() if _holds(fields.get(name), value)},
        seconds=_SECONDS,
        under=tuple(dict.fromkeys(under)) if SCOPE in fields else (),
    )
