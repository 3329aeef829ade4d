"""Who did it, by the ids that Slack vouches for, and how one person alone is answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from firedoor.approval import Person
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import told
from firedoor.defect import kind_and_place
from firedoor.errors import BadInput, ChannelError
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]


async def presser(body: Payload, client: AsyncWebClient, audience: Audience, *, decides: bool = False) -> Person | None:
    """Who pressed a button or submitted a modal. Raises as `Audience.person`."""
    user = body["user"]
    return await audience.person(client, str(user["id"]), str(user.get("team_id") or body["team"]["id"]), decides=decides)


def allowed(who: Person | None, *, asks: bool) -> Person:
    """The person, if they may give an order; ``asks``: one that asks for a run. Raises `BadInput` in words for them."""
    if who is None:
        raise BadInput("You are not on the roster of those who may use Firedoor", advice="Ask one of them")
    if asks and not who.may_request:
        raise BadInput("You may decide on runs and stop them, but not ask for them", advice="Ask somebody who may")
    return who


async def answer(respond: Any, message: Mapping[str, Any]) -> None:
    """Tell one person, through the address that came with what they did: it works wherever they did it."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only

    try:
        reply = await respond(**message)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as silent:  # the last where no address came, as from a home tab
        log.warning("a person could not be answered in Slack (%s)", type(silent).__name__)
    else:
        if reply.status_code != 200:
            log.warning("a person could not be answered in Slack (HTTP %s)", reply.status_code)


async def update(client: AsyncWebClient, view_id: str, view: Block) -> bool:
    """Show something else in a modal, if it is still open."""
    try:
        await told(client.views_update(view_id=view_id, view=view))
    except ChannelError as error:
        log.warning("a person could not be told in a modal what became of it: %s", error.what)
        return False
    return True


def defect_words(defect: Exception) -> str:
    """Words for the person, and a line in the log; neither quotes the defect's own text, which may hold anything."""
    log.error("a defect behind a listener: %s", kind_and_place(defect))
    return f"Something is wrong inside Firedoor ({kind_and_place(defect)}). See `firedoor runs` for what was begun."
