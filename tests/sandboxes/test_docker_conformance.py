from __future__ import annotations

import pytest

from sandboxes import conformance
from sandboxes.conformance import Bench
from sandboxes.docker import DockerBackend

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("check", conformance.CORE, ids=lambda check: check.__name__)
async def test_docker_conforms_to_the_core(check, docker_url, layer_store, base):
    async with DockerBackend(layer_store, docker_url) as backend:
        await check(Bench(backend, base))
