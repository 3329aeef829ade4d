"""The page for people: who is let in, what it is told, and what a web site elsewhere cannot do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.raw import Raw, objects
from firedoor.vendors.slack.simulator import PAGE, SlackSimulator

SAY = "people/U0ADA/channels/C0INC/messages"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def said(slack: SlackSimulator) -> int:
    async with Person(slack.url, "U0ADA") as ada:
        return len(await ada.messages("C0INC"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "firedoor.evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "[::1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
async def test_a_web_site_elsewhere_does_nothing(slack: SlackSimulator, http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    async with http.post(slack.url + SAY, json={"text": "sent by a page"}, headers=headers) as reply:
        assert reply.status == 403
    assert await said(slack) == 0


async def test_a_web_site_elsewhere_reads_nothing(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    for headers in ({"Host": "firedoor.evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        for path in ("people", SAY, "ticks", "page/slack.js"):
            async with http.get(slack.url + path, headers=headers) as reply:
                assert reply.status == 403
                assert "Access-Control-Allow-Origin" not in reply.headers


async def test_the_page_itself_and_programs_are_let_in(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    here = slack.url.rstrip("/")
    near = here.replace("127.0.0.1", "localhost")
    for headers in ({}, {"Origin": here, "Sec-Fetch-Site": "same-origin"}, {"Origin": near, "Host": near.removeprefix("http://")}):
        async with http.post(slack.url + SAY, json={"text": "hello"}, headers=headers) as reply:
            assert reply.status == 200
    assert await said(slack) == 3
    for site in ("none", "same-site", "cross-site"):  # an address typed, a frame in a page of ours on another port, a link
        async with http.get(slack.url + "as/U0ADA", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}) as reply:
            assert reply.status == 200


async def test_a_page_runs_only_what_comes_with_it(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    for path in ("", "as/U0ADA", "people", *(f"page/{one.name}" for one in PAGE.iterdir())):
        async with http.get(slack.url + path) as reply:
            assert reply.status == 200
            policy = reply.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy
            assert "frame-ancestors 'self' http://127.0.0.1:*" in policy
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert "https:" not in await reply.text()
    for path in ("page/../simulator.py", "page/%2e%2e/simulator.py", "page/none.js", "page/"):
        async with http.get(slack.url + path) as reply:
            assert reply.status in (403, 404)


async def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    for script in PAGE.glob("*.js"):
        text = script.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "new Function", "srcdoc", "javascript:"):
            assert way not in text, script.name


async def test_changes_are_told_as_they_come(slack: SlackSimulator, http: aiohttp.ClientSession, ada: Person) -> None:
    async with http.get(slack.url + "ticks") as stream:

        async def tick() -> int:
            while not (line := (await stream.content.readline()).decode()).startswith("data: "):
                assert line, "the stream ended"
            return int(line.removeprefix("data: "))

        async with asyncio.timeout(10):
            first = await tick()
            await ada.messages("C0INC")
            await ada.say("C0INC", "hello")
            assert await tick() == slack._ticks._count == first + 1, "looking is no change"


async def test_streams_end_with_the_simulator(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    async with http.get(slack.url + "ticks") as stream:
        slack._ticks.close()
        async with asyncio.timeout(10):
            assert (await stream.read()).endswith(b"\n\n")


async def read(http: aiohttp.ClientSession, slack: SlackSimulator, path: str) -> Any:
    async with http.get(slack.url + path) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def test_who_there_is_and_what_they_are_offered(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    there = (await read(http, slack, "people"))["people"]
    assert [one["id"] for one in there] == ["U0ADA", "U0BEN", "U0EVE", "U0GUEST", "U0FAR"], "neither bots nor who has left"
    ada = await read(http, slack, "people/U0ADA/me")
    assert (ada["name"], ada["commands"]) == ("Ada", ["/firedoor"])
    assert [(one["kind"], one["name"]) for one in ada["shortcuts"]] == [("message", "Contain this"), ("global", "Start")]
    assert {"id": "U0BOT", "name": "Firedoor", "bot": True} in ada["people"]
    far = await read(http, slack, "people/U0FAR/me")
    assert far["commands"] == far["shortcuts"] == [], "another workspace does not have this app"


async def test_a_screen_holds_what_that_person_sees(slack: SlackSimulator, http: aiohttp.ClientSession, ada: Person, eve: Person) -> None:
    ts = await ada.say("C0INC", "hello")
    screen = await read(http, slack, "people/U0ADA/screen?channel=C0INC")
    assert [(one["ts"], one["text"], one["bot"]) for one in screen["messages"]] == [(ts, "hello", False)]
    assert {one["id"]: one["latest"] for one in screen["channels"]} == {"C0INC": ts, "C0GEN": ""}
    assert screen["modal"] is screen["home"] is None
    async with http.get(slack.url + "people/U0EVE/screen?channel=C0INC") as reply:
        assert reply.status == 409, "what one does not see does not exist"
    view: Raw = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "private_metadata": "secret", "blocks": []}
    slack.world.modals["U0ADA"] = [slack.world.new_view("U0ADA", view)]
    modal = (await read(http, slack, "people/U0ADA/screen"))["modal"]
    assert (modal["title"]["text"], modal["below"]) == ("T", 0)
    assert "secret" not in str(modal)
    assert not objects(await eve.home())
