"""The drill's page: Slack, the attacker and the terminal beside each other, at a desk and on a phone."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Frame, Page, expect

from firedoor.exercise.page.server import ExercisePage
from firedoor.exercise.page.terminal import Answer
from firedoor.exercise.scenario import SCENARIOS
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.browser.conftest import PHONE, SHOTS, WIDE, Windows
from tests.browser.seeing import faults
from tests.browser.slack import say
from tests.vendors.slack.world import WORLD

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
WAYS = (
    "okta session of kira.lopez@acme.example",
    "okta session of jonas.ng@acme.example",
    "okta api token made by jonas.ng@acme.example",
    "oauth token of kira.lopez@acme.example",
    "service app 0oasimdeploy1",
    "aws key AKIAXHZ2TRFQX5CSKQ5A",
    "sts session minted from AKIAXHZ2TRFQX5CSKQ5A",
    "role session of arn:aws:iam::111122223333:role/deploy",
    "web site from 203.0.113.66",
    "okta sign-in from 203.0.113.66",
)
DOCUMENT = """firedoor decision
run: r1
mode: drill
changes: sha256:869722e62b1e8e21b7aac7c81232a69937a271f1a4c59a9ccabb918446261f61
<img src=x onerror=alert(1)>
expires: 2026-03-04T05:35:00Z"""


class Pens:
    """A terminal for Ben; what he signs is remembered."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, str, str]] = []

    async def pending(self, member: str) -> Sequence[Mapping[str, str]]:
        there = member == "U0BEN" and not self.signed
        return [{"run": "r1", "title": "Contain an identity breach", "document": DOCUMENT}] if there else []

    async def sign(self, member: str, run: str, answer: Answer) -> str:
        self.signed.append((member, run, answer))
        return f"Signed and handed in: {answer}."


@dataclass
class Drill:
    page: ExercisePage
    slack: SlackSimulator
    pens: Pens
    folder: Path

    def tried(self, name: str, ok: bool, ago: float) -> None:  # noqa: FBT001
        """One try of a second."""
        with (self.folder / "attempts.jsonl").open("a", encoding="utf-8") as log:
            for part in range(5):
                log.write(json.dumps({"at": time.time() - ago + part / 5, "foothold": name, "ok": ok, "how": ""}) + "\n")

    def history(self, dark: int) -> None:
        """Half a minute in which the first ``dark`` ways in went dark one after another."""
        for number, name in enumerate(WAYS):
            for ago in range(40, 0, -1):
                self.tried(name, number >= dark or ago > 12 - number, ago)


@asynccontextmanager
async def drilled(folder: Path) -> AsyncIterator[Drill]:
    pens = Pens()
    async with (
        SlackSimulator(WORLD) as slack,
        ExercisePage(
            folder=folder,
            slack_url=slack.url,
            scenario=SCENARIOS["cloudflare-okta-2023"],
            people={"U0ADA": "Ada", "U0BEN": "Ben"},
            terminal=pens,
        ) as page,
    ):
        slack._people.acts.integrate("B0ALERT", {"channel": "C0INC", "text": "ALERT 16:00: sessions are in use from 203.0.113[.]66"})
        yield Drill(page=page, slack=slack, pens=pens, folder=folder)


@pytest.fixture
async def drill(tmp_path: Path) -> AsyncIterator[Drill]:
    async with drilled(tmp_path) as found:
        yield found


async def opened(drill: Drill, windows: Windows, size: tuple[int, int]) -> Page:
    """The page, once it knows whose drill it is: what is pressed before that is for nothing."""
    windows.origins.add(drill.slack.url.rstrip("/"))
    page = await windows.open(drill.page.url, size)
    await expect(page.locator("#you [data-person]").first).to_be_visible()
    return page


async def pane(page: Page, name: str) -> None:
    """The pane's tab, where there are tabs."""
    tab = page.locator(f"#tabs [data-pane={name}]")
    if await tab.is_visible():
        await tab.click()
    await expect(page.locator(f"#{name}")).to_be_visible()


async def slack_of(page: Page, name: str) -> Frame:
    """The Slack in the frame, once it is that person's."""
    await expect(page.frame_locator(f"iframe[title='Slack of {name}']").locator("#name")).to_have_text(name)
    frame = await (await page.locator("iframe").element_handle()).content_frame()
    assert frame is not None
    return frame


async def shot(page: Page, name: str) -> None:
    await page.screenshot(path=SHOTS / f"{name}.png")
    assert await faults(page) == []


@SIZES
async def test_ways_in_go_dark(drill: Drill, windows: Windows, size: tuple[int, int]) -> None:
    drill.history(0)
    drill.page.alerted(time.time() - 33)
    page = await opened(drill, windows, size)
    frame = await slack_of(page, "Ada")
    await expect(page.frame_locator("iframe").locator(".message")).to_contain_text("ALERT")
    await shot(page, f"drill-slack-{size[0]}")
    assert await faults(frame) == []
    await pane(page, "attacker")
    await expect(page.locator("#counts")).to_have_text("0 of 10 ways in are dark.")
    await expect(page.locator("[data-way] .state", has_text="in")).to_have_count(10)
    await shot(page, f"attacker-lit-{size[0]}")
    for name in WAYS[:4]:
        drill.tried(name, ok=False, ago=0)
    await expect(page.locator("#counts")).to_have_text("4 of 10 ways in are dark.")
    await expect(page.locator("[data-way='service app 0oasimdeploy1']")).to_have_attribute("data-state", "in")
    line = page.locator("[data-state=dark]").first.locator("svg")
    await expect(line).to_have_attribute("aria-label", re.compile(r"200 of 205 tries got in, the last [\d.]+ s ago"))
    assert await line.locator("circle").count() > 20


@SIZES
async def test_the_end(drill: Drill, windows: Windows, size: tuple[int, int]) -> None:
    drill.history(10)
    (drill.folder / "interference.jsonl").write_text('{"at": 1, "what": "deny in chat", "accepted": false}\n')
    drill.page.alerted(time.time() - 33)
    page = await opened(drill, windows, size)
    await slack_of(page, "Ada")
    drill.page.over(outcome="contained", locked_out=True)
    await expect(page.locator("#over")).to_contain_text("The attacker is locked out.")
    await pane(page, "attacker")
    await expect(page.locator("#counts")).to_have_text("10 of 10 ways in are dark.")
    await expect(page.locator("#meddling")).to_contain_text("1 times, heeded 0 times")
    await expect(page.locator("#clocks")).not_to_contain_text("not yet")
    await shot(page, f"attacker-dark-{size[0]}")
    since = await page.locator("#since").text_content()
    await drill.page.__aexit__(None, None, None)
    await expect(page.locator("#since")).to_have_text(str(since))
    await expect(page.locator("#over")).to_contain_text("contained")


@SIZES
async def test_signing_with_the_mouse(drill: Drill, windows: Windows, size: tuple[int, int]) -> None:
    drill.history(2)
    page = await opened(drill, windows, size)
    await pane(page, "terminal")
    await expect(page.locator("#documents")).to_have_text("Nothing waits for your signature.")
    await page.locator("[data-person=U0BEN]").click()
    await expect(page.locator("#whose")).to_have_text("Ben")
    await expect(page.locator("#documents pre")).to_have_text(DOCUMENT)
    assert await page.locator("#documents img").count() == 0
    await expect(page.locator("[data-sign=approve]:not(.settling)")).to_be_visible()
    await shot(page, f"terminal-{size[0]}")
    await page.locator("[data-sign=approve]").click()
    await expect(page.locator("#signed")).to_have_text("Signed and handed in: approve.")
    await expect(page.locator("#documents")).to_have_text("Nothing waits for your signature.")
    assert drill.pens.signed == [("U0BEN", "r1", "approve")]


async def test_one_is_somebody_else_with_one_click(drill: Drill, windows: Windows) -> None:
    page = await opened(drill, windows, WIDE)
    await slack_of(page, "Ada")
    await page.frame_locator("iframe").locator("#message").fill("half a thou")
    await page.locator("[data-person=U0BEN]").click()
    frame = await slack_of(page, "Ben")
    await expect(page.locator("[data-person=U0BEN]")).to_have_attribute("aria-pressed", "true")
    await say(frame, "I am Ben")
    [said] = [one for one in drill.slack.world.messages["C0INC"].values() if one.user]
    assert (said.user, said.text) == ("U0BEN", "I am Ben")
    await page.locator("[data-person=U0ADA]").click()
    await slack_of(page, "Ada")
    await expect(page.frame_locator("iframe").locator("#message")).to_have_value("half a thou")
    await page.reload()
    await slack_of(page, "Ada")


@pytest.mark.parametrize(("host", "fate"), [("127.0.0.1", "shown"), ("127.0.0.2", "net::ERR_BLOCKED_BY_RESPONSE")])
async def test_only_pages_of_this_machine_may_frame_slack(drill: Drill, windows: Windows, host: str, fate: str) -> None:
    async def framing(_request: web.Request) -> web.Response:
        return web.Response(text=f"<iframe src='{drill.slack.url}as/U0ADA'></iframe>", content_type="text/html")

    ended: asyncio.Queue[str] = asyncio.Queue()
    app = web.Application()
    app.router.add_get("/{anything:.*}", framing)
    async with TestServer(app, host=host) as site:
        page = await opened(drill, windows, WIDE)
        await slack_of(page, "Ada")
        page.on("requestfinished", lambda request: ended.put_nowait("shown") if "/as/" in request.url else None)
        page.on("requestfailed", lambda request: ended.put_nowait(str(request.failure)) if "/as/" in request.url else None)
        windows.origins.add(f"http://{host}:{site.port}")
        await page.goto(f"http://{host}:{site.port}/")
        assert await asyncio.wait_for(ended.get(), 10) == fate
        await page.close()
    windows.forgive("frame-ancestors")
