"""Block Kit on the page, with an app of its own behind it: what people fill in arrives, and what the app does is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.browser.conftest import PHONE, REFUSED, WIDE, Shoot, Windows
from tests.browser.slack import modal, offered, say, submit
from tests.vendors.slack.world import APP, BOT, WORLD

pytestmark = pytest.mark.browser
ROOM = "C0INC"


def plain(text: str) -> Raw:
    return {"type": "plain_text", "text": text}


def option(value: str, text: str = "") -> Raw:
    return {"text": plain(text or value.title()), "value": value}


def button(action: str, text: str = "", **more: Any) -> Raw:
    return {"type": "button", "action_id": action, "text": plain(text or action.title()), "value": action, **more}


def asks(name: str, element: Raw, **more: Any) -> Raw:
    return {"type": "input", "block_id": name, "label": plain(name.title()), "element": {"action_id": name, **element}, **more}


OPTIONS = [option("red"), option("green"), option("blue")]
FORM: list[Raw] = [
    {"type": "header", "text": plain("A form with everything")},
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Bold*, _slanted_, ~gone~, `code`, <@U0BEN> in <#C0INC>\n> a quotation"}},
    {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*{name}*\nits value"} for name in ("Run", "Incident", "Asked by")]},
    {"type": "divider"},
    {"type": "section", "block_id": "aside", "text": plain("With something beside it"), "accessory": button("beside")},
    asks("why", {"type": "plain_text_input", "placeholder": plain("In a few words")}, hint=plain("For the record")),
    asks("story", {"type": "plain_text_input", "multiline": True, "initial_value": "Once"}),
    asks("colour", {"type": "static_select", "options": OPTIONS}),
    asks("colours", {"type": "multi_static_select", "options": OPTIONS, "initial_options": OPTIONS[:1]}),
    asks("pick", {"type": "radio_buttons", "options": OPTIONS}),
    asks("ticks", {"type": "checkboxes", "options": [{**OPTIONS[0], "description": plain("like the door")}, *OPTIONS[1:]]}, optional=True),
    asks("since", {"type": "datetimepicker", "initial_date_time": 1_700_000_000}),
    asks("who", {"type": "users_select"}),
    asks("day", {"type": "datepicker"}, optional=True),
    {"type": "context", "elements": [plain("Nothing is sent before you press the button.")]},
]
MODAL: Raw = {"type": "modal", "callback_id": "form", "title": plain("Everything"), "submit": plain("Send"), "blocks": FORM}
MENU: Raw = {"type": "static_select", "action_id": "choose", "placeholder": plain("Choose a run"), "options": OPTIONS}
MORE: Raw = {"type": "overflow", "action_id": "more", "options": OPTIONS[:2]}
SURE: Raw = {
    "title": plain("Really?"),
    "text": plain("It cannot be undone."),
    "confirm": plain("Do it"),
    "deny": plain("Leave it"),
    "style": "danger",
}
POST: list[Raw] = [
    {"type": "section", "block_id": "top", "text": plain("What now?"), "accessory": MORE},
    {
        "type": "actions",
        "block_id": "acts",
        "elements": [button("open", style="primary"), button("risky", "Delete it", style="danger", confirm=SURE), MENU],
    },
]


@dataclass
class Desk:
    """The app, all it was told, and what it answers to a submission."""

    slack: SlackSimulator
    web: AsyncWebClient
    heard: list[dict[str, Any]] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    ts: str = ""

    async def until(self, count: int) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while len(self.heard) < count:  # noqa: ASYNC110 - the app has no event to wait on
                await asyncio.sleep(0.01)
        return self.heard[count - 1]

    async def post(self, blocks: list[Raw] = POST) -> str:
        self.ts = str((await self.web.chat_postMessage(channel=ROOM, text="What now?", blocks=blocks))["ts"])
        return self.ts

    async def update(self, blocks: list[Raw]) -> None:
        await self.web.chat_update(channel=ROOM, ts=self.ts, text="What now?", blocks=blocks)


@asynccontextmanager
async def working() -> AsyncIterator[Desk]:
    async with SlackSimulator(WORLD) as slack:
        web = AsyncWebClient(token=BOT, base_url=slack.url + "api/")
        app, desk = AsyncApp(client=web), Desk(slack=slack, web=web)

        @app.action("open")
        async def opened(ack: Any, body: Any, client: Any) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @app.view("form")
        async def form(ack: Any, body: Any) -> None:
            desk.heard.append(body)
            await ack(**desk.answer)

        async def heard(ack: Any, body: Any) -> None:
            desk.heard.append(body)
            await ack()

        for action in ("choose", "risky", "more", "beside", "colour", "late", "greet"):
            app.action(action)(heard)
        app.shortcut("contain")(heard)
        app.shortcut("start")(heard)
        app.event("message")(heard_nothing)
        app.event("app_mention")(heard)
        app.event("app_home_opened")(heard_nothing)
        opener = AsyncWebClient(token=APP, base_url=slack.url + "api/")
        handler = AsyncSocketModeHandler(app, APP, web_client=opener, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            yield desk
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


async def heard_nothing(ack: Any) -> None:
    await ack()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with working() as found:
        yield found


async def ada_at(desk: Desk, windows: Windows, size: tuple[int, int] = WIDE) -> Page:
    return await windows.open(f"{desk.slack.url}as/U0ADA", size)


async def filled(page: Page) -> None:
    """Ada fills in what is needed."""
    form = modal(page)
    await form.get_by_label("Why").fill("it burns")
    await form.get_by_label("Story").fill("Once upon\na time")
    await form.get_by_label("Colour", exact=True).select_option(label="Green")
    await form.get_by_role("group", name="Colours").get_by_label("Blue").check()
    await form.get_by_role("radiogroup", name="Pick").get_by_label("Red").check()
    await form.get_by_label("Since").fill("2026-03-04T05:06")
    await form.get_by_label("Who").select_option(label="Ben")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
async def test_what_people_fill_in_arrives(desk: Desk, windows: Windows, shoot: Shoot, size: tuple[int, int]) -> None:
    await desk.post()
    page = await ada_at(desk, windows, size)
    await page.locator("[data-action-id=open]").click()
    await expect(submit(page)).to_be_visible()
    await filled(page)
    await shoot(page, f"form-{size[0]}")
    await modal(page).locator(".body").evaluate("node => node.scrollTop = 0")
    await shoot(page, f"form-top-{size[0]}")
    await submit(page).click()
    await expect(modal(page)).to_be_hidden()
    values = (await desk.until(1))["view"]["state"]["values"]
    assert values["why"]["why"]["value"] == "it burns"
    assert values["story"]["story"]["value"] == "Once upon\na time"
    assert values["colour"]["colour"]["selected_option"]["value"] == "green"
    assert [one["value"] for one in values["colours"]["colours"]["selected_options"]] == ["red", "blue"]
    assert values["pick"]["pick"]["selected_option"]["value"] == "red"
    assert values["ticks"]["ticks"]["selected_options"] == []
    assert values["since"]["since"]["selected_date_time"] == 1_772_597_160, "05:06 in Paris"
    assert values["who"]["who"]["selected_user"] == "U0BEN"
    assert values["day"]["day"]["selected_date"] is None


async def test_what_is_wrong_stands_under_its_field(desk: Desk, windows: Windows, shoot: Shoot) -> None:
    await desk.post()
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=open]").click()
    await submit(page).click()
    await expect(modal(page).locator(".wrong")).to_have_count(4)  # why, colour, pick, who
    await expect(modal(page).get_by_label("Why")).to_be_focused()
    await desk.web.chat_postMessage(channel=ROOM, text="news")
    await expect(page.locator(".message")).to_have_count(2)
    await expect(modal(page).locator(".wrong")).to_have_count(4)  # whatever else happens meanwhile
    assert not desk.heard, "Slack sends nothing while something is missing"
    await filled(page)
    desk.answer = {"response_action": "errors", "errors": {"why": "Say *more*, <b>please</b>"}}
    await submit(page).click()
    await expect(modal(page).locator(".wrong")).to_have_count(1)
    await expect(modal(page).locator("[data-block-id=why] .trouble")).to_have_text("Say *more*, <b>please</b>")
    await expect(modal(page).get_by_label("Why")).to_have_attribute("aria-invalid", "true")
    await expect(modal(page).get_by_label("Why")).to_have_value("it burns")
    await shoot(page, "form-wrong-1280")
    desk.answer = {}
    await submit(page).click()
    await expect(modal(page)).to_be_hidden()
    windows.forgive(REFUSED)


async def test_a_view_may_be_updated_or_laid_upon_and_nothing_typed_is_lost(desk: Desk, windows: Windows) -> None:
    await desk.post()
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=open]").click()
    await modal(page).get_by_label("Why").fill("it bu")
    await modal(page).get_by_label("Why").focus()
    [view] = desk.slack.world.modals["U0ADA"]
    changed: list[Raw] = [asks("early", {"type": "plain_text_input"}), *FORM[:5], {**FORM[5], "label": plain("Why, exactly")}, *FORM[6:]]
    await desk.web.views_update(view_id=view.id, view={**MODAL, "title": plain("Changed"), "blocks": changed})
    await expect(modal(page).locator("h2")).to_have_text("Changed")
    await expect(modal(page).get_by_label("Why, exactly")).to_be_focused()
    await page.keyboard.type("rns")
    await expect(modal(page).get_by_label("Why, exactly")).to_have_value("it burns")

    await modal(page).get_by_label("Early").fill("yes")
    await filled(page)
    desk.answer = {"response_action": "push", "view": {"type": "modal", "title": plain("On top"), "blocks": FORM[:2]}}
    await submit(page).click()
    await expect(modal(page).locator("h2")).to_have_text("On top")
    await expect(modal(page).locator("[data-modal=close]")).to_have_text("Back")
    await page.keyboard.press("Escape")
    await expect(modal(page).locator("h2")).to_have_text("Changed")
    await expect(modal(page).get_by_label("Why, exactly")).to_have_value("it burns")
    await expect(modal(page).get_by_label("Early")).to_have_value("yes")
    desk.answer = {"response_action": "update", "view": {"type": "modal", "title": plain("Done"), "blocks": FORM[:2]}}
    await submit(page).click()
    await expect(modal(page).locator("h2")).to_have_text("Done")
    await expect(submit(page)).to_be_hidden()
    await expect(modal(page).locator(".body")).to_be_focused()


async def test_a_choice_acts_at_once_and_a_danger_asks_first(desk: Desk, windows: Windows, shoot: Shoot) -> None:
    await desk.post()
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=choose]").select_option("blue")
    action = (await desk.until(1))["actions"][0]
    assert (action["action_id"], action["selected_option"]["value"]) == ("choose", "blue")
    await expect(page.locator("[data-action-id=choose]")).to_have_value("blue")

    await page.locator("[data-action-id=risky]").click()
    await expect(page.locator("#sure")).to_be_visible()
    await shoot(page, "sure-1280")
    await expect(page.locator("#sure [data-confirm=no]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#sure")).to_be_hidden()
    await expect(page.locator("[data-action-id=risky]")).to_be_focused()
    assert len(desk.heard) == 1
    await page.locator("[data-action-id=risky]").click()
    await page.locator("#sure [data-confirm=yes]").click()
    assert (await desk.until(2))["actions"][0]["value"] == "risky"

    await page.locator("[data-action-id=more] .opens-menu").click()
    await shoot(page, "menu-1280")
    await page.locator("[data-action-id=more] [data-value=green]").click()
    assert (await desk.until(3))["actions"][0]["selected_option"]["value"] == "green"


async def test_a_button_in_a_modal_sends_what_stands_in_it(desk: Desk, windows: Windows) -> None:
    await desk.post()
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=open]").click()
    await modal(page).get_by_label("Why").fill("half of it")
    await modal(page).locator("[data-action-id=beside]").click()
    body = await desk.until(1)
    assert body["actions"][0]["block_id"] == "aside"
    assert body["view"]["state"]["values"]["why"]["why"]["value"] == "half of it"
    [view] = desk.slack.world.modals["U0ADA"]
    dispatching = [{**block, "dispatch_action": True} if block.get("block_id") == "colour" else block for block in FORM]
    await desk.web.views_update(view_id=view.id, view={**MODAL, "title": plain("Acts"), "blocks": dispatching})
    await expect(modal(page).locator("h2")).to_have_text("Acts")
    await modal(page).get_by_label("Colour", exact=True).select_option("red")
    assert (await desk.until(2))["actions"][0]["selected_option"]["value"] == "red"
    await expect(modal(page).get_by_label("Why")).to_have_value("half of it")


async def test_shortcuts_stand_in_menus(desk: Desk, windows: Windows, shoot: Shoot) -> None:
    async with desk_of_alerts(desk):
        page = await ada_at(desk, windows)
        alert = page.locator(".message").first
        await alert.locator(".opens-menu").click()
        await shoot(page, "shortcuts-1280")
        await page.keyboard.press("Escape")
        await expect(alert.locator(".opens-menu")).to_be_focused()
        await offered(alert, "[data-callback=contain]")
        body = await desk.until(1)
        assert (body["callback_id"], body["message"]["text"]) == ("contain", "ALERT: somebody is in")
        await page.locator("#composer .opens-menu").click()
        await page.locator("#composer [data-callback=start]").click()
        assert (await desk.until(2))["type"] == "shortcut"
        await page.locator("#composer .opens-menu").click()
        await page.locator("#composer [data-command='/firedoor']").click()
        await expect(page.locator("#message")).to_have_value("/firedoor ")
        await expect(page.locator("#message")).to_be_focused()


@asynccontextmanager
async def desk_of_alerts(desk: Desk) -> AsyncIterator[None]:
    desk.slack._people.acts.integrate("B0ALERT", {"channel": ROOM, "text": "ALERT: somebody is in"})
    yield


async def test_a_reply_and_a_mention(desk: Desk, windows: Windows, shoot: Shoot) -> None:
    async with desk_of_alerts(desk):
        page = await ada_at(desk, windows)
        await offered(page.locator(".message").first, "[data-menu=reply]")
        await expect(page.locator(".replying")).to_contain_text("ALERT: somebody is in")
        await expect(page.locator("#message")).to_be_focused()
        await page.keyboard.type("I am on it, @firedoor & @ben")
        await shoot(page, "reply-1280")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.reply .body")).to_have_text("I am on it, @Firedoor & @Ben")
        await expect(page.locator(".replying")).to_be_hidden()
        assert (await desk.until(1))["event"]["text"] == "I am on it, <@U0BOT> &amp; <@U0BEN>"


async def test_the_home_tab(desk: Desk, windows: Windows, shoot: Shoot) -> None:
    page = await ada_at(desk, windows)
    await page.locator("[data-place=home]").click()
    await expect(page.locator("#home")).to_contain_text("shows nothing here")
    await desk.web.views_publish(
        user_id="U0ADA", view={"type": "home", "blocks": [*FORM[:4], {"type": "actions", "elements": [button("greet")]}]}
    )
    await page.locator("#home [data-action-id=greet]").click()
    assert (await desk.until(1))["view"]["type"] == "home"
    await shoot(page, "home-1280")


async def test_what_the_app_does_not_answer_is_told(desk: Desk, windows: Windows) -> None:
    await desk.post([{"type": "actions", "block_id": "b", "elements": [button("nobody_listens")]}])
    page = await ada_at(desk, windows)
    await say_and_fail(page, "/nothing here")
    await expect(page.locator("#trouble")).to_contain_text("There is no such command here.")
    await expect(page.locator("#message")).to_have_value("/nothing here")
    for socket in desk.slack._sockets._sockets:
        socket.leaving = True
    await page.locator("[data-action-id=nobody_listens]").click()
    await expect(page.locator(".message .trouble")).to_contain_text("not connected")
    windows.forgive(REFUSED)


async def say_and_fail(page: Page, text: str) -> None:
    await page.locator("#message").fill(text)
    await page.locator("[data-composer=send]").click()


async def test_a_click_does_not_land_on_what_has_just_come(desk: Desk, windows: Windows) -> None:
    first: list[Raw] = [{"type": "actions", "block_id": "b", "elements": [button("choose", "Safe")]}]
    other: list[Raw] = [{"type": "actions", "block_id": "b", "elements": [button("late", "Safe")]}]
    await desk.post(first)
    page = await ada_at(desk, windows)
    place = await page.locator("[data-action-id=choose]").bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + 10, place["y"] + 10)
    await desk.update(other)
    await page.locator("[data-action-id=late].settling").wait_for()
    await page.mouse.down()
    await page.mouse.up()
    await page.locator("[data-action-id=choose]").wait_for(state="detached")
    await expect(page.locator("[data-action-id=late]:not(.settling)")).to_be_visible()
    assert not desk.heard, "the click was meant for what stood there before"
    await page.mouse.down()
    await page.mouse.up()
    assert (await desk.until(1))["actions"][0]["action_id"] == "late"


async def test_a_key_does_not_press_what_has_just_come(desk: Desk, windows: Windows) -> None:
    await desk.post([{"type": "actions", "block_id": "b", "elements": [button("choose", "Approve r1")]}])
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=choose]").focus()
    await desk.update([{"type": "actions", "block_id": "b", "elements": [button("choose", "Approve r2", style="danger")]}])
    await expect(page.locator("[data-action-id=choose]")).to_have_text("Approve r2")
    await page.keyboard.press("Enter")
    await say(page, "hello")
    assert not desk.heard


async def test_a_focus_stays_where_nothing_changed(desk: Desk, windows: Windows) -> None:
    await desk.post()
    page = await ada_at(desk, windows)
    await page.locator("[data-action-id=risky]").focus()
    await desk.update([{"type": "section", "block_id": "new", "text": plain("There is news")}, *POST])
    await expect(page.locator("#messages")).to_contain_text("There is news")
    await expect(page.locator("[data-action-id=risky]")).to_be_focused()


async def test_a_reader_further_up_is_left_there_and_told(desk: Desk, windows: Windows) -> None:
    for number in range(40):
        await desk.web.chat_postMessage(channel=ROOM, text=f"line {number}")
    page = await ada_at(desk, windows)
    box = page.locator("#messages")
    await expect(page.locator(".message")).to_have_count(40)
    await expect(page.locator(".message").last).to_be_in_viewport()
    await box.evaluate("node => node.scrollTop = 300")
    await desk.web.chat_postMessage(channel=ROOM, text="the newest")
    await expect(page.locator("#newer")).to_have_text("1 new message: show")
    assert await box.evaluate("node => node.scrollTop") == 300
    await expect(page.locator("#said")).to_have_text("Firedoor: the newest")
    await page.locator("#newer").click()
    await expect(page.locator(".message").last).to_be_in_viewport()
    await expect(page.locator("#newer")).to_be_hidden()


@pytest.mark.parametrize("without", ["setInterval = () => 0", "EventSource = class { close() {} }"])
async def test_news_come_by_themselves(desk: Desk, windows: Windows, without: str) -> None:
    page = await windows.open(f"{desk.slack.url}as/U0ADA", before=f"window.{without};")
    await expect(page.locator("#where")).to_have_text("# incident")
    await desk.post()
    await expect(page.locator(".message")).to_have_count(1, timeout=10_000)


async def test_channels_and_who_one_is(desk: Desk, windows: Windows) -> None:
    page = await windows.open(desk.slack.url)
    await page.locator("[data-user=U0ADA]").click()
    await expect(page.locator("#name")).to_have_text("Ada")
    await expect(page.locator("#where")).to_have_text("# incident")
    await desk.web.chat_postMessage(channel="U0ADA", text="for you alone")
    await expect(page.locator("[data-place=D0ADA] small")).to_have_text("new")
    await page.locator("[data-place=D0ADA]").click()
    await expect(page.locator(".message .body")).to_have_text("for you alone")
    await page.locator("[data-place=C0GEN]").click()
    await expect(page.locator("#where")).to_have_text("# general")
    await page.locator("#who a").click()
    await expect(page.locator("[data-user=U0BEN]")).to_be_visible()
