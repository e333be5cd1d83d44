"""Runs a test suite inside a sandbox and reports every phase of every test on the first standard output.

Brought in as ``python3 -P -s -S -B -c SOURCE`` with one JSON object on standard input:

    files   {path: text}   written below ``root`` before anything of theirs is imported; null deletes the file
    root, path             the work tree; folders appended to sys.path (``path`` is below ``root`` or absolute)
    tests                  what pytest is to collect, relative to ``root``
    first                  test ids to run before the others
    shuffle                seed for another order and for the random module before each test, or null: as it is, and 0
    clock                  seconds to move the time module's wall clock by
    stop_after             end the run after this many tests that did not pass; 0: never
    candidates             null, or a list of {files, first}: each is tried in a child of its own (screening of our own
                           edits, where a wrong report is nobody's gain); else one run in this process
    limit_s                of a candidate: CPU seconds

What it says is believed only as far as the grader's canaries bear it out: candidate code shares this process.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TRIMMED = (
    "cacheprovider", "faulthandler", "junitxml", "pastebin", "nose", "doctest", "unraisableexception",
    "threadexception", "stepwise", "setuponly", "setupplan", "logging", "recwarn", "warnings",
)  # fmt: skip


class Recorder:
    """The pytest plugin that notes what was collected and how each phase of each test ended."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.root = os.path.join(options["root"], "")
        self.collected: list[str] = []
        self.phases: list[list[str]] = []
        self.errors: list[str] = []
        self.where: dict[str, tuple[str, str]] = {}
        self.bad: set[str] = set()
        self.session: Any = None

    def pytest_sessionstart(self, session: Any) -> None:
        self.session = session

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.options["shuffle"] is not None:
            import random

            random.Random(self.options["shuffle"]).shuffle(items)
        rank = {name: n for n, name in enumerate(self.options["first"])}
        items.sort(key=lambda item: rank.get(item.nodeid, len(rank)))

    def pytest_runtest_setup(self, item: Any) -> None:
        import random

        random.seed(self.options["shuffle"] or 0)  # noqa: TID251 (of a stranger's tests, so that a verdict is a function)

    def pytest_collection_finish(self, session: Any) -> None:
        self.collected = [item.nodeid for item in session.items]

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome != "passed":
            self.errors.append(f"{report.nodeid}: {report.outcome}")

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        if call.excinfo is not None:
            place = last_place(call.excinfo.tb, self.root, tuple(self.options["tests"]))
            self.where[item.nodeid] = (place, call.excinfo.type.__name__)

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome = "xfail" if hasattr(report, "wasxfail") else report.outcome
        self.phases.append([report.nodeid, report.when, outcome])
        if outcome != "passed":
            self.bad.add(report.nodeid)
            if len(self.bad) == self.options["stop_after"] and not self.session.shouldfail:
                self.session.shouldfail = "enough did not pass"


def last_place(tb: Any, root: str, tests: tuple[str, ...]) -> str:
    """``path:line`` of the innermost frame in a test file: where a test failed, whatever it called."""
    found = ""
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if name.startswith(root) and name[len(root) :].startswith(tests):
            found = f"{name[len(root) :]}:{tb.tb_lineno}"
        tb = tb.tb_next
    return found


def place(root: str, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        target = os.path.join(root, path)
        folder, name = os.path.split(target)
        stale = os.path.join(folder, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
        if os.path.lexists(stale):  # a file of the same second and size would hide behind it
            os.unlink(stale)
        if text is None:
            os.unlink(target)
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            os.unlink(target)
        with open(target, "x", encoding="utf-8", newline="", errors="surrogateescape") as file:
            file.write(text)


def move_clock(seconds: int) -> None:
    import time

    real, real_ns = time.time, time.time_ns  # noqa: TID251 (what is replaced is the point)
    time.time = lambda: real() + seconds  # noqa: TID251
    time.time_ns = lambda: real_ns() + seconds * 10**9


def run(options: dict[str, Any]) -> dict[str, Any]:
    """One session in this process; returns the report."""
    import pytest

    recorder = Recorder(options)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (for the life of the process)
    arguments = ["-q", "-s", "-c", os.devnull, "--rootdir", options["root"], "--assert=plain", "--tb=native"]
    for name in TRIMMED:
        arguments += ["-p", f"no:{name}"]
    code = pytest.main([*arguments, *options["tests"]], plugins=[recorder])
    return {
        "exit": int(code),
        "collected": recorder.collected,
        "phases": recorder.phases,
        "errors": recorder.errors,
        "where": recorder.where,
    }


def screen(options: dict[str, Any], say: Callable[[str], None]) -> None:
    """Each candidate in a forked child: what is common was imported once. A child that hangs is killed."""
    import compileall
    import resource
    import signal

    import pytest  # noqa: F401 (the point: children inherit it)

    compileall.compile_dir(os.path.join(options["root"], options["tests"][0]), quiet=2, force=True)
    for candidate in options["candidates"]:
        files = candidate["files"]
        before: dict[str, str | None] = {path: _read(os.path.join(options["root"], path)) for path in files}
        place(options["root"], files)
        back, front = os.pipe()
        child = os.fork()
        if not child:
            os.close(back)
            resource.setrlimit(resource.RLIMIT_CPU, (options["limit_s"], options["limit_s"]))
            with open(front, "w") as pipe:
                pipe.write(json.dumps(run({**options, "first": candidate["first"]})))
            os._exit(0)
        os.close(front)
        text = listen(back, child)
        os.close(back)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            report = json.loads(text)
        except ValueError:
            report = None  # hung, or ended the process
        say(json.dumps(report))
        place(options["root"], before)


def listen(pipe: int, child: int) -> bytes:
    """All a child says. One that uses no CPU any more waits for ever; how loaded the machine is does not count."""
    import select

    text, still, before = b"", 0, ""
    while still < 5:
        if select.select([pipe], [], [], 1.0)[0]:
            more = os.read(pipe, 1 << 16)
            if not more:
                return text
            text += more
            continue
        used = " ".join(_read(f"/proc/{child}/stat").rpartition(")")[2].split()[11:13])
        still, before = (still + 1 if used == before else 0), used
    return text


def _read(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def main() -> None:
    write, leave, dumps = os.write, os._exit, json.dumps
    out = os.dup(1)
    options = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)

    def say(text: str) -> None:
        data = text.encode() + b"\n"
        while data:
            data = data[write(out, data) :]

    root = options["root"]
    os.chdir(root)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    place(root, options["files"])
    sys.path += [os.path.join(root, folder) for folder in options["path"]]
    if options["clock"]:
        move_clock(options["clock"])
    if options["candidates"] is not None:
        screen(options, say)
        leave(0)
    report = run(options)
    say(dumps(report))
    leave(report["exit"])


if __name__ == "__main__":
    main()
