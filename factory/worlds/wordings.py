"""How each template's instruction may be worded.

Every word of a held-out wording occurs in some training wording: what is new is how they are put together, so that a
policy with a closed vocabulary can be asked something it has never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wordings:
    """Format strings over a task's private values; ``heldout`` ones are used by held-out tasks alone."""

    train: tuple[str, ...]
    heldout: tuple[str, ...]


WORDINGS: Mapping[str, Wordings] = {
    "label": Wordings(
        train=(
            "label the mail from {person} about {subject} as {label}",
            "put the label {label} on the {subject} mail from {person}",
            "find the mail from {person} about {subject} and label it {label}",
            "add the label {label} to the mail about {subject} from {person}",
            "the {subject} mail from {person} needs the label {label}",
            "label as {label} the mail that {person} sent about {subject}",
            "find the {subject} mail from {person} and label it {label}",
            "add the label {label} to the {subject} mail from {person}",
            "put the label {label} on the mail about {subject} from {person}",
            "find the mail about {subject} from {person} and add the label {label}",
        ),
        heldout=(
            "put the label {label} on the mail from {person} about {subject}",
            "find the {subject} mail from {person} and add the label {label}",
        ),
    ),
    "archive_position": Wordings(
        train=(
            "archive the {position} mail from {person} about {topic}",
            "find the {position} {topic} mail from {person} and archive it",
            "from the mail of {person} about {topic} archive the {position} one",
            "archive the {position} one of the mail that {person} sent about {topic}",
            "the {position} {topic} mail from {person} can go ; archive it",
            "move the {position} {topic} mail that {person} sent to the archive",
            "find the {position} {topic} mail that {person} sent and archive it",
            "the {position} mail that {person} sent about {topic} can go ; archive it",
            "archive the {position} one of the {topic} mail from {person}",
            "move the {position} one of the {topic} mail that {person} sent to the archive",
        ),
        heldout=(
            "archive the {position} {topic} mail that {person} sent",
            "move the {position} mail from {person} about {topic} to the archive",
        ),
    ),
    "answer_fact": Wordings(
        train=(
            "what is the {kind} in the mail from {person} about {subject} ?",
            "tell me the {kind} in the {subject} mail from {person}",
            "which {kind} does {person} give in the mail about {subject} ?",
            "answer with the {kind} in the mail about {subject} from {person}",
            "find the mail from {person} about {subject} and tell me the {kind}",
            "{person} sent a mail about {subject} ; which {kind} does it give ?",
            "what is the {kind} in the {subject} mail from {person} ?",
            "which {kind} does the mail about {subject} from {person} give ?",
            "tell me the {kind} in the mail about {subject} from {person}",
            "find the {subject} mail from {person} and tell me the {kind}",
        ),
        heldout=(
            "tell me the {kind} in the mail from {person} about {subject}",
            "which {kind} does the {subject} mail from {person} give ?",
        ),
    ),
    "forward": Wordings(
        train=(
            "forward the mail from {person} about {subject} to {to}",
            "forward to {to} the {subject} mail from {person}",
            "find the mail from {person} about {subject} and forward it to {to}",
            "{to} needs the {subject} mail from {person} ; forward it",
            "forward the mail about {subject} that {person} sent on to {to}",
            "let {to} see the mail from {person} about {subject} ; forward it",
            "forward the mail about {subject} from {person} to {to}",
            "{to} needs the mail from {person} about {subject} ; forward it",
            "find the {subject} mail from {person} and forward it to {to}",
            "forward to {to} the mail that {person} sent about {subject}",
        ),
        heldout=(
            "forward the {subject} mail from {person} to {to}",
            "{to} needs the mail that {person} sent about {subject} ; forward it",
        ),
    ),
    "note_fact": Wordings(
        train=(
            "make a note of only the {kind} in the mail from {person} about {subject}",
            "write a note with only the {kind} in the {subject} mail from {person}",
            "find the mail from {person} about {subject} and note only the {kind}",
            "note only the {kind} that {person} gives in the mail about {subject}",
            "keep a note of only the {kind} in the {subject} mail from {person}",
            "only the {kind} in the mail about {subject} from {person} goes into a note",
            "make a note of only the {kind} in the {subject} mail from {person}",
            "write a note with only the {kind} in the mail about {subject} from {person}",
            "find the {subject} mail from {person} and note only the {kind}",
            "keep a note of only the {kind} in the mail from {person} about {subject}",
        ),
        heldout=(
            "write a note with only the {kind} in the mail from {person} about {subject}",
            "find the {subject} mail from {person} and make a note of only the {kind}",
        ),
    ),
    "trash_if_starred": Wordings(
        train=(
            "trash the mail from {person} about {subject} if it is starred , else decline",
            "if the {subject} mail from {person} is starred , trash it , else decline",
            "if starred , trash the mail from {person} about {subject} , else decline",
            "decline , or trash the {subject} mail from {person} if it is starred",
            "find the mail from {person} about {subject} ; trash it if starred , else decline",
            "the {subject} mail from {person} : if it is starred trash it , else decline",
            "trash the mail about {subject} from {person} if it is starred , else decline",
            "if starred , trash the {subject} mail from {person} , else decline",
            "find the {subject} mail from {person} ; trash it if starred , else decline",
            "decline , or trash the mail from {person} about {subject} if it is starred",
        ),
        heldout=(
            "trash the {subject} mail from {person} if it is starred , else decline",
            "if the mail from {person} about {subject} is starred , trash it , else decline",
        ),
    ),
    "send": Wordings(
        train=(
            "send {person} a mail about {subject} saying {text}",
            "write to {person} about {subject} and say {text}",
            "send a mail about {subject} to {person} saying {text}",
            "mail {person} about {subject} saying {text}",
            "write a mail to {person} about {subject} that says {text}",
            "send {person} a {subject} mail that says {text}",
            "write {person} a {subject} mail saying {text}",
            "send a {subject} mail to {person} saying {text}",
            "write a {subject} mail to {person} that says {text}",
            "send a mail to {person} about {subject} that says {text}",
        ),
        heldout=(
            "write {person} a mail about {subject} saying {text}",
            "send a {subject} mail to {person} that says {text}",
        ),
    ),
    "create_label": Wordings(
        train=(
            "create the label {name}",
            "create a label named {name}",
            "make a new label named {name}",
            "i need a new label {name}",
            "add a label named {name} to the mail",
            "set up the label {name}",
            "make the label {name}",
            "set up a new label {name}",
            "i need the label {name}",
            "add a new label named {name} to the mail",
        ),
        heldout=(
            "create a new label {name}",
            "set up a label named {name}",
        ),
    ),
    "note": Wordings(
        train=(
            "make a note saying {text}",
            "note this : {text}",
            "write a note that says {text}",
            "keep a note : {text}",
            "create a note saying {text}",
            "add this note : {text}",
            "write a note saying {text}",
            "keep this note : {text}",
            "make a note that says {text}",
            "create this note : {text}",
        ),
        heldout=(
            "make this note : {text}",
            "keep a note that says {text}",
        ),
    ),
}
