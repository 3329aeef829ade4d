from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.seeing import faults
from tests.channels.slack.scene import Scene, scene

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = ROOT / "build"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, PHONE = (1280, 800), (390, 844)
REFUSED = "status of 409"  # the browser's own line for a refused act, where a test provokes one


@dataclass
class Windows:
    """Browsers of different people: nothing is shared between them. Everything a page complains of is collected."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)

    async def open(self, url: str, size: tuple[int, int] = WIDE, *, before: str = "") -> Page:
        """A window of its own with that page in it. Its origin is allowed; every other must be named in ``origins``.

        ``before`` is a script that runs before the page's own.
        """
        self.origins.add("/".join(url.split("/")[:3]))
        context = await self.browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB", timezone_id="Europe/Paris")
        self.contexts.append(context)
        context.set_default_timeout(10_000)
        page = await context.new_page()
        if before:
            await page.add_init_script(before)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        context.on("request", lambda request: self._requested(request.url))
        await page.goto(url)
        return page

    def _requested(self, url: str) -> None:
        if "/".join(url.split("/")[:3]) not in self.origins:
            self.complaints.append(f"a request to {url}")

    def forgive(self, words: str) -> None:
        """Complaints that the test provokes."""
        self.forgiven.append(words)


Shoot = Callable[[Page, str], Awaitable[None]]


@pytest.fixture
async def windows() -> AsyncIterator[Windows]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        found = Windows(browser=browser)
        try:
            yield found
        finally:
            for context in found.contexts:
                await context.close()
            await browser.close()
    assert [one for one in found.complaints if not any(words in one for words in found.forgiven)] == []


@pytest.fixture
def shoot() -> Shoot:
    """Look at a page as it stands: a picture of it in build/, and nothing in it pale or crowded."""
    SHOTS.mkdir(exist_ok=True)

    async def shoot(page: Page, name: str) -> None:
        await page.screenshot(path=SHOTS / f"{name}.png")
        assert await faults(page) == []

    return shoot


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with scene(tmp_path, monkeypatch) as found:
        yield found
