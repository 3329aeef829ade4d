"""A person at their Slack page: where things are in it."""

from __future__ import annotations

from playwright.async_api import Frame, Locator, Page, expect

from firedoor.channels.slack.blocks import APPROVE


def button(page: Page, action: str = APPROVE) -> Locator:
    """The button of that action in the messages."""
    return page.locator(f"#messages [data-action-id={action}]")


def modal(page: Page) -> Locator:
    return page.locator("#modal")


def submit(page: Page) -> Locator:
    return page.locator("#modal [data-modal=submit]")


def field(page: Page, name: str) -> Locator:
    """The field of that action id in the modal."""
    return page.locator(f"#modal [data-field$='/{name}']")


async def look(page: Page, action: str = APPROVE) -> None:
    """Press a button of a request, and wait for the modal."""
    await button(page, action).click()
    await expect(submit(page)).to_be_visible()


async def say(page: Page | Frame, text: str) -> None:
    """Write into the composer and send it."""
    await page.locator("#message").fill(text)
    await page.locator("[data-composer=send]").click()
    await expect(page.locator("#message")).to_have_value("")


async def offered(message: Locator, what: str) -> None:
    """Choose from a message's menu."""
    await message.locator(".opens-menu").first.click()
    await message.locator(f".menu {what}").click()


async def said(page: Page) -> list[str]:
    """The bodies of all messages on the page."""
    return await page.locator(".message .body").all_inner_texts()
