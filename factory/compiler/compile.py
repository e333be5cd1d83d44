"""``discovery:gmail:v1`` or ``openapi:FILE`` → the declaration of an app, with nothing written by hand."""

from __future__ import annotations

from app_clones.declared.model import AppDecl
from factory.compiler.describe import describe
from factory.compiler.infer import Inferred, infer


def compile_app(description: str) -> AppDecl:
    """The app of a description, as :func:`compiled` gives it without its notes."""
    return compiled(description).decl


def compiled(description: str) -> Inferred:
    """The app of a description, called as :func:`~factory.compiler.describe.describe` knows it. Raises
    :class:`~factory.errors.SpecError`."""
    return infer(describe(description).doc)
