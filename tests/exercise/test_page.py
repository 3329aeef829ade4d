"""The drill's page: what it tells of the attacker, how it signs, and whom it lets in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from firedoor.errors import DecisionRefused
from firedoor.exercise import judge
from firedoor.exercise.page.server import STATIC, ExercisePage
from firedoor.exercise.page.terminal import Answer, SigningTerminal
from firedoor.exercise.page.watch import Watch
from firedoor.exercise.scenario import SCENARIOS

SCENARIO = SCENARIOS["cloudflare-okta-2023"]
PEOPLE = {"U0ADA": "Ada", "U0BEN": "Ben"}
NAMES = ("aws key AKIA1", "okta session of ada", "web site from 203.0.113.66")


def tried(folder: Path, name: str, *tries: bool, at: float = 1000.0) -> None:
    """Tries of one way in, five a second."""
    with (folder / "attempts.jsonl").open("a", encoding="utf-8") as log:
        for number, ok in enumerate(tries):
            log.write(json.dumps({"at": at + number / 5, "foothold": name, "ok": ok, "how": "in" if ok else ""}) + "\n")


def ways(watch: Watch, *, since: int = 0) -> Mapping[str, Mapping[str, Any]]:
    watch.look()
    return {one["name"]: one for one in watch.state(alerted=None, since=since)["ways"]}


@pytest.mark.parametrize(
    ("tries", "state"),
    [
        ((False,) * 9, "not in yet"),
        ((False, True), "in"),
        ((True, False, False, False, False), "failing"),
        ((True, *(False,) * 5), "dark"),
        ((True, *(False,) * 9, True), "in"),
    ],
)
def test_dark_is_what_worked_and_then_failed_often_enough(tmp_path: Path, tries: Sequence[bool], state: str) -> None:
    tried(tmp_path, NAMES[0], *tries)
    assert ways(Watch(tmp_path, SCENARIO.history))[NAMES[0]]["state"] == state


def test_seconds_tell_whether_it_worked_in_them(tmp_path: Path) -> None:
    tried(tmp_path, NAMES[0], *(False, False, True, False, False), *(False,) * 5)
    watch = Watch(tmp_path, SCENARIO.history)
    way = ways(watch)[NAMES[0]]
    assert way["seconds"] == [[1000, True], [1001, False]]
    assert (way["tries"], way["worked"], way["last"]) == (10, 1, 1000.4)
    assert ways(watch, since=1001)[NAMES[0]]["seconds"] == [[1001, False]]


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    watch = Watch(tmp_path, SCENARIO.history)
    assert ways(watch) == {}
    tried(tmp_path, NAMES[0], True)
    line = json.dumps({"at": 1001.0, "foothold": NAMES[0], "ok": True, "how": "é"}, ensure_ascii=False).encode()
    with (tmp_path / "attempts.jsonl").open("ab") as log:
        log.write(line[:-2])
    assert ways(watch)[NAMES[0]]["tries"] == 1
    with (tmp_path / "attempts.jsonl").open("ab") as log:
        log.write(line[-2:] + b"\n")
    assert ways(watch)[NAMES[0]]["tries"] == 2


def test_clocks_stop_at_the_last_success_as_the_judge_counts_it(tmp_path: Path) -> None:
    watch = Watch(tmp_path, SCENARIO.history)
    tried(tmp_path, NAMES[0], True, True, *(False,) * 20)
    tried(tmp_path, NAMES[1], *(True,) * 20)
    watch.look()
    assert [one["seconds"] for one in watch.state(alerted=999.0)["clocks"]] == [1.2, None, None]
    found = judge.judge(judge.read(tmp_path / "attempts.jsonl"), approved=999.0, quiet_since=1002.0)
    assert [one["seconds"] for one in SCENARIO.clocks(found, alerted=999.0)] == [1.2, None, None]
    assert next(one["seconds"] for one in watch.state(alerted=1001.3)["clocks"]) == 0.0, "it was dark before the alert"


def test_meddling_is_counted(tmp_path: Path) -> None:
    (tmp_path / "interference.jsonl").write_text('{"at": 1, "what": "x", "accepted": false}\n{"at": 2, "what": "x", "accepted": true}\n')
    watch = Watch(tmp_path, SCENARIO.history)
    watch.look()
    assert watch.state(alerted=None)["meddling"] == {"tries": 2, "heeded": 1}


class Pens:
    """A signing terminal that signs nothing, but remembers."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, str, str]] = []

    async def pending(self, member: str) -> Sequence[Mapping[str, str]]:
        done = {run for who, run, _ in self.signed if who == member}
        return [] if member == "U0ADA" or "r1" in done else [{"run": "r1", "title": "Contain it", "document": "run: r1"}]

    async def sign(self, member: str, run: str, answer: Answer) -> str:
        if run != "r1":
            raise DecisionRefused("there is no such run")
        self.signed.append((member, run, answer))
        return f"Signed: {answer}."


@asynccontextmanager
async def served(folder: Path, terminal: SigningTerminal | None = None) -> AsyncIterator[tuple[ExercisePage, aiohttp.ClientSession]]:
    async with (
        ExercisePage(folder=folder, slack_url="http://127.0.0.1:9/", scenario=SCENARIO, people=PEOPLE, terminal=terminal) as page,
        aiohttp.ClientSession(page.url) as http,
    ):
        yield page, http


async def told(stream: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(10):
        while line := (await stream.content.readline()).decode():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))
    return None


async def test_the_page_is_told_until_the_drill_is_over(tmp_path: Path) -> None:
    tried(tmp_path, NAMES[0], True)
    async with served(tmp_path) as (page, http):
        assert not await page.opened(0.0)
        stream = await http.get("/events")
        first = await told(stream)
        assert await page.opened(0.0)
        assert first["ways"][0]["seconds"] == [[1000, True]]
        assert (first["alerted"], first["verdict"], first["over"]) == (None, None, False)
        page.alerted(1234.0)
        page.over(outcome="contained", locked_out=True)
        second = await told(stream)
        assert second["alerted"] == 1234.0
        assert second["ways"][0]["seconds"] == [], "what was told is not told again"
        assert second["verdict"]["outcome"] == "contained"
        closing = asyncio.create_task(page.__aexit__(None, None, None))
        while not (last := await told(stream))["over"]:
            pass
        assert last["verdict"]["locked_out"]
        assert await told(stream) is None
        await closing


async def test_signing_goes_through_the_terminal_of_that_person(tmp_path: Path) -> None:
    pens = Pens()
    async with served(tmp_path, pens) as (_, http):

        async def sign(member: str, **body: str) -> tuple[int, Any]:
            async with http.post(f"/terminal/{member}", json=body) as reply:
                return reply.status, await reply.json() if reply.content_type == "application/json" else None

        async with http.get("/terminal/U0BEN") as reply:
            assert (await reply.json())["pending"] == [{"run": "r1", "title": "Contain it", "document": "run: r1"}]
        assert await sign("U0BEN", run="r1", answer="perhaps") == (400, None)
        assert await sign("U0NOBODY", run="r1", answer="approve") == (404, None)
        assert pens.signed == []
        status, said = await sign("U0BEN", run="r9", answer="stop")
        assert (status, said["ok"]) == (200, False)
        assert "there is no such run" in said["said"]
        assert await sign("U0BEN", run="r1", answer="approve") == (200, {"ok": True, "said": "Signed: approve."})
        assert pens.signed == [("U0BEN", "r1", "approve")]
        async with http.post("/terminal/U0BEN", data="nonsense") as reply:
            assert reply.status == 400


async def test_without_a_terminal_nothing_is_signed(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, http):
        async with http.get("/drill") as reply:
            drill = await reply.json()
        assert drill["terminal"] is False
        assert [(one["name"], one["does"]) for one in drill["people"]] == [("Ada", "asks"), ("Ben", "approves")]
        async with http.get("/terminal/U0BEN") as reply:
            assert reply.status == 404


async def test_web_sites_elsewhere_neither_see_nor_sign(tmp_path: Path) -> None:
    pens = Pens()
    async with served(tmp_path, pens) as (page, http):
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
            async with http.post("/terminal/U0BEN", json={"run": "r1", "answer": "approve"}, headers=headers) as reply:
                assert reply.status == 403
            async with http.get("/events", headers=headers) as reply:
                assert reply.status == 403
        async with http.get("/") as reply:
            policy = reply.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "frame-src http://127.0.0.1:9" in policy
            assert "unsafe" not in policy
        assert page.url.startswith("http://127.0.0.1:")
    assert pens.signed == []


def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    for script in STATIC.glob("*.js"):
        for way in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "srcdoc"):
            assert way not in script.read_text(), script.name
