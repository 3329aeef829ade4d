"""A tabletop on the real estate: real reads, real Slack, real approvals, and no write. What would have been, and how long people took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from firedoor import staffed, wiring
from firedoor.approval import Roster
from firedoor.errors import BadInput
from firedoor.exercise import scenario, tabletop
from firedoor.journal import Journal
from firedoor.model import Mode
from firedoor.orchestrating import orchestrate
from firedoor.playbook import Playbook
from firedoor.run import Order, Record, Resumption, Via, fold
from firedoor.running import Say, Tell, Watch, untold, watched
from firedoor.settings import ExerciseSettings, Settings, load
from firedoor.terminal import Who, give

Report = Mapping[str, Any]


async def hold(
    name: str, given: Mapping[str, Sequence[str]], *, by: Who | str, say: Say, tell: Tell = untold, watch: Watch | None = None
) -> Report:
    """The whole exercise, on what is ``given`` or else on what the setting ``exercise_inputs`` names.

    ``by``: whoever signs for it at their terminal, or for a schedule the name of somebody on the roster. ``tell`` is told the report, and
    ``watch`` looks on. Raises `BadInput` for an unknown scenario, and where nothing says what it is about, with nothing touched.
    """
    settings = ExerciseSettings.of(load())
    known = wiring.load_catalogue()
    script = scenario.named(name)
    book = wiring.load_playbook(script.playbook, known)
    order = wiring.take_order(book, _about(settings, book, given), mode=Mode.EXERCISE)
    vendors = wiring.vendors_of(book, order.inputs)
    if isinstance(by, str):
        order = replace(order, requester=_requester(settings.roster, by), via=Via.SCHEDULE)
    else:
        order = give(order, by(), settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await _house(stack, settings, vendors, order, say=say, watch=watch)
        say(f"EXERCISE: run {order.run}, planning {book.title.lower()}. Nothing will be changed.")
        job = orchestrate(order, partial(house.asked.contain, order, book), house.journal)
        return await _told(house, settings, order.run, await watched(watch, house, order.run, job), tell)


async def resume(
    settings: Settings, record: Record, by: Resumption, *, say: Say, tell: Tell = untold, watch: Watch | None = None
) -> Report:
    """Go on with an exercise that a dead process left, as an exercise. Raises as `Engine.resume`."""
    order = record.order
    async with AsyncExitStack() as stack:
        house = await _house(stack, ExerciseSettings.of(settings), wiring.vendors_in(record.items), order, say=say, watch=watch)
        say(f"EXERCISE: run {order.run} goes on; the world is read before anything else. Nothing will be changed.")
        job = orchestrate(order, lambda stage: house.engine.resume(order.run, stage, by), house.journal)
        return await _told(house, settings, order.run, await watched(watch, house, order.run, job), tell)


async def _told(house: wiring.House, settings: Settings, run: str, done: Report, tell: Tell) -> Report:
    """As `told`, once it is told."""
    report = await told(house.journal, settings.roster, run, done)
    tell(report)
    return report


async def _house(
    stack: AsyncExitStack, settings: ExerciseSettings, vendors: frozenset[str], order: Order, *, say: Say, watch: Watch | None
) -> wiring.House:
    for vendor in sorted(vendors & settings.one_credential):
        say(f"{vendor} has no second credential that can only read, so the first is used; its client refuses every write all the same.")
    return await staffed.with_people(stack, settings, vendors, order, say=say, show=watch.show if watch else None)


async def told(journal: Journal, roster: Roster, run: str, report: Report) -> Report:
    """The report of an exercise with how long people took, and the clocks of the incident that its playbook answers."""
    events = await journal.events(run)
    script = scenario.answered_by(str(report["playbook"]))
    return tabletop.compose(report, fold(run, events), events, roster=roster, scenario=script)


def _requester(roster: Roster, name: str) -> str:
    """Whom a schedule's exercise is asked for by. Raises `BadInput` where that is nobody who may ask."""
    person = roster.by_name(name)
    if person is None or not person.may_request:
        advice = "Name somebody under [[people]] who may request: the flow's requester, or FIREDOOR_REQUESTER"
        raise BadInput(f"{name!r} is nobody on the roster who may ask for an exercise", advice=advice)
    return person.name


def _about(settings: Settings, book: Playbook, given: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """What the exercise is about. It is never guessed."""
    about = given or settings.exercise_inputs
    if not about:
        wanted = "; ".join(f"{name}: {one.help}" for name, one in book.inputs.items() if one.required)
        others = ", ".join(name for name, one in book.inputs.items() if not one.required)
        example = next((f"-i {name}={one.example}" for name, one in book.inputs.items() if one.required), "-i KEY=VALUE")
        raise BadInput(
            f"nothing says what the exercise is about. {book.playbook} wants {wanted or 'at least one input'} (and may be given: {others})",
            advice=f"Name accounts that are there for exercises, for example {example}, or set exercise_inputs in firedoor.toml",
        )
    return about
