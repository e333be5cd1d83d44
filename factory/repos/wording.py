"""Instructions of tasks: what is asked, in several wordings, without what would give the fix away."""

from __future__ import annotations

import re
from random import Random

from factory.repos.tasks import Found

_REMOVED = (
    "`{name}` in `{path}` has lost its body. Write it again, as its docstring and the documentation say:\n\n"
    "    {signature}\n\n{doc}\n\n{tail}",
    "Implement `{name}` (`{path}`). At present it only raises NotImplementedError. Its signature is\n\n"
    "    {signature}\n\nand it is documented as:\n\n{doc}\n\n{tail}",
    "Someone removed the implementation of `{name}` from `{path}`; {count} break without it. "
    "What it has to do:\n\n    {signature}\n\n{doc}\n\n{tail}",
)
_BUG = (
    "Something is wrong in `{package}`: {count} fail that should pass, among them\n\n{tests}\n\n"
    "The first one ends with {error}. Find the cause in `{folder}` and repair it. {tail}",
    "Users report that `{package}` no longer does what its documentation says. Of the project's tests, {count} fail:"
    "\n\n{tests}\n\n({error} in the first.) Find the bug under `{folder}` and fix it. {tail}",
    "A recent change broke `{package}`. These tests (of {count}) show it:\n\n{tests}\n\nThe first stops with {error}. "
    "Correct the source under `{folder}`; the interface stays as it is. {tail}",
)
_TAIL = (
    "The tests are not in the work tree. Only Python files under `{folder}` count; call task_submit when you are done.",
    "You have no copy of the tests; they will be run on your sources under `{folder}`. Finish with task_submit.",
)
_SHOWN = 4


def instruction(found: Found, folder: str, rng: Random) -> str:
    """The text for a policy. Test names and error kinds of a bug are told, its place and nature are not."""
    package = folder.rpartition("/")[2]
    n = len(found.fail_to_pass)
    values = {
        "name": found.edit.function,
        "path": found.edit.path,
        "signature": found.signature,
        "doc": "\n".join(f"    {line}".rstrip() for line in found.doc.splitlines()),
        "package": package,
        "folder": folder,
        "count": f"{n} test" + ("s" if n != 1 else ""),
        "tests": "\n".join(f"    {_short(name)}" for name in found.fail_to_pass[:_SHOWN]),
        "error": _article(found.error or "an error"),
        "tail": rng.choice(_TAIL).format(folder=folder),
    }
    return rng.choice(_REMOVED if found.kind == "removed" else _BUG).format(**values)


def _short(name: str) -> str:
    """``tests/test_lru.py::LRUCacheTest::test_lru`` as ``LRUCacheTest.test_lru``."""
    return re.sub(r"^[^:]*::", "", name).replace("::", ".")


def _article(error: str) -> str:
    if error == "an error":
        return error
    return ("an " if error[0] in "AEIOU" else "a ") + error
