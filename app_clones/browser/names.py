"""The accessible name of an element (accname 1.2, HTML-AAM 1.0), and which elements it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from app_clones.browser.element import Element
from app_clones.browser.selectors import words
from app_clones.browser.text import SPACE, blank

if TYPE_CHECKING:
    from app_clones.browser.document import Document

#: Roles that have no name, whatever is said of them.
PROHIBITED = frozenset(
    "caption code definition deletion emphasis generic insertion mark paragraph presentation strong subscript "
    "suggestion superscript term time".split()
)
#: Roles that are named by their content.
FROM_CONTENT = frozenset(
    "button cell checkbox columnheader gridcell heading link menuitem menuitemcheckbox menuitemradio option radio row "
    "rowheader switch tab tooltip treeitem".split()
)
#: Roles whose content counts where they are part of something that is named by its content.
PASSES_CONTENT = FROM_CONTENT | frozenset(
    ["", *"caption code contentinfo definition deletion emphasis insertion list listitem mark none paragraph".split(),
     *"presentation region row rowgroup section strong subscript superscript table term time".split()]
)  # fmt: skip
_PLACEHOLDER_TYPES = frozenset({"text", "password", "number", "search", "tel", "email", "url"})
_NAMED_BY_LABEL = frozenset({"textarea", "select", "input", "meter", "progress"})
_RANGES = frozenset({"progressbar", "scrollbar", "slider", "spinbutton", "meter"})
_IGNORED = frozenset({"style", "script", "noscript", "template"})
#: Attributes that name the element that has them.
NAMING_ATTRS = frozenset({"aria-label", "aria-labelledby", "title"})


class Name(NamedTuple):
    """A name and the elements whose text or attribute it was made of."""

    text: str
    made_of: Sequence[Element]


NOTHING = Name("", ())
#: Stands for all elements in the one named that say something, which need not be gathered to be known.
ALL_WITHIN: Sequence[Element] = []
_UNKNOWN: Any = object()


class _How(NamedTuple):
    """Why an element is looked at. The first three: None, or whether the element that it began with is hidden."""

    labelledby: bool | None = None
    label: bool | None = None
    native: bool | None = None
    target: str = ""  # "self": its own name is asked for; "part": it lies in what is named by its content

    @property
    def hidden_counts(self) -> bool:
        return bool(self.labelledby or self.label or self.native)

    @property
    def part(self) -> _How:
        return self._replace(target="part") if self.target == "self" else self


_SELF = _How(target="self")


class Namer:
    """Names in one document, as it is now."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._page = document.page
        self._hidden = document.is_hidden
        self.labels = document.page.labels

    def name(self, element: Element) -> Name:
        """The element's name, white space as it stands."""
        kind = element.kind
        if kind.nameless:
            return NOTHING
        if kind.by_content and (said := self.said(element)) is not None:
            return NOTHING if blank(said) else Name(said, ALL_WITHIN)
        return self._alternative(element, _SELF, set())

    def said(self, element: Element) -> str | None:
        """What it says within what is named by its content, where that is the texts in it and nothing else.

        None where it may be more (a control's value, a label, an attribute). It follows from the page alone, so that
        the name of a row, of its cells and of the links in them is put together once.
        """
        known = self._page.said
        said: str | None = known.get(element, _UNKNOWN)
        if said is _UNKNOWN:
            said = known[element] = self._said(element)
        return said

    def _said(self, element: Element) -> str | None:
        if self._page.has_details:
            return None
        if element.hidden:
            return ""
        if not element.kind.says or (element.tag == "button" and element in self.labels):
            return None
        children = element.children
        if isinstance(children, tuple):
            return children[0] if children else ""
        texts: list[str] = []
        for child in children:
            if isinstance(child, str):
                texts.append(child)
            elif child is not None:
                said = self.said(child)
                if said is None:
                    return None
                texts.append(f" {said} " if child.kind.parted else said)
        return texts[0] if len(texts) == 1 else "".join(texts)

    def _alternative(self, element: Element, how: _How, seen: set[Element]) -> Name:
        if element in seen:
            return NOTHING
        if element.tag in _IGNORED or (not how.hidden_counts and self._hidden(element)):
            seen.add(element)
            return NOTHING
        attrs = element.attrs
        labelledby = self._references(attrs["aria-labelledby"]) if "aria-labelledby" in attrs else []
        if labelledby and how.labelledby is None:
            found = _join([self._alternative(one, _How(labelledby=self._hidden(one)), seen) for one in labelledby], " ")
            if found.text:
                return found
        role = element.role
        embedded = how.label is not None or how.labelledby is not None or how.target == "part"
        if embedded and element not in labelledby:
            control = self._embedded(element, role, how, seen)
            if control is not None:
                return control
        seen.add(element)
        if attrs and not blank(label := attrs.get("aria-label", "")):
            return Name(label, (element,))
        if role not in ("presentation", "none"):
            own = OWN_RULE.get(element.tag)
            if own and (found_own := own(self, element, how, bool(labelledby), seen)) is not None:
                return found_own
        return self._from_content(element, role, how, seen)

    def _from_content(self, element: Element, role: str, how: _How, seen: set[Element]) -> Name:
        bare = role in ("presentation", "none")
        if (
            role in (PASSES_CONTENT if how.target == "part" else FROM_CONTENT)
            or (element.tag == "summary" and not bare)
            or how.labelledby is not None
            or how.label is not None
            or how.native is not None
        ):
            found = self._content(element, how.part, seen)
            full = not blank(found.text)
            if full or (found.text and how.target != "self"):
                return Name(found.text, (*found.made_of, element)) if full else found
        if element.attrs and not bare and not blank(title := element.attrs.get("title", "")):
            return Name(title, (element,))
        return NOTHING

    def _content(self, element: Element, how: _How, seen: set[Element]) -> Name:
        texts: list[str] = []
        made_of: list[Element] = []
        closed = element.tag == "details" and not how.hidden_counts and not self._document.is_open(element)
        for child in element.children:
            if isinstance(child, str):
                if not closed:
                    texts.append(child)
            elif child is not None:
                found = self._alternative(child, how, seen)
                made_of += found.made_of
                if child.kind.parted:
                    texts += (" ", found.text, " ")
                else:
                    texts.append(found.text)
        return Name("".join(texts), made_of)

    def _embedded(self, element: Element, role: str, how: _How, seen: set[Element]) -> Name | None:
        """What a control stands for within a label or other content: its value. None for what is no control."""
        attrs = element.attrs
        if role in ("textbox", "searchbox"):
            seen.add(element)
            return _of(
                self._document.value(element) if element.tag in ("input", "textarea") else element.text(), element
            )
        if role in ("combobox", "listbox"):
            seen.add(element)
            if element.tag == "select":
                chosen = (
                    list(self._document.chosen(element)) or [one for one in element.within() if one.tag == "option"][:1]
                )
            else:
                chosen = self._selected(element, role)
            if not chosen and element.tag == "input":
                return _of(self._document.value(element), element)
            return _join([self._alternative(one, how.part, seen) for one in chosen], " ")
        if role in _RANGES:
            seen.add(element)
            given = next((attrs[n] for n in ("aria-valuetext", "aria-valuenow", "value") if n in attrs), "")
            return _of(given, element)
        if role == "menu":
            seen.add(element)
            return NOTHING
        return None

    def _selected(self, element: Element, role: str) -> list[Element]:
        box: Element | None = element
        if role == "combobox":
            box = next((one for one in element.within() if one.role == "listbox"), None)
        if box is None:
            return []
        return [
            one for one in box.within() if one.attrs.get("aria-selected", "").lower() == "true" and one.role == "option"
        ]

    def _references(self, given: str) -> list[Element]:
        """The elements referred to, one named twice twice: the blank between them counts where they say nothing."""
        return [target for word in words(given) if (target := self._page.ids.get(word)) is not None]

    def labelled(self, element: Element, seen: set[Element]) -> Name | None:
        """The name that its labels give it; None where it has none."""
        labels = self.labels.get(element)
        if not labels:
            return None
        found = [self._alternative(one, _How(label=self._hidden(one)), seen) for one in labels]
        return _join([one for one in found if one.text], " ")

    def captioned(self, element: Element, tag: str, how: _How, seen: set[Element]) -> Name | None:
        """The name that its first child of that name gives it; None where it has none."""
        caption = element.first(tag)
        if caption is None:
            return None
        return self._alternative(caption, how.part._replace(native=self._hidden(caption)), seen)


def _of(text: str, element: Element) -> Name:
    return Name(text, (element,)) if text else NOTHING


def _join(parts: Sequence[Name], separator: str) -> Name:
    return Name(separator.join(part.text for part in parts), [one for part in parts for one in part.made_of])


_Own = Callable[[Namer, Element, _How, bool, "set[Element]"], Name | None]


def _button(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
    return None if labelledby else namer.labelled(element, seen)


def _output(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
    if labelledby:
        return None
    return namer.labelled(element, seen) or _of(element.attrs.get("title", ""), element)


def _control(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
    kind, attrs = element.type, element.attrs
    if element.tag == "input":
        if kind in ("submit", "reset", "button"):
            given = attrs.get("value", "")
            default = {"submit": "Submit", "reset": "Reset"}.get(kind, attrs.get("title", ""))
            return _of(default if blank(given) else given, element)
        if kind in ("file", "image"):
            if how.labelledby is None and (found := namer.labelled(element, seen)) is not None:
                return found
            if kind == "file":
                return _of("Choose File", element)
            given = next((attrs[n] for n in ("alt", "title") if not blank(attrs.get(n, ""))), "Submit")
            return _of(given, element)
    if labelledby:
        return None
    if (found := namer.labelled(element, seen)) is not None:
        return found
    title = attrs.get("title", "")
    takes_placeholder = element.tag == "textarea" or (element.tag == "input" and kind in _PLACEHOLDER_TYPES)
    return _of(title if title or not takes_placeholder else attrs.get("placeholder", ""), element)


def _by_caption(tag: str) -> _Own:
    def own(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
        if labelledby:
            return None
        return namer.captioned(element, tag, how, seen) or _of(element.attrs.get("title", ""), element)

    return own


def _table(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
    caption = namer.captioned(element, "caption", how, seen)
    if caption is not None:
        return caption
    summary = element.attrs.get("summary", "")
    return _of(summary, element) if summary else None


def _image(namer: Namer, element: Element, how: _How, labelledby: bool, seen: set[Element]) -> Name | None:
    alt = element.attrs.get("alt", "")
    return _of(alt if alt.strip(SPACE) else element.attrs.get("title", ""), element)


OWN_RULE: dict[str, _Own] = {
    "button": _button,
    "output": _output,
    **dict.fromkeys(_NAMED_BY_LABEL, _control),
    "fieldset": _by_caption("legend"),
    "figure": _by_caption("figcaption"),
    "table": _table,
    "img": _image,
    "area": _image,
}
