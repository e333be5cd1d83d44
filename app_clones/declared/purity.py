"""What a file of behaviours may use, so that an app depends on its world's state alone.

This guards against mistakes, not against malice: who means to get around it can (an app's code is trusted as a
package's is). What it does not see (a list that follows the hash seed, say) shows when an audit asks each behaviour
again, in this process and in another.
"""

from __future__ import annotations

import ast
import dis
import inspect
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

from app_clones.kit.located import Fault

#: With all that lies below them. Not ``email``: its parts are given random boundaries, and its dates the wall clock.
_ALLOWED = (
    "__future__", "abc", "app_clones.declared", "app_clones.kit", "base64", "binascii", "bisect", "calendar", "cmath",
    "collections", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib",
    "heapq", "html", "itertools", "json", "math", "numbers", "operator", "re", "statistics", "string", "struct",
    "textwrap", "types", "typing", "unicodedata", "urllib.parse", "zlib",
)  # fmt: skip

_FILES = "a world has no files: what it holds is in its tables (act.call.rows)"
_CLOCK = "the world's clock is act.call.now_ms"
_CHANCE = "act.call.random(name) is the world's own generator"
_INSTEAD = {
    "time": _CLOCK,
    "random": _CHANCE,
    "secrets": _CHANCE,
    "numpy": _CHANCE,
    "uuid": "ids come from act.insert",
    **dict.fromkeys(("io", "os", "pathlib", "tempfile"), _FILES),
}

_CODE = "write the code itself"
_LOOSE = "state is rows (act.insert, act.update)"
_BUILTINS = {
    "open": _FILES,
    "input": "nobody is there to answer",
    "breakpoint": "nobody is there to answer",
    "eval": _CODE,
    "exec": _CODE,
    "compile": _CODE,
    "__import__": "import it at the top of the file",
    "__builtins__": _CODE,
    "globals": _LOOSE,
    "hash": "texts hash otherwise in each process: hashlib.sha256, or act.call.random(name)",
    "id": "a thing in memory has another id in each process: a row's is act.target['id']",
}
_WALL_CLOCK = ("now", "utcnow", "today")

_CONSTANTS = (type, ModuleType, MappingProxyType, Enum)


def source_faults(tree: ast.Module, file: str) -> list[Fault]:
    """What is wrong with the source of ``file`` before it is run, by line: imports, builtins, state that is shared."""
    shared = {name for node in tree.body for name in _bound(node)}
    found = [fault for node in ast.walk(tree) for fault in _node_faults(node, file, shared)]
    found += _name_faults(compile(tree, file, "exec", dont_inherit=True), file, shared)
    return sorted(found, key=lambda fault: fault.line)


def state_faults(module: ModuleType, tree: ast.Module, file: str) -> list[Fault]:
    """What ``module``, made of ``tree``, holds that can change: all worlds of a process would share it."""
    hint = "a constant is a tuple, a frozenset or a types.MappingProxyType"
    return [
        Fault(file, line, "", f"{name} can change, and all worlds would share it: {_LOOSE}", hint)
        for name, line, value in _values(tree.body, vars(module), "")
        if not _is_constant(value)
    ]


def _node_faults(node: ast.AST, file: str, shared: set[str]) -> Iterator[Fault]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if not _may_import(alias.name):
                yield _import_fault(alias.name, node.lineno, file)
    elif isinstance(node, ast.ImportFrom):
        source = "." * node.level + (node.module or "")
        if not all(_may_import(f"{source}.{alias.name}") for alias in node.names):
            yield _import_fault(source, node.lineno, file)
    elif isinstance(node, ast.Global):
        yield Fault(file, node.lineno, "", f"global {', '.join(node.names)}: all worlds would share it; {_LOOSE}")
    elif isinstance(node, ast.Attribute):
        if node.attr in _WALL_CLOCK:
            yield Fault(file, node.lineno, "", f".{node.attr} reads the wall clock: {_CLOCK}")
        written = not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in shared
        if written:
            at = ast.unparse(node)
            yield Fault(file, node.lineno, "", f"{at} is set, and all worlds would share it: {_LOOSE}")


def _may_import(name: str) -> bool:
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in _ALLOWED)


def _import_fault(name: str, line: int, file: str) -> Fault:
    instead = _INSTEAD.get(name.partition(".")[0])
    told = f"imports {name}" + (f": {instead}" if instead else "")
    return Fault(file, line, "", told, f"what may be imported: {', '.join(_ALLOWED)}")


def _name_faults(code: CodeType, file: str, shared: set[str]) -> Iterator[Fault]:
    """Builtins that are used, where the compiler found that a name is one: a local called ``id`` is none."""
    for each in dis.get_instructions(code):
        if each.opname in ("LOAD_GLOBAL", "LOAD_NAME") and each.argval in _BUILTINS and each.argval not in shared:
            line = each.positions.lineno if each.positions is not None else None
            yield Fault(file, line or code.co_firstlineno, "", f"uses {each.argval}: {_BUILTINS[each.argval]}")
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _name_faults(inner, file, shared)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of the module gives a value to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.alias):
            yield inner.asname or inner.name.partition(".")[0]


def _values(body: Sequence[ast.stmt], names: Mapping[str, Any], within: str) -> Iterator[tuple[str, int, Any]]:
    """What the statements of a module or class leave behind: name, line, value; of functions the defaults."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ((f"{within}{name}", node.lineno, names[name]) for name in _bound(node) if name in names)
            continue
        made, called = names.get(node.name), f"{within}{node.name}"
        if isinstance(made, type):
            yield from _values(node.body, vars(made), f"{called}.")
        elif callable(made):
            plain = inspect.unwrap(made)
            defaults = getattr(plain, "__defaults__", None) or ()
            named = getattr(plain, "__kwdefaults__", None) or {}
            yield from ((f"a default of {called}", node.lineno, value) for value in (*defaults, *named.values()))


def _is_constant(value: Any) -> bool:
    """Whether a value stays as it is: none that can be iterated to an end, and none that has no hash because it may
    change."""
    if isinstance(value, _CONSTANTS):
        return True
    if isinstance(value, tuple | frozenset):
        return all(_is_constant(each) for each in value)
    if hasattr(value, "__next__"):
        return False
    return getattr(type(value), "__hash__", None) is not None
