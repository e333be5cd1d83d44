"""The mail app, put together: its declaration, what that cannot say, and its pages."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isfunction
from pathlib import Path
from types import ModuleType

from app_clones.declared.engine import Behaviour, Own
from app_clones.declared.load import load_declared
from app_clones.mail import tools
from app_clones.mail.gmail import account, drafts, labels, messages, threads
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


MAIL = load_declared(
    Path(__file__).parent,
    _behaviours(tools, account, labels, messages, threads, drafts),
    Own(pages=page_routes, populate=populate, options=MailOptions),
).app()
