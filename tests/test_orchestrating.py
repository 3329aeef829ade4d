"""Runs while Prefect is in trouble: servers on real sockets that refuse, never answer, answer late, or fail at every call."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firedoor import orchestrating
from firedoor.approval import Answer
from firedoor.errors import BadInput, JournalError
from firedoor.journal import Kind
from firedoor.orchestrating import Told, farewells, orchestrate
from firedoor.stage import Stage
from tests.fakes import YES, Lab, book, hasten, lab, outcomes
from tests.gallery import Gallery, gallery
from tests.troubled import TROUBLES

pytestmark = [
    pytest.mark.xdist_group("prefect"),  # it is imported once
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Prefect's client leaves sockets open where it fails
]

DOORS = {"a": {"k1": "open"}, "b": {"k2": "open"}}
ONCE = {"shut a/k1": 1, "shut b/k2": 1}


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    hasten(monkeypatch)
    monkeypatch.setattr(orchestrating, "BUDGET", 30.0)  # however slow this machine is, a Prefect that answers is told all
    async with lab(tmp_path, DOORS) as found:
        yield found


@asynccontextmanager
async def shown_at(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Prefect's client is pointed there; at the end, what it still has under way has ended."""
    monkeypatch.setenv("PREFECT_API_URL", url)
    for name, value in orchestrating.PREFECT.items():
        monkeypatch.setenv(name, value)
    from prefect.settings import (  # noqa: PLC0415 - three seconds, once what it is to do stands in the environment
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_API_URL,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: 60.0}):
        yield
        for task in asyncio.all_tasks(orchestrating.loop()):
            orchestrating.loop().call_soon_threadsafe(task.cancel)
        async with asyncio.timeout(20):
            while asyncio.all_tasks(orchestrating.loop()):  # noqa: ASYNC110 - they are another thread's
                await asyncio.sleep(0.01)
        gc.collect()


async def contain(it: Lab, run: str = "r1", answer: Answer = Answer.APPROVE) -> Mapping[str, Any]:
    job = partial(it.engine().contain, it.order(run), book())
    return await it._beside(run, answer, orchestrate(it.order(run), job, it.journal))


__all__ = ["gallery"]  # a fixture


async def told(it: Lab, run: str = "r1") -> list[str]:
    """What the journal notes of Prefect, in order."""
    return [str(event.body["prefect"]) for event in await it.events(run) if event.kind == Kind.NOTED and "prefect" in event.body]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_prefect_in_trouble_does_not_keep_a_run_from_its_end(it: Lab, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    monkeypatch.setattr(orchestrating, "BUDGET", 0.1)
    async with TROUBLES[trouble]() as prefect, shown_at(prefect.url, monkeypatch):
        report = await contain(it)
        assert outcomes(report) == ["CHANGED", "CHANGED"]
        assert it.vendor.effects == ONCE
        if prefect.listens:
            async with asyncio.timeout(20):
                while not prefect.asked:  # noqa: ASYNC110 - Prefect asks from a thread of its own
                    await asyncio.sleep(0.01)
        assert not prefect.answered or trouble == "disk full", "it was over before Prefect had said a word"
        assert await told(it) == [Told.EXPECTED], "while Prefect may yet take it, nothing else is known"
        assert not await farewells(it.journal)
        assert await told(it) == [Told.EXPECTED, Told.NOT_REPORTED]
        assert not await farewells(it.journal), "there is nothing more to wait for"
    assert await told(it) == [Told.EXPECTED, Told.NOT_REPORTED]


async def test_a_run_goes_its_way_while_prefects_thread_is_stuck(it: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be importing, which takes seconds, or hang in a call of its own: no event loop of ours hangs with it."""
    monkeypatch.setattr(orchestrating, "BUDGET", 0.05)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    stuck, go = threading.Event(), threading.Event()

    def hang() -> None:
        stuck.set()
        go.wait(60)

    orchestrating.loop().call_soon_threadsafe(hang)
    try:
        assert await asyncio.to_thread(stuck.wait, 30)
        assert outcomes(await contain(it)) == ["CHANGED", "CHANGED"]
        assert it.vendor.effects == ONCE
        assert not await farewells(it.journal)
        assert await told(it) == [Told.EXPECTED, Told.NOT_REPORTED]
    finally:
        go.set()


async def test_prefect_is_told_of_the_plan_each_item_the_report_and_the_end(it: Lab, gallery: Gallery) -> None:
    await contain(it)
    assert await farewells(it.journal)
    assert gallery.seen[0] == ("note", "plan", "running")
    assert sorted(gallery.seen[1:3]) == [("step", "shut/door:a", "CHANGED"), ("step", "shut/door:b", "CHANGED")]
    assert gallery.seen[3:] == [("note", "report", "contained"), ("end", "contained", "")]
    assert await told(it) == [Told.EXPECTED, Told.REPORTED]


async def test_what_prefect_does_not_take_whole_is_not_reported(it: Lab, gallery: Gallery) -> None:
    gallery.takes = False
    await contain(it)
    assert not await farewells(it.journal)
    assert await told(it) == [Told.EXPECTED, Told.NOT_REPORTED]


async def test_in_a_process_that_goes_on_the_end_is_noted_as_soon_as_prefect_has_taken_it(it: Lab, gallery: Gallery) -> None:
    await contain(it)
    async with asyncio.timeout(20):
        while await told(it) != [Told.EXPECTED, Told.REPORTED]:  # noqa: ASYNC110 - noted by nobody we could wait for
            await asyncio.sleep(0.01)
    assert gallery.seen[-1] == ("end", "contained", "")


async def test_the_report_is_there_though_the_journal_cannot_note_what_came_of_it(
    it: Lab, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise JournalError("no room")

    report = await contain(it)
    monkeypatch.setattr(orchestrating, "mark", fail)
    assert await farewells(it.journal)
    assert report["outcome"] == "contained"
    assert await told(it) == [Told.EXPECTED]
    assert gallery.seen[-1] == ("end", "contained", "")


async def test_a_run_that_dies_before_its_plan_leaves_no_word_on_record(it: Lab, gallery: Gallery) -> None:
    async def dies(stage: Stage) -> Mapping[str, Any]:
        del stage
        raise BadInput("no such door")

    with pytest.raises(BadInput):
        await orchestrate(it.order(), dies, it.journal)
    assert not await farewells(it.journal)
    assert not gallery.seen
    assert not await it.events()


async def test_the_work_of_an_item_ends_when_its_run_is_called_off(it: Lab, gallery: Gallery) -> None:
    """No write may leave once the run is let go, whoever shows it."""
    begun, effect_came = asyncio.Event(), asyncio.Event()

    async def hold(effect: Callable[[], None]) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        effect()
        effect_came.set()

    it.vendor.on_apply.extend([hold, hold])
    run = asyncio.create_task(orchestrate(it.order(), partial(it.engine().contain, it.order(), book()), it.journal))
    await it.decide("r1", YES, Answer.APPROVE)
    await begun.wait()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert run.cancelled()
    calls = list(it.vendor.calls)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await effect_came.wait()
    assert not it.vendor.effects
    assert it.vendor.calls == calls
    await farewells(it.journal)
    assert sorted(one for one in gallery.seen if one[0] == "step") == [("step", f"shut/door:{name}", "None") for name in "ab"]
    assert gallery.seen[-1] == ("end", "CancelledError", "")
    assert await told(it) == [Told.EXPECTED], "it is not over: whoever resumes it shows it"
