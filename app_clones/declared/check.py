"""What a declaration must hold beyond its form: every name it uses is there, and no two parts contradict each other."""

from __future__ import annotations

from app_clones.declared.check_common import DeclError, Loc, entity_of, need_expression, need_field
from app_clones.declared.check_entities import check_entities
from app_clones.declared.check_operations import check_operations
from app_clones.declared.check_possible import check_possible
from app_clones.declared.model import AppDecl, Entity, ErrorForm
from app_clones.declared.own_templates import check_templates
from app_clones.declared.shapes import Shapes
from app_clones.declared.wire import ERROR_NAMES, STATUSES, error_body
from app_clones.kit.errors import NotFound
from app_clones.kit.registry import TAKEN

__all__ = ["DeclError", "check"]

#: What an expression of a long-running operation's row may name.
RUNNING_NAMES = ("now", "actor", "id", "operation", "response", "target")


def check(decl: AppDecl) -> None:
    """Raises :class:`DeclError` at the first thing that is wrong. Takes the terse form as well as the full one."""
    if decl.app in TAKEN:
        raise DeclError(f"{decl.app} is a name of the kit's own; choose another", ("app",))
    _check_schemas(decl)
    check_entities(decl)
    _check_errors(decl)
    _check_told(decl)
    _check_long_running(decl)
    _check_pages(decl)
    check_templates(decl)
    check_operations(decl)
    check_possible(decl)


def _check_errors(decl: AppDecl) -> None:
    form = decl.api.errors
    if isinstance(form, ErrorForm):
        need_expression(form.body, dict.fromkeys(ERROR_NAMES), decl, ("api", "errors", "body"))
        if fault := Shapes(decl.schemas).fault(form.shape, error_body(form, NotFound("it is not there"))):
            raise DeclError(f"no body is of this shape: {fault}", ("api", "errors", "shape"))


def _check_schemas(decl: AppDecl) -> None:
    shapes = Shapes(decl.schemas)
    for name, schema in decl.schemas.items():
        if fault := shapes.shape_fault(schema):
            raise DeclError(f"no JSON Schema: {fault}", ("schemas", name))


def _check_told(decl: AppDecl) -> None:
    for word in decl.api.told:
        if decl.api.errors != "google" or word not in STATUSES:
            known = ", ".join(sorted(STATUSES)) if decl.api.errors == "google" else "none but where errors are google's"
            raise DeclError(f"no status {word}; there are {known}", ("api", "told", word))


def _check_pages(decl: AppDecl) -> None:
    for name, page in decl.pages.items():
        if name not in decl.entities:
            raise DeclError(f"no entity {name}", ("pages", name))
        for kind, names in (("columns", page.columns), ("filters", page.filters)):
            for place, field in enumerate(names):
                loc: Loc = ("pages", name, kind, place)
                found = need_field(decl.entities[name], field, loc)
                if found.hidden or (kind == "filters" and found.type == "json"):
                    raise DeclError(
                        f"{field} is {'hidden' if found.hidden else 'json'}, so it is none of a page's {kind}", loc
                    )
        for part in filter(None, (term.strip() for term in page.order.split(","))):
            field, _, direction = part.partition(" ")
            need_field(decl.entities[name], field, ("pages", name, "order"))
            if direction not in ("", "asc", "desc"):
                raise DeclError(
                    f"{part!r} is no order: it is a field, or a field and asc or desc", ("pages", name, "order")
                )


def _check_long_running(decl: AppDecl) -> None:
    running = decl.api.long_running
    if running is None:
        return
    loc: Loc = ("api", "long_running")
    entity = entity_of(decl, running.entity, (*loc, "entity"))
    known: dict[str, Entity | None] = dict.fromkeys(RUNNING_NAMES)
    for kind, values in (("pending", running.pending), ("finished", running.finished)):
        for name, expression in values.items():
            need_field(entity, name, (*loc, kind, name))
            need_expression(expression, known, decl, (*loc, kind, name))
