"""How the page looks at a desk and on a phone, with a run in it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from firedoor.channels.slack.forms import CHOOSE
from tests.browser.conftest import PHONE, WIDE, Shoot, Windows
from tests.channels.slack.scene import Scene

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])


@SIZES
async def test_a_request_and_its_modal(stage: Scene, windows: Windows, shoot: Shoot, size: tuple[int, int]) -> None:
    width = size[0]
    people = await windows.open(stage.slack.url, size)
    await expect(people.locator("[data-user=U0BEN]")).to_be_visible()
    await shoot(people, f"people-{width}")
    await stage.people["cyd"].say("C0INC", "Somebody uses *our* session, `U0BEN`. <@U0BEN>, can you look?")
    await stage.people["ben"].command("C0INC", "/firedoor")
    await stage.ask()
    page = await windows.open(f"{stage.slack.url}as/U0BEN", size)
    await expect(page.locator("[data-action-id=firedoor_approve]")).to_be_visible()
    await shoot(page, f"slack-{width}")
    await page.locator("[data-action-id=firedoor_approve]").click()
    await expect(page.locator("#modal [data-modal=submit]")).to_be_visible()
    await shoot(page, f"request-modal-{width}")
    await page.locator("#modal [data-modal=submit]").click()
    await expect(page.locator("#modal h2")).to_have_text("Recorded")
    await shoot(page, f"outcome-modal-{width}")
    await page.keyboard.press("Escape")
    await expect(page.locator("#modal")).to_be_hidden()
    await expect(page.locator(".message.reply")).to_have_count(2)
    await shoot(page, f"slack-done-{width}")


@SIZES
async def test_the_home_tab_and_the_form(stage: Scene, windows: Windows, shoot: Shoot, size: tuple[int, int]) -> None:
    await stage.ask()
    page = await windows.open(f"{stage.slack.url}as/U0BEN#home", size)
    await expect(page.locator("#home button").first).to_be_visible()
    await shoot(page, f"app-home-{size[0]}")
    await page.locator("[data-place=C0INC]").click()
    await page.locator("#message").fill("/firedoor contain")
    await page.locator("[data-composer=send]").click()
    await page.locator(f"#modal [data-action-id={CHOOSE}]").select_option("identity-breach")
    await expect(page.locator("#modal [data-field='in:users/value']")).to_be_visible()
    await shoot(page, f"app-form-{size[0]}")
