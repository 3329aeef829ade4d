"""Who hears what is pressed in Slack: whoever can do all that is asked there, and another only while nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firedoor import ears
from firedoor.ears import EARS, Ears
from firedoor.errors import SlackMissing
from firedoor.lease import Lease, Leases
from tests.fakes import lab


class Line:
    """What can be listened on, for as long as it is there."""

    there = True
    trouble: Exception = SlackMissing("no socket", target="Slack")
    opened, open = 0, False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        if not self.there:
            raise self.trouble
        self.opened, self.open = self.opened + 1, True
        try:
            yield
        finally:
            self.open = False


async def until(line: Line, *, hears: bool) -> None:
    async with asyncio.timeout(10):
        while line.open is not hears:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)


@pytest.fixture
async def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Leases, Leases]]:
    """Those of a process that serves, and of one that holds an exercise."""
    monkeypatch.setattr(ears, "LOOK_SECONDS", 0.01)
    async with lab(tmp_path, {}) as it:
        yield Leases(it.store, "serves"), Leases(it.store, "rehearses")


async def test_it_listens_while_nobody_else_does_and_gives_way_to_who_comes(leases: tuple[Leases, Leases]) -> None:
    (serves, rehearses), line = leases, Line()
    async with Ears(rehearses, line.listening):
        assert line.open, "from the first moment on"
        async with ears.ours(serves):
            await until(line, hears=False)
        await until(line, hears=True)
    assert (line.open, line.opened) == (False, 2)


async def test_where_somebody_serves_it_does_not_even_begin_to_listen(leases: tuple[Leases, Leases]) -> None:
    (serves, rehearses), line = leases, Line()
    async with ears.ours(serves):
        while not await serves.holder(EARS):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        async with Ears(rehearses, line.listening):
            await asyncio.sleep(0.05)
    assert line.opened == 0


@pytest.mark.parametrize("trouble", [SlackMissing("no socket", target="Slack"), OSError("no route"), KeyError("url")], ids=repr)
async def test_who_cannot_listen_at_first_is_told_why_and_later_tries_again(trouble: Exception, leases: tuple[Leases, Leases]) -> None:
    (serves, rehearses), line = leases, Line()
    line.there, line.trouble = False, trouble
    with pytest.raises(type(trouble)):
        async with Ears(rehearses, line.listening):
            raise AssertionError("nobody is let in")
    lease = await serves.take(EARS)
    assert lease is not None
    async with Ears(rehearses, line.listening):
        await serves.release(lease)
        await asyncio.sleep(0.05)
        assert not line.open
        line.there = True
        await until(line, hears=True)


async def test_who_serves_goes_on_saying_so_whatever_fails_meanwhile(
    leases: tuple[Leases, Leases], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "RENEW_SECONDS", 0.01)
    serves, rehearses = leases
    renew, fails = serves.renew, [OSError("gone"), ValueError("a defect")]

    async def renewed(lease: Lease) -> None:
        if fails:
            raise fails.pop()
        await renew(lease)

    monkeypatch.setattr(serves, "renew", renewed)
    async with ears.ours(serves):
        while fails or not await rehearses.holder(EARS):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
