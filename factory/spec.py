"""What a user writes: a spec in YAML. Every error names file, line and field, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr

from app_clones.kit import located
from app_clones.kit.app import App
from app_clones.kit.located import Document, FileError, Loc
from factory import apps
from factory.apps import FROM, FoundApp
from factory.errors import SpecError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
FaultKind = Literal["error", "rate_limit", "stale_page", "expired_session"]
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
        return f"{self._source}:{located.line_of(self._lines, loc)}: {located.dotted(loc)}"

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


class GeneratedSpec(Part):
    """The tasks that declarations give rise to: at most ``per_template`` of each template and, if ``most`` is given, so
    many in all of each app. ``templates``: kinds of tasks (``find_update``), all where none is named; all tasks of
    ``heldout_templates`` and ``heldout_apps`` are kept from training."""

    per_template: int = Field(default=10, ge=1, le=100, strict=True)
    most: int | None = Field(default=None, ge=1, strict=True)
    templates: tuple[Name, ...] = ()
    heldout_templates: tuple[Name, ...] = ()
    heldout_apps: tuple[Name, ...] = ()


class FaultsSpec(Part):
    """Seeded faults of all apps, in tools, API and pages: ``rate``, the share of time in which each thing that can be
    asked fails, and in which ways."""

    rate: float = Field(ge=0, le=0.9)
    kinds: tuple[FaultKind, ...] = Field(default=get_args(FaultKind), min_length=1)
    window_seconds: int = Field(default=120, ge=1, le=86_400, strict=True)


class WorldTasksSpec(Part):
    """The tasks of a world: those of templates written by hand by name, and ``generated`` ones. ``max_steps`` bounds an
    episode's tool calls."""

    max_steps: int = Field(default=8, ge=1, strict=True)
    templates: dict[Name, TemplateSpec] = {}
    generated: GeneratedSpec | None = None


class WorldSpec(Located):
    """A world. ``start``: its clock on opening, with zone.

    ``apps``: build options by app name, and under ``from``, for all but the apps that come with Grindworks, where the
    app is: see :func:`factory.apps.find_app`. ``view``: what an agent acts through: the apps' ``tools``, their pages as
    text (``browser``) or as pictures (``pixels``). ``faults``: which its users meet; none where not given.
    """

    kind: Literal["world"]
    name: Name
    seed: int = Field(ge=0, lt=2**63, strict=True)
    start: AwareDatetime = Field(strict=True)
    step_seconds: int = Field(ge=1, le=86_400, strict=True)
    persons: int = Field(ge=1, le=10_000, strict=True)
    apps: dict[Name, dict[str, Any]] = Field(min_length=1)
    view: Literal["tools", "browser", "pixels"] = "tools"
    tasks: WorldTasksSpec
    faults: FaultsSpec | None = None

    @property
    def start_ms(self) -> int:
        """``start`` in milliseconds since 1970 UTC."""
        return round(self.start.timestamp() * 1000)

    def find_app(self, name: str) -> FoundApp:
        """One of its apps. Raises SpecError."""
        origin = self.apps[name].get(FROM)
        return apps.find_app(name, origin, Path(self._source).parent)

    def options(self, name: str) -> dict[str, Any]:
        """The build options that it gives an app."""
        return {key: value for key, value in self.apps[name].items() if key != FROM}


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
    """How the tests run: ``paths`` relative to the source's root. One whole run may take ``cpu_s`` CPU seconds, of
    which the untouched source may need a third, and ``timeout_s`` seconds of waiting for anything but a CPU. Three runs
    of that length, which is a verdict, end well before an answer of the infrastructure counts as lost."""

    __test__ = False

    paths: tuple[Annotated[str, Field(pattern=_INSIDE)], ...] = Field(min_length=1)
    timeout_s: float = Field(default=120, gt=0, le=200, strict=True, allow_inf_nan=False)
    cpu_s: float = Field(default=10, gt=0, le=60, strict=True, allow_inf_nan=False)


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
    with _as_spec_errors():
        text = located.read(Path(path), "the spec")
    return parse_spec(text, str(path))


def parse_spec(text: str, source: str) -> EnvSpec:
    """The same from text; ``source`` is what errors call the file."""
    with _as_spec_errors():
        document = located.parse(text, source)
        spec = document.validate(_kind_of(document), document.data)
        spec._source, spec._lines = source, document.lines
        if isinstance(spec, WorldSpec):
            _check_apps(spec, document)
            _check_templates(spec, document)
    return spec


@contextmanager
def _as_spec_errors() -> Iterator[None]:
    try:
        yield
    except FileError as error:
        raise SpecError(error.message, error.hint) from error


def find_app(name: str) -> App:
    """The app that package ``app_clones.NAME`` offers. Raises SpecError."""
    return apps.find_app(name).app


def _kind_of(document: Document) -> type[WorldSpec] | type[RepoSpec]:
    data = document.data
    if not isinstance(data, dict):
        hint = "start with `kind: world` or `kind: repo`"
        raise FileError(document.fault((), "a spec is a mapping of keys to values", hint))
    kind = data.get("kind", "")
    if not isinstance(kind, str) or kind not in _KINDS:
        message = f"{data.get('kind')!r} is no kind of environment"
        raise FileError(document.fault(("kind",), message, f"one of {list(_KINDS)}"))
    return _KINDS[kind]


def _check_apps(spec: WorldSpec, document: Document) -> None:
    for name in spec.apps:
        try:
            found = spec.find_app(name)
        except SpecError as error:
            raise FileError(document.fault(("apps", name), error.message, error.hint)) from None
        document.validate(found.app.options, spec.options(name), ("apps", name))


def _check_templates(spec: WorldSpec, document: Document) -> None:
    from factory.worlds.mail_templates import TEMPLATES  # which imports this module's neighbours, so not at the top

    _check_generated(spec, document)
    if not spec.tasks.generated and not any(one.train + one.heldout for one in spec.tasks.templates.values()):
        hint = "give a template `train: 20`, or `generated: {}` for tasks of all kinds"
        raise FileError(document.fault(("tasks",), "there is no task to play", hint))
    for name in spec.tasks.templates:
        at = ("tasks", "templates", name)
        if name not in TEMPLATES:
            raise FileError(document.fault(at, located.unknown(name, list(TEMPLATES))))
        if missing := [app for app in TEMPLATES[name].apps if app not in spec.apps]:
            hint = f"add it to apps: `{missing[0]}: {{}}`"
            raise FileError(document.fault(at, f"needs the app {missing[0]}", hint))


def _check_generated(spec: WorldSpec, document: Document) -> None:
    if spec.tasks.generated is None:
        return
    from factory.worlds.generated.kinds import KINDS

    for key in ("templates", "heldout_templates"):
        for place, name in enumerate(getattr(spec.tasks.generated, key)):
            if name not in KINDS:
                at = ("tasks", "generated", key, place)
                raise FileError(document.fault(at, located.unknown(name, list(KINDS))))
    for place, name in enumerate(spec.tasks.generated.heldout_apps):
        if name not in spec.apps:
            at = ("tasks", "generated", "heldout_apps", place)
            raise FileError(document.fault(at, located.unknown(name, list(spec.apps))))
