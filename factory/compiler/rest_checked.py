"""An inferred app made one that can be loaded: a method that cannot be as inferred is refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable

from app_clones.declared.check import DeclError, check
from app_clones.declared.expand import expand
from app_clones.declared.model import AppDecl, OperationDecl
from app_clones.declared.seeds import check_seeds
from factory.errors import SpecError

Refuse = Callable[[str, str], OperationDecl]
"""By the name of an operation and a reason, the operation that is refused for it."""


def checked(decl: AppDecl, refuse: Refuse) -> tuple[AppDecl, tuple[str, ...]]:
    """``decl`` as the loader takes it, and a note on each method that is left out because even its path cannot be.

    Raises SpecError for a fault that is no single method's.
    """
    notes: list[str] = []
    while (fault := _fault(decl)) is not None:
        match fault.loc:
            case ("operations", str(name), *rest):
                operations = dict(decl.operations)
                if rest == ["http"] or operations[name].kind == "refused":
                    notes.append(f"{operations[name].origin}: left out: {fault.message}")
                    del operations[name]
                else:
                    operations[name] = refuse(name, fault.message)
                decl = decl.model_copy(update={"operations": operations})
            case _:
                raise SpecError(f"{decl.title}: no app can be made of this: {fault}") from fault
    return decl, tuple(notes)


def _fault(decl: AppDecl) -> DeclError | None:
    """The first fault that the loader finds."""
    try:
        check(decl)
        check_seeds(decl)
        check(expand(decl))
    except DeclError as error:
        return error
    return None
