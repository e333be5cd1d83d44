"""The templates by which an app's pages have a look of their own: their names, their sources, their environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined, Template
from jinja2 import TemplateSyntaxError as SyntaxFault
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app_clones.declared.check_common import DeclError
from app_clones.declared.model import AppDecl

OF_AN_ENTITY = ("list", "detail", "form", "delete")
OF_THE_APP = (*OF_AN_ENTITY, "dashboard", "search")
"""The default pages, as their templates are called, which an app may give its own of."""

OPTIONS: Mapping[str, Any] = {
    "autoescape": True,
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "auto_reload": False,
    "cache_size": -1,
}
_OWN = "app"
_NAME = re.compile(r"(?:([a-z][a-z0-9_]*)/)?(_?)([a-z][a-z0-9_]*)\.html")


def sources(decl: AppDecl) -> dict[str, str]:
    """All templates of the app, by name; those that stand at an entity's pages among them."""
    shown = {f"{name}/detail.html": page.template for name, page in decl.pages.items() if page.template is not None}
    return {**shown, **decl.templates}


class OwnTemplates:
    """The templates of one app, ready. What one extends by a bare name (``list.html``) is the default one; the app's
    others are called ``app/NAME``."""

    def __init__(self, decl: AppDecl) -> None:
        self._sources = sources(decl)
        own = PrefixLoader({_OWN: DictLoader(self._sources)})
        # A declaration may come from anybody, so its templates get at nothing but what they are given.
        self._made: Environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([PackageLoader("app_clones.declared"), own]), **OPTIONS
        )

    def name(self, page: str, entity: str) -> str | None:
        """Which of them shows the default page ``list.html`` of an entity: its own, or else the app's."""
        return next((name for name in (f"{entity}/{page}", page) if name in self._sources), None)

    def get(self, page: str, entity: str) -> Template | None:
        """The same, compiled."""
        name = self.name(page, entity)
        return None if name is None else self._made.get_template(f"{_OWN}/{name}")


def check_templates(decl: AppDecl) -> None:
    """Raises :class:`DeclError` at a template that no page has, is given twice, or cannot be read."""
    for name, page in decl.pages.items():
        if page.template is not None and f"{name}/detail.html" in decl.templates:
            raise DeclError(f"the app has a template {name}/detail.html, too", ("pages", name, "template"))
    for name in decl.templates:
        _check_name(decl, name)
    for name, source in sources(decl).items():
        at = ("templates", name) if name in decl.templates else ("pages", name.partition("/")[0], "template")
        try:
            Environment().parse(source)
        except SyntaxFault as error:
            raise DeclError(f"line {error.lineno} of the template: {error.message}", at) from None


def _check_name(decl: AppDecl, name: str) -> None:
    found = _NAME.fullmatch(name)
    if found is None:
        raise DeclError("a template is called PAGE.html or ENTITY/PAGE.html", ("templates", name))
    entity, part, page = found.groups()
    if entity is not None and entity not in decl.entities:
        raise DeclError(f"no entity {entity}", ("templates", name))
    known = OF_THE_APP if entity is None else OF_AN_ENTITY
    if not part and page not in known:
        others = "what others take in begins with _"
        raise DeclError(f"no page {page}; there are {', '.join(known)}; {others}", ("templates", name))


def line_of(error: BaseException) -> int | None:
    """The line of an app's own template at which an error came up; None where it lies elsewhere."""
    at, found = error.__traceback__, None
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<template>":  # Jinja's word for one that is no file
            found = at.tb_lineno
        at = at.tb_next
    return found
