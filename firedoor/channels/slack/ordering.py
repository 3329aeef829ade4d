"""Filling in the form, from its opening to what becomes of the run. The run's name is made when the form is opened: one form, one run."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from firedoor.approval import Person
from firedoor.channel import Later, Office
from firedoor.channels.slack import blocks, forms, prefill
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import SlackRefused, told
from firedoor.channels.slack.people import Payload, allowed, answer, defect_words, presser, update
from firedoor.errors import BadInput, FiredoorError, nearest, shown
from firedoor.indicators import Found
from firedoor.matching import Match, ranked
from firedoor.playbook import Playbook
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

ACK_WITHIN: Final = 2.0  # of the three seconds that Slack waits
SETTLE_SECONDS: Final = 0.5  # what the ack shows is there by then, and can no longer overtake the answer
REMEMBERED: Final = 500

pause = asyncio.sleep


class Ordering:
    """The forms of one app. Where a form cannot show the answer any more, its person is told where they opened it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._ways: OrderedDict[str, Any] = OrderedDict()

    async def open(self, client: AsyncWebClient, trigger: str, *, respond: Any, playbook: str = "", found: Found | None = None) -> None:
        """Show a form: for the playbook that is named, or for the one that fits best what an alert names.

        Raises `BadInput` where there is no playbook of that name, `ChannelError`.
        """
        run = self._office.name_run()
        matches = ranked(self._office.playbooks(), found.indicators if found else ())
        if playbook:
            _named([one.book for one in matches], playbook)
        best = matches[0].book.playbook if matches and matches[0].fits else ""
        self._ways[run] = respond
        while len(self._ways) > REMEMBERED:
            self._ways.popitem(last=False)
        await told(client.views_open(trigger_id=trigger, view=_form(matches, run, playbook or best, {}, found)))

    def chosen(self, filled: forms.Filled) -> Block:
        """The form for the playbook that is chosen by now. What was typed stays in the fields of the same name."""
        matches = ranked(self._office.playbooks(), filled.found.indicators if filled.found else ())
        return _form(matches, filled.run, filled.chosen, filled.values, filled.found)

    async def begin(self, person: Person | None, filled: forms.Filled) -> Later:
        """Begin the run. Raises `BadInput` where it cannot be begun, `forms.Faulty` where that is for some fields to say."""
        book = _named(self._office.playbooks(), filled.chosen)
        given = forms.checked(book, filled.values)
        return await self._office.contain(allowed(person, asks=True).name, book.playbook, given, run=filled.run)

    async def tell(self, client: AsyncWebClient, view: Payload, run: str, title: str, words: str) -> None:
        """What became of it, in the form's place, or where the form was opened."""
        await pause(SETTLE_SECONDS)
        if await update(client, str(view["id"]), blocks.outcome(title, words)):
            return
        if (respond := self._ways.get(run)) is not None:
            await answer(respond, blocks.answer(words))


def listen(app: AsyncApp, ordering: Ordering, *, audience: Audience) -> None:
    """Register what people do in the form."""

    @app.action(forms.CHOOSE)
    async def choose(ack: Any, body: Payload, client: AsyncWebClient) -> None:
        await ack()
        view = body["view"]
        try:
            await told(client.views_update(view_id=str(view["id"]), hash=str(view["hash"]), view=ordering.chosen(forms.read(view))))
        except SlackRefused:
            return  # they have chosen again meanwhile, or closed it
        except FiredoorError as error:
            await update(client, str(view["id"]), blocks.outcome("Not possible", str(error)))

    @app.view(forms.CONTAIN)
    async def submit(ack: Any, body: Payload, view: Payload, client: AsyncWebClient) -> None:
        """What is wrong is said in the form. Otherwise the ack shows that the run is being planned, and what becomes of it comes later."""
        try:
            filled = forms.read(view)
        except BadInput as error:
            await ack(response_action="update", view=blocks.outcome("Not possible", str(error)))
            return
        if filled.chosen != filled.shown:  # submitted before the fields could follow the choice
            await ack(response_action="update", view=ordering.chosen(filled))
            return

        async def begin() -> Later:
            return await ordering.begin(await presser(body, client, audience), filled)

        beginning = asyncio.ensure_future(begin())
        await asyncio.wait({beginning}, timeout=ACK_WITHIN)
        if wrong := _wrong(beginning):
            await ack(response_action="errors", errors=forms.placed(view, wrong))
            return
        await ack(response_action="update", view=forms.planning(filled.run))
        await ordering.tell(client, view, filled.run, *await _became(beginning))


def _form(matches: Sequence[Match], run: str, name: str, typed: Mapping[str, str], found: Found | None) -> Block:
    picked = next((one for one in matches if one.book.playbook == name), None)
    return forms.form(
        [one.book for one in matches],
        run=run,
        chosen=picked.book if picked else None,
        values={**prefill.fields(picked), **typed},
        notes=prefill.notes(picked, found) if found else (),
        found=found,
    )


def _wrong(beginning: asyncio.Future[Later]) -> Mapping[str, str]:
    """What the person can put right, by the block it concerns; none where it has begun, or nobody knows yet."""
    error = beginning.exception() if beginning.done() else None
    match error:
        case forms.Faulty():
            return error.fields
        case BadInput():
            return {"": forms.complaint(error)}
        case _:
            return {}


async def _became(beginning: asyncio.Future[Later]) -> tuple[str, str]:
    """How the planning ended, as a title and words."""
    try:
        return "Your run", await (await beginning)
    except FiredoorError as error:
        return "Not started", str(error)
    except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
        return "Not started?", defect_words(defect)


def _named(books: Sequence[Playbook], name: str) -> Playbook:
    found = {book.playbook: book for book in books}
    if name not in found:
        raise BadInput(f"there is no playbook {shown(name)}{nearest(name, found)}", advice="Open the form with: /firedoor contain")
    return found[name]
