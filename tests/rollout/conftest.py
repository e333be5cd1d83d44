import sys
from pathlib import Path

import pytest

# Ray's workers import the toy suite by name, as they import factory.build.
sys.path.insert(0, str(Path(__file__).parent))

from toy_suite import ToySuite


@pytest.fixture(scope="session")
def toy():
    return ToySuite()


@pytest.fixture(scope="session")
def ray_cluster():
    """One Ray for all tests of this session."""
    import ray

    from rollout.cluster import start_ray

    start_ray(2, pythonpath=[str(Path(__file__).parent)])
    yield
    ray.shutdown()
