"""What a training run did, line by line: tokens per stage, how far the weights moved, whose rollouts made each step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from rollout.learner.optimise import Update


class Ledger:
    """A JSONL file; each entry has ``stage`` (``demonstrate``, ``warm_start``, ``grpo``, ``evaluate``) and its facts.

    A resumed run first drops entries of rounds that were not committed (:meth:`cut`), so no step stands in it twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, stage: str, **facts: Any) -> None:
        """Appends one entry."""
        with self.path.open("a") as out:
            out.write(json.dumps({"stage": stage, **facts}, sort_keys=True) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        """All entries in order; a last line cut short by a kill is left out."""
        found = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found

    def cut(self, round_: int) -> None:
        """Keeps what was there before ``round_`` began."""
        kept = [e for e in self.entries() if int(e.get("round", -1)) < round_]
        write_whole(self.path, "".join(json.dumps(e, sort_keys=True) + "\n" for e in kept))

    def totals(self) -> dict[str, Mapping[str, float]]:
        """By stage: sums of tokens, active tokens, rollouts, optimizer steps, seconds."""
        sums: dict[str, dict[str, float]] = {}
        for entry in self.entries():
            stage = sums.setdefault(entry["stage"], {})
            for key in ("tokens", "active", "rollouts", "steps", "seconds"):
                stage[key] = stage.get(key, 0) + float(entry.get(key, 0))
        return {stage: dict(values) for stage, values in sums.items()}


def update_facts(update: Update) -> dict[str, Any]:
    """An optimizer step as facts."""
    return {key: round(value, 8) if isinstance(value, float) else value for key, value in asdict(update).items()}
