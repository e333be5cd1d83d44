"""What a field's name, and what is said about it, tell of the drawer that it has."""

from __future__ import annotations

import re

# fmt: off
_NAMED = {
    "first_name": "first name, given name, nick name, nickname",
    "last_name": "last name, family name, surname",
    "person_name": "full name, author, assignee, reporter, contact, manager, instructor, teacher, cardholder",
    "username": "user name, username, login, handle, alias",
    "name": "name, title, subject, label",
    "title": "heading, headline",
    "file_name": "file name, filename, attachment",
    "path": "path, directory",
    "email": "email, email address, mail",
    "someone": "to, from, cc, sender, recipient, owner email, user email, reply to, to address, from address",
    "company": "company, organization, organisation, employer, vendor, supplier, brand, manufacturer, "
               "publisher, carrier",
    "job": "job, job title, occupation, profession",
    "ordinal": "position, index, order, ordinal, sequence, sequence number, sort order, revision, color id, colour id",
    "status": "status",
    "urgency": "priority, severity, urgency",
    "visibility": "visibility, privacy",
    "extension": "extension, file extension, format, file format",
    "department": "department, division",
    "phone": "phone, phone number, mobile, telephone, fax, tel",
    "street": "street, address line, address1",
    "address": "address",
    "city": "city, town, locality",
    "country": "country, nationality",
    "country_code": "country code, region code",
    "region": "state, province, county",
    "cloud_region": "region, location id",
    "place": "location, venue, room",
    "cloud_zone": "zone",
    "postcode": "postcode, postal code, zip, zip code",
    "timezone": "timezone, time zone",
    "currency": "currency, currency code",
    "amount": "price, amount",
    "sku": "sku, part number, serial, serial number, barcode, reference",
    "product": "product, item",
    "url": "url, uri, link, website, homepage",
    "domain": "domain, domain name",
    "host": "host, hostname",
    "ipv4": "ip, ip address, ipv4",
    "ipv6": "ipv6",
    "cidr": "cidr, ip range, subnet",
    "mac": "mac, mac address",
    "color": "color, colour",
    "hex_color": "background color, foreground color, text color, color rgb, rgb, hex, color hex, color code",
    "version": "version",
    "language": "language, language code, lang",
    "locale": "locale",
    "mime_type": "mime type, content type, media type",
    "cron": "cron, schedule",
    "md5": "md5, md5 checksum, md5 hash, etag",
    "sha1": "sha1, sha1 checksum, sha1 hash",
    "sha256": "sha256, sha256 checksum, sha256 hash, checksum, hash, digest, fingerprint",
    "token": "token, secret, password, api key",
    "uuid": "uuid, guid, uid",
    "user_agent": "user agent",
    "slug": "slug",
    "tag": "tag, tags, keyword, keywords",
    "group": "category, group, team",
    "prose": "description, body, text, content, message, details, notes, bio, comment",
    "sentence": "summary, note, snippet, reason",
    "remark": "remark",
    "html": "html, body html",
    "duration": "duration, timeout, ttl",
    "moment": "time, timestamp",
    "date": "date, day",
    "year": "year",
}
"""Drawer → the last words of the names of fields that have it."""

NUMBERS: dict[str, tuple[float, float, int]] = {
    "count": (0, 40, 1), "total": (0, 400, 1), "size": (1, 5000, 1), "bytes": (1000, 5000000, 1), "age": (18, 80, 1),
    "quantity": (1, 60, 1), "qty": (1, 60, 1), "stock": (0, 200, 1), "units": (1, 60, 1), "percent": (0, 100, 5),
    "percentage": (0, 100, 5), "discount": (0, 50, 5), "score": (0, 100, 1), "rating": (1, 5, 1), "stars": (1, 5, 1),
    "priority": (1, 5, 1), "severity": (1, 5, 1), "level": (1, 5, 1), "rank": (1, 20, 1), "position": (1, 20, 1),
    "index": (0, 20, 1), "order": (1, 20, 1), "port": (1024, 49151, 1), "minutes": (5, 120, 5),
    "seconds": (10, 600, 10), "timeout": (10, 600, 10), "ttl": (60, 3600, 60), "hours": (1, 40, 1),
    "days": (1, 60, 1), "width": (320, 1920, 16), "height": (240, 1080, 16), "seats": (1, 40, 1),
    "capacity": (4, 200, 2), "limit": (10, 1000, 10), "price": (4, 480, 1), "amount": (4, 480, 1),
    "cost": (4, 480, 1), "balance": (0, 2000, 1), "salary": (2000, 9000, 50), "year": (2008, 2024, 1),
    "weight": (1, 80, 1), "version": (1, 12, 1), "budget": (500, 50000, 100),
}
"""Last word of a name → least, most and step of a whole number."""

MONEY = frozenset({"price", "amount", "cost", "total", "balance", "fee", "subtotal", "tax", "salary", "rate", "budget"})
MOMENTS = frozenset({"time", "timestamp", "date", "at", "ms", "millis"})
SHARES = frozenset({"ratio", "probability", "confidence", "fraction", "share"})

SAID = (
    (r"e-?mail address|\b[Ee]-?mail of\b", "email"),
    (r"RFC ?3339|ISO ?8601|timestamp", "moment"),
    (r"\bBCP[- ]?47|language code", "language"),
    (r"ISO[- ]?3166|CLDR|country code|region code", "country_code"),
    (r"ISO[- ]?4217|currency code", "currency"),
    (r"(?<!S/)\bMIME|media type|content type", "mime_type"),
    (r"\bcron\b", "cron"),
    (r"CIDR", "cidr"),
    (r"IPv6", "ipv6"),
    (r"\bIP(v4)? address", "ipv4"),
    (r"SHA-?256", "sha256"),
    (r"SHA-?1\b", "sha1"),
    (r"\bMD5\b", "md5"),
    (r"\bUUID\b", "uuid"),
    (r"time ?zone", "timezone"),
    (r"phone number|E\.164", "phone"),
    (r"hex(adecimal)? colou?r", "hex_color"),
    (r"\bURL\b|\bURI\b|\blink\b", "url"),
    (r"\b(ordering|sequence|ordinal) number\b|\bposition (of|among|in)\b", "ordinal"),
    (r"file extension", "extension"),
    (r"base64", "base64"),
    (r"host ?name", "host"),
    (r"domain name", "domain"),
)
"""Pattern in a description → drawer; the first that is found counts."""
# fmt: on

TEXTS = {name: drawer for drawer, names in _NAMED.items() for name in names.split(", ")}
"""The last words of a field's name → its drawer."""

LISTS = re.compile(
    r"(?:[Oo]ne of|\b[Ee]ither|(?:[Vv]alid|[Pp]ossible|[Aa]cceptable|[Aa]llowed|[Ss]upported) values?)\b(.{5,300})",
    re.DOTALL,
)
"""Where a description goes on to list values between quotes."""

EXAMPLE = re.compile(r"""(?:[Ff]or example|[Ee]xample|e\.g\.)[,:]?\s*[`'"]([^`'"\n]{2,60})[`'"]""")
"""Where a description gives one."""
