"""What a user writes: a spec in YAML. Every error names file, line and field, and what was probably meant."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import reduce
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from app_clones.kit.app import App
from factory.errors import SpecError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]
_MAX_FIELDS = 20_000
_INSIDE = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*/?$"  # a path that stays within its tree


class Part(BaseModel):
    """Base of every part of a spec: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Located(Part):
    """A whole spec, which knows where in its file each field stands."""

    _source: str = PrivateAttr(default="spec")
    _lines: Mapping[Loc, int] = PrivateAttr(default_factory=dict)

    def at(self, *loc: str | int) -> str:
        """``specs/x.yaml:12: source.package``, for errors found after loading."""
        return f"{self._source}:{_line(self._lines, loc)}: {'.'.join(map(str, loc))}"

    def __eq__(self, other: object) -> bool:
        """By content alone: where it was written does not count."""
        return type(self) is type(other) and isinstance(other, Part) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


# ---- worlds


class TemplateSpec(Part):
    """How many tasks of one template: ``train`` for learning, ``heldout`` whose combinations training never sees."""

    train: int = Field(default=0, ge=0, strict=True)
    heldout: int = Field(default=0, ge=0, strict=True)


class WorldTasksSpec(Part):
    """The tasks of a world, by template name. ``max_steps`` bounds an episode's tool calls."""

    max_steps: int = Field(default=8, ge=1, strict=True)
    templates: dict[Name, TemplateSpec]


class WorldSpec(Located):
    """A world. ``start``: its clock on opening, with zone. ``apps``: build options by app name."""

    kind: Literal["world"]
    name: Name
    seed: int = Field(ge=0, lt=2**63, strict=True)
    start: AwareDatetime = Field(strict=True)
    step_seconds: int = Field(ge=1, le=86_400, strict=True)
    persons: int = Field(ge=1, le=10_000, strict=True)
    apps: dict[Name, dict[str, Any]] = Field(min_length=1)
    tasks: WorldTasksSpec

    @property
    def start_ms(self) -> int:
        """``start`` in milliseconds since 1970 UTC."""
        return round(self.start.timestamp() * 1000)


# ---- repositories


class SourceSpec(Part):
    """The sdist a repository is made of. ``sha256``, where given, must be that of the index's file."""

    package: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class BaseSpec(Part):
    """The root file system below the repository: Debian packages and wheels for the tests, with all they need."""

    distribution: Literal["debian"]
    packages: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")], ...] = Field(min_length=1)
    test_requires: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+$")], ...]


class TestSpec(Part):
    """How the tests run: ``paths`` relative to the source's root; ``timeout_s`` wall seconds of one whole run."""

    __test__ = False

    paths: tuple[Annotated[str, Field(pattern=_INSIDE)], ...] = Field(min_length=1)
    timeout_s: float = Field(default=120, gt=0, strict=True, allow_inf_nan=False)


class RepoTasksSpec(Part):
    """``count`` tasks are kept, of those that the audit certifies."""

    count: int = Field(ge=1, strict=True)


class RepoSpec(Located):
    """A code repository."""

    kind: Literal["repo"]
    name: Name
    seed: int = Field(ge=0, lt=2**63, strict=True)
    source: SourceSpec
    base: BaseSpec
    test: TestSpec
    tasks: RepoTasksSpec


EnvSpec = WorldSpec | RepoSpec
_KINDS: Mapping[str, type[WorldSpec] | type[RepoSpec]] = {"world": WorldSpec, "repo": RepoSpec}


def load_spec(path: Path | str) -> EnvSpec:
    """Reads and checks one spec. Raises SpecError: ``specs/mail.yaml:12: apps.mail.mesages: unknown key; …``."""
    return parse_spec(_read(Path(path)), str(path))


def parse_spec(text: str, source: str) -> EnvSpec:
    """The same from text; ``source`` is what errors call the file."""
    data, lines = _parse(text, source)
    if not isinstance(data, dict):
        raise SpecError(
            f"{source}:1: a spec is a mapping of keys to values", "start with `kind: world` or `kind: repo`"
        )
    model = _KINDS.get(data.get("kind", "")) if isinstance(data.get("kind", ""), str) else None
    if model is None:
        line = _line(lines, ("kind",))
        raise SpecError(
            f"{source}:{line}: kind: {data.get('kind')!r} is no kind of environment", f"one of {list(_KINDS)}"
        )
    spec = _validate(model, data, lines, source, ())
    spec._source, spec._lines = source, lines
    if isinstance(spec, WorldSpec):
        _check_apps(spec, lines, source)
        _check_templates(spec, lines, source)
    return spec


def find_app(name: str) -> App:
    """The app of that name: the App that package ``app_clones.NAME`` offers. Raises SpecError."""
    if name not in _app_names():
        raise SpecError(f"no app {name!r}", f"apps here: {', '.join(_app_names())}")
    package = importlib.import_module(f"app_clones.{name}")
    for value in vars(package).values():
        if isinstance(value, App) and value.name == name:
            return value
    raise SpecError(f"package app_clones.{name} offers no App named {name!r}", "export it from its __init__.py")


def _app_names() -> list[str]:
    import app_clones

    folders = (Path(root) for root in app_clones.__path__)
    return sorted({p.parent.name for f in folders for p in f.glob("*/__init__.py")} - {"kit", "browser"})


def _check_apps(spec: WorldSpec, lines: Mapping[Loc, int], source: str) -> None:
    for name, options in spec.apps.items():
        try:
            app = find_app(name)
        except SpecError as error:
            raise SpecError(
                f"{source}:{_line(lines, ('apps', name))}: apps.{name}: {error.message}", error.hint
            ) from None
        _validate(app.options, options, lines, source, ("apps", name))


def _check_templates(spec: WorldSpec, lines: Mapping[Loc, int], source: str) -> None:
    from factory.worlds.mail_templates import TEMPLATES  # which imports this module's neighbours, so not at the top

    for name in spec.tasks.templates:
        where = f"{source}:{_line(lines, ('tasks', 'templates', name))}: tasks.templates.{name}"
        if name not in TEMPLATES:
            raise SpecError(f"{where}: {_unknown(name, list(TEMPLATES))}")
        if missing := [app for app in TEMPLATES[name].apps if app not in spec.apps]:
            raise SpecError(f"{where}: needs the app {missing[0]}", f"add it to apps: `{missing[0]}: {{}}`")


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return "unknown key; " + (f"did you mean {near[0]}?" if near else f"known here: {', '.join(known) or 'none'}")


# ---- YAML with lines


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SpecError(f"{path}: cannot read the spec: {reason}", "give the path of a YAML file") from error


def _parse(text: str, source: str) -> tuple[Any, dict[Loc, int]]:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines: dict[Loc, int] = {}
        for loc, at in _walk(node, (), source):
            lines.setdefault(loc, at)
            if len(lines) > _MAX_FIELDS:  # aliases of aliases: a page of YAML can mean terabytes
                raise SpecError(f"{source}:{at}: more than {_MAX_FIELDS} fields")
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SpecError(f"{source}:{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"{source}:1: not YAML: {error}") from error


def _walk(node: yaml.Node, loc: Loc, source: str) -> Iterator[tuple[Loc, int]]:
    """Every location in the document with its line (of its key, where it has one), refusing keys given twice."""
    yield loc, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*loc, index), source)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen:
                field = ".".join(map(str, (*loc, name)))
                raise SpecError(
                    f"{source}:{line}: {field}: given twice, first on line {seen[name]}", "delete one of them"
                )
            seen[name] = line
            yield (*loc, name), line
            yield from _walk(value, (*loc, name), source)


def _line(lines: Mapping[Loc, int], loc: Loc) -> int:
    """The line of ``loc``, or of the nearest thing above it that is there."""
    return next((lines[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in lines), 1)


# ---- pydantic's errors as ours


def _validate(model: type[M], data: Any, lines: Mapping[Loc, int], source: str, at: Loc) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # a mistyped key is first: the missing one that it was meant to be follows from it
        found = sorted(error.errors(include_url=False), key=lambda e: e["type"] == "missing")
        raise SpecError("\n".join(_describe(model, e, lines, source, at) for e in found)) from None


def _describe(model: type[BaseModel], error: Any, lines: Mapping[Loc, int], source: str, at: Loc) -> str:
    loc: Loc = tuple(part for part in error["loc"] if part != "[key]")
    field = ".".join(map(str, (*at, *loc)))
    where = f"{source}:{_line(lines, (*at, *loc))}: {field}"
    if error["type"] == "extra_forbidden":
        return f"{where}: {_unknown(str(loc[-1]), _keys(model, loc[:-1]))}"
    if error["type"] == "missing":
        return f"{where}: missing"
    text = str(error["msg"])
    return f"{where}: {text[:1].lower()}{text[1:]}, not {_short(error['input'])}"


def _short(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys known at ``loc`` within ``model``."""
    inner: Any = reduce(_step, loc, model)
    return list(inner.model_fields) if isinstance(inner, type) and issubclass(inner, BaseModel) else []


def _step(kind: Any, part: str | int) -> Any:
    """The type one level down: a field's, an item's, or a mapping's value's."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return _plain(field.annotation) if field else None
    arguments = get_args(kind)
    return _plain(arguments[-1] if get_origin(kind) is dict else arguments[0]) if arguments else None


def _plain(kind: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(a for a in get_args(kind) if a is not type(None)))
    return kind
