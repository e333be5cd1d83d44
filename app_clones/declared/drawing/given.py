"""Given rows: what their refs call by a person's word is found among the rows before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared.drawing.refs import Made
from app_clones.declared.model import PERSON, AppDecl, FieldDecl
from app_clones.kit.errors import KitError

Row = dict[str, Any]


class Given:
    """Reads the given rows of one entity. A ref is to a row's id, to a given one's ``slug``, or to its label; to a
    person by number, e-mail address or name."""

    def __init__(self, decl: AppDecl, name: str, made: Made) -> None:
        self.decl = decl
        self.name = name
        self.entity = decl.entities[name]
        self.made = made

    def resolved(self, values: Mapping[str, Any], number: int) -> Row:
        """``values`` with row ids for refs. Raises :class:`KitError` for a ref to nothing."""
        found: Row = {}
        for name, value in values.items():
            field = self.entity.fields.get(name)
            if field is None or field.type != "ref" or value is None:
                found[name] = value
            elif field.repeated:
                found[name] = [self._id(field, name, one, number) for one in value]
            else:
                found[name] = self._id(field, name, value, number)
        return found

    def _id(self, field: FieldDecl, name: str, value: Any, number: int) -> int:
        target = field.to or PERSON
        for id, words in self._called(target):
            if value in words:
                return id
        at = f"{self.decl.app}: entities.{self.name}.given.{number}.{name}"
        raise KitError(f"{at}: there is no {target} {value!r} before it")

    def _called(self, target: str) -> list[tuple[int, tuple[Any, ...]]]:
        if target == PERSON:
            return [(person.id, (person.id, person.email, person.name)) for person in self.made.scene.persons]
        label = self.decl.entities[target].label or ""
        return [(row["id"], (row["id"], row.get("slug"), row.get(label))) for row in self.made.rows[target]]
