"""A root file system out of locked files: Debian packages and wheels, unpacked in pure Python, nothing in them run.

Maintainer scripts are not run; the little of their work that a base needs (the merged ``/usr`` links, ``/etc/passwd``,
``/bin/sh``) is done here. Left out: documentation, manuals, translations, character-set tables, package-manager state,
byte code. Modes are reduced to "executable or not" (see ``sandboxes.layers``), so no setuid bit survives.
"""

from __future__ import annotations

import configparser
import gzip
import io
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, cast

import zstandard

import sandboxes.layers
from factory import rootfs_pyc
from factory.errors import BuildError, boundary
from factory.lock import Lock, LockedInput
from factory.manifest import code_digest
from factory.store import Store, canonical_json, sha256
from sandboxes.base import Backend, FileSnapshot
from sandboxes.layers import Entry, check_path, pack_entries

Report = Callable[[str], None]
LARGEST = 1 << 30
"""Bytes that one package may unpack to: a few kilobytes can mean terabytes, and all of it is held in memory."""
PACKAGES = "usr/lib/python3/dist-packages"  # where Debian's Python finds what it did not bring itself
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_TRIMMED = (
    "usr/share/doc/", "usr/share/doc-base/", "usr/share/man/", "usr/share/info/", "usr/share/locale/",
    "usr/share/lintian/", "usr/share/bug/", "usr/share/menu/", "usr/share/pixmaps/", "usr/share/applications/",
    "usr/share/python3/", "usr/share/common-licenses/", "usr/share/bash-completion/", "usr/share/perl5/",
    "usr/share/i18n/", "usr/share/polkit-1/", "usr/lib/x86_64-linux-gnu/gconv/", "usr/lib/aarch64-linux-gnu/gconv/",
    "var/", "etc/apt/", "etc/cron.daily/", "etc/cron.d/", "etc/systemd/", "usr/lib/systemd/", "etc/dpkg/",
    "usr/share/dpkg/", "usr/lib/dpkg/", "usr/include/",
)  # fmt: skip
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/work:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "sandbox\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_FOLDERS = ("work", "tmp", "proc", "sys", "dev", "run", "root", "home", "var/tmp", "etc")
_ALTERNATIVES = {  # link: candidates, first that is there
    "usr/bin/sh": ("dash", "bash"),
    "usr/bin/awk": ("gawk", "mawk"),
    "usr/bin/python": ("python3",),
}


def base_snapshot(lock: Lock, store: Store, report: Report | None = None) -> FileSnapshot:
    """The base of one lock: a layer of its Debian packages and, if it has any, one of its wheels. Bit-reproducible.

    Made once per store and recipe, then remembered. Raises InputGone for a locked blob that is missing or damaged,
    BuildError for one that cannot be unpacked.
    """
    say = report or (lambda line: None)
    layers = [_layer("debs", lock.of_kind("deb"), store, say, _debian)]
    if wheels := lock.of_kind("wheel"):
        layers.append(_layer("wheels", wheels, store, say, _python))
    return FileSnapshot(tuple(layers))


async def compiled(
    snapshot: FileSnapshot, store: Store, backend: Backend, report: Report | None = None
) -> FileSnapshot:
    """``snapshot`` plus a layer of byte code for its Python's library and wheels, made by that Python in a sandbox.

    The byte code names the hash of its source and is never checked against it (PEP 552): no times, same bits anywhere.
    """
    with boundary(BuildError, "compile the base's byte code"):
        name = _cache_name("pyc", list(snapshot.layers))
        layer = store.ref("layer", name)
        if layer is None or not store.has(layer):
            if report:
                report("compiling the base's byte code")
            layer = await rootfs_pyc.compile_layer(snapshot, store, backend)
            store.set_ref("layer", name, layer)
        return FileSnapshot((*snapshot.layers, layer))


# ---- layers, remembered


def _layer(
    name: str, inputs: Sequence[LockedInput], store: Store, say: Report, make: Callable[[Iterable[Entry]], list[Entry]]
) -> str:
    key = _cache_name(name, [entry.sha256 for entry in inputs])
    known = store.ref("layer", key)
    if known is not None and store.has(known):
        return known
    say(f"unpacking {len(inputs)} {name}")
    with boundary(BuildError, f"pack {name}"):
        layer = store.put(pack_entries(make(_unpacked(inputs, store))))
    store.set_ref("layer", key, layer)
    return layer


def _unpacked(inputs: Sequence[LockedInput], store: Store) -> Iterator[Entry]:
    for one in inputs:
        data = store.get(one.sha256)
        with boundary(BuildError, f"unpack {one.filename}"):
            for entry in deb_entries(data) if one.kind == "deb" else wheel_entries(data):
                check_path(entry.path)
                yield entry


def _cache_name(name: str, digests: list[str]) -> str:
    """By the inputs and by the code that turns them into a layer, so that a change of either makes it anew."""
    code = code_digest([sys.modules[__name__], rootfs_pyc, sandboxes.layers])
    return f"{name}-{sha256(canonical_json([code, digests]))}"


# ---- Debian packages


def _debian(entries: Iterable[Entry]) -> list[Entry]:
    tree = {entry.path: entry for entry in entries if not _is_trimmed(entry.path)}
    for folder in _MERGED:
        if any(path.startswith(f"usr/{folder}/") for path in tree):
            tree[folder] = Entry(folder, "link", target=f"usr/{folder}")
    for folder in _FOLDERS:
        tree[folder] = Entry(folder, "dir")
    for path, text in _FILES.items():
        tree[path] = Entry(path, data=text.encode())
    for path, candidates in _ALTERNATIVES.items():
        present = [name for name in candidates if f"usr/bin/{name}" in tree]
        if present and path not in tree:
            tree[path] = Entry(path, "link", target=present[0])
    return list(tree.values())


def deb_entries(data: bytes) -> Iterator[Entry]:
    """The files of one ``.deb``, with ``/bin``, ``/lib`` … merged into ``/usr``. Directories only where empty or named.

    Raises ValueError for what is no ``.deb``.
    """
    with tarfile.open(fileobj=io.BytesIO(_data_tar(data))) as tar:
        for entry in _tar_entries(tar):
            if entry.path not in _MERGED:
                target = _merged(entry.target) if entry.kind == "hardlink" else entry.target
                yield Entry(_merged(entry.path), entry.kind, entry.data, entry.executable, target)


def _merged(path: str) -> str:
    return f"usr/{path}" if path.split("/", 1)[0] in _MERGED else path


_OPENERS: Mapping[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "": lambda file: file,
    ".gz": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    ".xz": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115
    ".zst": lambda file: cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(file)),
}


def _data_tar(deb: bytes) -> bytes:
    """The uncompressed ``data.tar`` out of the ``ar`` archive that a ``.deb`` is."""
    if deb[:8] != b"!<arch>\n":
        raise ValueError("not a .deb: no ar archive")
    at = 8
    while at + 60 <= len(deb):
        name, size = deb[at : at + 16].decode().strip().rstrip("/"), int(deb[at + 48 : at + 58])
        body = deb[at + 60 : at + 60 + size]
        if name.startswith("data.tar"):
            return _decompressed(body, name.removeprefix("data.tar"))
        at += 60 + size + size % 2
    raise ValueError("not a .deb: it has no data.tar")


def _decompressed(body: bytes, suffix: str) -> bytes:
    if suffix not in _OPENERS:
        raise ValueError(f"a .deb compressed as {suffix}")
    with _OPENERS[suffix](io.BytesIO(body)) as plain:
        data = plain.read(LARGEST + 1)
    _check_size(len(data))
    return data


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST} bytes")


def _tar_entries(tar: tarfile.TarFile) -> Iterator[Entry]:
    for member in tar:
        path = member.name.removeprefix("./").strip("/")
        if path in ("", "."):
            continue
        if member.isreg():
            body = tar.extractfile(member)
            yield Entry(path, "file", body.read() if body else b"", bool(member.mode & 0o111))
        elif member.isdir():
            yield Entry(path, "dir")
        elif member.issym():
            yield Entry(path, "link", target=member.linkname)
        elif member.islnk():
            yield Entry(path, "hardlink", target=member.linkname.removeprefix("./"))


def _is_trimmed(path: str) -> bool:
    return f"{path}/".startswith(_TRIMMED) or _is_bytecode(path)


def _is_bytecode(path: str) -> bool:
    return path.endswith((".pyc", ".pyo")) or "__pycache__" in path.split("/")


# ---- wheels


def _python(entries: Iterable[Entry]) -> list[Entry]:
    return list({entry.path: entry for entry in entries}.values())


def wheel_entries(data: bytes) -> Iterator[Entry]:
    """The files of one wheel at their places below ``/``, and a command for each of its console scripts."""
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        _check_size(sum(info.file_size for info in wheel.infolist()))  # no more than that is ever read of a file
        for info in wheel.infolist():
            place = _place(info.filename)
            if info.is_dir() or place is None or _is_bytecode(info.filename):
                continue
            yield Entry(place, "file", wheel.read(info), bool(info.external_attr >> 16 & 0o111))
            if info.filename.endswith(".dist-info/entry_points.txt"):
                yield from _scripts(wheel.read(info).decode())


def _place(name: str) -> str | None:
    folder, _, rest = name.partition("/")
    if not folder.endswith(".data"):
        return f"{PACKAGES}/{name}"
    section, _, path = rest.partition("/")
    if section in ("purelib", "platlib"):
        return f"{PACKAGES}/{path}"
    return f"usr/{path}" if section == "data" else None


def _scripts(entry_points: str) -> Iterator[Entry]:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(entry_points)
    for name, target in parser["console_scripts"].items() if "console_scripts" in parser else ():
        module, _, function = target.partition("[")[0].strip().partition(":")
        call = f"import sys\nfrom {module} import {function.split('.')[0]}\nsys.exit({function}())\n"
        yield Entry(f"usr/bin/{name}", "file", f"#!/usr/bin/python3\n{call}".encode(), executable=True)
