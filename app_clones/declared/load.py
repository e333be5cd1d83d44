"""An app from its folder: ``app.yaml``, and ``behaviours.py`` beside it where data will not do."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from app_clones.declared.check import DeclError, check
from app_clones.declared.check_pages import check_shown
from app_clones.declared.engine import Behaviour, Declared, Own, declared
from app_clones.declared.events import check_events
from app_clones.declared.expand import expand
from app_clones.declared.model import AppDecl
from app_clones.declared.purity import source_faults, state_faults
from app_clones.declared.seeds import check_seeds
from app_clones.kit.app import App
from app_clones.kit.located import Document, Fault, FileError, JsonLoader, parse, read

DECLARATION = "app.yaml"
BEHAVIOURS = "behaviours.py"
TEMPLATES = "templates"


def load_app(folder: Path | str) -> App:
    """The app in ``folder``. Raises :class:`FileError`: ``app.yaml:12: entities.ticket.labl: unknown key; …``."""
    return load_declared(folder).app()


def load_declared(
    folder: Path | str, behaviours: Mapping[str, Behaviour] | None = None, own: Own | None = None
) -> Declared:
    """The same before it is an app of the kit: declaration and behaviours, made ready. A package gives ``behaviours``,
    and what else it does in Python, itself. Raises :class:`FileError`."""
    folder = Path(folder)
    path = folder / DECLARATION
    decl, document = _parsed(read(path, "the declaration"), str(path))
    files = {} if own is not None and own.pages is not None else read_templates(folder)
    if behaviours is None:
        behaviours = behaviours_of(read_behaviours(folder), str(folder / BEHAVIOURS))
    with _located(document, {name: str(folder / TEMPLATES / name) for name in files}):
        ready = declared(_with_templates(decl, files), behaviours, own)
        check_shown(ready)
    return ready


def load_decl(path: Path | str) -> AppDecl:
    """The declaration in one file, as it is written. Raises :class:`FileError` for all that can be wrong with it."""
    return parse_decl(read(Path(path), "the declaration"), str(path))


def parse_decl(text: str, source: str) -> AppDecl:
    """The same from text; ``source`` is what errors call the file."""
    return _parsed(text, source)[0]


def _parsed(text: str, source: str) -> tuple[AppDecl, Document]:
    document = parse(text, source, JsonLoader)
    if not isinstance(document.data, dict):
        raise FileError(document.fault((), "a declaration is a mapping of keys to values", "start with `app: NAME`"))
    decl = document.validate(AppDecl, document.data)
    with _located(document):
        check(decl)
        check_seeds(decl)
        full = expand(decl)
        check(full)
        check_events(full)
    return decl, document


@contextmanager
def _located(document: Document, templates: Mapping[str, str] | None = None) -> Iterator[None]:
    """``templates``: the files of those that do not stand in the document itself, by name."""
    try:
        yield
    except DeclError as error:
        file = (templates or {}).get(str(error.loc[1])) if error.loc[:1] == ("templates",) else None
        if file is not None:
            raise FileError(Fault(file, 0, "", error.message)) from error
        raise FileError(document.fault(error.loc, error.message)) from error


def to_json(decl: AppDecl) -> bytes:
    """The declaration as an environment keeps it. Keys stay in their order, which tables and pages follow."""
    return json.dumps(decl.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False).encode()


def from_json(declaration: bytes, behaviours: bytes = b"") -> Declared:
    """An app as :func:`to_json` and :func:`read_behaviours` gave it."""
    return declared(AppDecl.model_validate_json(declaration), behaviours_of(behaviours, BEHAVIOURS))


def read_behaviours(folder: Path | str) -> bytes:
    """The source of the behaviours in ``folder``; empty where there is none."""
    path = Path(folder) / BEHAVIOURS
    return read(path, "the behaviours").encode() if path.exists() else b""


def template_files(folder: Path | str) -> dict[str, Path]:
    """The files of an app's own templates, by their paths below the folder that they are in."""
    root = Path(folder) / TEMPLATES
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}


def read_templates(folder: Path | str) -> dict[str, str]:
    """Their sources. Raises :class:`FileError`."""
    return {name: read(path, "the template") for name, path in template_files(folder).items()}


def _with_templates(decl: AppDecl, files: Mapping[str, str]) -> AppDecl:
    twice = sorted(decl.templates.keys() & files)
    if twice:
        raise DeclError(f"it is a file in {TEMPLATES}, too", ("templates", twice[0]))
    return decl.model_copy(update={"templates": {**decl.templates, **files}}) if files else decl


def behaviours_of(source: bytes, file: str) -> Mapping[str, Behaviour]:
    """The functions that Python ``source`` defines, by name. Raises :class:`FileError`.

    What would make an app depend on more than its world's state is refused (:mod:`~app_clones.declared.purity`), as is
    what an environment could not keep: other files, packages that may not be there. That guards against mistakes, not
    against malice: it is run as it is, since the code of an app is trusted as that of a package is.
    """
    try:
        tree = ast.parse(source, file)
    except SyntaxError as error:
        raise FileError(Fault(file, error.lineno or 1, "", f"not Python: {error.msg}")) from error
    if faults := source_faults(tree, file):
        raise FileError(*faults)
    module = ModuleType(f"{__name__}:{file}")
    sys.modules[module.__name__] = module  # where a dataclass looks for what its annotations name
    try:
        exec(compile(tree, file, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        raise FileError(Fault(file, _line_of(error, file), "", f"{type(error).__name__}: {error}")) from error
    finally:
        del sys.modules[module.__name__]
    if faults := state_faults(module, tree, file):
        raise FileError(*faults)
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__code__.co_filename == file and not name.startswith("_")
    }


def functions_of(*modules: ModuleType) -> Mapping[str, Behaviour]:
    """The behaviours of an app that is a package: each module's own public functions, as ``module.function``."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }


def _line_of(error: BaseException, file: str) -> int:
    at: Any = error.__traceback__
    line = 1
    while at is not None:
        if at.tb_frame.f_code.co_filename == file:
            line = at.tb_lineno
        at = at.tb_next
    return line
