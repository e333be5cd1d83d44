"""The web that a driver sees: one world behind one origin, asked in this process; all else is out of reach."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import urlsplit

from app_clones.browser.urls import ORIGIN, whole
from app_clones.kit.asgi import Reply, request
from app_clones.kit.world import World

#: Redirects followed in a row before a browser gives up.
MOST_REDIRECTS = 20


class Site(Protocol):
    """Something that answers requests; a world, or a table of pages in a test."""

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """The reply to one request. ``path`` begins with ``/`` and may have a query."""
        ...


@dataclass(frozen=True, slots=True)
class WorldSite:
    """A world, asked as one of its persons."""

    world: World
    actor: int = 1

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        return await request(self.world, method, path, headers=headers, body=body, actor=self.actor)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a request for a page.

    ``html``: the page to show, None where the browser stays where it is (a download, an empty answer); ``location``:
    where it is sent instead, whole.
    """

    status: int
    html: str | None = None
    location: str | None = None


class Web:
    """One browser's view of a site, with its cookies. Both drivers ask through it, so that they are told the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cookies: dict[str, str] = {}

    async def page(self, method: str, url: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Asks for a page at a whole address. What is no HTML is shown as text in one."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != ORIGIN:
            return Answer(502, _plain("This address is out of reach", f"{url} is not part of this world."))
        reply = await self._ask(method, url, body, content_type)
        headers = reply.headers
        location = headers.get("location")
        if 300 <= reply.status < 400 and location is not None:
            return Answer(reply.status, location=whole(location, url))
        if reply.status in (204, 205) or headers.get("content-disposition", "").lower().startswith("attachment"):
            return Answer(204)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not reply.body:
            return Answer(reply.status, _plain(f"Error {reply.status}", "The answer is empty."))
        if kind == "text/html":
            return Answer(reply.status, reply.body.decode("utf-8", "replace"))
        if kind.startswith("text/") or kind == "application/json" or kind.endswith("+json"):
            return Answer(reply.status, _plain("", reply.body.decode("utf-8", "replace")))
        return Answer(204)

    async def asset(self, url: str) -> Reply:
        """Asks for what a page needs beside itself: style sheets, images."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != ORIGIN:
            return Reply(404, (), b"")
        return await self._ask("GET", url, b"", "")

    async def _ask(self, method: str, url: str, body: bytes, content_type: str) -> Reply:
        parts = urlsplit(url)
        path = parts.path or "/"
        if parts.query:
            path += f"?{parts.query}"
        headers = {}
        if content_type:
            headers["content-type"] = content_type
        if method == "POST":
            headers["origin"] = ORIGIN
        if self._cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        reply = await self._site.ask(method, path, headers, body)
        for name, value in reply.raw:
            if name.lower() == b"set-cookie":
                self._keep(value.decode("latin-1"))
        return reply

    def _keep(self, header: str) -> None:
        """Takes over a cookie. Cookies are the whole site's and last as long as the tab; one that is over goes."""
        try:
            parsed = SimpleCookie(header)
        except CookieError:
            return
        for name, cookie in parsed.items():
            if cookie["max-age"] == "0" or cookie["expires"].endswith("1970 00:00:00 GMT"):
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = cookie.value


def _plain(title: str, text: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><title>{escape(title)}</title></head>'
        f"<body>{f'<h1>{escape(title)}</h1>' if title else ''}<pre>{escape(text)}</pre></body></html>"
    )
