"""The second half of the conformance suite: code that takes all it can get, and code that wants out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sandboxes.base import Limits, NotFreezable
from sandboxes.conformance import CORE, Bench, Check, expect, python, said, sh

_SMALL = Limits(memory_mb=96, processes=24, disk_mb=24, cpu_s=1.0)
_PATIENCE_S = 60.0


# ---- limits


async def a_memory_hog_is_stopped(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        result = await python(box, "x = []\nwhile True: x.append(bytearray(1 << 20))")
        expect((result.stopped, result.exit_code) == ("memory", 137), result)
        result = await python(box, "import os\nwhile True:\n if os.fork() == 0: x = bytearray(8 << 20)")
        expect(result.stopped in ("memory", "processes"), result)
        expect(await said(box, "echo usable") == "usable", "afterwards")


async def a_fork_bomb_is_stopped(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        result = await sh(box, "b() { b | b & }; b; sleep 100")
        expect((result.stopped, result.exit_code) == ("processes", 137), result)
        expect(await said(box, "echo usable") == "usable", "afterwards")


async def a_disk_filler_is_stopped_and_can_be_cleared_up(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        adding = "while true; do head -c 1000000 /dev/zero >> big; done"
        for script in ("cat /dev/zero > big", "yes > /tmp/big", adding):
            result = await sh(box, script)
            expect((result.stopped, result.exit_code) == ("disk", 137), (script, result))
            await said(box, "rm -f big /tmp/big")
        result = await sh(box, "i=0; while true; do i=$((i+1)); echo > f$i || sleep 100; done")
        expect(result.stopped in ("disk", "cpu"), result)


async def an_endless_loop_is_stopped_by_its_cpu_time(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        for script in ("while true; do :; done", "(while true; do :; done) & (while true; do :; done) & wait"):
            result = await sh(box, script)
            expect(result.stopped == "cpu" and result.cpu_s >= _SMALL.cpu_s, result)
        expect((await sh(box, "exit 3")).exit_code == 3, "the next command has CPU time of its own")


async def a_command_that_computes_is_not_stopped_for_the_time_that_takes(bench: Bench) -> None:
    """Seconds on a slow or busy machine are none of its doing; ``timeout_s`` counts those in which it wants no CPU."""
    program = "import time\nwhile time.process_time() < 0.7: pass\nprint('done')"
    async with replace(bench, limits=_SMALL).fork() as box:
        rivals = [asyncio.create_task(python(other, "while True: pass")) for other in [box] * 4]
        result = await python(box, program, timeout_s=0.4)
        expect((result.stopped, result.stdout) == (None, b"done\n"), result)
        await asyncio.gather(*rivals)


async def every_way_of_sleeping_is_stopped(bench: Bench) -> None:
    """Also asleep in a state that looks like waiting for a disk, stopped, and in short naps."""
    programs = (
        "import os\nos.mkfifo('f')\nos.posix_spawn('/bin/true', ['true'], {}, file_actions=[(0, 0, 'f', 0, 0)])",
        "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)\nos.wait()",
        "import time\nwhile True: time.sleep(0.01)",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    )
    async with replace(bench, limits=_SMALL).fork() as box:
        for program in programs:
            result = await python(box, program, timeout_s=0.5)
            expect((result.stopped, result.exit_code) == ("time", 137), (program, result))


async def no_code_can_have_itself_starved(bench: Bench) -> None:
    """A command that waits for a CPU is the machine's victim, so it may not choose to be served last."""
    program = """
import os
idle = os.sched_param(0)
ways = (
    lambda: os.nice(5),
    lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    lambda: os.sched_setscheduler(0, os.SCHED_IDLE, idle),
    lambda: open("/proc/self/autogroup", "w").write("19"),
)
for way in ways:
    try: way()
    except OSError: continue
    raise SystemExit(1)
"""
    async with bench.fork() as box:
        result = await python(box, program)
        expect(result.exit_code == 0, result)


async def an_output_bomb_ends(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        result = await sh(box, "yes & yes >&2 & wait")
    expect(result.stopped == "cpu" and result.truncated, (result.stopped, result.truncated))
    expect(len(result.stdout) == len(result.stderr) == _SMALL.output_bytes, (len(result.stdout), len(result.stderr)))


async def processes_that_ignore_signals_end_too(bench: Bench) -> None:
    program = """
import os, signal, time
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
if os.fork(): os._exit(5)
os.setsid()
time.sleep(1000)
"""
    async with bench.fork() as box:
        result = await python(box, program)
        expect(result.exit_code == 5 and result.stopped is None, result)
        result = await python(box, program.replace("os._exit(5)", "time.sleep(1000)"), timeout_s=0.5)
        expect(result.stopped == "time", result)
        expect(await said(box, "ls /proc | grep -c '^[0-9]'") in ("3", "4", "5"), "processes remain")


async def a_sparse_giant_is_not_frozen(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        await said(box, "for i in 1 2 3; do python3 -c \"open('f$i', 'wb').truncate(20 << 20)\"; done")
        await box.digest()
        try:
            await box.freeze()
        except NotFreezable:
            return
        expect(False, "60 MB came of a 24 MB disk")


async def a_write_beyond_the_disk_limit_leaves_nothing(bench: Bench) -> None:
    async with replace(bench, limits=_SMALL).fork() as box:
        await box.write("/work/kept", b"before")
        try:
            await box.write("/work/kept", bytes(_SMALL.disk_mb + 1 << 20))
        except OSError:
            expect(await said(box, "ls -A; cat kept") == "kept\nbefore", await said(box, "ls -lA"))
            await box.write("/work/other", bytes(_SMALL.disk_mb - 1 << 20))
            return
        expect(False, "more than the disk holds was written")


async def a_workspace_of_holes_is_told_by_name_not_hashed(bench: Bench) -> None:
    async with bench.fork() as box:
        program = (
            "import os\nfor i in range(40):\n os.truncate(os.open(f'/work/f{i}', os.O_CREAT | os.O_RDWR), 200 << 20)"
        )
        expect((await python(box, program)).exit_code == 0, "truncate")
        try:
            await box.digest()
        except NotFreezable:
            return
        expect(False, "8 GB of holes were hashed")


async def a_path_too_deep_is_not_frozen(bench: Bench) -> None:
    program = "import os\nos.chdir('/work')\nfor _ in range(60):\n os.mkdir('d' * 100); os.chdir('d' * 100)\n"
    async with bench.fork() as box:
        expect((await python(box, program)).exit_code == 0, "mkdir")
        try:
            await box.freeze()
        except NotFreezable:
            return
        expect(False, "frozen")


# ---- isolation


async def commands_at_the_same_time_share_files_but_no_processes(bench: Bench) -> None:
    async with bench.fork() as box:
        waiting = "echo $$ > {0}; while ! test -e {1}; do sleep 0.01; done; ls /proc | grep -c '^[0-9]'"
        one, other = await asyncio.gather(sh(box, waiting.format("a", "b")), sh(box, waiting.format("b", "a")))
        expect(one.exit_code == other.exit_code == 0, (one, other))
        expect(int(one.stdout) <= 5 and int(other.stdout) <= 5, (one, other))


async def there_is_no_network_but_loopback(bench: Bench) -> None:
    program = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5).close()
assert [name for _, name in socket.if_nameindex()] == ["lo"]
def refused(family, kind, address=None, proto=0):
    try:
        sock = socket.socket(family, kind, proto)
        if address: sock.settimeout(5); sock.connect(address)
    except OSError: return True
    return False
assert refused(socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 53))
assert refused(socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80))
assert refused(socket.AF_INET, socket.SOCK_RAW, None, 1)
assert refused(socket.AF_PACKET, socket.SOCK_RAW)
assert refused(socket.AF_VSOCK, socket.SOCK_STREAM)
assert refused(38, socket.SOCK_SEQPACKET)  # AF_ALG
"""
    async with bench.fork() as box:
        result = await python(box, program)
    expect(result.exit_code == 0, result)


async def nothing_of_the_host_shows(bench: Bench) -> None:
    async with bench.fork() as box:
        expect(await said(box, "uname -n; id -u; id -g; id -G") == "sandbox\n1000\n1000\n1000", "identity")
        names = await said(box, "ls /proc | grep '^[0-9]' | while read p; do cat /proc/$p/comm; done; true")
        expect(set(names.split()) <= {"bwrap", "sh", "ls", "grep", "cat", "sleep"}, names)
        variables = await said(box, "env | sed s/=.*// 2>/dev/null || env")
        expect("GRINDWORKS" not in variables and "VIRTUAL_ENV" not in variables, variables)
        first = await said(box, "cat /proc/1/environ | wc -c; cat /proc/1/cmdline")
        expect("/run/b" not in first and "--bind" not in first, first)
        mounts = await said(box, "cat /proc/self/mountinfo")
        expect(len(mounts.splitlines()) <= 24 and "/home" not in mounts and "/dev/vda" not in mounts, mounts)
        expect(await said(box, "ls /dev | wc -l") < "20", "devices")
        open_files = await python(box, "import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')))")
        expect(open_files.stdout == b"[0, 1, 2, 3]\n", open_files)  # 3: the listing itself


async def privileges_are_gone_and_cannot_be_had(bench: Bench) -> None:
    async with bench.fork() as box:
        status = dict(line.split(":\t", 1) for line in (await said(box, "cat /proc/self/status")).splitlines())
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            expect(int(status[name], 16) == 0, (name, status[name]))
        expect(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status)
        for script in (
            "mount -t tmpfs x /tmp",
            "mount --bind /tmp /work",
            "unshare -U true",
            "unshare -m true",
            "unshare -n true",
            "echo 1 > /proc/sys/kernel/panic",
            "echo b > /proc/sysrq-trigger",
            "cat /proc/kmsg",
            "cat /proc/1/root/../etc/shadow",
            "ls /proc/1/cwd/../../root",
            "echo x > /dev/new",
        ):
            expect((await sh(box, script)).exit_code != 0, script)
        await said(box, "cp /bin/id mine; chmod 6755 mine")
        expect(await said(box, "./mine -u") == "1000", "a setuid program of one's own")


async def dangerous_system_calls_are_refused(bench: Bench) -> None:
    program = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
calls = dict(ptrace=(101, 117), keyctl=(250, 219), add_key=(248, 217), bpf=(321, 280), perf_event_open=(298, 241),
    userfaultfd=(323, 282), io_uring_setup=(425, 425), mount=(165, 40), unshare=(272, 97), setns=(308, 268),
    kexec_load=(246, 104), open_by_handle_at=(304, 265), pidfd_getfd=(438, 438), process_vm_readv=(310, 270),
    fsopen=(430, 430), open_tree=(428, 428), pivot_root=(155, 41), chroot=(161, 51), init_module=(175, 105),
    swapon=(167, 224), reboot=(169, 142), settimeofday=(164, 170))
for name, numbers in calls.items():
    flags = 0x10000000 if name == "unshare" else 0
    result = libc.syscall(numbers[0 if x86 else 1], flags, 0, 0, 0, 0)
    assert result == -1 and ctypes.get_errno() == errno.EPERM, (name, result, ctypes.get_errno())
assert libc.syscall(435, 0, 0) == -1 and ctypes.get_errno() == errno.ENOSYS
clone_newuser = 0x10000000 | 17
result = libc.syscall(56 if x86 else 220, clone_newuser, 0, 0, 0, 0)
if result == 0: os._exit(0)
assert result == -1, "clone made a user namespace"
if os.fork() == 0: os._exit(0)
assert os.wait()[1] == 0
"""
    async with bench.fork() as box:
        result = await python(box, program)
    expect(result.exit_code == 0, result)


async def devices_cannot_be_made(bench: Bench) -> None:
    program = """
import os, stat
for path in ("/work/dev", "/tmp/dev"):
    for kind, number in ((stat.S_IFBLK, os.makedev(8, 0)), (stat.S_IFCHR, os.makedev(1, 1)), (stat.S_IFCHR, 0)):
        try: os.mknod(path, kind | 0o666, number)
        except PermissionError: continue
        open(path, "rb")  # /tmp is no overlay and lets a whiteout be made, which opens nothing
"""
    async with bench.fork() as box:
        result = await python(box, program)
        expect(result.exit_code == 0 or b"OSError" in result.stderr or b"PermissionError" in result.stderr, result)
        await box.freeze()


async def many_forks_at_once_each_have_their_own(bench: Bench) -> None:
    async def one(number: int) -> str:
        async with bench.fork() as box:
            await said(box, f"echo {number} > mine")
            return await said(box, "cat mine; ls | wc -l")

    found = await asyncio.gather(*(one(number) for number in range(24)))
    expect(found == [f"{number}\n1" for number in range(24)], found)


LIMITS: tuple[Check, ...] = (
    a_memory_hog_is_stopped,
    a_fork_bomb_is_stopped,
    a_disk_filler_is_stopped_and_can_be_cleared_up,
    an_endless_loop_is_stopped_by_its_cpu_time,
    a_command_that_computes_is_not_stopped_for_the_time_that_takes,
    every_way_of_sleeping_is_stopped,
    no_code_can_have_itself_starved,
    an_output_bomb_ends,
    processes_that_ignore_signals_end_too,
    a_sparse_giant_is_not_frozen,
    a_write_beyond_the_disk_limit_leaves_nothing,
    a_workspace_of_holes_is_told_by_name_not_hashed,
    a_path_too_deep_is_not_frozen,
)
ISOLATION: tuple[Check, ...] = (
    commands_at_the_same_time_share_files_but_no_processes,
    there_is_no_network_but_loopback,
    nothing_of_the_host_shows,
    privileges_are_gone_and_cannot_be_had,
    dangerous_system_calls_are_refused,
    devices_cannot_be_made,
    many_forks_at_once_each_have_their_own,
)
ALL: tuple[Check, ...] = (*CORE, *LIMITS, *ISOLATION)
