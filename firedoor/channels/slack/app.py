"""The listeners: acknowledge, hand over. What may be decided, and by whom, is the desk's to know."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor.approval import Answer, Person, Ruling
from firedoor.channels.slack import blocks
from firedoor.channels.slack.calls import VERBATIM, told
from firedoor.channels.slack.posts import kept
from firedoor.defect import kind_and_place
from firedoor.desk import Desk
from firedoor.errors import ChannelError, DecisionRefused, FiredoorError
from firedoor.run import Record
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]
Start: TypeAlias = Callable[[str, str], Awaitable[str]]
HELP = (
    "`/firedoor contain PLAYBOOK key=value ...` starts a run\n"
    "`/firedoor stop RUN` lets it begin no further write\n"
    "`/firedoor status RUN` tells where it stands"
)
ACK_WITHIN: Final = 2.0  # of the three seconds that Slack waits
REMEMBERED: Final = 1000


def listen(app: AsyncApp, *, desk: Desk, commands: Mapping[str, Start], team: str) -> None:
    """Register the listeners. ``commands`` are words after ``/firedoor``; each is told the person's name and the rest, and answers.

    ``team`` is our own workspace: people of others, in a shared channel, are nobody here.
    """
    seen: deque[str] = deque(maxlen=REMEMBERED)

    @app.middleware
    async def once(body: Payload, next_: Callable[[], Awaitable[Any]]) -> Any:
        """What people do reaches us once, however often Slack delivers it."""
        from slack_bolt.response import BoltResponse  # noqa: PLC0415

        if body.get("trigger_id") in seen:
            return BoltResponse(status=200)
        seen.append(str(body.get("trigger_id")))
        return await next_()

    @app.command("/firedoor")
    async def command(ack: Any, command: Payload, respond: Any) -> None:
        await ack()
        person = _person(str(command["user_id"]), str(command["team_id"]), desk, team)
        await _respond(respond, await _answer(str(command.get("text", "")), person, commands))

    @app.action(blocks.APPROVE)
    async def approve(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        await _open(body, client, respond, desk, _presser(body, desk, team), approve=True)

    @app.action(blocks.DENY)
    async def deny(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        await _open(body, client, respond, desk, _presser(body, desk, team), approve=False)

    @app.view(blocks.DECIDE)
    async def decide(ack: Any, body: Payload, view: Payload, client: AsyncWebClient) -> None:
        """The ack itself carries the outcome: a separate update could overtake it. Only a slow journal is told of afterwards."""
        deciding = asyncio.ensure_future(_decide(view, _presser(body, desk, team), str(body["user"]["id"]), desk))
        done, _ = await asyncio.wait({deciding}, timeout=ACK_WITHIN)
        await ack(
            response_action="update", view=deciding.result() if done else blocks.outcome("Recording", "Your decision is being recorded.")
        )
        if not done:
            await _update(client, str(view["id"]), await deciding)
        await _show(client, str(view["private_metadata"]), desk)


async def _answer(text: str, person: Person | None, commands: Mapping[str, Start]) -> Mapping[str, Any]:
    word, _, rest = text.strip().partition(" ")
    if word not in commands:
        return {"text": HELP, "response_type": "ephemeral"}
    if person is None or not person.may_request:
        return blocks.answer("You are not on the roster of those who may use Firedoor.")
    try:
        return blocks.answer(await commands[word](person.name, rest))
    except FiredoorError as error:
        return blocks.answer(str(error))
    except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
        return blocks.answer(_defect(defect))


async def _open(body: Payload, client: AsyncWebClient, respond: Any, desk: Desk, person: Person | None, *, approve: bool) -> None:
    """Show the whole request as the journal has it, to whoever may answer it; others are told why not, and only they."""
    try:
        run = _run(body["actions"][0])
        request = await desk.may_decide(run, person)
        at = f"{body['container']['channel_id']} {body['container']['message_ts']}"
        view = blocks.decide(blocks.ask_of(await desk.record(run), request), approve=approve, at=at)
        await told(client.views_open(trigger_id=str(body["trigger_id"]), view=view))
    except ChannelError as error:
        await _respond(respond, blocks.answer(f"{error.what}, so the request could not be shown. Press the button again."))
    except FiredoorError as error:
        await _respond(respond, blocks.answer(f"Not possible: {error}"))
    except Exception as defect:  # noqa: BLE001 - as above
        await _respond(respond, blocks.answer(_defect(defect)))


async def _decide(view: Payload, person: Person | None, member: str, desk: Desk) -> Block:
    """Record the decision; the answer is a view that tells what became of it."""
    try:
        run, answer, asked, *_ = str(view["private_metadata"]).split(" ")
        reason = str(view["state"]["values"]["reason"]["text"].get("value") or "")
        await desk.decide(run, person, Answer(answer), via=f"slack:{member}", reason=reason, asked=asked)
    except FiredoorError as error:
        return blocks.outcome("Not recorded", f"Not possible: {error}")
    except Exception as defect:  # noqa: BLE001 - as above
        return blocks.outcome("Not recorded?", _defect(defect))
    return blocks.outcome("Recorded", f"Your decision on run {run} is recorded: {answer}.")


def _run(action: Payload) -> str:
    """The run that a button is about. Raises `DecisionRefused` where the button and the place it stands in do not agree."""
    run = str(action.get("value", ""))
    if action.get("block_id") != blocks.place(run):
        raise DecisionRefused("this button is not as Firedoor made it", advice="Tell the other responders: somebody has edited the message")
    return run


async def _respond(respond: Any, message: Mapping[str, Any]) -> None:
    """Tell one person, through the address that came with what they did: it works wherever they did it."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only

    try:
        reply = await respond(**message)
    except (aiohttp.ClientError, TimeoutError, OSError) as silent:
        log.warning("a person could not be answered in Slack (%s)", type(silent).__name__)
    else:
        if reply.status_code != 200:
            log.warning("a person could not be answered in Slack (HTTP %s)", reply.status_code)


async def _show(client: AsyncWebClient, metadata: str, desk: Desk) -> None:
    """Let the request in the channel tell at once what it waits for still, or that it is decided: then its buttons go."""
    parts = metadata.split(" ")
    if len(parts) != 5:
        return  # not a view of ours; the person has been told
    run, channel, ts = parts[0], parts[3], parts[4]

    async def read() -> Record:
        record = await desk.record(run)
        if record.ruling is None and record.request is not None and (ruling := desk.tally(record.request, record)) is not Ruling.WAITING:
            record.ruling = ruling  # the run's own process journals it in a moment
        return record

    async def show(text: str, shown: Sequence[Block]) -> None:
        await told(client.chat_update(channel=channel, ts=ts, text=text, blocks=shown, **VERBATIM))

    try:
        await kept(read, show)
    except FiredoorError as error:
        log.warning("the request of run %s could not be brought up to date: %s", run, error.what)  # its next edit will be


async def _update(client: AsyncWebClient, view_id: str, view: Block) -> None:
    try:
        await told(client.views_update(view_id=view_id, view=view))
    except ChannelError as error:
        log.warning("a person could not be told what became of a decision: %s", error.what)


def _presser(body: Payload, desk: Desk, team: str) -> Person | None:
    user = body["user"]
    return _person(str(user["id"]), str(user.get("team_id") or body["team"]["id"]), desk, team)


def _person(member: str, from_team: str, desk: Desk, team: str) -> Person | None:
    """Who did it, by the member id that Slack vouches for. Another workspace's ids mean nothing here."""
    return desk.roster.by_slack(member) if from_team == team else None


def _defect(defect: Exception) -> str:
    """Words for the person, and a line in the log; neither quotes the defect's own text, which may hold anything."""
    log.error("a defect behind a listener: %s", kind_and_place(defect))
    return f"Something is wrong inside Firedoor ({kind_and_place(defect)}). See `firedoor runs` for what was begun."
