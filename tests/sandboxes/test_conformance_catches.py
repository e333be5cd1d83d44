"""The conformance suite must be able to fail: backends with one planted fault each, and the checks that find them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxes import conformance, hostile
from sandboxes.base import ExecResult
from sandboxes.conformance import Bench, Nonconformance
from sandboxes.digest import tree_digest


class _Planted:
    """A backend whose sandboxes have some methods replaced; the rest is the real thing."""

    name = "planted"

    def __init__(self, backend, **faults):
        self._backend, self._faults = backend, faults

    @asynccontextmanager
    async def fork(self, snapshot, limits):
        limits = self._faults.get("limits", lambda given: given)(limits)
        async with self._backend.fork(snapshot, limits) as box:
            yield _Faulty(box, self._faults, snapshot)


class _Faulty:
    def __init__(self, box, faults, snapshot):
        self._box, self._faults, self._snapshot = box, faults, snapshot

    def __getattr__(self, name):
        fault = self._faults.get(name)
        return getattr(self._box, name) if fault is None else lambda *a, **k: fault(self._box, self._snapshot, *a, **k)


async def _freezes_nothing(box, snapshot):
    return snapshot


async def _digests_names_alone(box, snapshot):
    return (await box.exec(["find", "/work"], timeout_s=60)).stdout.hex()


async def _loses_the_signal(box, snapshot, argv, **options):
    result = await box.exec(argv, **options)
    return replace(result, exit_code=min(result.exit_code, 1))


async def _hides_what_stopped_it(box, snapshot, argv, **options):
    return replace(await box.exec(argv, **options), stopped=None)


async def _keeps_all_output(box, snapshot, argv, **options):
    result = await box.exec(argv, **options)
    return replace(result, truncated=False)


async def _reads_on_the_host(box, snapshot, path):
    return await asyncio.to_thread(Path(path).read_bytes)


async def _writes_through_the_shell(box, snapshot, path, data, *, executable=False):
    await box.exec(["sh", "-c", 'mkdir -p "$(dirname "$0")"; cat > "$0"', path], stdin=data, timeout_s=60)


_FAULTS = [
    ({"freeze": _freezes_nothing}, conformance.a_frozen_fork_comes_back_the_same),
    ({"digest": _digests_names_alone}, conformance.the_digest_tells_contents_kinds_and_modes_but_not_history),
    ({"exec": _loses_the_signal}, conformance.a_command_that_dies_by_a_signal_returns_128_and_its_number),
    ({"exec": _hides_what_stopped_it}, conformance.a_command_that_takes_too_long_is_stopped),
    ({"exec": _keeps_all_output}, conformance.output_beyond_the_limit_is_dropped),
    ({"read": _reads_on_the_host}, conformance.links_are_resolved_inside_the_sandbox),
    ({"write": _writes_through_the_shell}, conformance.writing_never_follows_links),
    ({"exec": _hides_what_stopped_it}, hostile.an_endless_loop_is_stopped_by_its_cpu_time),
    ({"exec": _hides_what_stopped_it}, hostile.a_disk_filler_is_stopped_and_can_be_cleared_up),
    ({"exec": _hides_what_stopped_it}, hostile.a_fork_bomb_is_stopped),
    ({"limits": lambda given: replace(given, memory_mb=4096)}, hostile.a_memory_hog_is_stopped),
]


@pytest.mark.parametrize(("faults", "check"), _FAULTS, ids=[check.__name__ for _, check in _FAULTS])
async def test_a_planted_fault_is_found(faults, check, native, base):
    with pytest.raises((Nonconformance, FileNotFoundError, asyncio.TimeoutError)):
        await asyncio.wait_for(check(Bench(_Planted(native, **faults), base)), 20)


class _Unconfined:
    """Commands as plain child processes on the host: no walls at all."""

    name = "unconfined"

    @asynccontextmanager
    async def fork(self, snapshot, limits):
        folder = tempfile.mkdtemp()
        yield _UnconfinedBox(folder)
        shutil.rmtree(folder)


class _UnconfinedBox:
    def __init__(self, folder):
        self._folder = folder

    async def exec(self, argv, *, timeout_s, stdin=b"", env=None, cwd="/work"):
        options = {"cwd": self._folder, "input": stdin, "capture_output": True, "check": False}
        done = await asyncio.to_thread(subprocess.run, argv, **options)
        return ExecResult(done.returncode, done.stdout, done.stderr)

    async def freeze(self):
        return None


_WALLS = [
    hostile.there_is_no_network_but_loopback,
    hostile.nothing_of_the_host_shows,
]


@pytest.mark.parametrize("check", _WALLS, ids=lambda check: check.__name__)
async def test_a_backend_without_walls_fails_the_checks_of_isolation(check, base):
    with pytest.raises(Nonconformance):
        await check(Bench(_Unconfined(), base))


async def test_a_missing_system_call_filter_is_found(sandbox_home, layer_store, base, monkeypatch):
    from sandboxes import client
    from sandboxes.native import NativeBackend

    allow_all = "import sandboxes.boxes as b; b.seccomp_program = lambda: bytes.fromhex('060000000000ff7f'); "
    start = client._START.replace("from sandboxes.warden", allow_all + "from sandboxes.warden")
    monkeypatch.setattr(client, "_START", start)
    async with NativeBackend(layer_store, sandbox_home / "cache") as open_to_all:
        with pytest.raises(Nonconformance):
            await hostile.dangerous_system_calls_are_refused(Bench(open_to_all, base))


def test_the_digest_of_an_unreadable_place_is_an_error():
    with pytest.raises(OSError):
        tree_digest(-1)
