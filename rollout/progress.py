"""How far a long command is: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]
"""``advance(n, note)``: ``n`` more are done; ``note`` stands behind the count."""

_EVERY_S = 5.0


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Shows how many of ``total`` are done. ``quiet`` shows nothing."""
    if quiet:
        yield lambda n, note: None
    elif sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _Lines(what, total).advance


@contextmanager
def _bar(what: str, total: int) -> Iterator[Advance]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, note="")
        yield lambda n, note: bar.update(task, advance=n, note=note)


class _Lines:
    """A line at most every few seconds, and one at the end."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self.next = time.monotonic() + _EVERY_S

    def advance(self, n: int, note: str) -> None:
        self.done += n
        if time.monotonic() >= self.next or self.done >= self.total:
            self.next = time.monotonic() + _EVERY_S
            print(f"{self.what} {self.done}/{self.total} {note}".rstrip(), file=sys.stderr, flush=True)
