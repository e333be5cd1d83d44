"""Worlds of a declared app with generated tasks, for the tests of generators and of their verifiers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from small_world import ROOT

from app_clones.declared.engine import Declared, declared
from app_clones.declared.load import load_decl
from factory.apps import found_of
from factory.manifest import Manifest
from factory.spec import FaultsSpec, GeneratedSpec, WorldSpec, WorldTasksSpec
from factory.store import Store
from factory.worlds.suite import WorldSuite, build_found, load

CLUB = ROOT / "tests" / "factory" / "generated" / "club.yaml"


def club() -> Declared:
    """The app that has a place for everything."""
    return declared(load_decl(CLUB))


def spec(faults: FaultsSpec | None = None, *, max_steps: int = 14, **generated: Any) -> WorldSpec:
    """A world of the club alone."""
    return WorldSpec(
        kind="world", name="club", seed=11, start=datetime(2025, 3, 3, 9, tzinfo=UTC), step_seconds=60, persons=4,
        apps={"club": {}}, tasks=WorldTasksSpec(max_steps=max_steps, generated=GeneratedSpec(**generated)),
        faults=faults,
    )  # fmt: skip


def built(root: Path, of: WorldSpec, app: Declared | None = None) -> tuple[Store, Manifest, WorldSuite]:
    """Built, of the club or another app, and loaded."""
    store = Store(root)
    manifest = build_found(of, (found_of(app or club()),), store)
    store.put(manifest.to_json())
    return store, manifest, load(manifest, store)
