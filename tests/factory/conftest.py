"""Shared by the factory's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shelf import look_at, stock


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    shelf = stock(tmp_path / "shelf")
    look_at(shelf, monkeypatch)
    yield shelf
    assert not (shelf.root / "ran").exists(), "code of an sdist was run"
