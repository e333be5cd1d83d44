"""Control groups of both versions. Version 2's limits are checked on a tree of plain files, since a host has memory and
pids on one version only; entering, CPU time and removal are checked on the real thing where it is mounted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandboxes.cgroups import HierarchyV1, HierarchyV2, find_hierarchy, sweep

_CGROUP2 = Path("/sys/fs/cgroup/unified")


def _proc(folder: Path, groups: str) -> Path:
    """A /proc in which only this process lives."""
    stat = Path("/proc/self/stat").read_text()
    (folder / "self").mkdir(parents=True)
    (folder / "self" / "cgroup").write_text(groups)
    (folder / str(os.getpid())).mkdir()
    (folder / str(os.getpid()) / "stat").write_text(stat)
    return folder


def _group_files(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"cgroup.procs": "", **{key.replace("__", "."): value for key, value in files.items()}}.items():
        (folder / name).write_text(text)
    return folder


def test_version_2_is_taken_from_the_topmost_group_that_grants_memory_and_pids(tmp_path):
    root, proc = tmp_path / "cgroup", _proc(tmp_path / "proc", "0::/user/session\n")
    _group_files(root, cgroup__controllers="cpu memory pids", cgroup__subtree_control="cpu")
    _group_files(root / "user", cgroup__subtree_control="memory pids")
    _group_files(root / "user" / "session", cgroup__subtree_control="memory pids")
    found = find_hierarchy(root, proc)
    assert isinstance(found, HierarchyV2)
    assert found.folder.parent == root / "user"


def test_without_granted_controllers_there_is_no_hierarchy(tmp_path):
    root, proc = tmp_path / "cgroup", _proc(tmp_path / "proc", "0::/user\n")
    _group_files(root, cgroup__controllers="cpu", cgroup__subtree_control="cpu")
    assert find_hierarchy(root, proc) is None


def test_version_1_is_taken_from_our_own_groups(tmp_path):
    root, proc = tmp_path / "cgroup", _proc(tmp_path / "proc", "4:memory:/mine\n3:pids:/\n2:cpu,cpuacct:/other\n0::/\n")
    for name in ("memory/mine", "pids", "cpuacct/other"):
        _group_files(root / name)
    found = find_hierarchy(root, proc)
    assert isinstance(found, HierarchyV1)
    assert found.folders["memory"].parent == root / "memory" / "mine"
    assert found.folders["pids"].parent == root / "pids"
    assert found.folders["cpuacct"].parent == root / "cpuacct" / "other"


def test_a_version_2_group_writes_its_limits_and_reads_its_counters(tmp_path):
    lease, box = tmp_path / "lease", tmp_path / "lease" / "7"
    _group_files(lease, cgroup__subtree_control="")
    _group_files(box, memory__max="", memory__swap__max="", pids__max="")
    group = HierarchyV2(lease).make("7", memory_bytes=1 << 20, processes=9)
    written = [(box / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")]
    assert written == [str(1 << 20), "0", "9"]
    assert (lease / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert group.open_exec("c0") == (str(box / "c0" / "cgroup.procs"),)
    (box / "c0" / "cgroup.procs").write_text("12\n34\n")
    (box / "c0" / "cgroup.threads").write_text("12\n13\n34\n")
    (box / "c0" / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (box / "memory.stat").write_text("anon 4096\nfile 9\n")
    (box / "memory.events").write_text("low 0\noom 5\noom_kill 3\n")
    (box / "pids.events").write_text("max 2\n")
    assert group.pids("c0") == [12, 34]
    assert group.threads("c0") == [12, 13, 34]
    assert group.cpu_s("c0") == 2.5
    assert (group.memory_bytes(), group.memory_kills(), group.refused_forks()) == (4096, 3, 2)
    group.set_processes(11)
    assert (box / "pids.max").read_text() == "11"


@pytest.mark.skipif(
    not os.access(_CGROUP2 / "cgroup.procs", os.W_OK), reason="no writable cgroup2 mount beside version 1"
)
def test_a_real_version_2_group_counts_cpu_and_can_be_swept_with_its_processes():
    from sandboxes.cgroups import _GroupV2

    folder = _CGROUP2 / "grindworks-999999999-1"  # no such process: what a dead warden leaves
    (folder / "0").mkdir(parents=True)
    group = _GroupV2(folder / "0")
    (entrance,) = group.open_exec("c0")
    script = 'echo 0 > "$0"; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; sleep 1000'
    process = subprocess.Popen(["sh", "-c", script, entrance], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert process.pid in group.pids("c0")
        assert process.pid in group.threads("c0")
        assert group.cpu_s("c0") > 0
        sweep(_CGROUP2)
        assert not folder.exists()
        assert process.wait() == -9
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_real_group_bounds_processes_and_goes_away():
    hierarchy = find_hierarchy()
    assert hierarchy is not None
    group = hierarchy.make("0", memory_bytes=64 << 20, processes=4)
    entrances = group.open_exec("c0")
    script = 'for f in "$@"; do echo 0 > "$f"; done; for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait'
    process = subprocess.Popen(["sh", "-c", script, "sh", *entrances], stderr=subprocess.DEVNULL)
    process.wait()  # the shell gives up when it cannot fork
    assert group.refused_forks() >= 1
    assert 0 < len(group.pids("c0")) <= 4
    hierarchy.remove()
    assert group.pids("c0") == []


def test_groups_of_living_wardens_are_left_alone(tmp_path):
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    alive, dead = tmp_path / f"grindworks-{os.getpid()}-{start}", tmp_path / f"grindworks-{os.getpid()}-1"
    for folder in (alive, dead, tmp_path / "grindworks-other"):
        folder.mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, "grindworks-other"}
