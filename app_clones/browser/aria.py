"""A document's ARIA snapshot: the tree of what can be seen and heard, made brief, as YAML.

Built the way Playwright's ``aria_snapshot(mode="ai")`` is (1.60 and later), so that the text is the same: first every
element that is visible or exposed becomes a node and gets its ref, then names and wrappers that say nothing new go,
then the rest is written down.
"""

from __future__ import annotations

from collections.abc import Sequence

from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.names import ALL_WITHIN, NOTHING, Namer
from app_clones.browser.outline import Node, Outline, put, render
from app_clones.browser.page import First
from app_clones.browser.states import has_states, states
from app_clones.browser.text import HTML_SPACE, blank, squash

#: Stands for the prefix of refs in a snapshot kept for other documents. No page holds this character: parsers drop it.
_MARK = "\0"


def snapshot(document: Document) -> str:
    """The document's snapshot. Issues refs as needed; those in it are what the agent may use next.

    The first one of a page to which nothing was done yet is the same for all its documents, and computed once.
    """
    if document.changes or document.last_ref or document.focus is not None:
        return _snapshot(document, document.prefix)
    page = document.page
    if page.first is None:
        text = _snapshot(document, _MARK)
        page.said.clear()  # it would be kept as long as the page, and few pages are looked at again after a change
        if text.count(_MARK) != text.count(f"[ref={_MARK}e"):
            return _snapshot(document, document.prefix)
        page.first = First(text, tuple(document.refs), tuple(ref[1] for ref in document.refs.values()))
    document.look_first(page.first)
    return page.first.text.replace(_MARK, document.prefix)


def _snapshot(document: Document, prefix: str) -> str:
    return render(_Builder(document).build(), prefix)


class _Builder:
    """Makes the tree of one document, in document order, which is the order of new refs."""

    def __init__(self, document: Document) -> None:
        page = document.page
        self._document = document
        self._namer = Namer(document)
        self._outline = Outline()
        self._details = page.has_details
        self._refs = document.refs
        self._shown: dict[str, Element] = {}
        self._said = page.said
        #: The refs so far of what says something as a part of a name.
        self._heard: list[str] = []
        self._stateful = has_states(page)
        self._active = document.focus or page.body

    def build(self) -> Node:
        above, root = Node("", ""), Node("fragment", "")
        above.children, root.children = [], []
        self._visit(root, self._document.page.body, False)
        self._outline.close(root, above, (), False)
        self._document.look(self._shown)
        return root

    def _visit(self, into: Node, element: Element, clickable: bool) -> None:
        """Puts ``element`` into the node of what it lies in. ``clickable``: a click on that does something."""
        kind, boxed = element.kind, element.boxed
        if kind.absent:
            # Nothing in it is shown or heard; it parts the text around it all the same.
            if into.words:
                into.words += " "
            return
        if self._details:
            boxed = self._document.is_boxed(element)
            visible = boxed or not self._document.is_hidden(element)
        else:
            visible = boxed or not kind.hidden
        if not visible or kind.wraps or (kind.bare and self._is_plain_text(element)):
            self._fill(into, element, visible, clickable)
            return
        said = self._namer.said(element) if kind.by_content else self._said.get(element)
        if said is not None and kind.by_content:
            name = squash(said)
            made_of = ALL_WITHIN if name or not blank(said) else ()
        else:
            name, made_of = NOTHING if kind.nameless else self._namer.name(element)
            name = squash(name) if name else ""
        node = Node(kind.shown, name)
        ref = self._mark(node, element, boxed)
        heard = self._heard
        if said and ref and (made_of is ALL_WITHIN or not blank(said)):
            heard.append(ref)
        if made_of is ALL_WITHIN and _holds_one_text(element):  # which is its name
            put(node, into)
            return
        node.children = []
        if kind.valued:
            node.words = self._document.value(element)
        before = len(heard)
        if ref and made_of:
            self._outline.owed.update(self._refs_of(made_of, element))
        self._fill(node, element, visible, clickable or (node.pointer and ref != ""))
        origins = heard[before:] if made_of is ALL_WITHIN else self._refs_of(made_of, element) if made_of else ()
        self._outline.close(node, into, origins, clickable)

    def _refs_of(self, elements: Sequence[Element], but: Element) -> list[str]:
        """The refs that this snapshot has so far of ``elements``, one of them left out."""
        known = self._refs
        refs = [known[element][2] for element in elements if element is not but and element in known]
        return [ref for ref in refs if ref in self._shown]

    def _is_plain_text(self, element: Element) -> bool:
        """Does it hold one text and nothing else, and is it not folded away?"""
        return _holds_one_text(element) and not (self._details and self._document.is_folded(element))

    def _mark(self, node: Node, element: Element, boxed: bool) -> str:
        """Gives the node its ref, states and properties; returns the ref, "" where it has none."""
        kind, attrs, document = element.kind, element.attrs, self._document
        if boxed and kind.reachable:
            known = self._refs.get(element)
            if known is None or known[1] != node.name or known[0] != node.role:
                document.last_ref += 1
                known = self._refs[element] = (node.role, node.name, f"e{document.last_ref}")
            node.ref = known[2]
            self._shown[node.ref] = element
            if kind.pointer:
                node.pointer = True
        if element is self._active:
            node.active = True
        if kind.stateful and element.tag in self._stateful:
            node.before, node.after = states(element, document)
        if kind.told:
            if node.role == "link" and "href" in attrs:
                node.url = _brief(attrs["href"])
            elif node.role == "textbox" and attrs.get("placeholder", node.name) != node.name:
                node.placeholder = attrs["placeholder"]
            node.hidden = attrs.get("aria-hidden", "").lower() == "true"
        return node.ref

    def _fill(self, into: Node, element: Element, visible: bool, clickable: bool) -> None:
        """Puts what is in ``element`` into a node."""
        parted = element.kind.parted
        if parted and into.words:  # a blank before all words is none
            into.words += " "
        texts = visible and into.role != "textbox"
        if texts and element.tag == "details" and not self._document.is_open(element):
            texts = False
        for child in element.children:
            if isinstance(child, str):
                if texts and (into.words or child.strip(HTML_SPACE)):
                    into.words += child
            elif child is not None:
                self._visit(into, child, clickable)
        if parted and into.words:
            into.words += " "


def _holds_one_text(element: Element) -> bool:
    return len(element.children) == 1 and isinstance(element.children[0], str)


def _brief(url: str) -> str:
    head, comma, _ = url.partition(",")
    return f"{head},…" if comma and url.startswith("data:") else url
