"""Output that outlives its readers, and is written beside the work."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from firedoor import prompts, scribe
from firedoor.errors import BrokenOff
from firedoor.outlet import Outlet
from firedoor.scribe import Scribe


def test_what_nobody_reads_is_dropped() -> None:
    ours, theirs = os.pipe()
    with Outlet(theirs) as outlet:
        assert outlet.write(b"heard") == 5
        assert os.read(ours, 9) == b"heard"
        os.close(ours)
        assert outlet.write(b"unheard") == 7
        assert outlet.write(b"again") == 5
        assert outlet.lost == ""
    os.close(theirs)


def test_what_cannot_be_kept_is_known_to_be_lost() -> None:
    with Path("/dev/full").open("wb") as full, Outlet(full.fileno()) as outlet:
        assert outlet.write(b"nowhere") == 7
        assert outlet.lost == "No space left on device"


def test_who_takes_nothing_holds_only_the_scribe_up() -> None:
    taken, written = threading.Event(), list[str]()
    one = Scribe()
    assert one.end(), "who has nothing to write is no thread"
    one.put(taken.wait)
    one.put(lambda: 1 / 0)
    one.put(lambda: written.append("last"))
    assert not one.flush(0.01)
    assert not one.end(0.01)
    assert scribe.any_left()
    taken.set()
    assert one.end()
    assert written == ["last"]


async def test_a_question_is_answered_broken_off_or_called_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        os.write(theirs, b"yes\n")
        assert await prompts.line("Well? ") == "yes"
        asking = asyncio.create_task(prompts.line("Well? "))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        os.close(theirs)
        with pytest.raises(BrokenOff):
            await prompts.line("Well? ")
