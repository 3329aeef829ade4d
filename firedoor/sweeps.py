"""What the command line asks for of credentials: the inventory, a sweep planned, carried out or resumed, a mandate signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from firedoor import imported, signing, staffed, stocktaking, sweepbook, sweepplan, wiring
from firedoor.alone import held_as
from firedoor.approval import Ruling
from firedoor.canonical import digest, instant
from firedoor.catalogue import Catalogue
from firedoor.comparing import Filters
from firedoor.desk import Desk
from firedoor.elsewhere import Drawn
from firedoor.errors import BadInput, Misconfigured, RunHeld
from firedoor.fingerprints import Fingerprints
from firedoor.journal import Event, Journal
from firedoor.lease import Leases
from firedoor.mandate import Mandate, draw_up, stream_of
from firedoor.model import Mode
from firedoor.report import RunOutcome
from firedoor.run import Order, Record, Via, fold, looking, read_as, readable
from firedoor.scope import Scope, left_out
from firedoor.settings import Settings, SweepSettings, load
from firedoor.source import Sighting
from firedoor.stocktaking import Gap, Stocktaking
from firedoor.sweep import Progress
from firedoor.sweepbook import Sweep
from firedoor.sweeping import Sweeping
from firedoor.terminal import Signer, Who, give, go_on, put_signed
from firedoor.treatment import Treatment
from firedoor.vendors.aws import sessions

RESUMABLE: Final = frozenset({RunOutcome.PARTIAL, RunOutcome.STOPPED})

Report = Mapping[str, Any]
Say = Callable[[str], None]
At = Callable[[str, Desk, Journal], AbstractAsyncContextManager[None]]
Confirm = Callable[[str], bool]


def unattended(run: str, desk: Desk, journal: Journal) -> AbstractAsyncContextManager[None]:
    """Nobody is there to look on, or to break the run off."""
    del run, desk, journal
    return nullcontext()


async def inventory(scope: Scope) -> Report:
    """Every credential in the scope, over all sources whose vendor is set up, on read-only clients, and the sessions in CloudTrail's files.
    What was not listed comes first.
    """
    settings, known = load(), wiring.load_catalogue()
    vendors = frozenset(unit.spec.vendor for unit in known.sources.values() if any(map(scope.concerns, unit.spec.types)))
    logged = scope.concerns(sessions.TYPE)
    if not vendors and not logged:
        raise BadInput("nothing lists credentials of that type", advice=f"There are: {', '.join(types())}")
    not_set_up = sorted(vendors - set_up(settings)) if scope.types else []  # without a type, what a company has not is not missed
    if not vendors and not settings.aws_trail:
        raise BadInput(sessions.NOT_SET_UP, advice="Set it, then list them again")
    if vendors and vendors <= set(not_set_up):
        raise BadInput(f"{', '.join(not_set_up)} is not set up here", advice="Set it up, then list it again")
    async with wiring.open_house(settings, vendors=vendors & set_up(settings), writes=False) as house:
        taking = Stocktaking(sources=_sweeping(house).act.sources, scope=scope)
        owners, found = sessions.Owners(), []
        async for one in taking.credentials():
            owners.take(one)
            found.append(stocktaking.told(one))
        absent = {**dict.fromkeys(not_set_up, "it is not set up here"), **{vendor: why.what for vendor, why in house.missing.items()}}
    seen = await asyncio.to_thread(sessions.look, settings.aws_trail if logged else (), owners, taking.now)
    found += [{**stocktaking.told(one), **one.facts} for one in seen.sessions if taking.wants(one)]
    gaps = [Gap(by=vendor, types=_types_of(vendor, known), place="", why=why) for vendor, why in absent.items()] + taking.gaps
    gaps += [Gap(by="CloudTrail's files", types=(sessions.TYPE,), place="", why=seen.why)] if seen.why else []
    if not found and not gaps and not taking.unknown:
        raise BadInput("no credential matches", advice="Leave out a filter; a pattern may have * and ?")
    if seen.coverage["looked_at"]:
        taking.listed[sessions.TYPE] = list(filter(scope.enters, seen.listed))
    return {
        "unlisted": [
            *(f"{vendor}: {why}" for vendor, why in absent.items()),
            *taking.unlisted,
            *([f"sessions, by CloudTrail's files: {seen.why}"] if seen.why else []),
        ],
        **left_out(taking.unknown),
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "filters": Filters.of(scope).model_dump(),
        "listed": {kind: sorted(places) for kind, places in sorted(taking.listed.items()) if scope.concerns(kind)},
        "not_listed": [
            {"type": kind, "place": one.place or None, "why": one.why} for one in gaps for kind in one.types if scope.concerns(kind)
        ],
        "sessions": seen.coverage if logged else None,
        "credentials": sorted(found, key=lambda one: str(one["name"])),
    }


def _types_of(vendor: str, known: Catalogue) -> tuple[str, ...]:
    """What a vendor's sources list."""
    return tuple(sorted(kind for unit in known.sources.values() if unit.spec.vendor == vendor for kind in unit.spec.types))


def types() -> Sequence[str]:
    """Every type of credential that an inventory lists, sorted."""
    return sorted([sessions.TYPE, *(kind for unit in wiring.load_catalogue().sources.values() for kind in unit.spec.types)])


def set_up(settings: Settings) -> frozenset[str]:
    """The vendors whose credentials can be listed with these settings. AWS always: its credentials may come from anywhere."""
    return frozenset({"aws", *(["okta"] if settings.okta_org_url is not None else [])})


async def preview(name: str, *, before: datetime | None) -> Report:
    """What a sweep would find and do now, on read-only clients: how many credentials of each type, and what is planned for them."""
    settings, book = load(), find(name, before=before)
    sweepbook.vouch(book, settings.roster)
    async with wiring.open_house(sweeping_settings(settings, book), vendors=_vendors(book), writes=False) as house:
        return await _sweeping(house).preview(book)


def find(name: str, *, before: datetime | None) -> Sweep:
    """A sweep playbook, its scope cut off at a moment where one is given."""
    book = sweepbook.find(name, wiring.load_catalogue())
    if before is None:
        return book
    return book.model_copy(update={"scope": book.scope.model_copy(update={"created_before": before})})


def _vendors(book: Sweep) -> frozenset[str]:
    return frozenset(kind.partition(".")[0] for kind in book.treat)


async def sweep(
    name: str,
    *,
    who: Who,
    say: Say,
    before: datetime | None = None,
    watch: Callable[[Progress], None],
    lists: Sequence[Path] = (),
    at: At = unattended,
) -> Report:
    """The whole sweep, ordered by ``who`` signs for it, with approval in Slack or by signature.

    What is in ``lists`` (see `firedoor import`) is accounted for too.
    """
    book = find(name, before=before)
    settings = sweeping_settings(load(), book)
    sweepbook.vouch(book, settings.roster)
    await wiring.check_ready(settings, _vendors(book))
    due = await asyncio.to_thread(_due, settings, lists)
    order = give(order_of(book, due=due), who(), settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, _vendors(book), order, say=say)
        say(f"Run {order.run}: {book.title.lower()}; {sweepplan.words(book)}.")
        for one in (each for each in book.exceptions if not each.in_force(order.asked)):
            say(f"The exception {one.credential} has expired, so it does not count, and the credential will be left over: {one.says}.")
        async with at(order.run, house.desk, house.journal):
            return await replace(_sweeping(house), told=watch).sweep(order, book, due=due)


def _due(settings: Settings, lists: Sequence[Path]) -> Sequence[Sighting]:
    """What the lists name. Raises `BadInput` where one cannot be read whole."""
    if not lists:
        return ()
    fingerprints = Fingerprints.kept_in(settings.state_dir)
    return [one for path in lists for one in imported.due(path, fingerprints)]


async def nightly(name: str, *, sweeping: Callable[[Sweeping], Sweeping]) -> Report:
    """A sweep by schedule, on its mandate: nobody is asked. ``sweeping`` may change how batches are carried out."""
    book = find(name, before=None)
    settings = sweeping_settings(load(), book)
    order = order_of(book, requester=f"the schedule of {book.sweep}", via=Via.SCHEDULE)
    async with wiring.open_house(settings, vendors=_vendors(book), writes=True) as house:
        mandate = await newest_mandate(house.journal, book.sweep)
        if mandate is None:
            raise BadInput(f"the sweep {name} has no mandate", advice=f"Approvers sign one: firedoor sweep sign {name} --key FILE")
        return await sweeping(_sweeping(house)).sweep(order, book, mandate)


async def resume(run: str, *, who: Who, say: Say, watch: Callable[[Progress], None], at: At = unattended) -> Report:
    """Go on with a sweep that a dead process left, or that has something left over, ordered by ``who`` signs for it."""
    record, book = await resumable(load(), run)
    settings = sweeping_settings(load(), book)
    await wiring.check_ready(settings, _vendors(book))
    by = go_on(record, who(), settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, _vendors(book), record.order, say=say)
        say(f"Run {run}: listing the world before anything else.")
        async with at(run, house.desk, house.journal):
            return await replace(_sweeping(house), told=watch).resume(run, by)


async def help_out(run: str, *, sweeping: Callable[[Sweeping], Sweeping]) -> int:
    """Work off batches of somebody else's sweep until it is over; how many were settled here."""
    book = await recorded(load(), run)
    settings = sweeping_settings(load(), book)
    async with wiring.open_house(settings, vendors=_vendors(book), writes=True) as house:
        return await sweeping(_sweeping(house)).help(run)


async def recorded(settings: Settings, run: str) -> Sweep:
    """The playbook of a sweep on record. Raises `UnknownRun`, `BadInput` where it is no sweep."""
    async with wiring.open_journal(settings) as (_, journal):
        return (await _read(journal, run))[1]


async def resumable(settings: Settings, run: str) -> tuple[Record, Sweep]:
    """One that there is something left to do of, with nobody alive at it. Raises `BadInput`, `RunHeld` with nothing touched."""
    async with wiring.open_journal(settings) as (store, journal):
        record, book = await _read(journal, run)
        if (done := record.report) is not None and (done["outcome"] not in RESUMABLE or record.ruling is Ruling.STOPPED):
            raise BadInput(f"run {run} is over: {done['outcome']}", advice=f"See `firedoor sweep report {run}`")
        with looking():
            holder = await Leases(store, wiring.holder()).living(held_as(run))
    if holder:
        host, pid, *_ = holder.split(":")
        why = f"run {run} is being worked on by a process that is alive, {pid} on {host}"
        raise RunHeld(why, advice=f"Follow it with `firedoor show {run}`, or stop it: firedoor stop {run} --key FILE")
    return record, book


async def _read(journal: Journal, run: str) -> tuple[Record, Sweep]:
    with readable(run):
        events = await journal.events(run)
        record, progress = fold(run, events), Progress()
        progress.take(events)
    if not record.order.sweep:
        raise BadInput(f"run {run} is no sweep", advice=f"Use `firedoor resume {run}`")
    if not progress.playbook or (record.request is None and progress.mandate is None):
        raise BadInput(f"run {run} died before anybody was asked", advice="Start the sweep again; nothing was changed")
    return record, Sweep.model_validate(progress.playbook)


def sweeping_settings(settings: Settings, book: Sweep) -> SweepSettings:
    """The settings for a sweep. A user's tags are a request more each: they are read only where the scope or a treatment goes by them."""
    known = wiring.load_catalogue()
    treatments = (cast("type[Treatment[Any, Any]]", known.action(name)) for name in book.treat.values())
    tagged = bool(book.scope.owners or book.scope.given_to) or any(one.by_tags for one in treatments)
    return SweepSettings.of(settings, aws_tags=tagged)


def order_of(book: Sweep, *, requester: str = "", via: Via = Via.TERMINAL, due: Sequence[Sighting] = ()) -> Order:
    """An order to sweep what the playbook says, and to account for what is ``due``. At a terminal whoever signs it is its requester."""
    run, before = wiring.name_run(), book.scope.read().created_before
    inputs = {
        "playbook": (book.digest,),
        **({"before": (instant(before),)} if before is not None else {}),
        **({"accounts for": (f"{len(due)} named, {digest(due)}",)} if due else {}),
    }
    return Order(
        run=run,
        incident=f"inc-{run}",
        playbook=book.sweep,
        mode=Mode.LIVE,
        requester=requester,
        asked=datetime.now(UTC),
        inputs=inputs,
        title=book.title,
        sweep=True,
        via=via,
    )


def _sweeping(house: wiring.House) -> Sweeping:
    if house.sweeping is None:
        raise Misconfigured("this process only previews, so it can sweep nothing", advice="This is a defect in Firedoor")
    return house.sweeping


async def newest_mandate(journal: Journal, name: str) -> Mandate | None:
    """The mandate that was signed last, if any. Whether it is in force is asked where something is to rest on it."""
    events: Sequence[Event] = await journal.events(stream_of(name))
    return read_as(Mandate, events[-1].body, events[-1]) if events else None


async def sign(name: str, signer: Signer, *, days: int, confirm: Confirm) -> Report:
    """Sign the mandate of a sweep that waits for another signature, or draw up a new one. Raises `BadInput` with nothing recorded."""
    settings, known = load(), wiring.load_catalogue()
    book = find(name, before=None)
    sweepbook.vouch(book, settings.roster)
    person = signer.person(settings.roster)
    if not person.may_approve:
        raise BadInput("a mandate is signed by approvers, and you are none", advice="Ask one of them")
    async with wiring.open_journal(settings) as (_, journal):
        now = datetime.now(UTC)
        newest = await newest_mandate(journal, book.sweep)
        same = newest is not None and (newest.playbook, newest.roster) == (book.digest, settings.roster.hash)
        waits = same and newest is not None and now < newest.expires and newest.lacks(book, settings.roster, now)
        if newest is not None and waits:
            mandate = newest
        else:
            drawn = signer.drawn(Drawn(at=now), moment="made")
            mandate = _mandate(book, settings, known, drawn=drawn, days=days)
        signer.check_same(mandate.document)
        if not confirm(mandate.document):
            raise BadInput("nothing was signed: you said no")
        signature = await signer.signed(mandate.document)
        if not signing.holds(mandate.document, signature.proof, person.keys, hardware=False):
            raise BadInput("the signature is not one by a key of yours, that is on the roster", advice="Sign with a key that is")
        mandate = mandate.signed_by(person.name, signature.proof)
        await put_signed(journal, stream_of(book.sweep), mandate, person.name)
        why = mandate.lacks(book, settings.roster, now)
        return {"document": mandate.document, "signed": sorted(mandate.signed), "in_force": not why, "lacks": why}


def _mandate(book: Sweep, settings: Settings, known: Any, *, drawn: Drawn, days: int) -> Mandate:
    from firedoor import planning  # noqa: PLC0415 - only signing needs it

    planned = sweepplan.plan(book, known.actions)
    lines, required = planning.lines(planned.items), int(planned.tier)
    return draw_up(book, lines=lines, required=required, roster=settings.roster.hash, now=drawn.at, days=days, nonce=drawn.nonce)
