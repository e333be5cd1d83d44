"""What all pages of one app stand in: the templates, the navigation, who looks, what was just done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from app_clones.declared.model import FieldDecl
from app_clones.declared.own_templates import OPTIONS, OwnTemplates
from app_clones.declared.pages_cells import Maker, maker
from app_clones.declared.pages_inputs import Input, inputs_of
from app_clones.declared.pages_plan import MOST_LINKS, Plan, Shelf, act_text, plan
from app_clones.kit import forms
from app_clones.kit.asgi import opened
from app_clones.kit.errors import NotFound
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

#: Query parameters of the pages' own, which no field's name can be: those start with a letter.
SORT, PAGE, WORDS, FLAG = "_sort", "_page", "_words", "_done"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The default pages' templates, compiled once."""
    return Environment(loader=PackageLoader("app_clones.declared"), **OPTIONS)


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet of all apps."""
    return files("app_clones.declared").joinpath("templates/app.css").read_text()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation. ``near``: it is the current one's, or lies around it."""

    text: str
    url: str
    current: bool
    deeper: bool = False
    near: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A button. ``href``: it leads to a form; ``post``: it acts at once; ``refused``: why it cannot be done now."""

    text: str
    href: str = ""
    post: str = ""
    refused: str = ""
    look: str = ""


class Site:
    """The pages of one app, with all that no request changes. ``base``: where the app is mounted."""

    def __init__(self, ready: Declared) -> None:
        self.ready = ready
        self.base = f"/{ready.decl.app}"
        self._navs: dict[str, Markup] = {}
        self._makers: dict[str, list[tuple[str, FieldDecl, Maker]]] = {}
        self._inputs: dict[str, tuple[Input, ...]] = {}

    @cached_property
    def plan(self) -> Plan:
        """The pages, read off the declaration when first asked for."""
        return plan(self.ready.decl)

    @cached_property
    def own(self) -> OwnTemplates:
        """The app's own templates."""
        return OwnTemplates(self.ready.decl)

    def shelf(self, entity: str) -> Shelf:
        """The pages of ``entity``. Raises :class:`NotFound`."""
        found = self.plan.shelves.get(entity)
        if found is None:
            raise NotFound(f"There is no collection {entity[:40]!r} in {self.plan.title}.")
        return found

    def inputs(self, operation: str) -> tuple[Input, ...]:
        """The controls of the operation's form."""
        found = self._inputs.get(operation)
        if found is None:
            found = self._inputs[operation] = inputs_of(self.ready.decl, operation)
        return found

    def makers(self, shelf: Shelf) -> list[tuple[str, FieldDecl, Maker]]:
        """Field, its declaration and what makes its cells, of each column beside the first."""
        found = self._makers.get(shelf.name)
        if found is None:
            fields = [(name, shelf.field(name)) for name in shelf.columns if name != shelf.entity.label]
            found = self._makers[shelf.name] = [(n, one, maker(self.ready.decl, one)) for n, one in fields]
        return found

    def nav(self, current: str) -> Markup:
        """The navigation on a page of the entity ``current`` (``""``: of none)."""
        found = self._navs.get(current)
        if found is None:
            text = templates().get_template("nav.html").render(base=self.base, links=list(self._links(current)))
            found = self._navs[current] = Markup(text)
        return found

    def _links(self, current: str) -> Iterator[Link]:
        """The dashboard, the first roots, and below the current one what lies in it."""
        yield Link("Dashboard", "/", current == "/")
        known = current in self.plan.shelves
        top = (*self.plan.ancestors(current), current)[0] if known else ""
        roots = list(self.plan.roots[:MOST_LINKS])
        if top and top not in roots:
            roots.append(top)
        for name in roots:
            shelf = self.plan.shelves[name]
            yield Link(shelf.plural, shelf.url, name == current, near=name == top)
            if name == top:
                near = dict.fromkeys((*self.plan.below(top), *self.plan.ancestors(current)[1:], current))
                for below in [each for each in near if each != top][:MOST_LINKS]:
                    yield Link(self.plan.shelves[below].plural, f"/{below}", below == current, deeper=True, near=True)
        if len(self.plan.shelves) > MOST_LINKS:
            yield Link("All collections", "/#collections", False)

    def flash(self, key: str) -> str:
        """What a page reports as just done; nothing for a key that no redirect of ours has."""
        if key == "nothing":
            return "Nothing was changed."
        operation = self.ready.decl.operations.get(key)
        if operation is None:
            return ""
        done = {"create": "created", "update": "saved", "replace": "saved", "delete": "deleted"}.get(operation.kind)
        if done and operation.entity:
            return f"{self.plan.shelves[operation.entity].entity.title} {done}."
        told = "recorded; nothing here shows it" if operation.kind == "record" else "done"
        return f"{act_text(self.ready.decl, key)}: {told}."


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, in its transaction. ``query``: of a repeated parameter the last."""

    site: Site
    request: Request
    call: Call
    query: Mapping[str, str]

    @property
    def ready(self) -> Declared:
        """The app."""
        return self.site.ready

    @property
    def base(self) -> str:
        """Where the app is mounted."""
        return self.site.base

    def render(self, template: str, current: str, status: int = 200, /, **values: Any) -> Response:
        """A page from ``template``, the app's own where it has one, the navigation at the entity ``current``."""
        found = self.site.own.get(template, current) or templates().get_template(template)
        me = self.call.one("SELECT name FROM kit_person WHERE id=?", self.call.actor)
        text = found.render(
            site=self.site.plan,
            base=self.site.base,
            nav=self.site.nav(current),
            me=me[0] if me else "",
            flash=self.site.flash(self.query[FLAG]) if FLAG in self.query else "",
            **{"q": "", **values},
        )
        return forms.page(self.request, text, status, FLAG)


@contextmanager
def visit(site: Site, request: Request) -> Iterator[Visit]:
    """The request's one transaction, as a visit."""
    with opened(request) as call:
        yield Visit(site, request, call, dict(request.query_params))


def act(visit: Visit, operation: str, href: str = "", post: str = "", refused: str = "") -> Act:
    """The button of an operation that is no standard one."""
    decl = visit.ready.decl.operations[operation]
    look = "danger" if decl.delete else ""
    return Act(act_text(visit.ready.decl, operation), href, post, refused, look)
