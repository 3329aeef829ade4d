"""The listeners: acknowledge, hand over. What may be decided, and by whom, is the desk's to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from firedoor.approval import Answer, Person
from firedoor.channel import Ask
from firedoor.channels.slack import blocks
from firedoor.desk import Desk
from firedoor.errors import FiredoorError
from firedoor.run import Record

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

Payload: TypeAlias = Mapping[str, Any]
Start: TypeAlias = Callable[[str, str], Awaitable[str]]
HELP = (
    "`/firedoor contain PLAYBOOK key=value ...` starts a run\n"
    "`/firedoor stop RUN` lets it begin no further write\n"
    "`/firedoor status RUN` tells where it stands"
)


def listen(app: AsyncApp, *, desk: Desk, commands: Mapping[str, Start]) -> None:
    """Register the listeners. ``commands`` are words after ``/firedoor``; each is told the person's name and the rest, and answers."""

    @app.command("/firedoor")
    async def command(ack: Any, command: Payload, respond: Any) -> None:
        await ack()
        await respond(response_type="ephemeral", text=await _answer(command, desk, commands))

    @app.action(blocks.APPROVE)
    async def approve(ack: Any, body: Payload, client: AsyncWebClient) -> None:
        await ack()
        await _open(body, client, desk, approve=True)

    @app.action(blocks.DENY)
    async def deny(ack: Any, body: Payload, client: AsyncWebClient) -> None:
        await ack()
        await _open(body, client, desk, approve=False)

    @app.view(blocks.DECIDE)
    async def decide(ack: Any, body: Payload, view: Payload) -> None:
        refusal = await _decide(body, view, desk)
        await (ack(response_action="errors", errors={"reason": refusal}) if refusal else ack())


async def _answer(command: Payload, desk: Desk, commands: Mapping[str, Start]) -> str:
    word, _, rest = str(command.get("text", "")).strip().partition(" ")
    person = desk.roster.by_slack(str(command["user_id"]))
    if word not in commands:
        return HELP
    if person is None or not person.may_request:
        return "You are not on the roster of those who may use Firedoor."
    try:
        return await commands[word](person.name, rest)
    except FiredoorError as error:
        return blocks.escape(str(error))


async def _open(body: Payload, client: AsyncWebClient, desk: Desk, *, approve: bool) -> None:
    """Show the whole request as the journal has it, to whoever may answer it; others are told why not, and only they."""
    run = str(body["actions"][0]["value"])
    try:
        await desk.may_decide(run, _person(body, desk))
        view = blocks.decide(_ask(await desk.record(run)), approve=approve)
    except FiredoorError as error:
        text = blocks.escape(error.what)
        await client.chat_postEphemeral(channel=str(body["channel"]["id"]), user=str(body["user"]["id"]), text=f"Not possible: {text}.")
        return
    await client.views_open(trigger_id=str(body["trigger_id"]), view=view)


async def _decide(body: Payload, view: Payload, desk: Desk) -> str:
    """Record the decision; the answer is why it was refused, or nothing."""
    run, answer, asked = str(view["private_metadata"]).split(" ")
    reason = str(view["state"]["values"]["reason"]["text"].get("value") or "")
    try:
        await desk.decide(run, _person(body, desk), Answer(answer), via=f"slack:{body['user']['id']}", reason=reason, asked=asked)
    except FiredoorError as error:
        return error.what
    return ""


def _person(body: Payload, desk: Desk) -> Person | None:
    """Who pressed, by the member id that Slack vouches for. Another workspace's ids mean nothing here."""
    user = body["user"]
    if user.get("team_id", body["team"]["id"]) != body["team"]["id"]:
        return None
    return desk.roster.by_slack(str(user["id"]))


def _ask(record: Record) -> Ask:
    assert record.request is not None
    return Ask(title=record.order.playbook, order=record.order, request=record.request, items=record.items)
