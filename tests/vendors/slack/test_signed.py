"""Signed HTTP, in front of slack-bolt with its own verifier: what a real app would take from Slack, it takes from the simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.errors import BadInput
from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.signed import RequestUrl, form, signature
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.vendors.slack.conftest import SHORT
from tests.vendors.slack.test_sockets import until
from tests.vendors.slack.world import WORLD

SECRET = "planted-signing-secret"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def serve(handler: Handler) -> str:
            app = web.Application()
            app.add_routes([web.post("/slack/events", handler)])
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"

        yield serve


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, signing_secret=SECRET)


def bolt(app: AsyncApp) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return handle


async def test_a_command_and_its_answer(slack: SlackSimulator, app: AsyncApp, serve: Serve, ada: Person) -> None:
    seen: list[Raw] = []

    @app.command("/firedoor")
    async def command(ack: Any, body: Raw, respond: Any) -> None:
        seen.append(body)
        await ack("it is <noted> & done")
        await respond("later")

    await slack.send_to(RequestUrl(url=await serve(bolt(app)), secret=SECRET))
    assert (await ada.command("C0INC", "/firedoor contain ada+x@acme.example  & more=ünï")).ok
    assert [(one["text"], one["user_id"], one["is_enterprise_install"]) for one in seen] == [
        ("contain ada+x@acme.example  & more=ünï", "U0ADA", "false")
    ]
    told = await ada.wait_for_message("C0INC", lambda one: one.text == "later", 2)
    assert told.ephemeral
    assert {one.text for one in await ada.messages("C0INC")} == {"it is <noted> & done", "later"}  # they overtake each other
    assert slack.connected == 0


async def test_a_click_a_modal_and_its_submission(slack: SlackSimulator, app: AsyncApp, serve: Serve, ada: Person) -> None:
    field = {
        "type": "input",
        "block_id": "why",
        "label": {"type": "plain_text", "text": "Why"},
        "element": {"type": "plain_text_input", "action_id": "text"},
    }
    form = {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [field],
    }

    @app.action("open")
    async def opened(ack: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form)

    @app.view("form")
    async def submitted(ack: Any, view: Any) -> None:
        if len(view["state"]["values"]["why"]["text"]["value"]) < 3:
            await ack(response_action="errors", errors={"why": "too short"})
        else:
            await ack(
                response_action="update", view={**form, "title": {"type": "plain_text", "text": "Done"}, "blocks": [], "submit": None}
            )

    await slack.send_to(RequestUrl(url=await serve(bolt(app)), secret=SECRET))
    button = {"type": "button", "action_id": "open", "text": {"type": "plain_text", "text": "Open"}}
    posted = await app.client.chat_postMessage(channel="C0INC", text="x", blocks=[{"type": "actions", "elements": [button]}])
    assert (await ada.click("C0INC", posted["ts"], "open")).ok
    await ada.wait_for_modal(lambda modal: modal.title == "Form", 2)
    assert (await ada.submit({"text": "no"})).ok
    assert (await ada.wait_for_modal(lambda modal: bool(modal.errors), 2)).errors == {"why": "too short"}
    assert (await ada.submit({"text": "long enough"})).ok
    assert (await ada.wait_for_modal(lambda modal: modal.title == "Done", 2)).submit == ""
    assert [(one.kind, one.type, one.acked) for one in slack.deliveries if one.kind == "interactive"] == [
        ("interactive", "block_actions", True),
        ("interactive", "view_submission", True),
        ("interactive", "view_submission", True),
    ]


async def test_an_event_that_fails_comes_again_and_says_so(slack: SlackSimulator, app: AsyncApp, serve: Serve, ada: Person) -> None:
    seen: list[tuple[str, str, str, str]] = []

    @app.event("message")
    async def message(body: Any, request: Any) -> None:
        seen.append(
            (body["event_id"], *(request.headers.get(f"x-slack-{name}", [""])[0] for name in ("retry-num", "retry-reason", "signature")))
        )

    through = bolt(app)

    async def handle(request: web.Request) -> web.StreamResponse:
        """The third time at last, the answer comes through."""
        reply = await through(request)
        if request.headers.get("X-Slack-Retry-Num", "0") == "0":
            return web.Response(status=503)
        if request.headers["X-Slack-Retry-Num"] == "1":
            await asyncio.sleep(SHORT.ack_seconds + 0.1)
        return reply

    async def challenged(request: web.Request) -> web.StreamResponse:
        return await (through if "url_verification" in await request.text() else handle)(request)

    await slack.send_to(RequestUrl(url=await serve(challenged), secret=SECRET))
    await ada.say("C0INC", "hello")
    await until(lambda: slack.deliveries[0].acked)
    assert [(num, reason) for _, num, reason, _ in seen] == [("", ""), ("1", "http_error"), ("2", "http_timeout")]
    assert len({event for event, *_ in seen}) == 1
    assert slack.deliveries[0].attempts == 3


async def test_an_app_may_ask_for_no_redelivery(slack: SlackSimulator, serve: Serve, ada: Person) -> None:
    times: list[float] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if "url_verification" in await request.text():
            return web.Response(text=(await request.json())["challenge"])
        times.append(time.monotonic())
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    await slack.send_to(RequestUrl(url=await serve(handle), secret=SECRET))
    await ada.say("C0INC", "hello")
    await until(lambda: not slack._signed[-1]._tasks)
    assert len(times) == 1
    assert not slack.deliveries[0].acked


async def test_what_the_person_sees_when_the_app_fails(serve: Serve) -> None:
    answers: dict[str, Handler] = {}

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answers["now"](request)

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(SHORT.ack_seconds + 0.2)
        return web.Response()

    async def refused(_: web.Request) -> web.StreamResponse:
        return web.Response(status=401)

    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502)

    async def moved(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def plain(_: web.Request) -> web.StreamResponse:
        return web.Response(text="plain words")

    to = RequestUrl(url=await serve(handle), secret=SECRET)
    async with SlackSimulator(WORLD, rules=SHORT, to=to) as slack, Person(slack.url, "U0ADA") as ada:
        for answer, error in (
            (slow, "operation_timeout"),
            (refused, "http_client_error"),
            (broken, "http_service_error"),
            (moved, "http_client_error"),
            (plain, ""),
        ):
            answers["now"] = answer
            assert (await ada.command("C0INC", "/firedoor")).error == error
        assert [one.text for one in await ada.messages("C0INC")] == ["plain words"]
    gone = RequestUrl(url="http://127.0.0.1:9/slack/events", secret=SECRET)
    async with SlackSimulator(WORLD, rules=SHORT, to=gone) as slack, Person(slack.url, "U0ADA") as ada:
        assert (await ada.command("C0INC", "/firedoor")).error == "dispatch_failed"
        assert slack.deliveries[0].attempts == 0


async def test_another_secret_is_refused_by_the_app(slack: SlackSimulator, app: AsyncApp, serve: Serve, ada: Person) -> None:
    url = await serve(bolt(app))
    with pytest.raises(BadInput, match="does not answer Slack's challenge"):
        await slack.send_to(RequestUrl(url=url, secret="another secret"))
    assert (await ada.command("C0INC", "/firedoor")).error == "dispatch_failed"  # no socket is open, and nothing is posted
    to = RequestUrl(url=url, secret="another secret")
    async with SlackSimulator(WORLD, to=to) as other, Person(other.url, "U0ADA") as eve:
        assert (await eve.command("C0INC", "/firedoor")).error == "http_client_error"
        assert "another secret" not in repr(other) + repr(other._signed) + repr(to)


class Off(Clock):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return 1_700_000_000 + self.seconds


@pytest.mark.parametrize(("seconds", "valid"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_the_sdks_verifier_takes_our_signatures_within_five_minutes(seconds: float, valid: bool) -> None:  # noqa: FBT001
    body, _ = form("interactive", {"type": "block_actions", "user": {"name": "Zoë & <Ben>"}})
    headers = dict(signature(SECRET, body, at=1_700_000_000))
    assert SignatureVerifier(SECRET, Off(seconds)).is_valid_request(body, headers) is valid
    assert not SignatureVerifier(SECRET, Off(seconds)).is_valid_request(f"{body} ", headers)
