"""Who did it, by the ids that Slack vouches for, and how one person alone is answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from firedoor.approval import Person
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import told
from firedoor.defect import kind_and_place
from firedoor.errors import ChannelError
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]


async def presser(body: Payload, client: AsyncWebClient, audience: Audience) -> Person | None:
    """Who pressed a button or submitted a modal. Raises as `Audience.person`."""
    user = body["user"]
    return await audience.person(client, str(user["id"]), str(user.get("team_id") or body["team"]["id"]))


async def answer(respond: Any, message: Mapping[str, Any]) -> None:
    """Tell one person, through the address that came with what they did: it works wherever they did it."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only

    try:
        reply = await respond(**message)
    except (aiohttp.ClientError, TimeoutError, OSError) as silent:
        log.warning("a person could not be answered in Slack (%s)", type(silent).__name__)
    else:
        if reply.status_code != 200:
            log.warning("a person could not be answered in Slack (HTTP %s)", reply.status_code)


async def update(client: AsyncWebClient, view_id: str, view: Block) -> None:
    """Show something else in a modal that is open."""
    try:
        await told(client.views_update(view_id=view_id, view=view))
    except ChannelError as error:
        log.warning("a person could not be told what became of a decision: %s", error.what)


def defect_words(defect: Exception) -> str:
    """Words for the person, and a line in the log; neither quotes the defect's own text, which may hold anything."""
    log.error("a defect behind a listener: %s", kind_and_place(defect))
    return f"Something is wrong inside Firedoor ({kind_and_place(defect)}). See `firedoor runs` for what was begun."
