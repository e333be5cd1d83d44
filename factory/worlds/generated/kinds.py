"""All kinds of generated tasks, by name."""

from __future__ import annotations

from collections.abc import Mapping

from factory.worlds.generated.acting import ACTING
from factory.worlds.generated.asking import ASKING_KINDS
from factory.worlds.generated.changing import CHANGING
from factory.worlds.generated.kind import Kind
from factory.worlds.generated.making import MAKING

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*MAKING, *CHANGING, *ASKING_KINDS, *ACTING)}
