"""One seed per thing, derived by path."""

from __future__ import annotations

import hashlib


def derive(seed: int, *path: str | int) -> int:
    """Returns the 63-bit seed of the thing at ``path`` under ``seed``.

    SHA-256 over a length-prefixed encoding, so ``derive(s, "ab")`` and ``derive(s, "a", "b")`` differ, and nothing
    depends on the interpreter's hash seed.
    """
    digest = hashlib.sha256(str(seed).encode())
    for part in path:
        data = f"{type(part).__name__}:{part}".encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return int.from_bytes(digest.digest()[:8], "big") >> 1
