"""Descriptions of APIs by name: ``discovery:gmail:v1``, ``openapi:FILE``, ``openapi:https://…``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from factory.compiler import discovery, openapi
from factory.compiler.api import ApiDoc
from factory.errors import InputGone, SpecError

_TIMEOUT_S = 30.0
_LARGEST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Described:
    """What a description says. ``discovery``: as Google wrote it, where it did; ``text``: of an OpenAPI document, and
    ``suffix``, what a file of it ends with."""

    doc: ApiDoc
    discovery: Mapping[str, Any] | None = None
    text: str = ""
    suffix: str = ""


def describe(description: str) -> Described:
    """The description called so. A web address is fetched; all else is read from this machine.

    Raises :class:`SpecError` where there is none or it is wrong, :class:`InputGone` where it cannot be fetched.
    """
    kind, _, name = description.partition(":")
    if kind == "discovery":
        document, sha256 = discovery.load(name)
        return Described(discovery.parse(document, sha256), document)
    if kind == "openapi" and name:
        text = _fetched(name) if name.startswith(("https://", "http://")) else _read(Path(name))
        return Described(openapi.read(text, name), None, text, ".json" if text.lstrip().startswith("{") else ".yaml")
    hint = "discovery:gmail:v1 or openapi:FILE, for two"
    raise SpecError(f"{description[:80]!r} is no description that can be compiled", hint)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SpecError(f"{path}: cannot read it: {reason}", "give the path of an OpenAPI document") from error


def _fetched(url: str) -> str:
    try:
        with httpx.stream("GET", url, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            response.raise_for_status()
            data = b""
            for part in response.iter_bytes():
                data += part
                if len(data) > _LARGEST:
                    raise InputGone(f"{url}: larger than {_LARGEST >> 20} MB", "save what is needed of it as a file")
            return data.decode()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputGone(f"{url}: {error}", "fetch it by other means, and give the file") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{url}: not UTF-8 text") from error
