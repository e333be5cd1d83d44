"""Locks: every input of a build pinned by SHA-256, in a JSON file beside the spec; and fetching what is pinned.

``resolve`` decides versions once, ``fetch`` brings exactly those files into the store, on any machine. Both use the
network, neither runs anything that was downloaded. A build then reads locked blobs and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory import indexes
from factory.errors import BuildError, InputGone, SpecError
from factory.indexes import Found, PipSettings
from factory.spec import EnvSpec, RepoSpec, load_spec
from factory.store import Store, canonical_json, sha256

Report = Callable[[str], None]
_WORKERS = 8
PURE = ("--implementation=py", "--abi=none", "--platform=any")
"""What pip is told where wheels must run anywhere."""
_PLAIN = r"^[A-Za-z0-9][A-Za-z0-9.+!~:%_-]*$"  # what ends up in a command line or an address: no option, no path
_PLACE = r"^([A-Za-z0-9][A-Za-z0-9.+!~:%_-]*(/[A-Za-z0-9][A-Za-z0-9.+!~:%_-]*)*)?$"


class LockedInput(BaseModel):
    """One file. ``path``: of a ``.deb``, where it lies within its archive; else empty. ``size`` in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["sdist", "wheel", "deb"]
    name: str = Field(pattern=_PLAIN)
    version: str = Field(pattern=_PLAIN)
    filename: str = Field(pattern=_PLAIN)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    path: str = Field(default="", pattern=_PLACE)


class Lock(BaseModel):
    """All inputs of one spec, sorted by kind and name. ``wants``: digest of the part of the spec that asks for them.

    ``platform``: the distribution, release and architecture that the ``.deb`` files are of; empty if there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    wants: str
    platform: str = ""
    inputs: tuple[LockedInput, ...] = ()

    @property
    def digest(self) -> str:
        """Over all of it (hex)."""
        return sha256(canonical_json(self.model_dump(mode="json")))

    def of_kind(self, kind: Literal["sdist", "wheel", "deb"]) -> tuple[LockedInput, ...]:
        """The inputs of one kind, by name."""
        return tuple(entry for entry in self.inputs if entry.kind == kind)


def wanted(spec: EnvSpec) -> str:
    """Digest of what ``spec`` asks to be locked. A world asks for nothing: all of it is this package's own code."""
    parts = spec.model_dump(mode="json", include={"source", "base"}) if isinstance(spec, RepoSpec) else {}
    return sha256(canonical_json(parts))


def lock_path(spec_path: Path | str) -> Path:
    """``specs/NAME.lock`` beside ``specs/NAME.yaml``."""
    return Path(spec_path).with_suffix(".lock")


def read_lock(path: Path | str) -> Lock:
    """Raises SpecError if the file is missing or no lock."""
    path = Path(path)
    try:
        return Lock.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path}: cannot read the lock: {error.strerror}", "`grind lock` makes it") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise SpecError(f"{path}: {field}: {first['msg']}", "`grind lock --update` makes it anew") from error


def write_lock(lock: Lock, path: Path | str) -> None:
    """Writes readable, sorted JSON, in one step."""
    path = Path(path)
    text = json.dumps(lock.model_dump(mode="json", exclude_defaults=True), indent=1, sort_keys=True) + "\n"
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o644)
    os.replace(file.name, path)


def lock_spec(spec_path: Path | str, store: Store, *, update: bool = False, report: Report | None = None) -> Lock:
    """What ``grind lock`` does: makes the lock if there is none (or ``update``), and fetches its inputs into ``store``.

    Raises SpecError (also where the spec has changed since it was locked), InputGone, BuildError.
    """
    spec, path = load_spec(spec_path), lock_path(spec_path)
    if update or not path.exists():
        lock = resolve(spec, store, report)
        write_lock(lock, path)
    else:
        lock = read_lock(path)
        check_lock(spec, lock)
    fetch(lock, store, report)
    return lock


def check_lock(spec: EnvSpec, lock: Lock) -> None:
    """Raises SpecError unless ``lock`` was made for this very spec, and pins what the spec names."""
    if lock.spec != spec.name or lock.wants != wanted(spec):
        trouble = f"the lock was made for another state of spec {spec.name!r}"
    else:
        trouble = _mispinned(spec, lock) if isinstance(spec, RepoSpec) else ""
    if trouble:
        raise SpecError(trouble, "`grind lock --update` makes it anew")


def _mispinned(spec: RepoSpec, lock: Lock) -> str:
    """What ``lock`` pins otherwise than the spec says, or nothing: an edited lock still bears the right ``wants``."""
    sdists, source = lock.of_kind("sdist"), spec.source
    if len(sdists) != 1:
        return f"the lock pins {len(sdists)} sources, not one"
    if (sdists[0].name, sdists[0].version) != (source.package, source.version):
        there = f"{sdists[0].name} {sdists[0].version}"
        return f"the lock pins {there}, the spec asks for {source.package} {source.version}"
    if source.sha256 not in (None, sdists[0].sha256):
        return f"the lock pins {sdists[0].filename} by {sdists[0].sha256}, the spec says SHA-256 {source.sha256}"
    pinned = {(indexes.normalized(wheel.name), _release(wheel.version)) for wheel in lock.of_kind("wheel")}
    for requirement in spec.base.test_requires:
        name, _, version = requirement.partition("==")
        if (indexes.normalized(name), _release(version)) not in pinned:
            return f"the lock does not pin {requirement}"
    return ""


def _release(version: str) -> str:
    """2.0 and 2.0.0 are one release."""
    return re.sub(r"(\.0)+$", "", version)


# ---- resolve


def resolve(spec: EnvSpec, store: Store, report: Report | None = None) -> Lock:
    """Decides the exact file of everything the spec asks for, and puts those files into ``store``.

    Raises SpecError for what does not exist or has another hash than the spec says; BuildError without a network.
    """
    if not isinstance(spec, RepoSpec):
        return Lock(spec=spec.name, wants=wanted(spec))
    say = report or _quiet
    say(f"resolving {len(spec.base.packages)} Debian packages")
    debs = resolve_debs(spec.base.packages, spec.at("base", "packages"))
    settings = indexes.pip_settings()
    with indexes.client_for(settings) as client:
        say(f"resolving {spec.source.package} and {len(spec.base.test_requires)} test requirements")
        sdist = _resolve_sdist(spec, client, settings, store)
        files = wheel_files(spec.base.test_requires, PURE, debs, spec.at("base", "test_requires"))
        wheels = take_wheels(files, client, settings, store)
    inputs = sorted([sdist, *wheels, *debs], key=lambda i: (i.kind, i.name))
    return Lock(spec=spec.name, wants=wanted(spec), platform=platform_here(), inputs=tuple(inputs))


def _resolve_sdist(spec: RepoSpec, client: httpx.Client, settings: PipSettings, store: Store) -> LockedInput:
    source = spec.source
    files = indexes.package_files(client, settings, source.package)
    where = spec.at("source", "package")
    if not files:
        raise SpecError(f"{where}: no such package on the index: {source.package}")
    stem = f"{indexes.normalized(source.package)}-{source.version}"
    sdists = [f for f in files if f.filename.endswith(".tar.gz")]
    fitting = [f for f in sdists if _stem(f.filename) == stem]
    if not fitting:
        others = sorted({f.filename.removesuffix(".tar.gz") for f in sdists})[-8:]
        where = spec.at("source", "version")
        raise SpecError(
            f"{where}: the index has no sdist {source.package} {source.version}", f"it has {', '.join(others)}"
        )
    entry = _take("sdist", source.package, source.version, fitting[0], client, store)
    if source.sha256 and source.sha256 != entry.sha256:
        where = spec.at("source", "sha256")
        raise SpecError(f"{where}: the spec says {source.sha256}, but {entry.filename} of the index has {entry.sha256}")
    return entry


def _stem(filename: str) -> str:
    name, _, version = filename.removesuffix(".tar.gz").rpartition("-")
    return f"{indexes.normalized(name)}-{version}"


def take_wheels(
    files: Sequence[tuple[str, str, str]], client: httpx.Client, settings: PipSettings, store: Store
) -> list[LockedInput]:
    """Puts the wheels that :func:`wheel_files` decided on into ``store``. Raises SpecError, BuildError."""
    found = []
    for name, version, filename in files:
        offered = [f for f in indexes.package_files(client, settings, name) if f.filename == filename]
        if not offered:
            raise SpecError(f"{name} {version}: the index does not list {filename}", "try again later")
        found.append(_take("wheel", indexes.normalized(name), version, offered[0], client, store))
    return found


def _take(
    kind: Literal["sdist", "wheel"], name: str, version: str, found: Found, client: httpx.Client, store: Store
) -> LockedInput:
    data = indexes.read_url(client, found.url)
    if data is None:
        raise InputGone(f"the index names {found.filename} but does not serve it", "try again later")
    digest = sha256(data)
    if found.sha256 not in (None, digest):
        raise InputGone(
            f"{found.filename}: the index promises SHA-256 {found.sha256} but serves {digest}",
            "do not trust that index",
        )
    store.put(data)
    return LockedInput(kind=kind, name=name, version=version, filename=found.filename, sha256=digest, size=len(data))


def wheel_files(
    requires: Sequence[str], tags: Sequence[str], debs: Sequence[LockedInput], where: str
) -> list[tuple[str, str, str]]:
    """Name, version and file of every requirement and all they need, as pip decides. Wheels only: none is built.

    ``tags``: what pip is told of the target; ``debs`` say which Python it has. Raises SpecError at ``where``."""
    if not requires:
        return []
    flags = ["--dry-run", "--ignore-installed", "--only-binary=:all:", "--quiet", "--report=-"]
    target = ["--target=unused", "--python-version", _python_of(debs), *tags]
    argv = [sys.executable, "-m", "pip", "install", *flags, *target, *requires]
    found = indexes.run(argv, doing="resolve requirements")
    if found.returncode:
        reasons = [line for line in found.stderr.splitlines() if line.startswith("ERROR")]
        raise SpecError(f"{where}: {reasons[-1] if reasons else found.stderr[-300:]}")
    report = json.loads(found.stdout)["install"]
    wheels = ((i["metadata"], i["download_info"]["url"]) for i in report)
    return sorted((about["name"], about["version"], _file_of(url)) for about, url in wheels)


def _file_of(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _python_of(debs: Sequence[LockedInput]) -> str:
    """``3.11`` of a base with ``python3.11-minimal``."""
    found = [d.name.removeprefix("python").removesuffix("-minimal") for d in debs if d.name.startswith("python3.")]
    if not found:
        raise SpecError("the base has no Python", "add python3-minimal to base.packages")
    return found[0]


def resolve_debs(packages: Sequence[str], where: str) -> list[LockedInput]:
    """What apt would install on an empty machine, without recommendations. Raises SpecError at ``where``."""
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "partial").mkdir()
        options = ["Dir::State::status=/dev/null", f"Dir::Cache::archives={empty}", "Debug::NoLocking=1"]
        argv = ["apt-get", "install", "--print-uris", "-qq", "-y", "--no-install-recommends"]
        argv += [part for option in options for part in ("-o", option)]
        found = indexes.run([*argv, *packages], doing="resolve Debian packages")
    if found.returncode:
        reason = found.stderr.strip().splitlines()
        raise SpecError(f"{where}: {reason[-1] if reason else 'apt failed'}", "`apt-get update` may help")
    names = [unquote(line.split()[1]).removesuffix(".deb") for line in found.stdout.splitlines() if line[:1] == "'"]
    pairs = [name.split("_")[:2] for name in names]
    shown = indexes.run(["apt-cache", "show", *(f"{n}={v}" for n, v in pairs)], doing="read apt's lists").stdout
    wanted_pairs = {(n, v) for n, v in pairs}
    stanzas = [_stanza(text) for text in shown.split("\n\n") if text.strip()]
    found_debs = {(s["Package"], s["Version"]): _deb(s) for s in stanzas if "SHA256" in s}
    if missing := wanted_pairs - found_debs.keys():
        raise BuildError(f"apt's lists have no SHA-256 of {sorted(missing)}", "`apt-get update`")
    return [found_debs[pair] for pair in sorted(wanted_pairs)]


def _stanza(text: str) -> dict[str, str]:
    fields = (line.partition(": ") for line in text.splitlines() if line[:1] not in (" ", ""))
    return {key: value for key, _, value in fields}


def _deb(stanza: dict[str, str]) -> LockedInput:
    return LockedInput(
        kind="deb",
        name=stanza["Package"],
        version=stanza["Version"],
        filename=stanza["Filename"].rpartition("/")[2],
        sha256=stanza["SHA256"],
        size=int(stanza["Size"]),
        path=stanza["Filename"],
    )


def platform_here() -> str:
    """Distribution, release and architecture of this machine, as a lock names them."""
    lines = Path("/etc/os-release").read_text().splitlines()
    release = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    arch = indexes.run(["dpkg", "--print-architecture"], doing="ask for the architecture").stdout.strip()
    return f"{release.get('ID', '')} {release.get('VERSION_ID', '')} {arch}"


# ---- fetch


def fetch(lock: Lock, store: Store, report: Report | None = None) -> None:
    """Brings every locked input that ``store`` lacks (or holds damaged) into it, in parallel; runs none of them.

    Raises InputGone where a file is no longer served or has another hash; BuildError without a network.
    """
    missing = [entry for entry in lock.inputs if not _intact(store, entry)]
    if not missing:
        return
    total = sum(entry.size for entry in missing)
    (report or _quiet)(f"fetching {len(missing)} locked files, {total / 1e6:.1f} MB")
    settings = indexes.pip_settings()
    roots = indexes.deb_sources() if any(entry.kind == "deb" for entry in missing) else ()
    with indexes.client_for(settings) as client, ThreadPoolExecutor(_WORKERS) as pool:
        jobs = [pool.submit(_fetch_one, entry, client, settings, roots, store) for entry in missing]
        for done, job in enumerate(jobs, 1):
            try:
                job.result()
            except InputGone as error:
                pool.shutdown(cancel_futures=True)
                raise _explain(error, lock) from error
            if report and done % 10 == 0:
                report(f"fetched {done} of {len(missing)}")


def _fetch_one(
    entry: LockedInput, client: httpx.Client, settings: PipSettings, roots: Sequence[str], store: Store
) -> None:
    if entry.kind == "deb":
        data = indexes.read_deb(client, roots, entry.path, f"{entry.name}={entry.version}")
    else:
        data = _read_package(entry, client, settings)
    if (digest := sha256(data)) != entry.sha256:
        raise InputGone(
            f"{entry.filename}: locked with SHA-256 {entry.sha256}, but served with {digest}",
            "if that change is wanted: `grind lock --update`",
        )
    if len(data) != entry.size:
        raise InputGone(
            f"{entry.filename}: locked with {entry.size} bytes, but it has {len(data)}", "`grind lock --update`"
        )
    store.put(data)


def _read_package(entry: LockedInput, client: httpx.Client, settings: PipSettings) -> bytes:
    offers = [f for f in indexes.package_files(client, settings, entry.name) if f.filename == entry.filename]
    for offer in sorted(offers, key=lambda f: f.sha256 != entry.sha256):
        if (data := indexes.read_url(client, offer.url)) is not None:
            return data
    raise InputGone(f"{entry.filename} is locked, but no index serves it any longer", "`grind lock --update`")


def _explain(error: InputGone, lock: Lock) -> InputGone:
    """Says so where the lock is of another distribution than this machine, the likeliest reason."""
    here = platform_here()
    if not lock.platform or here == lock.platform:
        return error
    return InputGone(f"{error.message}; locked for {lock.platform}, this machine is {here}", error.hint)


def _intact(store: Store, entry: LockedInput) -> bool:
    try:
        return len(store.get(entry.sha256)) == entry.size
    except InputGone:
        return False


def _quiet(line: str) -> None:
    """Nobody listens."""
