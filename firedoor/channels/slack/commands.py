"""``/firedoor``: what people type, and what only they are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from firedoor.approval import Person
from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.people import Payload, answer, defect_words
from firedoor.errors import FiredoorError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

Start: TypeAlias = Callable[[str, str], Awaitable[str]]
HELP = (
    "`/firedoor contain PLAYBOOK key=value ...` starts a run\n"
    "`/firedoor stop RUN` lets it begin no further write\n"
    "`/firedoor status RUN` tells where it stands"
)


def listen(app: AsyncApp, *, commands: Mapping[str, Start], audience: Audience) -> None:
    """Register the command. ``commands`` are words after ``/firedoor``; each is told the person's name and the rest, and answers."""

    @app.command("/firedoor")
    async def command(ack: Any, command: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        try:
            who = await audience.person(client, str(command["user_id"]), str(command["team_id"]))
        except FiredoorError as refused:
            await answer(respond, blocks.answer(str(refused)))
            return
        await answer(respond, await _answer(str(command.get("text", "")), who, commands))


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
        return blocks.answer(defect_words(defect))
