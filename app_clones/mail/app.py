"""The mail app, put together."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from app_clones.kit.app import App
from app_clones.mail.gmail.routes import gmail_routes
from app_clones.mail.operations import EVENTS, OPERATIONS
from app_clones.mail.pages import page_routes
from app_clones.mail.populate import MailOptions, populate
from app_clones.mail.schema import SEARCH, TABLES


def mail_routes() -> Sequence[BaseRoute]:
    """Returns the API's routes and the pages'."""
    return [*gmail_routes(), *page_routes()]


MAIL = App(
    name="mail",
    tables=TABLES,
    operations=OPERATIONS,
    populate=populate,
    options=MailOptions,
    search=(SEARCH,),
    events=EVENTS,
    routes=mail_routes,
    api=("gmail/v1/", "upload/gmail/v1/", "batch"),
)
