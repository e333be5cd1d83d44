"""The entity that every world has: its persons."""

from __future__ import annotations

from app_clones.declared.model import Entity, FieldDecl, Key

PERSON_ENTITY = Entity(
    title="Person",
    plural="people",
    about="Who has an account in this world, called by email.",
    label="name",
    key=Key(form="given", wire=None),
    fields={"name": FieldDecl(type="string", readonly=True), "email": FieldDecl(type="email", readonly=True)},
)
"""``kit_person``; read-only. From outside a person is called by email."""
