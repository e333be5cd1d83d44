"""A lossless word-level tokenizer, and the chat layout of tool-calling conversations.

Words, numbers and runs of punctuation are single tokens where the vocabulary knows them; everything else falls back to
UTF-8 bytes, so any text encodes and decodes to itself. One blank between two known words is implied, not a token:
``label work`` is two tokens, and a word is the same token wherever it stands, which is what makes copying one hop.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from factory.environment import Action
from rollout.policies.base import Message

PAD, USER, CALL, OBS, END = range(5)
SPECIAL = ("<pad>", "<user>", "<call>", "<obs>", "<end>")
_FIRST_BYTE = len(SPECIAL)
_FIRST_WORD = _FIRST_BYTE + 256
_RUNS = re.compile(r"\w+|\W+")


def is_word(text: str) -> bool:
    """Whether a run is a word or number (the regex class ``\\w``), i.e. takes part in implied blanks."""
    return bool(text) and (text[0].isalnum() or text[0] == "_")


class Tokenizer:
    """Text to ids and back. ``words`` are the known runs, in id order after the specials and the 256 bytes."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: _FIRST_WORD + i for i, word in enumerate(self.words)}
        self._is_word = tuple(is_word(word) for word in self.words)

    @classmethod
    def build(cls, texts: Iterable[str], *, min_count: int = 2, max_words: int = 4096) -> Tokenizer:
        """Vocabulary of all runs seen at least ``min_count`` times, commonest first, ties by text. Deterministic."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(run for run in _RUNS.findall(text) if len(run) <= 32)
        kept = sorted((w for w, n in counts.items() if n >= min_count and w != " "), key=lambda w: (-counts[w], w))
        return cls(kept[:max_words])

    def __len__(self) -> int:
        return _FIRST_WORD + len(self.words)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the vocabulary."""
        return hashlib.sha256(json.dumps(self.words).encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``; never emits special tokens, whatever the text says, so no observation can forge a turn."""
        runs = _RUNS.findall(text)
        known = [self._ids.get(run) for run in runs]
        ids: list[int] = []
        for i, (run, word) in enumerate(zip(runs, known, strict=True)):
            if word is not None:
                ids.append(word)
            elif run == " " and 0 < i < len(runs) - 1 and known[i - 1] is not None and known[i + 1] is not None:
                continue  # between two known words: implied
            else:
                ids.extend(_FIRST_BYTE + byte for byte in run.encode("utf-8", "surrogatepass"))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``. Specials print as their names; bytes that are no UTF-8 are replaced."""
        out = bytearray()
        after_word = False
        for id in ids:
            if _FIRST_BYTE <= id < _FIRST_WORD:
                out.append(id - _FIRST_BYTE)
                after_word = False
            elif id < _FIRST_BYTE:
                out += SPECIAL[id].encode()
                after_word = False
            else:
                word = self._is_word[id - _FIRST_WORD]
                out += b" " * (word and after_word) + self.words[id - _FIRST_WORD].encode("utf-8", "surrogatepass")
                after_word = word
        return out.decode("utf-8", "replace")


def call_text(action: Action) -> str:
    """The one canonical text of a tool call: ``mail_label {"id":412,"label":"work"}``."""
    if action.arguments is None:
        return action.raw or action.name
    return f"{action.name} {json.dumps(action.arguments, separators=(',', ':'), ensure_ascii=False)}"


def parse_call(text: str) -> tuple[Action, ...]:
    """The call that ``text`` makes. Nothing is repaired: text after the name that is no JSON object gives an action with
    ``arguments`` None, which the environment answers with an error. Empty text makes no call."""
    if not text.strip():
        return ()
    name, _, rest = text.partition(" ")
    try:
        arguments = json.loads(rest)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return (Action(name, None, text),)
    return (Action(name, arguments, text),)


def turn_ids(tokenizer: Tokenizer, action: Action) -> list[int]:
    """A demonstrated call as the ids a policy should have sampled: the call's text, then ``<end>``."""
    return [*tokenizer.encode(call_text(action)), END]


def prompt_ids(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """The prompt for the next turn: ``<user> … <call> sampled… <obs> … <call>``.

    The last turn that carries tokens stands for itself and all before it, exactly as sampled; only text that came
    after it (observations) is encoded. The tools' schemas are not in the prompt: this policy learns them from
    demonstrations, and a context of some hundred tokens has no room for them.
    """
    ids: list[int] = []
    start = 0
    for i in range(len(messages) - 1, -1, -1):
        trace = messages[i].tokens
        if trace is not None:
            ids, start = [*trace.prompt_ids, *trace.ids], i + 1
            break
    for message in messages[start:]:
        if message.role == "assistant":
            for action in message.actions:
                ids += [CALL, *turn_ids(tokenizer, action)]
        else:
            ids += [USER if message.role == "user" else OBS, *tokenizer.encode(message.text)]
    return [*ids, CALL]
