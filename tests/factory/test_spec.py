"""Specs: each error names file, line and field, and says what was probably meant."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from factory.errors import SpecError
from factory.spec import RepoSpec, WorldSpec, find_app, load_spec, parse_spec

SPECS = Path(__file__).parents[2] / "specs"

WORLD = """\
kind: world
name: tiny
seed: 3
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 4
apps:
  mail: {messages: 20}
  notes: {}
tasks:
  templates:
    label: {train: 2}
"""
REPO = """\
kind: repo
name: tiny
seed: 3
source:
  package: cachetools
  version: 8.0.0
base:
  distribution: debian
  packages:
    - python3-minimal
  test_requires: [pytest==8.4.2]
test: {paths: [tests]}
tasks: {count: 3}
"""


def refused(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "specs/tiny.yaml")
    return str(caught.value)


def test_a_world_is_read_with_its_defaults():
    spec = parse_spec(WORLD, "tiny.yaml")
    assert isinstance(spec, WorldSpec)
    assert spec.start == datetime(2025, 3, 3, 9, tzinfo=UTC)
    assert spec.start_ms == 1_740_992_400_000
    assert spec.tasks.templates["label"].heldout == 0


def test_a_start_in_another_zone_is_the_same_moment():
    spec = parse_spec(WORLD.replace("09:00:00Z", "14:30:00+05:30"), "tiny.yaml")
    assert isinstance(spec, WorldSpec)
    assert spec.start_ms == 1_740_992_400_000
    assert spec.start.astimezone(timezone(timedelta(0))).hour == 9


def test_a_repository_is_read_with_its_defaults():
    spec = parse_spec(REPO, "tiny.yaml")
    assert isinstance(spec, RepoSpec)
    assert spec.base.packages == ("python3-minimal",)
    assert spec.test.timeout_s == 120


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda p: p.name)
def test_the_example_specs_are_valid_and_named_as_their_files(path):
    assert load_spec(path).name == path.stem


def test_a_spec_survives_a_pickle_and_equals_the_same_text_elsewhere():
    spec = parse_spec(REPO, "tiny.yaml")
    again = pickle.loads(pickle.dumps(spec))
    moved = parse_spec("\n\n" + REPO, "other.yaml")
    assert spec == again == moved
    assert hash(spec) == hash(moved)
    assert spec != parse_spec(REPO.replace("seed: 3", "seed: 4"), "tiny.yaml")


def test_a_field_found_wrong_later_can_still_be_located():
    spec = parse_spec(REPO, "specs/tiny.yaml")
    assert spec.at("source", "version") == "specs/tiny.yaml:6: source.version"
    assert spec.at("base", "packages", 0) == "specs/tiny.yaml:10: base.packages.0"
    assert spec.at("source", "sha256") == "specs/tiny.yaml:4: source.sha256"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WORLD.replace("persons", "person"), "6: person: unknown key; did you mean persons?"),
        (WORLD.replace("messages", "mesages"), "8: apps.mail.mesages: unknown key; did you mean messages?"),
        (WORLD.replace("notes: {}", "notes: {zebra: 1}"), "9: apps.notes.zebra: unknown key"),
        (WORLD.replace("train", "trian"), "12: tasks.templates.label.trian: unknown key; did you mean train?"),
        (WORLD.replace("label:", "lable:"), "12: tasks.templates.lable: unknown key; did you mean label?"),
        (REPO.replace("package:", "pakage:"), "5: source.pakage: unknown key; did you mean package?"),
        (REPO.replace("test: {", "test: {zzz: 1, "), "12: test.zzz: unknown key; known here: paths, timeout_s, cpu_s"),
        (WORLD.replace("seed: 3", "seed: three"), "3: seed: input should be a valid integer, not 'three'"),
        (WORLD.replace("seed: 3", "seed: yes"), "3: seed: input should be a valid integer, not True"),
        (WORLD.replace("seed: 3", "seed: -1"), "3: seed: input should be greater than or equal to 0"),
        (WORLD.replace("09:00:00Z", "09:00:00"), "4: start: input should have timezone info"),
        (WORLD.replace("2025-03-03T09:00:00Z", "5"), "4: start: input should be a valid datetime"),
        (WORLD.replace("persons: 4\n", ""), "1: persons: missing"),
        (WORLD.replace("{train: 2}", "{train: 0}"), "10: tasks: there is no task to play"),
        (WORLD.replace("{train: 2}", "[2]"), "12: tasks.templates.label: input should be"),
        (WORLD.replace("notes: {}", "calender: {}"), "9: apps.calender: no app 'calender' (apps here: docs, mail"),
        (WORLD.replace("notes: {}", "kit: {}"), "9: apps.kit: no app 'kit'"),
        (REPO.replace("8.0.0", "8.0"), "6: source.version: input should be a valid string, not 8.0"),
        (REPO.replace("pytest==8.4.2", "pytest>=8"), "11: base.test_requires.0: string should match pattern"),
        (REPO.replace("pytest==8.4.2", "-r==8"), "11: base.test_requires.0: string should match pattern"),
        (REPO.replace("[tests]", "[/etc]"), "12: test.paths.0: string should match pattern"),
        (REPO.replace("[tests]", "[tests/../../x]"), "12: test.paths.0: string should match pattern"),
        (REPO.replace("[tests]", "['-px']"), "12: test.paths.0: string should match pattern"),
        (REPO.replace("test: {", "test: {timeout_s: .inf, "), "12: test.timeout_s: input should be a finite number"),
        (REPO.replace("test: {", "test: {timeout_s: 201, "), "12: test.timeout_s: input should be less than or"),
        (REPO.replace("test: {", "test: {cpu_s: 0, "), "12: test.cpu_s: input should be greater than 0"),
        (WORLD.replace("  mail: {messages: 20}\n", ""), "11: tasks.templates.label: needs the app mail (add it"),
        (WORLD.replace("  notes: {}\n", "").replace("label:", "note_fact:"),
         "11: tasks.templates.note_fact: needs the app notes (add it to apps: `notes: {}`)"),
        (REPO.replace("debian", "alpine"), "8: base.distribution: input should be 'debian', not 'alpine'"),
        (WORLD.replace("world", "wrold"), "1: kind: 'wrold' is no kind of environment"),
        (WORLD.replace("kind: world", "kind: [world]"), "1: kind: ['world'] is no kind"),
        (WORLD.replace("kind: world\n", ""), "1: kind: None is no kind"),
        (WORLD + "seed: 4\n", "13: seed: given twice, first on line 3"),
        (WORLD.replace("{train: 2}", "{train: 2, train: 3}"), "12: tasks.templates.label.train: given twice"),
        ("- kind: world\n", "1: a spec is a mapping"),
        ("just words\n", "1: a spec is a mapping"),
        ("", "1: a spec is a mapping"),
        ("kind: world\nname: [a\nseed: 1\n", "3: not YAML"),
        ("kind: world\n\tname: x\n", "2: not YAML"),
        ("kind: !!python/object/apply:os.system [ls]\n", "1: not YAML"),
        ("kind: world\n---\nkind: world\n", "2: not YAML"),
        ("a: &a [*a]\n", "1: not YAML"),
        ("kind: \0\n", "1: not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused_by_file_line_and_field(text, expected):
    assert f"specs/tiny.yaml:{expected}" in refused(text)


def test_all_errors_of_a_spec_are_told_at_once_by_line():
    lines = refused(WORLD.replace("seed: 3", "seed: x").replace("persons: 4", "person: 4")).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["seed", "person", "persons"]


def test_a_page_of_aliases_cannot_ask_for_terabytes():
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 20000 fields" in refused("\n".join(rows))


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"gone\.yaml: cannot read the spec: No such file"):
        load_spec(tmp_path / "gone.yaml")
    with pytest.raises(SpecError, match="Is a directory"):
        load_spec(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"kind: w\xf6rld\n")
    with pytest.raises(SpecError, match="not UTF-8"):
        load_spec(tmp_path / "latin.yaml")


def test_an_app_is_found_by_name():
    assert find_app("mail").name == "mail"
    for wrong in ("kit", "zebra", "mail.schema"):
        with pytest.raises(SpecError, match="no app"):
            find_app(wrong)
