"""What apps do in Python beside their declaration, asked again: it must answer alike whoever asks, and when.

Tasks need not touch such an operation, so each is asked here by itself, with good arguments, in a world of its app
alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from app_clones.declared.load import BEHAVIOURS
from app_clones.declared.perform import perform
from factory.apps import load_app
from factory.compiler.proof_asking import Asker, Unaskable
from factory.compiler.proof_subject import Subject
from factory.manifest import Manifest
from factory.store import Store, sha256

_SEED = 1


class Behaving:
    """The operations with behaviours of those apps of a world whose Python its environment keeps. What such a file
    holds from one call to the next is held from one :meth:`answers` to the next, too."""

    def __init__(self, manifest: Manifest, store: Store) -> None:
        names: Sequence[str] = store.get_json(manifest.parts["about"])["apps"]
        kept = [load_app(name, manifest.parts, store).declared for name in names if _part(name) in manifest.parts]
        self._subjects = [Subject(ready, ready.app(), None, _SEED) for ready in kept if ready is not None]

    def answers(self) -> dict[str, str]:
        """By operation (``library.shelf_stock``) the digest of what it answers and of the state that it leaves."""
        return {
            f"{subject.decl.app}.{name}": _asked(subject, name)
            for subject in self._subjects
            for name, operation in subject.decl.operations.items()
            if operation.behaviour is not None
        }


def differing(*answers: Mapping[str, str]) -> list[str]:
    """The operations that did not answer alike each time, sorted."""
    return sorted(name for name in answers[0] if len({one.get(name) for one in answers}) > 1)


def _part(app: str) -> str:
    return f"apps/{app}/{BEHAVIOURS}"


def _asked(subject: Subject, name: str) -> str:
    with subject.stage() as stage:
        try:
            arguments = dict(Asker(stage, name, "audit").good().arguments)
            answer = stage.write(lambda call: perform(subject.ready, call, name, arguments))
        except Unaskable as error:
            answer = str(error)
        except Exception as error:  # a crash is an answer, too, and must be the same each time
            answer = f"{type(error).__name__}: {error}"
        # The order of keys is told to agents, so it counts.
        return sha256(json.dumps([answer, stage.world.state_digest]).encode())
