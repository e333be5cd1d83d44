"""The words that mail is made of: small closed lists where an agent must read, a wider vocabulary where it need not.

Persons' names come from the kit. Everything an agent has to copy or compare (subjects, labels, facts) is drawn from the
tuples here, so a policy with a word-level vocabulary can know them all.
"""

from __future__ import annotations

import re
from random import Random
from textwrap import wrap
from typing import NamedTuple

TOPICS = (
    "budget", "travel", "project", "client", "office", "security", "product", "marketing",
    "training", "hiring", "quarterly", "design", "support", "supplier", "website", "customer",
)  # fmt: skip
OCCASIONS = (
    "review", "plan", "report", "update", "schedule", "meeting", "invoice", "contract",
    "survey", "checklist", "request", "summary", "estimate", "proposal", "agenda", "notes",
)  # fmt: skip
SUBJECTS = tuple(f"{topic} {occasion}" for topic in TOPICS for occasion in OCCASIONS)

LABELS = ("finance", "legal", "personal", "urgent", "later", "receipts", "press", "family", "waiting", "ideas", "board",
          "events")  # fmt: skip
SEEDED_LABELS = LABELS[:8]
"""The agent's mailbox starts with these; the others are free to be created."""

CODES = ("1187", "2045", "2318", "2904", "3391", "3762", "4120", "4586", "4821", "5033", "5279", "5648", "6104", "6437",
         "6950", "7216", "7583", "7809", "8142", "8365", "8871", "9028", "9436", "9754")  # fmt: skip
ORDERS = ("120", "150", "180", "210", "240", "260", "310", "350", "390", "420", "460", "510", "560", "620", "680",
          "740", "790", "830", "890", "940")  # fmt: skip
ROOMS = ("A11", "A14", "A23", "B12", "B15", "B21", "C10", "C17", "C24", "D13", "D18", "D22")
EXTENSIONS = ("411", "415", "422", "427", "433", "438", "444", "449", "452", "456", "463", "467", "471", "478", "485",
              "491")  # fmt: skip
DESKS = ("12", "17", "21", "26", "34", "39", "43", "48", "52", "57", "61", "66", "73", "78", "85", "92")
TRAINS = ("1203", "1418", "1527", "1640", "1755", "1869", "1932", "2011", "2126", "2239", "2347", "2458")


class FactKind(NamedTuple):
    """A kind of fact: its values and the sentences, each with one ``{}``, that say it."""

    name: str
    values: tuple[str, ...]
    sentences: tuple[str, ...]


FACTS = (
    FactKind("code", CODES, ("The new code: {}.", "Your code: {}.", "Door code: {}.")),
    FactKind("order", ORDERS, ("The new order: {}.", "Your order: {}.", "Our order: {}.")),
    FactKind("room", ROOMS, ("The new room: {}.", "Your room: {}.", "Meeting room: {}.")),
    FactKind("extension", EXTENSIONS, ("The new extension: {}.", "My extension: {}.", "Office extension: {}.")),
    FactKind("desk", DESKS, ("The new desk: {}.", "Your desk: {}.", "My desk: {}.")),
    FactKind("train", TRAINS, ("The new train: {}.", "Your train: {}.", "My train: {}.")),
)
"""Each sentence is a line of a memo: the kind, a colon, the value."""

OPENERS = (
    "Here is the {subject}.",
    "I finished the {subject}.",
    "A quick word on the {subject}.",
    "This is about the {subject}.",
    "We talked about the {subject}.",
    "The {subject} is ready.",
)
PLAIN = (
    "Please have a look when you can.",
    "Nothing is urgent here.",
    "I will send more soon.",
    "Tell me what you think.",
    "Everyone else has seen it.",
    "No answer is needed.",
)
CLOSERS = ("Thanks.", "Many thanks.", "See you soon.", "Best wishes.", "Talk soon.")
REPLIES = (
    "Thank you, I will look at it today.",
    "That works for me.",
    "Good, please go ahead.",
    "I have one question about the last page.",
    "Understood, I will tell the others.",
    "Can we talk about it tomorrow?",
)
FOLLOW_UPS = ("One more thing.", "A small correction.", "I forgot something.", "To answer your question.")

ROLES = ("Finance", "Operations", "Legal", "Design", "Sales", "People", "Research", "Facilities")

_SUBJECT_PARTS = ("the draft", "the first version", "the spreadsheet", "our supplier", "the committee", "the new team",
                  "the last quarter", "the second page", "the pilot group", "the landlord", "the summer intern",
                  "the printed copy", "the regional office", "the shared folder", "the steering group")  # fmt: skip
_VERBS = ("needs", "has changed", "depends on", "should mention", "still lacks", "was compared with", "will replace",
          "goes beyond", "follows", "was approved without", "explains", "does not yet cover")  # fmt: skip
_OBJECTS = ("a shorter introduction", "the figures from last spring", "two extra weeks", "a clear owner",
            "the comments we collected", "an appendix with the details", "one round of proofreading",
            "the conditions in paragraph four", "what the auditors asked for", "better photographs",
            "a table that people can read on a phone", "the notes taken in the workshop", "a realistic timetable",
            "the wishes of the night shift", "a second opinion")  # fmt: skip
_LINKS = ("because", "although", "so that", "and therefore", "while", "even if")
_CLAUSES = ("most of us were away", "the printer was broken again", "the prices went up", "nobody objected",
            "the weather kept visitors at home", "we moved the furniture", "the old system stays until winter",
            "the manager asked for it twice", "there was cake afterwards", "the train was late",
            "the archive had a better copy", "the numbers finally agree")  # fmt: skip
_GREETINGS = ("Hello everyone,", "Dear all,", "Hi,", "Good morning,", "Hello again,")


def subject_of(random: Random) -> str:
    """Returns two lower-case words."""
    return random.choice(SUBJECTS)


def fact_sentence(random: Random) -> str:
    """Returns one sentence that states one fact."""
    kind = random.choice(FACTS)
    return random.choice(kind.sentences).format(random.choice(kind.values))


def opening_body(random: Random, subject: str) -> str:
    """Returns the new text of a thread's first mail: at most 25 words, three times in four with exactly one fact."""
    middle = fact_sentence(random) if random.random() < 0.75 else random.choice(PLAIN)
    return " ".join((random.choice(OPENERS).format(subject=subject), middle, random.choice(CLOSERS)))


def follow_up_body(random: Random) -> str:
    """Returns the new text of a sender's second mail in a thread; it states one fact."""
    return f"{random.choice(FOLLOW_UPS)} {fact_sentence(random)}"


def reply_body(random: Random) -> str:
    """Returns the new text of an answer, without facts."""
    return random.choice(REPLIES)


def facts_in(body: str) -> dict[str, str]:
    """Returns the facts that ``body`` states, by kind (``{"code": "4821"}``)."""
    found = {}
    for kind in FACTS:
        for sentence in kind.sentences:
            pattern = re.escape(sentence).replace(re.escape("{}"), "(" + "|".join(kind.values) + ")")
            if match := re.search(pattern, body):
                found[kind.name] = match.group(1)
    return found


def _paragraph(random: Random, sentences: int) -> str:
    out = []
    for _ in range(sentences):
        what, verb, of_what = random.choice(_SUBJECT_PARTS), random.choice(_VERBS), random.choice(_OBJECTS)
        tail = f" {random.choice(_LINKS)} {random.choice(_CLAUSES)}" if random.random() < 0.6 else ""
        out.append(f"{what.capitalize()} {verb} {of_what}{tail}.")
    return " ".join(out)


def letter(random: Random, paragraphs: int) -> str:
    """Returns the text of an older, longer mail: background that nobody has to read."""
    parts = [random.choice(_GREETINGS)] + [_paragraph(random, random.randint(2, 4)) for _ in range(paragraphs)]
    return "\n\n".join("\n".join(wrap(part, 72)) for part in parts)


def quote(name: str, text: str) -> str:
    """Returns ``text`` as quoted under an attribution line. No time in it: content must not depend on the clock."""
    lines = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return f"{name} wrote:\n{lines}"


def signature(name: str, role: str) -> str:
    """Returns the block under a mail that says who wrote it."""
    return f"-- \n{name}\n{role}"
