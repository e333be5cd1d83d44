"""The snapshot's tree: what is left out of it because it says nothing new, and how the rest is written as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring

from app_clones.browser import text as yaml
from app_clones.browser.text import squash

#: Roles whose name stays even where their content says the same: it is what one knows them by.
_KNOWN_BY_NAME = frozenset(
    "alertdialog dialog banner complementary contentinfo form main navigation region search application document "
    "figure group grid listbox menu menubar radiogroup tablist tabpanel toolbar tree treegrid table columnheader "
    "rowheader".split()
)
#: Roles of nodes that may have to go.
_MAY_GO = frozenset({"generic", "img"})
#: A YAML key holds at most 1,024 characters; a name of more than this many UTF-16 units is not written.
_LONGEST_NAME = 900


class Node:
    """A node. ``before`` and ``after`` are its states around ``[active]``, as written.

    ``origins``: refs of other nodes that its name was made of.
    """

    # Most nodes have few of these, and what a class holds costs its instances nothing.
    ref = ""
    pointer = False
    active = False
    hidden = False
    before = ""
    after = ""
    url: str | None = None
    placeholder: str | None = None
    origins: Sequence[str] = ()

    def __init__(self, role: str, name: str) -> None:
        self.role = role
        self.name = name
        self.children: list[Node | str] = []

    @property
    def is_plain(self) -> bool:
        """Is it a generic node without properties?"""
        return self.role == "generic" and not self.hidden and self.url is None and self.placeholder is None


def distil(root: Node) -> None:
    """Shortens the tree in place, as Playwright does in its ``ai`` mode.

    A name goes where every node that it was made of is shown itself. A generic node goes where it repeats its parent's
    name, holds nothing, or wraps one node. An image without a name goes. What is clickable in itself stays.
    """
    _Distiller().tidy(root, None, False)


class _Distiller:
    def __init__(self) -> None:
        #: Refs that some name was made of, and that nothing shows so far.
        self._owed: set[str] = set()

    def tidy(self, node: Node, parent: Node | None, clickable: bool) -> None:
        """Tidies the children of ``node`` and then its own text. ``clickable``: it lies in something clickable."""
        inside = clickable or (bool(node.ref) and node.pointer)
        kept: list[Node | str] = []
        words: list[str] = []
        for child in node.children:
            if isinstance(child, str):
                words.append(child)
                continue
            if child.ref and (child.origins or self._owed):
                self._enter(child)
            self.tidy(child, node, inside)
            for one in self._leave(child, node, inside) if child.role in _MAY_GO else self._settled(child):
                if isinstance(one, str):
                    words.append(one)
                else:
                    if words:
                        _say(words, kept)
                        words = []
                    kept.append(one)
        if words:
            _say(words, kept)
        if len(kept) == 1 and kept[0] == node.name:
            kept = []
        node.children = kept

    def _enter(self, node: Node) -> None:
        self._owed.update(node.origins)
        if self._owed and not (node.role == "generic" and all(isinstance(child, str) for child in node.children)):
            self._owed.discard(node.ref)

    def _settled(self, node: Node) -> tuple[Node]:
        """The node, without its name where every node that it was made of is shown."""
        if node.ref and node.origins:
            if node.role not in _KNOWN_BY_NAME and self._owed.isdisjoint(node.origins):
                node.name = ""
            else:
                self._owed.difference_update(node.origins)
        return (node,)

    def _leave(self, node: Node, parent: Node, clickable: bool) -> Sequence[Node | str]:
        """What is left in the place of a generic node or image: itself, its children, or nothing. ``clickable`` is the
        parent's."""
        target = bool(node.ref) and node.pointer and not clickable
        if node.role == "img" and not node.name and not node.children and not target:
            return ()
        kept = self._settled(node)
        if node.role != "generic":
            return kept
        _inline(node)
        if parent.name and node.is_plain and not node.active and _whole_text(node) == parent.name:
            if node.ref:
                self._owed.add(node.ref)
            return ()
        if node.name or len(node.children) > 1 or not all(isinstance(c, Node) and c.ref for c in node.children):
            return kept
        if not node.children and target:
            return kept
        return node.children


def _say(words: list[str], into: list[Node | str]) -> None:
    said = squash("".join(words))
    if said:
        into.append(said)


def _inline(node: Node) -> None:
    """A plain node whose one child is a plain node of one text holds that text itself."""
    if not node.is_plain or len(node.children) != 1:
        return
    child = node.children[0]
    if isinstance(child, str) or not child.is_plain or child.name or child.active:
        return
    if len(child.children) == 1 and isinstance(child.children[0], str):
        node.children = child.children


def _whole_text(node: Node) -> str:
    """All that it says, where that is one text or its name alone."""
    if node.name:
        return "" if node.children else node.name
    only = node.children[0] if len(node.children) == 1 else None
    return only if isinstance(only, str) else ""


def render(root: Node) -> str:
    """The tree as YAML, without a line break at its end."""
    lines: list[str] = []
    for child in root.children:
        if isinstance(child, str):
            lines.append(f"- text: {yaml.value(child)}")
        else:
            _write(child, "", True, lines)
    return "\n".join(lines)


def _write(node: Node, indent: str, show_pointer: bool, lines: list[str]) -> None:
    pointer = show_pointer and node.pointer and bool(node.ref)
    label = _label(node, pointer)
    line = f"{indent}- {label if not node.name or yaml.is_plain(node.name) else yaml.key(label)}"
    children = node.children
    text = children[0] if len(children) == 1 and isinstance(children[0], str) else None
    bare = node.url is None and node.placeholder is None
    if bare and text is not None:
        lines.append(f"{line}: {yaml.value(text)}")
        return
    if bare and not children:
        lines.append(line)
        return
    lines.append(f"{line}:")
    indent += "  "
    if node.url is not None:
        lines.append(f"{indent}- /url: {yaml.value(node.url)}")
    if node.placeholder is not None:
        lines.append(f"{indent}- /placeholder: {yaml.value(node.placeholder)}")
    for child in children:
        if isinstance(child, str):
            lines.append(f"{indent}- text: {yaml.value(child)}")
        else:
            _write(child, indent, show_pointer and not pointer, lines)


def _label(node: Node, pointer: bool) -> str:
    label = node.role
    name = node.name
    if name and (
        len(name) * 2 <= _LONGEST_NAME or len(name.encode("utf-16-le", "surrogatepass")) // 2 <= _LONGEST_NAME
    ):
        label += f" {encode_basestring(name)}"
    label += node.before
    if node.active:
        label += " [active]"
    label += node.after
    if node.hidden:
        label += " [aria-hidden]"
    if node.ref:
        label += f" [ref={node.ref}] [cursor=pointer]" if pointer else f" [ref={node.ref}]"
    return label
