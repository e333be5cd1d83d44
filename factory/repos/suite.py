"""A repository's suite: building it from locked blobs, loading it, forking its tasks."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from types import ModuleType
from typing import Any, Literal

import app_clones.kit.seeds
import factory.repos
import factory.rootfs
import sandboxes.layers
from app_clones.kit.seeds import derive
from factory.environment import Action, Checkpoint, Task
from factory.errors import BuildError
from factory.lock import Lock
from factory.manifest import Manifest, check_code, code_digest
from factory.repos.canaries import Canary
from factory.repos.environment import RepoEnvironment
from factory.repos.exploits import Scene
from factory.repos.grader import Exam
from factory.repos.leaks import find_copies
from factory.repos.operators import Edit
from factory.repos.search import LIMITS, Bench
from factory.repos.source import SourceTree, unpack_sdist
from factory.repos.tasks import Facts, Found, establish, find_tasks, site_from
from factory.repos.wording import instruction
from factory.rootfs import base_snapshot, compiled
from factory.spec import RepoSpec
from factory.store import Store, canonical_json, sha256
from sandboxes.base import WORKSPACE, Backend, FileSnapshot
from sandboxes.layers import Entry, pack_entries
from sandboxes.native import NativeBackend

MAX_STEPS = 24
HELDOUT_EVERY = 4
CODE: tuple[ModuleType, ...] = (factory.repos, factory.rootfs, app_clones.kit.seeds, sandboxes.layers)


class RepoSuite:
    """See :class:`factory.environment.Suite`. ``pristine``: the snapshot every run of the tests starts from; a task's
    start is that plus one layer of kilobytes. ``backend`` makes all sandboxes, the agent's and the grader's."""

    kind: Literal["repo"] = "repo"

    def __init__(self, manifest: Manifest, store: Store, backend: Backend) -> None:
        self.name, self.digest, self.start_digest = manifest.name, manifest.digest, manifest.start_digest
        self.store, self.backend = store, backend
        self.pristine = FileSnapshot(manifest.snapshot)
        self.tasks: Mapping[str, Task] = {t["id"]: Task(**t) for t in store.get_json(manifest.tasks)}
        self._parts = manifest.parts

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> RepoEnvironment:
        return RepoEnvironment(self, task, checkpoint)

    def start(self, task: Task) -> FileSnapshot:
        """The snapshot a task starts from."""
        return FileSnapshot((*self.pristine.layers, task.private["layer"]))

    def oracle(self, task: Task, done: Sequence[Action] = ()) -> Sequence[Action]:
        """Puts the gold text back, by one edit if the file is untouched, else by writing the file."""
        edit, submit = self.edit(task), Action("task_submit", {})
        gold = self.tree.modules[edit.path]
        repair = Action("shell_edit", {"path": edit.path, **_unique(edit.apply(gold), gold)})
        write = Action("shell_write", {"path": edit.path, "content": gold})
        writes = [a for a in done if a.name in ("shell_run", "shell_write", "shell_edit")]
        if not writes:
            return [repair, submit]
        return [submit] if writes[-1] in (repair, write) and len(writes) == 1 else [write, submit]

    def describe(self, changeset: bytes) -> Sequence[str]:
        """Nothing: a file tree's steps carry no changeset."""
        return ()

    # ---- what grading needs

    @cached_property
    def tree(self) -> SourceTree:
        """The source, hidden tests included."""
        return _tree_from(self._repo["tree"])

    @cached_property
    def facts(self) -> Facts:
        """What was found of the pristine repository."""
        data = self._repo["facts"]
        ids = {name: tuple(data[name]) for name in ("collected", "expected", "quarantined", "concurrent")}
        return Facts(**ids, canaries=tuple(Canary(site_from(c["site"]), tuple(c["fails"])) for c in data["canaries"]))

    @cached_property
    def rejected(self) -> tuple[str, ...]:
        """Candidates that became no task, with the reason."""
        return tuple(self._repo["rejected"])

    @cached_property
    def _repo(self) -> Any:
        return self.store.get_json(self._parts["repo"])

    def edit(self, task: Task) -> Edit:
        """What was done to the gold to make the task."""
        return Edit(**task.private["edit"])

    def exam(self, task: Task) -> Exam:
        """All that grading needs."""
        edit, wanted = self.edit(task), set(task.private["canaries"])
        return Exam(
            task_id=task.id,
            tree=self.tree,
            tests=tuple(self._repo["tests"]),
            timeout_s=self._repo["timeout_s"],
            cpu_s=self._repo["cpu_s"],
            collected=self.facts.collected,
            expected=self.facts.expected,
            fail_to_pass=tuple(task.private["fail_to_pass"]),
            canaries=tuple(c for c in self.facts.canaries if c.site.id in wanted),
            start={edit.path: edit.apply(self.tree.modules[edit.path])},
            secret=int(self.digest[:15], 16),
        )

    def scene(self, task: Task) -> Scene:
        """What an exploit works on."""
        edit, modules = self.edit(task), self.tree.modules
        broken = edit.apply(modules[edit.path])
        init = f"{self.tree.package_dir}/__init__.py"
        text = broken if init == edit.path else modules[init]
        return Scene(self.tree.package_dir, self.tree.import_root, edit.path, broken, edit.function, text)

    def bench(self) -> Bench:
        """For running the suite on the pristine source."""
        return Bench(self.backend, self.pristine, self.tree, tuple(self._repo["tests"]))


def load(manifest: Manifest, store: Store, backend: Backend | None = None) -> RepoSuite:
    """What ``build_repo`` made. Raises InputGone, and BuildError where it was built by other code than this."""
    check_code(manifest, CODE)
    return RepoSuite(manifest, store, backend or NativeBackend(store, store.unpacked))


async def build_repo(spec: RepoSpec, lock: Lock, store: Store, backend: Backend) -> Manifest:
    """Builds a repository's environment: base, source, facts, tasks. The repository's code runs in sandboxes only.

    Raises BuildError where the suite does not pass, an upstream copy lies in the base, or too few tasks are found."""
    sdist = lock.of_kind("sdist")
    if len(sdist) != 1:
        raise BuildError(f"{spec.name}: the lock has {len(sdist)} sdists", "`grind lock` makes it anew")
    tree = unpack_sdist(store.get(sdist[0].sha256), spec.source.package, spec.test.paths)
    base = await compiled(base_snapshot(lock, store), store, backend)
    if copies := find_copies([store.get(layer) for layer in base.layers], tree, spec.source.package):
        raise BuildError(f"the base holds a copy of {spec.source.package}: {copies[0]}", "leave that package out")
    pristine = FileSnapshot((*base.layers, store.put(tree.layer())))
    bench = Bench(backend, pristine, tree, spec.test.paths)
    facts = await establish(bench, spec.seed, spec.test.timeout_s, spec.test.cpu_s)
    found, rejected = await find_tasks(bench, facts, spec.seed, spec.tasks.count)
    tasks = [await _task(spec, tree, n, f, pristine, store, backend) for n, f in enumerate(found)]
    repo = {
        "tree": _tree_json(tree),
        "facts": _facts_json(facts),
        "rejected": rejected,
        "tests": list(spec.test.paths),
        "timeout_s": spec.test.timeout_s,
        "cpu_s": spec.test.cpu_s,
    }
    return Manifest(
        name=spec.name,
        kind="repo",
        snapshot=pristine.layers,
        start_digest=sha256(canonical_json(list(pristine.layers))),
        parts={"repo": store.put_json(repo)},
        tasks=store.put_json(tasks),
        code_digest=code_digest(CODE),
        sqlite_version="",
    )


async def _task(
    spec: RepoSpec, tree: SourceTree, n: int, found: Found, pristine: FileSnapshot, store: Store, backend: Backend
) -> dict[str, Any]:
    broken = found.edit.apply(tree.modules[found.edit.path])
    path = f"{WORKSPACE.strip('/')}/{found.edit.path}"
    layer = store.put(pack_entries([Entry(path, "file", broken.encode())]))
    async with backend.fork(FileSnapshot((*pristine.layers, layer)), LIMITS) as box:
        start = await box.digest()
    number = f"{n:04d}"
    return {
        "id": f"{spec.name}/{found.kind}/{number}",
        "template": found.kind,
        "instruction": instruction(found, tree.package_dir, Random(derive(spec.seed, "wording", number))),
        "split": "heldout" if n % HELDOUT_EVERY == HELDOUT_EVERY - 1 else "train",
        "max_steps": MAX_STEPS,
        "private": {**found.private(), "layer": layer, "start": start},
    }


def _tree_json(tree: SourceTree) -> dict[str, Any]:
    def encoded(files: Mapping[str, bytes]) -> dict[str, str]:
        return {path: base64.b64encode(data).decode() for path, data in files.items()}

    return {
        "visible": encoded(tree.visible),
        "hidden": encoded(tree.hidden),
        "import_root": tree.import_root,
        "package_dir": tree.package_dir,
    }


def _tree_from(data: Mapping[str, Any]) -> SourceTree:
    def decoded(files: Mapping[str, str]) -> dict[str, bytes]:
        return {path: base64.b64decode(text) for path, text in files.items()}

    return SourceTree(decoded(data["visible"]), decoded(data["hidden"]), data["import_root"], data["package_dir"])


def _facts_json(facts: Facts) -> dict[str, Any]:
    canaries = [{"site": _site_json(c), "fails": list(c.fails)} for c in facts.canaries]
    return {
        "collected": list(facts.collected),
        "expected": list(facts.expected),
        "quarantined": list(facts.quarantined),
        "concurrent": list(facts.concurrent),
        "canaries": canaries,
    }


def _site_json(canary: Canary) -> dict[str, Any]:
    s = canary.site
    return {"path": s.path, "test": s.test, "start": s.start, "old": s.old, "new": s.new, "lines": list(s.lines)}


def _unique(broken: str, gold: str) -> dict[str, str]:
    """``old`` and ``new`` of one edit that turns ``broken`` into ``gold``: whole lines, as many as make it unique."""
    before, after = broken.splitlines(keepends=True), gold.splitlines(keepends=True)
    head = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    while True:
        old = "".join(before[head : len(before) - tail])
        if old and broken.count(old) == 1:
            return {"old": old, "new": "".join(after[head : len(after) - tail])}
        head, tail = max(0, head - 1), max(0, tail - 1)
