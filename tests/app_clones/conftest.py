"""The world that the tests of mail's three faces share; those of the kit make worlds of their own."""

from __future__ import annotations

import pytest

from app_clones.kit.world import World
from app_clones.mail import MAIL

START_MS = 1_741_000_000_000


@pytest.fixture(scope="session")
def mail_snapshot() -> bytes:
    """120 mails among 8 persons, built once."""
    options = {"mail": {"messages": 120}}
    with World.build([MAIL], seed=5, start_ms=START_MS, step_ms=1000, persons=8, options=options) as world:
        return world.snapshot()


@pytest.fixture
def world(mail_snapshot):
    """A fork of it, each test's own."""
    with World.fork(mail_snapshot, [MAIL]) as fork:
        yield fork
