"""One episode in a repository: a sandbox with the broken source, a shell and an editor; graded elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from factory.environment import Action, Check, Checkpoint, Observation, Step, Task, ToolSpec, Verdict
from factory.errors import SandboxError, VerifierError, boundary
from factory.repos.grader import grade
from factory.repos.submission import Submission, collect
from sandboxes.base import WORKSPACE, Limits, NotFreezable, PathRefused, Sandbox
from sandboxes.layers import entries_of

if TYPE_CHECKING:
    from factory.repos.suite import RepoSuite

LIMITS = Limits(memory_mb=512, processes=64, disk_mb=64, output_bytes=256 << 10, cpu_s=20.0)
SHOWN = 6000  # characters of one observation
_TIMEOUT_S = 60.0
_TEXT = {"type": "string"}
# Each command starts in WORKSPACE, with the same variables and an empty /tmp: nothing but files is carried along.
_SHELL = 'find /tmp -mindepth 1 -delete 2>/dev/null; exec /bin/bash -c "$1" 2>&1'


def _tool(name: str, description: str, required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> ToolSpec:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": list(required)}
    schema["additionalProperties"] = False
    return ToolSpec(name, description, schema)


TOOLS: tuple[ToolSpec, ...] = (
    _tool(
        "shell_run",
        f"Run a command with bash in {WORKSPACE}. Only files last from one command to the next.",
        ("command",),
        command=_TEXT,
    ),
    _tool("shell_read", "Read a text file, from a line on.", ("path",), path=_TEXT, start={"type": "integer"}),
    _tool(
        "shell_write", "Write a text file, replacing what was there.", ("path", "content"), path=_TEXT, content=_TEXT
    ),
    _tool(
        "shell_edit",
        "Replace a piece of text that occurs exactly once in a file.",
        ("path", "old", "new"),
        path=_TEXT,
        old=_TEXT,
        new=_TEXT,
    ),
    _tool("task_submit", "Hand in the work tree as it is. Ends the task.", answer=_TEXT),
    _tool("task_decline", "Give the task back undone. Ends it.", reason=_TEXT),
)
_BY_NAME = {tool.name: tool for tool in TOOLS}
_TYPES = {"string": str, "integer": int}


class AgentMistake(Exception):
    """What an action was refused for; becomes an observation."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class RepoEnvironment:
    """See :class:`factory.environment.Environment`. Replay class ``restored``: a checkpoint's files come back exactly;
    a command's output may hold what no file decides (times, process ids)."""

    def __init__(self, suite: RepoSuite, task: Task, checkpoint: Checkpoint | None) -> None:
        self._suite, self._task = suite, task
        self._from = checkpoint.files if checkpoint and checkpoint.files else suite.start(task)
        self._fresh = checkpoint is None
        self._stack = AsyncExitStack()
        self._box: Sandbox | None = None
        self._outcome: str | None = None
        self._state = ""

    @property
    def state_digest(self) -> str:
        """The suite's start digest while the work tree is as the task gave it, else a digest of the tree."""
        return self._state

    async def open(self) -> Observation:
        with boundary(SandboxError, f"open {self._task.id}"):
            self._box = await self._stack.enter_async_context(self._suite.backend.fork(self._from, LIMITS))
            self._state = await self._digest()
        if self._fresh and self._state != self._suite.start_digest:
            raise SandboxError(f"{self._task.id} did not open on its start tree", "rebuild the environment")
        return Observation(self._task.instruction, TOOLS)

    async def step(self, action: Action) -> Step:
        try:
            arguments = self._checked(action)
        except AgentMistake as mistake:
            return self._answer(f"error: {mistake.text}", mistake.code)
        if action.name.startswith("task_"):
            self._outcome = "submitted" if action.name == "task_submit" else "declined"
            return Step(Observation(self._outcome), True, self._outcome, state_digest=self._state)
        with boundary(SandboxError, f"{action.name} in {self._task.id}"):
            try:
                text, error = await self._shell(action.name, arguments)
            except AgentMistake as mistake:
                text, error = f"error: {mistake.text}", mistake.code
            self._state = await self._digest()
        return self._answer(text, error)

    def _answer(self, text: str, error: str | None) -> Step:
        return Step(Observation(clip(text)), False, None, error, b"", self._state)

    async def freeze(self) -> Checkpoint:
        with boundary(SandboxError, f"freeze {self._task.id}"):
            return Checkpoint(files=await self._open_box.freeze())

    async def verdict(self) -> Verdict:
        if self._outcome != "submitted":
            return Verdict(0.0, (Check("submitted", False, self._outcome or "the episode ended without task_submit"),))
        submission = await self.submission()
        with boundary(VerifierError, f"grade {self._task.id}"):
            suite = self._suite
            return await grade(suite.exam(self._task), submission, suite.backend, suite.pristine)

    async def submission(self) -> Submission:
        """What would be graded now."""
        try:
            files = (await self.freeze()).files
        except SandboxError as error:
            if isinstance(error.__cause__, NotFreezable):
                return Submission(refused=f"the work tree cannot be read: {error.__cause__}")
            raise
        assert files is not None
        with boundary(VerifierError, f"read what {self._task.id} left"):
            above = files.layers[len(self._suite.pristine.layers) :]
            return collect(self._suite.tree, [entries_of(self._suite.store.get(layer)) for layer in above])

    async def close(self) -> None:
        self._box = None
        await self._stack.aclose()

    # ---- how

    @property
    def _open_box(self) -> Sandbox:
        if self._box is None:
            raise SandboxError(f"{self._task.id} is not open", "call open() first, and nothing after close()")
        return self._box

    async def _digest(self) -> str:
        start = self._suite.start_digest
        try:
            work = await self._open_box.digest()
        except NotFreezable as error:
            return hashlib.sha256(f"{start} not to be frozen: {error}".encode()).hexdigest()
        if work == self._task.private["start"]:
            return start
        return hashlib.sha256(f"{start} {work}".encode()).hexdigest()

    def _checked(self, action: Action) -> dict[str, Any]:
        if self._outcome is not None:
            raise AgentMistake("ended", f"the task was {self._outcome} before")
        tool = _BY_NAME.get(action.name)
        if tool is None:
            raise AgentMistake("unknown_tool", f"no tool {action.name[:80]!r}; there are {', '.join(_BY_NAME)}")
        if action.arguments is None:
            raise AgentMistake("invalid", "the arguments are no JSON object")
        arguments: dict[str, Any] = dict(action.arguments)
        known: Mapping[str, Mapping[str, str]] = tool.parameters["properties"]
        for name in tool.parameters["required"]:
            if name not in arguments:
                raise AgentMistake("invalid", f"{tool.name} needs {name}")
        for name, value in arguments.items():
            if known.get(name) is None:
                raise AgentMistake("invalid", f"{tool.name} knows no {str(name)[:80]!r}")
            kind = _TYPES[known[name]["type"]]
            if not isinstance(value, kind) or isinstance(value, bool) or "\0" in str(value):
                raise AgentMistake("invalid", f"{name} has to be a {known[name]['type']}")
        return arguments

    async def _shell(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, str | None]:
        if name == "shell_run":
            return await self._run(arguments["command"])
        path = _inside(arguments["path"])
        _encoded(path)
        try:
            if name == "shell_write":
                await self._open_box.write(path, _encoded(arguments["content"]))
                return "written", None
            text = (await self._open_box.read(path)).decode("utf-8", "replace")
            if name == "shell_read":
                return _from_line(text, arguments.get("start", 1)), None
            await self._open_box.write(path, _encoded(_edited(text, arguments["old"], arguments["new"])))
            return "edited", None
        except FileNotFoundError:
            raise AgentMistake("not_found", f"no file {path}") from None
        except (PathRefused, OSError) as error:
            raise AgentMistake("refused", f"{path}: {getattr(error, 'strerror', None) or error}") from None

    async def _run(self, command: str) -> tuple[str, str | None]:
        if len(command.encode("utf-8", "replace")) > 100_000:
            raise AgentMistake("invalid", "the command is too long; write a file and run that")
        env = {"PYTHONPATH": f"{WORKSPACE}/{self._suite.tree.import_root}".rstrip("/")}
        argv = ["/bin/bash", "-c", _SHELL, "shell", command]
        result = await self._open_box.exec(argv, timeout_s=_TIMEOUT_S, env=env)
        text = (result.stdout + result.stderr).decode("utf-8", "replace")
        if result.stopped:
            return f"{text}\n[stopped: {result.stopped} limit]", "limit"
        return (text, None) if result.exit_code == 0 else (f"{text}\n[exit code {result.exit_code}]".lstrip("\n"), None)


def clip(text: str) -> str:
    """At most SHOWN characters, the middle left out."""
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _inside(path: str) -> str:
    whole = path if path.startswith("/") else f"{WORKSPACE}/{path}"
    if not whole.startswith(f"{WORKSPACE}/"):
        raise AgentMistake("refused", f"{path[:200]} is not below {WORKSPACE}")
    return whole


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise AgentMistake("invalid", "the text is not valid Unicode") from None


def _from_line(text: str, start: int) -> str:
    if start < 1:
        raise AgentMistake("invalid", "lines count from 1")
    return "".join(text.splitlines(keepends=True)[start - 1 :])


def _edited(text: str, old: str, new: str) -> str:
    count = text.count(old) if old else 0
    if count != 1:
        raise AgentMistake("conflict", f"the text to replace occurs {count} times; it has to occur exactly once")
    return text.replace(old, new)
