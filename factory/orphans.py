"""Helper processes that end with who started them, even where that was killed and could tell nobody.

Each watches the reading end of a pipe whose writing end only the starter has; SIGKILL closes that too. A signal at the
parent's death would not do: a helper may be started by way of another program, ``faketime`` for one.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Sequence
from typing import Any


class Helper(subprocess.Popen[bytes]):
    """A process of ``argv`` and one more argument: the descriptor that it gives to :func:`end_with_parent`."""

    def __init__(self, argv: Sequence[str], **options: Any) -> None:
        watched, self._held = os.pipe()
        try:
            super().__init__([*argv, str(watched)], pass_fds=[watched], **options)
        except BaseException:
            self._let_go()
            raise
        finally:
            os.close(watched)

    def wait(self, timeout: float | None = None) -> int:
        """As Popen's, which ``communicate`` and ``with`` end in."""
        code = super().wait(timeout)
        self._let_go()
        return code

    def _let_go(self) -> None:
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)


def end_with_parent(watched: int) -> None:
    """Ends this process as soon as the other end of the pipe ``watched`` is closed."""

    def watch() -> None:
        os.read(watched, 1)
        os._exit(1)

    threading.Thread(target=watch, name="orphans", daemon=True).start()


def end_with_pool() -> None:
    """The same in a worker process of a pool that spawns them; to be its initializer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_with_parent(parent.sentinel)
