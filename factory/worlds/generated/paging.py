"""Errands in pages made into actions: each element is found by its label in what the page before showed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_clones.browser.urls import ORIGIN
from app_clones.declared import keys
from app_clones.declared.engine import Declared
from app_clones.declared.pages_forms import MORE
from app_clones.declared.pages_frame import FLAG
from app_clones.declared.pages_refs import choices, told_apart
from app_clones.kit.errors import AppError
from factory.environment import Action, Task
from factory.errors import BuildError
from factory.worlds.at_once import at_once
from factory.worlds.generated.pages import Called, End, Errand, Fill, Find, Open, Read
from factory.worlds.generated.retries import MOST_TRIES, wait

if TYPE_CHECKING:
    from factory.worlds.browsing import BrowserEnvironment

_LINE = re.compile(r'\s*- (\w+) "((?:[^"\\]|\\.)*)".*?\[ref=(\w+)\]')
_QUOTED = re.compile(r"(\s*- )'((?:[^']|'')*)'(.*)\Z")
_URL = re.compile(r"\s*- /url: (\S+)")
_FAILED = re.compile(r"- alert .*; nothing was (?:done|read); ")
_RETRY = re.compile(r"- alert .*; try again in (\d+) seconds")
_AGAIN = ("Try again", "Reload the page")
_MOST_PAGES = 12
_FIELDS = ("textbox", "combobox", "checkbox", "spinbutton")


@dataclass(frozen=True, slots=True)
class Element:
    """An element with a name. ``url``: where a link leads."""

    role: str
    name: str
    ref: str
    url: str = ""


def elements(snapshot: str) -> Iterator[Element]:
    """The named elements of an ARIA snapshot, in order."""
    last: Element | None = None
    for line in snapshot.splitlines():
        quoted = _QUOTED.match(line)
        plain = quoted[1] + quoted[2].replace("''", "'") + quoted[3] if quoted else line
        found, url = _LINE.match(plain), _URL.match(line)
        if url and last is not None:
            last = Element(last.role, last.name, last.ref, url[1].strip('"'))
        elif found:
            if last is not None:
                yield last
            last = Element(found[1], found[2].replace('\\"', '"').replace("\\\\", "\\"), found[3])
    if last is not None:
        yield last


class Walk:
    """Errands done in one episode, each as the actions that it takes. Nothing in here waits for the outside."""

    def __init__(self, ready: Declared, environment: BrowserEnvironment, task: Task) -> None:
        self._ready = ready
        self._environment = environment
        self._task = task
        self._seen = ""
        self.actions: list[Action] = []

    def begin(self, done: Sequence[Action] = ()) -> None:
        """Opens the episode and does again what was done."""
        at_once(self._environment.open())
        for action in done:
            at_once(self._environment.step(action))  # whatever came of it

    def run(self, errands: Sequence[Errand]) -> None:
        """All of them. Raises BuildError where a page lacks what an errand names, or refuses it."""
        for errand in errands:
            if isinstance(errand, Open):
                self._do(Action("browser_navigate", {"url": errand.url}))
            elif isinstance(errand, Find):
                self._find(errand.url)
            elif isinstance(errand, Fill):
                self._fill(errand)
            elif isinstance(errand, Read):
                while self._next():
                    pass
            elif isinstance(errand, End):
                self._do(errand.action)

    def _find(self, url: str) -> None:
        for _ in range(_MOST_PAGES):
            link = next((one for one in elements(self._seen) if one.role == "link" and one.url == url), None)
            if link is not None:
                self._press(link)
                return
            if not self._next():
                break
        raise self._lost(f"a link to {url}")

    def _next(self) -> bool:
        """Whether there was a next page, which is then shown."""
        link = next((one for one in elements(self._seen) if one.role == "link" and one.name == "Next"), None)
        if link is not None:
            self._press(link)
        return link is not None

    def _fill(self, errand: Fill) -> None:
        """Fills and sends the form, again where the service failed it: what was done says so in its address."""
        for _ in range(MOST_TRIES):
            self._send(errand)
            if f"{FLAG}=" in self._seen.partition("\n")[0]:
                return
        raise self._lost(f"an end to {MOST_TRIES} failures")

    def _send(self, errand: Fill) -> None:
        self._unfold([label for label, _ in errand.values])
        form = _form(self._seen)
        fields: list[dict[str, Any]] = []
        for label, value in errand.values:
            field = next((one for one in form if one.role in _FIELDS and one.name == label), None)
            if field is None:
                raise self._lost(f"a field {label!r}")
            text = self._name(value, field) if isinstance(value, Called) else value
            fields.append({"name": label, "ref": field.ref, "value": text})
        if fields:
            self._do(Action("browser_fill_form", {"fields": fields}))
        button = next((one for one in form if one.role == "button"), None)
        if button is None:
            raise self._lost("a button that sends the form")
        self._press(button)
        if any(one.role == "alert" for one in elements(self._seen)):
            raise self._lost("an answer without errors")

    def _unfold(self, labels: Sequence[str]) -> None:
        """Opens what a long form folds away, where one of its ``labels`` is not to be seen."""
        form = _form(self._seen)
        seen = {one.name for one in form if one.role in _FIELDS}
        folded = next((one for one in form if one.name.startswith(MORE)), None)
        if folded is not None and not seen.issuperset(labels):
            self._press(folded)

    def _name(self, value: Called, field: Element) -> str:
        """What a select offers for the row, or what is typed for it."""
        if field.role != "combobox":
            return str(value.name)
        with self._environment.world.transaction(1, readonly=True) as call:
            row = keys.find(self._ready, call, value.entity, value.path if "/" in value.path else value.name)
            offered = dict(told_apart(choices(self._ready, call, value.entity) or []))
        return offered.get(str(row["id"]), str(value.name))

    def _element(self, roles: Sequence[str], *names: str) -> Element:
        found = [one for one in elements(self._seen) if one.role in roles and one.name in names]
        if not found:
            raise self._lost(f"{' or '.join(roles)} {names[0]!r}")
        return found[-1]

    def _press(self, one: Element) -> None:
        self._do(Action("browser_click", {"element": one.name, "ref": one.ref}))

    def _do(self, action: Action) -> None:
        after = at_once(self._environment.step(action))
        self.actions.append(action)
        self._seen = after.observation.text
        if after.error:
            raise self._lost(f"{action.name}: {after.observation.text[:200]}")
        way_out = self._way_out()
        if way_out is not None:
            if told := _RETRY.search(self._seen):
                self._do(wait(int(told[1])))
            self._press(way_out)

    def _way_out(self) -> Element | None:
        """Where the service has failed the page: what its own page offers against that."""
        url = self._seen.partition("\n")[0]
        if url.startswith(f"{ORIGIN}/kit/sign-in"):
            return self._element(("button",), "Sign in")
        return self._element(("link",), *_AGAIN) if _FAILED.search(self._seen) else None

    def _lost(self, what: str) -> BuildError:
        where = self._seen.partition("\n")[0]
        return BuildError(f"{self._task.id}: the pages' oracle does not find {what} at {where[:200]}")


def walked(
    ready: Declared, environment: BrowserEnvironment, task: Task, errands: Sequence[Errand], done: Sequence[Action]
) -> tuple[Action, ...]:
    """The actions that the errands take, after ``done``. Raises BuildError where the pages do not allow them."""
    walk = Walk(ready, environment, task)
    try:
        walk.begin(done)
        walk.run(errands)
    except AppError as error:
        raise BuildError(f"{task.id}: the pages' oracle: {error.message}") from error
    finally:
        at_once(environment.close())
    return tuple(walk.actions)


def _form(snapshot: str) -> list[Element]:
    """The elements of the last form that is no filter and no search, where there is one."""
    lines = snapshot.splitlines()
    begins = [k for k, line in enumerate(lines) if re.match(r"\s*- '?form \"", line) and 'form "Filter' not in line]
    if not begins:
        return []
    depth = len(lines[begins[-1]]) - len(lines[begins[-1]].lstrip())
    inside = []
    for line in lines[begins[-1] + 1 :]:
        if len(line) - len(line.lstrip()) <= depth:
            break
        inside.append(line)
    return list(elements("\n".join(inside)))
