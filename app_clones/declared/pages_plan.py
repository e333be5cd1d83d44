"""What the pages of one app are, read off its declaration once: collections, their columns, filters and actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from app_clones.declared import pages_columns
from app_clones.declared import pages_text as words
from app_clones.declared.listing import searched_fields
from app_clones.declared.model import AppDecl, Entity, FieldDecl, OperationDecl, Page
from app_clones.kit.seeds import derive

ACCENTS = 8
#: Links beside a page.
MOST_LINKS = 14
#: What an original calls the methods that belong behind the standard pages, where it has others of their kind (import).
_USUAL = ("create", "insert", "patch", "update", "delete")
_PAGE_SIZES = (20, 25, 30, 40, 50)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One entity's pages. ``url`` is relative to the app; ``columns``: fields, the first one names the row (or none
    does); ``reading``: all fields, as a row's own page has them; ``create``, ``update``, ``delete``: the operations
    behind the standard pages, where there are such; ``row_acts`` and ``acts``: all others that write, or answer, on a
    row and without one; ``children``: entity and ref field of each collection that lies under a row, then of those that
    refer to one."""

    name: str
    entity: Entity
    page: Page
    noun: str
    nouns: str
    plural: str
    url: str
    columns: tuple[str, ...]
    reading: tuple[str, ...]
    filters: tuple[str, ...]
    page_size: int
    create: str | None
    update: str | None
    delete: str | None
    row_acts: tuple[str, ...]
    acts: tuple[str, ...]
    children: tuple[tuple[str, str], ...]

    @property
    def about(self) -> str:
        """What the entity is, in its declaration's words."""
        return words.prose(self.entity.about, 300)

    def field(self, name: str) -> FieldDecl:
        """The field of that name."""
        return self.entity.fields[name]


@dataclass(frozen=True)
class Plan:
    """All pages of an app. ``initial`` stands in its mark, ``accent`` is the class of its colour."""

    decl: AppDecl
    title: str
    initial: str
    accent: str
    shelves: Mapping[str, Shelf]

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The entities that lie under no other."""
        return tuple(name for name in self.shelves if self.parent_of(name) is None)

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """The operations that are about no entity."""
        return tuple(name for name, one in self.decl.operations.items() if one.entity is None and is_offered(one))

    def parent_of(self, name: str) -> str | None:
        """The entity above, where there is one and it has pages."""
        entity = self.shelves[name].entity
        above = entity.fields[entity.parent].to if entity.parent else None
        return above if above in self.shelves and above != name else None

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The entities above, the root first."""
        above = self.parent_of(name)
        return (*self.ancestors(above), above) if above else ()

    def below(self, name: str) -> tuple[str, ...]:
        """The entities whose parent this one is."""
        return tuple(other for other in self.shelves if self.parent_of(other) == name)


def plan(decl: AppDecl) -> Plan:
    """The pages of ``decl``, which is in its full form."""
    return Plan(
        decl=decl,
        title=decl.title,
        initial=next((letter for letter in decl.title if letter.isalnum()), decl.app[0]).upper(),
        accent=f"a{derive(0, 'accent', decl.app) % ACCENTS}",
        shelves={name: _shelf(decl, name, entity) for name, entity in decl.entities.items()},
    )


def is_offered(operation: OperationDecl) -> bool:
    """Whether a page offers the operation as an action: it is built, and no mere list or look at a row."""
    return operation.kind not in ("list", "get", "refused") and not operation.internal


def target_of(decl: AppDecl, operation: OperationDecl) -> str | None:
    """The parameter that names the row that the operation is on, where it is on one: a singleton goes by its parent."""
    entity = operation.entity
    if entity is None or operation.kind in ("list", "create"):
        return None
    own = decl.entities[entity]
    above = own.fields[own.parent].to if own.singleton and own.parent else None
    named = [(name, param.entity) for name, param in operation.params.items()
             if param.role == "row" and not param.repeated]  # fmt: skip
    for wanted in (entity, above):
        found = [name for name, to in named if to == wanted]
        if found:
            return found[-1]
    return None


def lineage(decl: AppDecl, name: str) -> tuple[str, ...]:
    """The entities above ``name``, the nearest first; itself where its rows lie under each other."""
    found: list[str] = []
    entity = decl.entities.get(name)
    while entity is not None and entity.parent is not None:
        above = entity.fields[entity.parent].to or ""
        if above in found:
            break
        found.append(above)
        entity = decl.entities.get(above)
    return tuple(found)


def is_searched(entity: Entity) -> bool:
    """Whether rows hold texts, by which they are found."""
    return any(one.search for one in entity.fields.values()) or bool(searched_fields(entity))


def _shelf(decl: AppDecl, name: str, entity: Entity) -> Shelf:
    title, plural = entity.title or words.label(name), words.words(entity.plural)
    page = decl.pages.get(name, Page())
    columns = page.columns or pages_columns.columns(decl, entity)
    width = len(columns) + (2 if entity.label is None else 0)  # the row's kind and number, and its id
    standard: dict[str, str] = {}
    row_acts: list[str] = []
    acts: list[str] = []
    own = [(op_name, op) for op_name, op in decl.operations.items() if op.entity == name and is_offered(op)]
    for op_name, op in sorted(own, key=lambda pair: pair[1].origin.rpartition(".")[2] not in _USUAL):
        kind = "update" if op.kind == "replace" else op.kind
        on_row = target_of(decl, op) is not None
        if kind in ("create", "update", "delete") and on_row == (kind != "create") and kind not in standard:
            standard[kind] = op_name
        else:
            (row_acts if on_row else acts).append(op_name)
    return Shelf(
        name=name,
        entity=entity,
        page=page,
        noun=_lower(title),
        nouns=plural,
        plural=plural[:1].upper() + plural[1:],
        url=f"/{name}",
        columns=columns,
        reading=pages_columns.reading_order(decl, entity),
        filters=page.filters or pages_columns.filters(entity),
        page_size=next((size for size in _PAGE_SIZES if size * (width + 3) >= 190), _PAGE_SIZES[-1]),
        create=standard.get("create"),
        update=standard.get("update"),
        delete=standard.get("delete"),
        row_acts=tuple(row_acts),
        acts=tuple(acts),
        children=tuple(_children(decl, name)),
    )


def _lower(title: str) -> str:
    """A title within a sentence: "order item", but "API key" and "URL"."""
    return " ".join(part if part[:2].isupper() else part.lower() for part in title.split(" "))


def _children(decl: AppDecl, name: str) -> Iterator[tuple[str, str]]:
    refs = [(other, field_name, field_name == entity.parent) for other, entity in decl.entities.items()
            for field_name, one in entity.fields.items()
            if one.to == name and (one.hidden or not one.repeated)]  # fmt: skip
    for own in (True, False):
        yield from ((other, field_name) for other, field_name, is_parent in refs if is_parent == own)


def act_text(decl: AppDecl, name: str) -> str:
    """What a button of the operation says: its name in the original, or its own without its entity's."""
    operation = decl.operations[name]
    if operation.kind == "replace":
        return "Replace as a whole"
    if "." in operation.origin:
        return words.label(operation.origin.rpartition(".")[2])
    entity = operation.entity or ""
    short = name.removesuffix(f"_{entity}")
    for prefix in (entity, decl.entities[entity].plural.replace(" ", "_")) if entity else ():
        short = short.removeprefix(f"{prefix}_")
    return words.label(short or name)
