"""Whether a run is gone on with, and on whose word: by a process that finds it left, or by a person who signs for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from firedoor import elsewhere, ordering, renewing
from firedoor.approval import Ruling
from firedoor.damaged import may_have_written
from firedoor.desk import Desk
from firedoor.errors import BadInput, JournalBroken
from firedoor.journal import Journal
from firedoor.run import Record, Resumption, Via

RESUMABLE: Final = ("partial", "failed", "stopped")


async def check(desk: Desk, record: Record, by: Resumption) -> None:
    """Raise `BadInput` where a run may not be gone on with, or not by them. What a person has stopped goes on by a person's order."""
    run = record.order.run
    if ordering.outlived(record, desk.roster):
        ordering.check_outlived(record, by, refused=desk.refused(record))
        _check_as_first_asked(desk, record)
    elif not ordering.renewed(record, desk.roster):
        await desk.check_order(record.order, fresh=False)
    if record.closing is not None and record.closing.holds(run, desk.roster):
        what = f"{record.closing.by} has closed run {run}, and nobody watches it any more"
        raise BadInput(what, advice="Start it again; it plans only what is left")
    ordering.check_resumption(record, by, desk.roster)
    if by.via is Via.TERMINAL:
        elsewhere.check_in_time(by.expires, now=datetime.now(UTC))
    stopped_by = desk.stopped_by(record)
    if stopped_by and by.at is not None and by.at <= ordering.last_stopped(record):
        what = f"{stopped_by} has stopped run {run} since that was signed"
        raise BadInput(what, advice=f"See `firedoor show {run}`; if it is to go on, sign again")
    if by.via is Via.FIREDOOR:
        await _check_left_to_processes(desk, record, stopped_by)


async def _check_left_to_processes(desk: Desk, record: Record, stopped_by: str) -> None:
    """Raise `BadInput` where only a person may go on with it."""
    run, words = record.order.run, ordering.resuming(record.order)
    if stopped_by:
        raise BadInput(f"{stopped_by} has stopped run {run}", advice=f"To go on with it: {words}")
    if (await _first(desk, record)).order.via is Via.BEFORE:
        raise BadInput(f"the order of run {run} does not say where it comes from", advice=f"Look at it, then go on with it: {words}")
    if record.left_to_people:
        what = f"run {run} was open in a journal that was put back, and is left to people"
        raise BadInput(what, advice=f"See what was done since, then: {words}")


async def _first(desk: Desk, record: Record) -> Record:
    """The run that a person ordered, of which this one follows."""
    seen = {record.order.run}
    while record.order.via is Via.FIREDOOR and record.order.follows not in seen:
        seen.add(record.order.follows)
        record = await desk.record(record.order.follows)
    return record


def _check_as_first_asked(desk: Desk, record: Record) -> None:
    """As `Desk.check_as_asked`; where it was planned anew and not asked for since, by what was asked before. Raises `BadInput`."""
    run = record.order.run
    if record.request is not None:
        desk.check_as_asked(record)
    elif record.earlier is None:
        raise BadInput(
            f"nothing on record shows that Firedoor ever asked for run {run}", advice="Start it again; it plans only what is left"
        )
    else:
        desk.check_as_asked(replace(record, request=record.earlier[0], items=record.earlier_items))
        if [renewing.kept(item) for item in record.items] != [renewing.kept(item) for item in record.earlier_items]:
            raise BadInput(f"what is planned of run {run} is not what was asked for at first", advice=ordering.AUDIT)


def check_is_left(record: Record) -> None:
    """Raise `BadInput` where there is nothing to go on with."""
    run = record.order.run
    if record.report is not None and record.report["outcome"] not in RESUMABLE:
        raise BadInput(f"run {run} is over: {record.report['outcome']}", advice=f"See `firedoor show {run}`")
    if record.undone_by:
        raise BadInput(
            f"run {run} was undone by run {record.undone_by}, so what it did no longer stands",
            advice="To contain again, start the playbook again: it plans what is left",
        )
    if not record.items:
        raise BadInput(f"run {run} ended before its plan was made", advice="Start it again")
    if record.request is None and record.renewal is None and any(item.asks for item in record.items):
        raise BadInput(f"run {run} ended before its approval was asked for", advice="Start it again; nothing was changed")
    if record.report is not None and record.request is not None and record.ruling is not Ruling.GRANTED:
        changed = "it plans what is left" if record.intents else "nothing was changed"
        raise BadInput(f"run {run} is over: it was never approved", advice=f"Start it again; {changed}")


async def check_contained_since(journal: Journal, desk: Desk, undoing: Record) -> None:
    """Raise `BadInput` where a run has written to something of an undo's since: the undo's approval is not meant for that."""
    order = undoing.order
    ours = {(item.action, item.label) for item in undoing.items}
    for name in await journal.runs():
        if name in (order.run, order.undoes):
            continue
        try:
            other = await desk.record(name)
        except JournalBroken as broken:  # whoever damaged it must not keep every undo from going on, nor hide what it wrote
            if await may_have_written(journal, name, {label for _, label in ours}, since=order.run):
                raise BadInput(
                    f"run {name} may have contained the same since, and its record is damaged ({broken.what})",
                    advice=f"Run `firedoor audit verify`. To undo all the same, ask anew: firedoor undo {order.undoes}",
                ) from broken
            continue
        theirs = {(item.action, item.label) for item in other.items if any(one.item == item.id for one in other.intents)}
        if other.order.asked > order.asked and ours & theirs:
            raise BadInput(f"run {name} has contained the same since", advice=f"To undo that too: `firedoor undo {name}`")
