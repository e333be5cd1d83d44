"""A lossless word-level tokenizer, and the chat layout of tool-calling conversations.

Words and runs of punctuation are single tokens where the vocabulary knows them; numbers are pairs of digits (``1330``
is ``13`` and ``·30``), so a row's id that was never seen in training is as easy to copy as any; all else falls back to
UTF-8 bytes. So any text encodes, and decodes to itself. One blank between two known words is implied, not a token:
``label work`` is two tokens, and a word is the same token wherever it stands, which is what makes copying one hop.
A vocabulary with ``HUMP`` also tells ``displayName`` by its words, as ``display``, hump, ``name``: so what an API calls
a field is made of the words that people call it by, and renamed with them.
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
_DIGITS = tuple([f"{n}" for n in range(10)] + [f"{n:02}" for n in range(100)])
_FIRST_NUMBER = _FIRST_BYTE + 256  # a number's first pair of digits
_FIRST_REST = _FIRST_NUMBER + len(_DIGITS)  # its later pairs
_FIRST_WORD = _FIRST_REST + len(_DIGITS)
_PIECE = {digits: i for i, digits in enumerate(_DIGITS)}
_LONGEST_NUMBER = 12  # digits; longer ones are bytes
_RUNS = re.compile(r"\w+|\W+")
HUMP = "<hump>"
"""The word that prints nothing, but has the next one follow without a blank and begin with a capital. No text is it."""
_CAMEL = re.compile(r"[a-z]+[0-9]*(?:[A-Z][a-z]+[0-9]*)+")
_HUMPS = re.compile(r"[A-Z]?[a-z]+[0-9]*")


def camel_words(run: str) -> list[str]:
    """``displayName`` as ``display``, ``name``; none where it is not written so."""
    return [part.lower() for part in _HUMPS.findall(run)] if _CAMEL.fullmatch(run) else []


def number_ids(digits: str) -> list[int]:
    """A run of ASCII digits as pairs from the left: first piece, then later pieces."""
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    return [(_FIRST_REST if i else _FIRST_NUMBER) + _PIECE[pair] for i, pair in enumerate(pairs)]


def is_number(run: str) -> bool:
    """Whether a run is told in digit pairs."""
    return run.isascii() and run.isdigit() and len(run) <= _LONGEST_NUMBER


def is_word(text: str) -> bool:
    """Whether a run is a word or number (the regex class ``\\w``), i.e. takes part in implied blanks."""
    return bool(text) and (text[0].isalnum() or text[0] == "_")


class Tokenizer:
    """Text to ids and back. ``words`` are the known runs, in id order after the specials, bytes and digit pairs;
    ``hump``: the id of ``HUMP`` where it is one of them."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: _FIRST_WORD + i for i, word in enumerate(self.words)}
        self._is_word = tuple(is_word(word) for word in self.words)
        self.hump = self._ids.get(HUMP)

    @classmethod
    def build(cls, texts: Iterable[str], *, min_count: int = 2, max_words: int = 4096) -> Tokenizer:
        """Vocabulary of all runs seen at least ``min_count`` times, commonest first, ties by text. Deterministic."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(run for run in _RUNS.findall(text) if len(run) <= 32 and not is_number(run))
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
        known = [self._run(run) for run in runs]
        ids: list[int] = []
        for i, (run, tokens) in enumerate(zip(runs, known, strict=True)):
            if tokens:
                ids += tokens
            elif not (run == " " and 0 < i < len(runs) - 1 and known[i - 1] and known[i + 1]):  # else implied
                ids += [_FIRST_BYTE + byte for byte in run.encode("utf-8", "surrogatepass")]
        return ids

    def _run(self, run: str) -> list[int]:
        if is_number(run):
            return number_ids(run)
        if self.hump is not None:
            parts = [self._ids.get(word) for word in camel_words(run)]
            if parts and None not in parts:
                return [id for part in parts for id in (self.hump, part) if id is not None][1:]
        id = self._ids.get(run)
        return [] if id is None else [id]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``. Specials print as their names; bytes that are no UTF-8 are replaced."""
        out = bytearray()
        after_word = hump = False
        for id in ids:
            if id == self.hump:
                hump = True
                continue
            piece, word, starts = self._piece(id)
            if hump:
                piece, starts = piece[:1].upper() + piece[1:], False
            out += b" " * (word and starts and after_word) + piece
            after_word, hump = word, False
        return out.decode("utf-8", "replace")

    def is_blank_implied(self, before: int, id: int) -> bool:
        """Whether ``id`` after ``before`` prints with a blank between."""
        _, word, starts = self._piece(id)
        return word and starts and self._piece(before)[1]

    def _piece(self, id: int) -> tuple[bytes, bool, bool]:
        """What a token prints, whether it is a word or number, and whether it begins one."""
        if id >= _FIRST_WORD:
            word = self._is_word[id - _FIRST_WORD]
            return self.words[id - _FIRST_WORD].encode("utf-8", "surrogatepass"), word, word
        if id >= _FIRST_REST:
            return _DIGITS[id - _FIRST_REST].encode(), True, False
        if id >= _FIRST_NUMBER:
            return _DIGITS[id - _FIRST_NUMBER].encode(), True, True
        if id >= _FIRST_BYTE:
            return bytes([id - _FIRST_BYTE]), False, False
        return SPECIAL[id].encode(), False, False


def call_text(action: Action) -> str:
    """The one canonical text of a tool call: ``mail_label {"id":412,"label":"work"}``."""
    if action.arguments is None:
        return action.raw or action.name
    return f"{action.name} {json.dumps(action.arguments, separators=(',', ':'), ensure_ascii=False)}"


def parse_call(text: str) -> tuple[Action, ...]:
    """The call that ``text`` makes. Nothing is repaired: text after the name that is no JSON object gives an action
    with ``arguments`` None, which the environment answers with an error. Empty text makes no call."""
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
