"""What people call the rows of an entity whose name was too long for a table's, and was cut: ``studen_ac2d8``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app_clones.declared import words
from app_clones.declared.drawing.names import singular, words_of
from app_clones.declared.model import Entity

#: A name that was cut ends in five digits of its digest.
_CUT = re.compile(r"(?P<kept>[a-z0-9_]{18,})_(?=[0-9a-f]*[0-9])[0-9a-f]{5}")


def title(name: str, given: str, origins: Iterable[str]) -> str:
    """The title of the entity ``name``: the ``given`` one, if it says more than the name does. What was cut off is read
    from its operations' names in the original (``courses.posts.addOnAttachments.get``), or, where they do not tell,
    left out with the word that it cuts short."""
    cut = _CUT.fullmatch(name)
    if cut is None or given not in ("", words.title(name)):
        return given or words.title(name)
    kept = cut["kept"]
    whole = next((found for origin in origins if (found := _completed(kept, origin))), None)
    return words.title(whole or kept.rpartition("_")[0])


def plural(name: str, entity: Entity) -> str:
    """What people call several rows, as words joined by ``_``; an entity's own ``plural`` stands in paths as well, and
    is cut where its name is."""
    if _CUT.fullmatch(name) is None or not entity.title:
        return entity.plural or words.plural(name)
    return words.plural(entity.title.lower().replace(" ", "_"))


def _completed(kept: str, origin: str) -> str | None:
    """The end of the path in ``origin`` that begins with ``kept``, each of its words in the singular."""
    *above, last = [words_of(part) for part in origin.split(".")]
    for parts in (above, [*above, last[1:]]):  # ``getAddOnContext`` names its object too
        named = ["_".join((*part[:-1], singular(part[-1]))) for part in parts if part]
        for k in range(len(named)):
            whole = "_".join(named[k:])
            if whole.startswith(kept):
                return whole
    return None
