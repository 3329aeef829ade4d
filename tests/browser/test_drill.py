"""Whole drills that nobody plays but the person at the page, with an attacker, Prefect and all."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FrameLocator, Page, expect

from firedoor.channels.slack.alert import CONTAIN_FROM_ALERT
from firedoor.channels.slack.blocks import APPROVE
from firedoor.channels.slack.forms import CHOOSE
from firedoor.exercise.oncall import FOUND
from tests.browser.conftest import PHONE, ROOT, SHOTS, WIDE, Windows
from tests.browser.seeing import faults

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PATIENCE = 60.0
MILLIS = PATIENCE * 1000


@dataclass
class Drills:
    """Drills in a state folder of their own; whatever was started is ended."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, **more: Any) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
        own = {"FIREDOOR_STATE_DIR": str(self.folder), "FIREDOOR_CONFIG": str(self.folder / "firedoor.toml")}
        own["BROWSER"] = f"{self.folder / 'browser'} %s &"
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            command = [sys.executable, "-m", "firedoor", "drill", *words]
            process = subprocess.Popen(command, cwd=ROOT, env={**kept, **own}, stdout=out, stderr=err, **more)
        self.started.append(process)
        return process

    async def found(self, name: str, pattern: str) -> str:
        """What a file says by now."""
        async with asyncio.timeout(PATIENCE):
            while not ((path := self.folder / name).exists() and (found := re.search(pattern, path.read_text()))):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        return found[1]

    async def ended(self, process: subprocess.Popen[bytes]) -> int:
        return await asyncio.wait_for(asyncio.to_thread(process.wait), PATIENCE)

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(20)
        for world in self.folder.glob("drills/*/ready"):
            pid = json.loads(world.read_text())["pid"]
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGTERM)


@pytest.fixture
def drills(tmp_path: Path) -> Iterator[Drills]:
    (tmp_path / "firedoor.toml").write_text("")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "opened $1" > {tmp_path}/opened\n')
    browser.chmod(0o700)
    SHOTS.mkdir(exist_ok=True)
    made = Drills(folder=tmp_path)
    yield made
    made.end()


async def arrived(drills: Drills, windows: Windows, url: str, size: tuple[int, int] = WIDE) -> Page:
    world = json.loads(next(drills.folder.glob("drills/*/world.json")).read_text())
    windows.origins.add(world["slack_url"].rstrip("/"))
    page = await windows.open(url, size)
    await expect(page.frame_locator("iframe").locator("#where")).to_have_text("# incidents", timeout=MILLIS)
    return page


async def be(page: Page, number: int) -> FrameLocator:
    """Be the person of that number; their Slack."""
    person = page.locator("#you button").nth(number)
    name = await person.locator("strong").inner_text()
    await person.click()
    await expect(page.locator("iframe")).to_have_attribute("title", f"Slack of {name}")
    return page.frame_locator(f"iframe[title='Slack of {name}']")


async def begin(slack: FrameLocator) -> None:
    """Read the alert, and start the playbook with what it names."""
    await expect(slack.locator(".message").first).to_contain_text("ALERT", timeout=MILLIS)
    alert = await slack.locator(".message .body").first.inner_text()
    given = " ".join(f"{name}={','.join(pattern.findall(alert))}" for name, pattern in FOUND.items())
    await slack.locator("#message").fill(f"/firedoor contain identity-breach {given}")
    await slack.locator("[data-composer=send]").click()


async def begin_from_the_alert(page: Page, slack: FrameLocator) -> None:
    """The same without a key pressed: the alert's menu, the form that has read it, its button."""
    alert = slack.locator(".message").first
    await expect(alert).to_contain_text("ALERT", timeout=MILLIS)
    await alert.locator(".opens-menu").first.click()
    await alert.locator(f"[data-callback={CONTAIN_FROM_ALERT}]").click()
    form = slack.locator("#modal")
    await expect(form.locator("[data-modal=submit]")).to_be_visible(timeout=MILLIS)
    await expect(form.locator(f"[data-action-id={CHOOSE}]")).to_have_value("identity-breach")
    await page.screenshot(path=SHOTS / "drill-form-1280.png")
    await form.locator("[data-modal=submit]").click()
    await expect(form.locator("[data-modal=submit]")).to_be_hidden(timeout=MILLIS)
    await form.locator("[data-modal=close]").click()


async def shot(page: Page, name: str) -> None:
    await page.screenshot(path=SHOTS / f"{name}.png")
    assert await faults(page) == []


async def test_a_person_contains_the_breach_with_the_mouse(drills: Drills, windows: Windows) -> None:
    ours, theirs = os.openpty()
    process = drills.start(stdin=theirs)
    url = await drills.found("opened", r"opened (\S+)")
    assert url == await drills.found("err", r"The drill is at (\S+)"), "the browser was opened, and the address told"
    page = await arrived(drills, windows, url)
    phone = await arrived(drills, windows, url, PHONE)
    await phone.locator("[data-pane=attacker]").click()
    await expect(page.locator("#counts")).to_have_text("0 of 10 ways in are dark.", timeout=MILLIS)

    await begin_from_the_alert(page, await be(page, 0))
    ben = await be(page, 1)
    await expect(ben.locator(f"[data-action-id={APPROVE}]")).to_be_visible(timeout=MILLIS)
    await shot(page, "drill-asked-1280")
    await ben.locator(f"[data-action-id={APPROVE}]").click()
    await expect(ben.locator("#modal .body")).to_contain_text("It will")
    await page.screenshot(path=SHOTS / "drill-request-1280.png")
    await ben.locator("#modal [data-modal=close]").click()
    await expect(page.locator("#documents pre")).to_contain_text("decision: approve")
    await shot(page, "drill-signing-1280")
    await page.locator("[data-sign=approve]").click()
    await expect(page.locator("#signed")).to_contain_text("Signed and handed in")
    await expect(page.locator("#documents summary")).to_contain_text("Stop Contain an identity breach")
    await expect(page.locator("[data-state=dark]").nth(3)).to_be_visible(timeout=MILLIS)
    await shot(phone, "drill-darkening-390")
    await page.screenshot(path=SHOTS / "drill-darkening-1280.png")
    await expect(page.locator("#over")).to_have_text("The drill is over: contained. The attacker is locked out.", timeout=MILLIS)
    await expect(page.locator("#counts")).to_have_text("10 of 10 ways in are dark.")
    await page.screenshot(path=SHOTS / "drill-over-1280.png")
    await shot(phone, "drill-over-390")
    assert await drills.ended(process) == 0, (drills.folder / "err").read_text()
    assert "locked out" in (drills.folder / "out").read_text()
    windows.forgive("ERR_")  # the drill's servers are gone, as they should be
    os.close(ours)
    os.close(theirs)


async def test_a_denial_ends_the_drill(drills: Drills, windows: Windows) -> None:
    process = drills.start("--approve", "page", "--json", stdin=subprocess.DEVNULL)
    page = await arrived(drills, windows, await drills.found("err", r"The drill is at (\S+)"))
    await begin(await be(page, 0))
    await be(page, 1)
    await page.locator("[data-sign=deny]").click(timeout=MILLIS)
    await expect(page.locator("#over")).to_have_text("The drill is over: denied. The attacker is STILL IN.", timeout=MILLIS)
    assert await drills.ended(process) == 3
    report = json.loads((drills.folder / "out").read_text())
    assert (report["outcome"], report["attacker"]["locked_out"], report["writes"]) == ("denied", False, 0)
    assert not (drills.folder / "opened").exists(), "no browser is opened where nobody sits"
    windows.forgive("ERR_")
