"""What the name of an entity or field tells: its words, and what kind of thing an entity is of."""

from __future__ import annotations

import re
from typing import Literal

Subject = Literal[
    "person", "company", "product", "place", "issue", "remark", "event", "document", "resource", "group", "thing"
]
"""What rows of an entity are, as far as their names and texts go."""

_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# fmt: off
_SUBJECTS: dict[Subject, str] = {
    "person": "person user customer contact member employee student teacher author patient guest driver lead attendee "
              "candidate participant staff agent profile recipient subscriber visitor applicant doctor traveler owner "
              "organizer caregiver requester human assignee",
    "company": "company account organization organisation vendor supplier client merchant tenant firm publisher "
               "advertiser partner brand store shop business employer manufacturer carrier",
    "product": "product item article part asset sku equipment device tool material goods stock book dish model vehicle "
               "variant accessory",
    "place": "location room venue warehouse office branch site building address place desk floor facility zone station "
             "depot shelf space",
    "issue": "ticket issue bug incident case problem request fault complaint enquiry inquiry defect",
    "remark": "comment reply response note remark message post feedback review answer thread entry mail email",
    "event": "event meeting appointment session booking reservation shift visit call interview course class trip "
             "activity schedule slot task todo reminder step action job",
    "document": "file document page report invoice contract quote proposal form template slide blog "
                "attachment draft macro letter drive sheet presentation survey lesson chapter recipe",
    "resource": "topic subscription cluster instance bucket network service key dataset table database server function "
                "queue stream endpoint node disk image snapshot pipeline model api version deployment backend gateway "
                "certificate secret token policy rule config configuration environment connection connector registry "
                "repository volume host domain zone route firewall job workflow trigger operation",
    "group": "group team channel category label tag folder list board department project album collection playlist "
             "workspace space section campaign queue portfolio class program plan segment audience calendar notebook",
}
# fmt: on
_BY_WORD: dict[str, Subject] = {}
for _subject, _words in _SUBJECTS.items():
    for _word in _words.split():
        _BY_WORD.setdefault(_word, _subject)


def words_of(name: str) -> tuple[str, ...]:
    """``firstName``, ``first_name`` and ``first-name`` are all ``("first", "name")``."""
    return tuple(part.lower() for part in _SPLIT.findall(name))


def singular(word: str) -> str:
    """``tickets`` → ``ticket``; close enough to look a word up."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def subject_of(name: str) -> Subject:
    """What rows of an entity of that name are: the last word that tells decides (``order_item`` is an item)."""
    for word in reversed(words_of(name)):
        found = _BY_WORD.get(word) or _BY_WORD.get(singular(word))
        if found:
            return found
    return "thing"


def slug(text: str) -> str:
    """``Oak desk lamp`` → ``oak-desk-lamp``."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))
