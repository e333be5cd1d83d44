"""What is particular to the native backend, beyond the conformance suite."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxes import conformance
from sandboxes.base import FileSnapshot, LayerMissing, Limits, SandboxFault, Unsupported
from sandboxes.conformance import Bench
from sandboxes.layers import Entry, pack_entries
from sandboxes.native import NativeBackend
from sandboxes.seccomp import seccomp_program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the native backend's full mode needs root")
_PYTHON = ["python3", "-I", "-S", "-c"]


@pytest.mark.parametrize("check", conformance.CORE, ids=lambda check: check.__name__)
async def test_the_copying_mode_conforms_to_the_core(check, sandbox_home, layer_store, base):
    async with NativeBackend(layer_store, sandbox_home / "cache", copying=True) as backend:
        assert (await backend.describe())["mode"] == "copy"
        work = layer_store.put(pack_entries([Entry("work", "dir")]))
        await check(Bench(backend, FileSnapshot((*base.layers, work))))


async def test_each_sandbox_has_a_host_uid_of_its_own_that_is_not_root(native, base):
    async with native.fork(base, Limits()) as one, native.fork(base, Limits()) as other:
        uids = []
        for box in (one, other):
            await box.exec(["touch", "mine"], timeout_s=60)
            uids.append(os.stat("work/mine", dir_fd=box._root_fd).st_uid)
    assert len({0, 1000, *uids}) == 4


async def test_two_backends_of_one_machine_never_share_uids(native, sandbox_home, layer_store, base):
    async with (
        NativeBackend(layer_store, sandbox_home / "cache") as second,
        native.fork(base, Limits()) as one,
        second.fork(base, Limits()) as other,
    ):
        assert one._uid != other._uid


async def test_files_of_the_snapshot_under_the_workspace_belong_to_the_code_inside(native, layer_store, base):
    layer = layer_store.put(pack_entries([Entry("work/given", data=b"1"), Entry("opt/given", data=b"2")]))
    async with native.fork(FileSnapshot((*base.layers, layer)), Limits()) as box:
        result = await box.exec(
            ["sh", "-c", "chmod 755 given && touch -d 2001-01-01 given && stat -c %U given"], timeout_s=60
        )
        assert result.stdout == b"agent\n", result
        result = await box.exec(["sh", "-c", "chmod 755 /opt/given || rm /opt/given"], timeout_s=60)
        assert result.exit_code != 0


async def test_one_sandbox_cannot_reach_the_files_of_another(native, base):
    program = """
import os
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    for way in ("root", "cwd", "fd/3"):
        try: found = os.listdir(f"/proc/{pid}/{way}")
        except OSError: continue
        assert "secret" not in found and "b" not in found, (pid, way, found)
for path in ("/run/b", "/run/l", "/work/../../b", "/proc/1/root/run/b"):
    assert not os.path.exists(path), path
"""
    async with native.fork(base, Limits()) as one, native.fork(base, Limits()) as other:
        await one.exec(["touch", "/work/secret", "/tmp/secret"], timeout_s=60)
        result = await other.exec([*_PYTHON, program], timeout_s=60)
    assert result.exit_code == 0, result


async def test_lower_layers_on_disk_stay_as_they_were(native, sandbox_home, layer_store, base):
    layer = layer_store.put(pack_entries([Entry("work/given", data=b"before")]))
    script = "echo after > given; chmod 755 given; ln given twin; rm -rf /usr /etc; echo x > /usr/bin/true; true"
    async with native.fork(FileSnapshot((*base.layers, layer)), Limits()) as box:
        await box.exec(["sh", "-c", script], timeout_s=60)
        assert await box.read("/work/given") == b"after\n"
    lower = sandbox_home / "cache" / layer[:32] / "work"
    assert [path.name for path in lower.iterdir()] == ["given"]
    assert (lower / "given").read_bytes() == b"before"
    assert (lower / "given").stat().st_mode & 0o777 == 0o644


EVICT = """
import ctypes, mmap, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
with mmap.mmap(file, 0, prot=mmap.PROT_READ) as pages:
    for advice in (20, 21):  # MADV_COLD, MADV_PAGEOUT
        try:
            pages.madvise(advice)
        except PermissionError:
            pass
"""
ASK = """
import ctypes, os, sys
try:
    os.preadv(os.open(sys.argv[1], os.O_RDONLY), [bytearray(1)], 0, os.RWF_NOWAIT)
except PermissionError:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mincore(ctypes.c_void_p(0), ctypes.c_size_t(1), ctypes.create_string_buffer(1)) == -1
    sys.exit(7 if ctypes.get_errno() == 1 else 8)
"""


def settle(path: Path) -> None:
    """Into memory, and onto the disk, without which nothing could be dropped."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        file.read()


def in_memory(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False


async def test_no_word_is_left_in_which_pages_of_the_layers_are_in_memory(native, base, sandbox_home):
    async with native.fork(base, Limits()) as box:
        tree = sandbox_home / "cache" / base.layers[0][:32]
        library = max((tree / "usr").rglob("*.py"), key=lambda path: path.stat().st_size)
        settle(library)
        inside = f"/{library.relative_to(tree)}"
        assert (await box.exec([*_PYTHON, EVICT, inside], timeout_s=60)).exit_code == 0
        assert in_memory(library)
        assert (await box.exec([*_PYTHON, ASK, inside], timeout_s=60)).exit_code == 7
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", EVICT, library], check=True)
    assert not in_memory(library)  # outside, the same does drop it


async def test_a_cancelled_exec_ends_its_processes_and_the_sandbox_stays_usable(native, base):
    async with native.fork(base, Limits()) as box:
        task = asyncio.create_task(
            box.exec(["sh", "-c", "while :; do echo x >> ticks; sleep 0.01; done"], timeout_s=600)
        )
        while b"ticks" not in (await box.exec(["ls"], timeout_s=60)).stdout:
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await box.exec(["true"], timeout_s=60)
        before = await box.read("/work/ticks")
        await asyncio.sleep(0.2)
        assert await box.read("/work/ticks") == before


async def test_a_closed_sandbox_refuses_and_leaves_no_descriptor(native, base):
    async with native.fork(base, Limits()) as box:
        await box.exec(["true"], timeout_s=60)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        async with native.fork(base, Limits()) as box:
            await box.exec(["true"], timeout_s=60, stdin=b"x")
    assert len(os.listdir("/proc/self/fd")) == before
    for doing in (box.exec(["true"], timeout_s=1), box.read("/work/x"), box.digest(), box.freeze()):
        with pytest.raises(SandboxFault):
            await doing


async def test_a_warden_that_dies_is_a_fault_and_the_next_fork_has_a_new_one(native, base):
    async with native.fork(base, Limits()) as box:
        native._client._process.kill()
        with pytest.raises(SandboxFault):
            await box.exec(["sleep", "1000"], timeout_s=60)
    async with native.fork(base, Limits()) as box:
        assert (await box.exec(["true"], timeout_s=60)).exit_code == 0


async def test_a_machine_that_gives_a_command_no_cpu_is_at_fault_and_not_the_command(native, base, monkeypatch):
    monkeypatch.setattr("sandboxes.native.PATIENCE", 0.01)
    async with native.fork(base, Limits()) as box:
        with pytest.raises(SandboxFault, match="the machine is overloaded"):
            await box.exec(["sh", "-c", "while :; do :; done"], timeout_s=30)
        monkeypatch.undo()
        assert (await box.exec(["true"], timeout_s=30)).exit_code == 0


async def test_a_missing_layer_is_named(native):
    with pytest.raises(LayerMissing, match="f" * 64):
        async with native.fork(FileSnapshot(("f" * 64,)), Limits()):
            pass


async def test_arguments_too_long_for_the_kernel_are_an_exit_code(native, base):
    async with native.fork(base, Limits()) as box:
        result = await box.exec(["echo", "x" * (1 << 18)], timeout_s=60)
        assert result.exit_code == 126
        result = await box.exec(["sh", "-c", 'echo "$#"', "sh", *["y" * 1000] * 500], timeout_s=60)
        assert result.stdout == b"500\n"
        for wrong in ([], [""], ["echo", "a\0b"]):
            with pytest.raises(ValueError):
                await box.exec(wrong, timeout_s=60)


def test_without_root_it_says_what_to_do():
    program = (
        "import os, sandboxes.boxes as boxes\n"
        "os.setuid(65534)\n"
        "try: boxes.BoxYard('/tmp')\n"
        "except boxes.Unsupported as error: print(error)\n"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert "run it as root, or take the docker backend" in found.stdout, found


def test_there_is_no_filter_for_an_unknown_machine():
    with pytest.raises(Unsupported, match="m68k"):
        seccomp_program("m68k")
    assert len(seccomp_program("aarch64")) % 8 == 0
