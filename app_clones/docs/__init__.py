"""Documentation of a world's other apps, for agents that have never seen them: an opt-in app of one tool."""

from app_clones.docs.app import DOCS

__all__ = ["DOCS"]
