"""Notes, whose reminders arrive as mail: a second app in the same world, with one effect that crosses."""

from pathlib import Path

from app_clones.declared.load import load_declared

__all__ = ["DECLARED", "NOTES"]

DECLARED = load_declared(Path(__file__).parent)
NOTES = DECLARED.app()
