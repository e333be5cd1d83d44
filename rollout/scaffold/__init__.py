"""What ``grind new`` writes: files that work as they are, to be changed."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import jinja2

from app_clones.kit.registry import TAKEN
from factory.apps import find_app
from factory.errors import GrindError, SpecError

_FILES = {"app.yaml": "app.yaml.j2", "test_{}.py": "test.py.j2", "world.yaml": "world.yaml.j2"}
_NAME = re.compile(r"[a-z][a-z0-9]{0,23}\Z")


def new_app(name: str, into: Path) -> list[Path]:
    """Writes ``into/NAME`` whole, or nothing of it; returns its files. Raises GrindError for a bad name or one in use,
    and where there is such a folder already."""
    _check_name(name)
    folder = into / name
    if folder.exists():
        raise GrindError(f"{folder} is there already", "choose another name, or remove it first")
    into.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=into))
    try:
        for file, template in _FILES.items():
            (made / file.format(name)).write_text(_rendered(template, name), encoding="utf-8")
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return [folder / file.format(name) for file in _FILES]


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise GrindError(f"{name!r} is no name for an app", "lower-case letters and digits, a letter first, 24 at most")
    if name in TAKEN or _is_taken(name):
        raise GrindError(f"{name!r} is a name that comes with Grindworks", "choose another")


def _is_taken(name: str) -> bool:
    try:
        find_app(name)
    except SpecError:
        return False
    return True


def _rendered(template: str, name: str) -> str:
    here = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=here, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(template).render(name=name, title=name.capitalize())
