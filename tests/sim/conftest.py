import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "rollout"), str(TESTS / "factory"), str(Path(__file__).parent)]

from toy_suite import ToySuite  # noqa: E402


@pytest.fixture(scope="session")
def toy():
    return ToySuite()
