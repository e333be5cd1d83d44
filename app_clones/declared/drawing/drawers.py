"""Drawers by name: what a declaration's ``seed`` may ask for, and what fields get by their own names."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from app_clones.declared.drawing import moments, patterns, phrases
from app_clones.declared.drawing import words as w
from app_clones.declared.drawing.names import slug
from app_clones.declared.drawing.spot import Json, Spot

_HEX = "0123456789abcdef"
_CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TOKEN = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def _letters(rng: Random, alphabet: str, n: int) -> str:
    return "".join(rng.choices(alphabet, k=n))


# ---- persons and firms


def name(rng: Random, at: Spot) -> str:
    """What a row of its kind may be called."""
    if at.subject == "person":
        return f"{at.given} {at.family}"
    return at.firm if at.subject == "company" else phrases.name(rng, at.subject)


def email(rng: Random, at: Spot) -> str:
    """The address of whom the row is about."""
    if at.subject == "company":
        return f"{rng.choice(('hello', 'info', 'office', 'orders'))}@{domain(rng, at)}"
    return f"{slug(at.given)}.{slug(at.family)}@{domain(rng, at)}"


def domain(rng: Random, at: Spot) -> str:
    """``copper-logistics.example``: a name that can be nobody's."""
    return f"{slug(at.firm)}.example"


def someone(rng: Random, at: Spot) -> str:
    """The e-mail address of a person of this world."""
    return rng.choice(at.scene.persons).email


def someones_name(rng: Random, at: Spot) -> str:
    """The name of a person of this world."""
    return rng.choice(at.scene.persons).name


def phone(rng: Random, at: Spot) -> str:
    """``+43 555 0142 318``."""
    return f"+{at.city[5]} 555 {rng.randrange(100, 200):04} {rng.randrange(100, 1000)}"


# ---- places


def street(rng: Random, at: Spot) -> str:
    """``12 Mill Lane``."""
    return f"{rng.randrange(1, 120)} {rng.choice(w.STREETS)} {rng.choice(w.STREET_KINDS)}"


def latitude(rng: Random, at: Spot) -> float:
    """To five places, where people live."""
    return round(rng.uniform(-38, 60), 5)


def longitude(rng: Random, at: Spot) -> float:
    """To five places."""
    return round(rng.uniform(-120, 150), 5)


# ---- machines


def url(rng: Random, at: Spot) -> str:
    """A page of the firm that the row is about."""
    return f"https://{domain(rng, at)}/{rng.choice(w.SERVICES)}/{rng.choice(w.FILE_STEMS)}"


def ipv4(rng: Random, at: Spot) -> str:
    """An address kept for documentation."""
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def mac(rng: Random, at: Spot) -> str:
    """``02:1f:…``: of the locally administered ones."""
    return ":".join(["02", *(_letters(rng, _HEX, 2) for _ in range(5))])


def version(rng: Random, at: Spot) -> str:
    """``2.14.3``."""
    return f"{rng.randrange(0, 6)}.{rng.randrange(0, 20)}.{rng.randrange(0, 10)}"


def file_name(rng: Random, at: Spot) -> str:
    """``price-list-3.pdf``."""
    return f"{rng.choice(w.FILE_STEMS)}-{rng.randrange(1, 60)}.{rng.choice(w.FILE_KINDS)[0]}"


def uuid(rng: Random, at: Spot) -> str:
    """In the form of version 4."""
    digits = _letters(rng, _HEX, 32)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def base64_text(rng: Random, at: Spot) -> str:
    """A few words as base64."""
    return base64.b64encode(phrases.document(rng).encode()).decode()


def labels(rng: Random, at: Spot) -> dict[str, str]:
    """``{"env": "prod", "team": "data"}``."""
    keys = sorted(rng.sample(list(w.LABEL_KEYS), rng.randrange(1, 4)))
    return {key: rng.choice(w.LABEL_KEYS[key]) for key in keys}


def sku(rng: Random, at: Spot) -> str:
    """``WAL-2047``."""
    return f"{_letters(rng, _CAPITALS, 3)}-{rng.randrange(1000, 10_000)}"


# ---- numbers and moments


def integer(rng: Random, at: Spot, min: float = 1, max: float = 100, step: int = 1) -> int:
    """Whole, from ``min`` to ``max``, a multiple of ``step`` where one is in between."""
    low, high = -int(-min // step), int(max // step)
    return rng.randint(low, high) * step if low <= high else int(min)


def number(rng: Random, at: Spot, min: float = 0, max: float = 100, places: int = 2) -> float:
    """From ``min`` to ``max``, to so many places."""
    return round(rng.uniform(min, max), places)


def money(rng: Random, at: Spot, min: float = 4, max: float = 480) -> float:
    """An amount that ends as prices do."""
    return float(f"{rng.randint(int(min), int(max) - 1) if max > min + 1 else int(min)}.{rng.choice(_CENTS)}")


_CENTS = ("00", "50", "90", "95", "99", "25")


def moment(rng: Random, at: Spot, kind: str = "any") -> str:
    """RFC 3339, see :func:`app_clones.declared.drawing.moments.stage` for ``kind``."""
    return moments.rfc3339(moments.drawn(rng, kind, at.born_ms, at.scene.now_ms, None))


def date(rng: Random, at: Spot, kind: str = "any") -> str:
    """The same, the day alone."""
    return moments.day(moments.drawn(rng, kind, at.born_ms, at.scene.now_ms, None))


# ---- as the declaration says


def sentences(rng: Random, at: Spot, min: int = 1, max: int = 3) -> str:
    """Prose of so many sentences."""
    return phrases.prose(rng, at.subject, rng.randint(min, max), at.called)


def pick(rng: Random, at: Spot, values: tuple[Json, ...] = ()) -> Json:
    """One of ``values``."""
    return rng.choice(list(values)) if values else None


def constant(rng: Random, at: Spot, value: Json = None) -> Json:
    """The same in every row."""
    return value


def pattern(rng: Random, at: Spot, pattern: str = "[a-z]{8}") -> str:
    """Text that a regular expression accepts."""
    return patterns.matching(rng, pattern) or ""


def template(rng: Random, at: Spot, text: str = "") -> str:
    """``text`` with ``{number}`` and the row's own fields drawn before it filled in."""
    return text.format(number=at.number, **at.row)


def _choice(values: tuple[Any, ...]) -> Callable[[Random, Spot], Json]:
    return lambda rng, at: rng.choice(values)


DRAWERS: Mapping[str, Callable[..., Json]] = {
    "address": lambda rng, at: f"{street(rng, at)}, {at.city[0]}",
    "amount": money,
    "base64": base64_text,
    "bytes": lambda rng, at: integer(rng, at, 1_000, 5_000_000),
    "cidr": lambda rng, at: f"10.{rng.randrange(0, 250)}.{rng.randrange(0, 250)}.0/24",
    "city": lambda rng, at: at.city[0],
    "cloud_region": _choice(w.CLOUD_REGIONS),
    "cloud_zone": lambda rng, at: f"{rng.choice(w.CLOUD_REGIONS)}-{rng.choice('abc')}",
    "color": _choice(w.COLORS),
    "company": lambda rng, at: at.firm,
    "constant": constant,
    "country": lambda rng, at: at.city[2],
    "country_code": lambda rng, at: at.city[3],
    "cron": _choice(w.CRONS),
    "currency": _choice(w.CURRENCIES),
    "date": date,
    "department": _choice(w.DEPARTMENTS),
    "domain": domain,
    "duration": lambda rng, at: f"{rng.choice((30, 60, 90, 120, 300, 600, 3600))}s",
    "email": email,
    "extension": lambda rng, at: rng.choice(w.FILE_KINDS)[0],
    "file_name": file_name,
    "first_name": lambda rng, at: at.given,
    "group": _choice(w.GROUPS),
    "hex_color": _choice(w.HEX_COLORS),
    "html": lambda rng, at: f"<p>{phrases.prose(rng, at.subject, 2, at.called)}</p>",
    "host": lambda rng, at: f"{rng.choice(w.SERVICES)}.{domain(rng, at)}",
    "integer": integer,
    "ipv4": ipv4,
    "ipv6": lambda rng, at: f"2001:db8::{rng.randrange(1, 65_536):x}",
    "issue": lambda rng, at: phrases.issue(rng),
    "job": _choice(w.JOBS),
    "labels": labels,
    "language": _choice(w.LANGUAGES),
    "last_name": lambda rng, at: at.family,
    "latitude": latitude,
    "locale": _choice(w.LOCALES),
    "longitude": longitude,
    "mac": mac,
    "md5": lambda rng, at: _letters(rng, _HEX, 32),
    "mime_type": lambda rng, at: rng.choice(w.FILE_KINDS)[1],
    "moment": moment,
    "money": money,
    "name": name,
    "number": number,
    "ordinal": lambda rng, at: str(rng.randrange(1, 60)),
    "path": lambda rng, at: f"/{rng.choice(w.SERVICES)}/{file_name(rng, at)}",
    "pattern": pattern,
    "person_name": lambda rng, at: f"{at.given} {at.family}",
    "phone": phone,
    "pick": pick,
    "place": _choice(w.PLACES),
    "postcode": lambda rng, at: f"{rng.randrange(1010, 99_000):05}",
    "product": lambda rng, at: phrases.product(rng),
    "region": lambda rng, at: at.city[1],
    "remark": _choice(w.REMARKS),
    "resource": lambda rng, at: phrases.resource(rng),
    "sentence": lambda rng, at: phrases.prose(rng, at.subject, 1),
    "sentences": sentences,
    "sha1": lambda rng, at: _letters(rng, _HEX, 40),
    "sha256": lambda rng, at: _letters(rng, _HEX, 64),
    "sku": sku,
    "slug": lambda rng, at: slug(phrases.resource(rng)),
    "someone": someone,
    "someones_name": someones_name,
    "status": _choice(w.STATUSES),
    "street": street,
    "tag": _choice(w.TAGS),
    "template": template,
    "timezone": lambda rng, at: at.city[4],
    "title": lambda rng, at: phrases.document(rng),
    "token": lambda rng, at: _letters(rng, _TOKEN, 24),
    "urgency": _choice(w.URGENCIES),
    "url": url,
    "user_agent": _choice(w.AGENTS),
    "username": lambda rng, at: f"{slug(at.given)}.{slug(at.family)}",
    "uuid": uuid,
    "version": version,
    "visibility": _choice(w.VISIBILITIES),
    "year": lambda rng, at: integer(rng, at, 2008, 2024),
}
"""``drawer(rng, spot, **arguments)`` by name."""
