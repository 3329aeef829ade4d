from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.chaos.company import Scene, scenes
from tests.chaos.killing import Ground, ground

SCENES: Mapping[str, Scene] = {scene.name: scene for scene in scenes()}


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def at() -> AsyncIterator[Ground]:
    """The vendors and the fork server, for all of these tests."""
    async with ground() as found:
        yield found


@pytest.fixture
def scene_of() -> Mapping[str, Scene]:
    """The scenes by their names."""
    return SCENES
