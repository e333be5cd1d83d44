"""The trace digest: a hash chain over what was done, seen and came of it."""

from __future__ import annotations

import hashlib
import json

from factory.environment import Action


def chain(previous: str, action: Action, observation: str, state_digest: str) -> str:
    """The trace digest (hex) after one more step: SHA-256 over the chain so far, call, observation and state.

    The chain starts at the state digest of the fork. Each part goes in with its length, so none runs into the next.
    """
    call = json.dumps([action.name, action.arguments, action.raw], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(previous.encode())
    for part in (call, observation, state_digest):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
