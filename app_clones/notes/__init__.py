"""Notes, whose reminders arrive as mail: a second app in the same world, with one effect that crosses."""

from app_clones.notes.app import NOTES

__all__ = ["NOTES"]
