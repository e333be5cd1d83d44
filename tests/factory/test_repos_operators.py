"""Edits of source: each does what its name says, to its span alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.repos.operators import STUB, Edit, Source

TEXT = '''"""A module."""
import math


class Box:
    def put(self, item):  # comments stay
        """Put an item in. Ünïcode before the body."""
        if item in self.items and not self.open:
            self.count += 1
            return self.count
        while self.count < 3:
            self.items[item] = self.count - 1
            self.note(item, self.count)
        try:
            return max(item, 0)
        except KeyError:
            pass
        return False

    def bare(self):
        return math.pi

    def gone(self):
        """Not there yet."""
        raise NotImplementedError

    def never(self):  # pragma: no cover
        return 1
'''


def source():
    return Source("box.py", TEXT)


def function(name):
    return next(f for f in source().functions() if f.name == name)


def results(operator):
    return [e.apply(TEXT) for e in function("Box.put").bugs() if e.operator == operator]


def changed_lines(text):
    return [new.strip() for old, new in zip(TEXT.splitlines(), text.splitlines(), strict=True) if old != new]


def test_functions_are_found_with_names_docs_and_signatures():
    assert [f.name for f in source().functions()] == ["Box.put", "Box.bare", "Box.gone"]
    put = function("Box.put")
    assert put.signature == "def put(self, item)"
    assert put.doc.startswith("Put an item in.")


def test_removing_a_body_keeps_signature_docstring_and_the_rest_of_the_file():
    text = function("Box.put").stub().apply(TEXT)
    assert STUB in text
    assert "# comments stay" in text
    assert "Ünïcode" in text
    assert text[text.index("    def bare") :] == TEXT[TEXT.index("    def bare") :]
    compile(text, "box.py", "exec")


def test_what_has_no_docstring_or_no_body_is_not_removed():
    assert function("Box.bare").stub() is None
    assert function("Box.gone").stub() is None


@pytest.mark.parametrize(
    ("operator", "line"),
    [
        ("invert_condition", "if not (item in self.items and not self.open):"),
        ("remove_condition", "if True:"),
        ("remove_operand", "if item in self.items:"),
        ("change_operator", "if item in self.items or not self.open:"),
        ("change_comparison", "if item not in self.items and not self.open:"),
        ("change_operator", "self.count -= 1"),
        ("off_by_one", "self.count += 2"),
        ("remove_statement", "pass"),
        ("return_nothing", "return None"),
        ("remove_loop", "if self.count < 3:"),
        ("change_comparison", "while self.count <= 3:"),
        ("swap_operands", "while 3 < self.count:"),
        ("off_by_one", "while self.count < 4:"),
        ("change_operator", "self.items[item] = self.count + 1"),
        ("swap_operands", "self.items[item] = 1 - self.count"),
        ("swap_arguments", "self.note(self.count, item)"),
        ("change_exception", "except ValueError:"),
    ],
)
def test_an_operator_changes_one_line_as_it_says(operator, line):
    assert [line] in [changed_lines(text) for text in results(operator)]


def test_a_falsy_return_is_left_alone_since_nothing_would_do_as_well():
    assert all("return False" in text for text in results("return_nothing"))


def test_an_edit_of_another_text_is_refused():
    edit = function("Box.put").stub()
    with pytest.raises(ValueError, match="has changed"):
        edit.apply("x" + TEXT)


def test_edits_that_compile_to_the_same_code_are_known():
    put = source()
    same = Edit("box.py", "Box.put", "none", TEXT.encode().index(b"# comments"), "# comments", "#  remarks")
    broken = Edit("box.py", "Box.put", "none", TEXT.index("class"), "class", "clash")
    other = function("Box.put").stub()
    assert (put.differs(same), put.differs(broken), put.differs(other)) == (False, False, True)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_edit_changes_its_own_span_only(data):
    edit = data.draw(st.sampled_from(function("Box.put").bugs()))
    text, start = edit.apply(TEXT).encode(), edit.start
    assert text[:start] == TEXT.encode()[:start]
    assert text[start + len(edit.new.encode()) :] == TEXT.encode()[start + len(edit.old.encode()) :]
