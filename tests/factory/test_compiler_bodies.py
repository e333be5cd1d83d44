"""What bodies must say, by the words of their document."""

from __future__ import annotations

from typing import Any

import pytest
from discovered import TEXT, described, method

from app_clones.declared.engine import declared
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.infer import infer

Json = Any


def courses(about: str) -> Json:
    one = {"id": ""}
    methods = {
        "list": method("depot.courses.list", "GET", "v1/courses", {}, response="Courses"),
        "get": method("depot.courses.get", "GET", "v1/courses/{id}", one, response="Course"),
        "create": method("depot.courses.create", "POST", "v1/courses", {}, request="Course", response="Course"),
        "patch": method("depot.courses.patch", "PATCH", "v1/courses/{id}", one, query=["updateMask"],
                        request="Course", response="Course"),
    }  # fmt: skip
    course = {"id": {**TEXT, "readOnly": True}, "name": {**TEXT, "description": about}, "room": TEXT}
    rows = {"courses": {"type": "array", "items": {"$ref": "Course"}}}
    return described({"courses": {"methods": methods}}, {"Course": course, "Courses": rows})


@pytest.mark.parametrize(
    ("about", "required"),
    [
        ('Name of the course, "Biology". The name is required. It must be valid text.', True),
        ("Required. What it is called.", True),
        ("What it is called. This field is required for updates.", False),
        ("What it is called. If there is no room, the name is required.", False),
    ],
)
def test_a_mask_does_not_clear_what_the_document_requires_anywhere_in_a_description(about: str, required: bool) -> None:
    decl = infer(discovery.parse(courses(about), "0" * 64)).decl
    with World.build([declared(decl).app()], seed=3, start_ms=1_717_243_200_000, step_ms=1000, persons=4) as within:

        def call(operation: str, **arguments: Json) -> Any:
            return within.call(f"depotv1_courses_{operation}", arguments).result

        made = call("create", resource={"name": "Biology", "room": "B2"}).data
        cleared = call("patch", id=made["id"], update_mask="name", resource={})
        assert (cleared.error == "invalid") == required
        assert ("name" in call("get", id=made["id"]).data) == required
        assert call("patch", id=made["id"], update_mask="room", resource={}).error is None
