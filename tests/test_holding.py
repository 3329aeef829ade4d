"""What must go on holding: somebody takes it back, reads fail, what came after must be done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor.errors import Conflict, RateLimited, Unreachable, VendorError
from firedoor.journal import Kind
from tests.fakes import (
    CLEAR,
    SHUT,
    Clear,
    Covering,
    Effect,
    Lab,
    Shut,
    Trouble,
    Vendor,
    Waiting,
    book,
    failing,
    hasten,
    lab,
    outcomes,
    spec,
)
from tests.test_step import contain_one, error

OPEN = {"k": "open"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


class Held(Shut):
    """A door that must be seen shut for a while."""

    spec = spec("shut", hold=0.15)


def _reopens(vendor: Vendor, times: int) -> Callable[[], None]:
    """Somebody who opens the door again, so many times: just before every fourth look at it."""
    left, looks = [times], [0]

    def look() -> None:
        vendor.on_read.append(look)
        looks[0] += 1
        if left[0] and looks[0] % 4 == 0 and vendor.doors["a"]["k"] == "shut":
            left[0] -= 1
            vendor.doors["a"]["k"] = "open"

    return look


async def test_what_is_taken_back_while_the_vendor_settles_is_made_again(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Held,)) as it:
        it.vendor.on_read.append(_reopens(it.vendor, 3))
        report, ended, applied = await contain_one(it)
        assert (ended, applied, it.vendor.doors["a"]["k"]) == ("CHANGED", 4, "shut"), report["steps"]
        assert report["steps"][0]["seconds"] >= Held.spec.hold


async def test_a_fight_without_end_is_not_called_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.step.LONGEST_FIGHT", 5)
    async with lab(tmp_path, {"a": OPEN}, actions=(Held,)) as it:
        it.vendor.on_read.append(_reopens(it.vendor, 1000))
        _, ended, applied = await contain_one(it)
        assert (ended, applied) == ("UNVERIFIED", 5)


async def test_where_nothing_must_hold_a_late_copy_of_the_world_is_not_written_against(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_read.append(_reopens(it.vendor, 1))
        _, ended, applied = await contain_one(it)
        assert (ended, applied) == ("UNVERIFIED", 1)


class HeldLong(Covering):
    """Must be seen shut for longer than anything else here takes; up to three keys are approved."""

    spec = spec("shut", hold=0.6)


async def test_what_comes_after_does_not_wait_while_it_is_watched(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(HeldLong, Clear)) as it:
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["CHANGED", "CHANGED"]
        shut, clear = report["steps"]
        assert shut["seconds"] >= HeldLong.spec.hold
        assert it.vendor.calls.index("apply fake.clear a") < len(it.vendor.calls) - 1 - it.vendor.calls[::-1].index("read fake.shut a")
        assert clear["seconds"] < shut["seconds"], "the same lease was free meanwhile"


async def test_a_key_that_is_added_while_it_is_watched_is_shut_too(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(HeldLong, Clear)) as it:

        def add() -> None:
            it.vendor.doors["a"]["new"] = "open"

        it.vendor.on_read.extend([None, None, None, None, add])
        _, ended, applied = await contain_one(it)
        assert (ended, applied, it.vendor.doors["a"]) == ("CHANGED", 2, {"k": "shut", "new": "shut"})


async def test_a_source_that_does_not_stay_shut_casts_doubt_on_what_came_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.step.LONGEST_FIGHT", 2)
    async with lab(tmp_path, {"a": OPEN}, actions=(HeldLong, Clear)) as it:

        def reopen() -> None:
            it.vendor.on_read.append(reopen)
            if it.vendor.cleared:
                it.vendor.doors["a"]["k"] = "open"

        it.vendor.on_read.append(reopen)
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["UNVERIFIED", "UNVERIFIED"]
        assert "its source is still open" in report["steps"][1]["reason"]


def taken_back(it: Lab) -> Trouble:
    """The write has its effect, and somebody opens the door again soon after."""

    async def play(effect: Effect) -> None:
        effect()
        it.later.append(asyncio.get_running_loop().call_later(0.1, it.vendor.doors["a"].update, OPEN))

    return play


@pytest.mark.parametrize("trouble", [RateLimited("slow down", vendor="fake", operation="write", retry_after=0.01), error(Conflict)])
async def test_who_takes_it_back_often_does_not_win_by_one_failure_more(trouble: VendorError, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Held, Clear)) as it:
        it.vendor.on_apply.extend([taken_back(it)] * 3)
        it.vendor.on_apply.append(failing(trouble))
        report = await it.contain()
        assert outcomes(report) == ["CHANGED"]
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_what_could_not_be_read_while_it_had_to_hold_is_not_called_done(tmp_path: Path) -> None:
    lost = Unreachable("no reply", vendor="fake", operation="read")
    async with lab(tmp_path, {"a": OPEN}, actions=(Held, Clear)) as it:

        async def play(effect: Effect) -> None:
            effect()
            it.vendor.on_read.extend([None, None, *[lost] * 500])

        it.vendor.on_apply.append(play)
        report = await it.contain()
        assert outcomes(report) == ["UNVERIFIED"]
        assert "whether it goes on holding was not seen" in report["open"][0]["reason"]


async def test_what_it_waits_for_may_show_late(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Shut, Waiting)) as it:
        it.vendor.hidden = 3
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["CHANGED", "CHANGED"]


class Reopened(Shut):
    """Is taken back once while it must hold, and shut again."""

    spec = spec("shut", hold=0.6)


async def test_what_came_after_is_done_again_where_its_source_was_open_meanwhile(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Reopened, Clear)) as it:
        it.vendor.on_apply.append(taken_back(it))
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["CHANGED", "CHANGED"]
        assert it.vendor.effects == {"shut a/k": 2, "clear a": 2}
        kinds = [(event.kind, event.body["item"]) for event in await it.events() if event.kind == Kind.INTENT]
        assert kinds[-1][1] == "clear/door:a", "the last revocation is later than the last shutting"
