"""The selectors that may decide what an agent sees: what an element and its ancestors are called, and nothing else.

Parsing and specificity are cssselect2's; matching is ours, because a style is looked up by an element's ancestry and
not by the element (see :mod:`app_clones.browser.css`). Siblings, positions and states (``:hover``) are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cssselect2 import parser
from tinycss2.ast import Node as Token

from app_clones.browser.text import HTML_SPACE


class Ancestry(Protocol):
    """An element as selectors see it: its name, its attributes, what it lies in."""

    @property
    def tag(self) -> str: ...
    @property
    def attrs(self) -> Mapping[str, str]: ...
    @property
    def parent(self) -> Ancestry | None: ...


Test = Callable[[Ancestry], bool]

FORM_PARTS = frozenset({"button", "input", "select", "textarea", "option", "optgroup", "fieldset"})


class UnsupportedSelector(ValueError):
    """A selector outside the subset; the message says which part."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One compiled selector. ``attrs``: the attributes that it looks at; ``tag``: the element's name it asks for."""

    test: Test
    specificity: tuple[int, int, int]
    attrs: frozenset[str]
    tag: str | None


def compile_selectors(prelude: Sequence[Token]) -> list[Selector]:
    """A rule's selectors. Raises :class:`UnsupportedSelector`."""
    try:
        parsed = list(parser.parse(list(prelude)))
    except parser.SelectorError as error:
        raise UnsupportedSelector(str(error)) from None
    return [_compile(selector) for selector in parsed]


def _compile(selector: Any) -> Selector:
    if selector.pseudo_element is not None:
        raise UnsupportedSelector(f"::{selector.pseudo_element}")
    attrs: set[str] = set()
    tree = selector.parsed_tree
    test = _tree(tree, attrs)
    last = tree.right if isinstance(tree, parser.CombinedSelector) else tree
    tags = [part.lower_local_name for part in last.simple_selectors if isinstance(part, parser.LocalNameSelector)]
    return Selector(test, tuple(selector.specificity), frozenset(attrs), tags[0] if tags else None)


def _tree(tree: Any, attrs: set[str]) -> Test:
    if isinstance(tree, parser.CompoundSelector):
        return _compound(tree, attrs)
    left, right = _tree(tree.left, attrs), _compound(tree.right, attrs)
    if tree.combinator == ">":
        return lambda box: right(box) and box.parent is not None and left(box.parent)
    if tree.combinator == " ":
        return lambda box: right(box) and _any_ancestor(box, left)
    raise UnsupportedSelector(f"the combinator {tree.combinator}")


def _any_ancestor(box: Ancestry, test: Test) -> bool:
    above = box.parent
    while above is not None:
        if test(above):
            return True
        above = above.parent
    return False


def _compound(compound: Any, attrs: set[str]) -> Test:
    tests = [_simple(part, attrs) for part in compound.simple_selectors]
    if len(tests) == 1:
        return tests[0]
    return lambda box: all(test(box) for test in tests)


def _simple(part: Any, attrs: set[str]) -> Test:
    if isinstance(part, parser.LocalNameSelector):
        tag = part.lower_local_name
        return lambda box: box.tag == tag
    if isinstance(part, parser.ClassSelector):
        attrs.add("class")
        name = part.class_name
        return lambda box: name in box.attrs.get("class", "").split()
    if isinstance(part, parser.IDSelector):
        attrs.add("id")
        ident = part.ident
        return lambda box: box.attrs.get("id") == ident
    if isinstance(part, parser.AttributeSelector):
        attrs.add(part.lower_name)
        return _attribute(part)
    if isinstance(part, parser.PseudoClassSelector):
        return _pseudo(part.name, attrs)
    if isinstance(part, (parser.NegationSelector, parser.MatchesAnySelector, parser.SpecificityAdjustmentSelector)):
        choices = [_tree(selector.parsed_tree, attrs) for selector in part.selector_list]
        negated = isinstance(part, parser.NegationSelector)
        return lambda box: any(choice(box) for choice in choices) is not negated
    raise UnsupportedSelector(repr(part))


def _attribute(part: Any) -> Test:
    name, wanted, operator = part.lower_name, part.value, part.operator
    if operator is None:
        return lambda box: name in box.attrs
    # HTML compares the values of some attributes without regard to case; of those, pages style by type alone.
    fold = part.case_sensitive is False or (part.case_sensitive is None and name == "type")
    if fold:
        wanted = wanted.lower()
    compare = _COMPARE[operator]

    def test(box: Ancestry) -> bool:
        found = box.attrs.get(name)
        return found is not None and compare(found.lower() if fold else found, wanted)

    return test


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "~=": lambda found, wanted: wanted in found.split(),
    "|=": lambda found, wanted: found == wanted or found.startswith(f"{wanted}-"),
    "^=": lambda found, wanted: bool(wanted) and found.startswith(wanted),
    "$=": lambda found, wanted: bool(wanted) and found.endswith(wanted),
    "*=": lambda found, wanted: bool(wanted) and wanted in found,
}


def _pseudo(name: str, attrs: set[str]) -> Test:
    if name == "root":
        return lambda box: box.parent is None
    if name in ("disabled", "enabled"):
        attrs.add("disabled")
        wanted = name == "disabled"
        return lambda box: box.tag in FORM_PARTS and _disabled(box) is wanted
    if name in ("link", "any-link"):
        return lambda box: box.tag in ("a", "area") and "href" in box.attrs
    raise UnsupportedSelector(f":{name}")


def _disabled(box: Ancestry) -> bool:
    if "disabled" in box.attrs:
        return True
    below, above = box, box.parent
    while above is not None:
        if above.tag == "fieldset" and "disabled" in above.attrs and below.tag != "legend":
            return True
        if above.tag == "optgroup" and "disabled" in above.attrs and box.tag == "option":
            return True
        below, above = above, above.parent
    return False


def words(text: str) -> list[str]:
    """The words of an attribute such as ``class``."""
    return [word for word in text.translate(_SPACES).split(" ") if word]


_SPACES = str.maketrans(dict.fromkeys(HTML_SPACE, " "))
