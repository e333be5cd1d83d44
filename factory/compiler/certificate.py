"""The certificate of an app: what running each of its methods showed. Kept in the store, printed as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app_clones.declared.model import AppDecl
from factory.store import Store, canonical_json, sha256

Verdict = Literal["stateful", "recorded", "refused", "failed"]
Outcome = Literal["honoured", "refused", "inert", "ignored", "untried"]
"""What became of a parameter. ``untried``: nothing was seen that would not have been the same without it."""

VERDICTS: tuple[Verdict, ...] = ("stateful", "recorded", "refused", "failed")
#: The kind of ref under which certificates of apps lie in the store, by the declaration's digest.
APP_CERTIFICATE = "app_certificate"
_MOST_EVIDENCE = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, ``runs`` times. ``evidence``: of the first failure, in short."""

    name: str
    ok: bool
    runs: int
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class MethodCertificate:
    """One operation.

    ``verdict``: ``stateful`` (its effect was read elsewhere, or its answer followed the state), ``recorded`` (it is
    kept, and nothing shows more), ``refused`` (each call was, and says so), ``failed``. ``reason``: of all but the
    first. ``responses``: how many of its answers there were, and how many met the document.
    """

    operation: str
    origin: str
    kind: str
    verdict: Verdict
    reason: str
    checks: tuple[Check, ...]
    responses: int
    responses_valid: int


@dataclass(frozen=True, slots=True)
class AppCertificate:
    """All of an app. ``declaration``: digest of what was proven; ``parameters``: how many were seen to be honoured,
    refused, ignored or, by their own documentation, without effect (``inert``), and of how many nothing could be seen
    (``untried``); ``client``: what a client that nobody here wrote found, by
    entity or by what it looked for; empty where none was run; ``notes``: what else is to be known, one line each."""

    app: str
    declaration: str
    seed: int
    methods: tuple[MethodCertificate, ...]
    parameters: Mapping[str, int]
    client: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no method failed, and no client did."""
        return all(one.verdict != "failed" for one in self.methods) and all(one.ok for one in self.client)

    def totals(self) -> dict[str, Any]:
        """How many methods of each verdict, responses and valid ones, failures by check."""
        verdicts = Counter(one.verdict for one in self.methods)
        failures = Counter(check.name for one in self.methods for check in one.checks if not check.ok)
        return {
            "methods": len(self.methods),
            **{verdict: verdicts.get(verdict, 0) for verdict in VERDICTS},
            "responses": sum(one.responses for one in self.methods),
            "responses_valid": sum(one.responses_valid for one in self.methods),
            "failures": dict(sorted(failures.items())),
            "parameters": dict(self.parameters),
            "client": {"n": len(self.client), "ok": sum(one.ok for one in self.client)},
        }


class Ledger:
    """Gathers what is found about one operation."""

    def __init__(self) -> None:
        self._checks: dict[str, list[Any]] = {}
        self.responses = 0
        self.responses_valid = 0

    def expect(self, name: str, holds: bool, evidence: str | Callable[[], str] = "") -> bool:
        """Notes that ``name`` was looked at, and ``holds`` or not; returns ``holds``."""
        kept = self._checks.setdefault(name, [0, None])
        kept[0] += 1
        if not holds and kept[1] is None:
            text = evidence() if callable(evidence) else evidence
            kept[1] = text[:_MOST_EVIDENCE] or "it does not hold"
        return holds

    def ran(self, name: str) -> bool:
        """Whether ``name`` was looked at."""
        return name in self._checks

    def checks(self) -> tuple[Check, ...]:
        """All of it, in the order in which each was first looked at."""
        return tuple(Check(name, failed is None, runs, failed or "") for name, (runs, failed) in self._checks.items())


def idle_headers(decl: AppDecl) -> tuple[str, ...]:
    """A line for each header that is asked for and does nothing, since nothing tells what it means."""
    found: dict[str, int] = {}
    for operation in decl.operations.values():
        for name, param in operation.params.items():
            if param.place == "header" and param.role == "inert" and param.required:
                wire = param.wire or name
                found[wire] = found.get(wire, 0) + 1
    return tuple(
        f"the header {wire} is asked for by {count} methods, and without effect: nothing tells what it means"
        for wire, count in sorted(found.items())
    )


def declaration_digest(decl: AppDecl) -> str:
    """SHA-256 of the canonical JSON of ``decl``."""
    return sha256(canonical_json(decl.model_dump(mode="json", by_alias=True)))


def keep(store: Store, certificate: AppCertificate) -> str:
    """Keeps ``certificate`` under its declaration's digest; returns its own."""
    kept = store.put_json(asdict(certificate))
    store.set_ref(APP_CERTIFICATE, certificate.declaration, kept)
    return kept


def kept(store: Store, declaration: str) -> AppCertificate | None:
    """The certificate of the declaration with this digest, if there is one. Raises InputGone for a damaged one."""
    found = store.ref(APP_CERTIFICATE, declaration)
    return None if found is None else from_json(store.get_json(found))


def from_json(data: Mapping[str, Any]) -> AppCertificate:
    """What ``asdict`` made of a certificate, read back."""
    methods = tuple(
        MethodCertificate(**{**one, "checks": tuple(Check(**check) for check in one["checks"])})
        for one in data["methods"]
    )
    client = tuple(Check(**check) for check in data["client"])
    notes = tuple(data.get("notes", ()))
    return AppCertificate(data["app"], data["declaration"], data["seed"], methods, data["parameters"], client, notes)


def table(certificate: AppCertificate, *, every: bool = True) -> str:
    """A line per method (``every``; else only per failed one) and one for all."""
    rows: list[tuple[str, ...]] = [("method", "verdict", "checks", "answers valid", "why")]
    rows += [_row(one) for one in certificate.methods if every or one.verdict == "failed"]
    totals = certificate.totals()
    counts = ", ".join(f"{totals[verdict]} {verdict}" for verdict in VERDICTS)
    valid = f"{totals['responses_valid']}/{totals['responses']} answers valid"
    lines = [*_aligned(rows), *(_told(one) for one in certificate.client if every or not one.ok)]
    lines += [f"note: {one}" for one in certificate.notes]
    return "\n".join([*lines, f"{certificate.app}: {totals['methods']} methods: {counts}; {valid}"])


def _told(check: Check) -> str:
    return f"client: {check.name}: {'ok' if check.ok else check.evidence}"


def _row(one: MethodCertificate) -> tuple[str, ...]:
    good = sum(check.ok for check in one.checks)
    why = one.reason
    if one.verdict == "failed":
        why = "; ".join(f"{check.name}: {check.evidence}" for check in one.checks if not check.ok)
    short = why if len(why) <= 120 else why[:117] + "..."
    counts = f"{good}/{len(one.checks)}"
    return one.operation, one.verdict, counts, f"{one.responses_valid}/{one.responses}", " ".join(short.split())


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
