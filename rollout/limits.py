"""What an episode may take, and what is kept of what a policy or a tool says. All documented limits are here."""

from __future__ import annotations

from dataclasses import dataclass

MARK = "… [{n} characters cut]"


@dataclass(frozen=True, slots=True)
class EpisodeLimits:
    """Limits of one episode. Those of the agent are steps, tokens and characters, never seconds.

    ``steps``: None takes the task's own. ``tokens``: sampled tokens over all turns, counted where the policy says what
    it sampled. ``turn_text``: characters kept of a turn's text. ``arguments``: characters of one call's arguments as
    JSON, ``depth``: how deep they may nest; a call beyond is not executed as given, it is an error of the agent's.
    ``observation``: characters kept of one observation. ``evidence``: characters kept of a verdict's evidence, and of
    each check's detail. ``wall_s``: infrastructure's time-out of each single answer of policy, environment or verifier;
    running into it is a fault. It bounds no episode: an agent whose every command takes its time would choose a fault.
    """

    steps: int | None = None
    tokens: int = 100_000
    turn_text: int = 65_536
    arguments: int = 262_144
    depth: int = 64
    observation: int = 16_384
    evidence: int = 65_536
    wall_s: float = 900.0


def clean(text: str) -> str:
    """``text`` without lone surrogates, which no file format takes."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, then a mark that says how many were cut."""
    if len(text) <= limit:
        return clean(text)
    return clean(text[:limit]) + MARK.format(n=len(text) - limit)
