"""People are asked for what a run needs: shown the request, called again as its time runs out, until it is ruled on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

from firedoor.approval import Answer, Request, Ruling
from firedoor.channel import Ask, Channel
from firedoor.desk import Desk
from firedoor.run import Record
from firedoor.voices import Voices

REMINDED_AT = (1 / 3, 2 / 3)  # of the time that a request has


async def ruling(desk: Desk, record: Record, voices: Voices) -> Ruling:
    """How the run's request is ruled on, people being asked first where it is not yet; granted where it needs nobody."""
    if record.request is None:
        return Ruling.GRANTED
    if (ruled := desk.ruling(record)) is not None:
        return ruled
    ask = _ask(record, record.request)
    voices.tell(lambda channel: channel.asked(ask))
    reminding = asyncio.create_task(_remind(desk, record.request, voices))
    try:
        return await desk.wait(record.request)
    finally:
        reminding.cancel()


def _ask(record: Record, request: Request) -> Ask:
    approved = tuple(dict.fromkeys(one.by for one in record.decisions if one.answer is Answer.APPROVE))
    title, head = record.order.title, record.asked_head
    return Ask(title=title, order=record.order, request=request, items=record.items, approved=approved, head=head)


async def _remind(desk: Desk, request: Request, voices: Voices) -> None:
    """Those who may decide are called again, and more of them, as the request's time runs out."""
    for urgency, share in enumerate(REMINDED_AT, start=1):
        due = request.requested + share * (request.expires - request.requested)
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        record = await desk.record(request.run)
        voices.tell(partial(_reminded, _ask(record, request), urgency))


async def _reminded(ask: Ask, urgency: int, channel: Channel) -> None:
    await channel.reminded(ask, urgency)
