"""Finding and downloading files of Python packages and of Debian packages, as this machine's pip and apt are set up.

No index, mirror or proxy is named here: pip's own configuration says where packages are, apt's where ``.deb`` files
are, the usual environment variables say which proxy and certificates to use. Only files are downloaded. pip itself is
never asked to *download* an sdist, since it then runs the sdist's own build code to learn its metadata.
"""

from __future__ import annotations

import ast
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from factory.errors import BuildError, InputGone

_JSON = "application/vnd.pypi.simple.v1+json"
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Found:
    """One file that an index offers. ``sha256`` is None where the index does not say."""

    filename: str
    url: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What pip is configured with: simple-API roots, find-links places, a certificate bundle and a proxy, if any."""

    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    cert: str | None
    proxy: str | None


def normalized(name: str) -> str:
    """The one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(argv: Sequence[str], *, doing: str) -> subprocess.CompletedProcess[str]:
    """Runs a tool of this machine, C locale, output captured. Raises BuildError if it is not installed."""
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}
        )
    except FileNotFoundError as error:
        raise BuildError(f"cannot {doing}: {argv[0]} is not installed", f"install {argv[0]}") from error


# ---- pip


def pip_settings() -> PipSettings:
    """Reads pip's configuration: its files and its environment variables. Raises BuildError if there is no pip."""
    found = run([sys.executable, "-m", "pip", "config", "list"], doing="read pip's configuration")
    if found.returncode:
        raise BuildError("cannot read pip's configuration: " + found.stderr.strip(), "install pip in this environment")
    values: dict[str, str] = {}
    for line in sorted(found.stdout.splitlines(), key=_precedence):
        key, _, value = line.partition("=")
        values[key.split(".", 1)[-1]] = str(ast.literal_eval(value))
    first = values.get("index-url") or _default_index()
    indexes = [] if values.get("no-index", "").lower() in ("1", "true", "yes", "on") else [first]
    if indexes:
        indexes += values.get("extra-index-url", "").split()
    return PipSettings(
        tuple(indexes), tuple(values.get("find-links", "").split()), values.get("cert"), values.get("proxy")
    )


def _precedence(line: str) -> int:
    """pip's: its environment variables beat the section of a command, which beats ``[global]``."""
    section = line.partition(".")[0]
    return {"global": 0, "download": 1, "install": 1, ":env:": 2}.get(section, -1)


def _default_index() -> str:
    from pip._internal.models.index import PyPI  # pip's own default; it offers no public name for it

    return str(PyPI.simple_url)


@contextmanager
def client_for(settings: PipSettings) -> Iterator[httpx.Client]:
    """An HTTP client with pip's certificates and proxy, else the environment's."""
    verify = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
    with httpx.Client(verify=verify, proxy=settings.proxy, follow_redirects=True, timeout=60) as client:
        yield client


def package_files(client: httpx.Client, settings: PipSettings, package: str) -> list[Found]:
    """All files of ``package`` on all indexes and find-links places; empty if none knows it.

    Raises BuildError where an index cannot be reached.
    """
    found: list[Found] = []
    for index in settings.indexes:
        found += _page(client, f"{index.rstrip('/')}/{normalized(package)}/")
    for place in settings.find_links:
        path = Path(place.removeprefix("file://"))
        if path.is_dir():
            found += [Found(p.name, p.resolve().as_uri(), None) for p in sorted(path.iterdir())]
        elif not path.exists():
            found += _page(client, place)
    wanted = normalized(package) + "-"
    return [f for f in found if normalized(f.filename).startswith(wanted)]


def _page(client: httpx.Client, url: str) -> list[Found]:
    body = read_url(client, url, accept=f"{_JSON}, text/html;q=0.1")
    if body is None:
        return []
    if body.lstrip()[:1] == b"{":
        return [
            Found(f["filename"], urljoin(url, f["url"]), f.get("hashes", {}).get("sha256"))
            for f in json.loads(body)["files"]
        ]
    links = _Links()
    links.feed(body.decode())
    return [_found(urljoin(urljoin(url, links.base), href)) for href in links.hrefs]


def _found(url: str) -> Found:
    parts = urlsplit(url)
    kind, _, value = parts.fragment.partition("=")
    name = unquote(parts.path.rpartition("/")[2])
    return Found(name, parts._replace(fragment="").geturl(), value if kind == "sha256" else None)


class _Links(HTMLParser):
    """Targets of all links of a page, and its base."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.hrefs.append(href)
        if tag == "base" and href:
            self.base = href


# ---- files


def read_url(client: httpx.Client, url: str, *, accept: str = "*/*") -> bytes | None:
    """The body behind an http, https or file address, or None if there is none. Tries again what may pass.

    Raises BuildError where the server cannot be reached or goes on failing.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        path = path / "index.html" if path.is_dir() else path
        return path.read_bytes() if path.is_file() else None
    trouble = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.5 * 2**attempt)
        try:
            answer = client.get(url, headers={"Accept": accept})
        except httpx.HTTPError as error:
            trouble = f"{type(error).__name__}: {error}"
            continue
        if answer.status_code in (403, 404, 410):
            return None
        if answer.is_success:
            return answer.content
        trouble = f"status {answer.status_code}"
    raise BuildError(
        f"cannot reach {parts.hostname}: {trouble}", "is this machine online? proxies are read from the environment"
    )


# ---- apt


def deb_sources() -> tuple[str, ...]:
    """Roots of the Debian archives to look in: ``$GRINDWORKS_DEB_MIRROR`` (space-separated), then apt's own."""
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], doing="ask apt for its sources")
    roots = [*os.environ.get("GRINDWORKS_DEB_MIRROR", "").split(), *targets.stdout.split()]
    return tuple(dict.fromkeys(root.rstrip("/") for root in roots))


def read_deb(client: httpx.Client, roots: Sequence[str], pool_path: str, package: str) -> bytes:
    """One ``.deb``: from the first archive that has it, else as apt itself gets it. Raises InputGone."""
    for root in roots:
        with_file = root if urlsplit(root).scheme in ("http", "https", "file") else ""
        if with_file and (data := _maybe(client, f"{with_file}/{pool_path}")) is not None:
            return data
    with tempfile.TemporaryDirectory() as folder:
        got = run(
            ["sh", "-c", 'cd "$1" && apt-get download -qq -- "$2"', "sh", folder, package], doing="download a .deb"
        )
        for path in Path(folder).glob("*.deb"):
            return path.read_bytes()
    raise InputGone(
        f"{package} is locked, but no archive of this machine serves it any longer: {got.stderr.strip()[:200]}",
        "`grind lock --update`, or name an archive that keeps it in GRINDWORKS_DEB_MIRROR",
    )


def _maybe(client: httpx.Client, url: str) -> bytes | None:
    try:
        return read_url(client, url)
    except BuildError:
        return None  # another archive may have it; apt's own attempt reports the reason
