"""The same random actions in both drivers over mail's pages: the same page, address and state at every step."""

from __future__ import annotations

from functools import cache

from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.walk import walk
from app_clones.kit.world import World
from app_clones.mail import MAIL

STARTS = ("/mail/", "/mail/compose", "/mail/labels", "/mail/folder/sent", "/mail/?q=from%3Ame", "/mail/nowhere")


@cache
def snapshot() -> bytes:
    options = {"mail": {"messages": 30}}
    with World.build([MAIL], seed=5, start_ms=1_741_000_000_000, step_ms=1000, persons=6, options=options) as world:
        return world.snapshot()


async def test_random_walks_over_mail_never_differ():
    async with chromium() as process:
        for seed in range(6):
            done = await walk(process, snapshot(), [MAIL], STARTS, steps=12, seed=seed)
            assert done.findings == []
            assert done.steps == 12


async def test_a_walk_finds_a_driver_that_forgets_to_send_a_form(monkeypatch):
    async def sends_nothing(browser, form, submitter):
        return

    monkeypatch.setattr(DomBrowser, "_submit", sends_nothing)
    async with chromium() as process:
        walks = [await walk(process, snapshot(), [MAIL], STARTS, steps=20, seed=seed) for seed in range(3)]
    assert {finding.what for done in walks for finding in done.findings} >= {"url", "snapshot"}
