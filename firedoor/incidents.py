"""What people ask for of incidents that were contained: a look whether it still stands, and the word that nobody need look any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firedoor import watching, wiring
from firedoor.approval import Roster
from firedoor.elsewhere import Drawn
from firedoor.errors import BadInput, DecisionRefused, Overtaken, UnknownRun, nearest, shown
from firedoor.journal import Journal, Kind
from firedoor.look import Closing, State
from firedoor.run import Record, fold, looking, readable
from firedoor.settings import Settings, load
from firedoor.terminal import Signer
from firedoor.watching import Known, Past

FRESH: Final = timedelta(hours=2)  # a look that somebody closes an incident by; the schedule makes one an hour

Report = Mapping[str, Any]
Confirm = Callable[[str], bool]


async def watch(runs: Sequence[str] = (), *, since: timedelta | None = None) -> Report:
    """Look at the runs that are named, or at every one that contained something and was neither undone nor closed.

    Read-only credentials, and clients that can write nothing. ``since``: only runs that were asked for in the time before now. Raises
    `BadInput` where a run that is named is not watched.
    """
    settings, specs = load(), {name: unit.spec for name, unit in wiring.load_catalogue().actions.items()}
    async with wiring.open_journal(settings) as (_, journal):
        with looking():
            past = await watching.past_of(journal)
    now = datetime.now(UTC)
    spared = {one.record.order.run: watching.left_alone(one.record, specs, settings.roster) for one in past.runs}
    watched = [one for one in past.runs if not spared[one.record.order.run]]
    if runs:
        _check_watched(runs, spared, past)
        watched, past = [one for one in watched if one.record.order.run in runs], replace(past, damaged={})
    elif since is not None:
        watched = [one for one in watched if one.record.order.asked >= now - since]
    told = await _look(settings, watched, past, now) if watched else watching.report([], {}, past=past, now=now)
    return {**told, "not_over": []} if runs else told


def exit_code(look: Report) -> int:
    """0 only where all that was contained is seen to stand."""
    return int(bool(look["open"] or look["unread"] or look["not_over"]))


def _check_watched(runs: Sequence[str], spared: Mapping[str, str], past: Past) -> None:
    for run in runs:
        if run in past.damaged:
            raise BadInput(f"run {run} cannot be read: {past.damaged[run]}", advice="Run `firedoor audit verify`; keep the database")
        if run not in spared:
            raise UnknownRun(f"there is no run {shown(run)}{nearest(run, spared)}", advice="See `firedoor runs`")
        if spared[run]:
            raise BadInput(f"run {run} is not watched: {spared[run]}", advice=f"See `firedoor show {run}`")


async def _look(settings: Settings, watched: Sequence[Known], past: Past, now: datetime) -> Report:
    contained = [item for one in watched for item in one.record.items if not item.telling and item.target]
    async with wiring.open_house(settings, vendors=wiring.vendors_in(contained), writes=False) as house:
        looks = await watching.look(watched, past, house.looking, now=now)
        await watching.keep(house.journal, watched, looks)
    return watching.report(watched, looks, past=past, now=now)


async def shown_of(journal: Journal, run: str, roster: Roster) -> Report:
    """What `firedoor show` tells of the watch: its last look, or who closed the incident; nothing of a run that it never looked at."""
    record = fold(run, await journal.events(run))
    told: dict[str, Any] = {}
    if record.look is not None:
        last = await watching.looked(journal, run) or record.moments[Kind.WATCHED]
        told["watch"] = {**watching.row(record, record.look, now=datetime.now(UTC)), "looked": last.isoformat(timespec="seconds")}
    if record.closing is not None and watching.is_closed(record, roster):
        told["closed"] = {"by": record.closing.by, "reason": record.closing.reason, "left": list(record.closing.left)}
    return told


async def close(run: str, signer: Signer, *, reason: str, with_open: bool, confirm: Confirm) -> Report:
    """Let somebody on the roster sign that a run need be watched no more; who they are is what their key says.

    Raises `BadInput` and `DecisionRefused`, with nothing recorded: where it is not watched, the last look at it is old, or shows something
    open (unless ``with_open``).
    """
    settings = load()
    if not reason.strip():
        raise BadInput("an incident is closed for a reason, and none is given", advice="Add --reason TEXT")
    specs = {name: unit.spec for name, unit in wiring.load_catalogue().actions.items()}
    async with wiring.open_journal(settings) as (_, journal):
        with readable(run):
            events = await journal.events(run)
            record = fold(run, events)
        if why := watching.left_alone(record, specs, settings.roster):
            raise BadInput(f"run {run} is not watched: {why}", advice=f"See `firedoor show {run}`")
        closing = _drawn_up(
            record, _closer(record, settings.roster, signer), reason, signer.drawn(Drawn(at=datetime.now(UTC))).at, with_open=with_open
        )
        signer.check_same(closing.document)
        await _check_fresh(journal, run)
        if not confirm(closing.document):
            raise BadInput("nothing was signed: you said no", advice=f"See `firedoor show {run}`")
        signed = replace(closing, proof=(await asyncio.to_thread(signer.sign, closing.document)).proof)
        if not signed.holds(run, settings.roster):
            raise DecisionRefused("the signature is not one by a key of yours, that is on the roster", advice="Sign with a key that is")
        try:
            await journal.append(run, Kind.CONCLUDED, signed, seen=events[-1].n)
        except Overtaken:
            raise DecisionRefused("the run has gone on meanwhile", advice=f"See `firedoor show {run}`, then sign again") from None
    return {"run": run, "closed": True, "by": closing.by, "left": list(closing.left)}


def _closer(record: Record, roster: Roster, signer: Signer) -> str:
    person = signer.person(roster)
    if record.request is not None and person.name in record.request.barred:
        raise DecisionRefused("you are in this plan yourself, so you may not close it", advice="Ask somebody else on the roster")
    return person.name


def _drawn_up(record: Record, by: str, reason: str, at: datetime, *, with_open: bool) -> Closing:
    order, look = record.order, record.look
    if look is None:
        raise BadInput(f"nobody has looked yet whether what run {order.run} contained stands", advice=f"Look: firedoor watch {order.run}")
    left = tuple(f"{one.item}: {one.state}: {one.says}" for one in look.of(State.OPEN, State.UNREAD))
    if left and not with_open:
        what = f"{len(left)} of what run {order.run} contained is open, or was not seen to stand: {'; '.join(left)}"
        raise BadInput(what, advice=f"Contain it again: {watching.command(record)}. To close it so all the same, add --with-open")
    return Closing(
        run=order.run,
        incident=order.incident,
        playbook=order.playbook,
        by=by,
        at=at,
        reason=reason,
        look=record.look_head,
        left=left,
    )


async def _check_fresh(journal: Journal, run: str) -> None:
    last = await watching.looked(journal, run)
    if last is None or last < datetime.now(UTC) - FRESH:
        when = f"at {last:%Y-%m-%d %H:%M} UTC" if last is not None else "never"
        raise BadInput(f"the last look at run {run} was made {when}, and you would go by it", advice=f"Look anew: firedoor watch {run}")
