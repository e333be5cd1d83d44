"""The mail app, put together: its declaration, what that cannot say, and the routes of its API and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import isfunction
from pathlib import Path
from types import ModuleType

from starlette.routing import BaseRoute

from app_clones.declared.engine import Behaviour, Own
from app_clones.declared.load import load_declared
from app_clones.mail import tools
from app_clones.mail.gmail.routes import gmail_routes
from app_clones.mail.pages import page_routes
from app_clones.mail.populate import MailOptions, populate


def _behaviours(*modules: ModuleType) -> Mapping[str, Behaviour]:
    """The public functions of each module, as ``module.function``."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in modules
        for name, function in vars(module).items()
        if isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }


def mail_routes() -> Sequence[BaseRoute]:
    """Returns the API's routes and the pages'."""
    return [*gmail_routes(), *page_routes()]


DECLARED = load_declared(
    Path(__file__).parent, _behaviours(tools), Own(pages=mail_routes, populate=populate, options=MailOptions)
)
MAIL = replace(DECLARED.app(), api=("gmail/v1/", "upload/gmail/v1/", "batch"))
