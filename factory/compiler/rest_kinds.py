"""Rows of several kinds: what a discriminator says of bodies, as branches of an entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app_clones.declared.model import Branch, Branches, FieldDecl
from factory.compiler.api import Schema
from factory.compiler.rest_schemas import Schemas


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of one resource's rows. ``property``: what tells a row's; by what it then holds ``has``: the properties
    of all bodies of that kind, ``needs``: those that a new row must have, ``shown``: the schema that it is shown by."""

    property: str
    has: Mapping[str, frozenset[str]]
    needs: Mapping[str, frozenset[str]]
    shown: Mapping[str, str]

    @classmethod
    def of(cls, schemas: Schemas, row: Schema, creates: Sequence[Schema], updates: Sequence[Schema]) -> Kinds | None:
        """The kinds that some body tells apart, the row itself before those that clients send; None where none does."""
        told = [(body, found) for body in (row, *creates, *updates) if (found := schemas.kinds(body)) is not None]
        if not told:
            return None
        name, known = told[0][1]
        told = [(body, found) for body, found in told if found[0] == name and set(found[1]) == set(known)]
        has, needs = ({value: frozenset[str]() for value in known} for _ in range(2))
        for body, (_, names) in told:
            for value, schema in names.items():
                kind = schemas.plain({"$ref": f"#/$defs/{schema}"})
                has[value] |= set(kind.get("properties", {}))
                if body in creates:
                    needs[value] |= set(kind.get("required", ()))
        return cls(name, has, needs, dict(known) if schemas.kinds(row) is not None else {})

    def branches(self, fields: dict[str, FieldDecl]) -> Branches | None:
        """The branches of an entity with ``fields``, of which the one that tells the kind becomes an enum of them."""
        by_wire = {field.wire: name for name, field in fields.items()}
        telling = by_wire.get(self.property)
        if telling is None:
            return None
        kind = {"type": "enum", "values": tuple(self.has), "pattern": None, "shape": None, "default": None}
        fields[telling] = fields[telling].model_copy(update={**kind, "required": True, "readonly": False})
        common = frozenset.intersection(*self.has.values())
        own = {name: wire for wire, name in by_wire.items() if wire is not None and wire not in common}
        told = frozenset.union(*self.has.values())
        return Branches(
            field=telling,
            of={
                value: Branch(
                    fields=tuple(name for name, wire in own.items() if wire in told and wire in has),
                    required=tuple(
                        name
                        for name, field in fields.items()
                        if field.wire in self.needs[value] and not (field.required or field.readonly)
                    ),
                    schema_name=self.shown.get(value),
                )
                for value, has in self.has.items()
            },
        )
