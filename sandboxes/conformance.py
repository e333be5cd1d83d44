"""What every backend must do, as checks that any test runner can call.

Each check is ``async def check(bench: Bench) -> None`` and raises :class:`Nonconformance`. ``CORE`` holds for every
backend; ``LIMITS`` and ``ISOLATION`` of :mod:`sandboxes.hostile` are what code that fights back meets, and its ``ALL``
is everything. The base snapshot of a bench needs a shell, core utilities and ``python3``
(:func:`sandboxes.hostroot.host_root` will do) and an empty WORKSPACE.

    for check in hostile.ALL:
        await check(Bench(backend, base))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from sandboxes.base import Backend, ExecResult, FileSnapshot, Limits, PathRefused, Sandbox

_PATIENCE_S = 60.0  # for commands that end by themselves; nothing is concluded from it


class Nonconformance(AssertionError):
    """A backend does not do what the protocol says."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A backend and a snapshot to try it on."""

    backend: Backend
    base: FileSnapshot
    limits: Limits = field(default_factory=Limits)

    def fork(self, snapshot: FileSnapshot | None = None) -> AbstractAsyncContextManager[Sandbox]:
        return self.backend.fork(snapshot or self.base, self.limits)


Check = Callable[[Bench], Awaitable[None]]


def expect(condition: object, found: object) -> None:
    """Raises Nonconformance showing ``found`` unless ``condition`` holds."""
    if not condition:
        raise Nonconformance(f"{found!r}")


async def sh(box: Sandbox, script: str, *, timeout_s: float = _PATIENCE_S, stdin: bytes = b"") -> ExecResult:
    return await box.exec(["sh", "-c", script], timeout_s=timeout_s, stdin=stdin)


async def python(box: Sandbox, program: str, *, timeout_s: float = _PATIENCE_S) -> ExecResult:
    return await box.exec(["python3", "-I", "-S", "-c", program], timeout_s=timeout_s)


async def said(box: Sandbox, script: str) -> str:
    """What a shell script that must succeed printed."""
    result = await sh(box, script)
    expect(result.exit_code == 0 and result.stopped is None, result)
    return result.stdout.decode(errors="surrogateescape").strip()


# ---- fork, exec, files


async def a_command_returns_its_output_and_exit_code(bench: Bench) -> None:
    async with bench.fork() as box:
        result = await sh(box, "echo out; echo err >&2; exit 7")
    expect((result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"err\n"), result)
    expect(result.stopped is None and not result.truncated, result)


async def a_command_reads_its_stdin_environment_and_directory(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "mkdir sub")
        result = await box.exec(
            ["sh", "-c", 'cat; echo "$GREETING"; pwd'],
            timeout_s=_PATIENCE_S,
            stdin=b"in\0put\n" * 20_000,
            env={"GREETING": "a b\nc"},
            cwd="/work/sub",
        )
    expect(result.stdout == b"in\0put\n" * 20_000 + b"a b\nc\n/work/sub\n", result.stdout[-80:])


async def without_stdin_a_command_reads_nothing(bench: Bench) -> None:
    async with bench.fork() as box:
        result = await sh(box, "cat; echo end")
    expect(result.stdout == b"end\n", result)


async def a_command_that_dies_by_a_signal_returns_128_and_its_number(bench: Bench) -> None:
    async with bench.fork() as box:
        result = await sh(box, "kill -TERM $$")
    expect(result.exit_code == 143 and result.stopped is None, result)


async def a_missing_command_or_directory_is_an_exit_code(bench: Bench) -> None:
    async with bench.fork() as box:
        missing = await box.exec(["no-such-command"], timeout_s=_PATIENCE_S)
        nowhere = await box.exec(["true"], timeout_s=_PATIENCE_S, cwd="/work/nowhere")
        await said(box, "echo text > plain")
        plain = await box.exec(["/work/plain"], timeout_s=_PATIENCE_S)
    expect(missing.exit_code == 127, missing)
    expect(nowhere.exit_code != 0 and nowhere.stopped is None, nowhere)
    expect(plain.exit_code == 126, plain)


async def a_command_that_takes_too_long_is_stopped(bench: Bench) -> None:
    async with bench.fork() as box:
        result = await sh(box, "echo begun; sleep 1000", timeout_s=0.5)
        expect((result.stopped, result.exit_code, result.stdout) == ("time", 137, b"begun\n"), result)
        expect(await said(box, "echo usable") == "usable", "after a time-out")


async def output_beyond_the_limit_is_dropped(bench: Bench) -> None:
    async with bench.fork() as box:
        result = await sh(box, f"yes | head -c {bench.limits.output_bytes * 3}; echo done >&2")
    kept = len(result.stdout)
    expect(kept == bench.limits.output_bytes and result.truncated, (kept, result.truncated))
    expect(result.stderr == b"done\n" and result.exit_code == 0, result.stderr)


async def a_process_left_behind_is_gone_when_exec_returns(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "(while true; do echo x >> ticks; sleep 0.02; done) >/dev/null 2>&1 & sleep 0.1")
        before = await box.read("/work/ticks")
        await asyncio.sleep(0.2)
        expect(await box.read("/work/ticks") == before, "the background process still writes")


async def forks_of_one_snapshot_do_not_see_each_other(bench: Bench) -> None:
    async with bench.fork() as one, bench.fork() as other:
        await said(one, "echo 1 > mine; echo 2 > /tmp/mine")
        expect(await said(other, "ls /work /tmp") == "/tmp:\n\n/work:", "the other fork's files show")
    async with bench.fork() as later:
        expect(await said(later, "ls /work /tmp") == "/tmp:\n\n/work:", "an earlier fork left files")


async def commands_of_one_fork_share_files(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "echo kept > /work/a; echo too > /tmp/b")
        expect(await said(box, "cat /work/a /tmp/b") == "kept\ntoo", "files of an earlier command")


async def what_is_written_can_be_read(bench: Bench) -> None:
    data = bytes(range(256)) * 3000
    async with bench.fork() as box:
        await box.write("/work/new/deep/file", data)
        await box.write("/work/tool", b"#!/bin/sh\necho ran\n", executable=True)
        await box.write("/work/tool2", b"x")
        await box.write("/work/tool2", b"")
        expect(await box.read("/work/new/deep/file") == data, "other bytes")
        expect(await box.read("/work/tool2") == b"", "not replaced")
        modes = await said(box, "/work/tool; stat -c %a:%u tool tool2 new")
        expect(modes == "ran\n755:1000\n644:1000\n755:1000", modes)
        await said(box, "echo more >> new/deep/file; echo x > new/deep/other")


async def reading_what_is_no_file_is_refused(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "mkdir folder; mkfifo pipe; ln -s loop loop; echo x > plain")
        for path in ("/work/folder", "/work/pipe", "/work/loop", "relative", "/work/../etc/passwd", "/", "/work/a\0b"):
            await _raises(PathRefused, box.read(path))
        for path in ("/work/nothing", "/work/folder/nothing", "/work/plain/nothing"):
            await _raises(FileNotFoundError, box.read(path))


async def links_are_resolved_inside_the_sandbox(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "echo inside > target; ln -s /work/target absolute; ln -s ../../../../work/target climbing")
        await said(box, "ln -s /etc/passwd accounts; ln -s /proc/1/root/etc/hostname host; ln -s / root")
        expect(await box.read("/work/absolute") == b"inside\n", "an absolute link")
        expect(await box.read("/work/climbing") == b"inside\n", "a climbing link")
        expect(b"agent" in await box.read("/work/accounts"), "a link to a file of the snapshot")
        expect(b"agent" in await box.read("/work/root/etc/passwd"), "a link to the root")
        await _raises((FileNotFoundError, PathRefused), box.read("/work/host"))


async def writing_never_follows_links(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "mkdir real; ln -s real folder; echo kept > victim; ln -s victim file; mkfifo pipe")
        await said(box, "mkdir taken")
        await _raises(PathRefused, box.write("/work/folder/x", b"x"))
        await box.write("/work/file", b"new")
        await box.write("/work/pipe", b"plain")
        expect(await said(box, "cat victim file pipe; ls real") == "kept\nnewplain", "the link itself is replaced")
        await _raises(PathRefused, box.write("/work/taken", b"x"))
        await _raises(PathRefused, box.write("/work/victim/x", b"x"))
        await _raises(PathRefused, box.write("/work/" + "n" * 300, b"x"))


async def _raises(kind: type[Exception] | tuple[type[Exception], ...], doing: Awaitable[object]) -> None:
    try:
        result = await doing
    except kind:
        return
    raise Nonconformance(f"no {kind} but {result!r}")


# ---- freeze and digest

_EDITS = """
    mkdir -p keep gone/deep; echo 1 > keep/a; echo 2 > gone/deep/b; echo 3 > changed; ln -s keep/a link
    echo 5 > moved; mkdir solid; echo 4 > solid/x; echo '#!/bin/sh' > tool; chmod 755 tool
"""
_MORE_EDITS = """
    rm -r gone; echo 33 > changed; rm link; ln -s keep link; mv moved arrived; chmod 644 tool
    rm -r solid; mkdir solid; echo y > solid/y; ln keep/a twin
"""


async def a_frozen_fork_comes_back_the_same(bench: Bench) -> None:
    snapshot = bench.base
    for edits in (_EDITS, _MORE_EDITS):
        async with bench.fork(snapshot) as box:
            await said(box, edits)
            digest, listing = await box.digest(), await said(box, "find . | sort")
            snapshot = await box.freeze()
        async with bench.fork(snapshot) as again:
            expect(await again.digest() == digest, (await said(again, "find . | sort"), listing))
            expect(await said(again, "find . | sort") == listing, listing)
            expect((await again.freeze()) == snapshot, "nothing was changed, yet a layer came of it")
    expect(len(snapshot.layers) == len(bench.base.layers) + 2, snapshot)


async def freezing_leaves_the_sandbox_usable(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "echo 1 > a")
        first = await box.freeze()
        await said(box, "echo 2 > b; rm a")
        second = await box.freeze()
    async with bench.fork(first) as one, bench.fork(second) as two:
        expect(await said(one, "ls") == "a", "the first")
        expect(await said(two, "ls") == "b", "the second")


async def equal_changes_freeze_to_equal_layers(bench: Bench) -> None:
    async with bench.fork() as one, bench.fork() as other:
        await said(one, _EDITS)
        await said(other, "touch early; sleep 0.05;" + _EDITS + "\nrm early; touch keep/a")
        expect(await one.freeze() == await other.freeze(), "layers differ")


async def the_digest_tells_contents_kinds_and_modes_but_not_history(bench: Bench) -> None:
    async with bench.fork() as box, bench.fork() as other:
        seen = [await box.digest()]
        changes = ("echo 1 > a", "echo 2 > a", "chmod 755 a", "mv a b", "ln -s b a", "rm a; mkdir a", "echo x > a/b")
        for change in changes:
            await said(box, change)
            seen.append(await box.digest())
        expect(len(set(seen)) == len(seen), seen)
        await said(box, "rm -r a b; echo t > /tmp/elsewhere")
        expect(await box.digest() == seen[0], "undone changes still show")
        await said(other, "mkdir a; echo x > a/b; echo 2 > b; chmod 755 b")
        expect(await other.digest() == seen[-1], "another way to the same tree")


async def odd_names_and_files_survive_a_freeze(bench: Bench) -> None:
    program = r"""
import os
os.chdir(b"/work")
for name in (b"\xff\xfe", b"new\nline", b" space ", b"-rf", b"n" * 255, "grün".encode()):
    open(name, "wb").write(name)
os.makedirs(b"d" * 200 + b"/" + b"e" * 200)
os.symlink(b"\xfd-dangling", b"odd-link")
os.mkfifo("pipe")
os.link("-rf", "zz-twin")
open("setuid", "w").close(); os.chmod("setuid", 0o6755)
open("secret", "w").close(); os.chmod("secret", 0)
with open("sparse", "wb") as file:
    file.truncate(3 << 20); file.seek(2 << 20); file.write(b"x")
"""
    async with bench.fork() as box:
        result = await python(box, program)
        expect(result.exit_code == 0, result)
        digest, snapshot = await box.digest(), await box.freeze()
    async with bench.fork(snapshot) as again:
        expect(await again.digest() == digest, "digests differ")
        modes = await said(again, "stat -c %a setuid secret; cat zz-twin; test -p pipe && echo pipe")
        expect(modes == "755\n644\n-rfpipe", modes)
        sparse = await again.read("/work/sparse")
        expect(len(sparse) == 3 << 20 and sparse[2 << 20] == ord("x"), len(sparse))


async def code_inside_writes_the_workspace_and_tmp_alone(bench: Bench) -> None:
    async with bench.fork() as box:
        await said(box, "mkdir d; echo x > d/f")
        snapshot = await box.freeze()
    async with bench.fork(snapshot) as box:
        await said(box, "echo y >> d/f; chmod 755 d/f; touch -d 2001-01-01 d/f; rm d/f; rmdir d; echo t > /tmp/t")
        refused = "/etc/passwd /etc/new /bin/sh /new /lib/new /root"
        for path in refused.split():
            result = await sh(box, f"echo x >> {path}")
            expect(result.exit_code != 0, path)
        await sh(box, "rm -rf /etc /bin/cat /work; mv /work /elsewhere; rmdir /work; ln -s /tmp /work")
        expect(await said(box, "cat /etc/passwd | grep -c agent; test -h /work || echo still") == "1\nstill", "harmed")


async def a_submission_is_graded_in_a_fresh_fork(bench: Bench) -> None:
    """The shape of every grading: the agent's file and a hidden test meet in a fork that the agent never had."""
    async with bench.fork() as box:
        await said(box, "mkdir src; echo 'answer = 41' > src/code.py; echo 'exit 0' > check; mkdir tests")
        good, bad = b"answer = 42\n", await box.read("/work/src/code.py")
        await said(box, "echo left > /tmp/behind")
    test = b"import sys; sys.path.insert(0, '/work/src'); import code; sys.exit(code.answer != 42)\n"
    for submission, exit_code in ((good, 0), (bad, 1)):
        async with bench.fork() as grader:
            await grader.write("/work/src/code.py", submission)
            await grader.write("/work/hidden/test.py", test)
            result = await grader.exec(["python3", "-I", "-S", "/work/hidden/test.py"], timeout_s=_PATIENCE_S)
            expect(result.exit_code == exit_code, result)
            expect(await said(grader, "ls /tmp") == "", "something came along")


CORE: tuple[Check, ...] = (
    a_command_returns_its_output_and_exit_code,
    a_command_reads_its_stdin_environment_and_directory,
    without_stdin_a_command_reads_nothing,
    a_command_that_dies_by_a_signal_returns_128_and_its_number,
    a_missing_command_or_directory_is_an_exit_code,
    a_command_that_takes_too_long_is_stopped,
    output_beyond_the_limit_is_dropped,
    a_process_left_behind_is_gone_when_exec_returns,
    forks_of_one_snapshot_do_not_see_each_other,
    commands_of_one_fork_share_files,
    what_is_written_can_be_read,
    reading_what_is_no_file_is_refused,
    links_are_resolved_inside_the_sandbox,
    writing_never_follows_links,
    a_frozen_fork_comes_back_the_same,
    freezing_leaves_the_sandbox_usable,
    equal_changes_freeze_to_equal_layers,
    the_digest_tells_contents_kinds_and_modes_but_not_history,
    odd_names_and_files_survive_a_freeze,
    code_inside_writes_the_workspace_and_tmp_alone,
    a_submission_is_graded_in_a_fresh_fork,
)
