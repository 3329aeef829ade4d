"""Who may ask, and how often: counted from the journal, over restarts and every way in. Stops are free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.settings import LimitsTable, PersonTable
from firedoor.starts import Starts
from firedoor.vendors.slack.raw import Raw
from tests.channels.slack.scene import PEOPLE, Scene, scene
from tests.channels.slack.test_ordering import FIELDS, KEY, became, form, send, slow, view_of

LINE = f"/firedoor contain leaked-aws-key access_keys={KEY}"
TWO = LimitsTable(requests_per_hour=2)
GRACE = PersonTable(name="Grace", slack="U0EVE", may_request=False)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with scene(tmp_path, monkeypatch, limits=TWO, people=(*PEOPLE, GRACE)) as found:
        yield found


async def test_over_the_limit_people_are_told_when_the_next_is_possible(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await stage.say("ada", f"{LINE[:-1]}F")
    run = first.split()[1]
    await form(stage)
    assert (await stage.people["ada"].submit(FIELDS)).ok
    assert "is planned" in await became(stage)

    answer = await stage.say("ada", LINE)
    assert "you have asked for 2 runs within an hour; the most is 2" in answer
    assert "The next is possible at " in answer
    await form(stage)
    assert (await stage.people["ada"].submit(FIELDS)).ok
    modal = await stage.people["ada"].modal()
    assert modal is not None
    assert "The next is possible at " in modal.errors["playbook"]
    assert len(stage.small.orders) == 2

    assert "begins no further write" in await stage.say("ada", f"/firedoor stop {run}"), "a stop is never held back"
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))
    assert "the most is 2" in await stage.say("ada", f"/firedoor undo {run}")
    assert "Under way" in await stage.say("ada", "/firedoor status")
    assert "is planned" in await stage.say("ben", f"{LINE[:-1]}G"), "each person for themselves"

    other = Starts(stage.house, Mode.LIVE)  # as after a restart
    with pytest.raises(BadInput, match="the most is 2"):
        await other.contain("Ada", "leaked-aws-key", {"access_keys": (KEY,)})
    with pytest.raises(BadInput, match="the input 'access_keys'"):  # what is wrong anyway is said first
        await other.contain("Ada", "leaked-aws-key", {})
    monkeypatch.setattr("firedoor.quota.WINDOW", timedelta(0))  # an hour later
    assert "is planned" in await stage.say("ada", f"{LINE[:-1]}H")


async def test_what_is_still_being_planned_counts_too(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = await slow(monkeypatch)
    await form(stage)
    view = view_of(stage)
    runs = [asyncio.create_task(_begin(stage, f"{KEY[:-1]}{letter}")) for letter in "ABCDE"]
    begun = await asyncio.gather(*runs, return_exceptions=True)
    assert [isinstance(one, BadInput) for one in begun] == [False, False, True, True, True]
    assert "the most is 2" in str(cast("Raw", (await send(stage, view)).payload["errors"])["playbook"])
    assert not await stage.lab.journal.runs()
    gate.set()
    await asyncio.gather(*(one for one in begun if not isinstance(one, BaseException)))
    assert len(await stage.lab.journal.runs()) == 2


async def _begin(stage: Scene, key: str) -> asyncio.Future[str]:
    return asyncio.ensure_future(await stage.office.contain("Ada", "leaked-aws-key", {"access_keys": (key,)}))


async def test_a_second_submission_of_one_form_is_not_a_second_request(stage: Scene) -> None:
    for last in "FG":
        await form(stage)
        view = view_of(stage)
        for _ in range(3):
            assert (await send(stage, view, values={"access_keys": f"{KEY[:-1]}{last}"})).payload["response_action"] == "update"
        assert "is planned" in await became(stage)
        await stage.people["ada"].close_modal()
    assert len(stage.small.orders) == 2


async def test_runs_of_drills_are_not_counted(stage: Scene) -> None:
    for number in range(3):
        await stage.lab.journal.append(f"d{number}", Kind.OPENED, {"requester": "Ada", "mode": "drill"})
    assert "is planned" in await stage.say("ada", LINE)


async def test_who_may_only_decide_can_look_and_stop_but_not_ask(stage: Scene) -> None:
    run = (await stage.say("ada", LINE)).split()[1]
    for line in (LINE, "/firedoor contain", f"/firedoor undo {run}"):
        assert "not ask for them" in await stage.say("eve", line)
    assert await stage.people["eve"].modal() is None
    assert "waits for 1 approval" in await stage.say("eve", f"/firedoor status {run}")
    assert "begins no further write" in await stage.say("eve", f"/firedoor stop {run}")
    assert len(stage.small.orders) == 1
