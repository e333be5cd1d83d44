"""A small root file system made of this machine's own programs: a shell, core utilities, Python. For conformance
checks and benchmarks, where what is inside does not matter; environments are built from locked packages instead."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from sandboxes.base import Unsupported
from sandboxes.layers import Entry

# fmt: off
_PROGRAMS = (
    "cat", "chmod", "cp", "dd", "echo", "env", "false", "find", "grep", "head", "id", "kill", "ln", "ls", "mkdir",
    "mkfifo", "mount", "mv", "python3", "rm", "rmdir", "sh", "sleep", "sort", "stat", "tail", "touch", "true", "uname",
    "unshare", "wc", "yes",
)
# fmt: on
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo", "distutils"}
_ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/:/bin/sh\nagent:x:1000:1000:agent:/work:/bin/sh\n",
    "etc/group": b"root:x:0:\nagent:x:1000:\n",
    "etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
}


def host_root(programs: Iterable[str] = _PROGRAMS) -> list[Entry]:
    """Entries of the root: ``programs`` with the libraries they load, accounts, an empty WORKSPACE.

    Raises Unsupported where a program is missing. Python comes with its standard library."""
    entries = {path: Entry(path, data=data) for path, data in _ACCOUNTS.items()}
    entries["work"] = Entry("work", "dir")
    for folder in ("bin", "lib", "lib64"):
        entries[folder] = Entry(folder, "link", target=f"usr/{folder}")
    for name in programs:
        source = _system_program(name)
        entries[f"usr/bin/{name}"] = Entry(f"usr/bin/{name}", data=source.read_bytes(), executable=True)
        for library in _libraries(source):
            entries.setdefault(_place(library), _copy(library))
        if name.startswith("python"):
            entries |= {entry.path: entry for entry in _python_library(source)}
    return list(entries.values())


def _system_program(name: str) -> Path:
    for folder in ("/usr/bin", "/bin"):
        path = Path(folder, name)
        if path.exists():
            return path.resolve()
    raise Unsupported(f"this machine has no /usr/bin/{name}")


def _libraries(program: Path) -> list[Path]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]


def _place(path: Path) -> str:
    """Below usr/, as on every merged-usr system."""
    return str(path).lstrip("/") if path.is_relative_to("/usr") else f"usr{path}"


def _copy(path: Path) -> Entry:
    return Entry(_place(path), data=path.read_bytes(), executable=os.access(path, os.X_OK))


def _python_library(program: Path) -> Iterable[Entry]:
    """The standard library; Python finds it beside the program: usr/bin/python3, usr/lib/python3.X."""
    version = re.sub(r"^python", "", program.name)
    for folder, folders, names in os.walk(f"/usr/lib/python{version}"):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        for name in names:
            path = Path(folder, name)
            if path.suffix in (".py", ".so") and path.is_file():
                yield Entry(_place(path), data=path.read_bytes())
                if path.suffix == ".so":
                    yield from (_copy(library) for library in _libraries(path))
