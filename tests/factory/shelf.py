"""A package index and a Debian archive of our own making, in a folder: for tests of locking without a network.

pip and apt are the real ones; they are only told, by their environment variables, to look here.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

GRIST = """\
kind: repo
name: grist
seed: 3
source:
  package: grist
  version: '2.0'
base:
  distribution: debian
  packages: [python3-minimal]
  test_requires: [checker==3.1]
test: {paths: [tests]}
tasks: {count: 3}
"""
APT_CONF = """\
Dir::State::lists "{root}/apt/lists";
Dir::Cache "{root}/apt/cache";
Dir::Etc::sourcelist "{root}/apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


@dataclass
class Shelf:
    """``packages``: files by package name. ``debs``: (control fields, bytes) of what the archive lists."""

    root: Path
    packages: dict[str, dict[str, bytes]] = field(default_factory=dict)
    debs: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """What makes pip and apt look here."""
        index = (self.root / "simple").as_uri()
        return {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "APT_CONFIG": str(self.root / "apt/apt.conf")}

    def wheel(self, name: str, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> None:
        self.packages.setdefault(name, {})[f"{name}-{version}-py3-none-any.whl"] = wheel(name, version, files, requires)

    def sdist(self, name: str, version: str, files: Mapping[str, str]) -> None:
        folder = f"{name}-{version}"
        members = {f"{folder}/{path}": text.encode() for path, text in files.items()}
        self.packages.setdefault(name, {})[f"{folder}.tar.gz"] = targz(members)

    def deb(self, name: str, version: str, files: Mapping[str, str], depends: str = "") -> None:
        fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "nobody <n@example.org>"}
        if depends:
            fields["Depends"] = depends
        self.debs.append((fields, deb(fields, {path: text.encode() for path, text in files.items()})))

    def publish(self) -> None:
        """Writes index pages, lists and files, and lets apt read its lists."""
        for name, files in self.packages.items():
            folder = self.root / "simple" / name
            folder.mkdir(parents=True, exist_ok=True)
            links = []
            for filename, data in files.items():
                (folder / filename).write_bytes(data)
                links.append(f'<a href="{filename}#sha256={hashlib.sha256(data).hexdigest()}">{filename}</a>')
            (folder / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>")
        self._publish_debs()

    def _publish_debs(self) -> None:
        archive, apt = self.root / "archive", self.root / "apt"
        for folder in (archive / "pool", apt / "lists/partial", apt / "cache/archives/partial"):
            folder.mkdir(parents=True, exist_ok=True)
        stanzas = []
        for fields, data in self.debs:
            path = f"pool/{fields['Package']}_{fields['Version']}_all.deb"
            (archive / path).write_bytes(data)
            about = {**fields, "Filename": path, "Size": str(len(data)), "SHA256": hashlib.sha256(data).hexdigest()}
            stanzas.append("".join(f"{key}: {value}\n" for key, value in about.items()))
        (archive / "Packages").write_text("\n".join(stanzas))
        (apt / "apt.conf").write_text(APT_CONF.format(root=self.root))
        (apt / "sources.list").write_text(f"deb [trusted=yes] {archive.as_uri()} ./\n")
        environment = {**os.environ, **self.environment()}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True, capture_output=True)


EVIL = "import os\nopen(os.environ['SHELF_RAN'], 'w').write('setup code ran')\n"


def stock(root: Path) -> Shelf:
    """An index with one package and its tests' needs, and an archive with a base. The same bytes each time."""
    shelf = Shelf(root)
    for version in ("1.0", "2.0"):
        files = {"PKG-INFO": "Name: grist\n", "setup.py": EVIL, "grist/__init__.py": f"x = {version}\n"}
        shelf.sdist("grist", version, files)
    shelf.wheel("checker", "3.1", {"checker.py": ""}, requires=("helper>=1", "absent; python_version<'3'"))
    shelf.wheel("helper", "1.5", {"helper/__init__.py": ""})
    shelf.wheel("helper", "0.9", {"helper/__init__.py": ""})
    shelf.deb("python3-minimal", "3.11-1", {"usr/bin/python3": "#!\n"}, depends="python3.11-minimal, tiny-libc (>= 2)")
    shelf.deb("python3.11-minimal", "3.11-2", {"usr/lib/python3.11/os.py": "name = 'posix'\n"})
    shelf.deb("tiny-libc", "1:2.36+x-1", {"lib/libc.so": "elf"})
    shelf.deb("unneeded", "1", {"usr/bin/unneeded": ""})
    shelf.publish()
    return shelf


def look_at(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip and apt look nowhere else."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "GRINDWORKS_DEB_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    for key, value in shelf.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("SHELF_RAN", str(shelf.root / "ran"))


def targz(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


def wheel(name: str, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> bytes:
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {r}\n" for r in requires)
    tags = "Wheel-Version: 1.0\nGenerator: shelf\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in {
            **files,
            f"{about}/METADATA": metadata,
            f"{about}/WHEEL": tags,
            f"{about}/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return out.getvalue()


def deb(fields: Mapping[str, str], files: Mapping[str, bytes], *, data_tar: tuple[str, bytes] | None = None) -> bytes:
    control = "".join(f"{key}: {value}\n" for key, value in fields.items())
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mode = len(data), 0o755 if name.startswith(("bin/", "usr/bin/")) else 0o644
            tar.addfile(info, io.BytesIO(data))
    suffix, body = data_tar or (".xz", lzma.compress(out.getvalue()))
    scripts = {"./control": control.encode(), "./postinst": b"#!/bin/sh\nexit 1\n"}
    return ar({"debian-binary": b"2.0\n", "control.tar.gz": targz(scripts), f"data.tar{suffix}": body})


def ar(members: Mapping[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return out
