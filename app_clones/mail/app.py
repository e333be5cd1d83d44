"""The mail app, put together: its declaration, what that cannot say, and its pages."""

from pathlib import Path

from app_clones.declared.engine import Own
from app_clones.declared.load import functions_of, load_declared
from app_clones.mail import tools
from app_clones.mail.gmail import account, drafts, labels, messages
from app_clones.mail.pages import page_routes
from app_clones.mail.populate import MailOptions, populate

BEHAVIOURS = functions_of(tools, account, labels, messages, drafts)
MAIL = load_declared(Path(__file__).parent, BEHAVIOURS, Own(page_routes, populate, MailOptions)).app()
