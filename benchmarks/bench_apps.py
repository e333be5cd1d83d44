"""A declared app: forks at 2 MB, tool steps, and pages without a browser beside the same pages in Chromium.

Writes out/bench/apps.json. Run: python benchmarks/bench_apps.py   (half a minute)
"""

from __future__ import annotations

import asyncio
import itertools
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import async_playwright

from app_clones.browser.chromium import EXECUTABLE, FLAGS
from app_clones.browser.dom import DomBrowser
from app_clones.browser.page import Page
from app_clones.browser.web import WorldSite
from app_clones.declared.load import load_declared
from app_clones.kit.app import App
from app_clones.kit.garbage import settle
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from app_clones.mail import MAIL

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "bench" / "apps.json"
ROWS = {"customer": 60, "ticket": 700}
TOOL_STEPS = 4000
PAGES = 2000
CHROMIUM_PAGES = 60
FRESH_PAGES = 300
FORKS = 300
MARKS = {
    "fork_p50_ms": 1.0,
    "tool_steps_per_s": 2000,
    "pages_per_s": 500,
    "never_seen_per_s": 500,
    "ratio_to_playwright": 50,
}


def main() -> None:
    """Builds the world, measures, prints a line for each figure and writes the JSON."""
    apps = (load_declared(ROOT / "specs" / "apps" / "helpdesk").app(), MAIL)
    options = {"helpdesk": {"rows": ROWS}, "mail": {"messages": 400}}
    with World.build(apps, seed=1, start_ms=1_740_992_400_000, step_ms=60_000, persons=12, options=options) as world:
        snapshot = world.snapshot()
    found: dict[str, Any] = {"snapshot_bytes": len(snapshot), "fork": measure_forks(snapshot, apps)}
    found["tools"] = measure_tools(snapshot, apps)
    found["pages"] = asyncio.run(measure_pages(snapshot, apps))
    values = {
        "fork_p50_ms": found["fork"]["p50_ms"],
        "tool_steps_per_s": found["tools"]["per_cpu_s"],
        "pages_per_s": found["pages"]["without_browser"]["per_cpu_s"],
        "never_seen_per_s": found["pages"]["never_seen"]["without_browser"]["per_cpu_s"],
        "ratio_to_playwright": found["pages"]["ratio"],
    }
    met = {
        name: value <= MARKS[name] if name.endswith("_ms") else value >= MARKS[name] for name, value in values.items()
    }
    report = {"machine": {"python": platform.python_version()}, **found, "marks": MARKS, "found": values, "met": met}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def measure_forks(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, float]:
    """A fork and its first query."""
    times = []
    for _ in range(FORKS):
        begun = time.perf_counter()
        with World.fork(snapshot, apps) as world:
            assert world.now_ms
            times.append((time.perf_counter() - begun) * 1000)
    return {"p50_ms": round(median(times), 4), "p95_ms": round(sorted(times)[len(times) * 95 // 100], 4)}


def measure_tools(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, Any]:
    """Lists by filter, rows, and changes, in turn; each a whole step with changeset and digest."""
    with World.fork(snapshot, apps) as world:
        calls = itertools.islice(tool_calls(), TOOL_STEPS)
        begun, cpu = time.perf_counter(), time.process_time()
        for tool, arguments in calls:
            result = world.call(tool, arguments).result
            if result.error:
                raise SystemExit(f"{tool} {arguments}: {result.text}")
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
        world.check()
    return {"steps": TOOL_STEPS, "per_cpu_s": round(TOOL_STEPS / cpu_s), "per_wall_s": round(TOOL_STEPS / wall_s)}


def tool_calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """A third each of lists, reads and changes."""
    priorities = ("low", "normal", "high", "urgent")
    for n in itertools.count():
        ident = f"T-{n % 500 + 1:08x}"
        yield "helpdesk_ticket_list", {"priority": priorities[n % 4], "page_size": 5}
        yield "helpdesk_ticket_get", {"id": ident}
        yield "helpdesk_ticket_update", {"id": ident, "priority": priorities[(n // 500 + n) % 4]}


async def measure_pages(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, Any]:
    """The same clicks through the same pages: the list, its next page, a ticket, back to the list."""
    with World.fork(snapshot, apps) as world:
        page = DomBrowser(WorldSite(world))
        nodes: list[int] = []
        await page.navigate("/helpdesk/ticket")
        await page.snapshot()
        begun, cpu = time.perf_counter(), time.process_time()
        for n in range(PAGES):
            text = await page.snapshot()
            nodes.append(text.count("\n") + 1)
            await page.click(target(text, n))
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
        await page.close()
    found: dict[str, Any] = {
        "median_lines": median(nodes),
        "without_browser": {"per_cpu_s": round(PAGES / cpu_s), "per_wall_s": round(PAGES / wall_s)},
        "chromium": await measure_chromium(snapshot, apps),
    }
    found["never_seen"] = {
        "without_browser": await measure_fresh(snapshot, apps),
        "chromium": await measure_fresh_chromium(snapshot, apps),
    }
    found["ratio"] = _ratio(found)
    found["never_seen"]["ratio"] = _ratio(found["never_seen"])
    return found


def _ratio(of: dict[str, Any]) -> float:
    return round(of["without_browser"]["per_wall_s"] / of["chromium"]["per_wall_s"], 1)


def change(world: World, n: int) -> str:
    """Changes what is on some customer's list of tickets, in each of its rows, so that it was never seen before.

    Returns the list's address. The frame and the other cells recur; the page as a whole does not.
    """
    person = n % ROWS["customer"] + 1
    result = world.call("helpdesk_customer_update", {"id": person, "name": f"Customer {n}"}).result
    if result.error:
        raise SystemExit(result.text)
    return f"/helpdesk/ticket?customer={person}"


async def measure_fresh(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, Any]:
    """Pages of which nothing can be remembered whole, asked for and read; the changes in between are not counted."""
    cpu = wall = 0.0
    sizes: list[int] = []
    settle()  # as a worker does
    with World.fork(snapshot, apps) as world:
        site = WorldSite(world)
        page = DomBrowser(site)
        for n in range(FRESH_PAGES):
            address = change(world, n)
            began, cpu_began = time.perf_counter(), time.process_time()
            await page.navigate(address)
            await page.snapshot()
            cpu, wall = cpu + time.process_time() - cpu_began, wall + time.perf_counter() - began
            sizes.append(elements((await site.ask("GET", address, {}, b"")).text))
        await page.close()
    return {
        "pages": FRESH_PAGES,
        "median_nodes": median(sizes),
        "per_cpu_s": round(FRESH_PAGES / cpu),
        "per_wall_s": round(FRESH_PAGES / wall),
        "ms": round(1000 * cpu / FRESH_PAGES, 2),
    }


def elements(html: str) -> int:
    """How many there are in a page."""
    page = Page(html)
    page.apply(())
    return len(page.elements)


async def measure_fresh_chromium(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, Any]:
    """The same pages in Chromium, over a socket."""
    wall = 0.0
    with World.fork(snapshot, apps) as world, serve_world(world) as served:
        async with async_playwright() as playwright:
            process = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
            page = await process.new_page()
            for n in range(CHROMIUM_PAGES):
                address = change(world, n)
                began = time.perf_counter()
                await page.goto(f"{served.url}{address}")
                await page.aria_snapshot(mode="ai")
                wall += time.perf_counter() - began
            await process.close()
    return {"pages": CHROMIUM_PAGES, "per_wall_s": round(CHROMIUM_PAGES / wall, 2)}


def target(snapshot: str, n: int) -> str:
    """The ref of what is clicked next: some link of the page, in turn, so that lists and rows alternate."""
    wanted = 'link "Tickets"' if n % 2 else "row"
    lines = snapshot.splitlines()
    at = next((i for i, line in enumerate(lines) if wanted in line), 0)
    links = [line for line in lines[at:] if "- link " in line and "[ref=" in line]
    chosen = links[0] if n % 2 else links[n // 2 % max(1, min(len(links), 40))]
    return chosen.partition("[ref=")[2].partition("]")[0]


async def measure_chromium(snapshot: bytes, apps: tuple[App, ...]) -> dict[str, Any]:
    """A plain Playwright loop over a socket: click, then ``aria_snapshot``."""
    with World.fork(snapshot, apps) as world, serve_world(world) as served:
        async with async_playwright() as playwright:
            process = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
            page = await process.new_page()
            await page.goto(f"{served.url}/helpdesk/ticket")
            text = await page.aria_snapshot(mode="ai")
            begun = time.perf_counter()
            for n in range(CHROMIUM_PAGES):
                await page.locator(f"aria-ref={target(text, n)}").click()
                text = await page.aria_snapshot(mode="ai")
            wall_s = time.perf_counter() - begun
            version = process.version
            await process.close()
    return {"version": version, "pages": CHROMIUM_PAGES, "per_wall_s": round(CHROMIUM_PAGES / wall_s, 2)}


def show(report: dict[str, Any]) -> None:
    """One line for each figure."""
    pages = report["pages"]
    print(f"a world of {report['snapshot_bytes'] / 1e6:.2f} MB")
    print(f"fork                 p50 {report['fork']['p50_ms']:.3f} ms")
    print(f"tool steps           {report['tools']['per_cpu_s']} per second of one core")
    print(f"click and snapshot   {pages['without_browser']['per_cpu_s']} per second of one core without a browser,")
    print(
        f"                     {pages['chromium']['per_wall_s']} in Chromium; pages of {pages['median_lines']:g} lines"
    )
    print(f"                     that is {pages['ratio']} times as many")
    fresh = pages["never_seen"]
    mine, theirs = fresh["without_browser"], fresh["chromium"]
    print(f"pages never seen     {mine['per_cpu_s']} per second of one core without a browser ({mine['ms']} ms each),")
    print(
        f"                     {theirs['per_wall_s']} in Chromium: {fresh['ratio']} times as many;"
        f" pages of {mine['median_nodes']:g} nodes"
    )
    for name, met in report["met"].items():
        print(f"mark {name}: {report['found'][name]} against {report['marks'][name]}: {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
