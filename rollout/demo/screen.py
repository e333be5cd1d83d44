"""What the demo tells whoever watches: one plain line for each stage; bars come from ``rollout.progress``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Screen:
    """``began``: monotonic seconds at the start."""

    began: float = field(default_factory=time.monotonic)

    @property
    def wall_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def line(self, stage: str, text: str) -> None:
        """Prints ``[ 83 s] certify  …``."""
        print(f"[{self.wall_s:4.0f} s] {stage:8} {text}", flush=True)
