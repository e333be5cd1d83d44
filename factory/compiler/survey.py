"""What the compiler makes of all discovery documents: ``python -m factory.compiler.survey`` (resumable; nothing is
proven).

One line of JSON a document in ``out/compiler/survey.jsonl``: whether it compiles and boots, its operations by kind, why
those are refused that are, what it took. A line is kept while the document and the compiler's code stay the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app_clones.declared.engine import declared
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.compile import compiled
from factory.errors import GrindError

Json = Any

OUT = Path("out/compiler/survey.jsonl")
_START_MS = 1_717_243_200_000


def code_digest() -> str:
    """SHA-256 over the sources that a line of the survey depends on."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(sys.modules["app_clones.declared.engine"].__file__ or "").parent):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def line(id: str, code: str = "") -> dict[str, Json]:
    """Compiles and boots one document; what came of it, a failure by its message too."""
    begun = time.perf_counter()
    found: dict[str, Json] = {"document": id, "code": code, "compiled": False, "booted": False}
    try:
        decl = compiled(f"discovery:{id}").decl
        found["compiled"] = True
        found["methods"] = len(decl.operations)
        found["entities"] = len(decl.entities)
        found["kinds"] = dict(sorted(Counter(op.kind for op in decl.operations.values()).items()))
        reasons = Counter(general(op.reason) for op in decl.operations.values() if op.kind == "refused")
        found["reasons"] = dict(sorted(reasons.items()))
        app = declared(decl).app()
        with World.build([app], seed=1, start_ms=_START_MS, step_ms=1000, persons=5) as world:
            found["bytes"] = len(world.snapshot())
        found["booted"] = True
    except (GrindError, Exception) as error:
        found["error"] = f"{type(error).__name__}: {error}"[:300]
    found["seconds"] = round(time.perf_counter() - begun, 3)
    return found


def general(reason: str) -> str:
    """A reason without the names that it mentions, so that like ones are counted together."""
    reason = re.sub(r"worked out: \S+ is", "worked out: … is", reason)
    reason = re.sub(r"answers \S+, which", "answers …, which", reason)
    return re.sub(r"needs \S+, which", "needs …, which", reason)


def survey(ids: Sequence[str], out: Path = OUT) -> Iterator[dict[str, Json]]:
    """The lines of ``ids``, those that ``out`` holds already as they stand; new ones are appended to it."""
    code = code_digest()
    known = {found["document"]: found for found in _kept(out) if found["code"] == code}
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        for id in ids:
            if id not in known:
                known[id] = line(id, code)
                file.write(json.dumps(known[id], sort_keys=True) + "\n")
                file.flush()
            yield known[id]


def _kept(out: Path) -> Iterator[dict[str, Json]]:
    for text in out.read_text(encoding="utf-8").splitlines() if out.exists() else ():
        try:
            yield json.loads(text)
        except ValueError:
            continue  # the line at which a run was killed


def summary(lines: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """What all lines come to."""
    found = list(lines)
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for each in found:
        kinds.update(each.get("kinds", {}))
        reasons.update(each.get("reasons", {}))
    seconds = sorted(each["seconds"] for each in found)
    total = sum(kinds.values())
    inferred = total - kinds["record"] - kinds["refused"]
    return {
        "documents": len(found),
        "compiled": sum(each["compiled"] for each in found),
        "booted": sum(each["booted"] for each in found),
        "methods": total,
        "kinds": dict(kinds.most_common()),
        "inferred_stateful_share": round(inferred / total, 4) if total else 0.0,
        "reasons": dict(reasons.most_common(12)),
        "seconds_median": seconds[len(seconds) // 2] if seconds else 0.0,
        "seconds_max": seconds[-1] if seconds else 0.0,
        "bytes_max": max((each.get("bytes", 0) for each in found), default=0),
        "errors": {each["document"]: each["error"] for each in found if "error" in each},
    }


def main(ids: Sequence[str]) -> None:
    """Surveys ``ids``, or all documents, and prints the summary."""
    print(json.dumps(summary(survey(ids or discovery.documents())), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
