import sys
from pathlib import Path

import pytest

ROLLOUT_TESTS = Path(__file__).parents[1] / "rollout"
sys.path[:0] = [str(ROLLOUT_TESTS), str(Path(__file__).parent)]

from toy_suite import ToySuite  # noqa: E402


@pytest.fixture(scope="session")
def toy():
    return ToySuite()
