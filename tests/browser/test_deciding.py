"""People decide on the page: with the mouse, with the keyboard alone, two of them, and while the message changes under their hands."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from firedoor.approval import Answer
from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.vendors.slack.raw import Raw
from tests.browser.conftest import PHONE, WIDE, Windows
from tests.browser.slack import button, field, look, modal, said, say, submit
from tests.channels.slack.scene import ROOM, Scene

pytestmark = pytest.mark.browser


async def at(stage: Scene, windows: Windows, name: str, size: tuple[int, int] = WIDE) -> Page:
    return await windows.open(f"{stage.slack.url}as/U0{name.upper()}", size)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
async def test_a_click_on_approve_contains(stage: Scene, windows: Windows, size: tuple[int, int]) -> None:
    run = await stage.ask()
    ben = await at(stage, windows, "ben", size)
    await look(ben)
    await expect(modal(ben).locator(".body")).to_contain_text("shut front/k2")
    await field(ben, "text").fill("seen the alert")
    await submit(ben).click()
    assert (await run)["outcome"] == "partial"
    [decision] = await stage.decisions()
    assert (decision.by, decision.answer, decision.reason) == ("Ben", Answer.APPROVE, "seen the alert")
    await expect(submit(ben)).to_be_hidden()
    await modal(ben).locator("[data-modal=close]").click()
    await expect(modal(ben)).to_be_hidden()
    await expect(button(ben)).to_have_count(0)
    await expect(ben.locator(".message.reply")).to_have_count(2)
    assert await ben.locator(".message").nth(0).get_attribute("class") == "message bot", "the request stands at the top of its thread"


async def test_a_denial_changes_nothing(stage: Scene, windows: Windows) -> None:
    run = await stage.ask()
    ben = await at(stage, windows, "ben")
    await look(ben, DENY)
    await field(ben, "text").fill("a false alarm")
    await submit(ben).click()
    assert (await run)["outcome"] == "denied"
    assert [one.answer for one in await stage.decisions()] == [Answer.DENY]
    assert not stage.lab.vendor.effects
    await expect(button(ben)).to_have_count(0)


async def test_a_stop_by_command_ends_it(stage: Scene, windows: Windows) -> None:
    run = await stage.ask()
    ada, ben = await at(stage, windows, "ada"), await at(stage, windows, "ben")
    await expect(button(ben)).to_be_visible()
    await say(ada, "/firedoor stop r1")
    assert (await run)["outcome"] == "stopped"
    await expect(ada.locator(".message.ephemeral")).to_be_visible()
    await expect(ben.locator(".message.ephemeral")).to_have_count(0)
    await expect(button(ben)).to_have_count(0)


async def test_a_run_that_is_started_on_the_page(stage: Scene, windows: Windows) -> None:
    ada, ben = await at(stage, windows, "ada"), await at(stage, windows, "ben")
    await say(ada, "/firedoor contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE")
    await look(ben)
    await submit(ben).click()
    await expect(submit(ben)).to_be_hidden()
    [run] = await stage.lab.journal.runs()
    assert [one.by for one in await stage.decisions(run)] == ["Ben"]
    await expect(ada.locator(".message.reply")).to_have_count(2)


async def test_two_people_in_two_browsers(stage: Scene, windows: Windows) -> None:
    run = await stage.ask(at_least=2)
    ben, cyd = await at(stage, windows, "ben"), await at(stage, windows, "cyd")
    await look(ben)
    await submit(ben).click()
    await expect(submit(ben)).to_be_hidden()
    await expect(cyd.locator(".message")).to_contain_text(["Ben"])
    assert not run.done()
    await look(cyd)
    await submit(cyd).click()
    await run
    assert sorted(one.by for one in await stage.decisions()) == ["Ben", "Cyd"]


async def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on it."""
    for _ in range(60):
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {wanted}")


async def test_a_whole_approval_by_keyboard(stage: Scene, windows: Windows) -> None:
    run = await stage.ask()
    ben = await at(stage, windows, "ben")
    await expect(button(ben)).to_be_visible()

    await tab_to(ben, f"[data-action-id={APPROVE}]")
    outline = await button(ben).evaluate("node => getComputedStyle(node).outlineStyle + getComputedStyle(node).outlineWidth")
    assert outline == "solid3px", "one sees where one is"
    await ben.keyboard.press("Enter")
    await expect(submit(ben)).to_be_visible()
    await expect(modal(ben).locator(".body")).to_be_focused()
    for _ in range(12):  # round and round, without leaving the modal but for the browser's own bar
        await ben.keyboard.press("Tab")
        assert await ben.evaluate("document.activeElement === document.body || Boolean(document.activeElement.closest('#modal'))")

    await ben.keyboard.press("Escape")
    await expect(modal(ben)).to_be_hidden()
    await expect(button(ben)).to_be_focused()
    assert await stage.decisions() == []

    await ben.keyboard.press("Enter")
    await expect(submit(ben)).to_be_visible()
    await tab_to(ben, "#modal input")
    await ben.keyboard.type("seen the alert")
    await ben.keyboard.press("Enter")
    assert await modal(ben).get_attribute("aria-busy") is None, "Enter in a field decides nothing"
    await tab_to(ben, "#modal [data-modal=submit]")
    await ben.keyboard.press("Enter")
    await run
    await expect(submit(ben)).to_be_hidden()
    await ben.keyboard.press("Escape")
    await expect(modal(ben)).to_be_hidden()
    [decision] = await stage.decisions()
    assert decision.reason == "seen the alert"
    await expect(ben.locator(".message").nth(0)).to_be_focused()


async def test_a_message_edited_while_the_modal_is_open(stage: Scene, windows: Windows) -> None:
    run = await stage.ask()
    ben = await at(stage, windows, "ben")
    await look(ben)
    await field(ben, "text").fill("seen the al")
    await field(ben, "text").focus()
    post = await stage.request()
    message = stage.slack.world.messages[ROOM][post.ts]
    calm: Raw = {"type": "section", "block_id": "calm", "text": {"type": "mrkdwn", "text": "Water the plants?"}}
    stage.slack.world.messages[ROOM][post.ts] = replace(message, blocks=(calm, message.blocks[-1]))
    await stage.people["cyd"].say(ROOM, "look at this")
    await expect(ben.locator("#messages")).to_contain_text("Water the plants?")
    await ben.keyboard.type("ert")
    await expect(field(ben, "text")).to_have_value("seen the alert")
    await expect(modal(ben)).not_to_contain_text("plants")
    await submit(ben).click()
    await run
    assert (await stage.decisions())[0].reason == "seen the alert"


HOSTILE = [
    "<img src=x onerror=\"document.title = 'owned'\">",
    "<script>document.title = 'owned'</script>",
    "<a href=\"javascript:document.title='owned'\">click</a>",
    "<!channel> <@U0BEN> <https://evil.example|okta.example>",
    "*bold* _it_ `code` &lt;b&gt; &amp;amp;",
]


async def test_whatever_people_write_is_text(stage: Scene, windows: Windows) -> None:
    ada, ben = await at(stage, windows, "ada"), await at(stage, windows, "ben")
    for number, text in enumerate(HOSTILE):
        await say(ada, text)
        shown = ben.locator(".message .body").nth(number)
        await expect(shown).to_have_text("bold it code &lt;b&gt; &amp;amp;" if text.startswith("*") else text)
    for text in HOSTILE[:3]:  # as a program on the wire would send it, without what Slack's client does to it
        await stage.people["cyd"].say(ROOM, text)
    await expect(ben.locator(".message")).to_have_count(8)
    assert await ben.locator(".message .body").locator("img, script, a, iframe").count() == 0
    assert "owned" not in await ben.title()


async def test_a_hostile_run_is_text_in_the_request_and_in_its_modal(stage: Scene, windows: Windows) -> None:
    doors = stage.lab.vendor.doors
    doors.clear()
    for text in HOSTILE:
        doors[text] = {"k": "open"}
    await stage.ask()
    ben = await at(stage, windows, "ben")
    await look(ben)
    for text in HOSTILE:
        await expect(modal(ben).locator(".body")).to_contain_text(text)
        assert any(text in shown for shown in await said(ben))
    assert await ben.locator(".body").locator("img, script, a, iframe").count() == 0
    assert "owned" not in await ben.title()


async def test_a_draft_and_its_cursor_survive_what_others_do(stage: Scene, windows: Windows) -> None:
    ada = await at(stage, windows, "ada")
    await ada.locator("#message").focus()
    await ada.keyboard.type("hello wrld")
    await ada.keyboard.press("ArrowLeft")
    await ada.keyboard.press("ArrowLeft")
    await ada.keyboard.press("ArrowLeft")
    await asyncio.gather(*(stage.people["ben"].say(ROOM, f"line {number}") for number in range(30)))
    await expect(ada.locator(".message")).to_have_count(30)
    await ada.keyboard.type("o")
    await expect(ada.locator("#message")).to_have_value("hello world")
    await ada.reload()
    await expect(ada.locator("#message")).to_have_value("hello world")
    await ada.keyboard.press("Tab")
    await expect(ada.locator("#message")).to_have_value("hello world")
