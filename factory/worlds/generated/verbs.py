"""What custom operations do, as verb phrases made of their names alone."""

from __future__ import annotations

from dataclasses import dataclass

from app_clones.declared.drawing.names import singular, words_of
from app_clones.declared.model import OperationDecl

PREPOSITIONS = ("into", "to", "from", "by", "for", "onto", "under", "on", "at", "as", "with")
_PARTICLES = frozenset("in out up down off on back over away through".split())
_ADVERBS = frozenset("batch bulk force soft hard auto fast quick partial partially safe async re".split())
_GIVING = frozenset(
    "add assign attach award connect copy delegate deliver dispatch escalate export forward give grant hand issue lend"
    " link move offer pass reassign refer route sell send share ship submit transfer".split()
)
_MARKING = frozenset("mark flag report tag".split())
_NEEDS = {
    "to": "reply respond subscribe react listen object agree adapt contribute switch",
    "from": "unsubscribe withdraw resign retreat",
    "on": "comment vote bid elaborate",
    "for": "wait pay apologize search look",
    "in": "enroll participate",
}
_OBJECTS = {
    "to": "add append attach insert post send grant give apply",
    "from": "remove detach revoke drop pull take unlink",
    "for": "create generate make issue request schedule start begin run print order book submit compute calculate sign",
}
_NEED_OF = {verb: word for word, verbs in _NEEDS.items() for verb in verbs.split()}
_OBJECT_OF = {verb: word for word, verbs in _OBJECTS.items() for verb in verbs.split()}


@dataclass(frozen=True, slots=True)
class Verb:
    """``before`` the row and ``behind`` it: *reply to* the ticket, *mark* the mail *as read*. ``gives``: the first row
    that it is given is whom or what it goes *to*."""

    before: str
    behind: str = ""
    gives: bool = False


def verb_of(name: str, operation: OperationDecl) -> Verb:
    """The phrase for an operation called ``name``."""
    first, *rest = _words(name, operation)
    gives = first in _GIVING
    if not rest:
        needed = _NEED_OF.get(first)
        return Verb(f"{first} {needed}" if needed else first, gives=gives)
    tail = " ".join(rest)
    if all(word in _PARTICLES for word in rest) or rest[0] in PREPOSITIONS:
        return Verb(first, tail, gives)
    if first in _MARKING:
        return Verb(first, f"as {tail}")
    if first in _ADVERBS:
        return Verb(f"{first} {tail}", gives=rest[0] in _GIVING)
    if first in _OBJECT_OF:
        return Verb(f"{first} {tail if tail.endswith('s') else with_article(tail)} {_OBJECT_OF[first]}")
    return Verb(f"{first} the {tail} of")


def with_article(noun: str) -> str:
    """A noun with its article, by how it is written."""
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def _words(name: str, operation: OperationDecl) -> list[str]:
    """The operation's verb and what goes with it: from its path's ``:verb``, or from its name without the entity's."""
    path = operation.http.path if operation.http else ""
    if ":" in path.rpartition("/")[2]:
        return list(words_of(path.rpartition(":")[2])) or ["use"]
    words, own = name.split("_"), [singular(word) for word in (operation.entity or "").split("_")]
    size = len(own)
    places = [k for k in range(len(words)) if [singular(word) for word in words[k : k + size]] == own]
    for k in places:
        if words[k + size :]:
            return words[k + size :]
    if places and words[: places[-1]]:
        return words[: places[-1]]
    return words[-1:] if len(words) > 2 else words
