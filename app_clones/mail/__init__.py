"""Mail: a mail service with tools, the core of Gmail's API and pages, all over one state."""

from app_clones.mail.app import MAIL
from app_clones.mail.populate import MailOptions

__all__ = ["MAIL", "MailOptions"]
