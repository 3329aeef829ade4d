"""Tasks that belong together: where one fails the others are called off, and it is that one's own error which is raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first error comes out as it is, and not in a group: whoever is told of it is told of one thing."""
    failed: ExceptionGroup[Exception] | None = None
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        failed = errors
    if failed is not None:
        raise failed.exceptions[0]
