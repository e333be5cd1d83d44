"""``discovery:gmail:v1`` → the declaration of an app, with nothing written by hand."""

from __future__ import annotations

from app_clones.declared.model import AppDecl
from factory.compiler import discovery
from factory.compiler.infer import Inferred, infer
from factory.errors import SpecError


def compile_app(description: str) -> AppDecl:
    """The app of a description, as :func:`compiled` gives it without its notes."""
    return compiled(description).decl


def compiled(description: str) -> Inferred:
    """The app of a description, called by its kind: ``discovery:NAME:VERSION``. Raises :class:`SpecError`."""
    kind, _, name = description.partition(":")
    if kind != "discovery":
        raise SpecError(f"{description[:80]!r} is no description that can be compiled", "discovery:gmail:v1, for one")
    return infer(discovery.parse(*discovery.load(name)))
