"""A company in which all is well, for tests that spoil one thing of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.company import Company
from tests.doctor.estates import well


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with well(tmp_path) as found:
        yield found
