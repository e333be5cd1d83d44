"""A browser without a browser: parses what the world answers and does what Chromium would do without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from app_clones.browser import aria, forms, tabs
from app_clones.browser.base import BrowserError, Field
from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.forms import Submission
from app_clones.browser.history import Entry, History, restore, save
from app_clones.browser.page import Page
from app_clones.browser.probe import Target
from app_clones.browser.reach import probe
from app_clones.browser.roles import natively_disabled
from app_clones.browser.rules import (
    SET_WHOLE,
    check_click,
    check_key,
    check_options,
    check_text,
    is_ref,
    normal_url,
    unknown,
    wanted_check,
)
from app_clones.browser.urls import same_document, whole, without_fragment
from app_clones.browser.values import sanitized
from app_clones.browser.web import MOST_REDIRECTS, Answer, Site, Web

BLANK = "about:blank"

By = Literal["link", "form", "address"]
"""What leads to a page: something on the page before, or its address, given by the agent."""


@lru_cache(maxsize=256)
def _parsed(html: str) -> Page:
    """The page of these bytes. Pages never change, so all documents of all browsers share them.

    Few are kept: the garbage collector looks through every element of all of them, again and again.
    """
    return Page(html)


class DomBrowser:
    """One tab without a renderer; a :class:`~app_clones.browser.base.Browser`."""

    def __init__(self, site: Site) -> None:
        self._web = Web(site)
        self._sheets: dict[str, str] = {}
        self._history = History()
        self._loaded = 0
        blank = Page("")
        blank.apply(())
        self._document = Document(blank, BLANK)

    @property
    def url(self) -> str:
        return self._document.url

    @property
    def title(self) -> str:
        return self._document.page.title

    @property
    def nodes(self) -> int:
        """Elements of the document shown, its head included; text is not counted."""
        return len(self._document.page.elements)

    async def navigate(self, url: str) -> None:
        await self._go(Submission("GET", normal_url(url)), "address")

    async def back(self) -> None:
        here, target = self._history.here, self._history.before
        if here is None or target is None:
            raise BrowserError("no_history", "there is no page to go back to")
        if target.document == here.document:
            self._history.back()
            self._go_within(target.request.url)
            return
        answer, request = await self._ask(target.request)
        if answer.html is None:
            return
        here.saved = save(self._document)
        self._history.back()
        await self._show(answer.html, request.url)
        if request != target.request:  # it was sent elsewhere than then, to a document of its own
            target.request, target.document = request, self._loaded
        restore(self._document, target.saved)

    async def click(self, ref: str) -> None:
        element, target = self._aim(ref)
        await self._click(element, target, ref)

    async def type(self, ref: str, text: str, submit: bool = False) -> None:
        element, target = self._aim(ref)
        self._fill(element, target, ref, text)
        if submit:
            await self._enter(element)

    async def fill_form(self, fields: Sequence[Field]) -> None:
        for field in fields:
            element, target = self._aim(field.ref)
            if (wanted := wanted_check(target, field)) is not None:
                if wanted != target.checked:
                    await self._click(element, target, field.ref)
            elif target.tag == "select":
                self._select(element, target, field.ref, [str(field.value)])
            else:
                self._fill(element, target, field.ref, str(field.value))

    async def select_option(self, ref: str, values: Sequence[str]) -> None:
        element, target = self._aim(ref)
        self._select(element, target, ref, values)

    async def press_key(self, key: str) -> None:
        document = self._document
        focus = document.focus
        check_key(key, probe(document, focus)[1] if focus is not None else None)
        if key.endswith("Tab"):
            document.focus_on(tabs.next_stop(document, key.startswith("Shift")))
        elif focus is None:
            return
        elif key == "Enter":
            await self._enter(focus)
        elif key == "Space":
            await self._space(focus)
        elif key == "Escape":
            if focus.tag == "input" and focus.type == "search" and document.value(focus):
                document.set_value(focus, "")
        else:
            self._arrow(focus, key == "ArrowUp")

    async def hover(self, ref: str) -> None:
        self._find(ref)  # pages of the subset look the same under a pointer

    async def snapshot(self) -> str:
        return aria.snapshot(self._document)

    async def close(self) -> None:
        self._history = History()

    def _find(self, ref: str) -> Element:
        document = self._document
        if is_ref(ref) and document.shown is not None and ref.startswith(f"{document.prefix}e"):
            found = document.shown.get(ref[len(document.prefix) :])
            if found is not None:
                return found
        raise unknown(ref)

    def _aim(self, ref: str) -> tuple[Element, Target]:
        return probe(self._document, self._find(ref))

    async def _click(self, element: Element, target: Target, ref: str) -> None:
        check_click(target, ref)
        self._document.focus_on(element)
        await self._activate(element)

    async def _activate(self, element: Element) -> None:
        document = self._document
        if element.tag == "a":
            await self._follow(element.attrs["href"])
        elif element.tag == "summary":
            assert element.parent is not None
            document.toggle(element.parent)
        elif forms.is_submit(element):
            await self._submit(document.form_of(element), element)
        elif element.type == "reset" and (form := document.form_of(element)) is not None:
            document.reset(form)
        elif element.type == "checkbox":
            document.check(element, not document.is_checked(element))
        elif element.type == "radio":
            document.check(element, True)

    def _fill(self, element: Element, target: Target, ref: str, text: str) -> None:
        check_text(target, ref, text)
        document, kind = self._document, target.type
        if kind in SET_WHOLE or kind == "number":
            text = text.strip()
            text = text.lower() if kind == "color" else text
            if sanitized(kind, text, element.attrs) != text:
                raise BrowserError("bad_value", f"{ref} does not take {text[:40]!r}")
        elif element.tag == "input":
            text = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
        else:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        most = element.attrs.get("maxlength", "")
        if most.isascii() and most.isdigit() and kind not in SET_WHOLE and kind != "number":
            text = _cut(text, int(most))
        document.set_value(element, sanitized(kind, text, element.attrs))
        document.focus_on(element)

    def _select(self, element: Element, target: Target, ref: str, values: Sequence[str]) -> None:
        options = self._document.options(element)
        chosen = check_options(target, ref, values)
        self._document.choose(element, tuple(options[at] for at in chosen))

    async def _enter(self, element: Element) -> None:
        """Presses Enter in ``element``, which has the focus."""
        document, kind = self._document, element.type
        if element.tag == "textarea":
            document.set_value(element, document.value(element) + "\n")  # the caret stands behind what was typed
        elif element.tag in ("a", "summary", "button") or kind in ("submit", "reset", "button", "image"):
            if not natively_disabled(element):
                await self._activate(element)
        elif element.tag == "input" and (form := document.form_of(element)) is not None:
            button = forms.default_button(document, form)
            if button is not None:
                if not natively_disabled(button):
                    await self._submit(form, button)
            elif kind in forms.BLOCKING and sum(one.type in forms.BLOCKING for one in document.controls(form)) == 1:
                await self._submit(form, None)

    async def _space(self, element: Element) -> None:
        if element.tag in ("button", "input", "summary"):
            await self._activate(element)

    def _arrow(self, element: Element, up: bool) -> None:
        document = self._document
        if element.tag == "input" and element.type == "radio":
            radio = tabs.next_radio(document, element, up)
            document.focus_on(radio)
            document.check(radio, True)
        elif element.tag == "select" and (option := tabs.next_option(document, element, up)) is not None:
            document.choose(element, (option,))

    async def _submit(self, form: Element | None, submitter: Element | None) -> None:
        if form is None:
            return
        document = self._document
        lenient = "novalidate" in form.attrs or (submitter is not None and "formnovalidate" in submitter.attrs)
        if not lenient and (invalid := forms.first_invalid(document, form)) is not None:
            document.focus_on(invalid)
            return
        made = forms.submission(document, form, submitter)
        if made is not None:
            await self._go(made, "form")

    async def _follow(self, href: str) -> None:
        url = whole(href, self._document.url)
        if not url.startswith(("http://", "https://")):
            return  # nothing here handles mail or telephone addresses
        await self._go(Submission("GET", url), "link")

    def _go_within(self, url: str) -> None:
        """Goes to an address within the document: opens what its fragment names is folded in, and focuses it or
        nothing."""
        document = self._document
        document.url = url
        target = document.page.ids.get(unquote(url.partition("#")[2]))
        if target is None:
            return
        document.unfold(target)
        document.focus_on(target if tabs.is_focusable(document, target) else None)

    async def _go(self, request: Submission, by: By) -> None:
        """Goes to where a link, a form or an address leads, as the next entry of the history.

        As Chromium does: an address with a fragment that is otherwise the document's own leads within it, whatever
        leads there. What leads to exactly where one is takes the place of the entry, but two do not: a form, and an
        address that stays in the document. All of that is decided before the answer: where redirects end is nothing
        to it.
        """
        here = self._history.here
        again = request.method == "GET" and request.url == self._document.url
        if here is not None and request.method == "GET" and same_document(request.url, self._document.url):
            self._go_within(request.url)
            entry = Entry(replace(here.request, url=request.url), here.document)
            in_place = again and by == "link"
        else:
            answer, request = await self._ask(request)
            if answer.html is None:
                return
            if here is not None:
                here.saved = save(self._document)
            await self._show(answer.html, request.url)
            entry = Entry(request, self._loaded)
            in_place = again and by != "form"
        (self._history.replace if in_place else self._history.add)(entry)

    async def _ask(self, request: Submission) -> tuple[Answer, Submission]:
        """The answer, redirects followed, and the request that it came of."""
        for _ in range(MOST_REDIRECTS):
            url = request.url
            answer = await self._web.page(request.method, without_fragment(url), request.body, request.content_type)
            if answer.location is None:
                return answer, request
            fragment = url.partition("#")[2]
            url = answer.location
            if fragment and "#" not in url:
                url += f"#{fragment}"
            request = replace(request, url=url) if answer.status in (307, 308) else Submission("GET", url)
        return Answer(508), request

    async def _show(self, html: str, url: str) -> None:
        """Makes ``html`` the document shown."""
        page = _parsed(html)
        sheets = []
        for kind, text in page.sheets:
            sheets.append(text if kind == "text" else await self._sheet(whole(text, url)))
        page = page.under(tuple(sheets))
        prefix = f"f{self._loaded}" if self._loaded else ""
        self._loaded += 1
        self._document = Document(page, url, prefix)
        for element in page.elements if "autofocus" in page.mentions else ():
            if "autofocus" in element.attrs and tabs.is_focusable(self._document, element):
                self._document.focus = element
                break
        if "#" in url:
            self._go_within(url)

    async def _sheet(self, url: str) -> str:
        found = self._sheets.get(url)
        if found is None:
            reply = await self._web.asset(url)
            kind = reply.headers.get("content-type", "")
            good = reply.status == 200 and kind.startswith("text/css")
            found = self._sheets[url] = reply.body.decode("utf-8", "replace") if good else ""
        return found


def _cut(text: str, most: int) -> str:
    """At most so many UTF-16 units of ``text``."""
    units = text.encode("utf-16-le", "surrogatepass")[: most * 2]
    return units.decode("utf-16-le", "ignore")
