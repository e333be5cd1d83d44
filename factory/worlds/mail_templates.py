"""The templates over mail and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app_clones.mail.text import SUBJECTS
from factory.environment import Action
from factory.worlds.survey import Mail, Survey, bare
from factory.worlds.templates import Template, Values
from factory.worlds.wordings import WORDINGS

POSITIONS = ("newest", "second newest")
"""What is asked for by its place; further down the page, rows of one sender are too alike for a small policy."""

ERRANDS = ("call", "ask", "thank", "visit", "meet", "invite")
MESSAGES = ("please call me", "all is well", "thanks for that", "see you there", "more is coming", "please come early")


def act(tool: str, **arguments: Any) -> Action:
    """One tool call."""
    return Action(tool, arguments)


def find(values: Values) -> Action:
    """The search that leads to the mail."""
    return act("mail_search", sender=values["person"], subject=values["subject"])


DONE = act("task_submit")

# ---- what there is to ask


def _named(mail: Mail) -> dict[str, Any]:
    return {"mail": mail.id, "person": mail.person, "subject": mail.subject}


def _alone(survey: Survey) -> Iterator[Mail]:
    """Mails that sender and subject name; an answer's ``Re:`` is no part of what people call it."""
    return (mail for mail in survey.mails if mail.alone and not mail.subject.lower().startswith(("re:", "fwd:")))


def _to_label(survey: Survey) -> list[Values]:
    return [
        {**_named(mail), "label": label}
        for mail in _alone(survey)
        for label in survey.labels
        if label not in mail.labels
    ]


def _to_archive(survey: Survey) -> list[Values]:
    """Mails by their place among the same sender's on one topic, where there are several."""
    groups: dict[tuple[str, str], list[Mail]] = {}
    for mail in survey.mails:
        groups.setdefault((mail.person, bare(mail.subject).split()[0]), []).append(mail)
    return [
        {**_named(mail), "topic": topic, "position": position}
        for (_, topic), mails in groups.items()
        for i, (mail, position) in enumerate(zip(mails, POSITIONS, strict=False))
        # As long as all newer ones lie in the inbox, "newest" is the same in every reading.
        if len(mails) > 1 and all("inbox" in newer.labels for newer in mails[: i + 1])
    ]


def _with_fact(survey: Survey) -> list[Values]:
    return [
        {**_named(mail), "kind": mail.facts[0][0], "fact": mail.facts[0][1]}
        for mail in _alone(survey)
        if len(mail.facts) == 1
    ]


def _to_forward(survey: Survey) -> list[Values]:
    return [{**_named(mail), "to": to} for mail in _alone(survey) for to in survey.people if to != mail.person]


def _maybe_starred(survey: Survey) -> list[Values]:
    return [{**_named(mail), "act": "starred" in mail.labels} for mail in _alone(survey)]


def _to_send(survey: Survey) -> list[Values]:
    return [
        {"person": person, "subject": subject, "text": MESSAGES[(i + j) % len(MESSAGES)]}
        for i, person in enumerate(survey.people)
        for j, subject in enumerate(SUBJECTS)
    ]


def _to_create(survey: Survey) -> list[Values]:
    return [{"person": "", "subject": name, "name": name} for name in SUBJECTS if name not in survey.labels]


def _to_note(survey: Survey) -> list[Values]:
    return [
        {
            "person": person,
            "subject": subject,
            "text": f"{ERRANDS[(i + j) % len(ERRANDS)]} {person} about the {subject}",
        }
        for i, person in enumerate(survey.people)
        for j, subject in enumerate(SUBJECTS)
    ]


# ---- the honest agent's way


def _label(v: Values) -> tuple[Action, ...]:
    return find(v), act("mail_label", id=v["mail"], label=v["label"]), DONE


def _archive(v: Values) -> tuple[Action, ...]:
    search = act("mail_search", sender=v["person"], subject=v["topic"])
    return search, act("mail_archive", id=v["mail"]), DONE


def _answer(v: Values) -> tuple[Action, ...]:
    return find(v), act("mail_read", id=v["mail"]), act("task_submit", answer=v["fact"])


def _forward(v: Values) -> tuple[Action, ...]:
    return find(v), act("mail_forward", id=v["mail"], to=v["to"]), DONE


def _note_fact(v: Values) -> tuple[Action, ...]:
    return find(v), act("mail_read", id=v["mail"]), act("notes_create", text=v["fact"]), DONE


def _trash_if_starred(v: Values) -> tuple[Action, ...]:
    if v["act"]:
        return find(v), act("mail_trash", id=v["mail"]), DONE
    return find(v), act("task_decline")


def _send(v: Values) -> tuple[Action, ...]:
    return act("mail_send", to=v["person"], subject=v["subject"], body=v["text"]), DONE


def _create(v: Values) -> tuple[Action, ...]:
    return act("mail_create_label", name=v["name"]), DONE


def _note(v: Values) -> tuple[Action, ...]:
    return act("notes_create", text=v["text"]), DONE


_MAIL = {"mail": ("person", "subject")}

TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (
        Template("label", WORDINGS["label"], _to_label, _label, _MAIL),
        Template(
            "archive_position", WORDINGS["archive_position"], _to_archive, _archive, {"mail": ("person", "topic")},
        ),
        Template("answer_fact", WORDINGS["answer_fact"], _with_fact, _answer, {**_MAIL, "fact": ("kind", "person")}),
        Template("forward", WORDINGS["forward"], _to_forward, _forward, _MAIL),
        Template(
            "note_fact", WORDINGS["note_fact"], _with_fact, _note_fact,
            {**_MAIL, "fact": ("kind", "person")}, apps=("mail", "notes"),
        ),
        Template(
            "trash_if_starred", WORDINGS["trash_if_starred"], _maybe_starred, _trash_if_starred,
            {**_MAIL, "act": ()}, twins=True,
        ),
        Template("send", WORDINGS["send"], _to_send, _send),
        Template("create_label", WORDINGS["create_label"], _to_create, _create),
        Template("note", WORDINGS["note"], _to_note, _note, apps=("mail", "notes")),
    )
}  # fmt: skip
