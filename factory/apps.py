"""The apps of a world: where a spec finds them, what an environment keeps of them, how a worker has them again.

An app is a package of ``app_clones``, a folder with an ``app.yaml`` (and, where data will not do, a ``behaviours.py``
beside it), or compiled from an API's description. Of the latter two the environment keeps declaration and source as
blobs, so that its digest covers them and a worker needs the store alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app_clones.kit.app import App
from app_clones.kit.errors import KitError
from app_clones.kit.located import FileError
from app_clones.kit.registry import RESERVED, TAKEN
from factory.errors import SpecError
from factory.store import Store

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

FROM = "from"
"""The key of a spec's app that says where the app is; all others are its build options."""

COMPILED = ("discovery:", "openapi:")
_DECLARATION, _BEHAVIOURS = "app.json", "behaviours.py"


@dataclass(frozen=True, slots=True, eq=False)
class FoundApp:
    """An app ready for a world. ``declared``: of one that is data. ``kept``: files that an environment keeps of it."""

    app: App
    declared: Declared | None = None
    kept: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The app's."""
        return self.app.name

    def keep(self, store: Store) -> dict[str, str]:
        """Puts ``kept`` into the store; returns the digests by their names among the parts of a manifest."""
        return {_part(self.name, file): store.put(data) for file, data in self.kept.items()}


def find_app(name: str, origin: object = None, beside: Path | None = None) -> FoundApp:
    """The app ``name``: from ``origin``, or else the package ``app_clones.NAME``.

    ``origin``: ``specs/apps/helpdesk`` (a folder below ``beside``, or else below the working directory),
    ``discovery:gmail:v1``, ``openapi:FILE``. Raises SpecError.
    """
    if origin is None:
        return _packaged(name)
    if not isinstance(origin, str) or not origin:
        raise SpecError(f"from: {origin!r} is no place of an app", "a folder with an app.yaml, discovery:NAME:VERSION")
    try:
        found = _compiled(origin, beside) if origin.startswith(COMPILED) else _declared(_path(origin, beside))
    except FileError as error:
        raise SpecError(error.message, error.hint) from error
    except KitError as error:
        raise SpecError(f"from: {origin}: {error}") from error
    if found.name != name:
        raise SpecError(f"from: {origin} is the app {found.name!r}, not {name!r}", f"call it {found.name} here too")
    return found


def load_app(name: str, parts: Mapping[str, str], store: Store) -> FoundApp:
    """The app as an environment of those ``parts`` kept it; a package, where it kept nothing of it."""
    if _part(name, _DECLARATION) not in parts:
        return _packaged(name)
    from app_clones.declared.load import from_json

    files = {
        file: store.get(parts[_part(name, file)]) for file in (_DECLARATION, _BEHAVIOURS) if _part(name, file) in parts
    }
    ready = from_json(files[_DECLARATION], files.get(_BEHAVIOURS, b""))
    return FoundApp(ready.app(), ready, files)


def files_of(origin: str, beside: Path | None = None) -> dict[str, Path]:
    """The files that ``origin`` means, by their paths below the folder that it is seen from."""
    kind, _, rest = origin.partition(":")
    if kind == "openapi":
        return {rest: _path(rest, beside)}
    if origin.startswith(COMPILED):
        return {}
    from app_clones.declared.load import BEHAVIOURS, DECLARATION, TEMPLATES, template_files

    folder = _path(origin, beside)
    found = {f"{origin}/{file}": folder / file for file in (DECLARATION, BEHAVIOURS)}
    found |= {f"{origin}/{TEMPLATES}/{name}": path for name, path in template_files(folder).items()}
    return {name: path for name, path in found.items() if path.exists()}


def _path(given: str, beside: Path | None) -> Path:
    """``given`` as seen from ``beside`` if it is there, else from the working directory."""
    if Path(given).is_absolute() or ".." in Path(given).parts:
        # so that spec and app can be copied elsewhere together, and built there
        raise SpecError(
            f"from: {given} leads elsewhere", "a path below the spec's folder, or below the working directory"
        )
    near = (beside or Path()) / given
    return near if near.exists() else Path(given)


def found_of(ready: Declared) -> FoundApp:
    """An app that is data alone, with what an environment keeps of it."""
    from app_clones.declared.load import to_json

    return FoundApp(ready.app(), ready, {_DECLARATION: to_json(ready.decl)})


def _part(name: str, file: str) -> str:
    return f"apps/{name}/{file}"


def _packaged(name: str) -> FoundApp:
    if name not in _packages():
        here = f"apps here: {', '.join(_packages())}; `from: FOLDER` names one of your own"
        raise SpecError(f"no app {name!r}", here)
    package = importlib.import_module(f"app_clones.{name}")
    for value in vars(package).values():
        if isinstance(value, App) and value.name == name:
            return FoundApp(value, getattr(package, "DECLARED", None))
    raise SpecError(f"package app_clones.{name} offers no App named {name!r}", "export it from its __init__.py")


def names_taken() -> frozenset[str]:
    """What no app of one's own should be called: packages of ``app_clones``, the apps of every world, places beside
    them on a server."""
    return TAKEN.union(_packages())


def _packages() -> list[str]:
    import app_clones

    folders = (Path(root) for root in app_clones.__path__)
    return sorted({p.parent.name for f in folders for p in f.glob("*/__init__.py")} - RESERVED)


def _declared(folder: Path) -> FoundApp:
    from app_clones.declared.load import load_declared, read_behaviours, to_json

    ready = load_declared(folder)
    source = read_behaviours(folder)
    kept = {_DECLARATION: to_json(ready.decl), **({_BEHAVIOURS: source} if source else {})}
    return FoundApp(ready.app(), ready, kept)


def _compiled(origin: str, beside: Path | None) -> FoundApp:
    from app_clones.declared.engine import declared
    from factory.compiler.compile import compile_app

    kind, _, rest = origin.partition(":")
    if kind == "openapi" and rest.startswith(("http://", "https://")):
        hint = f"grind compile {origin} --out FOLDER, then `from: FOLDER`"
        raise SpecError(f"from: {origin}: a world is built without a network", hint)
    return found_of(declared(compile_app(f"{kind}:{_path(rest, beside)}" if kind == "openapi" else origin)))
