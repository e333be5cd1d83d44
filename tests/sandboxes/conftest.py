from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.base import FileSnapshot
from sandboxes.engine import docker_engine
from sandboxes.hostroot import host_root
from sandboxes.layers import pack_entries
from sandboxes.native import NativeBackend
from sandboxes.store import DirectoryStore


@pytest.fixture(scope="session")
def sandbox_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="grindworks-sandboxes-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def layer_store(sandbox_home: Path) -> DirectoryStore:
    return DirectoryStore(sandbox_home / "layers")


@pytest.fixture(scope="session")
def base(layer_store: DirectoryStore) -> FileSnapshot:
    return FileSnapshot((layer_store.put(pack_entries(host_root())),))


@pytest.fixture
async def native(sandbox_home: Path, layer_store: DirectoryStore):
    if os.geteuid() != 0:
        pytest.skip("the native backend's full mode needs root")
    async with NativeBackend(layer_store, sandbox_home / "cache") as backend:
        yield backend


@pytest.fixture(scope="session")
def docker_url() -> Iterator[str]:
    with docker_engine() as url:
        yield url
