"""The proof of an app: each of its methods is run, and what it does is looked at from elsewhere.

A store that echoes bodies fails here: a change must be read through another method and on a page, a read must follow
the state, a parameter must be honoured or refused, every answer must meet the original document.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app_clones.declared.engine import Behaviour, declared
from app_clones.declared.model import AppDecl
from app_clones.kit.app import App
from app_clones.kit.errors import KitError
from factory.compiler.api import ApiDoc
from factory.compiler.certificate import AppCertificate, MethodCertificate, Verdict, declaration_digest, idle_headers
from factory.compiler.proof_asking import Unaskable
from factory.compiler.proof_case import Case
from factory.compiler.proof_client import prove_client
from factory.compiler.proof_parameters import prove_parameters
from factory.compiler.proof_reads import prove_read
from factory.compiler.proof_refusals import prove_refusals, prove_refused
from factory.compiler.proof_rows import fill
from factory.compiler.proof_schemathesis import is_installed, prove_with_schemathesis
from factory.compiler.proof_subject import Subject
from factory.compiler.proof_writes import prove_write
from factory.compiler.values import Undrawable

Tell = Callable[[int, int], None]
"""Called with how many methods are done, and of how many."""


def prove(
    decl: AppDecl,
    *,
    behaviours: Mapping[str, Behaviour] | None = None,
    document: ApiDoc | None = None,
    discovery: Mapping[str, Any] | None = None,
    openapi: str = "",
    app: App | None = None,
    seed: int = 0,
    operations: Sequence[str] | None = None,
    tell: Tell | None = None,
) -> AppCertificate:
    """Proves an app by running it; what is wrong with it is in the certificate.

    ``document``: what the app was compiled from, to whose schemas its answers are held. ``discovery``: the same as
    Google wrote it, with which Google's client drives the app over a socket. ``openapi``: the text of the same where it
    is an OpenAPI document, by which schemathesis drives the app, if it is installed (a note says so where it is not).
    ``app``: an app to prove in place of the engine's own (a planted fault). ``operations``: only these. Raises
    ``DeclError`` where the declaration is none, :class:`~app_clones.kit.errors.KitError` where no world can be built.
    """
    ready = declared(decl, behaviours)
    subject = Subject(ready, app or ready.app(), document, seed)
    with subject.stage() as stage:
        fill(stage)
        subject.rebase(stage.world.snapshot())
    names = list(ready.decl.operations) if operations is None else list(operations)
    found: list[MethodCertificate] = []
    parameters: Counter[str] = Counter()
    probed: set[bool] = set()
    for name in names:
        case = Case(subject, name)
        _run(case, common=case.writes not in probed)
        if case.ledger.ran("granted"):
            probed.add(case.writes)
        found.append(_certificate(case))
        parameters.update(case.parameters.values())
        if tell is not None:
            tell(len(found), len(names))
    client = prove_client(subject, discovery) if discovery is not None else ()
    client += prove_with_schemathesis(subject, openapi) if openapi and is_installed() else ()
    counted = dict(sorted(parameters.items()))
    notes = idle_headers(ready.decl)
    if openapi and not is_installed():
        notes += ("schemathesis is not installed: no client has driven the app by its document",)
    return AppCertificate(ready.decl.app, declaration_digest(decl), seed, tuple(found), counted, client, notes)


def _run(case: Case, *, common: bool) -> None:
    steps: tuple[Callable[[], None], ...] = (
        lambda: prove_write(case) if case.writes else prove_read(case),
        lambda: prove_parameters(case, common=common),
        lambda: prove_refusals(case),
    )
    if case.operation.kind == "refused":
        steps = (lambda: prove_refused(case),)
    for step in steps:
        try:
            step()
        except (Unaskable, Undrawable) as error:
            case.ledger.expect("askable", False, str(error))
            return
        except KitError as error:
            case.ledger.expect("unbroken", False, f"{type(error).__name__}: {error}")
            return
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, AssertionError) as error:
            # Nothing is proven where the proof itself stumbles, and that is not told as a fault of the app's.
            case.ledger.expect("prover", False, f"prover: {type(error).__name__}: {error} ({_line(error)})")
            return
        if case.ledger.ran("granted") and not all(
            check.ok for check in case.ledger.checks() if check.name == "granted"
        ):
            return  # nothing more can be told of what a good request does not reach


def _line(error: Exception) -> str:
    """Where ``error`` was raised, as ``proof_rows.py:57``."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _certificate(case: Case) -> MethodCertificate:
    checks = case.ledger.checks()
    verdict, reason = _verdict(case)
    if any(not check.ok for check in checks) or not checks:
        verdict = "failed"
        reason = ", ".join(check.name for check in checks if not check.ok) or "nothing could be run"
    return MethodCertificate(
        operation=case.name,
        origin=case.operation.origin,
        kind=case.operation.kind,
        verdict=verdict,
        reason=reason,
        checks=checks,
        responses=case.ledger.responses,
        responses_valid=case.ledger.responses_valid,
    )


def _verdict(case: Case) -> tuple[Verdict, str]:
    """What the checks that were run show, were they all to hold."""
    operation, ledger = case.operation, case.ledger
    if operation.kind == "refused":
        return "refused", operation.reason or "not built"
    if not case.writes:
        return ("stateful", "") if ledger.ran("follows") else ("failed", "nothing shows that it follows the state")
    if ledger.ran("read_back") and ledger.ran("page"):
        return "stateful", ""
    if ledger.ran("recorded"):
        return "recorded", operation.reason or "the call is kept, and nothing else is evident"
    return "recorded", case.unseen or "no other method or page shows its effect"
