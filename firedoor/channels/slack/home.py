"""The app's home tab, made anew each time it is opened: what waits for the person, what is under way or left open, what they may do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from firedoor.approval import Person
from firedoor.channel import Office
from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import told
from firedoor.channels.slack.people import Payload, allowed, defect_words, presser
from firedoor.desk import Desk
from firedoor.errors import ChannelError, DecisionRefused, FiredoorError
from firedoor.situation import Situation, State, clock, living, stage
from firedoor.vendors.slack.text import Block, context, header, own, pack, plain, said, shorten

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

LOOK, REFUSE = "firedoor_home_look", "firedoor_home_refuse"
MOST_WAITING: Final = 10
MOST_LINES, SECTIONS = 60, 8
FEW: Final = 3

log = logging.getLogger(__name__)


def home(person: Person, situations: Sequence[Situation], waiting: Collection[str], *, now: datetime) -> Block:
    """The tab of somebody on the roster. ``waiting`` are the runs that they may decide on now."""
    mine = [one for one in situations if one.run in waiting]
    going = [f"• {one.run} {one.title}: {stage(one)}" for one in situations if one.state is not State.OVER and one not in mine]
    left = [line for one in situations if one.left for line in _left(one)]
    live = [line for one in situations if one.state is State.OVER for line in _living(one, now)]
    return _tab(
        own("*Waiting for you*"),
        *(block for one in mine[:MOST_WAITING] for block in _waiting(one)),
        *_part([] if mine else ["Nothing."]),
        *_part([f"… and {len(mine) - MOST_WAITING} more"] if len(mine) > MOST_WAITING else []),
        own("*Under way*"),
        *_part(going or ["Nothing."]),
        own("*Left open*"),
        *_part(left or ["Nothing."]),
        *([own("*What may still live*"), *_part(live)] if live else []),
        context(plain(shorten(f"{rights(person)} As of {clock(now)}, of the newest runs. More: /firedoor help"))),
    )


def nobody(words: str) -> Block:
    """The tab of everybody else."""
    return _tab(said(shorten(words)))


def rights(person: Person) -> str:
    """What somebody may do, in a line."""
    may = ["ask for runs"] * person.may_request + ["decide on those of others"] * person.may_approve + ["stop any that you are not in"]
    return f"{person.name}, you may {', '.join(may[:-1])}{' and ' if may[1:] else ''}{may[-1]}."


def listen(app: AsyncApp, *, office: Office, desk: Desk, audience: Audience) -> None:
    """Register the opening of the tab, and its buttons."""

    @app.event("app_home_opened")
    async def opened(event: Payload, body: Payload, client: AsyncWebClient) -> None:
        if event.get("tab") != "home":
            return
        member = str(event["user"])
        view = await _made(client, member, str(body["team_id"]), office, desk, audience)
        try:
            await told(client.views_publish(user_id=member, view=view))
        except ChannelError as error:
            log.warning("a home tab could not be shown: %s", error.what)

    @app.action(LOOK)
    async def look(ack: Any, body: Payload, client: AsyncWebClient) -> None:
        await ack()
        await _open(body, client, desk, audience, approve=True)

    @app.action(REFUSE)
    async def refuse(ack: Any, body: Payload, client: AsyncWebClient) -> None:
        await ack()
        await _open(body, client, desk, audience, approve=False)


async def _made(client: AsyncWebClient, member: str, team: str, office: Office, desk: Desk, audience: Audience) -> Block:  # noqa: PLR0917
    try:
        person = allowed(await audience.person(client, member, team), asks=False)
        situations = await office.situations()
        waiting = [one.run for one in situations if one.state is State.WAITING and await _may_decide(desk, one.run, person)]
        return home(person, situations, waiting, now=datetime.now(UTC))
    except FiredoorError as error:
        return nobody(str(error))
    except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
        return nobody(defect_words(defect))


async def _may_decide(desk: Desk, run: str, person: Person) -> bool:
    try:
        await desk.may_decide(run, person)
    except FiredoorError:
        return False
    return True


async def _open(body: Payload, client: AsyncWebClient, desk: Desk, audience: Audience, *, approve: bool) -> None:
    """Show the whole request as the journal has it, to whoever may answer it; to others, why not."""
    run, person = "", None
    try:
        run, person = _run(body["actions"][0]), await presser(body, client, audience, decides=True)
        request = await desk.may_decide(run, person)
        view = blocks.decide(blocks.ask_of(await desk.record(run), request), approve=approve)
    except FiredoorError as error:
        view = blocks.outcome("Not possible", str(error))
    except Exception as defect:  # noqa: BLE001 - as above
        view = blocks.outcome("Not possible", defect_words(defect))
    try:
        await told(client.views_open(trigger_id=str(body["trigger_id"]), view=view))
        await desk.looked(run, person, via=f"slack:{body['user']['id']}")
    except ChannelError as error:
        log.warning("a request could not be shown from a home tab: %s", error.what)


def _run(pressed: Payload) -> str:
    """The run that a button is about. Raises `DecisionRefused` where the button and the place it stands in do not agree."""
    run = str(pressed.get("value", ""))
    if pressed.get("block_id") != _place(run):
        raise DecisionRefused("this button is not as Firedoor made it", advice="Open the tab again")
    return run


def _tab(*shown: Block) -> Block:
    return {"type": "home", "blocks": [header("Firedoor"), *shown]}


def _waiting(one: Situation) -> list[Block]:
    buttons = [blocks.button("Look and decide", LOOK, one.run, style="primary"), blocks.button("Deny", REFUSE, one.run, style="danger")]
    return [
        said(shorten(f"{one.title}, run {one.run}: {stage(one)}")),
        {"type": "actions", "block_id": _place(one.run), "elements": buttons},
    ]


def _place(run: str) -> str:
    return f"home:{run}"


def _left(one: Situation) -> list[str]:
    more = [f"… and {len(one.open) - FEW} more: /firedoor status {one.run}"] if len(one.open) > FEW else []
    return [f"• {one.run} {one.title}{_ended(one)}: {one.headline}", *(f"✗ {line}" for line in one.open[:FEW]), *more]


def _living(one: Situation, now: datetime) -> list[str]:
    live = living(one, now=now)
    more = [f"… and {len(live) - FEW} more: /firedoor status {one.run}"] if len(live) > FEW else []
    lines = [f"- {left.what}: until {left.until}. Closed by: {left.closes_by}" for left in live[:FEW]]
    return [f"• {one.run} {one.title}{_ended(one)}", *lines, *more] if live else []


def _ended(one: Situation) -> str:
    return f", ended {clock(one.ended)}" if one.ended else ""


def _part(lines: Sequence[str]) -> list[Block]:
    return [said(text) for text in pack(lines, most=MOST_LINES, sections=SECTIONS)]
