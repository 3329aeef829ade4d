"""Decisions: a request's buttons, and the modal in which one is really made. What may be decided, and by whom, is the desk's to know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor.approval import Answer, Person, Ruling
from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import VERBATIM, told
from firedoor.channels.slack.people import Payload, answer, defect_words, presser, update
from firedoor.channels.slack.posts import kept
from firedoor.desk import Desk
from firedoor.errors import ChannelError, DecisionRefused, FiredoorError, MustBeSigned
from firedoor.run import Record
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

_Seen: TypeAlias = Callable[..., Awaitable[None]]
_Made: TypeAlias = Callable[[str, Person | None], Awaitable[Block]]

ACK_WITHIN: Final = 2.0  # of the three seconds that Slack waits


def listen(app: AsyncApp, *, desk: Desk, audience: Audience) -> None:
    """Register what people may press and submit under a request, and under a run's progress."""

    @app.action(blocks.APPROVE)
    async def approve(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        who = presser(body, client, audience, decides=True)
        await _open(body, client, respond, who, lambda run, person: _request(body, run, person, desk, approve=True), desk.looked)

    @app.action(blocks.DENY)
    async def deny(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        who = presser(body, client, audience, decides=True)
        await _open(body, client, respond, who, lambda run, person: _request(body, run, person, desk, approve=False), desk.looked)

    @app.action(blocks.STOP)
    async def stop(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        await _open(body, client, respond, presser(body, client, audience), lambda run, person: _halt(run, person, desk))

    @app.view(blocks.HALT)
    async def halt(ack: Any, body: Payload, view: Payload, client: AsyncWebClient) -> None:
        await ack(response_action="update", view=blocks.outcome("Stop", await _stop(body, view, client, desk, audience)))

    @app.view(blocks.DECIDE)
    async def decide(ack: Any, body: Payload, view: Payload, client: AsyncWebClient) -> None:
        """The ack itself carries the outcome: a separate update could overtake it. Only a slow journal is told of afterwards."""
        deciding = asyncio.ensure_future(_decide(body, view, client, desk, audience))
        done, _ = await asyncio.wait({deciding}, timeout=ACK_WITHIN)
        await ack(
            response_action="update", view=deciding.result() if done else blocks.outcome("Recording", "Your decision is being recorded.")
        )
        if not done:
            await update(client, str(view["id"]), await deciding)
        await _show(client, str(view.get("private_metadata")), desk, audience)


async def _open(  # noqa: PLR0917 - what bolt hands over, and what to make of it
    body: Payload, client: AsyncWebClient, respond: Any, who: Awaitable[Person | None], made: _Made, seen: _Seen | None = None
) -> None:
    """Show what the journal has, to whoever may act on it; others are told why not, and only they. ``seen`` is told who looks."""
    try:
        person, run = await who, _run(body["actions"][0])
        view = await made(run, person)
        await told(client.views_open(trigger_id=str(body["trigger_id"]), view=view))
        if seen is not None:
            await seen(run, person, via=f"slack:{body['user']['id']}")
    except ChannelError as error:
        await answer(respond, blocks.answer(f"{error.what}, so the request could not be shown. Press the button again."))
    except FiredoorError as error:
        await answer(respond, blocks.answer(f"Not possible: {error}"))
    except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
        await answer(respond, blocks.answer(defect_words(defect)))


async def _request(body: Payload, run: str, person: Person | None, desk: Desk, *, approve: bool) -> Block:
    """The whole request. Raises as `Desk.may_decide`."""
    request = await desk.may_decide(run, person)
    place = body["container"] if isinstance(body.get("container"), Mapping) else {}
    at = f"{place.get('channel_id', '')} {place.get('message_ts', '')}"
    return blocks.decide(blocks.ask_of(await desk.record(run), request), approve=approve, at=at)


async def _halt(run: str, person: Person | None, desk: Desk) -> Block:
    """What would be stopped. Raises as `Desk.may_stop`."""
    return blocks.halt((await desk.may_stop(run, person)).order)


async def _stop(body: Payload, view: Payload, client: AsyncWebClient, desk: Desk, audience: Audience) -> str:
    """Stop a run; what became of that, in words."""
    try:
        run = str(view.get("private_metadata"))
        await desk.stop(run, await presser(body, client, audience), via=f"slack:{body['user']['id']}")
    except FiredoorError as error:
        return f"Not possible: {error}"
    except Exception as defect:  # noqa: BLE001 - as above
        return defect_words(defect)
    return f"Run {run} begins no further write."


async def _decide(body: Payload, view: Payload, client: AsyncWebClient, desk: Desk, audience: Audience) -> Block:
    """Record the decision; the answer is a view that tells what became of it."""
    try:
        run, said, asked, reason = _said(view)
        person, via = await presser(body, client, audience, decides=True), f"slack:{body['user']['id']}"
        try:
            await desk.decide(run, person, said, via=via, reason=reason, asked=asked)
        except MustBeSigned as signed:
            await desk.advise(run, person, said, via=via, reason=reason)
            return blocks.outcome("Advice noted", f"Nothing is decided: {signed}")
    except FiredoorError as error:
        return blocks.outcome("Not recorded", f"Not possible: {error}")
    except Exception as defect:  # noqa: BLE001 - as above
        return blocks.outcome("Not recorded?", defect_words(defect))
    return blocks.outcome("Recorded", f"Your decision on run {run} is recorded: {said}.")


def _said(view: Payload) -> tuple[str, Answer, str, str]:
    """The run, the answer, the digest of what was shown, and why. Raises `DecisionRefused` where the view is none of ours."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        run, said, asked, *_ = view["private_metadata"].split(" ")
        reason = view["state"]["values"]["reason"]["text"].get("value") or ""
        if said in (Answer.APPROVE, Answer.DENY) and asked and isinstance(reason, str):
            return run, Answer(said), asked, reason
    raise DecisionRefused("this view is not as Firedoor made it", advice="Open the request again")


def _run(action: Payload) -> str:
    """The run that a button is about. Raises `DecisionRefused` where the button and the place it stands in do not agree."""
    run = str(action.get("value", ""))
    if action.get("block_id") != blocks.place(run):
        raise DecisionRefused("this button is not as Firedoor made it", advice="Tell the other responders: somebody has edited the message")
    return run


async def _show(client: AsyncWebClient, metadata: str, desk: Desk, audience: Audience) -> None:
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
        await kept(read, show, audience)
    except FiredoorError as error:
        log.warning("the request of run %s could not be brought up to date: %s", run, error.what)  # its next edit will be
