"""The text that an agent reads of an answer, where the declaration says it line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from string import Formatter
from typing import Any

from app_clones.declared.model import Line

Json = Any
Seen = Mapping[str, Json]


def text_of(lines: Sequence[str | Line]) -> Callable[[Json], str]:
    """What the lines say of an answer."""
    told = [(_said(one.line), one.each, one.when) for one in _joined(lines)]

    def text(answer: Json) -> str:
        seen = answer if isinstance(answer, dict) else {"answer": answer, "count": _count(answer)}
        out: list[str] = []
        for said, each, when in told:
            if each is not None:
                out += [said(item if isinstance(item, dict) else {"item": item}) for item in seen[each]]
            elif when is None or seen.get(when):
                out.append(said(seen))
        return "\n".join(out)

    return text


def _joined(lines: Sequence[str | Line]) -> list[Line]:
    """The same lines, those that always come after one another as one."""
    found: list[Line] = []
    always = False
    for one in lines:
        if isinstance(one, str) and always:
            found[-1] = Line(line=f"{found[-1].line}\n{one}")
        else:
            found.append(Line(line=one) if isinstance(one, str) else one)
        always = isinstance(one, str)
    return found


def _count(answer: Json) -> int:
    return len(answer) if isinstance(answer, list) else 1


def names_in(line: str) -> list[str]:
    """The names between braces. Raises ``ValueError`` where something else is."""
    found = []
    for _, name, spec, conversion in Formatter().parse(line):
        if name is not None:
            if spec or conversion or not name.isidentifier():
                raise ValueError(f"between braces stands the name of a property, not {name!r}")
            found.append(name)
    return found


def _said(line: str) -> Callable[[Seen], str]:
    """``line`` with values for the names in it: each step of an episode is told so, hence a plain format."""
    names = names_in(line)
    pattern = "".join(
        literal.replace("{", "{{").replace("}", "}}") + ("" if name is None else "{}")
        for literal, name, _, _ in Formatter().parse(line)
    )
    pick = itemgetter(*names) if len(names) > 1 else lambda seen: [seen[name] for name in names]

    def said(seen: Seen) -> str:
        return pattern.format(*[", ".join(map(str, one)) if type(one) is list else one for one in pick(seen)])

    return said
