"""A drill that people play: which runs are its own, when it is over, what each may sign, and which browser is opened."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firedoor import drilling
from firedoor.approval import Answer
from firedoor.errors import BadInput
from firedoor.exercise import attended
from firedoor.exercise.attended import Attended
from firedoor.exercise.page.keyring import EVERY, Keyring
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.stage import Plainly
from tests import fakes

SECONDS = 10


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[fakes.Lab]:
    monkeypatch.setattr(attended, "SETTLED_SECONDS", 0.3)
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.05)
    fakes.hasten(monkeypatch)
    async with fakes.lab(tmp_path, {"front": {"k1": "open"}}) as found:
        yield found


async def begin(lab: fakes.Lab, run: str, mode: Mode = Mode.DRILL) -> None:
    await lab.journal.append(run, Kind.OPENED, {"mode": mode, "run": run})


def people(lab: fakes.Lab, folder: Path, *before: str) -> tuple[Attended, list[str]]:
    said: list[str] = []
    return Attended(journal=lab.journal, folder=folder, before=before, say=said.append), said


async def test_it_is_over_when_every_run_that_people_began_is(lab: fakes.Lab, tmp_path: Path) -> None:
    await begin(lab, "old")
    there, _ = people(lab, tmp_path, "old")
    ending = asyncio.create_task(there.contain("fire"))
    await begin(lab, "live", Mode.LIVE)
    await lab.journal.append("live", Kind.FINISHED, {})
    await begin(lab, "r1")
    await begin(lab, "r2")
    await lab.journal.append("r1", Kind.FINISHED, {})
    await asyncio.sleep(0.5)
    assert not ending.done(), "r2 goes on"
    assert (tmp_path / "run").read_text() == "r1 r2", "so that either can be resumed"
    await lab.journal.append("r2", Kind.NOTED, {"died": "of something"})
    assert await asyncio.wait_for(ending, SECONDS) == "r2"


async def test_what_follows_from_a_run_belongs_to_the_drill(lab: fakes.Lab, tmp_path: Path) -> None:
    there, _ = people(lab, tmp_path)
    ending = asyncio.create_task(there.contain("fire"))
    await begin(lab, "r1")
    await lab.journal.append("r1", Kind.FINISHED, {})
    await asyncio.sleep(0.1)
    await begin(lab, "r2")
    await asyncio.sleep(0.5)
    assert not ending.done()
    await lab.journal.append("r2", Kind.FINISHED, {})
    await lab.journal.append("r2", Kind.RESUMED, {})
    await asyncio.sleep(0.5)
    assert not ending.done()
    await lab.journal.append("r2", Kind.FINISHED, {})
    assert await asyncio.wait_for(ending, SECONDS) == "r2"


async def test_nobody_is_waited_for_without_end(lab: fakes.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended, "QUIET_SECONDS", 0.2)
    there, said = people(lab, tmp_path)
    assert await asyncio.wait_for(there.contain("fire"), SECONDS) == ""
    assert "Nobody has done anything" in said[-1]
    await begin(lab, "r1")
    assert await asyncio.wait_for(there.contain("fire"), SECONDS) == "r1"
    await lab.journal.append("r1", Kind.FINISHED, {})
    assert await asyncio.wait_for(there.undo("r1"), SECONDS) == "", "the run itself is no undo"
    assert "/firedoor undo r1" in said[-2]


async def test_each_may_sign_what_is_theirs_to_decide(lab: fakes.Lab, tmp_path: Path) -> None:
    engine, desk = lab.engine(), lab.desk()
    run = asyncio.ensure_future(engine.contain(lab.order("r1"), fakes.book(at_least=2), Plainly()))
    async with asyncio.timeout(SECONDS):
        async for event in lab.journal.follow("r1"):
            if event.kind == Kind.REQUESTED:
                break
    keyring = Keyring(desk=desk, runs=lab.journal.runs, folder=tmp_path)
    [asked] = await keyring.pending("U2")
    assert (asked["run"], asked["answers"]) == ("r1", EVERY)
    assert "decision: approve\nrun: r1" in asked["document"]
    assert "\nby: Ben\n" in asked["document"]
    assert [asked] == await keyring.pending("U2"), "it does not change while it is read"
    [asker] = await keyring.pending("U1")
    assert (asker["answers"], "decision: stop" in asker["document"]) == ("stop", True)
    assert await keyring.pending("U404") == []
    await desk.decide("r1", fakes.YES, Answer.APPROVE, via="test")
    assert [one["answers"] for one in await keyring.pending("U2")] == ["stop"]
    await desk.decide("r1", fakes.NO, Answer.DENY, via="test")
    await run
    assert await keyring.pending("U2") == await keyring.pending("U3") == []


class Browser:
    def __init__(self, name: str) -> None:
        self.name = name
        self.opened: list[str] = []

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return True


@pytest.mark.parametrize(("name", "opens"), [("xdg-open", True), ("firefox", True), ("lynx", False), ("www-browser", False)])
async def test_a_browser_that_has_a_window_is_opened(monkeypatch: pytest.MonkeyPatch, name: str, opens: bool) -> None:  # noqa: FBT001
    browser = Browser(name)
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    assert await attended.show("http://127.0.0.1:1/") is opens
    assert browser.opened == (["http://127.0.0.1:1/"] if opens else [])


async def test_without_a_browser_the_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error("none")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not await attended.show("http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("tty", "approve", "as_json", "way"),
    [
        (True, "", False, "page"),
        (True, "", True, "auto"),
        (False, "", False, "auto"),
        (True, "ask", False, "ask"),
        (True, "auto", False, "auto"),
        (False, "page", True, "page"),
        (False, "ask", False, None),
        (True, "perhaps", False, None),
    ],
)
def test_who_contains_the_breach(monkeypatch: pytest.MonkeyPatch, tty: bool, approve: str, as_json: bool, way: str | None) -> None:  # noqa: FBT001
    monkeypatch.setattr(sys.stdin, "isatty", lambda: tty)
    if way is None:
        with pytest.raises(BadInput):
            drilling._way(approve, as_json=as_json)
    else:
        assert drilling._way(approve, as_json=as_json) == way
