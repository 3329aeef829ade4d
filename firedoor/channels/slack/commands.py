"""``/firedoor``: what people type, and what only they are answered."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor import inputs
from firedoor.approval import Person
from firedoor.channel import Office
from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.ordering import Ordering
from firedoor.channels.slack.people import Payload, allowed, answer, defect_words
from firedoor.errors import BadInput, FiredoorError, nearest, shown
from firedoor.vendors.slack.text import own, pack, said, shorten

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

LINES: Final = 40
MARKUP: Final = re.compile(r"<(?:mailto:)?([^<>|\s@!#][^<>|\s]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What somebody typed after the first word, and the ways to answer them. ``form`` opens the form, for a playbook where one is named."""

    person: Person
    rest: str
    office: Office
    tell: Callable[[str], Awaitable[None]]
    form: Callable[[str], Awaitable[None]]


Handler: TypeAlias = Callable[[Line], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word after ``/firedoor``. ``usage`` maps each way to write it to what it does; ``asks``: it asks for a run."""

    run: Handler
    usage: Mapping[str, str]
    asks: bool = True


async def _contain(line: Line) -> str:
    """With values, a run begins; without, the form is opened."""
    name, *words = line.rest.split() or [""]
    given = [_typed(word) for word in words if word != "-i"]  # as at a terminal
    if given:
        return await (await line.office.contain(line.person.name, name, inputs.pairs(given)))
    await line.form(name)
    return ""


async def _freeze(line: Line) -> str:
    users = [_typed(word) for word in line.rest.replace(",", " ").split()]
    if not users:
        raise BadInput("nobody is named", advice="For example: /firedoor freeze ada@example.com")
    return await (await line.office.freeze(line.person.name, users))


async def _undo(line: Line) -> str:
    return await (await line.office.undo(line.person.name, _run(line)))


async def _stop(line: Line) -> str:
    return await line.office.stop(line.person.name, _run(line))


async def _status(line: Line) -> str:
    return await line.office.status(line.rest.strip())


async def _drill(line: Line) -> str:
    over = await line.office.drill(line.person.name)
    await line.tell("A drill begins, on this machine and with nothing real in it. You are told how it ended: in about half a minute.")
    return await over


WORDS: Final[Mapping[str, Word]] = {
    "contain": Word(run=_contain, usage={"contain": "fill in a form", "contain PLAYBOOK key=value": "start at once"}),
    "status": Word(run=_status, usage={"status": "what is under way", "status RUN": "where one stands"}, asks=False),
    "stop": Word(run=_stop, usage={"stop RUN": "write nothing more"}, asks=False),
    "freeze": Word(run=_freeze, usage={"freeze USER": "suspend at once, signed by one"}),
    "undo": Word(run=_undo, usage={"undo RUN": "put back what it changed"}),
    "drill": Word(run=_drill, usage={"drill": "rehearse, nothing real"}),
}
HELP: Final = "\n".join(
    [
        "`/firedoor` and one of these:",
        *(f"`{usage}` {says}" for word in WORDS.values() for usage, says in word.usage.items()),
        "For example:",
        "`/firedoor contain session-hijack`",
        "Or from the menu of an alert:",
        "_Contain from this alert_",
    ]
)


def listen(app: AsyncApp, *, office: Office, ordering: Ordering, audience: Audience) -> None:
    """Register the command."""

    @app.command("/firedoor")
    async def command(ack: Any, command: Payload, respond: Any, client: AsyncWebClient) -> None:
        await ack()

        async def tell(words: str) -> None:
            await answer(respond, told(words))

        async def form(playbook: str) -> None:
            await ordering.open(client, str(command["trigger_id"]), respond=respond, playbook=playbook)

        async def line(word: Word, rest: str) -> Line:
            who = await audience.person(client, str(command["user_id"]), str(command["team_id"]))
            return Line(person=allowed(who, asks=word.asks), rest=rest, office=office, tell=tell, form=form)

        name, _, rest = str(command.get("text", "")).strip().partition(" ")
        word = WORDS.get(name.casefold())
        if word is None:
            await answer(respond, help_for(name))
        elif words := await _carried_out(word, line(word, rest)):
            await tell(words)


async def _carried_out(word: Word, line: Awaitable[Line]) -> str:
    try:
        return await word.run(await line)
    except FiredoorError as error:
        return str(error)
    except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
        return defect_words(defect)


def help_for(word: str) -> Mapping[str, Any]:
    """The help, with the nearest word where one was mistyped."""
    known = word == "" or word.casefold() == "help"
    missed = [] if known else [said(shorten(f"There is no {shown(word)} here{nearest(word, [*WORDS, 'help'])}"))]
    return {"text": "How to use /firedoor", "blocks": [*missed, own(HELP)], "response_type": "ephemeral", "replace_original": False}


def told(words: str) -> Mapping[str, Any]:
    """An answer to one person, with its lines kept apart."""
    if "\n" not in words:
        return blocks.answer(words)
    return {**blocks.answer(words), "blocks": [said(text) for text in pack(words.splitlines(), most=LINES, sections=2)]}


def _run(line: Line) -> str:
    if not (run := line.rest.strip()):
        raise BadInput("no run is named", advice="For example: /firedoor status, which lists them")
    return run


def _typed(word: str) -> str:
    """A word as it was typed: Slack may have made links of addresses in it."""
    return html.unescape(MARKUP.sub(lambda link: link[2] or link[1], word))
