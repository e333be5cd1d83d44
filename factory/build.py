"""Spec in, frozen environment out, and loading what was built."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from factory.environment import Suite
from factory.errors import BuildError, InputGone, boundary
from factory.manifest import ENVIRONMENT, Manifest, read_manifest
from factory.spec import EnvSpec, RepoSpec, WorldSpec
from factory.store import Store

if TYPE_CHECKING:
    from factory.lock import Lock

Report = Callable[[str], None]


def build(spec: EnvSpec, lock: Lock, store: Store, report: Report | None = None) -> Manifest:
    """Builds ``spec`` from locked blobs alone, keeps the result in ``store`` and names it ``spec.name`` there.

    Whatever of a stranger's code has to run does so in a sandbox without network. Not to be called on an event loop's
    thread. Raises InputGone where a locked blob is missing or damaged, SpecError where ``lock`` is not ``spec``'s,
    BuildError.
    """
    from factory.lock import check_lock  # brings an HTTP client, which loading what was built does without

    check_lock(spec, lock)
    store.sweep()
    for entry in lock.inputs:
        if not store.has(entry.sha256):
            raise InputGone(
                f"{entry.filename} ({entry.sha256}) is locked but not in the store", "`grind lock` fetches it"
            )
    with boundary(BuildError, f"build {spec.name}"):
        manifest = _build(spec, lock, store, report)
        store.put(manifest.to_json())
        store.set_ref(ENVIRONMENT, spec.name, manifest.digest)
    return manifest


def _build(spec: EnvSpec, lock: Lock, store: Store, report: Report | None) -> Manifest:
    if report:
        report(f"building {spec.kind} {spec.name}")
    if isinstance(spec, WorldSpec):
        from factory.worlds.suite import build_world

        return build_world(spec, store)
    return asyncio.run(_build_repo(spec, lock, store))


async def _build_repo(spec: RepoSpec, lock: Lock, store: Store) -> Manifest:
    from factory.repos.suite import build_repo
    from sandboxes.native import NativeBackend

    async with NativeBackend(store, store.unpacked) as backend:
        return await build_repo(spec, lock, store, backend)


def load_suite(store: Store, name_or_digest: str) -> Suite:
    """What was built, ready to fork: from the store alone, in any process. Raises BuildError, InputGone."""
    manifest = read_manifest(store, name_or_digest)
    _check_sqlite(manifest)
    with boundary(BuildError, f"load {manifest.name}"):
        if manifest.kind == "world":
            from factory.worlds import suite as worlds

            return worlds.load(manifest, store)
        from factory.repos import suite as repos

        return repos.load(manifest, store)


def _check_sqlite(manifest: Manifest) -> None:
    here = apsw.sqlite_lib_version()
    if manifest.kind == "world" and manifest.sqlite_version != here:
        raise BuildError(
            f"environment {manifest.name} was built with SQLite {manifest.sqlite_version}, this is {here}",
            f"`grind build` makes it anew, or install the apsw that brings {manifest.sqlite_version}",
        )
