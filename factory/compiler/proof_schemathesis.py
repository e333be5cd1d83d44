"""Schemathesis drives an app over a real socket by the document that it was compiled from, so that what the compiler
misread is seen: its standard checks, in all its phases.

Two of them are left out. That whatever meets the schema is taken: a schema cannot say that the row to which a body
refers must be there, and such a body is rightly refused. And that no other verb is answered at a path: where an id may
stand, words may too. Methods that the app refuses whatever they are given are left out by name.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app_clones.declared.model import Api, AppDecl
from app_clones.declared.openapi import security_scheme
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from factory.compiler.certificate import Check
from factory.compiler.openapi_source import Source, parse
from factory.compiler.proof_subject import Subject
from factory.errors import BuildError

Json = Any

_LEFT_OUT = "positive_data_acceptance,unsupported_method"
_VERBS = ("get", "post", "put", "patch", "delete")
_UNREAD = ("head", "options", "trace")
#: What documents seldom tell of: bad requests, ids of nothing, conflicts; parameters that are not built.
_ERRORS = {"4XX": {"description": "refused"}, "501": {"description": "not built"}}
#: Giving a parameter that is not built is answered by saying so, which is no breakdown.
_CONFIG = """\
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]
"""
_SCHEME = "token"
#: Parts of a schema that hold values.
_VALUES = ("default", "enum", "const", "example", "examples")
#: Requests made up for each operation by chance, beside those that cover the document's corners.
EXAMPLES = 4
_TIMEOUT_S = 1200
_MOST = 300  # characters of evidence


def prove_with_schemathesis(subject: Subject, original: str, *, examples: int = EXAMPLES) -> tuple[Check, ...]:
    """What schemathesis finds in a world of the app by the ``original``, the text of an OpenAPI document: a check for
    each of its phases, and one for each failure.

    Raises :class:`BuildError` where it is not installed, or does not run to its end.
    """
    with (
        World(subject.snapshot, subject.registry) as world,
        serve_world(world) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        address = f"{served.url}/{subject.decl.app}/{subject.decl.api.base}"
        document, report = Path(folder) / "openapi.json", Path(folder) / "report.json"
        document.write_text(json.dumps(_served(parse(original, subject.decl.app), address, subject.decl.api)))
        asking, told = _asking(subject.decl.api, served.token())
        (Path(folder) / "schemathesis.toml").write_text(_CONFIG + told)
        arguments = [
            "run", str(document), "--url", address, *asking, "--no-color",
            "--exclude-checks", _LEFT_OUT, "--max-examples", str(examples), "--generation-deterministic",
            "--report", "json", "--report-json-path", str(report), *_refused(subject.decl),
        ]  # fmt: skip
        done = _run([_command(), *arguments], folder)
        if not report.is_file():
            raise BuildError(f"schemathesis gave no report: {_short(done.stderr or done.stdout)}")
        return _checks(json.loads(report.read_text()), done.stdout)


def _refused(decl: AppDecl) -> list[str]:
    """Arguments that leave out what the app refuses whatever it is given."""
    refused = [one.http for one in decl.operations.values() if one.kind == "refused" and one.http is not None]
    return [word for http in refused for word in ("--exclude-name", f"{http.verb} /{http.path}")]


def _served(source: Source, address: str, api: Api) -> dict[str, Json]:
    """The document as of the app at ``address``: with its place of the token where no header is that, with the errors
    that any method of an app may answer, and as lax as an app is: null stands for what need not be given, no body for
    one with nothing in it, and of a row a PATCH may send any part."""
    paths = {}
    for path, told in source.data["paths"].items():
        item, _ = source.follow(told, ("paths", path), "a path item")
        verbs = {verb: _method(source, verb, item[verb]) for verb in _VERBS if verb in item}
        paths[path] = {**{key: value for key, value in _here(item).items() if key not in _UNREAD}, **verbs}
    whole = {**_here(source.data), "servers": [{"url": address}], "paths": paths}
    if api.auth.query:
        components = {**whole.get("components", {}), "securitySchemes": {_SCHEME: security_scheme(api.auth)}}
        whole |= {"components": components, "security": [{_SCHEME: []}]}
    lax: dict[str, Json] = _with_null(whole, old=str(source.data["openapi"]).startswith("3.0"))
    return lax


def _method(source: Source, verb: str, method: Mapping[str, Json]) -> dict[str, Json]:
    found = {**_here(method), "responses": {**method["responses"], **_ERRORS}}
    if "requestBody" in method:
        body, _ = source.follow(method["requestBody"], (), "a requestBody")
        content = body["content"]
        if verb == "patch":
            content = {
                kind: {**told, "schema": _in_part(source, told.get("schema", {}))} for kind, told in content.items()
            }
        found["requestBody"] = {**body, "content": content, "required": False}
    return found


def _in_part(source: Source, schema: Json) -> Json:
    """The schema of a row, often told for PATCH as it is for POST, where only some of it is sent."""
    found, _ = source.follow(schema, (), "a schema")
    return {key: value for key, value in found.items() if key != "required"}


def _here(part: Mapping[str, Json]) -> dict[str, Json]:
    """``part`` without what says that it is elsewhere, or for whom."""
    return {key: value for key, value in part.items() if key not in ("servers", "security")}


def _with_null(part: Json, *, old: bool) -> Json:
    """``part`` with null beside the schema of each property that need not be there; ``old``: as OpenAPI 3.0 says it."""
    if isinstance(part, list):
        return [_with_null(one, old=old) for one in part]
    if not isinstance(part, dict):
        return part
    found: dict[str, Json] = {}
    for key, value in part.items():
        if key == "properties" and isinstance(value, dict):
            laxer = {name: _with_null(one, old=old) for name, one in value.items()}
            needed = part.get("required") or ()
            found[key] = {name: one if name in needed else _or_null(one, old=old) for name, one in laxer.items()}
        else:
            found[key] = value if key in _VALUES else _with_null(value, old=old)
    return found


def _or_null(schema: Json, *, old: bool) -> Json:
    if not isinstance(schema, dict) or schema.get("readOnly"):
        return schema
    if old:
        return {"anyOf": [schema], "nullable": True}
    return {"anyOf": [schema, {"type": "null"}]}


def _asking(api: Api, token: str) -> tuple[list[str], str]:
    """How requests give the token: arguments, and what the file says, since the command line takes no parameters of the
    query."""
    if api.auth.query:
        return [], f'[auth.openapi.{_SCHEME}]\napi_key = "{token}"\n'
    return ["--header", f"{api.auth.header}: {f'{api.auth.scheme} {token}'.strip()}"], ""


def is_installed() -> bool:
    """Whether there is a schemathesis to run."""
    return _found() is not None


def _found() -> str | None:
    beside = Path(sys.executable).with_name("schemathesis")
    return str(beside) if beside.is_file() else shutil.which("schemathesis")


def _command() -> str:
    found = _found()
    if found is None:
        raise BuildError("schemathesis is not installed", "deploy/setup.sh test installs it")
    return found


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    try:
        # In a folder of its own: it leaves files where it runs.
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"schemathesis was not done after {_TIMEOUT_S} s") from error


def _checks(report: Mapping[str, Json], printed: str) -> tuple[Check, ...]:
    """A check for each phase, failure and error of a JSON report; ``printed``: what schemathesis said beside it, which
    alone has the causes of errors."""
    runs = int(report["test_cases"]["generated"])
    phases = {name: told["status"] for name, told in report["phases"].items() if told["status"] != "skip"}
    found = [
        Check(f"schemathesis {name}", status == "success", runs, "" if status == "success" else f"it ended as {status}")
        for name, status in phases.items()
    ]
    failures = [_evidence(one) for one in report["failures"]] + _causes(report["errors"], printed)
    found += [Check(f"schemathesis {n}", False, 1, one) for n, one in enumerate(failures, start=1)]
    if not runs:
        found.append(Check("schemathesis", False, 0, "it asked for nothing"))
    return tuple(found)


def _causes(errors: Sequence[Mapping[str, Json]], printed: str) -> list[str]:
    """A line for each error, by what was printed about its kind: which operation, and why."""
    section = re.search(r"^=+ ERRORS =+$\n(.*?)(?=^=+ |\Z)", printed, re.M | re.S)
    parts = re.split(r"^_{3,} (.+?) _{3,}$", section[1] if section else "", flags=re.M)[1:]
    texts = [" ".join(text.partition("Need more help?")[0].split()) for text in parts[1::2]]
    told = [f"{where}: {text}" for where, text in zip(parts[::2], texts, strict=True)]
    found: list[str] = []
    for error in errors:
        title = str(error.get("title", ""))
        own = [one for one in told if title in one]
        found += [one[:_MOST] for one in own] or [f"{_evidence(error)}: {_short(printed)}"[:_MOST]]
    return found


def _short(printed: str) -> str:
    """The end of what was printed, in one line."""
    return " ".join(printed.split())[-_MOST:]


def _evidence(failure: Mapping[str, Json]) -> str:
    where = ", ".join(map(str, failure.get("operations", ())))
    return f"{failure.get('code', '')} {failure.get('title', '')}: {where}".strip(" :")[:_MOST]
