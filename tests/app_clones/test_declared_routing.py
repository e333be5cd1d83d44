"""Paths of an API: literals before placeholders, resource names by their patterns, custom verbs, nothing ambiguous."""

from __future__ import annotations

import pytest

from app_clones.declared.model import AppDecl
from app_clones.declared.routing import Tree

NAME = "^projects/[^/]+/topics/[^/]+$"


def tree(*paths, **patterns):
    operations = {}
    for number, path in enumerate(paths):
        verb, _, rest = path.partition(" ")
        params = {name: {"place": "path", "pattern": pattern} for name, pattern in patterns.items()}
        operations[f"op{number}"] = {"http": {"verb": verb, "path": rest}, "params": params}
    return Tree(AppDecl.model_validate({"app": "a", "title": "A", "entities": {}, "operations": operations}))


def find(made, path, verb="GET"):
    found = made.find(path.split("/"))
    if found is None or verb not in found.targets:
        return None
    target = found.targets[verb]
    return target.operation, found.captured(target)


def test_a_literal_comes_before_a_placeholder_and_another_branch_is_tried_where_one_ends():
    made = tree("GET users/{id}", "GET users/me", "GET {kind}/{id}/x", "GET users/me/y")
    assert find(made, "users/me") == ("op1", {})
    assert find(made, "users/you") == ("op0", {"id": "you"})
    assert find(made, "users/me/x") == ("op2", {"kind": "users", "id": "me"})
    assert find(made, "users/me/z") is None
    assert find(made, "users") is None


def test_a_resource_name_is_what_its_pattern_says():
    made = tree(
        "GET v1/{+name}", "POST v1/{+name}:pause", "GET v1/{+parent}/topics", name=NAME, parent="^projects/[^/]+$"
    )
    assert find(made, "v1/projects/p/topics/t") == ("op0", {"name": "projects/p/topics/t"})
    assert find(made, "v1/projects/p/topics") == ("op2", {"parent": "projects/p"})
    assert find(made, "v1/projects/p/topics/t:pause", "POST") == ("op1", {"name": "projects/p/topics/t"})
    assert find(made, "v1/projects/p/topics/t:x") == ("op0", {"name": "projects/p/topics/t:x"})
    assert find(made, "v1/projects/p/things/t") is None


def test_a_resource_name_of_any_depth_takes_all_but_the_words_that_follow_it():
    made = tree("GET v1/{+name}", "GET v1/{+name}/children", name="^files/.*$")
    assert find(made, "v1/files/a/b") == ("op0", {"name": "files/a/b"})
    assert find(made, "v1/files/a/b/children") == ("op1", {"name": "files/a/b"})
    anything = tree("GET {+rest}")
    assert find(anything, "a/b/c") == ("op0", {"rest": "a/b/c"})


def test_verbs_of_a_collection_and_of_a_row_and_ids_with_colons():
    made = tree("POST items:batch", "POST items/{id}:copy", "GET items/{id}")
    assert find(made, "items:batch", "POST") == ("op0", {})
    assert find(made, "items/3:copy", "POST") == ("op1", {"id": "3"})
    assert find(made, "items/a:b") == ("op2", {"id": "a:b"})
    assert find(made, "items:other", "POST") is None


def test_a_segment_may_hold_several_placeholders_and_letters_between():
    made = tree("GET compare/{base}...{head}", "GET files/{name}.json", "GET files/{name}")
    assert find(made, "compare/a...b.c") == ("op0", {"base": "a", "head": "b.c"})
    assert find(made, "files/x.json") == ("op1", {"name": "x"})
    assert find(made, "files/x.yaml") == ("op2", {"name": "x.yaml"})


def test_alternatives_in_a_pattern_are_kept():
    made = tree("GET {+name}", name="^(?:projects|folders)/[^/]+$")
    assert find(made, "folders/f") == ("op0", {"name": "folders/f"})
    assert find(made, "buckets/f") is None


def test_two_operations_of_one_path_are_told():
    assert tree("GET a/{x}", "GET a/{y}").clashes == [("op1", "op0")]
    assert tree("GET a/{x}", "PUT a/{y}", "GET a/b").clashes == []


@pytest.mark.parametrize("count", [1000])
def test_a_thousand_paths_are_all_found(count):
    made = tree(*(f"GET kind{number}/{{id}}/part{number % 7}" for number in range(count)))
    for number in (0, 1, 500, 999):
        assert find(made, f"kind{number}/x/part{number % 7}") == (f"op{number}", {"id": "x"})
