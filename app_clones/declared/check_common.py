"""What every check of a declaration uses: the one error, and looking up what is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

from app_clones.declared.expressions import ExpressionError, names_in
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl, Value
from app_clones.declared.people import PERSON_ENTITY
from app_clones.declared.shapes import Shapes, pattern_fault
from app_clones.declared.values import acceptor
from app_clones.kit.errors import AppError, KitError

Loc = tuple[str | int, ...]


class DeclError(KitError):
    """A declaration that cannot be an app. ``loc`` leads to the part at fault: ``("entities", "ticket", "label")``."""

    def __init__(self, message: str, loc: Sequence[str | int] = ()) -> None:
        super().__init__(f"{'.'.join(map(str, loc))}: {message}" if loc else message)
        self.message = message
        self.loc: Loc = tuple(loc)

    def __reduce__(self) -> tuple[type[DeclError], tuple[str, Loc]]:
        return type(self), (self.message, self.loc)


def entity_of(decl: AppDecl, name: str, loc: Loc) -> Entity:
    """The entity of that name, ``person`` too. Raises :class:`DeclError`."""
    if name == PERSON:
        return PERSON_ENTITY
    if name not in decl.entities:
        raise DeclError(f"no entity {name}", loc)
    return decl.entities[name]


def need_field(entity: Entity, name: str, loc: Loc) -> FieldDecl:
    """The field of that name. Raises :class:`DeclError`."""
    if name not in entity.fields:
        raise DeclError(f"no field {name}; there are {', '.join(entity.fields)}", loc)
    return entity.fields[name]


def check_value(decl: AppDecl, value: Value, loc: Loc) -> None:
    """What a field and a parameter have in common."""
    if (value.type == "ref") != (value.to is not None):
        raise DeclError("a ref, and only a ref, says which entity it is to", (*loc, "to"))
    if value.to is not None:
        entity_of(decl, value.to, (*loc, "to"))
    if value.values and value.type != "enum":
        raise DeclError(f"only an enum has values, not a {value.type}", (*loc, "values"))
    if value.type == "enum" and not value.values:
        raise DeclError("an enum says which values there are", (*loc, "values"))
    if len(set(value.values)) != len(value.values):
        raise DeclError("a value is named twice", (*loc, "values"))
    if value.shape is not None and value.type != "json":
        raise DeclError(f"only json has a shape, not a {value.type}", (*loc, "shape"))
    if value.shape is not None and (fault := Shapes(decl.schemas).shape_fault(value.shape)):
        raise DeclError(f"no JSON Schema: {fault}", (*loc, "shape"))
    _check_bounds(value, loc)
    if value.int64 and value.type != "integer":
        raise DeclError("only an integer is written as int64", (*loc, "int64"))
    if value.keywords and value.type not in ("string", "text", "email"):
        raise DeclError(
            f"a person's email, for which a keyword stands, is a text, not a {value.type}", (*loc, "keywords")
        )
    if value.pattern is not None and (fault := pattern_fault(value.pattern)):
        raise DeclError(fault, (*loc, "pattern"))


def _check_bounds(value: Value, loc: Loc) -> None:
    if value.min is None or value.max is None:
        return
    if value.min > value.max:
        raise DeclError(f"min {value.min:g} is above max {value.max:g}", (*loc, "min"))
    if (value.type != "number" or value.repeated) and ceil(value.min) > floor(value.max):
        raise DeclError(f"no whole number is between {value.min:g} and {value.max:g}", (*loc, "min"))


def check_constant(decl: AppDecl, value: Value, given: object, loc: Loc) -> None:
    """A value that stands in the declaration itself meets what it is the value of; refs and expressions aside."""
    if given is None or value.type == "ref" or any(names_in(given)):
        return
    try:
        acceptor(value, Shapes(decl.schemas))(given, "this")
    except AppError as error:
        raise DeclError(error.message, loc) from None


def need_expression(expression: object, known: Mapping[str, Entity | None], decl: AppDecl, loc: Loc) -> None:
    """Every name in an expression is there. ``known``: what it may name, with the entity whose fields may follow."""
    try:
        chains = list(names_in(expression))
    except ExpressionError as error:
        raise DeclError(str(error), loc) from None
    for head, *path in chains:
        if head not in known:
            raise DeclError(f"${head} is nothing here; there are {', '.join(f'${n}' for n in known)}", loc)
        at = known[head]
        for place, part in enumerate(path):
            if at is None:
                raise DeclError(f"${'.'.join([head, *path[:place]])} has no fields", loc)
            if part in ("id", "path"):
                at = None
                continue
            field = need_field(at, part, loc)
            single = field.type == "ref" and not field.repeated
            at = entity_of(decl, field.to, loc) if single and field.to else None
