"""Byte code for a base's Python, compiled by that very Python in a sandbox.

Without it every test run would compile the standard library and pytest anew: about a second each.
"""

from __future__ import annotations

from factory.errors import BuildError
from factory.store import Store
from sandboxes.base import WORKSPACE, Backend, FileSnapshot, Limits
from sandboxes.layers import Entry, entries_of, pack_entries

_AT = "pyc"

SCRIPT = """
import os, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
version = "python%d.%d" % sys.version_info[:2]
done = 0
for top in ("/usr/lib/" + version, "/usr/lib/python3/dist-packages"):
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                source = os.path.join(folder, name)
                cached = name[:-3] + "." + sys.implementation.cache_tag + ".pyc"
                cache = "pyc" + os.path.join(folder, "__pycache__", cached)
                try:
                    py_compile.compile(source, cache, source, doraise=True, invalidation_mode=mode)
                    done += 1
                except py_compile.PyCompileError:
                    pass  # a template, or code of another version: Python compiles it when it is asked to
print(done)
"""


async def compile_layer(snapshot: FileSnapshot, store: Store, backend: Backend) -> str:
    """Compiles everything on the base's library path; returns the digest of the layer that holds the result.

    One process, files in sorted order, a fixed hash seed: byte code depends on all three. Raises BuildError.
    """
    limits = Limits(memory_mb=1024, disk_mb=512, cpu_s=300)
    async with backend.fork(snapshot, limits) as box:
        env = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        ran = await box.exec(["/usr/bin/python3", "-c", SCRIPT], timeout_s=300, env=env)
        if ran.exit_code or ran.stopped or not int(ran.stdout or b"0"):
            raise BuildError(f"compiling byte code failed ({ran.stopped or ran.exit_code}): {ran.stderr[-500:]!r}")
        frozen = await box.freeze()
    (layer,) = frozen.layers[len(snapshot.layers) :]
    return store.put(pack_entries(_rooted(store.get(layer))))


def _rooted(layer: bytes) -> list[Entry]:
    """What the sandbox wrote below its workspace, moved to the root."""
    prefix = f"{WORKSPACE.strip('/')}/{_AT}/"
    return [
        Entry(entry.path.removeprefix(prefix), entry.kind, entry.data)
        for entry in entries_of(layer)
        if entry.path.startswith(prefix) and entry.kind == "file"
    ]
