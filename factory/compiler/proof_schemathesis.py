"""Schemathesis drives an app over a real socket by the app's own document: its standard checks, in all its phases.

One of them is left out: that whatever meets the schema is taken. A schema cannot say that the row to which a body
refers must be there, and such a body is rightly refused.
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
from urllib.parse import quote

from app_clones.declared.model import Auth
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from factory.compiler.certificate import Check
from factory.compiler.proof_subject import Subject
from factory.errors import BuildError

Json = Any

_LEFT_OUT = "positive_data_acceptance"
#: Requests made up for each operation by chance, beside those that cover the document's corners.
EXAMPLES = 4
_TIMEOUT_S = 1200
_MOST = 300  # characters of evidence


def prove_with_schemathesis(subject: Subject, *, examples: int = EXAMPLES) -> tuple[Check, ...]:
    """What schemathesis finds in a world of the app: a check for each of its phases, and one for each failure.

    Raises :class:`BuildError` where it is not installed, or does not run to its end.
    """
    with World(subject.snapshot, subject.registry) as world, serve_world(world) as served:
        address = f"{served.url}/{subject.decl.app}/{subject.decl.api.base}openapi.json"
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            arguments = [
                "run", *_asking(address, subject.decl.api.auth, served.token(), Path(folder)), "--no-color",
                "--exclude-checks", _LEFT_OUT, "--max-examples", str(examples), "--generation-deterministic",
                "--report", "json", "--report-json-path", str(report),
            ]  # fmt: skip
            done = _run([_command(), *arguments], folder)
            if not report.is_file():
                raise BuildError(f"schemathesis gave no report: {_short(done.stderr or done.stdout)}")
            return _checks(json.loads(report.read_text()), done.stdout)


def _asking(address: str, auth: Auth, token: str, folder: Path) -> list[str]:
    """The document's ``address`` and how it is asked for, and everything after it, with a token."""
    if not auth.query:
        return [address, "--header", f"{auth.header}: {auth.scheme} {token}"]
    # Its command line takes no parameters; the file tells of the scheme by its name in the document.
    (folder / "schemathesis.toml").write_text(f'[auth.openapi.token]\napi_key = "{token}"\n')
    return [f"{address}?{quote(auth.query)}={token}"]


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
