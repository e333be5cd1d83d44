"""A document's ARIA snapshot: the tree of what can be seen and heard, made brief, as YAML.

Built the way Playwright's ``aria_snapshot(mode="ai")`` is (1.60 and later), so that the text is the same: first every
element that is visible or exposed becomes a node and gets its ref, then names and wrappers that say nothing new go,
then the rest is written down.
"""

from __future__ import annotations

from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.names import ALL_WITHIN, Namer
from app_clones.browser.outline import Node, distil, render
from app_clones.browser.page import First
from app_clones.browser.states import STATEFUL, has_states, states
from app_clones.browser.text import blank, squash

#: Stands for the prefix of refs in a snapshot kept for other documents. No text may hold this code point.
_MARK = "\ufdd0"


def snapshot(document: Document) -> str:
    """The document's snapshot. Issues refs as needed; those in it are what the agent may use next.

    The first one of a page to which nothing was done yet is the same for all its documents, and computed once.
    """
    if document.changes or document.last_ref or document.focus is not None:
        return _snapshot(document, document.prefix)
    page = document.page
    if page.first is None:
        text = _snapshot(document, _MARK)
        if text.count(_MARK) != text.count(f"[ref={_MARK}e"):
            return _snapshot(document, document.prefix)
        page.first = First(text, document.refs, document.shown or {})
    first = page.first
    document.refs, document.shown, document.last_ref = dict(first.refs), first.shown, len(first.refs)
    return first.text.replace(_MARK, document.prefix)


def _snapshot(document: Document, prefix: str) -> str:
    tree = _Builder(document, prefix).build()
    distil(tree)
    return render(tree)


class _Builder:
    """Makes the whole tree of one document, in document order, which is the order of new refs."""

    def __init__(self, document: Document, prefix: str) -> None:
        self._document = document
        self._prefix = prefix
        self._namer = Namer(document)
        self._details = document.page.has_details
        self._refs: dict[Element, str] = {}
        self._shown: dict[str, Element] = {}
        self._said = document.page.said
        #: The refs so far of what says something as a part of a name.
        self._heard: list[str] = []
        self._stateful = has_states(document.page)
        self._active = document.focus or document.page.body

    def build(self) -> Node:
        root = Node("fragment", "")
        self._visit(root, self._document.page.body)
        self._document.shown = self._shown
        return root

    def _visit(self, into: Node, element: Element) -> None:
        if element.style.display == "none":
            # Nothing in it is shown or heard; it parts the text around it all the same.
            into.children.append(" ")
            return
        hidden, boxed = element.hidden, element.boxed
        if self._details:
            hidden, boxed = self._document.is_hidden(element), self._document.is_boxed(element)
        visible = boxed or not hidden
        role = element.role
        if not visible or role in ("presentation", "none") or self._is_plain_text(element):
            self._fill(into, element, visible)
            return
        text, made_of = self._namer.name(element)
        node = Node(role or "generic", squash(text) if text else "")
        self._mark(node, element, boxed)
        into.children.append(node)
        heard = self._heard
        if node.ref and (said := self._said.get(element)) and not blank(said):
            heard.append(node.ref)
        before = len(heard)
        self._fill(node, element, visible)
        if made_of is ALL_WITHIN:
            node.origins = heard[before:]
        elif made_of:
            refs = [self._refs.get(source) for source in made_of]
            node.origins = [ref for ref in refs if ref and ref != node.ref]

    def _is_plain_text(self, element: Element) -> bool:
        """Is it an inline element without a role that holds one text and nothing else?"""
        return (
            len(element.children) == 1
            and element.role in ("", "generic")
            and element.style.display == "inline"
            and isinstance(element.children[0], str)
            and element.style.shown
            and not (self._details and self._document.is_folded(element))
        )

    def _mark(self, node: Node, element: Element, boxed: bool) -> None:
        """Gives the node its ref, states and properties."""
        style, attrs, document = element.style, element.attrs, self._document
        if boxed and style.pointer_events != "none":
            ref = document.ref(element, node.role, node.name)
            self._shown[ref] = element
            node.ref = self._refs[element] = self._prefix + ref
            node.pointer = style.cursor == "pointer"
        node.active = element is self._active
        if node.role in STATEFUL and element.tag in self._stateful:
            node.before, node.after = states(element, document)
        if attrs:
            if node.role == "link" and "href" in attrs:
                node.url = _brief(attrs["href"])
            elif node.role == "textbox" and attrs.get("placeholder", node.name) != node.name:
                node.placeholder = attrs["placeholder"]
            node.hidden = attrs.get("aria-hidden", "").lower() == "true"
        if element.tag == "textarea" or (element.tag == "input" and element.type not in ("checkbox", "radio", "file")):
            node.children.append(document.value(element))

    def _fill(self, into: Node, element: Element, visible: bool) -> None:
        children = into.children
        parted = element.style.display != "inline" or element.tag == "br"
        if parted:
            children.append(" ")
        texts = visible and into.role != "textbox"
        if texts and element.tag == "details" and not self._document.is_open(element):
            texts = False
        for child in element.children:
            if isinstance(child, str):
                if texts:
                    children.append(child)
            elif child is not None:
                self._visit(into, child)
        if parted:
            children.append(" ")


def _brief(url: str) -> str:
    head, comma, _ = url.partition(",")
    return f"{head},…" if comma and url.startswith("data:") else url
