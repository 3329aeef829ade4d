"""Who hears what people do in Slack, where it is heard over sockets: Slack hands each delivery to one of the app's, whichever it likes.

So a process that holds an exercise, which can contain nothing, listens only while no `firedoor serve` does. Nobody's order to contain in
earnest may end up with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, Self

from firedoor.defect import kind_and_place
from firedoor.errors import FiredoorError, JournalError, LeaseLost
from firedoor.lease import RENEW_SECONDS, Leases

EARS: Final = "slack:ears"
LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def ours(leases: Leases) -> AsyncIterator[None]:
    """While inside, others see that somebody listens who can do all that people ask for. Of several, one after another holds that."""
    task = asyncio.create_task(_keep(leases))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep(leases: Leases) -> None:
    while True:
        try:
            if (lease := await leases.take(EARS)) is not None:
                try:
                    while True:
                        await asyncio.sleep(RENEW_SECONDS)
                        await leases.renew(lease)
                finally:
                    await leases.release(lease)
        except (JournalError, LeaseLost):
            pass  # whoever cannot renew it tries again, and is believed gone in between
        except Exception as defect:  # noqa: BLE001 - as below: an exercise would listen in its place for good
            log.warning("others cannot see just now that this process listens in Slack: %s", kind_and_place(defect))
        await asyncio.sleep(RENEW_SECONDS)


class Ears:
    """An async context manager: listens for as long as nobody else does. Entering it raises what ``listen`` raises at first."""

    def __init__(self, leases: Leases, listen: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        self._leases = leases
        self._listen = listen
        self._open: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        looked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._go_on(looked))
        try:
            await looked
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *trouble: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self, looked: asyncio.Future[None]) -> None:
        try:
            while True:
                try:
                    await self._look()
                except Exception as error:  # noqa: BLE001 - whatever it is, a process that is deaf for good is worse
                    if not looked.done():
                        looked.set_exception(error)
                        return
                    why = str(error) if isinstance(error, FiredoorError) else kind_and_place(error)
                    log.warning("nobody hears just now what is pressed in Slack: %s", why)
                if not looked.done():
                    looked.set_result(None)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._close()

    async def _look(self) -> None:
        others = await self._leases.holder(EARS)
        if others and self._open is not None:
            log.info("%s listens in Slack now, so this process does not any more", others)
            await self._close()
        elif not others and self._open is None:
            async with AsyncExitStack() as opening:
                await opening.enter_async_context(self._listen())
                self._open = opening.pop_all()

    async def _close(self) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.aclose()
