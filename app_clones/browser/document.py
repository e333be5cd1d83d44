"""One loaded page and what has been done to it: values, checks, choices, open details, focus, refs."""

from __future__ import annotations

from collections.abc import Iterator

from app_clones.browser.element import Element, Ref
from app_clones.browser.page import First, Page
from app_clones.browser.values import sanitized


class Document:
    """Live state over an immutable page. Only what differs from the page is held."""

    __slots__ = (
        "_first", "_refs", "_shown", "changes", "checked", "focus", "last_ref", "opened", "page", "prefix", "selected",
        "url", "values",
    )  # fmt: skip

    def __init__(self, page: Page, url: str, prefix: str = "") -> None:
        self.page = page
        self.url = url
        self.prefix = prefix  # of all its refs
        self.values: dict[Element, str] = {}
        self.checked: dict[Element, bool] = {}
        self.selected: dict[Element, tuple[Element, ...]] = {}
        self.opened: dict[Element, bool] = {}
        self.focus: Element | None = None
        self.last_ref = 0
        self.changes = 0
        self._refs: dict[Element, Ref] = {}
        self._shown: dict[str, Element] | None = None
        #: The page's first snapshot, where it was this document's last, and its refs were not asked for yet.
        self._first: First | None = None

    @property
    def refs(self) -> dict[Element, Ref]:
        """The refs issued so far, each element's last."""
        self._unpack()
        return self._refs

    @property
    def shown(self) -> dict[str, Element] | None:
        """The elements of the last snapshot by ref, its prefix left out; None before the first."""
        self._unpack()
        return self._shown

    def look(self, shown: dict[str, Element]) -> None:
        """Says which elements a snapshot showed."""
        self._shown = shown

    def look_first(self, first: First) -> None:
        """Says that the first snapshot of the page was shown, as the document's first."""
        self._first = first
        self.last_ref = len(first.elements)

    def _unpack(self) -> None:
        first = self._first
        if first is not None:
            self._first = None
            self._shown = {f"e{number}": element for number, element in enumerate(first.elements, 1)}
            issued = zip(self._shown.items(), first.names, strict=True)
            self._refs = {element: (element.kind.shown, name, ref) for (ref, element), name in issued}

    def touch(self) -> None:
        """Says that something that a snapshot shows may have changed."""
        self.changes += 1

    def value(self, element: Element) -> str:
        """The value of an input or textarea, as its ``value`` property gives it."""
        found = self.values.get(element)
        if found is not None:
            return found
        return default_value(element)

    def set_value(self, element: Element, text: str) -> None:
        """Sets the value as if typed; ``text`` is taken as it is."""
        self.values[element] = text
        self.touch()

    def is_checked(self, element: Element) -> bool:
        """Is this checkbox or radio button checked?"""
        found = self.checked.get(element)
        if found is not None:
            return found
        if "checked" not in element.attrs:
            return False
        if element.type != "radio":
            return True
        # Of several checked radio buttons of a group the last one parsed stays so.
        group = [one for one in self.radio_group(element) if "checked" in one.attrs]
        return group[-1] is element

    def check(self, element: Element, checked: bool) -> None:
        """Checks or unchecks; a radio button unchecks the others of its group."""
        if element.type == "radio" and checked:
            for one in self.radio_group(element):
                self.checked[one] = one is element
        self.checked[element] = checked
        self.touch()

    def radio_group(self, element: Element) -> list[Element]:
        """The radio buttons of one name and form, itself among them."""
        name = element.attrs.get("name", "")
        if not name:
            return [element]
        form = self.form_of(element)
        return [
            one
            for one in self.page.elements
            if one.tag == "input"
            and one.attrs.get("name") == name
            and one.type == "radio"
            and self.form_of(one) is form
        ]

    def reset(self, form: Element) -> None:
        """Gives every control of the form what the page gave it."""
        for control in self.controls(form):
            self.values.pop(control, None)
            self.checked.pop(control, None)
            self.selected.pop(control, None)
        self.touch()

    def options(self, select: Element) -> list[Element]:
        """All options of a select."""
        return [one for one in select.within() if one.tag == "option"]

    def chosen(self, select: Element) -> tuple[Element, ...]:
        """The options that are selected."""
        found = self.selected.get(select)
        if found is None:
            found = self.page.chosen.get(select)
        if found is None:
            found = self.page.chosen[select] = self._given_choice(select)
        return found

    def _given_choice(self, select: Element) -> tuple[Element, ...]:
        options = self.options(select)
        marked = tuple(one for one in options if "selected" in one.attrs)
        if "multiple" in select.attrs:
            return marked
        if marked:
            return marked[-1:]
        if select.is_listbox:
            return ()
        first = next((one for one in options if not is_barred(one)), None)
        return (first,) if first is not None else ()

    def choose(self, select: Element, options: tuple[Element, ...]) -> None:
        """Selects exactly these options."""
        self.selected[select] = options
        self.touch()

    def is_open(self, details: Element) -> bool:
        """Is this ``details`` open?"""
        found = self.opened.get(details)
        return "open" in details.attrs if found is None else found

    def toggle(self, details: Element) -> None:
        """Opens or closes it; opening closes the others of its name."""
        now = not self.is_open(details)
        self.opened[details] = now
        name = details.attrs.get("name")
        if now and name:
            for one in self.page.elements:
                if one.tag == "details" and one is not details and one.attrs.get("name") == name:
                    self.opened[one] = False
        self.touch()

    def unfold(self, element: Element) -> None:
        """Opens every ``details`` that hides ``element``."""
        below = element
        for above in element.ancestors():
            if above.tag == "details" and not self.is_open(above) and above.first("summary") is not below:
                self.toggle(above)
            below = above

    def focus_on(self, element: Element | None) -> None:
        """Moves the focus; None leaves it on the body."""
        if self.focus is not element:
            self.focus = element
            self.touch()

    def is_folded(self, element: Element) -> bool:
        """Does it lie in the part of a closed ``details`` that is not shown?"""
        if not self.page.has_details:
            return False
        below = element
        for above in element.ancestors():
            if above.tag == "details" and not self.is_open(above) and above.first("summary") is not below:
                return True
            below = above
        return False

    def is_hidden(self, element: Element) -> bool:
        """Does assistive technology leave it out?"""
        if element.hidden:
            return True
        if not self.page.has_details or not self.is_folded(element):
            return False
        return not (element.tag == "option" and element.closest("select") is not None)

    def is_boxed(self, element: Element) -> bool:
        """Is there something of it to see?"""
        return element.boxed and not self.is_folded(element)

    def form_of(self, element: Element) -> Element | None:
        """The form that owns a control."""
        named = element.attrs.get("form")
        if named is not None:
            owner = self.page.ids.get(named)
            return owner if owner is not None and owner.tag == "form" else None
        return element.closest("form")

    def controls(self, form: Element) -> Iterator[Element]:
        """The controls that ``form`` owns, in document order."""
        for one in self.page.elements:
            if one.tag in ("input", "button", "select", "textarea") and self.form_of(one) is form:
                yield one


def is_barred(option: Element) -> bool:
    """Can an option not be selected, for itself or its group is disabled?"""
    group = option.parent
    return "disabled" in option.attrs or (group is not None and group.tag == "optgroup" and "disabled" in group.attrs)


def default_value(element: Element) -> str:
    """The value that the page gives an input or textarea."""
    if element.tag == "textarea":
        return element.text().replace("\r\n", "\n").replace("\r", "\n")
    given = element.attrs.get("value")
    kind = element.type
    if given is None and kind in ("checkbox", "radio"):
        return "on"
    return sanitized(kind, given or "", element.attrs)
