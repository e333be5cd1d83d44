"""The snapshot's tree: what is left out of it because it says nothing new, and how the rest is written as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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
    """A node. ``before`` and ``after`` are its states around ``[active]``, as written; ``ref`` has no prefix.

    ``children`` is a list of its own where anything is put into it; ``words``: what was said in it since its last
    child. ``dropped``: a node that was in it is gone.
    """

    # Most nodes have few of these, and what a class holds costs its instances nothing.
    ref = ""
    pointer = False
    active = False
    hidden = False
    dropped = False
    before = ""
    after = ""
    url: str | None = None
    placeholder: str | None = None
    children: list[Node | str] = []  # noqa: RUF012
    words = ""

    def __init__(self, role: str, name: str) -> None:
        self.role = role
        self.name = name


class Outline:
    """A tree in the making, shortened as Playwright does it in its ``ai`` mode.

    A name goes where every node that it was made of is shown itself. A generic node goes where it repeats its parent's
    name, holds nothing, or wraps one node. An image without a name goes. What is clickable in itself stays.
    """

    def __init__(self) -> None:
        #: Refs that a name may have been made of and that nothing shows so far. All nodes show themselves but generic
        #: ones that hold texts alone; and what a name refers to is not shown by it if it was there before.
        self.owed: set[str] = set()

    def close(self, node: Node, parent: Node, origins: Sequence[str], clickable: bool) -> None:
        """Puts a node, with all that is in it, or what is left of it, into ``parent``.

        ``origins``: refs of the other nodes that its name was made of. ``clickable``: the parent lies in something
        clickable, or is it.
        """
        if node.words:
            _say(node)
        kept, role = node.children, node.role
        if role == "generic" and node.ref and not node.dropped and all(isinstance(child, str) for child in kept):
            self.owed.add(node.ref)
        if len(kept) == 1 and kept[0] == node.name:
            kept.clear()
        if role == "img" and not (node.name or kept or (node.ref and node.pointer and not clickable)):
            parent.dropped = True
            return
        self._settle(node, origins)
        if role == "generic":
            self._put_generic(node, parent, clickable)
        else:
            put(node, parent)

    def _settle(self, node: Node, origins: Sequence[str]) -> None:
        """Takes the name away where every node that it was made of is shown."""
        if node.ref and origins:
            if node.role not in _KNOWN_BY_NAME and self.owed.isdisjoint(origins):
                node.name = ""
            else:
                self.owed.difference_update(origins)

    def _put_generic(self, node: Node, parent: Node, clickable: bool) -> None:
        """Puts a generic node, its children, or nothing."""
        _inline(node)
        if parent.name and not (node.hidden or node.active) and _whole_text(node) == parent.name:
            if node.ref:
                self.owed.add(node.ref)
            parent.dropped = True
            return
        children = node.children
        if (
            node.name
            or len(children) > 1
            or not all(isinstance(child, Node) and child.ref for child in children)
            or (not children and node.ref and node.pointer and not clickable)
        ):
            put(node, parent)
        elif children:
            put(children[0], parent)
        else:
            parent.dropped = True


def put(node: Node | str, parent: Node) -> None:
    """Adds ``node``, behind what was said before it."""
    if parent.words:
        _say(parent)
    parent.children.append(node)


def _say(node: Node) -> None:
    """Makes a text of the words so far."""
    said = squash(node.words)
    node.words = ""
    if said:
        node.children.append(said)


def _inline(node: Node) -> None:
    """A generic node whose one child is a generic node of one text holds that text itself."""
    if node.hidden or len(node.children) != 1:
        return
    child = node.children[0]
    if isinstance(child, str) or child.role != "generic" or child.hidden or child.name or child.active:
        return
    if len(child.children) == 1 and isinstance(child.children[0], str):
        node.children = child.children


def _whole_text(node: Node) -> str:
    """All that it says, where that is one text or its name alone."""
    if node.name:
        return "" if node.children else node.name
    only = node.children[0] if len(node.children) == 1 else None
    return only if isinstance(only, str) else ""


def render(root: Node, prefix: str) -> str:
    """The tree as YAML, without a line break at its end; ``prefix`` begins every ref."""
    lines: list[str] = []
    for child in root.children:
        if isinstance(child, str):
            lines.append(f"- text: {yaml.value(child)}")
        else:
            _write(child, "", prefix, True, lines)
    return "\n".join(lines)


def _write(node: Node, indent: str, prefix: str, show_pointer: bool, lines: list[str]) -> None:
    pointer = show_pointer and node.pointer and node.ref != ""
    head, quote = _head(node.role, node.name)
    line = f"{indent}- {quote}{head}{node.before}"
    if node.active:
        line += " [active]"
    line += node.after
    if node.hidden:
        line += " [aria-hidden]"
    if node.ref:
        line += f" [ref={prefix}{node.ref}] [cursor=pointer]{quote}" if pointer else f" [ref={prefix}{node.ref}]{quote}"
    else:
        line += quote
    children = node.children
    if node.url is None and node.placeholder is None:
        if not children:
            lines.append(line)
            return
        if len(children) == 1 and isinstance(text := children[0], str):
            lines.append(f"{line}: {yaml.value(text)}")
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
            _write(child, indent, prefix, show_pointer and not pointer, lines)


@lru_cache(maxsize=16_384)
def _head(role: str, name: str) -> tuple[str, str]:
    """Role and name as they begin a line, and the quotes that it needs; nothing else in it could need any."""
    if not name or len(name.encode("utf-16-le", "surrogatepass")) // 2 > _LONGEST_NAME:
        return role, ""
    head = f"{role} {encode_basestring(name)}"
    quoted = yaml.key(head)
    return (head, "") if quoted is head else (quoted[1:-1], "'")
