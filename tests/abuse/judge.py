"""What has force in the world: told from the journal and the vendor, never from the app's answers. And what has gone wrong in it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import sqlalchemy as sa

from firedoor.approval import Answer, Decision, eligible, proven
from firedoor.desk import Desk
from firedoor.errors import JournalError
from firedoor.journal import Kind
from firedoor.run import Record, fold
from firedoor.tables import events
from tests.abuse.attempt import Attempt
from tests.abuse.ground import Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The world at one moment. ``force`` is what counts; ``loose`` what stands in the journal, whether it counts or not.

    ``views`` are those that somebody could submit.
    """

    force: Counter[str]
    loose: Counter[str]
    views: frozenset[str]


class Judge:
    """Looks at one world. A run that has not grown is as it was, unless somebody has altered it."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._stage = ground, ground.stage
        self._known: dict[str, tuple[int, Counter[str], Counter[str]]] = {}

    async def look(self, *, altered: Collection[str] = ()) -> Sight:
        """The world as it stands; of the runs that may be ``altered``, nothing is taken as known."""
        async with self._stage.lab.store.reading() as connection:
            grown = (await connection.execute(sa.select(events.c.run, sa.func.max(events.c.seq)).group_by(events.c.run))).all()
        for run, height in grown:
            if run in altered or run not in self._known or self._known[run][0] != height:
                self._known[run] = (height, *await self._read(run))
        effects = Counter({f"effect: {what}": times for what, times in self._stage.lab.vendor.effects.items()})
        force = sum((one for _, one, _ in self._known.values()), effects)
        loose = sum((one for _, _, one in self._known.values()), Counter[str]())
        opened = (view for view in self._stage.slack.world.open_views() if "submit" in view.definition)
        return Sight(force=force, loose=loose, views=frozenset(view.id for view in opened) - self._ground.laid)

    async def _read(self, run: str) -> tuple[Counter[str], Counter[str]]:
        """What has force in a run, and what stands there."""
        found = await self._stage.lab.events(run)
        loose = Counter(f"{run}: {event.kind}" for event in found if event.kind in (Kind.DECIDED, Kind.STOP))
        loose.update(f"{run} begun" for event in found if event.kind == Kind.OPENED)
        with suppress(JournalError):  # whoever broke it has stopped it, and approved nothing
            return Counter(_forces(self._stage.desk, run, fold(run, found))), loose
        return Counter(), loose


def _forces(desk: Desk, run: str, record: Record) -> Iterator[str]:
    for decision in record.decisions:
        if _counts(desk, record, decision):
            yield f"{run}: {decision.answer} by {decision.by}"
    if stopped_by := desk.stopped_by(record):
        yield f"{run}: stopped by {stopped_by}"
    if desk.grant(record) is not None:
        yield f"{run}: granted"


def _counts(desk: Desk, record: Record, decision: Decision) -> bool:
    request, person = record.request, desk.roster.by_name(decision.by)
    if request is None or request.run != record.order.run or person not in eligible(request, desk.roster) or person is None:
        return False
    if decision.request != request.digest or decision.answer is Answer.STOP or not request.requested <= decision.at < request.expires:
        return False
    return proven(decision, person, record.order.run, request, desk._seal)


def accepted(before: Sight, after: Sight, attempt: Attempt, run: str) -> tuple[str, ...]:
    """What has come to be between the two, and must not have. ``run`` is the one that waited."""
    found = after.force - before.force
    if not attempt.writes:
        found += after.loose - before.loose
    if not attempt.opens and after.views - before.views:
        found["a view that can be submitted was opened"] += 1
    return tuple((found - Counter(one.replace("{open}", run) for one in attempt.allowed)).elements())


class Alarms(logging.Handler):
    """Whatever any library logs as an error. Nothing that is refused is one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep its first line, with the kind of its exception."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        self._heard.append(f"{record.name}: {record.getMessage().partition(chr(10))[0][:160]} {kind}".strip())

    def taken(self) -> tuple[str, ...]:
        """What was heard since it was last asked."""
        heard, self._heard = tuple(self._heard), []
        return heard


@contextmanager
def listening() -> Iterator[Alarms]:
    """The alarms of all loggers, while the block lasts."""
    alarms, root = Alarms(), logging.getLogger()
    root.addHandler(alarms)
    try:
        yield alarms
    finally:
        root.removeHandler(alarms)
