"""Which ARIA role an element has: the one it states, else the one that HTML gives it (ARIA 1.2, HTML-AAM 1.0).

Where the specifications leave room, the choice is Playwright's, since its snapshot is the observation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app_clones.browser.element import Element
from app_clones.browser.selectors import words
from app_clones.browser.text import SPACE

Ids = Mapping[str, Element]

ROLES = frozenset(
    "alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox "
    "complementary contentinfo definition deletion dialog directory document emphasis feed figure form generic grid "
    "gridcell group heading img insertion link list listbox listitem log main mark marquee math meter menu menubar "
    "menuitem menuitemcheckbox menuitemradio navigation none note option paragraph presentation progressbar radio "
    "radiogroup region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong "
    "subscript superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid "
    "treeitem".split()
)

_FIXED = {
    "article": "article", "aside": "complementary", "blockquote": "blockquote", "button": "button",
    "caption": "caption", "code": "code", "datalist": "listbox", "dd": "definition", "del": "deletion",
    "details": "group", "dfn": "term", "dialog": "dialog", "dt": "term", "em": "emphasis", "fieldset": "group",
    "figure": "figure", "h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading",
    "h6": "heading", "hr": "separator", "html": "document", "ins": "insertion", "li": "listitem", "main": "main",
    "mark": "mark", "math": "math", "menu": "list", "meter": "meter", "nav": "navigation", "ol": "list",
    "optgroup": "group", "option": "option", "output": "status", "p": "paragraph", "progress": "progressbar",
    "search": "search", "strong": "strong", "sub": "subscript", "sup": "superscript", "svg": "img", "table": "table",
    "tbody": "rowgroup", "textarea": "textbox", "tfoot": "rowgroup", "thead": "rowgroup", "time": "time",
    "tr": "row", "ul": "list",
}  # fmt: skip

_INPUT = {
    "button": "button", "checkbox": "checkbox", "image": "button", "number": "spinbutton", "radio": "radio",
    "range": "slider", "reset": "button", "submit": "button", "file": "button", "hidden": "",
}  # fmt: skip

#: An element in the second column passes its ``presentation`` on to one in the first.
_INHERITS = {
    "dd": ("dl", "div"), "div": ("dl",), "dt": ("dl", "div"), "li": ("ol", "ul"), "tbody": ("table",), "td": ("tr",),
    "tfoot": ("table",), "th": ("tr",), "thead": ("table",), "tr": ("thead", "tbody", "tfoot", "table"),
}  # fmt: skip

_SECTIONING = frozenset({"article", "aside", "main", "nav", "section"})
_SECTIONING_ROLES = frozenset({"article", "complementary", "main", "navigation", "region"})

_GLOBAL = (
    "aria-atomic aria-busy aria-controls aria-current aria-describedby aria-details aria-dropeffect aria-flowto "
    "aria-grabbed aria-hidden aria-keyshortcuts aria-live aria-owns aria-relevant"
).split()
_NAMELESS = frozenset(
    "caption code deletion emphasis generic insertion paragraph presentation strong subscript superscript".split()
)


def role(element: Element, ids: Ids) -> str:
    """The element's role; "" where it has none (a ``div``), "none" or "presentation" where it has it taken away."""
    attrs = element.attrs
    if not attrs or "role" not in attrs:
        return _implicit(element, ids)
    stated = _stated(element)
    if not stated:
        return _implicit(element, ids)
    if stated in ("none", "presentation"):
        implicit = _implicit(element, ids)
        if _keeps_role(element, implicit):
            return implicit
    return stated


def follows_from_ancestry(element: Element) -> bool:
    """Is the role the same for all elements of its ancestry, whatever stands beside them and what is referred to?"""
    attrs, tag = element.attrs, element.tag
    if tag == "th":
        return attrs.get("scope") in _SCOPES
    if tag == "input" and "list" in attrs:
        return False
    # A role that is taken away stays where the element can be focused, which a legend beside it may decide.
    return tag not in _DISABLEABLE or _stated(element) not in ("none", "presentation")


def _stated(element: Element) -> str:
    given = element.attrs.get("role")
    if not given:
        return ""
    return next((word for part in given.lower().split(" ") if (word := part.strip(SPACE)) in ROLES), "")


def _keeps_role(element: Element, implicit: str) -> bool:
    return _has_global_attribute(element, implicit) or is_focusable(element)


def _has_global_attribute(element: Element, role: str) -> bool:
    attrs = element.attrs
    if any(name in attrs for name in _GLOBAL) or ("aria-roledescription" in attrs and role != "generic"):
        return True
    return role not in _NAMELESS and ("aria-label" in attrs or "aria-labelledby" in attrs)


def is_focusable(element: Element) -> bool:
    """Can it be focused, as far as its attributes tell?"""
    if natively_disabled(element):
        return False
    tag = element.tag
    if tag in ("button", "details", "select", "textarea"):
        return True
    if tag in ("a", "area"):
        return "href" in element.attrs or _has_tabindex(element)
    if tag == "input":
        return "hidden" not in element.attrs or _has_tabindex(element)
    return _has_tabindex(element)


def _has_tabindex(element: Element) -> bool:
    given = element.attrs.get("tabindex")
    if given is None:
        return False
    try:
        float(given.strip(SPACE) or "0")
    except ValueError:
        return False
    return True


_DISABLEABLE = frozenset({"button", "input", "select", "textarea", "option", "optgroup"})


def natively_disabled(element: Element) -> bool:
    """Is it a control that its own attribute, its ``optgroup`` or its ``fieldset`` disables?"""
    if element.tag not in _DISABLEABLE:
        return False
    if "disabled" in element.attrs:
        return True
    if element.tag == "option" and any(e.tag == "optgroup" and "disabled" in e.attrs for e in element.ancestors()):
        return True
    for above in element.ancestors():
        if above.tag == "fieldset" and "disabled" in above.attrs:
            legend = above.first("legend")
            return legend is None or not legend.contains(element)
    return False


def _implicit(element: Element, ids: Ids) -> str:
    tag = element.tag
    found = _FIXED.get(tag)
    if found is None:
        chosen = _CHOSEN.get(tag)
        found = chosen(element, ids) if chosen else ""
    if not found or tag not in _INHERITS:
        return found
    below = element
    while (above := below.parent) is not None and above.tag in _INHERITS.get(below.tag, ()):
        if above.attrs and "role" in above.attrs:
            stated = _stated(above)
            if stated in ("none", "presentation") and not _keeps_role(above, stated):
                return stated
        below = above
    return found


def _has_own_name(element: Element) -> bool:
    return "aria-label" in element.attrs or "aria-labelledby" in element.attrs


def _landmark(name: str) -> Callable[[Element, Ids], str]:
    def choose(element: Element, ids: Ids) -> str:
        node: Element | None = element
        while node is not None:
            stated = node.attrs.get("role")
            if node.tag in _SECTIONING if stated is None else stated in _SECTIONING_ROLES:
                return ""
            node = node.parent
        return name

    return choose


def _image(element: Element, ids: Ids) -> str:
    bare = element.attrs.get("alt") == "" and not element.attrs.get("title")
    if bare and not _has_global_attribute(element, "") and not _has_tabindex(element):
        return "presentation"
    return "img"


def _input(element: Element, ids: Ids) -> str:
    kind = element.type
    if kind in ("email", "search", "tel", "text", "url"):
        listed = words(element.attrs.get("list", ""))
        target = ids.get(listed[0]) if listed else None
        if target is not None and target.tag == "datalist":
            return "combobox"
        return "searchbox" if kind == "search" else "textbox"
    return _INPUT.get(kind, "textbox")


def _cell(element: Element, ids: Ids) -> str:
    table = element.closest("table")
    return "gridcell" if table is not None and _stated(table) in ("grid", "treegrid") else "cell"


_SCOPES = {"col": "columnheader", "colgroup": "columnheader", "row": "rowheader", "rowgroup": "rowheader"}


def _header_cell(element: Element, ids: Ids) -> str:
    scope = element.attrs.get("scope")
    if scope in _SCOPES:
        return _SCOPES[scope]
    row = element.parent
    assert row is not None
    cells = list(row.elements())
    at = cells.index(element)
    before = cells[at - 1] if at else None
    after = cells[at + 1] if at + 1 < len(cells) else None
    if before is None and after is None:
        table = row.closest("table") if row.tag == "tr" else None
        only = table is not None and sum(1 for one in table.within() if one.tag == "tr") <= 1
        return "" if only else "columnheader"
    if before is not None and after is not None and before.tag == after.tag == "th":
        return "columnheader"
    return "rowheader" if _holds_data(before) or _holds_data(after) else "columnheader"


def _holds_data(cell: Element | None) -> bool:
    if cell is None or cell.tag != "td":
        return False
    return bool(cell.text().strip(SPACE)) or any(True for _ in cell.elements())


_CHOSEN: dict[str, Callable[[Element, Ids], str]] = {
    "a": lambda element, ids: "link" if "href" in element.attrs else "",
    "area": lambda element, ids: "link" if "href" in element.attrs else "",
    "footer": _landmark("contentinfo"),
    "form": lambda element, ids: "form" if _has_own_name(element) else "",
    "header": _landmark("banner"),
    "img": _image,
    "input": _input,
    "section": lambda element, ids: "region" if _has_own_name(element) else "",
    "select": lambda element, ids: "listbox" if element.is_listbox else "combobox",
    "td": _cell,
    "th": _header_cell,
}
