"""How a request says who asks, from the security schemes of an OpenAPI document and from what its methods demand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app_clones.declared.model import Auth
from factory.compiler.api import Parameter
from factory.compiler.openapi_source import Json, Pointer, Source

#: How generators say which word stands before the key.
_PREFIX = re.compile(r'prefix "([A-Za-z0-9-]+)"')


@dataclass(frozen=True, slots=True)
class Security:
    """``auth``: where a token is looked for; ``parameters``: keys in the query that nothing demands, and that every
    method takes all the same."""

    auth: Auth
    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...]

    def is_token(self, parameter: Parameter) -> bool:
        """Whether a parameter is the token, of which no method need know."""
        if parameter.place == "query":
            return parameter.name == self.auth.query
        wanted = None if self.auth.query else self.auth.header.lower()
        return parameter.place == "header" and parameter.name.lower() == wanted


def read_security(source: Source, data: Mapping[str, Json]) -> Security:
    """What the document says of it: the first scheme that is demanded and can be followed. Raises SpecError."""
    components = source.mapping(data.get("components", {}), ("components",), "components")
    at: Pointer = ("components", "securitySchemes")
    told = source.mapping(components.get("securitySchemes", {}), at, "securitySchemes")
    schemes = {name: source.follow(one, (*at, name), "a security scheme") for name, one in told.items()}
    known = {name: auth for name, (one, where) in schemes.items() if (auth := _auth(source, one, where)) is not None}
    chosen = next((name for name in _demanded(data) if name in known), None)
    auth = Auth() if chosen is None else known[chosen]
    others = {name: one for name, (one, _) in schemes.items() if name != chosen}
    how = f"the parameter {auth.query} tells" if auth.query else f"a token in {auth.header} says"
    notes = tuple(f"security is left out: {name} ({one.get('type')}); {how} who acts" for name, one in others.items())
    keys = [known[name].query for name in others if name in known and known[name].query]
    about = "Credential; who acts is told otherwise."
    parameters = tuple(Parameter(key, "query", {"type": "string"}, about=about) for key in keys)
    return Security(auth, parameters, notes)


def _auth(source: Source, scheme: Mapping[str, Json], at: Pointer) -> Auth | None:
    """Where a scheme has the token; None where it cannot be followed (cookies, certificates, passwords)."""
    kind = scheme.get("type")
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        name = source.text_of(scheme.get("name"), (*at, "name"), "its name")
        if scheme["in"] == "query":
            return Auth(query=name)
        prefix = _PREFIX.search(str(scheme.get("description", "")))
        return Auth(header=name, scheme=prefix[1] if prefix else "")
    bearer = kind in ("oauth2", "openIdConnect") or str(scheme.get("scheme")).lower() == "bearer"
    return Auth() if bearer else None


def _demanded(data: Mapping[str, Json]) -> Iterator[str]:
    """The names of schemes, as the document demands them: of all methods, then of each."""
    items = data.get("paths")
    methods = [one for item in (items.values() if isinstance(items, dict) else ()) if isinstance(item, dict)
               for one in item.values() if isinstance(one, dict)]  # fmt: skip
    for holder in (data, *methods):
        listed = holder.get("security")
        for one in listed if isinstance(listed, list) else ():
            yield from one if isinstance(one, dict) else ()
