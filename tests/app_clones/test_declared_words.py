"""Names as people write them."""

import pytest

from app_clones.declared.words import plural


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("ticket", "tickets"), ("category", "categories"), ("day", "days"), ("address", "addresses"),
        ("status", "statuses"), ("box", "boxes"), ("branch", "branches"), ("person", "people"), ("shelf", "shelves"),
        ("user_shelf", "user_shelves"), ("analysis", "analyses"), ("disks", "disks"), ("settings", "settings"),
        ("metadata", "metadata"),
    ],
)  # fmt: skip
def test_several_are_called_as_people_call_them(one, several):
    assert plural(one) == several
