"""The few properties of a style sheet that decide what an agent sees: display, visibility, cursor, pointer events.

A style follows from an element's ancestry alone (names and those attributes that a deciding selector looks at), so it
is computed once per ancestry and sheet, and then looked up: a row of a list costs what a dictionary costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import tinycss2
from tinycss2.ast import Node as Token

from app_clones.browser.markup import StartTag
from app_clones.browser.selectors import Selector, UnsupportedSelector, compile_selectors
from app_clones.browser.text import number

#: The properties read here. ``position`` is one of them because what is taken out of the flow becomes a block.
#: ``list-style-type`` is another, because a list item with a marker is seen even where it is empty.
DECIDING = frozenset({"display", "visibility", "cursor", "pointer-events", "position", "list-style-type"})
_INHERITED = {
    "visibility": "visibility", "cursor": "cursor", "pointer-events": "pointer_events", "list-style-type": "marker",
}  # fmt: skip
_INITIAL = {
    "display": "inline", "visibility": "visible", "cursor": "auto", "pointer-events": "auto", "position": "static",
    "list-style-type": "disc",
}  # fmt: skip

#: Attributes whose values decide without a sheet, of a style or a role. Of others it only counts whether they are there
#: and empty.
_OWN_ATTRS = frozenset({"type", "style", "aria-hidden", "size", "role", "scope", "tabindex"})
_IGNORED = frozenset({"style", "script", "noscript", "template"})
#: Elements that have a box of their own size, whatever is in them.
_SIZED = frozenset("button dialog fieldset hr iframe input meter progress select td textarea th".split())
#: Distinct ancestries kept per set of sheets before they are forgotten: pages of one app have hundreds.
_MOST_STYLES = 50_000


class Style:
    """Computed values of one ancestry. ``under`` finds the styles of its children, ``kinds`` keeps what else follows
    from it, see ``kinds``.

    ``shown``: neither it nor what it lies in is invisible or ``display: none``. ``hidden``: assistive technology leaves
    it out. ``boxable``: it is seen where it takes up space; ``takes``: it always does, or never; None where what is in
    it decides.
    """

    __slots__ = (
        "attrs", "boxable", "cursor", "display", "gone", "hidden", "kind", "kinds", "marker", "parent",
        "pointer_events", "rendered", "shown", "tag", "takes", "under", "visibility",
    )  # fmt: skip

    def __init__(self, tag: str, attrs: Mapping[str, str], parent: Style | None, values: Mapping[str, str]) -> None:
        self.tag = tag
        self.attrs = attrs
        self.parent = parent
        self.display = values["display"]
        self.visibility = values["visibility"]
        self.cursor = values["cursor"]
        self.pointer_events = values["pointer-events"]
        self.marker = values["list-style-type"]
        self.rendered: bool = self.display != "none" and (parent is None or parent.rendered)
        self.shown = self.rendered and self.visibility == "visible"
        unheard = not self.rendered or attrs.get("aria-hidden", "").lower() == "true"
        self.gone: bool = unheard or (parent is not None and parent.gone)
        select = self._select() if tag in ("option", "optgroup") else None
        self.boxable = self.shown and (select is None or is_listbox(select.attrs))
        # An option is heard even while its select is closed; a group of options is not.
        heard = self.boxable or (select is not None and tag == "option")
        self.hidden = self.gone or tag in _IGNORED or not heard
        self.takes: bool | None = None
        if self.display == "none":
            self.takes = False
        elif tag in _SIZED or (self.display == "list-item" and self.marker != "none"):
            self.takes = True
        self.under: dict[Shape | None, Style] = {}
        self.kind: Any = None
        self.kinds: dict[str, Any] = {}

    def _select(self) -> Style | None:
        above = self.parent
        while above is not None and above.tag != "select":
            above = above.parent
        return above


class Shape:
    """What counts of a start tag for the style of its element; told from others by identity, which is quick."""

    __slots__ = ("attrs", "tag")

    def __init__(self, tag: str, attrs: Mapping[str, str]) -> None:
        self.tag = tag
        self.attrs = attrs


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration that decides something."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with at least one declaration that decides something."""

    selector: Selector
    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A parsed style sheet: the rules that decide, in order, and what of it is outside the subset."""

    rules: tuple[Rule, ...]
    problems: tuple[str, ...]


def declarations(content: Sequence[Token] | str) -> Iterator[Declaration]:
    """The declarations of a block that decide something."""
    for item in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if item.type != "declaration":
            continue
        value = tinycss2.serialize([token for token in item.value if token.type != "comment"]).strip().lower()
        if item.lower_name in DECIDING:
            yield Declaration(item.lower_name, value, item.important)
        elif item.lower_name == "list-style":
            yield Declaration("list-style-type", "none" if "none" in value.split() else "disc", item.important)


@lru_cache(maxsize=256)
def read_sheet(text: str) -> Sheet:
    """Parses a style sheet. What media queries and other at-rules hold decides nothing: the linter forbids it to."""
    rules, problems = [], []
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        if rule.type == "error":
            problems.append(f"line {rule.source_line}: {rule.message}")
        elif rule.type == "qualified-rule" and (found := tuple(declarations(rule.content))):
            try:
                rules += [Rule(selector, found) for selector in compile_selectors(rule.prelude)]
            except UnsupportedSelector as error:
                name = tinycss2.serialize(rule.prelude).strip()
                problems.append(f"line {rule.source_line}: {name}: {found[0].name} may not depend on {error}")
    return Sheet(tuple(rules), tuple(problems))


class Cascade:
    """Several sheets in order, and all styles computed under them so far."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._rules: dict[str | None, list[tuple[tuple[int, int, int], int, Rule]]] = {}
        attrs = set(_OWN_ATTRS)
        order = 0
        for text in texts:
            for rule in read_sheet(text).rules:
                order += 1
                attrs |= rule.selector.attrs
                self._rules.setdefault(rule.selector.tag, []).append((rule.selector.specificity, order, rule))
        #: The attributes whose values count.
        self.attrs = frozenset(attrs)
        self._shapes: dict[tuple[Any, ...], Shape] = {}
        self._count = 0
        self.root = self._fresh_root()

    @staticmethod
    @lru_cache(maxsize=256)
    def of(texts: tuple[str, ...]) -> Cascade:
        """The cascade of these sheets; the same texts give the same one."""
        return Cascade(texts)

    def style(self, parent: Style, start: StartTag) -> Style:
        """The style of an element that begins with ``start`` in something styled ``parent``.

        ``start.keys`` and ``parent.under`` are filled with what it takes to look it up the next time.
        """
        shape = start.keys.get(self.attrs)
        if shape is None:
            shape = start.keys[self.attrs] = self._shape(start)
        found = parent.under.get(shape)
        if found is None:
            found = parent.under[shape] = self._compute(parent, shape.tag, shape.attrs)
        return found

    def _shape(self, start: StartTag) -> Shape:
        attrs = self.attrs
        seen = [(name, value if name in attrs else value and "-") for name, value in start.attrs.items()]
        key = (start.name, *seen)
        found = self._shapes.get(key)
        if found is None:
            if len(self._shapes) > _MOST_STYLES:
                self._shapes.clear()
            found = self._shapes[key] = Shape(start.name, dict(seen))
        return found

    def _fresh_root(self) -> Style:
        # What <html> lies in: nothing. It makes its child a block, as the root element is.
        return Style("", {}, None, {**_INITIAL, "display": "flex"})

    def _compute(self, parent: Style, tag: str, attrs: Mapping[str, str]) -> Style:
        self._count += 1
        if self._count > _MOST_STYLES:
            self._count = 0
            self.root.under.clear()
        above = None if parent is self.root else parent
        probe = Style(tag, attrs, above, _INITIAL)
        values = {**_INITIAL, **{name: getattr(parent, slot) for name, slot in _INHERITED.items()}}
        values |= own_style(tag, attrs, parent.tag)
        for declaration in self._winning(probe, attrs):
            values[declaration.name] = _resolve(declaration, values, parent)
        if BLOCKIFY.get(parent.display) or values["position"] in ("absolute", "fixed"):
            values["display"] = _AS_BLOCK.get(values["display"], values["display"])
        return Style(tag, attrs, above, values)

    def _winning(self, probe: Style, attrs: Mapping[str, str]) -> list[Declaration]:
        found: list[tuple[tuple[bool, bool, tuple[int, int, int], int], Declaration]] = []
        for name in (None, probe.tag):
            for specificity, order, rule in self._rules.get(name, ()):
                if rule.selector.test(probe):
                    found += [((item.important, False, specificity, order), item) for item in rule.declarations]
        if "style" in attrs:
            found += [((item.important, True, (0, 0, 0), 0), item) for item in declarations(attrs["style"])]
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _resolve(declaration: Declaration, values: Mapping[str, str], parent: Style) -> str:
    name, value = declaration.name, declaration.value
    if value == "inherit" or (value == "unset" and name in _INHERITED):
        return cast(str, getattr(parent, _INHERITED.get(name, name), _INITIAL[name]))
    if value in ("initial", "unset"):
        return _INITIAL[name]
    if name == "cursor":
        return value.rpartition(",")[2].strip()
    return value


BLOCKIFY = {"flex": True, "inline-flex": True, "grid": True, "inline-grid": True}
_AS_BLOCK = {
    "inline": "block", "inline-block": "block", "inline-flex": "flex", "inline-grid": "grid", "inline-table": "table",
    "table-cell": "block", "table-row": "block", "table-row-group": "block", "table-header-group": "block",
    "table-footer-group": "block", "table-caption": "block", "table-column": "block", "table-column-group": "block",
}  # fmt: skip

_DISPLAY = {
    **dict.fromkeys(
        "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 "
        "h2 h3 h4 h5 h6 header hgroup hr html legend main menu nav ol optgroup option p pre search section summary "
        "ul".split(),
        "block",
    ),
    **dict.fromkeys("button input meter progress select textarea".split(), "inline-block"),
    **dict.fromkeys(
        "area base datalist dialog head link meta noembed noframes param rp script style template title".split(), "none"
    ),
    "caption": "table-caption", "col": "table-column", "colgroup": "table-column-group", "li": "list-item",
    "rt": "ruby-text", "ruby": "ruby", "table": "table", "tbody": "table-row-group", "td": "table-cell",
    "tfoot": "table-footer-group", "th": "table-cell", "thead": "table-header-group", "tr": "table-row",
}  # fmt: skip

_TEXT_TYPES = frozenset("text search email tel url password number".split())
_INPUT_TYPES = _TEXT_TYPES | frozenset(
    "hidden date month week time datetime-local range color checkbox radio file submit image reset button".split()
)


def is_listbox(select: Mapping[str, str]) -> bool:
    """Does the select with these attributes show its options at all times?"""
    return "multiple" in select or number(select.get("size")) > 1


def own_style(tag: str, attrs: Mapping[str, str], parent: str) -> dict[str, str]:
    """What Chromium's own sheet says of an element, where that is not the initial or inherited value."""
    values = {}
    if display := _DISPLAY.get(tag):
        values["display"] = display
    if tag == "summary" and parent == "details":
        values["display"] = "list-item"
    elif tag == "dialog" and "open" in attrs:
        values["display"] = "block"
    if tag in ("a", "area") and "href" in attrs:
        values["cursor"] = "pointer"
    elif tag in ("button", "select", "option", "optgroup", "label"):
        values["cursor"] = "default"
    elif tag == "textarea":
        values["cursor"] = "text"
    elif tag == "input":
        given = attrs.get("type", "").lower()
        kind = given if given in _INPUT_TYPES else "text"
        values["cursor"] = "text" if kind in _TEXT_TYPES else "pointer" if kind == "image" else "default"
        if kind == "hidden":
            values["display"] = "none"
    if "hidden" in attrs:
        values["display"] = "none"
    return values
