"""Edits of source text that take a behaviour away or break it: the raw material of tasks and of mutants.

Every edit replaces one span of the text and leaves the rest, formatting and comments included, as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from types import CodeType

STUB = "raise NotImplementedError"

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Div: "*", ast.Mod: "//",
}  # fmt: skip
_ERRORS = {"KeyError": "ValueError", "ValueError": "KeyError", "TypeError": "ValueError", "StopIteration": "KeyError"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces ``old`` at byte offset ``start`` of ``path`` by ``new``. ``function``: dotted name of what it is in."""

    path: str
    function: str
    operator: str
    start: int
    old: str
    new: str

    @property
    def id(self) -> str:
        """Unique within a source."""
        return f"{self.path}:{self.start}:{self.operator}"

    def apply(self, text: str) -> str:
        """The edited text. Raises ValueError where ``text`` is not what the edit was made for."""
        data, old = text.encode(), self.old.encode()
        end = self.start + len(old)
        if data[self.start : end] != old:
            raise ValueError(f"{self.id}: the text has changed")
        return (data[: self.start] + self.new.encode() + data[end:]).decode()


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method of the source. ``name`` is dotted (``LRUCache.popitem``); ``body`` is its statements
    without the docstring."""

    path: str
    name: str
    doc: str
    signature: str
    node: ast.FunctionDef
    source: Source

    @property
    def body(self) -> list[ast.stmt]:
        return self.node.body[1:] if ast.get_docstring(self.node) is not None else self.node.body

    def stub(self) -> Edit | None:
        """The edit that removes the body of a documented function, or None where there is nothing to write."""
        if not self.doc or not self.body or isinstance(self.body[0], ast.Raise):
            return None
        start, end = self.source.span(self.body[0])[0], self.source.span(self.body[-1])[1]
        return self.source.edit(self, "remove_body", start, end, STUB)

    def bugs(self) -> list[Edit]:
        """All procedural bugs known for it, in the order of the text. Not each one need compile or change anything:
        ask ``Source.differs`` of those that are to be used."""
        found = {e.id: e for statement in self.body for e in _statement_edits(self, statement)}
        return sorted(found.values(), key=lambda e: (e.start, e.operator))


class Source:
    """One Python file: text, tree, offsets."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.tree = ast.parse(text)
        self.data = text.encode()
        self.code = _code(compile(text, path, "exec", dont_inherit=True))
        self.lines = [0]
        for line in self.data.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def functions(self) -> list[Function]:
        """Functions and methods, nested functions counted with what holds them; those marked as never run left out."""
        return list(self._walk(self.tree, ""))

    def _walk(self, node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Function]:
        for child in node.body:
            if isinstance(child, ast.ClassDef):
                yield from self._walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.FunctionDef) and "no cover" not in self.text.splitlines()[child.lineno - 1]:
                signature = f"def {child.name}({ast.unparse(child.args)})"
                doc = ast.get_docstring(child) or ""
                yield Function(self.path, prefix + child.name, doc, signature, child, self)

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        """Byte offsets of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.lines[node.lineno - 1] + node.col_offset, self.lines[node.end_lineno - 1] + node.end_col_offset

    def get(self, node: ast.stmt | ast.expr) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.data[start:end].decode()

    def edit(self, function: Function, operator: str, start: int, end: int, new: str) -> Edit:
        return Edit(self.path, function.name, operator, start, self.data[start:end].decode(), new)

    def differs(self, edit: Edit) -> bool:
        """Whether the edit compiles to other code: the one case of equivalence that is proved and not guessed."""
        try:
            edited = compile(edit.apply(self.text), self.path, "exec", dont_inherit=True)
        except SyntaxError:
            return False
        return _code(edited) != self.code


def _code(code: object) -> object:
    """What of a code object decides behaviour: places in the text do not."""
    if not isinstance(code, CodeType):
        return repr(code)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags, code.co_argcount)
    return code.co_code, names, code.co_exceptiontable, [_code(c) for c in code.co_consts]


# ---- the operators


def _statement_edits(f: Function, statement: ast.stmt) -> Iterator[Edit]:
    yield from _in_blocks(f, f.body)
    for node in ast.walk(statement):
        if isinstance(node, ast.If | ast.While | ast.For | ast.With | ast.Try | ast.FunctionDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _in_blocks(f, getattr(node, name, []))
        if isinstance(node, ast.ExceptHandler):
            yield from _in_blocks(f, node.body)
            yield from _handler(f, node)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield from _condition(f, node)
        elif isinstance(node, ast.Return) and node.value is not None and not _falsy(node.value):
            yield _swap(f, "return_nothing", node.value, "None")
        if isinstance(node, ast.expr | ast.AugAssign):
            yield from _expression(f, node)


def _in_blocks(f: Function, block: list[ast.stmt]) -> Iterator[Edit]:
    for statement in block:
        if isinstance(statement, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete):
            if isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Call):
                continue
            yield _swap(f, "remove_statement", statement, "pass")
    for first, second in pairwise(block):
        simple = all(isinstance(s, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete) for s in (first, second))
        if simple and (_written(first) & _named(second) or _written(second) & _named(first)):
            start, end = f.source.span(first)[0], f.source.span(second)[1]
            between = f.source.data[f.source.span(first)[1] : f.source.span(second)[0]].decode()
            new = f.source.get(second) + between + f.source.get(first)
            yield f.source.edit(f, "shuffle_statements", start, end, new)


def _named(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _written(node: ast.AST) -> set[str]:
    """Local names that a statement binds: statements that share none are mostly as good in either order."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _handler(f: Function, node: ast.ExceptHandler) -> Iterator[Edit]:
    if isinstance(node.type, ast.Name) and node.type.id in _ERRORS:
        yield _swap(f, "change_exception", node.type, _ERRORS[node.type.id])


def _condition(f: Function, node: ast.If | ast.While | ast.IfExp) -> Iterator[Edit]:
    test = node.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield _swap(f, "invert_condition", test, f.source.get(test.operand))
    else:
        yield _swap(f, "invert_condition", test, f"not ({f.source.get(test)})")
    if isinstance(node, ast.If):
        yield _swap(f, "remove_condition", test, "True")
    start = f.source.span(node)[0] if not isinstance(node, ast.IfExp) else 0
    if isinstance(node, ast.While) and f.source.data[start : start + 5] == b"while":
        yield f.source.edit(f, "remove_loop", start, start + 5, "if")


def _expression(f: Function, node: ast.expr | ast.AugAssign) -> Iterator[Edit]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = node.left, node.comparators[0]
        yield from _between(f, "change_comparison", left, right, _COMPARE[type(node.ops[0])])
        if isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            yield from _exchange(f, "swap_operands", left, right)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not _is_text(node.left):
        yield from _between(f, "change_operator", node.left, node.right, _ARITHMETIC[type(node.op)])
        if isinstance(node.op, ast.Sub):
            yield from _exchange(f, "swap_operands", node.left, node.right)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield from _between(f, "change_operator", node.target, node.value, _ARITHMETIC[type(node.op)] + "=")
    elif isinstance(node, ast.BoolOp):
        word = "or" if isinstance(node.op, ast.And) else "and"
        yield from _between(f, "change_operator", node.values[0], node.values[1], word)
        yield _swap(f, "remove_operand", node, f.source.get(node.values[0]))
    elif isinstance(node, ast.Call) and len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args):
        yield from _exchange(f, "swap_arguments", node.args[-2], node.args[-1])
    elif isinstance(node, ast.Constant):
        yield from _constant(f, node)


def _constant(f: Function, node: ast.Constant) -> Iterator[Edit]:
    if isinstance(node.value, bool):
        yield _swap(f, "change_constant", node, str(not node.value))
    elif isinstance(node.value, int):
        yield _swap(f, "off_by_one", node, str(node.value + 1))


def _swap(f: Function, operator: str, node: ast.stmt | ast.expr, new: str) -> Edit:
    return f.source.edit(f, operator, *f.source.span(node), new)


def _exchange(f: Function, operator: str, left: ast.expr, right: ast.expr) -> Iterator[Edit]:
    start, end = f.source.span(left)[0], f.source.span(right)[1]
    between = f.source.data[f.source.span(left)[1] : f.source.span(right)[0]].decode()
    yield f.source.edit(f, operator, start, end, f.source.get(right) + between + f.source.get(left))


def _between(f: Function, operator: str, left: ast.expr, right: ast.expr, word: str) -> Iterator[Edit]:
    """Replaces the operator between two operands, whatever spaces and brackets stand around it."""
    start, end = f.source.span(left)[1], f.source.span(right)[0]
    between = f.source.data[start:end].decode()
    sign = between.strip(" ()\n\\")
    if sign and between.count(sign) == 1:
        at = start + len(between[: between.index(sign)].encode())
        edit = f.source.edit(f, operator, at, at + len(sign.encode()), word)
        spaced = edit if word[0].isalpha() == sign[0].isalpha() else replace(edit, new=f" {word} ")
        yield spaced


def _falsy(node: ast.expr) -> bool:
    """Whether nothing would do as well in most places."""
    return isinstance(node, ast.Constant) and not node.value


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
