from __future__ import annotations

import pytest

from sandboxes import hostile
from sandboxes.conformance import Bench


@pytest.mark.parametrize("check", hostile.ALL, ids=lambda check: check.__name__)
async def test_native_conforms(check, native, base):
    await check(Bench(native, base))
