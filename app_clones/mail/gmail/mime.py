"""Messages as RFC 5322 text and back. Deterministic: dates come from the row, the rest from its ids."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

from app_clones.kit.errors import AppError
from app_clones.kit.world import Call
from app_clones.mail import mailbox, people
from app_clones.mail.clean import clean, one_line
from app_clones.mail.mailbox import Attachment, Letter, Message
from app_clones.mail.people import Address

HOST = "mail.example.com"
_POLICY = policy.SMTP.clone(max_line_length=998)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_MOST_REFERENCES = 10
_OWN_ID = re.compile(rf"<([0-9a-f]{{16}})@{re.escape(HOST)}>")


def header_id(mail: Message) -> str:
    """Returns the Message-ID: the client's, else one made of the sender's copy's id, the same in every mailbox."""
    return mail.header_id or f"<{mail.origin_id or mail.id:016x}@{HOST}>"


def build(call: Call, mail: Message) -> EmailMessage:
    """Returns the message as the mailbox would hand it out."""
    out = EmailMessage(policy=_POLICY)
    out["Date"] = format_datetime(datetime.fromtimestamp(mail.sent_ms // 1000, UTC))
    out["From"] = _header([mail.sender])
    for name, line in (("To", mail.to_line), ("Cc", mail.cc_line), ("Bcc", mail.bcc_line)):
        if line:
            out[name] = _header(people.parse_line(line))
    out["Subject"] = mail.subject
    out["Message-ID"] = header_id(mail)
    if mail.reply_to_id:
        chain = _chain(call, mail)
        out["In-Reply-To"] = chain[-1]
        out["References"] = " ".join(chain)
    out.set_content(mailbox.full_text(mail))
    for one in mailbox.attachments(call, mail.id):
        main, _, sub = one.mime_type.partition("/")
        out.add_attachment(one.data, maintype=main, subtype=sub or "octet-stream", filename=one.filename)
    if out.is_multipart():
        out.set_boundary(f"part-{mail.id:016x}")
    return out


def _chain(call: Call, mail: Message) -> list[str]:
    """Returns the Message-IDs of what ``mail`` answers, the nearest last and at most ten."""
    out: list[str] = []
    while mail.reply_to_id and len(out) < _MOST_REFERENCES:
        mail = mailbox.message(call, mail.owner_id, mail.reply_to_id)
        out.insert(0, header_id(mail))
    return out


def _header(addresses: Iterable[Address]) -> list[HeaderAddress]:
    return [HeaderAddress(display_name=one.name, addr_spec=one.email) for one in addresses]


def decode(raw: str) -> bytes:
    """Returns the bytes of base64url text, padded or not. Raises AppError."""
    text = raw.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise AppError("Invalid value at 'raw': Base64 decoding failed") from None


def encode(data: bytes) -> str:
    """Returns base64url text."""
    return base64.urlsafe_b64encode(data).decode()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a message says, checked and clean: no control characters, only addresses that can be written again."""

    sender: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    text: str
    answers: tuple[str, ...]
    message_id: str
    sent_ms: int | None
    attachments: tuple[Attachment, ...]


def parse(data: bytes) -> Parsed:
    """Returns what RFC 5322 text says. Raises AppError where it is no message."""
    try:
        found = message_from_bytes(data, policy=policy.default)
        if not isinstance(found, EmailMessage) or not found.keys():
            raise AppError("Invalid message: it has no headers")
        own_id = str(found.get("Message-ID", "")).strip()
        return Parsed(
            sender=_addresses(found, "From"),
            to=_addresses(found, "To"),
            cc=_addresses(found, "Cc"),
            bcc=_addresses(found, "Bcc"),
            subject=one_line(str(found.get("Subject", ""))),
            text=clean(_text_of(found)).strip("\n"),
            answers=_answers(found),
            message_id=own_id if _MESSAGE_ID.fullmatch(own_id) else "",
            sent_ms=_date_ms(str(found.get("Date", ""))),
            attachments=tuple(_attachments(found)),
        )
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # The standard parser is lazy, and breaks in all these ways on headers that no mailer would write.
        raise AppError(f"Invalid message: {type(error).__name__}") from None


def _addresses(found: EmailMessage, header: str) -> tuple[Address, ...]:
    given = [str(value) for value in found.get_all(header, ())]
    read = tuple(Address(one_line(one.name), one.email) for one in people.parse_line(", ".join(given)))
    if (any(value.strip() for value in given) and not read) or not all(_ADDRESS.fullmatch(one.email) for one in read):
        raise AppError(f"Invalid {header} header")
    _header(read)
    return read


def _answers(found: EmailMessage) -> tuple[str, ...]:
    """Returns the Message-IDs that it may answer, the likeliest first: In-Reply-To, then References from the end."""
    first, rest = (_MESSAGE_ID.findall(str(found.get(name, ""))) for name in ("In-Reply-To", "References"))
    return tuple(dict.fromkeys([*first, *reversed(rest)]))[:_MOST_REFERENCES]


def _date_ms(text: str) -> int | None:
    try:
        when = parsedate_to_datetime(text)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def letter(call: Call, found: Parsed, sender: Address, *, thread_id: int | None = None) -> Letter:
    """Returns the letter that a parsed message is, as written by ``sender``."""
    body, history = split_history(found.text)
    reply_to = next(filter(None, (by_message_id(call, one) for one in found.answers)), None)
    if reply_to and mailbox.bare(reply_to.subject).lower() != mailbox.bare(found.subject).lower():
        reply_to = None
    return Letter(
        sender=sender,
        to=_known(call, found.to),
        cc=_known(call, found.cc),
        bcc=_known(call, found.bcc),
        subject=found.subject,
        body=body,
        history=history,
        reply_to=reply_to,
        thread_id=thread_id,
        header_id=found.message_id,
        attachments=found.attachments,
    )


def _known(call: Call, given: Sequence[Address]) -> tuple[Address, ...]:
    """Persons of this world under their own names and by id, strangers after them."""
    known = [(address, people.lookup(call, address.email)) for address in given]
    persons = people.in_order(person for _, person in known if person)
    return (*persons, *(address for address, person in known if person is None))


def by_message_id(call: Call, wanted: str) -> Message | None:
    """Returns the actor's message of that Message-ID, if there is one."""
    own = _OWN_ID.fullmatch(wanted)
    origin = int(own.group(1), 16) if own and int(own.group(1), 16) < 1 << 62 else -1
    row = call.one(
        "SELECT id FROM mail_message WHERE owner_id = ? AND (header_id = ? OR (header_id = '' AND"
        " (id = ? AND origin_id IS NULL OR origin_id = ?))) ORDER BY id LIMIT 1",
        call.actor, wanted, origin, origin,
    )  # fmt: skip
    return mailbox.message(call, call.actor, int(row[0])) if row else None


def _text_of(found: EmailMessage) -> str:
    """The text of a message; HTML without a plain alternative is read as text."""
    part = found.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    content = str(part.get_content())
    if part.get_content_type() == "text/html":
        reader = _Text()
        reader.feed(content)
        content = reader.text()
    return content


def _attachments(found: EmailMessage) -> Iterable[Attachment]:
    for part in found.iter_attachments() if found.is_multipart() else ():
        content = part.get_content()
        data = content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
        whole = part.get_content_maintype() in ("message", "multipart")
        kind = "application/octet-stream" if whole else part.get_content_type()
        yield Attachment(one_line(part.get_filename() or "") or "unnamed", one_line(kind), data)


class _Text(HTMLParser):
    """Collects the readable text of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "head"):
            self._silent += 1
        elif tag in ("br", "p", "div", "li", "tr", "h1", "h2", "h3"):
            self._out.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "head") and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._out.append(" ".join(data.split()) if data.strip() else " " if data else "")

    def text(self) -> str:
        return re.sub(r"\n{3,}", "\n\n", "".join(self._out)).strip()


def split_history(text: str) -> tuple[str, str]:
    """Returns (new text, signature and quoted text under it). Quotes with new text between them stay where they are."""
    lines = text.split("\n")
    last = max((at for at, line in enumerate(lines) if line.strip() and not line.startswith(">")), default=-1)
    for at, line in enumerate(lines):
        opens = line.startswith(">") or (line.endswith("wrote:") and "".join(lines[at + 1 : at + 2]).startswith(">"))
        if line == "-- " or (opens and at >= last):
            return "\n".join(lines[:at]).strip("\n"), "\n".join(lines[at:]).strip("\n")
    return text, ""


def payload(part: Any, attachment_ids: list[int], part_id: str = "") -> dict[str, Any]:
    """Returns a MIME part as Gmail's ``MessagePart``; ``attachment_ids`` are used up in order."""
    out: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": part.get_filename() or "",
        "headers": [{"name": name, "value": str(value)} for name, value in part.items()],
    }
    if part.is_multipart():
        out["body"] = {"size": 0}
        prefix = f"{part_id}." if part_id else ""
        out["parts"] = [payload(one, attachment_ids, f"{prefix}{n}") for n, one in enumerate(part.iter_parts())]
        return out
    data = part.get_payload(decode=True) or b""
    if out["filename"]:
        out["body"] = {"attachmentId": f"attachment-{attachment_ids.pop(0)}", "size": len(data)}
    else:
        out["body"] = {"size": len(data), "data": encode(data)}
    return out
